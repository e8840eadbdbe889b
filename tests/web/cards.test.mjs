// The pictures of cards in the documents: that they are there, that a server still sends such cards,
// and that drawing them leaves nothing out.
import assert from "node:assert/strict";
import { readFile, readdir } from "node:fs/promises";
import { after, before, test } from "node:test";
import { drawn, photographed, pictures, tell } from "./cards.mjs";
import { start } from "./harness.mjs";
import { telegram } from "./telegram.mjs";

let desk;
let phone;
let bot;
let told;
before(async () => {
  [desk, phone] = [await start(), await telegram()];
  ({ bot, told } = await tell(desk, phone));
});
after(async () => {
  await phone.stop();
  await desk.stop();
});

const isWebp = (bytes) => bytes.subarray(0, 4).toString() === "RIFF" && bytes.subarray(8, 12).toString() === "WEBP";
const labels = (name) => told[name].messages.flatMap((one) => (one.keyboard ?? []).flat()).map((key) => key.text);
const text = (name) => told[name].messages.map((one) => one.text).join("\n");

test("every picture that a document names is there, and each of the story is named", async () => {
  const document = await readFile(new URL("../../docs/channels/telegram.md", import.meta.url), "utf8");
  const named = [...document.matchAll(/!\[([^\]]+)\]\(\.\.\/images\/telegram\/([\w-]+)\.webp\)/g)].map(([, , name]) => name);
  assert.deepEqual([...named].sort(), Object.keys(told).sort());
  assert.deepEqual((await readdir(pictures)).sort(), [...named].sort().map((name) => `${name}.webp`));
  let size = 0;
  for (const name of named) {
    const bytes = await readFile(`${pictures}${name}.webp`);
    assert.ok(isWebp(bytes), name);
    size += bytes.length;
  }
  assert.ok(size < 300_000, `${size} bytes`);
});

test("a server sends a card of each kind", async () => {
  const all = ["Approve", "Reject", "Approve, and say…", "Reject, and say…", "Ask back…", "Open all of it"];
  for (const name of ["asked", "so-far"]) assert.deepEqual(labels(name), all, name);
  assert.match(text("so-far"), /Approved by ana@example\.com/);
  assert.deepEqual(labels("too-long"), ["Approve on its page", "Reject", "Reject, and say…", "Ask back…"]);
  assert.match(text("too-long"), /characters are missing/);
  for (const name of ["approved", "taken-back", "reported"]) assert.deepEqual(labels(name), ["Open all of it"], name);
  assert.match(text("approved"), /^.*✅ Approved: Deploy v2\.1 to production\?\n\nDecided by ben@example\.com/ms);
  assert.match(text("taken-back"), /took the approval back\. It cannot be used\./);
  assert.match(text("reported"), /3 of 3 machines/);
  assert.match(text("linked"), /You are Olu.*It works/s);
  assert.deepEqual((await phone.does("mistakes")).mistakes, []);
});

test("a drawing shows all that was sent, or says what it left out", async () => {
  for (const [name, { messages }] of Object.entries(told)) {
    const page = await drawn(desk, bot, messages);
    const seen = await page.evaluate(() => {
      for (const sign of document.querySelectorAll("svg")) sign.replaceWith(sign.getAttribute("aria-label"));
      const gaps = document.querySelectorAll(".gap").length;
      for (const gap of document.querySelectorAll(".gap")) gap.remove();
      return { text: document.querySelector("main").textContent, gaps, wide: document.documentElement.scrollWidth };
    });
    const bare = (words) => words.replaceAll(/\s/g, "");
    const sent = messages.map((one) => one.text + (one.keyboard ?? []).flat().map((key) => key.text).join("")).join("");
    if (seen.gaps === 0) assert.equal(bare(seen.text), bare(sent), name);
    assert.equal(seen.gaps > 0, name === "too-long", name);
    assert.equal(seen.wide, 390, name);
    assert.ok(isWebp(await photographed(page)), name);
    await page.close();
  }
});
