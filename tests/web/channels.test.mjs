// Setting up mail, trying it, hearing what went wrong, and taking it away again.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { deploy, start, until } from "./harness.mjs";
import { mailServer } from "./mailbox.mjs";

const HOSTILE = "550 <script>window.evil=1</script><b id=evil>no</b>";
const PASSWORD = "correct horse battery staple";

let desk;
let mail;
before(async () => {
  desk = await start();
  mail = await mailServer();
});
after(async () => {
  mail.close();
  await desk.stop();
});

const channels = async () => (await desk.api("GET", "/v1/channels", desk.ready.admin_key)).data;

async function fill(page, fields) {
  await page.fill("#host", fields.host ?? "127.0.0.1");
  await page.fill("#port", String(fields.port ?? mail.address().port));
  await page.selectOption("#security", fields.security ?? "none");
  await page.fill("#username", fields.username ?? "");
  await page.fill("#password", fields.password ?? "");
  await page.fill("#from", fields.from ?? "askfirst@example.com");
}

const setUp = (page) => page.getByRole("button", { name: "Set it up" }).click();

test("mail is set up, tried, told wrong, and removed, without script", async () => {
  const page = await desk.owner({ javaScriptEnabled: false });
  await page.goto(desk.url);
  await page.locator("details.me summary").click();
  await page.getByRole("link", { name: "Channels" }).click();
  assert.match(await page.textContent(".empty"), /Nobody is told anything yet/);
  assert.equal(await page.getAttribute("#password", "autocomplete"), "off");
  await fill(page, { username: "us", password: PASSWORD });
  await setUp(page);
  assert.match(await page.textContent("#told"), /The mail server took the test/);
  assert.equal(mail.letters.length, 1);
  assert.ok(!(await page.content()).includes(PASSWORD), "a password never comes back");
  await page.reload();
  assert.match(await page.textContent("#told"), /The mail server took the test/);
  assert.equal(mail.letters.length, 1, "reloading sends nothing again");
  const { search } = new URL(page.url());
  await page.goto(`${desk.url}/channels${search.replace("tested", "untested")}`);
  assert.equal(await page.locator("#told").count(), 0, "nobody else's address says what was done");
  const [made] = await channels();
  assert.equal(made.username, "us");

  await desk.ask(deploy);
  await until(async () => {
    await page.goto(`${desk.url}/channels`);
    return /Handed over/.test(await page.textContent("#channels"));
  });
  assert.match(await page.textContent("#channels .entry"), /Handed over.*that their answer is wanted/s);
  assert.doesNotMatch(await page.textContent("#channels"), /These are the last/, "it is all there is");
  assert.match(await page.getAttribute("#channels .entry a", "href"), /^\/a\/apr_/);

  mail.refusing = HOSTILE;
  await page.getByRole("button", { name: "Send a test to me" }).click();
  assert.match(await page.textContent("#told"), /The test was not sent.*<script>.*change what it is set up with/s);
  assert.equal(await page.locator("#evil, main script").count(), 0, "what a mail server says is words");
  await page.goto(`${desk.url}/channels`);
  assert.match(await page.textContent(".trouble"), /It went wrong.*<script>window\.evil=1<\/script>/s);

  const sent = mail.letters.length;
  for (const path of ["/channels/add", "/channels/replay", `/channels/${made.id}/test`, `/channels/${made.id}/remove`]) {
    assert.equal((await page.goto(desk.url + path)).status(), 405, path);
  }
  assert.deepEqual([(await channels()).length, mail.letters.length], [1, sent], "looking changes nothing");

  mail.refusing = null;
  await page.goto(`${desk.url}/channels`);
  await page.getByRole("button", { name: "Count what was given up" }).click();
  assert.match(await page.textContent("#counted"), /Nothing was given up in this time/);
  await page.locator(`#remove-${made.id} summary`).click();
  await page.getByRole("button", { name: "Yes, remove mail from" }).click();
  assert.match(await page.textContent(".empty"), /Nobody is told anything yet/);
  assert.deepEqual(await channels(), []);
  await page.context().close();
});

test("each mistake stands at its field, and only the password has to be typed again", async () => {
  const page = await desk.owner();
  const typed = { port: "70000", from: "x@example.com", username: "<b>us</b>\"", password: PASSWORD };
  const wrong = [
    [typed, "port", /from 1 to 65535/],
    [{ ...typed, port: undefined, password: "" }, "password", /needs a password/],
    [{ ...typed, port: undefined, username: "" }, "username", /needs a name/],
    [{ ...typed, port: undefined, host: "smtp.example.com" }, "security", /./],
    [{ ...typed, port: 587, security: "starttls", host: "smtp.example.com" }, "host", /on this machine/],
  ];
  for (const [fields, field, words] of wrong) {
    await page.goto(`${desk.url}/channels`);
    await fill(page, fields);
    await setUp(page);
    assert.match(await page.textContent("#told"), /Nothing was set up yet/);
    assert.deepEqual(await page.locator("[aria-invalid]").evaluateAll((all) => all.map((one) => one.id)), [field]);
    assert.match(await page.textContent(`#${field}-mistake`), words);
    assert.equal(await page.inputValue("#host"), fields.host ?? "127.0.0.1");
    assert.equal(await page.inputValue("#from"), "x@example.com");
    assert.equal(await page.inputValue("#username"), fields.username);
    assert.equal(await page.inputValue("#password"), "");
    assert.ok(!(await page.content()).includes(PASSWORD));
  }
  assert.deepEqual(await desk.examine(page, "channels-mistake"), []);
  assert.deepEqual(await channels(), []);
  await page.context().close();
});

test("who does not administer is offered nothing and may do nothing; nor may another page", async () => {
  const auditor = await desk.signedIn(await desk.link(await desk.member("otis@example.com", "Otis", "auditor")));
  assert.equal(await auditor.locator("a[href='/channels']").count(), 0);
  assert.equal((await auditor.goto(`${desk.url}/channels`)).status(), 403);
  await auditor.goto(`${desk.url}/account`);
  const token = await auditor.locator("input[name=csrf]").first().inputValue();
  const post = (page, csrf) => page.evaluate(async ([csrf, port]) => {
    const fields = { csrf, host: "127.0.0.1", port, security: "none", from: "a@example.com", locale: "en" };
    const answer = await fetch("/channels/add", { method: "POST", body: new URLSearchParams(fields) });
    return answer.status;
  }, [csrf, String(mail.address().port)]);
  assert.equal(await post(auditor, token), 403);
  await auditor.context().close();
  const admin = await desk.signedIn(await desk.link(await desk.member("ada@example.com", "Ada", "admin")));
  await admin.goto(`${desk.url}/channels`);
  assert.match(await admin.textContent(".empty"), /Only an owner of this workspace sets one up/);
  assert.equal(await admin.locator("form[action^='/channels']").count(), 0);
  await admin.goto(`${desk.url}/account`);
  assert.equal(await post(admin, await admin.locator("input[name=csrf]").first().inputValue()), 403);
  await admin.context().close();
  const owner = await desk.owner();
  assert.equal(await post(owner, token), 403, "the token of another session");
  assert.deepEqual(await channels(), []);
  await owner.context().close();
});

test("mail is changed in place, and a password stays with the server it was given for", async () => {
  const page = await desk.owner();
  mail.refusing = null;
  await page.goto(`${desk.url}/channels`);
  await fill(page, { username: "us", password: PASSWORD });
  await setUp(page);
  const [made] = await channels();
  await page.goto(`${desk.url}/channels`);
  await page.getByRole("link", { name: "Change it" }).click();
  assert.equal(await page.inputValue("#host"), "127.0.0.1");
  assert.equal(await page.inputValue("#username"), "us");
  assert.equal(await page.inputValue("#password"), "");
  await page.fill("#from", "other@example.com");
  await page.selectOption("#afterwards", "all");
  await page.getByRole("button", { name: "Save and send a test to me" }).click();
  assert.match(await page.textContent("#told"), /The mail server took the test/);
  const told = mail.letters.length;
  await page.reload();
  assert.equal(mail.letters.length, told, "a reload repeats nothing");
  assert.match(await page.textContent("#channels"), /other@example\.com/);
  await page.goto(`${desk.url}/channels/${made.id}/change`);
  assert.equal(await page.inputValue("#afterwards"), "all");
  await page.fill("#port", "2599");
  await page.getByRole("button", { name: "Save and send a test to me" }).click();
  assert.match(await page.textContent("#told"), /Nothing was changed yet/);
  assert.match(await page.textContent("#password-mistake"), /Give the password again/);
  assert.equal(await page.inputValue("#port"), "2599");
  assert.deepEqual(await desk.examine(page, "channel-change-mistake"), []);
  const [kept] = await channels();
  assert.deepEqual([kept.port, kept.from], [mail.address().port, "other@example.com"]);
  await page.fill("#password", PASSWORD);
  await page.getByRole("button", { name: "Save and send a test to me" }).click();
  assert.equal((await channels())[0].port, 2599);
  assert.ok(!(await page.content()).includes(PASSWORD));

  const admin = await desk.signedIn(await desk.link(await desk.member("ina@example.com", "Ina", "admin")));
  await admin.goto(`${desk.url}/channels/${made.id}/change`);
  assert.match(await admin.textContent("main"), /Only an owner/);
  assert.equal(await admin.locator("#host").count(), 0);
  await admin.context().close();
  await page.goto(`${desk.url}/channels`);
  await page.locator(`#remove-${made.id} summary`).click();
  await page.getByRole("button", { name: "Yes, remove mail from" }).click();
  await page.context().close();
});

test("the page looks right in both lights, with trouble on it", async () => {
  const page = await desk.owner();
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    await page.goto(`${desk.url}/channels`);
    assert.deepEqual(await desk.examine(page, `channels-empty-${colorScheme}`), []);
  }
  mail.refusing = HOSTILE;
  await fill(page, { username: "us", password: PASSWORD });
  await setUp(page);
  assert.match(await page.textContent("#told"), /The test was not sent/);
  await desk.ask(deploy);
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    await page.goto(`${desk.url}/channels`);
    assert.deepEqual(await desk.examine(page, `channels-${colorScheme}`), []);
  }
  await until(async () => {
    await page.goto(`${desk.url}/channels`);
    await page.getByRole("button", { name: "Count what was given up" }).click();
    return page.getByRole("button", { name: /^Send .* again$/ }).count();
  });
  assert.deepEqual(await desk.examine(page, "channels-again"), []);
  assert.equal(await page.evaluate(() => window.evil), undefined);
  assert.deepEqual(page.faults, []);
  await page.context().close();
});
