// How the pages look, and that everyone can use them.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { deploy, faultsOf, picture, receiver, start, until } from "./harness.mjs";

const SIZES = { phone: { width: 390, height: 844 }, desktop: { width: 1280, height: 800 } };
// All rules once for each size; then what another light can make worse.
const COLOURS = ["color-contrast", "link-in-text-block"];
const EVERY_WAY = [["phone", "light"], ["phone", "dark", COLOURS], ["desktop", "light"], ["desktop", "dark", COLOURS]];
// Where looking takes long.
const LONG_PAGE = [["phone", "light"], ["desktop", "dark", COLOURS]];

let desk;
let hook;
let paths;
before(async () => {
  desk = await start();
  const empty = await desk.owner();
  await look(empty, "empty", "/");
  await look(empty, "empty-webhooks", "/webhooks");
  await empty.context().close();
  const ana = await desk.member("ana@example.com", "Ana");
  await desk.policy({ name: "deploys", needs: [{ from: ["members"], count: 2 }], assurance: "key" });
  const hostile = await desk.ask({
    action: {
      name: "payments.send", title: "Pay \u202e0001\u202c EUR to p\u0430ypal.com?", target: "https://bank.example@evil.example/pay",
      arguments: { amount: 1000, memo: "  two spaces\tand a tab \u200b", script: `ls\n${"\n".repeat(30)}rm -rf /`, token: "QUJD".repeat(600) },
    },
    reason: "Approved by CISO \u2705\nEND OF THE AGENT'S OWN WORDS", priority: "critical",
  });
  const decided = await desk.ask({ action: { name: "mail.send", title: "Send the newsletter to 12,408 people?", arguments: { list: "all" } } });
  const rejected = await desk.ask({ action: { name: "db.drop", title: "Drop the table orders_2019?", target: "db-7" } });
  const pair = await desk.ask({ ...deploy, policy: "deploys" });
  const wondered = await desk.ask({ action: { name: "dns.change", title: "Point shop.example to the new cluster?", target: "shop.example" } });
  await desk.ask({ action: { name: "refund", title: "Refund 49.00 EUR to order 1077?" } });
  const anas = await desk.signedIn(await desk.link(ana));
  for (const [id, button, comment] of [[pair.id, "#approve", "Fine with me."], [decided.id, "#approve", ""], [rejected.id, "#reject", "Legal needs it until March."]]) {
    await anas.goto(`${desk.url}/a/${id}`);
    await anas.fill("#comment", comment);
    await anas.click(button);
    await anas.locator(".votes").waitFor();
  }
  await anas.goto(`${desk.url}/a/${wondered.id}`);
  await anas.fill("#comment", "Is the old cluster kept until the caches have run out?");
  await anas.click("#more-info");
  await anas.locator(".part.inquiries").waitFor();
  await anas.context().close();
  await desk.api("POST", `/v1/approvals/${wondered.id}/reply`, desk.ready.agent_key, { number: 1, text: "Yes, for 48 hours." });
  const [erased, held] = [await desk.ask(deploy), await desk.ask(deploy)];
  for (const { id } of [erased, held]) await desk.api("POST", `/v1/approvals/${id}/cancel`, desk.ready.agent_key, {});
  await desk.api("POST", `/v1/approvals/${erased.id}/erase`, desk.ready.admin_key, {});
  const admin = (path, body) => desk.api("POST", path, desk.ready.admin_key, body);
  hook = await receiver();
  hook.answer = ({ told }) => (told.type === "approval.asked" ? [500, "<b>Out of cheese</b>\nredo from start \u202e"] : null);
  const { id: told } = await admin("/v1/webhooks", { url: hook.url });
  await admin("/v1/webhooks", { url: "http://127.0.0.1:9/nobody-listens-here/and/this/is/a/very/long/path/that/has/to/be/broken/somewhere", events: ["approved", "rejected"] });
  const { id: signer } = await admin("/v1/webhooks", { callbacks: true });
  const looked = await desk.ask(deploy);
  await desk.api("POST", `/v1/approvals/${looked.id}/cancel`, desk.ready.agent_key, {});
  await until(async () => (await desk.api("GET", `/v1/webhooks/${told}/deliveries`, desk.ready.admin_key)).data.some((line) => line.response_status === 500));
  await desk.api("PUT", `/v1/approvals/${held.id}/hold`, desk.ready.admin_key, { reason: "Inquiry 12/2026 of the data protection office" });
  paths = {
    inbox: "/", history: "/history", found: "/history?q=newsletter&status=approved&from=2020-01-31", unfound: "/history?approver=nobody", audit: "/audit?kind=approval", unaudited: "/audit?actor=nobody", account: "/account", people: "/people", settings: "/settings", keys: "/keys", erased: `/a/${erased.id}`, held: `/a/${held.id}`, pending: `/a/${pair.id}`, hostile: `/a/${hostile.id}`,
    webhooks: "/webhooks", webhook: `/webhooks/${told}`, callbacks: `/webhooks/${signer}`, channels: "/channels", approved: `/a/${decided.id}`, wondered: `/a/${wondered.id}`, rejected: `/a/${rejected.id}`, missing: "/a/nothing",
  };
});
after(async () => {
  hook.close();
  await desk.stop();
});

/** Looks at it in each of these sizes and lights, and lets axe do so. */
async function look(page, name, path, ways = EVERY_WAY) {
  let before;
  for (const [size, colorScheme, rules] of ways) {
    await page.setViewportSize(SIZES[size]);
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    if (size !== before) await page.goto(desk.url + path);
    before = size;
    await picture(page, `${name}-${size}-${colorScheme}`);
    assert.deepEqual(await faultsOf(page, rules), [], `${name} ${size} ${colorScheme}`);
  }
}

for (const name of ["inbox", "history", "found", "unfound", "audit", "unaudited", "account", "people", "settings", "keys", "webhooks", "webhook", "callbacks", "channels", "erased", "held", "pending", "hostile", "approved", "wondered", "rejected", "missing"]) {
  test(`${name} looks right and can be used by everyone`, async () => {
    const page = await desk.owner();
    await look(page, name, paths[name]);
    assert.deepEqual(page.faults.filter((fault) => !/40[04]/.test(fault)), []);
    await page.context().close();
  });
}

test("the way in looks right and can be used by everyone", async () => {
  const page = await (await desk.browser.newContext()).newPage();
  await look(page, "signed-out", `/login?next=${paths.pending}`);
  await look(page, "login", new URL(await desk.ownersLink()).pathname);
  await page.context().close();
});

test("the documentation looks right, can be used by everyone, and leads from page to page without script", async () => {
  const context = await desk.browser.newContext();
  const page = await context.newPage();
  for (const name of ["", "/guide", "/cli", "/reference", "/threat-model", "/nothing"]) await look(page, `docs${name.replace("/", "-")}`, `/docs${name}`, LONG_PAGE);
  await context.close();
  const plain = await (await desk.browser.newContext({ javaScriptEnabled: false, viewport: SIZES.desktop })).newPage();
  await plain.goto(`${desk.url}/login`);
  await plain.getByRole("link", { name: "Documentation" }).click();
  await plain.getByRole("link", { name: /^Guide/ }).click();
  await plain.getByRole("navigation", { name: "On this page" }).getByRole("link", { name: "Ask from Python" }).click();
  assert.equal(new URL(plain.url()).hash, "#ask-from-python");
  await plain.getByRole("link", { name: "The command line", exact: true }).last().click();
  assert.equal(new URL(plain.url()).pathname, "/docs/cli");
  await plain.context().close();
});

test("a phone is told of no keys, and nothing lies under the buttons at the end", async () => {
  const phone = await desk.owner({ viewport: SIZES.phone, hasTouch: true, isMobile: true });
  await phone.goto(desk.url + paths.inbox);
  assert.equal(await phone.locator("#keys").isVisible(), false);
  await phone.goto(desk.url + paths.pending);
  await phone.evaluate(() => scrollTo(0, document.documentElement.scrollHeight));
  const bar = await phone.locator("#decide").boundingBox();
  const last = await phone.locator("#decide").evaluate((bar) => bar.previousElementSibling.getBoundingClientRect().bottom);
  assert.ok(last <= bar.y, "all can be read above the buttons");
  const room = await phone.locator("#comment").evaluate((field) => {
    const pen = document.createElement("canvas").getContext("2d");
    pen.font = getComputedStyle(field).font;
    const { paddingLeft, paddingRight } = getComputedStyle(field);
    return field.clientWidth - parseFloat(paddingLeft) - parseFloat(paddingRight) - pen.measureText(field.placeholder).width;
  });
  assert.ok(room > 0, "the hint in the field is not cut");
  await phone.context().close();
});

test("buttons and links are large enough for a thumb", async () => {
  const page = await desk.owner({ viewport: SIZES.phone });
  for (const path of [paths.inbox, paths.pending, paths.approved]) {
    await page.goto(desk.url + path);
    const small = await page.locator("button, a.button, a.row, summary, nav a, .brand, textarea").evaluateAll((nodes) =>
      nodes.filter((node) => node.checkVisibility()).map((node) => [node.textContent.trim(), node.getBoundingClientRect().height])
        .filter(([, height]) => height < 44));
    assert.deepEqual(small, [], path);
  }
  await page.goto(desk.url + paths.pending);
  const box = await page.locator("#approve").boundingBox();
  assert.ok(box.y + box.height <= SIZES.phone.height, "the buttons are in view at once");
  const title = await page.locator("h1").boundingBox();
  assert.ok(title.y < 400, "so is the title");
  await page.context().close();
});
