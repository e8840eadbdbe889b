// Changing what is asked for before saying yes, and filling in the asker's form.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { accountText, deploy, start } from "./harness.mjs";

let desk;
before(async () => { desk = await start(); });
after(() => desk.stop());

const open = { ...deploy, editable: ["/arguments/version", "/target"] };

test("a change is read as it will be before it is approved", async () => {
  const page = await desk.owner();
  const asked = await desk.ask(open);
  await page.goto(`${desk.url}/a/${asked.id}`);
  await page.locator("#changes summary").click();
  await page.fill("#edit0", "9.9");
  await page.fill("#comment", "9.9 is the safe one");
  await page.click("#approve");
  assert.match(await page.textContent(".notice"), /Read it as you changed it/);
  const review = await accountText(page);
  assert.match(review, /WHAT APPROVERS CHANGED/);
  assert.match(review, /version: "9\.9"/);
  assert.equal((await desk.get(asked.id)).status, "pending", "nothing is recorded by reading");
  assert.deepEqual(await desk.examine(page, "edit-review"), []);
  await page.click("#approve");
  await page.locator(".ended.approved").waitFor();
  const done = await desk.get(asked.id);
  assert.equal(done.action.arguments.version, "9.9");
  assert.equal(done.revisions.length, 2);
  assert.equal(done.votes[0].comment, "9.9 is the safe one");
  assert.equal(await accountText(page), review, "what was approved reads as it was reviewed");
  const bundle = await desk.api("GET", `/v1/approvals/${asked.id}/proof?format=bundle&wait=10s`, desk.ready.agent_key);
  assert.equal(bundle.shown[0].text.trimEnd(), review.trimEnd());
  assert.equal(bundle.actions.length, 2);
  assert.deepEqual(page.faults, []);
  await page.context().close();
});

test("a change that cannot stand says so and keeps what was typed", async () => {
  const page = await desk.owner();
  const asked = await desk.ask(open);
  await page.goto(`${desk.url}/a/${asked.id}`);
  await page.locator("#changes summary").click();
  await page.fill("#edit1", "   ");
  await page.fill("#comment", "keep me");
  await page.click("#approve");
  assert.match(await page.textContent(".notice"), /cannot be changed like that/);
  assert.equal(await page.inputValue("#comment"), "keep me");
  assert.equal((await desk.get(asked.id)).version, 1);
  await page.context().close();
});

test("a form is filled in and checked, and a no needs none of it", async () => {
  const answer_schema = {
    type: "object",
    properties: {
      region: { enum: ["eu", "us"], title: "Region", description: "Where the data may go" },
      share: { type: "integer", minimum: 1, maximum: 50 },
      sure: { type: "boolean" },
      why: { type: "string" },
    },
    required: ["region", "why"],
  };
  const page = await desk.owner();
  const asked = await desk.ask({ ...deploy, answer_schema });
  await page.goto(`${desk.url}/a/${asked.id}`);
  assert.match(await accountText(page), /Form to fill in/);
  await page.selectOption("#answer0", { label: "us" });
  await page.fill("#answer1", "51");
  await page.selectOption("#answer2", { label: "yes" });
  await page.fill("#answer3", "because");
  assert.deepEqual(await desk.examine(page, "form"), []);
  await page.click("#approve");
  assert.match(await page.textContent(".notice"), /share/);
  assert.equal(await page.inputValue("#answer3"), "because");
  await page.fill("#answer1", "50");
  await page.click("#approve");
  await page.locator(".ended.approved").waitFor();
  const done = await desk.get(asked.id);
  assert.deepEqual(done.decision.answer, { region: "us", share: 50, sure: true, why: "because" });
  assert.match(await page.textContent(".votes"), /"share": 50/);

  const other = await desk.ask({ ...deploy, answer_schema });
  await page.goto(`${desk.url}/a/${other.id}`);
  await page.click("#reject");
  await page.locator(".ended.rejected").waitFor();
  assert.deepEqual(page.faults.filter((fault) => !fault.includes("422")), []);
  await page.context().close();
});

test("what an asker wrote into a form or a pointer is text and nothing else", async () => {
  const page = await desk.owner();
  const evil = '"><script>alert(1)</script>\u202e';
  const asked = await desk.ask({
    ...deploy,
    action: { ...deploy.action, arguments: { [evil]: evil } },
    editable: [`/arguments/${evil.replaceAll("~", "~0").replaceAll("/", "~1")}`],
    answer_schema: { properties: { [evil]: { enum: [evil], title: evil, description: evil } } },
  });
  await page.goto(`${desk.url}/a/${asked.id}`);
  assert.equal(await page.locator("script:not([src])").count(), 0);
  assert.match(await page.textContent('label[for="answer0"]'), /<script>.*U\+202E/s);
  assert.match(await page.textContent('label[for="edit0"]'), /<script>.*U\+202E/s);
  assert.deepEqual(page.faults, []);
  await page.context().close();
});
