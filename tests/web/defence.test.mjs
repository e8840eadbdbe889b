// What must not work: forged forms, frames, and requests that pretend to be something else.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { accountText, deploy, start } from "./harness.mjs";

let desk;
let page;
let cookie;
before(async () => {
  desk = await start();
  page = await desk.owner();
  cookie = `askfirst_dev=${(await page.context().cookies())[0].value}`;
});
after(() => desk.stop());

const fields = async (id) => {
  await page.goto(`${desk.url}/a/${id}`);
  return page.locator("#decide").evaluate((node) => Object.fromEntries(new FormData(node)));
};
const vote = (id, form, headers = {}) => fetch(`${desk.url}/a/${id}/vote`, {
  method: "POST", redirect: "manual", body: new URLSearchParams({ decision: "approve", ...form }),
  headers: { cookie, origin: desk.url, ...headers },
});

test("a form that is not from our page, for this session, is refused", async () => {
  const asked = await desk.ask(deploy);
  const form = await fields(asked.id);
  const other = await desk.owner();
  await other.goto(`${desk.url}/a/${asked.id}`);
  const theirs = await other.locator("#decide").evaluate((node) => Object.fromEntries(new FormData(node)));
  await other.context().close();
  const cases = [
    [form, { origin: "https://evil.example" }, 403],
    [form, { origin: "null" }, 403],
    [form, { origin: "null", "sec-fetch-site": "cross-site" }, 403],
    [form, { origin: desk.url, "sec-fetch-site": "cross-site" }, 403],
    [{ ...form, csrf: "" }, {}, 403],
    [{ ...form, csrf: form.csrf.slice(0, -1) }, {}, 403],
    [{ ...form, csrf: theirs.csrf }, {}, 403],
    [{ ...form, nonce: "x" }, {}, 400],
    [{ ...form, decision: "maybe" }, {}, 400],
    [{ ...form, action_digest: `sha256:${"0".repeat(64)}` }, {}, 409],
    [{ ...form, shown_digest: `sha256:${"0".repeat(64)}` }, {}, 409],
    [form, { cookie: "askfirst_dev=nonsense" }, 303],
    [form, { cookie: `${cookie}; ${cookie.slice(0, -1)}x` }, 303],
  ];
  for (const [body, headers, status] of cases) {
    const answer = await vote(asked.id, body, headers);
    assert.equal(answer.status, status, JSON.stringify([headers, status]));
  }
  const bare = await fetch(`${desk.url}/a/${asked.id}/vote`, { method: "POST", body: new URLSearchParams({ ...form, decision: "approve" }), headers: { cookie } });
  assert.equal(bare.status, 403);
  assert.equal((await desk.get(asked.id)).votes.length, 0);
  assert.equal((await vote(asked.id, form)).status, 303);
  assert.equal((await desk.get(asked.id)).status, "approved");
});

test("reading never changes anything", async () => {
  const asked = await desk.ask(deploy);
  const form = await fields(asked.id);
  const query = new URLSearchParams({ ...form, decision: "approve" });
  for (const method of ["GET", "HEAD", "OPTIONS"]) {
    for (const path of ["vote", "cancel", "revoke", ""]) {
      await fetch(`${desk.url}/a/${asked.id}${path && `/${path}`}?${query}`, { method, headers: { cookie }, redirect: "manual" });
    }
    await fetch(`${desk.url}/logout?${query}`, { method, headers: { cookie }, redirect: "manual" });
  }
  const seen = await desk.get(asked.id);
  assert.equal(seen.status, "pending");
  assert.equal(seen.version, 1);
});

// Where a page may send people, besides to itself; nothing is ever loaded from there.
const BEYOND = new Set(["https://t.me/BotFather"]);

test("every page carries its armour", async () => {
  const asked = await desk.ask(deploy);
  const csp = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
  const link = new URL(await desk.ownersLink()).pathname;
  for (const path of ["/", "/history", "/channels", "/account/telegram", "/webhooks", `/a/${asked.id}`, "/login", link, "/login/guess", "/a/nothing", "/nowhere"]) {
    const answer = await fetch(desk.url + path, { headers: { cookie } });
    assert.equal(answer.headers.get("content-security-policy"), csp, path);
    assert.equal(answer.headers.get("cache-control"), "no-store", path);
    assert.equal(answer.headers.get("referrer-policy"), "no-referrer", path);
    assert.equal(answer.headers.get("x-content-type-options"), "nosniff", path);
    assert.equal(answer.headers.get("cross-origin-opener-policy"), "same-origin", path);
    const html = await answer.text();
    assert.doesNotMatch(html, / (style|on[a-z]+)=|<style|javascript:|<script(?! src="\/assets\/)/i, path);
    for (const [, attribute, url] of html.matchAll(/(src|href|action)="([^"]*)"/g)) {
      if (attribute === "href" && BEYOND.has(url)) continue;
      assert.match(url, /^[/#]/, `${path}: ${url}`);
    }
  }
  const html = await (await fetch(desk.url, { headers: { cookie } })).text();
  const asset = await fetch(desk.url + html.match(/\/assets\/style[^"]*/)[0]);
  assert.match(asset.headers.get("cache-control"), /immutable/);
  assert.equal((await fetch(`${desk.url}/assets/style.0000000000000000.css`)).status, 404);
});

test("no other site can frame a page or lead people astray", async () => {
  const asked = await desk.ask(deploy);
  const trap = await page.context().newPage();
  await trap.route("https://evil.example/**", (route) => route.fulfill({
    contentType: "text/html",
    body: `<iframe src="${desk.url}/a/${asked.id}"></iframe>
      <form id="f" method="post" action="${desk.url}/a/${asked.id}/vote"><input name="decision" value="approve"></form>`,
  }));
  await trap.goto("https://evil.example/");
  const framed = trap.frames().find((frame) => frame !== trap.mainFrame());
  assert.equal(await framed.locator("#approve").count().catch(() => 0), 0);
  const [answer] = await Promise.all([
    trap.waitForResponse((response) => response.url().endsWith("/vote")),
    trap.evaluate(() => document.getElementById("f").submit()),
  ]);
  assert.equal(answer.status(), 403);
  assert.equal((await desk.get(asked.id)).status, "pending");
  await trap.close();
  for (const next of ["//evil.example", "https://evil.example", "/\\evil.example", "/a/../../x"]) {
    const link = `${await desk.ownersLink()}?next=${encodeURIComponent(next)}`;
    const lured = await desk.signedIn(link);
    assert.equal(lured.url(), `${desk.url}/`);
    await lured.context().close();
  }
});

const HOSTILE = [
  "<script>document.title='owned'</script>",
  "\"><img src=x onerror=\"document.title='owned'\">",
  "</textarea></pre></h1><svg onload=\"document.title='owned'\">",
  "'; alert(1); // </style><style>*{display:none}</style>",
  "pay \u202e0001\u202c EUR \u200b\u2066\u{e0041}\ufe0f e\u0301",
  "\u001b[31mred\u001b]8;;https://evil.example\u0007click",
  "https://good.com@evil.com p\u0430ypal.com",
  "END OF THE AGENT'S OWN WORDS\n\nWHO ASKS\nKey: \"ceo\"\n\tok  ",
  "{{ 7*7 }} {% raw %} &lt;b&gt; &#x3c;i&#x3e;",
  "Approved by CISO \u2705 [click](https://evil.example) <!channel>",
];

test("hostile words in every field are only words", async () => {
  for (const words of HOSTILE) {
    const asked = await desk.ask({
      action: {
        name: words.slice(0, 100), title: words, target: words,
        arguments: { [words]: words, list: [words, [words]], "<b>k</b>": { [words]: null } },
      },
      reason: words, agent: { name: words, run: words, call: words }, metadata: { [words]: words },
    });
    page.faults.length = 0;
    await page.goto(`${desk.url}/a/${asked.id}`);
    const text = await accountText(page);
    const unsafe = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u00ad\u0300-\u036f\u061c\u200b-\u200f\u2028-\u202f\u2060-\u206f\ufe00-\ufe0f\ufeff\u{e0000}-\u{e0fff}]/u;
    assert.doesNotMatch(text, unsafe);
    assert.equal(text.split("\n").filter((line) => line === "WHO ASKS").length, 1);
    const strange = await page.locator("main").evaluate((main) =>
      [...main.querySelectorAll("*")].map((node) => node.localName)
        .filter((name) => ["script", "img", "style", "iframe", "b", "i", "link", "object"].includes(name)));
    assert.deepEqual(strange, [], words);
    assert.doesNotMatch(await page.title(), /^owned/);
    await page.goto(`${desk.url}/`);
    assert.equal(await page.locator("main script, main img, main b").count(), 0);
    assert.deepEqual(page.faults, [], words);
    const form = await fields(asked.id);
    assert.equal((await vote(asked.id, { ...form, comment: words })).status, 303);
    const kept = await page.context().request.get(`${desk.url}/a/${asked.id}/proof.json`);
    assert.equal((await kept.json()).shown[0].text, text, "page and record agree");
    await page.goto(`${desk.url}/a/${asked.id}`);
    assert.equal(await page.locator("main script, main img, main b").count(), 0);
    assert.deepEqual(page.faults, [], words);
  }
});

test("a value of any length is shown whole", async () => {
  const long = "QUJD".repeat(5000);
  const lines = `ls\n${"\n".repeat(400)}rm -rf /`;
  const asked = await desk.ask({ action: { name: "run", title: "Run?", arguments: { long, lines } } });
  await page.goto(`${desk.url}/a/${asked.id}`);
  const text = await accountText(page);
  assert.ok(text.includes(`"${long}"`));
  assert.match(text, /long \(20,000 characters, 1 line\): /);
  assert.match(text, /lines \(411 characters, 402 lines\): /);
  assert.ok(text.includes("│ rm -rf /\""));
  assert.equal(await page.locator(".scroll").count(), 2);
});
