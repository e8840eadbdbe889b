// Deciding by a link, without an account in this browser, as out of a chat or a mail.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { accountText, deploy, start } from "./harness.mjs";

let desk;
let ana;
before(async () => {
  desk = await start();
  ana = await desk.member("ana@example.com", "Ana");
  await desk.policy({ name: "links", needs: [{ from: ["members"] }], assurance: "link" });
});
after(() => desk.stop());

async function linkFor(asked) {
  const made = await desk.api("POST", `/v1/approvals/${asked.id}/links`, desk.ready.admin_key, { member: ana.id });
  return made.url;
}

for (const javaScriptEnabled of [true, false]) {
  test(`a link decides in two steps, ${javaScriptEnabled ? "with" : "without"} scripts`, async () => {
    const asked = await desk.ask({ ...deploy, policy: "links" });
    const link = await linkFor(asked);
    const context = await desk.browser.newContext({ javaScriptEnabled });
    const page = await context.newPage();
    await page.goto(link);
    if (javaScriptEnabled) {
      assert.match(await accountText(page), /Deploy v2\.1 to production\?/);
      assert.deepEqual(await desk.examine(page, "link"), []);
    }
    await page.fill("#comment", "From the train.\nLooks right.");
    await page.click("#approve");
    await page.locator("#confirm").waitFor();
    assert.equal((await desk.get(asked.id)).version, 1, "the first step decides nothing");
    if (javaScriptEnabled) assert.deepEqual(await desk.examine(page, "link-confirm"), []);
    await page.click("#confirm");
    await page.getByText("Your answer is recorded").waitFor();
    assert.equal(await page.locator(".banner").count(), 1, "it says that nothing here is real");
    if (javaScriptEnabled) assert.deepEqual(await desk.examine(page, "link-done"), []);
    const done = await desk.get(asked.id);
    assert.equal(done.status, "approved");
    assert.equal(done.votes[0].comment, "From the train.\nLooks right.");
    assert.equal(done.votes[0].via, "link");
    await page.goto(link);
    assert.match(await page.textContent("main"), /decided already/);
    assert.doesNotMatch(await page.textContent("main"), /not recorded/, "it was");
    assert.equal(await page.locator(".status .left").count(), 0, "no time is left to answer in");
    assert.equal(await page.locator("#decide").count(), 0);
    await context.close();
  });
}

test("scanners that open a link, or press its buttons blindly, decide nothing", async () => {
  const asked = await desk.ask({ ...deploy, policy: "links" });
  const link = await linkFor(asked);
  for (const method of ["GET", "HEAD", "OPTIONS"]) {
    for (let round = 0; round < 5; round += 1) await fetch(link, { method });
  }
  const html = await (await fetch(link)).text();
  const field = (name) => html.match(new RegExp(`name="${name}" value="([^"]*)"`))[1];
  const body = new URLSearchParams({
    decision: "approve", action_digest: field("action_digest"), shown_digest: field("shown_digest"), comment: "",
  });
  const headers = { "sec-fetch-site": "same-origin" };
  const second = await (await fetch(link, { method: "POST", body, headers })).text();
  const hidden = [...second.matchAll(/name="(\w+)" value="([^"]*)"/g)].map(([, name, value]) => [name, value]);
  const pressed = await fetch(`${link}/confirm`, { method: "POST", body: new URLSearchParams(hidden), headers });
  assert.equal(pressed.status, 403, "it kept no cookie");
  assert.equal((await desk.get(asked.id)).version, 1);
});
