// The keys of a workspace, on their page.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { start } from "./harness.mjs";

let desk;
before(async () => { desk = await start(); });
after(() => desk.stop());

test("an admin sees which API a key speaks and takes it back, without JavaScript; nobody else finds the page", async () => {
  const name = "agent <b>one</b>";
  const made = await desk.api("POST", "/v1/keys", desk.ready.admin_key, { name, scopes: ["ask"], dialect: "ambedo" });
  const asks = async () => (await fetch(`${desk.url}/api/pause`, { headers: { authorization: `Bearer ${made.key}` } })).status;
  assert.equal(await asks(), 200);
  const eve = await desk.signedIn(await desk.link(await desk.member("eve@example.com", "Eve")));
  assert.equal((await eve.goto(`${desk.url}/keys`)).status(), 404);

  const page = await desk.owner({ javaScriptEnabled: false });
  await page.goto(desk.url);
  await page.locator(".me summary").click();
  await page.getByRole("link", { name: "Keys" }).click();
  const entry = page.locator(".entry", { hasText: name });
  assert.match(await entry.textContent(), /For the Ambedo API \(\/api\/pause\)\. It may: ask, under the default policy\./);
  assert.equal(await page.locator(".entry", { hasText: "For Askfirst's own API (/v1)" }).count(), 3);
  assert.ok(!(await page.content()).includes(made.key), "a key is shown once, where it is made");
  await entry.locator("summary").click();
  await entry.getByRole("button", { name: "Revoke it now" }).click();
  assert.equal(new URL(page.url()).pathname, "/keys");
  assert.match(await page.getByRole("status").textContent(), /The key is revoked.*agent <b>one<\/b>.*refused from now on/s);
  assert.match(await page.locator(".entry", { hasText: name }).textContent(), /Revoked/);
  await page.goto(`${desk.url}/keys`);
  assert.equal(await page.getByRole("status").count(), 0, "it is told once");
  assert.equal(await asks(), 401);
  for (const one of [page, eve]) await one.context().close();
});
