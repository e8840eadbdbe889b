// Saying yes to more of a kind in advance, seeing it used, and taking it back.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { accountText, deploy, start } from "./harness.mjs";

let desk;
before(async () => {
  desk = await start();
  await desk.policy({
    name: "granting", needs: [{ from: ["members"] }], assurance: "key",
    grants: { for: "2h", uses: 5 },
  });
});
after(() => desk.stop());

const question = { ...deploy, policy: "granting" };
const next = (version, replicas) => ({
  ...question,
  action: { ...deploy.action, arguments: { ...deploy.action.arguments, version, replicas } },
});

test("what is granted is read before, used at once, and taken back", async () => {
  const page = await desk.owner();
  const asked = await desk.ask(question);
  await page.goto(`${desk.url}/a/${asked.id}`);
  await page.locator("#more-of-it summary").click();
  await page.fill("#grant_uses", "2");
  await page.selectOption("#grant_for", { label: "1h" });
  const open = async (place, choice) => {
    const label = page.locator("#more-of-it label", { hasText: place });
    await page.selectOption(`#${await label.getAttribute("for")}`, { label: choice });
  };
  await open("/arguments/version", "may be anything");
  await open("/arguments/replicas", "may be from 0 to 3");
  assert.deepEqual(await desk.examine(page, "grant-form"), []);
  await page.click("#approve");
  assert.match(await page.textContent(".notice"), /Read what you say yes to in advance/);
  const review = await accountText(page);
  assert.match(review, /MORE OF THE KIND, IN ADVANCE/);
  assert.match(review, /at most 2 times, within 1h/);
  assert.match(review, /But \/arguments\/version: anything/);
  assert.match(review, /But \/arguments\/replicas: a number from 0 to 3; here it is 3/);
  assert.equal((await desk.get(asked.id)).status, "pending", "nothing is recorded by reading");
  assert.deepEqual(await desk.examine(page, "grant-review"), []);
  await page.click("#approve");
  await page.locator(".ended.approved").waitFor();
  const done = await desk.get(asked.id);
  assert.match(done.votes[0].granted, /^grt_/);
  const bundle = await desk.api("GET", `/v1/approvals/${asked.id}/proof?format=bundle&wait=10s`, desk.ready.agent_key);
  assert.equal(bundle.shown[0].text.trimEnd(), review.trimEnd(), "the grant is part of what was shown");

  assert.equal((await desk.ask(next("3.0", 4))).status, "pending", "more replicas than that");
  const used = await desk.ask(next("3.0", 1));
  assert.equal(used.status, "approved");
  await page.goto(`${desk.url}/a/${used.id}`);
  assert.match(await page.textContent(".votes"), /given in advance, by a grant/);
  assert.deepEqual(await desk.examine(page, "grant-used"), []);

  await page.goto(`${desk.url}/grants`);
  assert.match(await page.textContent("main"), /used 1 of 2 times/);
  assert.deepEqual(await desk.examine(page, "grants"), []);
  const auditor = await desk.signedIn(await desk.link(await desk.member("otis@example.com", "Otis", "auditor")));
  await auditor.goto(`${desk.url}/grants`);
  assert.match(await auditor.textContent("main"), /replicas may be a number from 0 to 3/);
  const offered = auditor.getByRole("button", { name: "Take it back" });
  assert.equal(await offered.count(), 0, "nobody is offered what they may not do");
  await auditor.context().close();
  await page.getByRole("button", { name: "Take it back" }).click();
  await page.getByText("taken back by").waitFor();
  assert.equal((await desk.ask(next("3.1", 1))).status, "pending");
  assert.deepEqual(page.faults, []);
  await page.context().close();
});

test("a grant that makes no sense says so and records nothing", async () => {
  const page = await desk.owner();
  const asked = await desk.ask(question);
  await page.goto(`${desk.url}/a/${asked.id}`);
  await page.locator("#more-of-it summary").click();
  await page.fill("#grant_uses", "many");
  await page.fill("#comment", "keep me");
  await page.click("#approve");
  assert.match(await page.textContent(".notice"), /“many” is no number of times/);
  assert.equal(await page.inputValue("#comment"), "keep me");
  await page.locator("#more-of-it summary").click();
  await page.fill("#grant_uses", "6");
  await page.click("#approve");
  await page.click("#approve");
  assert.match(await page.textContent(".notice"), /1 to 5, by the policy/);
  assert.equal((await desk.get(asked.id)).version, 1);
  await page.context().close();
});

test("where the policy offers none, there are no fields for one", async () => {
  const page = await desk.owner();
  const asked = await desk.ask(deploy);
  await page.goto(`${desk.url}/a/${asked.id}`);
  assert.equal(await page.locator("#more-of-it").count(), 0);
  await page.context().close();
});

test("somebody without an account is offered no way into one", async () => {
  const page = await desk.owner();
  const cora = await desk.member("cora@partner.example", "Cora", "contact");
  await desk.member("ben@example.com", "Ben");
  await page.goto(`${desk.url}/people`);
  const row = page.locator("li.entry", { hasText: "cora@partner.example" });
  await row.locator(`#member-${cora.id} > summary`).click();
  assert.equal(await row.getByRole("button", { name: "Make a sign-in link" }).count(), 0);
  assert.equal(await row.getByRole("button", { name: "Set the role" }).count(), 1);
  await page.goto(`${desk.url}/away`);
  const names = await page.locator("#to option").allTextContents();
  assert.ok(names.includes("ben@example.com") && !names.includes("cora@partner.example"), names.join());
  await page.context().close();
});
