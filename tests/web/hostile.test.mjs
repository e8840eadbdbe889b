// Hundreds of hostile strings through every field that somebody can write, on every page that
// shows them, and through the command line: nothing is interpreted, nothing is hidden, nothing
// is pushed out of reach. Grants, holds, names and the terminal inbox are in strange.test.mjs.
import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { readBack, unseen } from "./hostile.mjs";
import {
  ALL, STRINGS, check, cli, cut, desk, fieldsOf, inert, inked, key, open, portions, put, requestOf, said, share, signedIn, typed, unquoted, watched,
} from "./watch.mjs";

test("there are many of them, and each is another", () => {
  assert.ok(ALL.length >= 400);
  assert.equal(new Set(ALL.map((one) => one.text)).size, ALL.length);
});

test("a request says what its asker wrote, to the character, and does nothing else", async () => {
  const pages = await signedIn(2);
  const pairs = [];
  for (let at = 0; at < STRINGS.length; at += 2) pairs.push([STRINGS[at], STRINGS[at + 1] ?? STRINGS[0]]);
  await share(pages, pairs, async (page, [text, other]) => {
    const asked = await desk.ask(requestOf(text, other));
    const about = JSON.stringify([text, other]);
    await open(page, `/a/${asked.id}`);
    await check(page, about);
    const fields = await fieldsOf(page);
    const values = (label) => fields.filter((field) => field.label === label).map((field) => unquoted(field.value));
    assert.deepEqual(values("Title"), [text], about);
    assert.deepEqual(values("Target"), [other], about);
    assert.deepEqual(values("Reason"), [other], about);
    assert.deepEqual(values("Action"), [asked.action.name], about);
    assert.deepEqual(values("Run"), [asked.agent.run], about);
    assert.deepEqual(values("Call"), [asked.agent.call], about);
    assert.deepEqual([values("[0]"), values("[1]")], [[text], [other]], about);
    const under = (name) => fields.filter((field) => key(field.label) === name).map((field) => field.value && unquoted(field.value)).toSorted();
    assert.deepEqual(under(text), [text, other].toSorted(), about);
    assert.deepEqual(under(other), ["", text], about);
    const heading = await page.title();
    assert.equal(readBack(heading.replace(/ · Askfirst$/, "")).trim(), text.trim(), about);
    await desk.api("POST", `/v1/approvals/${asked.id}/cancel`, desk.ready.agent_key, { reason: text });
  });
  await pages[0].context().close();
});

test("lists show each title and target whole, and nothing beside its row", async () => {
  const [page] = await signedIn(1);
  for (let from = 0; from < STRINGS.length; from += 150) {
    const some = STRINGS.slice(from, from + 150);
    const asked = await Promise.all(some.map((text) => desk.ask(requestOf(text))));
    await page.goto(desk.url);
    await check(page, `inbox from ${from}`);
    const titles = await said(page, "#yours .row-title");
    const targets = await said(page, "#yours .target");
    assert.deepEqual(titles.toSorted(), some.toSorted());
    assert.deepEqual(targets.toSorted(), some.toSorted());
    await Promise.all(asked.map(({ id }) => desk.api("POST", `/v1/approvals/${id}/cancel`, desk.ready.agent_key)));
  }
  const known = new Set();
  let pages = 0;
  for (let path = "/history"; path; pages += 1) {
    await open(page, path);
    await check(page, path);
    for (const title of await said(page, "#history .row-title")) known.add(title);
    path = await page.evaluate(() => [...document.querySelectorAll("a.button")].find((link) => link.textContent === "Older")?.getAttribute("href"));
    if (known.size === STRINGS.length) break;
  }
  assert.deepEqual(STRINGS.filter((text) => !known.has(text)), []);
  await page.context().close();
});

test("what is said while deciding is words: questions, answers, comments, reasons, outcomes", async () => {
  const pages = await signedIn(2);
  await share(pages, portions(STRINGS, 1900, "\n"), async (page, text, index) => {
    const about = JSON.stringify(text.slice(0, 80));
    const words = typed(text).trim();
    const same = async (selector) => assert.deepEqual((await said(page, selector)).map((one) => one.trim()), [words], `${selector} ${about}`);
    const asked = await desk.ask({ action: { name: "x", title: `Say ${index}` } });
    const decide = async (button, after) => {
      await put(page, "#comment", text);
      await page.click(button);
      await page.locator(after).first().waitFor();
      await check(page, about);
    };
    await page.goto(`${desk.url}/a/${asked.id}`);
    await decide("#more-info", ".part.inquiries");
    await desk.api("POST", `/v1/approvals/${asked.id}/reply`, desk.ready.agent_key, { number: 1, text });
    await page.goto(`${desk.url}/a/${asked.id}`);
    const fields = await fieldsOf(page);
    const value = (label) => unquoted(fields.find((field) => field.label === label).value).trim();
    assert.deepEqual([value("Question 1"), value("Answer to question 1")], [words, text.trim()], about);
    await decide(index % 2 ? "#reject" : "#approve", ".votes");
    await same(".votes blockquote");
    if (index % 2) {
      const again = await desk.ask({ action: { name: "x", title: `Say ${index}` } });
      await open(page, `/a/${again.id}`);
      await check(page, about);
      await same(".before blockquote");
      await desk.api("POST", `/v1/approvals/${again.id}/cancel`, desk.ready.agent_key, { reason: text });
      await open(page, `/a/${again.id}`);
      await check(page, about);
      return;
    }
    if (index % 4) {
      await page.locator("#revoke summary").click();
      await put(page, "#revoke-reason", text);
      await page.click("#revoke button");
      await page.locator(".ended").waitFor();
    } else {
      await desk.api("POST", `/v1/approvals/${asked.id}/consume`, desk.ready.agent_key, { action_digest: asked.action_digest });
      await desk.api("POST", `/v1/approvals/${asked.id}/outcome`, desk.ready.agent_key, { status: "failed", note: text });
      await open(page, `/a/${asked.id}`);
      assert.deepEqual((await said(page, ".ended blockquote")).map((one) => one.trim()), [text.trim()], about);
    }
    await check(page, about);
  });
  await pages[0].context().close();
});

test("what may be changed and filled in is words, and what was not touched was not changed", async () => {
  const pages = await signedIn(2);
  const some = [];
  for (let from = 0; from < STRINGS.length; from += 32) some.push(STRINGS.slice(from, from + 32));
  await share(pages, some, async (page, strings, index) => {
    const about = `changes ${index}`;
    const request = {
      action: { name: "x", title: "Change", arguments: { list: strings } },
      editable: strings.map((_, at) => `/arguments/list/${at}`),
      answer_schema: {
        title: strings[0], description: strings[1],
        properties: Object.fromEntries(strings.slice(0, 8).map((text) => [text, { title: text, description: text, enum: [text, "other"] }])),
      },
    };
    const fill = async () => {
      await page.locator("select[id^=answer]").evaluateAll((fields) => fields.forEach((field) => { field.selectedIndex = 1; }));
    };
    const untouched = await desk.ask(request);
    await open(page, `/a/${untouched.id}`);
    await check(page, about);
    const labels = await page.locator("section[aria-labelledby=fill-in] label").evaluateAll((nodes) => nodes.map((node) => node.firstChild.parentNode.innerText.replace(/ optional$/, "")));
    assert.deepEqual(labels.map(readBack).toSorted(), strings.slice(0, 8).toSorted(), about);
    await fill();
    await page.click("#approve");
    assert.equal(await page.locator(".notice").count(), 0, `${about}: ${await page.locator(".notice").allTextContents()}`);
    await page.locator(".votes li").waitFor();
    const same = await desk.get(untouched.id);
    assert.deepEqual([same.status, same.revisions.length, same.action_digest], ["approved", 1, untouched.action_digest], about);
    assert.deepEqual(Object.entries(same.decision.answer).flat().toSorted(), [...strings.slice(0, 8), ...strings.slice(0, 8)].toSorted(), about);
    await check(page, about);

    const asked = await desk.ask(request);
    const pointer = await desk.ask({
      action: { name: "x", title: "Change", arguments: Object.fromEntries(strings.map((text) => [cut(text, 120), 1])) },
      editable: strings.map((text) => `/arguments/${cut(text, 120).replaceAll("~", "~0").replaceAll("/", "~1")}`),
    });
    await open(page, `/a/${pointer.id}`);
    await check(page, about);
    await page.goto(`${desk.url}/a/${asked.id}`);
    await fill();
    const turned = await page.evaluate((texts) => texts.map((text, at) => {
      const field = document.getElementById(`edit${at}`);
      field.value = text;
      return field.value;
    }), strings.toReversed());
    await put(page, "#comment", strings.join("\n").slice(0, 1900));
    await page.click("#approve");
    await page.locator(".notice", { hasText: "Read it as you changed it" }).waitFor();
    await check(page, about);
    await page.click("#approve");
    await page.locator(".votes li").waitFor();
    await check(page, about);
    const done = await desk.get(asked.id);
    assert.deepEqual(done.action.arguments.list.map(typed), turned, about);
  });
  await pages[0].context().close();
});

test("a link's three pages show words", async () => {
  const ana = await desk.member("ana@example.com", "Ana");
  await desk.policy({ name: "links", needs: [{ from: ["members"] }], assurance: "link" });
  const context = await desk.browser.newContext();
  const page = await watched(await context.newPage());
  page.faults = [];
  page.on("console", (line) => line.type() === "error" && page.faults.push(line.text()));
  page.on("dialog", (dialog) => { page.faults.push(dialog.message()); dialog.dismiss(); });
  for (const [index, text] of portions(STRINGS, 1900, "\n").entries()) {
    const title = STRINGS[(index * 31) % STRINGS.length];
    const asked = await desk.ask({ ...requestOf(title), reason: text, policy: "links" });
    const { url } = await desk.api("POST", `/v1/approvals/${asked.id}/links`, desk.ready.admin_key, { member: ana.id });
    await page.goto(url);
    await check(page, text);
    await put(page, "#comment", text);
    await page.click(index % 2 ? "#reject" : "#approve");
    await page.locator("#confirm").waitFor();
    await check(page, text);
    assert.deepEqual((await said(page, ".door blockquote")).map((one) => one.trim()), [typed(text).trim()]);
    assert.deepEqual((await said(page, ".door p > strong"))[0], title);
    await page.click("#confirm");
    await page.getByText("Your answer is recorded").waitFor();
    await check(page, text);
    await page.goto(url);
    await check(page, text);
  }
  await context.close();
});

test("what is typed into searches and refused forms comes back as words", async () => {
  const pages = await signedIn(2);
  const [page] = pages;
  await share(pages, portions(STRINGS, 200), async (page, text, index) => {
    const query = (names) => new URLSearchParams(names.map((name) => [name, text]));
    const paths = [`/history?${query(["q", "agent"])}`];
    if (index % 3 === 0) paths.push(`/history?${query(["approver", "asker", "policy", "status", "from", "to", "cursor"])}`);
    if (index % 3 === 1) paths.push(`/audit?${query(["kind", "actor", "subject"])}`, `/audit?${query(["from", "to", "cursor"])}`);
    for (const path of paths) {
      await open(page, path);
      await check(page, path);
    }
  });
  const forms = [["/away", "/away", ["to", "since", "until"]], ["/people", "/people/invite", ["email", "role"]], ["/people", "/people/group", ["name", "members"]]];
  for (const [index, text] of portions(STRINGS, 900).entries()) {
    const [path, action, names] = forms[index % forms.length];
    await page.goto(desk.url + path);
    const token = await page.locator("input[name=csrf]").first().inputValue();
    await Promise.all([page.waitForNavigation(), page.evaluate(([action, entries]) => {
      const form = document.createElement("form");
      Object.assign(form, { method: "post", action });
      for (const [name, value] of entries) {
        const field = document.createElement("textarea");
        Object.assign(field, { name, value });
        form.append(field);
      }
      document.body.append(form);
      form.submit();
    }, [action, [["csrf", token], ["what", "add"], ...names.map((name) => [name, text])]])]);
    await check(page, action);
  }
  await page.context().close();
});

test("names of people and keys are words, wherever they stand", async () => {
  const printable = STRINGS.filter((text) => !/[\u0000-\u001f\u007f-\u009f]/.test(text)).map((text) => cut(text, 128)).filter(inked);
  const named = printable.filter((_, index) => index % 4 === 0);
  const members = await Promise.all(named.map((name, index) => desk.member(`m${index}@example.com`, name)));
  const [page] = await signedIn(1);
  await page.goto(`${desk.url}/people`);
  await check(page, "people");
  const names = await said(page, "#people .entry .row-meta strong");
  for (const name of named) assert.ok(names.includes(name), JSON.stringify(name));
  const keys = portions(printable, 128);
  for (const name of keys) {
    const made = await desk.api("POST", "/v1/keys", desk.ready.admin_key, { name, scopes: ["ask"] });
    made.approval = await desk.api("POST", "/v1/approvals", made.key, { action: { name: "x", title: "By a key" } });
    if (keys.indexOf(name) % 8) continue;
    await open(page, `/a/${made.approval.id}`);
    await check(page, name);
    assert.deepEqual(await said(page, ".asker strong"), [name]);
  }
  await open(page, "/");
  await check(page, "inbox of keys");
  for (const kind of ["key", "member"]) {
    for (let path = `/audit?kind=${kind}`, turns = 0; path && turns < 6; turns += 1) {
      await open(page, path);
      await check(page, path);
      path = await page.evaluate(() => [...document.querySelectorAll("a.button")].find((link) => link.textContent === "Older")?.getAttribute("href"));
    }
  }
  await page.context().close();
  for (let index = 0; index < members.length; index += 30) {
    const own = await watched(await desk.signedIn(await desk.link(members[index])));
    for (const path of ["/", "/account", "/away"]) {
      await own.goto(desk.url + path);
      await own.locator(".me summary").click();
      await check(own, members[index].name);
      assert.deepEqual((await said(own, ".me .sheet strong")).map((name) => name.trim()), [members[index].name.trim()]);
    }
    await own.context().close();
  }
});

test("the command line shows words, in its own lines and in its JSON", async () => {
  const folder = await mkdtemp(join(tmpdir(), "askfirst-words-"));
  const { agent_key: agent, admin_key: admin } = desk.ready;
  const some = portions(STRINGS, 300, " ");
  for (const [index, text] of some.entries()) {
    const asked = await desk.ask(requestOf(text));
    if (index % 6) continue;
    const shown = await cli(agent, "show", asked.id);
    assert.equal(unseen(shown), null);
    inert((await cli(agent, "show", asked.id, "--json")).replaceAll("\n", ""));
    await desk.api("POST", `/v1/approvals/${asked.id}/cancel`, agent, { reason: text });
    assert.equal(unseen(await cli(agent, "wait", asked.id)), null);
    assert.equal(unseen(await cli(agent, "show", asked.id)), null);
    const bundle = join(folder, `${index}.json`);
    inert((await cli(agent, "proof", asked.id, "--bundle")).replaceAll("\n", ""));
    assert.equal(await cli(agent, "proof", asked.id, "--bundle", "--output", bundle), "");
    const keys = join(folder, "jwks.json");
    await cli(agent, "jwks", "--output", keys);
    const verified = await cli(agent, "verify", bundle, "--trust", keys);
    assert.match(verified, /cancelled/);
    assert.equal(unseen(verified), null);
    inert((await cli(agent, "verify", bundle, "--trust", keys, "--json")).replaceAll("\n", ""));
    assert.ok((await readFile(bundle, "utf8")).length > 100);
  }
  for (const args of [["list", "--limit", "100"], ["keys", "list"], ["members", "list"], ["groups", "list"], ["policy", "list"], ["limits"]]) {
    assert.equal(unseen(await cli(admin, ...args)), null, args.join(" "));
    inert((await cli(admin, ...args, "--json")).replaceAll("\n", ""), args.join(" "));
  }
  for (const text of portions(STRINGS, 200).filter((_, index) => index % 8 === 0)) {
    for (const args of [["list", "--query", text], ["list", "--asker", text], ["list", "--policy", text], ["groups", "add", text], ["show", text], ["policy", "show", text], ["audit", "export", "--kind", text]]) {
      inert((await cli(admin, ...args)).replaceAll("\n", ""), args.join(" "));
    }
  }
  await rm(folder, { recursive: true });
});
