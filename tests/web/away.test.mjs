// Somebody is away and somebody else votes in their place; and who is looking at a request.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { deploy, start } from "./harness.mjs";

let desk;
before(async () => { desk = await start(); });
after(() => desk.stop());

test("votes are handed over on a page, used by the other, and taken back", async () => {
  const ana = await desk.member("ana@example.com", "Ana");
  const ben = await desk.member("ben@example.com", "Ben");
  await desk.policy({ name: "anas", needs: [{ from: ["member:ana@example.com"] }], assurance: "link" });
  const anas = await desk.signedIn(await desk.link(ana));
  await anas.goto(`${desk.url}/away`);
  assert.deepEqual(await desk.examine(anas, "away"), []);
  await anas.selectOption("#to", { label: "ben@example.com" });
  const until = new Date(Date.now() + 7 * 86_400_000).toISOString().slice(0, 10);
  await anas.fill("#until", until);
  await anas.getByRole("button", { name: "Hand over" }).click();
  await anas.locator("#back").waitFor();
  assert.match(await anas.textContent("main"), /ben@example\.com votes in your place, until/);
  assert.deepEqual(await desk.examine(anas, "away-given"), []);

  const bens = await desk.signedIn(await desk.link(ben));
  await bens.goto(`${desk.url}/away`);
  assert.match(await bens.textContent("main"), /You vote in the place of ana@example\.com/);
  const asked = await desk.ask({ ...deploy, policy: "anas" });
  await bens.goto(`${desk.url}/a/${asked.id}`);
  await bens.click("#look");
  await bens.locator("text=is looking at it").waitFor();
  await bens.click("#approve");
  await bens.locator(".ended.approved").waitFor();
  assert.match(await bens.textContent(".votes"), /ben@example\.com in the place of ana@example\.com/);

  await anas.click("#back");
  await anas.locator("#to").waitFor();
  const next = await desk.ask({ ...deploy, policy: "anas" });
  const answer = await bens.goto(`${desk.url}/a/${next.id}`);
  assert.equal(answer.status(), 404, "what is Ana's is not Ben's to read any more");
  assert.deepEqual(anas.faults, []);
  await anas.context().close();
  await bens.context().close();
});

test("votes handed over wrongly are told in words", async () => {
  const cal = await desk.member("cal@example.com", "Cal");
  const page = await desk.signedIn(await desk.link(cal));
  await page.goto(`${desk.url}/away`);
  await page.selectOption("#to", { index: 1 });
  await page.locator("#until").evaluate((field) => { field.type = "text"; field.value = "soon"; });
  await page.getByRole("button", { name: "Hand over" }).click();
  assert.match(await page.textContent(".notice"), /Say until which day/);
  assert.notEqual(await page.inputValue("#to"), "", "what was chosen is still there");
  // A day that is none is not taken for "at once".
  const until = new Date(Date.now() + 7 * 86_400_000).toISOString().slice(0, 10);
  await page.fill("#until", until);
  await page.locator("#since").evaluate((field) => { field.type = "text"; field.value = "soon"; });
  await page.getByRole("button", { name: "Hand over" }).click();
  assert.match(await page.textContent(".notice"), /Say from which day/);
  assert.equal(await page.inputValue("#until"), until);
  await page.context().close();
});

test("who is asked again is told that it was rejected, by whom and why", async () => {
  const page = await desk.owner();
  const again = { ...deploy, action: { ...deploy.action, title: "Drop the orders?" } };
  const first = await desk.ask(again);
  await page.goto(`${desk.url}/a/${first.id}`);
  assert.equal(await page.locator(".before").count(), 0);
  await page.fill("#comment", "Legal needs <b>them</b> until March.");
  await page.click("#reject");
  await page.locator(".ended.rejected").waitFor();
  const second = await desk.ask(again);
  await page.goto(`${desk.url}/a/${second.id}`);
  const told = await page.textContent(".before");
  assert.match(told, /rejected by dev@localhost\.test just now/);
  assert.match(told, /Legal needs <b>them<\/b> until March\./);
  assert.deepEqual(await desk.examine(page, "asked-before"), []);
  // Another action, however alike, was not asked before.
  const other = await desk.ask({ ...again, action: { ...again.action, target: "prod-us" } });
  await page.goto(`${desk.url}/a/${other.id}`);
  assert.equal(await page.locator(".before").count(), 0);
  assert.deepEqual(page.faults, []);
  await page.context().close();
});
