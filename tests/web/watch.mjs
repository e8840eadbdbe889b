// What the tests with hostile strings share: a server, pages on which any fault is found, and the
// ways to fill them and to read them back.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { after, before } from "node:test";
import { promisify } from "node:util";
import { program, start } from "./harness.mjs";
import { hostile, readBack, unseen } from "./hostile.mjs";

const PHONE = { width: 390, height: 844 };
export const cut = (text, most) => [...text].slice(0, most).join("");
export const inked = (text) => /\S/u.test(text.replaceAll("\u0085", " "));
export const ALL = hostile();
// NUL is refused with its place, which the API's own tests show.
export const STRINGS = ALL.map((one) => one.text).filter((text) => !text.includes("\0"));
/** The strings in portions, each joined to at most so many characters. */
export function portions(strings, most, glue = " ") {
  const made = [];
  let now = "";
  for (const text of strings) {
    const more = now ? now + glue + text : text;
    if ([...more].length > most && now) {
      made.push(now);
      now = cut(text, most);
    } else {
      now = cut(more, most);
    }
  }
  return now ? [...made, now] : made;
}

/** A server with a browser, for the file that imports this. */
export let desk;
let foreign = [];
before(async () => { desk = await start(); });
after(() => desk.stop());

/** What is said to be on a page, or is there and must not be. Runs in the page. */
function inspect() {
  const faults = [];
  const elements = new Set(("html head meta title link script body a header p div img nav details summary span strong ul li form input button main article section h1 h2 time svg path circle label textarea select option blockquote pre code kbd datalist bdi br footer fieldset legend ol").split(" "));
  const attributes = new Set(("lang charset name content rel href type src defer data-now class id role aria-label aria-current aria-hidden aria-labelledby aria-describedby aria-invalid autofocus alt width height viewbox focusable d cx cy r datetime title data-at data-until method action value for rows maxlength minlength placeholder tabindex hidden open formnovalidate required selected autocomplete autocapitalize inputmode list min download form spellcheck dir checked").split(" "));
  for (const node of document.querySelectorAll("*")) {
    if (!elements.has(node.localName)) faults.push(`an element ${node.localName}`);
    for (const { name, value } of node.attributes) {
      if (!attributes.has(name.toLowerCase())) faults.push(`an attribute ${name} of ${node.localName}`);
      if (["href", "src", "action"].includes(name) && !/^(\/(?!\/)|#)/.test(value)) faults.push(`${name}=${value}`);
    }
  }
  const edge = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth > edge) faults.push(`${document.documentElement.scrollWidth - edge} px too wide`);
  const range = document.createRange();
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = texts.nextNode(); node; node = texts.nextNode()) {
    const home = node.parentElement;
    if (!node.data.trim() || !home.checkVisibility() || home.closest(".t, .sr, .skip, .brand, .me-name, option, textarea, .title .k")) continue;
    range.selectNodeContents(node);
    const boxes = [...range.getClientRects()];
    const seen = boxes.some((box) => box.width > 0 && box.height > 0);
    if (!seen) faults.push(`text that is not drawn: ${node.data.slice(0, 60)}`);
    if (!home.closest(".scroll") && boxes.some((box) => box.left < -1 || box.right > edge + 1)) faults.push(`text beside the page: ${node.data.slice(0, 60)}`);
    if (boxes.some((box) => box.height > 80)) faults.push(`a line ${Math.max(...boxes.map((box) => box.height))} px high`);
  }
  const button = document.querySelector("#approve, #confirm");
  if (button) {
    button.scrollIntoView({ block: "nearest" });
    const { left, top, width, height } = button.getBoundingClientRect();
    const there = document.elementFromPoint(left + width / 2, top + height / 2);
    if (!button.contains(there)) faults.push("the button is out of reach");
    if (button.id === "approve" && top + height > innerHeight) faults.push("the button is out of view");
  }
  const attributesText = [...document.querySelectorAll("[title], [aria-label], [placeholder]")].map((node) => `${node.title}${node.ariaLabel ?? ""}${node.getAttribute("placeholder") ?? ""}`);
  // A field for editing holds what is edited, as it is.
  const body = document.body.cloneNode(true);
  body.querySelectorAll("textarea").forEach((field) => field.remove());
  return { faults, text: [document.title, body.textContent, ...attributesText].join("\n") };
}

/** A page at the size of a phone, on which any fault is found. */
export async function watched(page) {
  await page.setViewportSize(PHONE);
  page.on("request", (request) => { if (!request.url().startsWith(`${desk.url}/`)) foreign.push(request.url()); });
  page.on("popup", (popup) => foreign.push(`a window: ${popup.url()}`));
  page.on("download", (file) => foreign.push(`a file: ${file.url()}`));
  return page;
}

export async function check(page, about) {
  const { faults, text } = await page.evaluate(inspect);
  assert.deepEqual([...faults, ...page.faults.filter((fault) => !/40[0-9]|422/.test(fault)), ...foreign], [], about);
  assert.equal(unseen(text), null, about);
}

/** Opens a page. One of eight is gone to as people do. The others are written by the server's words
    into a document under the same content policy: it parses, runs and draws them just the same,
    in a tenth of the time. Without the script, whose streams would pile up in one document. */
let opened = 0;
export async function open(page, path) {
  if (opened++ % 8 === 0) {
    page.written = false;
    await page.goto(desk.url + path);
    return;
  }
  if (!page.written) await page.goto(`${desk.url}/a/nothing`);
  page.written = true;
  await page.evaluate(async (path) => {
    const html = await (await fetch(path)).text();
    const own = /<script src="\/assets\/live\.[0-9a-f]+\.js" defer data-now="\d+"><\/script>/;
    document.open();
    document.write(html.replace(own, ""));
    document.close();
    if (document.readyState !== "complete") await new Promise((ready) => { addEventListener("load", ready, { once: true }); });
  }, path);
}

/** The lines that a place shows, as a reader reads them. */
export const linesOf = (page, selector) => page.locator(selector).evaluateAll((nodes) =>
  nodes.map((node) => [...node.querySelectorAll(".l")].map((line) => line.innerText).join("") || node.innerText));

/** The account as a reader sees it: what each label stands before. */
export const fieldsOf = (page) => page.locator("#account .field").evaluateAll((fields) => fields.map((field) => ({
  label: field.querySelector(".k").textContent.replace(/( \([\d,]+ characters?, [\d,]+ lines?\))?:$/, ""),
  value: [...field.querySelectorAll(".v .l")].map((line) => line.textContent).join(""),
})));

export const unquoted = (shown) => readBack(shown.replace(/^"/, "").replace(/"$/, ""));
export const key = (shown) => readBack(shown).replace(/^"(.*)"$/s, (_, inner) => inner.replaceAll(/\\(.)/gs, "$1"));

/** A request with these words in every field; half of them have `other`. */
export const requestOf = (text, other = text) => ({
  action: {
    name: inked(cut(text, 128)) ? cut(text, 128) : `x${cut(text, 127)}`, title: text, target: other,
    arguments: { [text]: other, list: [text, other], deep: { [other]: { [text]: text } } },
  },
  reason: other, metadata: { [other]: text },
  agent: ["name", "run", "call"].reduce((agent, field) => ({ ...agent, [field]: inked(cut(text, 128)) ? cut(text, 128) : `x${cut(text, 127)}` }), {}),
});

/** Does `work` with each item, with as many hands as there are pages. */
export async function share(pages, items, work) {
  let next = 0;
  const failed = [];
  await Promise.all(pages.map(async (page) => {
    while (next < items.length) {
      const index = next++;
      await work(page, items[index], index).catch((error) => {
        failed.push(error);
        page.faults.length = 0;
        foreign = [];
      });
    }
  }));
  if (failed.length) throw new Error(`${failed.length} of ${items.length}:\n${failed.slice(0, 12).map((error) => error.message).join("\n")}`);
}

/** Pages of one browser that is signed in. */
export async function signedIn(count, options) {
  const first = await watched(await desk.owner(options));
  const pages = [first];
  while (pages.length < count) {
    const page = await first.context().newPage();
    page.faults = first.faults;
    page.on("pageerror", (error) => first.faults.push(String(error)));
    page.on("console", (line) => line.type() === "error" && first.faults.push(line.text()));
    page.on("dialog", (dialog) => { first.faults.push(`dialog: ${dialog.message()}`); dialog.dismiss(); });
    pages.push(await watched(page));
  }
  return pages;
}

/** What a form makes of the ends of lines. */
export const typed = (text) => text.replaceAll(/\r\n?/g, "\n");
/** Fills a field, and says what the field made of it. */
export const put = (page, selector, text) => page.locator(selector).evaluate((field, text) => {
  field.value = text;
  return field.value;
}, text);
/** What was written on a page, each place as a reader reads it back. */
export const said = async (page, selector) => (await linesOf(page, selector)).map(readBack);

const run = promisify(execFile);
/** What the command line prints. */
export async function cli(key, ...args) {
  const { stdout, stderr } = await run(program, args, {
    env: { ...process.env, ASKFIRST_URL: desk.url, ASKFIRST_KEY: key }, maxBuffer: 1 << 26,
  }).catch((error) => error);
  return stdout + stderr;
}
/** That a terminal finds nothing in it to act on. */
export const inert = (text, about) => assert.doesNotMatch(text, /[\p{Cc}\p{Cf}\p{Co}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u, about);
