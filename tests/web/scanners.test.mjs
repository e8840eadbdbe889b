// Scanners, previews and sandboxes at the pages behind a decision link; see scanners.mjs. Each has a
// question and a link of its own. None decides, and each is shown to have come as far as it says.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Gateway } from "./gateway.mjs";
import { deploy, start } from "./harness.mjs";
import { drivers, scanners, Visitor } from "./scanners.mjs";

let desk;
let ana;
before(async () => {
  desk = await start();
  ana = await desk.member("ana@example.com", "Ana");
  await desk.policy({ name: "links", needs: [{ from: ["members"] }], assurance: "link" });
  await desk.policy({ name: "sessions", needs: [{ from: ["members"] }], assurance: "session" });
});
after(() => desk.stop());

/** Lets somebody loose on a new question; gives back the question as it is then, and what they saw. */
async function loose(profile, policy = "links") {
  const asked = await desk.ask({ ...deploy, policy });
  const made = await desk.api("POST", `/v1/approvals/${asked.id}/links`, desk.ready.admin_key, { member: ana.id });
  const gateway = await new Gateway().open();
  const visitor = new Visitor(desk, gateway, made.url);
  try {
    await profile.does(visitor);
  } finally {
    await visitor.leave();
    await gateway.close();
  }
  return { now: await desk.get(asked.id), saw: gateway.sum, link: made.url };
}

/** Nothing happened to it, and the person can still decide by the same link. */
async function isUntouched({ now, link }) {
  assert.deepEqual([now.status, now.version, now.votes], ["pending", 1, []]);
  const page = await (await fetch(link)).text();
  assert.match(page, /id="approve"/);
}

test("none of the scanners decides", { concurrency: 4 }, async (t) => {
  await Promise.all(scanners.map((scanner) => t.test(scanner.name, async () => {
    const end = await loose(scanner);
    assert.equal(end.saw, scanner.sees, "how far it came");
    await isUntouched(end);
  })));
  const names = new Set(scanners.map((one) => one.name));
  assert.equal(names.size, scanners.length);
  assert.ok(scanners.filter((one) => one.browser).length >= 30, "thirty of them in a real browser");
});

test("a program that goes through both pages like a person decides, and its vote is marked link", async () => {
  for (const driver of drivers) {
    const end = await loose(driver);
    assert.equal(end.now.status, driver.decides, driver.name);
    const [vote] = end.now.votes;
    assert.deepEqual([vote.approver.email, vote.assurance, vote.via], [ana.email, "link", "link"]);
    // So what is asked of the scanners above can be failed.
    await assert.rejects(isUntouched(end), assert.AssertionError, driver.name);
  }
});

test("where a policy wants more than a link, that program finds no button", async () => {
  const looks = {
    does: async (it) => {
      const page = await it.opened();
      assert.match(await page.textContent("main"), /This needs a surer sign/);
      assert.equal(await page.locator("button, input, textarea, form").count(), 0);
    },
  };
  const { now, saw } = await loose(looks, "sessions");
  assert.deepEqual([now.status, now.version, now.votes, saw], ["pending", 1, [], "GET 200"]);
});
