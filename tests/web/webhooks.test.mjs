// Webhooks as people meet them: one is added and confirmed, told of a decision, told again, given
// another secret, and taken away; and where callbacks may go.
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { after, before, test } from "node:test";
import { deploy, receiver, start, until } from "./harness.mjs";

const HOSTILE = "<script>window.evil=1</script><b id=evil>no</b>\u202e\nand more";

let desk;
let hook;
before(async () => {
  desk = await start();
  hook = await receiver();
});
after(async () => {
  hook.close();
  await desk.stop();
});

const webhooks = async () => (await desk.api("GET", "/v1/webhooks", desk.ready.admin_key)).data;

/** Whether this secret signed it, as receivers check. */
function signed({ headers, body }, secret) {
  const key = Buffer.from(secret.replace("whsec_", ""), "base64");
  const over = `${headers["webhook-id"]}.${headers["webhook-timestamp"]}.${body}`;
  const ours = `v1,${createHmac("sha256", key).update(over).digest("base64")}`;
  return headers["webhook-signature"].split(" ").includes(ours);
}

/** What is shown after going back, be it what the browser says. */
async function back(page) {
  await page.goBack().catch(() => {});
  return until(() => page.content().catch(() => null));
}

const secretOn = async (page) => (await page.textContent("#secret pre")).trim();
const press = (page, name) => page.getByRole("button", { name }).click();

/** Signs in, and goes there as people do. */
async function there(options) {
  const page = await desk.owner(options);
  await page.locator("details.me summary").click();
  await page.getByRole("link", { name: "Webhooks" }).click();
  return page;
}

test("a webhook is added, confirmed, told, told again, given another secret and removed, without script", async () => {
  const page = await there({ javaScriptEnabled: false });
  assert.match(await page.textContent(".empty"), /No program is told anything yet/);
  assert.equal(await page.locator(".empty a[href='/docs/webhooks']").count(), 1);

  // It verifies before it answers, as it should, so it cannot give back the first challenge.
  let secret = null;
  hook.answer = (message) => (secret && signed(message, secret) ? null : [401, HOSTILE]);
  await page.fill("#url", hook.url);
  for (const name of ["asked", "approved", "rejected"]) await page.check(`input[name=event-${name}]`);
  await press(page, "Add it and show its secret");
  assert.match(await page.textContent("h1"), /Give your receiver its secret/);
  const shown = await secretOn(page);
  assert.match(shown, /^whsec_[A-Za-z0-9+/=]+$/);
  assert.match(await page.textContent(".trouble"), /It answered the challenge with 401 Unauthorized/);
  assert.equal(await page.locator("#evil").count(), 0);
  const [made] = await webhooks();
  assert.deepEqual([made.state, made.events, made.url], ["unconfirmed", ["approved", "asked", "rejected"], hook.url]);

  // Reloading sends the form again: nothing more is made, and the secret is not shown again.
  await page.reload();
  assert.match(await page.textContent("#told"), /This was done already/);
  assert.equal((await webhooks()).length, 1);
  assert.ok(!(await back(page)).includes(shown), "going back does not show it");

  await page.goto(`${desk.url}/webhooks/${made.id}`);
  await press(page, "Send the challenge again");
  assert.match(await page.textContent("#told"), /It did not give the challenge back.*401 Unauthorized/s);
  secret = shown;
  await press(page, "Send the challenge again");
  assert.match(await page.textContent("#told"), /It gave the challenge back/);
  assert.match(await page.textContent(".chip"), /Active/);

  // Somebody decides, and it is told.
  const asked = await desk.ask(deploy);
  await page.goto(`${desk.url}/a/${asked.id}`);
  await page.click("#approve");
  await until(() => hook.got.some(({ told }) => told.type === "approval.approved"));
  const told = hook.got.find((message) => message.told.type === "approval.approved");
  await until(async () => {
    await page.goto(`${desk.url}/webhooks/${made.id}`);
    return (await page.locator("#webhook .entry", { hasText: "Arrived" }).count()) === 2;
  });
  const line = page.locator(`#${told.headers["webhook-id"]}`);
  assert.match(await line.innerText(), /Arrived.*tried once.*An approval.*was approved/s);
  await line.locator("summary").click();
  const sent = await line.locator("pre").textContent();
  assert.ok(sent.includes(told.body) && sent.includes(`POST ${hook.url}`), "what was sent, to the byte");
  assert.ok(!sent.includes(told.headers["webhook-signature"]));
  assert.match(await line.innerText(), /status 204 and no body/);

  // It is sent once more, by the button and by nothing else.
  const came = () => hook.got.filter((one) => one.headers["webhook-id"] === told.headers["webhook-id"]);
  const shows = (words) => async () => {
    await page.goto(`${desk.url}/webhooks/${made.id}`);
    return words.test(await line.innerText());
  };
  await line.getByRole("button", { name: "Send it once more" }).click();
  assert.match(await page.textContent("#told"), /It is sent once more.*It goes out now/s);
  await until(() => came().length === 2);
  assert.equal(came()[1].body, told.body);
  await page.reload();
  await until(shows(/Arrived/));
  assert.equal(came().length, 2, "reloading sends nothing");

  // What is answered is words. A failure is tried again by itself, so nothing is counted here.
  hook.answer = ({ told: { data } }) => (data.challenge ? null : [500, HOSTILE]);
  await line.getByRole("button", { name: "Send it once more" }).click();
  await until(shows(/It answered 500 Internal Server Error/));
  await line.locator("summary").click();
  assert.match(await line.locator(".scroll").innerText(), /<script>window\.evil=1<\/script><b id=evil>no<\/b><U\+202E>/);
  assert.equal(await page.locator("#evil, main script").count(), 0);
  hook.answer = () => null;
  await line.getByRole("button", { name: "Send it now" }).click();
  await until(shows(/Arrived/));
  assert.ok(came().length >= 4 && came().every(({ body }) => body === told.body), "the same each time");

  // Its secret gives way to another, while both sign.
  await page.goto(`${desk.url}/webhooks/${made.id}`);
  await page.locator("#rotate summary").click();
  await press(page, "Change it and show the new one");
  const newer = await secretOn(page);
  assert.notEqual(newer, secret);
  assert.match(await page.textContent("main"), /Both sign what is sent until/);
  await page.getByRole("link", { name: "I have it" }).click();
  assert.ok(!(await back(page)).includes(newer), "the history does not show it");
  await page.goto(`${desk.url}/webhooks/${made.id}`);
  await desk.ask(deploy);
  await until(() => signed(hook.got.at(-1), newer));
  assert.ok(signed(hook.got.at(-1), secret), "the one before signs too");
  assert.match(await page.textContent("#webhook"), /the one before signs too until/);

  // It is taken away, after a confirmation; asking for any of it changes nothing.
  for (const path of ["add", "sign", "hosts", `${made.id}/challenge`, `${made.id}/rotate`, `${made.id}/retry`, `${made.id}/remove`]) {
    assert.equal((await page.goto(`${desk.url}/webhooks/${path}`)).status(), 405, path);
  }
  assert.equal((await webhooks()).length, 1);
  await page.goto(`${desk.url}/webhooks/${made.id}`);
  await page.locator("#remove summary").click();
  await press(page, "Yes, remove");
  assert.match(await page.textContent("#told"), /The webhook is removed/);
  assert.deepEqual(await webhooks(), []);
  assert.equal((await page.goto(`${desk.url}/webhooks/${made.id}`)).status(), 404);
  await page.context().close();
});

test("one that says 410 is told so, and asked again", async () => {
  const page = await there();
  hook.answer = () => null;
  const made = await desk.api("POST", "/v1/webhooks", desk.ready.admin_key, { url: hook.url });
  hook.answer = () => [410, ""];
  await desk.ask(deploy);
  await until(async () => (await webhooks())[0].state === "disabled");
  await page.goto(`${desk.url}/webhooks`);
  assert.match(await page.textContent(".entry"), /Wants nothing more.*It answered 410 Gone/s);
  await page.goto(`${desk.url}/webhooks/${made.id}`);
  assert.match(await page.textContent("#webhook"), /It answered 410 Gone .* If that was a mistake/s);
  assert.equal(await page.getByRole("button", { name: "Send it" }).count(), 0, "nothing is sent to it");
  hook.answer = () => null;
  await press(page, "Send the challenge again");
  assert.match(await page.textContent("#told"), /It gave the challenge back/);
  await desk.api("DELETE", `/v1/webhooks/${made.id}`, desk.ready.admin_key);
  await page.context().close();
});

test("one that takes nothing says so, and since when", async () => {
  const page = await there();
  hook.answer = () => null;
  const made = await desk.api("POST", "/v1/webhooks", desk.ready.admin_key, { url: hook.url });
  hook.answer = () => [503, HOSTILE];
  for (let asked = 0; asked < 5; asked += 1) await desk.ask(deploy);
  await until(async () => (await webhooks())[0].down_since);
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    await page.goto(`${desk.url}/webhooks`);
    assert.match(await page.textContent(".entry"), /Takes nothing now.*5 events wait to be sent/s);
    assert.deepEqual(await desk.examine(page, `webhooks-down-${colorScheme}`), []);
    await page.goto(`${desk.url}/webhooks/${made.id}`);
    assert.match(await page.textContent(".chip"), /Takes nothing now/);
    assert.match(await page.textContent(".trouble"), /It takes nothing since .* What waits is kept; one event every 30 seconds tries it/s);
    assert.deepEqual(await desk.examine(page, `webhook-down-${colorScheme}`), []);
  }
  assert.match(await page.locator("#webhook .entry").first().textContent(), /goes out (as soon as|once) the receiver takes something/);
  assert.equal(await page.getByRole("button", { name: "Send it now" }).count(), 0, "nothing goes out now");
  await page.getByRole("button", { name: "Send it once more" }).first().click();
  assert.match(await page.textContent("#told"), /It goes out as soon as the receiver takes something/);
  assert.deepEqual(page.faults, []);
  hook.answer = () => null;
  await desk.api("DELETE", `/v1/webhooks/${made.id}`, desk.ready.admin_key);
  await page.context().close();
});

test("each mistake stands at its field, and what was typed is still there", async () => {
  const page = await there();
  for (const url of ["nonsense\"><b id=evil>", "http://10.0.0.1/", "https://user:word@example.com/"]) {
    await page.goto(`${desk.url}/webhooks`);
    await page.fill("#url", url);
    await page.check("input[name=event-claimed]");
    await press(page, "Add it and show its secret");
    assert.match(await page.textContent("#told"), /Nothing was set up yet/);
    assert.deepEqual(await page.locator("[aria-invalid]").evaluateAll((all) => all.map((one) => one.id)), ["url"]);
    assert.match(await page.textContent("#url-mistake"), /./);
    assert.equal(await page.inputValue("#url"), url);
    assert.ok(await page.isChecked("input[name=event-claimed]"));
    assert.ok(!(await page.isChecked("input[name=event-asked]")));
  }
  assert.deepEqual(await desk.examine(page, "webhooks-mistake"), []);
  assert.deepEqual(await webhooks(), []);
  await page.context().close();
});

test("callbacks go where an admin says, once something signs them", async () => {
  const page = await there({ javaScriptEnabled: false });
  assert.match(await page.textContent("#webhooks"), /Nothing signs callbacks in the environment dev yet/);
  await page.fill("#hosts", "http://nonsense/<b>");
  await press(page, "Save the hosts");
  assert.match(await page.textContent("#hosts-mistake"), /without scheme and port/);
  assert.equal(await page.inputValue("#hosts"), "http://nonsense/<b>");
  await page.fill("#hosts", "127.0.0.1\n*.hooks.example.com\n");
  await press(page, "Save the hosts");
  assert.match(await page.textContent("#told"), /The hosts are saved/);
  const { callback_hosts } = await desk.api("GET", "/v1/workspace", desk.ready.admin_key);
  assert.deepEqual([callback_hosts.length, callback_hosts[1]], [2, "*.hooks.example.com"]);
  assert.equal(await page.inputValue("#hosts"), callback_hosts.join("\n"));

  await press(page, "Make a secret for callbacks, dev");
  assert.match(await page.textContent("h1"), /The secret for callbacks/);
  const secret = await secretOn(page);
  hook.answer = () => null;
  hook.got.length = 0;
  const asked = await desk.ask({ ...deploy, callback_url: `${hook.url}?mine=1` });
  await desk.api("POST", `/v1/approvals/${asked.id}/cancel`, desk.ready.agent_key, {});
  await until(() => hook.got.length === 1);
  assert.ok(signed(hook.got[0], secret));
  await page.goto(`${desk.url}/webhooks`);
  await page.getByRole("link", { name: "Secret and log of callbacks" }).click();
  assert.equal((await page.textContent("h1")).trim(), "Callbacks");
  await page.locator("#webhook .entry summary").first().click();
  assert.match(await page.locator("#webhook .entry pre").first().textContent(), /^POST .*\?mine=1/);
  await page.context().close();
});

test("news on an open page undoes nothing that was typed, ticked or opened", async () => {
  const page = await there();
  hook.answer = () => null;
  const made = await desk.api("POST", "/v1/webhooks", desk.ready.admin_key, { url: hook.url });
  const asked = await desk.ask(deploy);
  await page.goto(`${desk.url}/webhooks/${made.id}`);
  await page.locator("#log + ul details summary").first().click();
  await page.locator("#rotate summary").click();
  const lines = await page.locator("#log + ul > li").count();
  await desk.api("POST", `/v1/approvals/${asked.id}/cancel`, desk.ready.agent_key, {});
  await until(async () => await page.locator("#log + ul > li").count() > lines);
  assert.ok(await page.locator(`#rotate`).evaluate((one) => one.open));
  assert.equal(await page.locator("#log + ul details[open]").count(), 1);
  await page.goto(`${desk.url}/webhooks`);
  await page.fill("#url", "https://half.example/");
  await page.check("#event-claimed");
  await desk.api("DELETE", `/v1/webhooks/${made.id}`, desk.ready.admin_key);
  await until(async () => await page.locator(".empty").count());
  assert.equal(await page.inputValue("#url"), "https://half.example/");
  assert.ok(await page.isChecked("#event-claimed"));
  await page.context().close();
});

test("the pages look right in both lights, with everything on them", async () => {
  const page = await there();
  hook.answer = ({ told: { type } }) => (type === "approval.voted" ? [500, HOSTILE.repeat(40)] : null);
  const made = await desk.api("POST", "/v1/webhooks", desk.ready.admin_key, { url: `${hook.url}/${"long/".repeat(60)}` });
  const asked = await desk.ask(deploy);
  await page.goto(`${desk.url}/a/${asked.id}`);
  await page.click("#approve");
  await page.locator(".ended").waitFor();
  const log = `/v1/webhooks/${made.id}/deliveries`;
  await until(async () => (await desk.api("GET", log, desk.ready.admin_key)).data.some((line) => line.response_status === 500));
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    await page.goto(`${desk.url}/webhooks`);
    assert.deepEqual(await desk.examine(page, `webhooks-${colorScheme}`), []);
    await page.goto(`${desk.url}/webhooks/${made.id}`);
    await page.locator("#webhook details").evaluateAll((all) => all.forEach((one) => { one.open = true; }));
    assert.deepEqual(await desk.examine(page, `webhook-${colorScheme}`), []);
    await page.goto(`${desk.url}/webhooks`);
    await page.fill("#url", `http://127.0.0.1:9/${colorScheme}`);
    await press(page, "Add it and show its secret");
    assert.deepEqual(await desk.examine(page, `webhook-secret-${colorScheme}`), []);
  }
  assert.equal(await page.evaluate(() => window.evil), undefined);
  assert.deepEqual(page.faults, []);
  await page.context().close();
});
