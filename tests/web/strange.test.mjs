// The same hostile strings through what came later: grants, holds, the workspace's name, policies
// that are none, and the terminal inbox.
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { receiver, until } from "./harness.mjs";
import { readBack, unseen } from "./hostile.mjs";
import {
  STRINGS, check, cli, cut, desk, fieldsOf, inert, inked, key, open, portions, put, requestOf, said, share, signedIn, typed,
} from "./watch.mjs";
import { onTerminal } from "./terminal.mjs";

test("a grant says what may differ in its asker's words, before and after it is given", async () => {
  await desk.policy({ name: "granting", needs: [{ from: ["members"] }], assurance: "key", grants: { for: "2h", uses: 5 } });
  const pages = await signedIn(2);
  const pointer = (name) => `/arguments/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`;
  const some = [];
  // As many as the page offers places for.
  for (let from = 0; from < STRINGS.length; from += 22) some.push(STRINGS.slice(from, from + 22));
  await share(pages, some, async (page, strings, index) => {
    const about = `grants ${index}`;
    const [first, second] = strings;
    const named = strings.filter(Boolean).map((text) => cut(text, 120));
    const request = {
      ...requestOf(first, second), policy: "granting",
      action: { name: "x", title: first, target: second, arguments: Object.fromEntries(named.map((name, at) => [name, at])) },
    };
    const asked = await desk.ask(request);
    await open(page, `/a/${asked.id}`);
    await page.locator("#more-of-it summary").click();
    await check(page, about);
    const places = page.locator("#more-of-it label[for^=bound]");
    const labels = (await places.evaluateAll((nodes) => nodes.map((node) => node.innerText))).map(readBack);
    for (const name of named) assert.ok(labels.some((label) => label.startsWith(pointer(name))), `${about}: ${JSON.stringify(name)}`);

    await page.goto(`${desk.url}/a/${asked.id}`);
    await page.locator("#more-of-it summary").click();
    // A number's field lets nobody type this; a form of their own does.
    await page.locator("#grant_uses").evaluate((field, text) => { field.type = "text"; field.value = text; }, `x${cut(first, 200)}`);
    await page.evaluate(() => { for (const form of document.forms) form.noValidate = true; });
    await page.click("#approve");
    await check(page, about);
    assert.equal((await desk.get(asked.id)).status, "pending", about);

    await page.goto(`${desk.url}/a/${asked.id}`);
    await page.locator("#more-of-it summary").click();
    await page.fill("#grant_uses", "2");
    await page.locator("select[id^=bound]").evaluateAll((fields) => fields.forEach((field) => { field.value = "any"; }));
    await page.click("#approve");
    await page.locator(".notice", { hasText: "Read what you say yes to in advance" }).waitFor();
    await check(page, about);
    const bounds = (await fieldsOf(page)).filter((field) => field.label.startsWith("But ")).map((field) => key(field.label.slice(4)));
    for (const name of named) assert.ok(bounds.includes(pointer(name)), `${about}: ${JSON.stringify(name)} in ${JSON.stringify(bounds)}`);
    await page.click("#approve");
    await page.locator(".ended.approved").waitFor();
    await check(page, about);

    const again = await desk.ask({ ...request, action: { ...request.action, name: "y", arguments: { one: second } } });
    await desk.api("POST", `/v1/approvals/${again.id}/vote`, desk.ready.approver_key, {
      decision: "approve", action_digest: again.action_digest,
      grant: { for: 3600, uses: 2, bounds: { "/arguments/one": { one_of: strings }, "/target": "any" } },
    });
  });
  const [page] = pages;
  await page.goto(`${desk.url}/grants`);
  await check(page, "grants");
  const told = (await said(page, ".told li")).join("\n");
  const text = (await said(page, "main")).join("\n");
  const { data } = await desk.api("GET", "/v1/grants?limit=100", desk.ready.admin_key);
  assert.ok(data.length > 30, `${data.length}`);
  for (const grant of data.slice(0, 60)) {
    if (grant.action.target) assert.ok(text.includes(grant.action.target.trim()), JSON.stringify(grant.action.target));
    for (const place of Object.keys(grant.bounds)) assert.ok(told.includes(place.trim()), JSON.stringify(place));
  }
  await page.getByRole("button", { name: "Take it back" }).first().click();
  await page.getByText("taken back by").first().waitFor();
  await check(page, "a grant that was taken back");
  await page.context().close();
});

test("what the workspace is called and why its texts are kept are words", async () => {
  const [page] = await signedIn(1);
  const { name: before } = await desk.api("GET", "/v1/workspace", desk.ready.admin_key);
  const asked = await desk.ask({ action: { name: "x", title: "Keep" } });
  await desk.api("POST", `/v1/approvals/${asked.id}/cancel`, desk.ready.agent_key, {});
  const printable = STRINGS.filter((text) => !/[\u0000-\u001f\u007f-\u009f]/.test(text));
  for (const [index, text] of portions(printable, 120).filter(inked).entries()) {
    await desk.api("PATCH", "/v1/workspace", desk.ready.admin_key, { name: text });
    await open(page, index % 2 ? "/settings" : "/");
    await check(page, text);
    if (index % 2) assert.equal(readBack(await page.textContent("#workspace")).trim(), text.trim());
  }
  await desk.api("PATCH", "/v1/workspace", desk.ready.admin_key, { name: before });
  for (const [index, text] of portions(printable, 480).filter(inked).entries()) {
    const hold = async (selector, button, shown) => {
      await put(page, selector, text);
      await page.getByRole("button", { name: button }).click();
      assert.deepEqual(await page.locator(".notice[role=alert]").allInnerTexts(), [], JSON.stringify(text));
      await check(page, text);
      const told = readBack((await page.locator(shown).innerText()).replaceAll("\n", ""));
      assert.ok(told.includes(text.trim()), `${JSON.stringify(text)} in ${JSON.stringify(told)}`);
    };
    if (index % 2) {
      await page.goto(`${desk.url}/settings`);
      await hold("#reason", "Put everything on hold", "section[aria-labelledby=on-hold]");
      await page.getByRole("button", { name: "Release the hold" }).click();
      continue;
    }
    await page.goto(`${desk.url}/a/${asked.id}`);
    await page.locator("#keep summary").click();
    await hold("#hold-reason", "Put on hold", "#hold");
    await page.locator("#keep summary").click();
    await page.getByRole("button", { name: "Release the hold" }).click();
  }
  for (const path of ["/audit?kind=approval", "/audit?kind=workspace"]) {
    await open(page, path);
    await check(page, path);
  }
  for (const text of portions(printable, 120).filter((_, index) => index % 6 === 0)) {
    await open(page, `/docs/${encodeURIComponent(text)}`);
    await check(page, text);
  }
  await page.context().close();
});

test("what a receiver answers is words, and so are URLs and hosts that are none", async (t) => {
  const admin = (method, path, body) => desk.api(method, path, desk.ready.admin_key, body);
  const [page] = await signedIn(1);
  const hook = await receiver();
  t.after(hook.close);
  // As much as is kept of an answer; no letter is cut in two.
  const answers = portions(STRINGS, 240);
  const given = new Map();
  hook.answer = ({ told: { data }, headers: { "webhook-id": id } }) => {
    if (data.challenge) return null;
    // What is sent again is answered the same.
    if (!given.has(id)) given.set(id, answers[given.size]);
    return [200, given.get(id)];
  };
  const made = await admin("POST", "/v1/webhooks", { url: hook.url, events: ["asked"] });
  for (const _ of answers) await desk.ask({ action: { name: "x", title: "Tell" } });
  let log = [];
  await until(async () => {
    log = [];
    for (let cursor = ""; cursor !== null;) {
      const part = await admin("GET", `/v1/webhooks/${made.id}/deliveries?limit=100${cursor && `&cursor=${cursor}`}`);
      log.push(...part.data);
      cursor = part.next_cursor;
    }
    return log.length === answers.length && log.every((line) => line.response_status === 200);
  });
  const answered = new Set(log.map((line) => line.response_body));
  for (const text of answers) assert.ok(answered.has(text), JSON.stringify(text));
  let shown = 0;
  for (let path = `/webhooks/${made.id}`; path; shown += 1) {
    await page.goto(desk.url + path);
    await page.locator("#webhook details").evaluateAll((all) => all.forEach((one) => { one.open = true; }));
    await check(page, path);
    for (const line of log.slice(shown * 20, shown * 20 + 20)) {
      const [read] = await said(page, `#${line.id} .scroll`);
      assert.equal(read, line.response_body, line.id);
    }
    const older = page.getByRole("link", { name: "Older" });
    path = await older.count() ? await older.getAttribute("href") : null;
  }
  assert.ok(shown > 2, `${shown}`);
  assert.equal(unseen(await cli(desk.ready.admin_key, "webhooks", "log", made.id)), null);
  inert((await cli(desk.ready.admin_key, "webhooks", "log", made.id, "--json")).replaceAll("\n", ""));
  await admin("DELETE", `/v1/webhooks/${made.id}`);

  for (const [index, text] of portions(STRINGS, 900).entries()) {
    await open(page, "/webhooks");
    const [field, button, mistake] = index % 2 ? ["#url", "Add it and show its secret", "#url-mistake"] : ["#hosts", "Save the hosts", "#hosts-mistake"];
    const kept = await put(page, field, `${text}\n<b>`);
    await page.getByRole("button", { name: button }).click();
    await page.locator(mistake).waitFor();
    await check(page, text);
    assert.equal(typed(await page.inputValue(field)), typed(kept), "what was typed comes back");
    inert(await cli(desk.ready.admin_key, "webhooks", "add", text, "--json").then((out) => out.replaceAll("\n", "")), text);
  }
  assert.deepEqual((await admin("GET", "/v1/webhooks")).data, []);
  await page.context().close();
});

/** Looks at each of so many requests in the inbox from top to bottom, and gives each row that was shown. */
async function readAll(inbox, count) {
  const shown = new Set();
  const foot = (rows) => rows.at(-1);
  const look = async (what, holds) => {
    const rows = await inbox.until(what, holds);
    for (const row of rows) shown.add(row);
    return foot(rows);
  };
  await look("the list", (rows) => rows.some((row) => row.startsWith("› ")));
  for (let at = 0; at < count; at += 1) {
    inbox.press(at === 0 ? "\r" : "j\r");
    let here = await look("a request", (rows) => foot(rows).includes("q back"));
    while (here.endsWith("more ↓")) {
      const before = here;
      inbox.press(" ");
      here = await look("what comes below", (rows) => foot(rows) !== before);
    }
    inbox.press("q");
    await look("the list again", (rows) => foot(rows).includes("Enter open"));
  }
  return shown;
}

test("the terminal inbox writes words, and nothing else that a terminal would act on", async (t) => {
  const { data } = await desk.api("GET", "/v1/approvals?status=pending&limit=100", desk.ready.agent_key);
  for (const { id } of data) await desk.api("POST", `/v1/approvals/${id}/cancel`, desk.ready.agent_key, {});
  const some = portions(STRINGS, 290, " ").filter(inked);
  const waiting = some.map((text, index) => requestOf(text, some[(index + 1) % some.length]));
  const asked = await Promise.all(waiting.map((request) => desk.ask(request)));
  const inbox = onTerminal("inbox", { ASKFIRST_URL: desk.url, ASKFIRST_KEY: desk.ready.approver_key });
  t.after(() => inbox.stop());
  const shown = [...await readAll(inbox, asked.length)].join("\n");
  inbox.press("q");
  assert.equal(await inbox.ended(), 0);
  for (const { action_digest: digest } of asked) assert.ok(shown.includes(digest), `${digest} was not read`);
  for (const mark of ["LOOK CLOSELY", "END OF THE AGENT'S OWN WORDS", "<U+202E>", "<U+001B>"]) {
    assert.ok(shown.includes(mark), mark);
  }
  assert.deepEqual(inbox.acts, []);
  // What the inbox itself says to the terminal: where to write, how, and that it takes the screen.
  const own = /\u001b(?:\[(?:\d+;\d+H|[0-9;]*m|2J|\?(?:1049|25|2004|1)[hl]|6n|0? q)|[78=>])/g;
  const rest = inbox.sent().replaceAll(own, "").replaceAll(/[\r\n]/g, "");
  assert.equal(unseen(rest), null);
});

test("the command line shows grants, holds and policies that are none as words", async () => {
  const folder = await mkdtemp(join(tmpdir(), "askfirst-words-"));
  const { admin_key: admin } = desk.ready;
  assert.equal(unseen(await cli(admin, "grants", "list", "--all")), null);
  inert((await cli(admin, "grants", "list", "--all", "--json")).replaceAll("\n", ""));
  const { data } = await desk.api("GET", "/v1/grants?limit=100", admin);
  assert.ok(data.length > 30, `${data.length}`);
  for (const { id } of data) {
    const shown = await cli(admin, "grants", "show", id);
    assert.match(shown, /in advance/);
    assert.equal(unseen(shown), null);
  }
  inert((await cli(admin, "grants", "show", data[0].id, "--json")).replaceAll("\n", ""));
  const file = join(folder, "policy.json");
  for (const [index, text] of portions(STRINGS, 500).entries()) {
    const parts = {
      0: { name: text, needs: [{ from: ["members"] }] }, 1: { name: "x", needs: [{ from: [`group:${text}`] }] },
      2: { name: "x", needs: [{ from: ["members"] }], [text]: text }, 3: { name: "x", needs: [{ from: ["members"], grants: text }], on_timeout: text },
    };
    await writeFile(file, JSON.stringify(parts[index % 4]));
    for (const args of [["policy", "check", file], ["policy", "diff", file], ["workspace", "hold", "--reason", text], ["workspace", "show"], ["workspace", "release"], ["grants", "show", text], ["grants", "revoke", text]]) inert((await cli(admin, ...args)).replaceAll("\n", ""), args.join(" "));
  }
  await rm(folder, { recursive: true });
});
