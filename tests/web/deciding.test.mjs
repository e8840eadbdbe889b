// What people come for: signing in, seeing what is asked, deciding it.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createHash } from "node:crypto";
import { after, before, test } from "node:test";
import { accountText, deploy, start } from "./harness.mjs";

let desk;
before(async () => { desk = await start(); });
after(() => desk.stop());

test("a link signs in once, however often scanners have opened it", async () => {
  const link = await desk.ownersLink();
  for (const method of ["HEAD", "GET", "OPTIONS", "GET", "HEAD"]) {
    for (let round = 0; round < 5; round += 1) {
      const answer = await fetch(link, { method, redirect: "manual" });
      assert.ok(answer.status === 200 || method === "OPTIONS", `${method} ${answer.status}`);
      assert.equal(answer.headers.get("set-cookie"), null);
    }
  }
  const ahead = await fetch(link, { headers: { "sec-purpose": "prefetch;prerender" } });
  assert.equal(ahead.status, 204);
  assert.equal(await ahead.text(), "");
  const page = await desk.signedIn(link);
  assert.equal(new URL(page.url()).pathname, "/");
  const [cookie] = await page.context().cookies();
  assert.equal(cookie.name, "askfirst_dev");
  assert.equal(cookie.httpOnly, true);
  assert.equal(cookie.sameSite, "Strict");

  const second = await (await desk.browser.newContext()).newPage();
  const answer = await second.goto(link);
  assert.equal(answer.status(), 404);
  assert.match(await second.textContent("main"), /no longer works[\s\S]*scripts\/dev/);
  assert.deepEqual(page.faults, []);
  await page.context().close();
  await second.context().close();
});

test("signing in again closes the earlier session, and signing out the present one", async () => {
  const page = await desk.owner();
  const earlier = (await page.context().cookies())[0].value;
  await page.goto(await desk.ownersLink());
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.waitForURL(`${desk.url}/`);
  const later = (await page.context().cookies())[0].value;
  assert.notEqual(earlier, later);
  const inbox = (token) => fetch(`${desk.url}/`, { headers: { cookie: `askfirst_dev=${token}` }, redirect: "manual" });
  assert.equal((await inbox(earlier)).status, 303);
  assert.equal((await inbox(later)).status, 200);
  await page.locator(".me summary").click();
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.waitForURL(`${desk.url}/login`);
  assert.equal((await inbox(later)).status, 303);
  await page.context().close();
});

test("a new request appears in the inbox by itself", async () => {
  const page = await desk.owner();
  await page.waitForLoadState("load");
  const asked = await desk.ask({ ...deploy, action: { ...deploy.action, title: "Appear?" } });
  await page.locator(`a[href="/a/${asked.id}"]`).waitFor();
  await desk.api("POST", `/v1/approvals/${asked.id}/cancel`, desk.ready.agent_key, {});
  await page.locator(`#ended a[href="/a/${asked.id}"] .chip.cancelled`).waitFor();
  assert.deepEqual(page.faults, []);
  await page.context().close();
});

test("an approval with a comment reaches the asker who waits", async () => {
  const page = await desk.owner();
  const asked = await desk.ask(deploy);
  const waiting = desk.get(asked.id, "?wait=30s");
  await page.goto(`${desk.url}/a/${asked.id}`);
  const text = await accountText(page);
  await page.fill("#comment", "Go ahead,\nbut watch the canary.");
  await page.click("#approve");
  const answer = await waiting;
  assert.equal(answer.status, "approved");
  assert.equal(answer.votes[0].comment, "Go ahead,\nbut watch the canary.");
  await page.locator(".ended.approved").waitFor();
  assert.match(await page.textContent(".votes"), /watch the canary/);
  assert.equal(await page.locator("#decide").count(), 0);
  assert.equal(await accountText(page), text, "what was decided reads as it read before");

  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.locator('a[href$="/proof.json"]').click(),
  ]);
  const chunks = [];
  for await (const chunk of await download.createReadStream()) chunks.push(chunk);
  const bundle = JSON.parse(Buffer.concat(chunks));
  assert.equal(bundle.shown[0].text, text, "what is kept is what the page said");
  assert.equal(bundle.shown[0].renderer, "web/2");
  const digest = `sha256:${createHash("sha256").update(text).digest("hex")}`;
  assert.equal(bundle.shown[0].digest, digest);
  assert.deepEqual(page.faults, []);
  await page.context().close();
});

test("a rejection ends it", async () => {
  const page = await desk.owner();
  const asked = await desk.ask(deploy);
  await page.goto(`${desk.url}/a/${asked.id}`);
  await page.click("#reject");
  await page.locator(".ended.rejected").waitFor();
  assert.equal((await desk.get(asked.id)).status, "rejected");
  await page.context().close();
});

test("what is asked back is answered, shown, and kept with the vote", async () => {
  const page = await desk.owner();
  const asked = await desk.ask(deploy);
  const heard = desk.get(asked.id, "?wait=30s&after=1");
  await page.goto(`${desk.url}/a/${asked.id}`);
  await page.click("#more-info");
  assert.match(await page.locator('[role="alert"]').textContent(), /Write here what you want to know/);
  assert.equal(await page.evaluate(() => document.activeElement.id), "comment");
  await page.fill("#comment", "Why on a Friday?");
  await page.click("#more-info");
  await page.locator(".part.inquiries").waitFor();
  const { inquiries: [inquiry] } = await heard;
  assert.equal(inquiry.question, "Why on a Friday?");
  const reply = { number: inquiry.number, text: "The fix cannot wait." };
  await desk.api("POST", `/v1/approvals/${asked.id}/reply`, desk.ready.agent_key, reply);
  await page.getByText("The fix cannot wait.").waitFor();
  const text = await accountText(page);
  assert.match(text, /Why on a Friday\?[\s\S]*The fix cannot wait\./);
  await page.click("#approve");
  await page.locator(".ended.approved").waitFor();
  const bundle = await desk.api("GET", `/v1/approvals/${asked.id}/proof?format=bundle&wait=10s`, desk.ready.agent_key);
  assert.equal(bundle.shown[0].text, text);
  assert.deepEqual(page.faults.filter((fault) => !fault.includes("status of 422")), [], "but for the empty question");
  await page.context().close();
});

test("everything works without JavaScript", async () => {
  const page = await desk.owner({ javaScriptEnabled: false });
  const asked = await desk.ask(deploy);
  await page.goto(`${desk.url}/`);
  await page.locator(`a[href="/a/${asked.id}"]`).click();
  await page.fill("#comment", "no script here");
  await page.click("#approve");
  await page.locator(".ended.approved").waitFor();
  await page.locator("#revoke summary").click();
  await page.fill("#revoke-reason", "changed my mind");
  await page.locator("#revoke button").click();
  await page.getByText("Revoked").first().waitFor();
  const seen = await desk.get(asked.id);
  assert.equal(seen.votes[0].comment, "no script here");
  assert.equal(seen.claim.state, "revoked");
  assert.equal(seen.usable, false);

  const other = await desk.ask(deploy);
  await page.goto(`${desk.url}/a/${other.id}`);
  await page.locator("#cancel summary").click();
  await page.locator("#cancel button").click();
  await page.locator(".ended.cancelled").waitFor();
  await page.goto(`${desk.url}/history`);
  assert.ok((await page.locator("#history a.row").count()) >= 2);
  await page.context().close();
});

test("the history is searched without JavaScript, and the address keeps what is looked for", async () => {
  const page = await desk.owner({ javaScriptEnabled: false });
  for (const title of ["Ship it 50%_a?", "Ship it 50xxa?"]) {
    const asked = await desk.ask({ action: { name: "ship", title } });
    await page.goto(`${desk.url}/a/${asked.id}`);
    await page.click(title.includes("%") ? "#approve" : "#reject");
    await page.locator(".ended").waitFor();
  }
  await page.goto(`${desk.url}/history`);
  await page.locator("#filter summary").click();
  await page.fill("#q", "50%_A");
  await page.selectOption("#status", "approved");
  await page.fill("#approver", "dev@localhost.test");
  await page.fill("#from", "2020-01-31");
  await page.getByRole("button", { name: "Find" }).click();
  assert.equal(await page.locator("#history a.row").count(), 1);
  assert.match(await page.textContent("#history .rows"), /Ship it 50%_a/);
  const found = new URL(page.url());
  assert.equal(found.searchParams.get("q"), "50%_A");
  // Whoever opens the address again sees the same, with the form as it was.
  await page.goto(found.href);
  assert.equal(await page.inputValue("#q"), "50%_A");
  assert.equal(await page.inputValue("#status"), "approved");
  assert.equal(await page.inputValue("#from"), "2020-01-31");
  assert.equal(await page.locator("#history a.row").count(), 1);
  assert.match(await page.textContent(".told"), /with 50%_A.*voted on by dev@localhost.test/);
  await page.locator("#filter summary").click();
  await page.selectOption("#status", "rejected");
  await page.getByRole("button", { name: "Find" }).click();
  assert.match(await page.textContent("#history"), /Nothing that has ended fits this/);
  await page.goto(`${desk.url}/history?approver=%25&from=soon&status=pending&q=${"x".repeat(300)}`);
  const told = await page.textContent(".notice");
  for (const field of ["Voted by", "From", "Ended as", "Text"]) assert.match(told, new RegExp(field));
  await page.getByRole("link", { name: "Show everything" }).click();
  assert.ok((await page.locator("#history a.row").count()) >= 2);
  await page.context().close();
});

test("an auditor finds entries, follows them and takes them away; an approver does not", async () => {
  const auditor = await desk.member("audi@example.com", "Audi", "auditor");
  const page = await desk.signedIn(await desk.link(auditor), { javaScriptEnabled: false });
  await page.locator(".me summary").click();
  await page.getByRole("link", { name: "Audit log" }).click();
  await page.locator("#filter summary").click();
  await page.fill("#kind", "approval.approved");
  await page.fill("#from", "2020-01-31");
  await page.getByRole("button", { name: "Find" }).click();
  const entries = page.locator("li.entry");
  assert.ok((await entries.count()) >= 1);
  for (const entry of await entries.allTextContents()) assert.match(entry, /approval\.approved/);
  await entries.first().locator("summary").click();
  assert.match(await entries.first().locator("pre").textContent(), /statement_digest/);
  const [file] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name: /CSV/ }).click()]);
  assert.equal(file.suggestedFilename(), "audit.csv");
  const csv = await readFile(await file.path(), "utf8");
  assert.equal(csv.trim().split("\r\n").length, (await entries.count()) + 1);
  // The head on the page is the one that the command finds.
  const head = (await page.locator("#whole ~ pre").first().textContent()).trim();
  const lines = await fetch(`${desk.url}/v1/audit?format=jsonl`, { headers: { authorization: `Bearer ${desk.ready.admin_key}` } });
  const last = JSON.parse((await lines.text()).trim().split("\n").at(-1));
  assert.equal(head, `${last.index}:${last.hash}`);
  await entries.first().getByRole("link").click();
  await page.locator(".ended").waitFor();
  await page.context().close();

  const bob = await desk.signedIn(await desk.link(await desk.member("bob@example.com", "Bob")));
  assert.equal(await bob.getByRole("link", { name: "Audit log", includeHidden: true }).count(), 0);
  for (const path of ["/audit", "/audit/export?format=csv"]) {
    assert.equal((await bob.goto(desk.url + path)).status(), 403);
  }
  await bob.context().close();
});

test("one sees where one is signed in, and ends it", async () => {
  const dora = await desk.member("dora@example.com", "Dora");
  const here = await desk.signedIn(await desk.link(dora), { javaScriptEnabled: false });
  const there = await desk.signedIn(await desk.link(dora));
  await here.goto(`${desk.url}/account`);
  const sessions = here.locator("#profile .votes li");
  assert.equal(await sessions.count(), 2);
  assert.equal(await sessions.filter({ hasText: "This browser" }).count(), 1);
  await here.getByRole("button", { name: "Sign out there" }).click();
  assert.equal(await sessions.count(), 1);
  await there.goto(`${desk.url}/`);
  assert.match(there.url(), /\/login/);
  const again = await desk.signedIn(await desk.link(dora));
  await here.reload();
  await here.getByRole("button", { name: "Sign out everywhere else" }).click();
  assert.equal(await sessions.count(), 1);
  await again.goto(`${desk.url}/`);
  assert.match(again.url(), /\/login/);
  await sessions.getByRole("button", { name: "Sign out" }).click();
  assert.match(here.url(), /\/login/);
  for (const page of [here, there, again]) await page.context().close();
});

test("a password lets a member vote as themselves, without JavaScript", async () => {
  await desk.policy({ name: "sure", needs: [{ from: ["members"] }], assurance: "session" });
  const asked = await desk.ask({ ...deploy, policy: "sure" });
  const emil = await desk.member("emil@example.com", "Emil");
  const page = await desk.signedIn(await desk.link(emil), { javaScriptEnabled: false });
  await page.goto(`${desk.url}/a/${asked.id}`);
  await page.locator("#barred").waitFor();
  await page.goto(`${desk.url}/account`);
  await page.fill("#password", "correct horse battery");
  await page.getByRole("button", { name: "Set a password" }).click();
  await page.locator("#current").waitFor();
  await page.locator(".me summary").click();
  await page.locator(".me").getByRole("button", { name: "Sign out" }).click();
  await page.fill("#email", "emil@example.com");
  await page.fill("#password", "wrong horse battery");
  await page.getByRole("button", { name: "Sign in" }).click();
  assert.match(await page.textContent(".notice"), /wrong/);
  assert.equal(await page.inputValue("#email"), "emil@example.com");
  await page.fill("#password", "correct horse battery");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.goto(`${desk.url}/a/${asked.id}`);
  await page.click("#approve");
  await page.locator(".ended.approved").waitFor();
  assert.equal((await desk.get(asked.id)).votes[0].assurance, "session");
  await page.context().close();
});

test("a link that is shown once stays in sight, whatever happens meanwhile", async () => {
  const page = await desk.owner();
  await page.goto(`${desk.url}/people`);
  await page.locator("#invite summary").click();
  await page.fill("#invite-email", "once@example.com");
  await page.getByRole("button", { name: "Make the invitation" }).click();
  const link = await page.textContent("#new-link pre");
  // News has come once another stream of this page is told of it.
  await page.evaluate(() => new Promise((open) => {
    const stream = new EventSource("/live");
    window.news = new Promise((told) => stream.addEventListener("changed", () => setTimeout(told, 300)));
    stream.addEventListener("open", open);
  }));
  await desk.ask(deploy);
  await page.evaluate(() => window.news);
  assert.equal(await page.textContent("#new-link pre"), link);
  await page.context().close();
});

test("an admin invites, moves and removes people, without JavaScript", async () => {
  const page = await desk.owner({ javaScriptEnabled: false });
  await page.locator(".me summary").click();
  await page.getByRole("link", { name: "People" }).click();
  await page.locator("#invite summary").click();
  await page.fill("#invite-email", "gina@example.com");
  await page.getByRole("button", { name: "Make the invitation" }).click();
  const link = (await page.textContent("#new-link pre")).trim();
  const gina = await (await desk.browser.newContext({ javaScriptEnabled: false })).newPage();
  await gina.goto(link);
  await gina.fill("#name", "Gina <b>G.</b>");
  await gina.fill("#password", "correct horse battery");
  await gina.getByRole("button", { name: "Sign in" }).click();
  await gina.locator("#inbox").waitFor();

  await page.goto(`${desk.url}/people`);
  const row = page.locator("li.entry", { hasText: "gina@example.com" }).first();
  assert.match(await row.textContent(), /Gina <b>G\.<\/b>/);
  await row.locator("summary").first().click();
  await row.locator("select").selectOption("auditor");
  await row.getByRole("button", { name: "Set the role" }).click();
  await page.locator("#new-group summary").click();
  await page.fill("#group-name", "finance");
  await page.fill("#group-members", "gina@example.com\nnobody@example.com");
  await page.getByRole("button", { name: "Make the group" }).click();
  assert.match(await page.textContent("main"), /nobody here has the address nobody@example.com/);
  await page.goto(`${desk.url}/people`);
  await page.locator("#new-group summary").click();
  await page.fill("#group-name", "finance");
  await page.fill("#group-members", "gina@example.com");
  await page.getByRole("button", { name: "Make the group" }).click();
  assert.match(await page.locator("#groups").textContent(), /finance[\s\S]*gina@example.com/);
  await gina.goto(`${desk.url}/people`);
  assert.equal(await gina.locator("form[action^='/people']").count(), 0, "an auditor only looks");

  await row.locator("summary").first().click();
  await row.locator("details details summary").click();
  await row.getByRole("button", { name: "Yes, remove" }).click();
  assert.match(await page.textContent("#people"), /Removed[\s\S]*was auditor/);
  await gina.goto(`${desk.url}/`);
  assert.match(gina.url(), /\/login/);
  await page.getByRole("button", { name: /Let in again/ }).first().click();
  await page.locator("#people").waitFor();
  for (const one of [page, gina]) await one.context().close();
});

test("of two tabs the first decides and the second is told", async () => {
  const page = await desk.owner();
  const second = await page.context().newPage();
  const asked = await desk.ask(deploy);
  // Without the script the second tab stays as it was.
  await second.route("**/live", (route) => route.abort());
  await page.goto(`${desk.url}/a/${asked.id}`);
  await second.goto(`${desk.url}/a/${asked.id}`);
  await page.click("#approve");
  await page.locator(".ended.approved").waitFor();
  const [answer] = await Promise.all([
    second.waitForResponse((response) => response.url().endsWith("/vote")),
    second.click("#reject"),
  ]);
  assert.equal(answer.status(), 409);
  assert.match(await second.textContent(".notice"), /decided already/);
  const seen = await desk.get(asked.id);
  assert.equal(seen.status, "approved");
  assert.equal(seen.votes.length, 1);
  await page.context().close();
});

test("an impatient finger votes once", async () => {
  const page = await desk.owner();
  const asked = await desk.ask(deploy);
  await page.goto(`${desk.url}/a/${asked.id}`);
  const form = await page.locator("#decide").evaluate((node) => Object.fromEntries(new FormData(node)));
  const cookie = `askfirst_dev=${(await page.context().cookies())[0].value}`;
  const send = () => fetch(`${desk.url}/a/${asked.id}/vote`, {
    method: "POST", redirect: "manual", body: new URLSearchParams({ ...form, decision: "approve" }),
    headers: { cookie, origin: desk.url },
  });
  const answers = await Promise.all([send(), send(), send()]);
  assert.deepEqual(answers.map((answer) => answer.status), [303, 303, 303]);
  assert.equal((await desk.get(asked.id)).votes.length, 1);
  await page.context().close();
});

test("a half-typed comment and the focus outlive the news", async () => {
  const ana = await desk.member("ana@example.com", "Ana");
  await desk.policy({ name: "pair", needs: [{ from: ["members"], count: 2 }], assurance: "key" });
  const page = await desk.owner();
  const anas = await desk.signedIn(await desk.link(ana));
  const asked = await desk.ask({ ...deploy, policy: "pair" });
  await page.goto(`${desk.url}/a/${asked.id}`);
  await page.locator("#comment").pressSequentially("I was thinking th");
  await anas.goto(`${desk.url}/a/${asked.id}`);
  await anas.click("#approve");
  await anas.getByText("1 more approval").waitFor();
  await page.getByText("ana@example.com").first().waitFor();
  assert.equal(await page.inputValue("#comment"), "I was thinking th");
  await page.keyboard.type("at");
  assert.equal(await page.inputValue("#comment"), "I was thinking that");
  await page.click("#approve");
  await page.locator(".ended.approved").waitFor();
  assert.deepEqual(page.faults, []);
  await page.context().close();
  await anas.context().close();
});

test("who may not decide is told why, and sees no buttons", async () => {
  await desk.policy({ name: "sure", needs: [{ from: ["members"], count: 1 }], assurance: "session" });
  const asked = await desk.ask({ ...deploy, policy: "sure" });
  const page = await desk.owner();
  await page.goto(`${desk.url}/a/${asked.id}`);
  assert.match(await page.textContent("#barred"), /surer sign/);
  assert.equal(await page.locator("#approve").count(), 0);
  const bea = await desk.member("bea@example.com", "Bea", "auditor");
  const beas = await desk.signedIn(await desk.link(bea));
  await beas.goto(`${desk.url}/a/${asked.id}`);
  assert.match(await beas.textContent("#barred"), /not an approver/);
  await page.context().close();
  await beas.context().close();
});

test("keys move the focus and decide nothing", async () => {
  const page = await desk.owner();
  const asked = await desk.ask({ ...deploy, priority: "critical" });
  await page.goto(`${desk.url}/`);
  await page.keyboard.press("j");
  const focused = () => page.evaluate(() => document.activeElement.getAttribute("href") ?? document.activeElement.id);
  assert.equal(await focused(), `/a/${asked.id}`);
  await page.keyboard.press("?");
  await page.locator("dialog[open]").waitFor();
  await page.keyboard.press("Escape");
  await page.keyboard.press("j");
  await page.keyboard.press("k");
  await page.keyboard.press("Enter");
  await page.waitForURL(`${desk.url}/a/${asked.id}`);
  await page.keyboard.press("r");
  assert.equal(await focused(), "reject");
  await page.keyboard.press("a");
  assert.equal(await focused(), "approve");
  assert.equal((await desk.get(asked.id)).status, "pending");
  await page.keyboard.press("Enter");
  await page.locator(".ended.approved").waitFor();
  assert.deepEqual(page.faults, []);
  await page.context().close();
});

test("a lost connection is said, and made good", async () => {
  const page = await desk.owner();
  const asked = await desk.ask(deploy);
  await page.route("**/live", (route) => route.abort());
  await page.goto(`${desk.url}/a/${asked.id}`);
  await page.locator("#offline").waitFor();
  await desk.api("POST", `/v1/approvals/${asked.id}/cancel`, desk.ready.agent_key, {});
  await page.unroute("**/live");
  await page.locator(".ended.cancelled").waitFor();
  await page.locator("#offline").waitFor({ state: "hidden" });
  await page.context().close();
});

test("a server that is asked to stop does so although pages listen", async () => {
  const other = await start();
  const page = await other.owner();
  await Promise.all([page.waitForResponse("**/live"), page.goto(`${other.url}/`)]);
  const began = performance.now();
  other.server.kill("SIGTERM");
  await other.exited;
  assert.ok(performance.now() - began < 3000, "it did not wait for the streams");
  await other.stop();
});
