// What is kept and what is let go of: holds and erasure, on the pages.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { deploy, start } from "./harness.mjs";

let desk;
before(async () => { desk = await start(); });
after(() => desk.stop());

test("an admin holds, releases and erases, without JavaScript; nobody else finds the forms", async () => {
  const page = await desk.owner({ javaScriptEnabled: false });
  const asked = await desk.ask({ ...deploy, reason: "the word is xyzzy" });
  await desk.api("POST", `/v1/approvals/${asked.id}/cancel`, desk.ready.agent_key, {});
  const eve = await desk.signedIn(await desk.link(await desk.member("eve@example.com", "Eve")));
  await eve.goto(`${desk.url}/a/${asked.id}`);
  assert.equal(await eve.locator("#keep").count(), 0);
  assert.equal((await eve.goto(`${desk.url}/settings`)).status(), 404);

  await page.goto(`${desk.url}/a/${asked.id}`);
  await page.locator("#keep summary").click();
  await page.fill("#hold-reason", "A lawsuit <b>now</b>");
  await page.getByRole("button", { name: "Put on hold" }).click();
  assert.match(await page.textContent("#hold"), /A lawsuit <b>now<\/b>/);
  assert.match(await page.textContent("main"), /xyzzy/);
  await page.locator("#keep summary").click();
  assert.equal(await page.getByRole("button", { name: "Erase" }).count(), 0);
  await page.getByRole("button", { name: "Release the hold" }).click();
  await page.locator("#keep summary").click();
  await page.locator("input[name=sure]").check();
  await page.getByRole("button", { name: "Erase the texts" }).click();
  assert.match(await page.textContent("main"), /The texts were erased/);
  assert.doesNotMatch(await page.content(), /xyzzy|v2\.1/);
  await page.goto(`${desk.url}/history`);
  assert.match(await page.textContent("main"), /deploy\.production/);
  for (const one of [page, eve]) await one.context().close();
});

test("the settings say how long texts are kept and take a hold on everything", async () => {
  const page = await desk.owner({ javaScriptEnabled: false });
  await page.goto(`${desk.url}/settings`);
  assert.match(await page.textContent("main"), /kept for good/);
  for (const [days, sure, wanted] of [["soon", true, /a number of days/], ["30", false, /you are sure/], ["9999", true, /1 to 3650/]]) {
    await page.fill("#days", days);
    if (sure) await page.locator("input[name=sure]").check();
    await page.getByRole("button", { name: "Keep them so long" }).click();
    assert.match(await page.textContent(".notice"), wanted);
    assert.equal(await page.inputValue("#days"), days, "what was typed is not lost");
  }
  await page.fill("#days", "30");
  await page.locator("input[name=sure]").check();
  await page.getByRole("button", { name: "Keep them so long" }).click();
  assert.match(await page.textContent("#settings"), /erased 30 days after the end/);
  const long = "An inquiry ".repeat(60);
  await page.locator("#reason").evaluate((field) => field.removeAttribute("maxlength"));
  await page.fill("#reason", long);
  await page.getByRole("button", { name: "Put everything on hold" }).click();
  assert.match(await page.textContent(".notice"), /500/);
  assert.equal(await page.inputValue("#reason"), long, "what was typed is not lost");
  assert.equal(await page.inputValue("#days"), "30", "nor what holds in the other form");
  await page.fill("#reason", "An inquiry");
  await page.getByRole("button", { name: "Put everything on hold" }).click();
  assert.match(await page.textContent("#settings"), /Nothing is erased[\s\S]*An inquiry/);
  await page.getByRole("button", { name: "Release the hold" }).click();
  await page.fill("#days", "");
  await page.getByRole("button", { name: "Keep them so long" }).click();
  assert.match(await page.textContent("main"), /kept for good/);
  await page.context().close();
});
