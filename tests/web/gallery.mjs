// Photographs every page in every state, at three widths and in both lights, and lets axe look at
// each, for somebody to look at: pages cannot be ugly, cut off or confusing to a test.
//   node tests/web/gallery.mjs FOLDER [PARTS OF NAMES, as in link,mail]
import { createRequire } from "node:module";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { deploy, receiver, start, until } from "./harness.mjs";
import { mailServer, pageOf } from "./mailbox.mjs";
import { telegram } from "./telegram.mjs";

const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const WIDTHS = [390, 820, 1440];
const LIGHTS = ["light", "dark"];
const [folder, only = ""] = process.argv.slice(2);
await mkdir(folder, { recursive: true });

const desk = await start();
const phone = await telegram();
let faults = 0;

/** Takes a page as it stands, after `bring` brought it there. Of a letter, axe wants what pages have. */
async function take(page, name, bring = async () => {}, { isLetter = false } = {}) {
  if (!only.split(",").some((part) => name.includes(part))) return;
  await bring();
  for (const width of WIDTHS) {
    for (const colorScheme of LIGHTS) {
      await page.setViewportSize({ width, height: width === 390 ? 844 : 900 });
      await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      // Of what is longer than a picture can be, the beginning.
      const fullPage = await page.evaluate(() => document.documentElement.scrollHeight < 16_000);
      await page.screenshot({ path: join(folder, `${name}-${width}-${colorScheme}.png`), fullPage });
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      if (!isLetter) await page.evaluate(axe);
      const { violations } = isLetter ? { violations: [] } : await page.evaluate(() => globalThis.axe.run());
      const found = violations.map((one) => `${one.id}: ${one.nodes.map((node) => node.html).join(" ").slice(0, 300)}`);
      if (wide > 0) found.push(`${wide} px too wide`);
      for (const what of found) {
        faults += 1;
        console.log(`${name} ${width} ${colorScheme}: ${what}`);
      }
    }
  }
}

const go = (page, path) => async () => { await page.goto(path.startsWith("http") ? path : desk.url + path); };
const agent = (path, body) => desk.api("POST", path, desk.ready.agent_key, body);
const admin = (method, path, body) => desk.api(method, path, desk.ready.admin_key, body);
const titled = (title, more = {}) => desk.ask({ action: { name: "x.y", title, ...more } });

/** A bot, from its token to its end. */
async function bot(owner) {
  const bring = (path, then) => async () => { await owner.goto(desk.url + path); await then(); };
  const made = await phone.does("bot", { username: "acme_approvals_bot" });
  const person = await phone.does("person", { first_name: "Ana", last_name: "de la Cruz" });
  const adding = async (token) => {
    await owner.goto(`${desk.url}/channels`);
    await owner.fill("#token", token);
    await owner.locator("#bot-more").evaluate((more) => { more.open = true; });
    await owner.fill("#api", phone.url);
    await owner.getByRole("button", { name: "Check it and add the bot" }).click();
    await owner.waitForLoadState();
  };
  await take(owner, "telegram-mistake", () => adding("123456789:AAEhBOweik6ad9r_QXMENQjcrGbqCr4K-bc"));
  await take(owner, "telegram-busy", async () => {
    await phone.does("refuse", { method: "getMe", status: 429, description: "Too Many Requests: retry after 5", parameters: { retry_after: 5 } });
    await adding(made.token);
  });
  await adding(made.token);
  await take(owner, "telegram-added");
  await owner.getByRole("button", { name: "Show me how" }).click();
  await take(owner, "telegram-code");
  const deep = await owner.getByRole("link", { name: "Open Telegram" }).getAttribute("href");
  await phone.does("start", { person: person.id, bot: made.id, payload: deep.split("start=")[1] });
  await owner.getByText("Is this you?").waitFor();
  await take(owner, "telegram-found");
  await owner.getByRole("button", { name: "Yes, link it" }).click();
  await take(owner, "telegram-linked");
  await take(owner, "telegram-change", bring("/channels", () => owner.locator("a[href$='/bot']").click()));
  await take(owner, "telegram-channels", bring("/channels", () => owner.locator("[id^=remove-] summary").last().click()));
  await phone.does("block", { person: person.id, bot: made.id });
  const unheard = await titled("Does this reach anybody?");
  await until(async () => (await admin("GET", "/v1/channels")).data.some((one) => one.bot && one.unreached.length > 0));
  await take(owner, "telegram-unreached", go(owner, "/channels"));
  await phone.does("unblock", { person: person.id, bot: made.id });
  const waiting = await titled("Does this reach anybody now?");
  await phone.does("revoke", { bot: made.id });
  await until(async () => (await admin("GET", "/v1/channels")).data.some((one) => one.bot && /token/.test(one.last_error)));
  await take(owner, "telegram-in-trouble", go(owner, "/channels"));
  const told = (await admin("GET", "/v1/channels")).data.find((one) => one.bot);
  await admin("DELETE", `/v1/channels/${told.id}`);
  for (const one of [unheard, waiting]) await agent(`/v1/approvals/${one.id}/cancel`, {});
}

try {
  const owner = await desk.owner();
  for (const [name, path] of [["empty-inbox", "/"], ["empty-history", "/history"], ["empty-audit", "/audit"], ["empty-people", "/people"], ["empty-away", "/away"], ["empty-channels", "/channels"], ["empty-webhooks", "/webhooks"], ["account", "/account"]]) {
    await take(owner, name, go(owner, path));
  }
  // First, as whoever links an account hears at once of all that waits.
  await bot(owner);
  const ana = await desk.member("ana@example.com", "Ana");
  const ben = await desk.member("ben@example.com", "Ben de la Cruz y Montoya de los Santos");
  const cal = await desk.member("cal@example.com", "Cal", "auditor");
  const gone = await desk.member("gone@example.com", "Former colleague");
  await admin("PATCH", `/v1/members/${gone.id}`, { enabled: false });
  await admin("POST", "/v1/groups", { name: "sre", members: [ana.id, ben.id] }).catch((error) => console.log(String(error)));
  await desk.policy({ name: "two", needs: [{ from: ["members"], count: 2 }], assurance: "link" });
  await desk.policy({ name: "links", needs: [{ from: ["members"] }], assurance: "link" });
  await desk.policy({ name: "anas", needs: [{ from: ["member:ana@example.com"] }], assurance: "session", steps: [{ after: "15m", add: ["group:sre"] }], on_timeout: "reject" });
  const anas = await desk.signedIn(await desk.link(ana));
  const at = (asked) => `/a/${asked.id}`;
  const vote = async (page, asked, button, comment = "") => {
    await page.goto(desk.url + at(asked));
    await page.fill("#comment", comment);
    await page.click(button);
    await page.locator(".votes li").waitFor();
  };

  const answer_schema = {
    type: "object", title: "Before it goes out", required: ["region", "why"],
    properties: {
      region: { enum: ["eu", "us"], title: "Region", description: "Where the data may go" },
      share: { type: "integer", minimum: 1, maximum: 50, title: "Share of traffic, in percent" },
      sure: { type: "boolean", title: "Did you ask the owner?" }, why: { type: "string", title: "Why" },
    },
  };
  const plain = await desk.ask(deploy);
  await take(owner, "pending", go(owner, at(plain)));
  const open = await desk.ask({ ...deploy, editable: ["/arguments/version", "/arguments/flags", "/target"], answer_schema });
  await take(owner, "pending-form-and-changes", async () => {
    await owner.goto(desk.url + at(open));
    await owner.locator("#changes summary").click();
  });
  await take(owner, "refused-form", async () => {
    await owner.goto(desk.url + at(open));
    await owner.selectOption("#answer0", { index: 1 });
    await owner.fill("#answer1", "51");
    await owner.fill("#answer3", "because");
    await owner.click("#approve");
    await owner.locator(".notice").waitFor();
  });
  await take(owner, "review", async () => {
    await owner.goto(desk.url + at(open));
    await owner.selectOption("#answer0", { index: 1 });
    await owner.fill("#answer3", "because");
    await owner.locator("#changes summary").click();
    await owner.fill("#edit0", "9.9");
    await owner.click("#approve");
    await owner.locator(".choices.changed").waitFor();
  });
  await take(owner, "ask-back-without-words", async () => {
    await owner.goto(desk.url + at(plain));
    await owner.click("#more-info");
    await owner.locator(".lacking, .notice").first().waitFor();
  });
  const pair = await desk.ask({ ...deploy, policy: "two" });
  await vote(anas, pair, "#approve", "Fine with me.\nI looked at the dashboards.");
  await take(owner, "half-approved", go(owner, at(pair)));
  await take(anas, "voted-already", go(anas, at(pair)));
  const barred = await desk.ask({ ...deploy, policy: "anas" });
  await take(owner, "barred", go(owner, at(barred)));
  await take(anas, "not-enough-assurance", go(anas, at(barred)));
  const hostile = await titled("Pay \u202e0001\u202c EUR to p\u0430ypal.com?", {
    target: "https://bank.example@evil.example/pay",
    arguments: { amount: 1000, to: "pay 100 \u05d0 200", memo: "  two spaces\tand a tab \u200b", script: `ls\n${"\n".repeat(30)}rm -rf /`, token: "QUJD".repeat(600), deep: { a: { b: { c: { d: { e: { f: ["\u0e01\u0e47\u0e48\u0e49\u0e4a\u0e4b"] } } } } } } },
  });
  await take(owner, "hostile", go(owner, at(hostile)));
  const long = await titled("Replace the certificate of every edge node in all regions, one region after the other, and roll back by itself where more than two of a hundred handshakes fail within five minutes?".repeat(1), { target: "edge-nodes/eu-west-1,eu-central-1,us-east-1,ap-south-1" });
  await take(owner, "long-title", go(owner, at(long)));
  const asks = await titled("Point shop.example to the new cluster?");
  await owner.goto(desk.url + at(asks));
  await owner.fill("#comment", "Is the old cluster kept until the caches have run out?");
  await owner.click("#more-info");
  await owner.locator(".part.inquiries").waitFor();
  await take(owner, "asked-back", go(owner, at(asks)));
  await agent(`/v1/approvals/${asks.id}/reply`, { number: 1, text: "Yes, for 48 hours." });
  await take(owner, "answered", go(owner, at(asks)));

  const approved = await titled("Send the newsletter to 12,408 people?");
  await vote(owner, approved, "#approve");
  await take(owner, "approved", go(owner, at(approved)));
  await agent(`/v1/approvals/${approved.id}/consume`, { action_digest: approved.action_digest });
  await take(owner, "claimed", go(owner, at(approved)));
  await agent(`/v1/approvals/${approved.id}/outcome`, { status: "failed", note: "SMTP said 451.\nNothing was sent." });
  await take(owner, "outcome", go(owner, at(approved)));
  const rejected = await titled("Drop the table orders_2019?", { target: "db-7" });
  await vote(owner, rejected, "#reject", "Legal needs it until March.");
  await take(owner, "rejected", go(owner, at(rejected)));
  const again = await titled("Drop the table orders_2019?", { target: "db-7" });
  await take(owner, "asked-again", go(owner, at(again)));
  const revoked = await titled("Rotate the database password?");
  await vote(owner, revoked, "#approve");
  await owner.locator("#revoke summary").click();
  await owner.fill("#revoke-reason", "The window is over.");
  await take(owner, "revoking");
  await owner.click("#revoke button");
  await owner.waitForLoadState();
  await take(owner, "revoked", go(owner, at(revoked)));
  const cancelled = await titled("Restart the queue?");
  await agent(`/v1/approvals/${cancelled.id}/cancel`, { reason: "It recovered by itself." });
  await take(owner, "cancelled", go(owner, at(cancelled)));
  const expired = await desk.ask({ action: { name: "x", title: "Open the gate?" }, expires_in: 1 });
  await desk.get(expired.id, "?wait=10s");
  await take(owner, "expired", go(owner, at(expired)));
  const lapsing = await desk.ask({ action: { name: "x", title: "Open the other gate?" }, expires_in: 100, priority: "critical" });
  await take(owner, "nearly-over", go(owner, at(lapsing)));
  await take(owner, "vote-on-what-ended", async () => {
    const late = await titled("Too late?");
    // A page that hears no news.
    await owner.route("**/live", (route) => route.abort());
    await owner.goto(desk.url + at(late));
    await agent(`/v1/approvals/${late.id}/cancel`, {});
    await owner.click("#approve");
    await owner.locator(".notice").waitFor();
    await owner.unroute("**/live");
  });

  for (let index = 0; index < 60; index += 1) await titled(`Refund 49.00 EUR to order ${1000 + index}?`, { target: index % 3 ? "shop" : undefined });
  for (let index = 0; index < 40; index += 1) {
    const one = await titled(`Ended ${index}`);
    await agent(`/v1/approvals/${one.id}/cancel`, {});
  }
  for (const [name, path] of [
    ["full-inbox", "/"], ["full-history", "/history"], ["found", "/history?q=newsletter&status=approved"], ["found-nothing", "/history?q=nothing+such"],
    ["search-refused", "/history?approver=nobody&from=yesterday"], ["full-audit", "/audit"], ["audit-refused", "/audit?actor=nobody"], ["full-people", "/people"], ["not-found", "/a/nothing"], ["no-page", "/nowhere"],
  ]) await take(owner, name, go(owner, path));
  await take(owner, "finding", async () => { await owner.goto(`${desk.url}/history`); await owner.locator("#filter summary").click(); });
  await take(owner, "audit-particulars", async () => { await owner.goto(`${desk.url}/audit`); await owner.locator(".entry summary").first().click(); });
  await take(owner, "menu", async () => { await owner.goto(desk.url); await owner.locator(".me summary").click(); });
  await take(owner, "keys", async () => { await owner.goto(desk.url + at(plain)); await owner.keyboard.press("?"); });
  await take(owner, "inviting", async () => { await owner.goto(`${desk.url}/people`); await owner.locator("#invite summary").click(); });
  await owner.goto(`${desk.url}/people`);
  await owner.locator("#invite summary").click();
  await owner.fill("#invite-email", "dora@example.com");
  await owner.click("#invite button");
  const invitation = (await owner.textContent("#new-link pre")).trim();
  await take(owner, "invited");
  const door = await (await desk.browser.newContext()).newPage();
  await take(door, "signed-out", go(door, `/login?next=${at(plain)}`));
  await take(door, "invitation", go(door, invitation));
  await take(door, "login-link", go(door, await desk.ownersLink()));
  await take(door, "link-spent", go(door, "/login/nothing"));
  await take(door, "wrong-password", async () => {
    await door.goto(`${desk.url}/login`);
    await door.fill("#email", "ana@example.com");
    await door.fill("input[type=password]", "not the password");
    await door.getByRole("button", { name: "Sign in" }).click();
    await door.waitForLoadState();
  });
  await take(owner, "change-a-person", async () => {
    await owner.goto(`${desk.url}/people`);
    await owner.locator(`#member-${ben.id} > summary`).click();
    await owner.locator(`#remove-${ben.id} > summary`).click();
  });
  await take(owner, "weak-password", async () => {
    await owner.goto(`${desk.url}/account`);
    await owner.fill("#password", "aaaaaaaaaaaa");
    await owner.locator("#password").evaluate((field) => field.form.submit());
    await owner.waitForLoadState();
  });
  const hook = await receiver();
  hook.answer = ({ told: { type } }) => (type === "approval.asked" ? [500, "<b>Out of cheese</b>\nredo from start \u202e"] : null);
  const { id: told } = await admin("POST", "/v1/webhooks", { url: hook.url });
  const gone410 = await receiver();
  await admin("POST", "/v1/webhooks", { url: gone410.url, events: ["asked", "approved", "rejected"] });
  gone410.answer = () => [410, ""];
  const failing = async () => (await admin("GET", `/v1/webhooks/${told}/deliveries`)).data.some((line) => line.response_status === 500);
  await vote(owner, await titled("Tell somebody?"), "#approve");
  await until(failing);
  const bring = (path, then) => async () => { await owner.goto(desk.url + path); await then(); };
  await take(owner, "webhook-refused", bring("/webhooks", async () => {
    await owner.fill("#url", "http://10.0.0.1/");
    await owner.getByRole("button", { name: "Add it" }).click();
  }));
  await owner.goto(`${desk.url}/webhooks`);
  await owner.fill("#url", "http://127.0.0.1:9/nobody-listens-here");
  await owner.getByRole("button", { name: "Add it" }).click();
  await take(owner, "webhook-secret");
  await take(owner, "webhook-unconfirmed", bring((await owner.getByRole("link", { name: "I have it" }).getAttribute("href")), async () => {
    await owner.getByRole("button", { name: "Send the challenge again" }).click();
  }));
  await owner.goto(`${desk.url}/webhooks`);
  await owner.getByRole("button", { name: "Make a secret for callbacks" }).click();
  await take(owner, "callback-secret");
  await take(owner, "callbacks", go(owner, await owner.getByRole("link", { name: "I have it" }).getAttribute("href")));
  await take(owner, "full-webhooks", go(owner, "/webhooks"));
  await take(owner, "webhook", bring(`/webhooks/${told}`, () => owner.locator("#webhook details").evaluateAll((all) => all.forEach((one) => { one.open = true; }))));
  // It answers 500 to each of these too, and five in a row are an outage.
  const more = [];
  for (let asked = 0; asked < 5; asked += 1) more.push(await titled("Tell somebody else?"));
  await until(async () => (await admin("GET", "/v1/webhooks")).data.some((one) => one.down_since));
  await take(owner, "webhooks-down", go(owner, "/webhooks"));
  await take(owner, "webhook-down", go(owner, `/webhooks/${told}`));
  for (const one of more) await agent(`/v1/approvals/${one.id}/cancel`, {});
  for (const one of [hook, gone410]) one.close();
  const cals = await desk.signedIn(await desk.link(cal));
  await take(cals, "auditor-inbox", go(cals, "/"));
  await take(cals, "auditor-approval", go(cals, at(plain)));
  await take(cals, "auditor-people", go(cals, "/people"));
  await take(anas, "away", go(anas, "/away"));
  await take(anas, "away-refused", async () => {
    await anas.goto(`${desk.url}/away`);
    await anas.selectOption("#to", { index: 1 });
    await anas.locator("#until").evaluate((field) => { field.type = "text"; field.value = "soon"; });
    await anas.getByRole("button", { name: "Hand over" }).click();
    await anas.locator(".notice").waitFor();
  });
  await take(anas, "away-given", async () => {
    await anas.goto(`${desk.url}/away`);
    await anas.selectOption("#to", { label: "ben@example.com" });
    await anas.fill("#until", new Date(Date.now() + 7 * 86_400_000).toISOString().slice(0, 10));
    await anas.getByRole("button", { name: "Hand over" }).click();
    await anas.locator("#back").waitFor();
  });
  const linked = await desk.ask({ ...deploy, policy: "links" });
  const { url } = await admin("POST", `/v1/approvals/${linked.id}/links`, { member: ben.id });
  await take(door, "link", go(door, url));
  await take(door, "link-confirm", async () => {
    await door.goto(url);
    await door.fill("#comment", "From the train.\nLooks right.");
    await door.click("#approve");
    await door.locator("#confirm").waitFor();
  });
  await take(door, "link-done", async () => {
    await door.goto(url);
    await door.click("#approve");
    await door.locator("#confirm").click();
    await door.getByText("Your answer is recorded").waitFor();
  });
  await take(door, "link-over", go(door, url));
  await take(door, "link-unknown", go(door, `/d/${"a".repeat(43)}`));

  await take(owner, "settings", go(owner, "/settings"));
  await take(owner, "keys", go(owner, "/keys"));
  await take(owner, "empty-grants", go(owner, "/grants"));
  await desk.policy({ name: "kinds", needs: [{ from: ["members"] }], assurance: "link", grants: { for: "2h", uses: 5 } });
  const kind = await desk.ask({ ...deploy, policy: "kinds" });
  await take(owner, "granting", async () => {
    await owner.goto(desk.url + at(kind));
    await owner.locator("#more-of-it summary").click();
  });
  await owner.goto(desk.url + at(kind));
  await owner.locator("#more-of-it summary").click();
  await owner.fill("#grant_uses", "2");
  await owner.click("#approve");
  await owner.locator(".notice").waitFor();
  await take(owner, "granting-read");
  await owner.click("#approve");
  await owner.locator(".ended").waitFor();
  await take(owner, "grants", go(owner, "/grants"));
  for (const name of ["", "guide", "webhooks", "cli", "reference", "nothing"]) {
    await take(door, `docs-${name || "list"}`, go(door, `/docs/${name}`.replace(/\/$/, "")));
  }

  const mail = await mailServer();
  // A page of nobody's, so that no policy of ours keeps a letter's styles away.
  const reader = await (await desk.browser.newContext()).newPage();
  const letter = async (subject) => {
    return pageOf(await until(() => mail.letters.find((one) => subject.test(one))));
  };
  await take(owner, "channels-empty", go(owner, "/channels"));
  await take(owner, "channels-mistake", async () => {
    await owner.goto(`${desk.url}/channels`);
    await owner.fill("#host", "smtp.example.com");
    await owner.fill("#from", "askfirst@example.com");
    await owner.getByRole("button", { name: "Set it up" }).click();
    await owner.locator("[aria-invalid]").first().waitFor();
  });
  await owner.goto(`${desk.url}/channels`);
  await owner.fill("#host", "127.0.0.1");
  await owner.fill("#port", String(mail.address().port));
  await owner.selectOption("#security", "none");
  await owner.fill("#from", "askfirst@example.com");
  await owner.getByRole("button", { name: "Set it up" }).click();
  await take(owner, "channels-set-up");
  const mailed = await desk.ask({ ...deploy, policy: "links" });
  const wanted = await letter(/^Subject: Your answer is wanted: Deploy/m);
  await take(owner, "channels", go(owner, "/channels"));
  await take(reader, "mail", async () => { await reader.setContent(wanted); }, { isLetter: true });
  const suggested = wanted.match(/href="([^"]*suggest=approve)"/)[1];
  await take(door, "link-from-a-mail", go(door, suggested));
  await agent(`/v1/approvals/${mailed.id}/cancel`, { reason: "The release was called off." });
  const ended = await letter(/^Subject: Cancelled: Deploy/m);
  await take(reader, "mail-of-the-end", async () => { await reader.setContent(ended); }, { isLetter: true });
  await desk.ask({ action: { name: "x", title: "Read all of this?", arguments: { rows: Array.from({ length: 400 }, () => "x".repeat(80)) } }, policy: "links" });
  const large = await letter(/^Subject: Your answer is wanted: Read all/m);
  await take(reader, "mail-that-does-not-fit", async () => { await reader.setContent(large); }, { isLetter: true });
  mail.refusing = "550 5.7.1 <b>no</b>, not from this address";
  await titled("Who hears of this?", {});
  const inTrouble = async () => (await admin("GET", "/v1/channels")).data.some((one) => one.last_error !== null);
  await until(inTrouble);
  await take(owner, "channels-in-trouble", go(owner, "/channels"));
  mail.close();
} finally {
  await phone.stop();
  await desk.stop();
}
console.log(faults ? `${faults} faults` : "no faults");
process.exitCode = faults ? 1 : 0;
