// Setting a bot up, saying whose account is whose, and answering on a phone.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { deploy, start, until } from "./harness.mjs";
import { telegram } from "./telegram.mjs";

const HOSTILE = "<img src=x onerror=alert(1)>\u202e\u0007 Ana";

let desk;
let phone;
let bot;
let ana;
before(async () => {
  desk = await start();
  phone = await telegram();
  bot = await phone.does("bot", { username: "deploy_bot" });
  ana = await phone.does("person", { first_name: "Ana" });
});
after(async () => {
  await phone.stop();
  await desk.stop();
});

const channels = async () => (await desk.api("GET", "/v1/channels", desk.ready.admin_key)).data;
const accounts = async () => {
  const [made] = await channels();
  return (await desk.api("GET", `/v1/channels/${made.id}/accounts`, desk.ready.admin_key)).data;
};

async function add(page, token) {
  await page.goto(`${desk.url}/channels`);
  await page.fill("#token", token);
  await page.locator("#bot-more").evaluate((more) => { more.open = true; });
  await page.fill("#api", phone.url);
  await page.getByRole("button", { name: "Check it and add the bot" }).click();
}

/** Reads the page again until an account was found, as who presses a link does. */
const isFound = (page) => until(async () => {
  await page.goto(`${desk.url}/account/telegram`);
  return (await page.getByText("Is this you?").count()) === 1;
});

/** Begins, and gives the code that is shown. */
async function begin(page) {
  await page.goto(`${desk.url}/account/telegram`);
  await page.getByRole("button", { name: "Show me how" }).click();
  const link = await page.getByRole("link", { name: "Open Telegram" }).getAttribute("href");
  const [, code] = /^https:\/\/t\.me\/deploy_bot\?start=([\w-]{1,64})$/.exec(link);
  return code;
}

const starts = (person, code) => phone.does("start", { person: person.id, bot: bot.id, payload: code });

test("each mistake about a bot stands at its field, and its token never comes back", async () => {
  const page = await desk.owner();
  for (const [token, words] of [
    ["my token", /number, colon, letters/],
    [`${bot.id}:AAEhBOweik6ad9r_QXMENQjcrGbqCr4K-bc`, /Telegram does not know this token.*@BotFather/s],
  ]) {
    await add(page, token);
    assert.match(await page.textContent("#told"), /Nothing was set up yet.*but for the token/s);
    assert.match(await page.textContent("#token-mistake"), words);
    assert.equal(await page.inputValue("#api"), phone.url);
    assert.ok(!(await page.content()).includes(token), "a token never comes back");
  }
  assert.deepEqual(await desk.examine(page, "telegram-mistake"), []);

  // Somebody else hears it.
  await fetch(`${phone.url}/bot${bot.token}/setWebhook`, {
    method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ url: "https://elsewhere.example/hook" }),
  });
  await add(page, bot.token);
  assert.match(await page.textContent("#take_over-mistake"), /is heard by elsewhere\.example already/);
  assert.deepEqual(await channels(), []);
  await page.fill("#token", bot.token);
  await page.check("#take_over");
  await page.getByRole("button", { name: "Check it and add the bot" }).click();
  assert.equal(new URL(page.url()).pathname, "/account/telegram", "what comes next is one's own account");
  assert.match(await page.textContent("#told"), /The bot is heard here/);
  const [made] = await channels();
  assert.deepEqual([made.kind, made.bot_username, made.receive], ["telegram", "deploy_bot", "polling"]);
  assert.ok(!JSON.stringify(made).includes(bot.token));
  assert.deepEqual(page.faults.filter((one) => !one.includes("422")), []);
  await page.context().close();
});

test("whoever accepts an invitation is offered to link their own, and need not", async () => {
  const page = await desk.owner();
  await page.goto(`${desk.url}/people`);
  await page.locator("#invite summary").click();
  await page.fill("#invite-email", "gina@example.com");
  await page.getByRole("button", { name: "Make the invitation" }).click();
  const link = (await page.textContent("#new-link pre")).trim();
  const context = await desk.browser.newContext({ javaScriptEnabled: false, viewport: { width: 360, height: 740 } });
  const gina = await context.newPage();
  await gina.goto(link);
  await gina.fill("#name", "Gina");
  await gina.fill("#password", "correct horse battery");
  await gina.getByRole("button", { name: "Sign in" }).click();
  assert.equal(new URL(gina.url()).pathname, "/account/telegram");
  assert.match(await gina.textContent("#told"), /You are signed in/);
  assert.match(await gina.textContent("main"), /counts as assurance “chat”/, "by a password of her own");
  await gina.getByRole("link", { name: "Not now" }).click();
  await gina.locator("#inbox").waitFor();
  await gina.goto(`${desk.url}/account/telegram`);
  assert.equal(await gina.locator("#told").count(), 0, "nobody is welcomed twice");
  await context.close();
  await page.context().close();
});

test("an account is linked without script, and its name is only words", async () => {
  const page = await desk.owner({ javaScriptEnabled: false });
  await page.goto(desk.url);
  await page.getByRole("link", { name: "link your Telegram" }).click();
  assert.match(await page.textContent("main"), /counts as assurance “link”/, "as this browser does");
  const code = await begin(page);
  assert.equal(await page.locator("svg.qr").count(), 1);
  await page.getByRole("link", { name: "I pressed Start" }).click();
  assert.equal(await page.getByText("Is this you?").count(), 0);

  const mallory = await phone.does("person", { first_name: HOSTILE });
  await starts(mallory, code);
  await isFound(page);
  const shown = await page.textContent(".found");
  assert.match(shown, /^<img src=x onerror=alert\(1\)>/);
  assert.ok(shown.includes("U+202E") && !/[\u202e\u0007]/.test(shown), shown);
  assert.equal(await page.locator("main img").count(), 0);
  assert.match(await page.textContent("main"), new RegExp(`Account ${mallory.id}`));
  assert.deepEqual(await accounts(), [], "nothing counts before it is confirmed");
  await page.getByRole("button", { name: "No", exact: true }).click();
  assert.match(await page.textContent("#told"), /Nothing was linked/);
  assert.deepEqual(await accounts(), []);

  await starts(ana, await begin(page));
  await isFound(page);
  assert.equal((await page.textContent(".found")).trim(), "Ana");
  await page.getByRole("button", { name: "Yes, link it" }).click();
  assert.equal(new URL(page.url()).pathname, "/account");
  assert.match(await page.textContent("#told"), /Your Telegram is linked/);
  assert.match(await page.textContent("section[aria-labelledby=telegram]"), new RegExp(`Ana.*${ana.id}.*assurance “link”`, "s"));
  const said = await phone.cards(bot, ana);
  assert.match(said.at(-1).text, /It works/);
  await page.goto(desk.url);
  assert.equal(await page.getByRole("link", { name: "link your Telegram" }).count(), 0, "it is suggested once");
  await page.context().close();
});

test("a code is for the browser that asked for it, and reading links nothing", async () => {
  const member = await desk.member("ben@example.com", "Ben");
  const own = await desk.signedIn(await desk.link(member));
  const other = await desk.signedIn(await desk.link(member));
  const code = await begin(own);
  const ben = await phone.does("person", { first_name: "Ben" });
  await starts(ben, code);
  await own.getByText("Is this you?").waitFor();
  const cookies = (await own.context().cookies()).filter((one) => one.name.includes("telegram"));
  assert.equal(cookies.length, 1);
  assert.ok(cookies[0].httpOnly && !(await own.content()).includes(code));
  const [name] = await phone.cards(bot, ben);
  assert.match(name.text, /You are Ben/);

  // The same person in another browser, even with the code.
  await other.context().addCookies(cookies);
  await other.goto(`${desk.url}/account/telegram`);
  await other.getByRole("button", { name: "Yes, link it" }).click();
  assert.match(await other.textContent("#told"), /This code is good no more/);
  for (const path of ["code", "confirm", "refuse", "unlink"]) {
    assert.equal((await own.goto(`${desk.url}/account/telegram/${path}`)).status(), 405, path);
  }
  assert.equal((await accounts()).length, 1);
  await own.goto(`${desk.url}/account/telegram`);
  await own.getByRole("button", { name: "Yes, link it" }).click();
  await own.getByText("Your Telegram is linked").waitFor();
  assert.equal((await accounts()).length, 2);

  // And what somebody has linked is nobody else's.
  const eve = await desk.signedIn(await desk.link(await desk.member("eve@example.com", "Eve")));
  await starts(ben, await begin(eve));
  await eve.getByText("Is this you?").waitFor();
  await eve.getByRole("button", { name: "Yes, link it" }).click();
  assert.match(await eve.textContent("#told"), /Somebody else has linked this account/);
  assert.equal((await accounts()).length, 2);
  for (const page of [own, other, eve]) await page.context().close();
});

test("a page notices by itself that an account was found, and looks well at every step", async () => {
  const page = await desk.owner();
  assert.deepEqual(await desk.examine(page, "telegram-inbox"), []);
  await page.goto(`${desk.url}/account/telegram`);
  assert.deepEqual(await desk.examine(page, "telegram-begin"), []);
  const code = await begin(page);
  assert.deepEqual(await desk.examine(page, "telegram-code"), []);
  const qr = await page.locator("svg.qr").boundingBox();
  assert.ok(qr.width >= 200 && Math.abs(qr.width - qr.height) < 2, JSON.stringify(qr));
  await starts(ana, code);
  await page.getByText("Is this you?").waitFor();
  assert.deepEqual(await desk.examine(page, "telegram-found"), []);
  await page.getByRole("button", { name: "Yes, link it" }).click();
  await page.getByText("Your Telegram is linked").waitFor();
  assert.deepEqual(await desk.examine(page, "telegram-account"), []);
  assert.deepEqual(page.faults, []);
  await page.context().close();
});

test("what is asked is answered on the phone, and counted here", async () => {
  const page = await desk.owner();
  const before = (await phone.cards(bot, ana)).length;
  const asked = await desk.ask(deploy);
  const card = await until(async () => (await phone.cards(bot, ana)).slice(before).find((one) => one.text.includes("Deploy v2.1")));
  const approve = card.keyboard.flat().find((button) => /^Approve$/.test(button.text));
  await phone.does("tap", { person: ana.id, bot: bot.id, chat_id: ana.id, message: card.id, button: approve.text });
  const done = await desk.get(asked.id, "?wait=25s");
  assert.deepEqual([done.status, done.votes[0].via, done.votes[0].assurance], ["approved", "telegram", "link"]);
  await page.goto(`${desk.url}/channels`);
  assert.match(await page.textContent("#channels"), /2 people have linked their accounts/);
  assert.match(await page.textContent("#channels"), /Handed over/);
  assert.deepEqual(await desk.examine(page, "telegram-channels"), []);
  assert.deepEqual((await phone.does("mistakes")).mistakes, []);
  await page.context().close();
});

test("a bot is changed in place, and goes with what only it held", async () => {
  const page = await desk.owner();
  const [made] = await channels();
  await page.goto(`${desk.url}/channels/${made.id}/change`);
  assert.equal(new URL(page.url()).pathname, `/channels/${made.id}/bot`);
  assert.equal(await page.inputValue("#token"), "");
  await page.selectOption("#bot-locale", "de");
  await page.getByRole("button", { name: "Save" }).click();
  assert.match(await page.textContent("#told"), /The bot is set up as you said/);
  assert.equal((await channels())[0].locale, "de");
  await page.goto(`${desk.url}/channels/${made.id}/bot`);
  const other = await phone.does("bot", { username: "another_bot" });
  await page.fill("#token", other.token);
  await page.getByRole("button", { name: "Save" }).click();
  assert.match(await page.textContent("#token-mistake"), /another bot/);
  assert.deepEqual(await desk.examine(page, "telegram-change"), []);
  await page.goto(`${desk.url}/channels`);
  await page.getByRole("button", { name: "Send a test to me", exact: true }).click();
  assert.match(await page.textContent("#told"), /The bot wrote to you/);

  await page.goto(`${desk.url}/account`);
  await page.locator("#unlink summary").click();
  await page.getByRole("button", { name: "Yes, unlink it" }).click();
  assert.match(await page.textContent("#told"), /no longer linked/);
  await page.goto(`${desk.url}/channels`);
  await page.getByRole("button", { name: "Send a test to me", exact: true }).click();
  assert.match(await page.textContent("#told"), /Link your account first/);

  const admin = await desk.signedIn(await desk.link(await desk.member("ada@example.com", "Ada", "admin")));
  await admin.goto(`${desk.url}/channels/${made.id}/bot`);
  assert.match(await admin.textContent("main"), /Only an owner changes/);
  assert.equal(await admin.locator("#token").count(), 0);
  await admin.context().close();

  await page.goto(`${desk.url}/channels`);
  await page.locator(`#remove-${made.id} summary`).click();
  assert.match(await page.textContent(`#remove-${made.id}`), /cards lose their buttons/);
  await page.getByRole("button", { name: "Yes, remove @deploy_bot" }).click();
  assert.deepEqual(await channels(), []);
  await page.goto(`${desk.url}/account/telegram`);
  assert.match(await page.textContent("main"), /There is no bot yet/);
  await page.context().close();
});
