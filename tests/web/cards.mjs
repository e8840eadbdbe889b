// A story told on Telegram by the real server and the kit's Telegram, and its messages drawn as a
// phone would show them. The drawing is ours: text, markup and buttons are what was sent, colours and
// letters are not those of anybody's app. Makes the pictures of docs/channels/telegram.md:
//   ASKFIRST_BIN=target/debug/askfirst ASKFIRST_KIT=target/debug/askfirst-kit node tests/web/cards.mjs
import { mkdir, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { start, until } from "./harness.mjs";
import { telegram } from "./telegram.mjs";

export const pictures = fileURLToPath(new URL("../../docs/images/telegram/", import.meta.url));

/** Of a longer part of a message, so many lines are drawn from either end. */
const LINES = 9;

const deploy = {
  action: {
    name: "deploy.production",
    title: "Deploy v2.1 to production?",
    arguments: { version: "2.1", replicas: 3 },
    target: "prod-eu",
  },
  reason: "All checks are green.",
  agent: { name: "release-bot" },
  policy: "deploys",
};
const rows = Array.from({ length: 120 }, (_, row) => `customer-${1000 + row}@example.com`);
const erase = {
  action: { name: "customers.erase", title: "Erase 120 customers?", arguments: { rows } },
  agent: { name: "cleanup-bot" },
  policy: "deploys",
};

/** Plays it; gives the messages of each picture, by the picture's name. */
export async function tell(desk, phone) {
  const bot = await phone.does("bot", { username: "acme_approvals_bot" });
  const admin = desk.ready.admin_key;
  const wish = { kind: "telegram", token: bot.token, api: phone.url };
  const channel = `/v1/channels/${(await desk.api("POST", "/v1/channels", admin, wish)).id}`;
  const owner = (await desk.api("GET", "/v1/members", admin)).data.find((one) => one.role === "owner");

  const link = async (member, person) => {
    const made = await desk.api("POST", `${channel}/codes`, admin, { member: member.id });
    await phone.does("start", { person: person.id, bot: bot.id, payload: made.code });
    const look = () => desk.api("POST", `${channel}/codes/look`, admin, { code: made.code });
    const { account } = await until(async () => (await look()).found);
    await desk.api("POST", `${channel}/codes/confirm`, admin, { code: made.code, member: member.id, account });
    return person;
  };
  const person = (name) => phone.does("person", { first_name: name });
  const olu = await link(owner, await person("Olu"));
  await desk.api("POST", `${channel}/test`, admin, {});
  const members = { ana: await desk.member("ana@example.com", "Ana"), ben: await desk.member("ben@example.com", "Ben") };
  const ana = await link(members.ana, await person("Ana"));
  const ben = await link(members.ben, await person("Ben"));
  const from = ["member:ana@example.com", "member:ben@example.com"];
  await desk.policy({ name: "deploys", needs: [{ from, count: 2 }], assurance: "link" });

  const found = (who, ...words) => until(async () => {
    const cards = await phone.cards(bot, who);
    return cards.findLast((card) => words.every((word) => card.text.includes(word)));
  });
  const approve = async (who, words) => {
    const { id } = await found(who, words);
    await phone.does("tap", { person: who.id, bot: bot.id, chat_id: who.id, message: id, button: "Approve" });
    return id;
  };
  const told = {};
  const messages = await until(async () => {
    const cards = await phone.cards(bot, olu);
    return cards.some((card) => card.text.includes("It works")) && cards;
  });
  told.linked = { to: olu, messages };

  const asked = await desk.ask(deploy);
  told.asked = { to: ana, messages: [await found(ana, "Deploy v2.1", "Answer before")] };
  await approve(ana, "Deploy v2.1");
  told["so-far"] = { to: ben, messages: [await found(ben, "Deploy v2.1", "Approved by")] };
  await approve(ben, "Deploy v2.1");
  told.approved = { to: ana, messages: [await found(ana, "Approved: ")] };
  const id = `/v1/approvals/${asked.id}`;
  await desk.api("POST", `${id}/consume`, desk.ready.agent_key, { action_digest: asked.action_digest });
  const outcome = { status: "succeeded", note: "v2.1 runs on 3 of 3 machines.\nNo errors in the first minute." };
  await desk.api("POST", `${id}/outcome`, desk.ready.agent_key, outcome);
  told.reported = { to: ana, messages: [await found(ana, "3 of 3 machines")] };

  const second = await desk.ask({ ...deploy, action: { ...deploy.action, title: "Deploy v2.2 to production?" } });
  for (const who of [ana, ben]) await approve(who, "Deploy v2.2");
  await found(ana, "Approved: Deploy v2.2");
  const page = await desk.signedIn(await desk.link(members.ben));
  await page.goto(`${desk.url}/a/${second.id}`);
  await page.locator("#revoke summary").click();
  await page.fill("#revoke-reason", "v2.2 is not to go out today.");
  await page.locator("#revoke button").click();
  told["taken-back"] = { to: ana, messages: [await found(ana, "took the approval back")] };
  await page.context().close();

  await desk.ask(erase);
  told["too-long"] = { to: ana, messages: [await found(ana, "Erase 120")] };
  return { bot, told };
}

/** Our own signs, as not every machine that draws has letters for them. */
const SIGNS = {
  "✅": '<rect x="1" y="1" width="18" height="18" rx="4" fill="#3fa34d"/><path d="M5 10l4 4 6-8" stroke="#fff" stroke-width="2.5" fill="none"/>',
  "❌": '<path d="M4 4l12 12M16 4L4 16" stroke="#d64545" stroke-width="4" stroke-linecap="round"/>',
  "⚠️": '<path d="M10 2l9 16H1z" fill="#e9a820"/><path d="M10 8v5M10 15v1.6" stroke="#222" stroke-width="2"/>',
  "▶️": '<rect x="1" y="1" width="18" height="18" rx="4" fill="#4a86c5"/><path d="M7 5l8 5-8 5z" fill="#fff"/>',
  "⌛": '<path d="M5 2h10v3l-4 5 4 5v3H5v-3l4-5-4-5z" fill="#b98a3c"/>',
  "🚫": '<circle cx="10" cy="10" r="8" stroke="#d64545" stroke-width="3" fill="none"/><path d="M4.5 4.5l11 11" stroke="#d64545" stroke-width="3"/>',
};

const STYLE = `
  * { box-sizing: border-box; margin: 0; }
  body { width: 390px; background: #c9d8e2; font: 14px/1.4 "DejaVu Sans Condensed", system-ui, sans-serif; color: #14181b; }
  header { display: flex; align-items: center; gap: 10px; padding: 10px 14px; background: #fff; border-bottom: 1px solid #b7c6d0; }
  header b { display: block; font-size: 14px; } header small { color: #66757f; }
  header i { width: 34px; height: 34px; border-radius: 50%; background: #5b7a92; color: #fff; font: 600 16px/34px sans-serif; text-align: center; }
  main { display: grid; gap: 10px; padding: 12px; }
  .message { background: #fff; border-radius: 12px; padding: 9px 11px; white-space: pre-wrap; overflow-wrap: anywhere; }
  .message pre { margin: 2px 0; padding: 6px 8px; border-left: 3px solid #5b7a92; border-radius: 4px; background: #eef3f6; white-space: pre-wrap; overflow-wrap: anywhere; font: 10.5px/1.45 "DejaVu Sans Mono", monospace; }
  .gap { display: block; margin: 4px 0; padding: 2px 0; border: dashed #9a6a00; border-width: 1px 0; color: #7a5400; font: italic 11px/1.4 "DejaVu Sans Condensed", sans-serif; text-align: center; }
  .keys { display: grid; gap: 5px; margin-top: 5px; }
  .row { display: grid; grid-auto-flow: column; grid-auto-columns: 1fr; gap: 5px; }
  .key { padding: 9px 6px; border-radius: 9px; background: #5f7687; color: #fff; font-weight: 600; text-align: center; }
  .key.success { background: #2f8a45; } .key.danger { background: #c23b3b; } .key.opens::after { content: " \\2197"; }
  svg { width: 1.1em; height: 1.1em; vertical-align: -.18em; }`;

/** In the browser: text and markup as they came, and nothing of them as HTML. */
function draw({ bot, messages, signs, lines }) {
  const make = (tag, name, text = "") => Object.assign(document.createElement(tag), { className: name, textContent: text });
  const written = (into, text) => {
    const parts = text.split(new RegExp(`(${Object.keys(signs).join("|")})`, "u"));
    for (const part of parts) {
      const sign = Object.hasOwn(signs, part) && signs[part];
      if (sign) into.insertAdjacentHTML("beforeend", `<svg viewBox="0 0 20 20" role="img" aria-label="${part}">${sign}</svg>`);
      else into.append(part);
    }
    return into;
  };
  const shortened = (into, text) => {
    const all = text.split("\n");
    const left = all.length - 2 * lines;
    if (left < 4) return written(into, text);
    written(into, all.slice(0, lines).join("\n"));
    into.append(make("span", "gap", `${left} lines more, left out of this picture`));
    return written(into, all.slice(-lines).join("\n"));
  };
  const header = make("header");
  const name = make("div");
  name.append(make("b", "", bot), make("small", "", "bot"));
  header.append(make("i", "", bot[0].toUpperCase()), name);
  const main = make("main");
  for (const message of messages) {
    const box = make("div");
    const bubble = make("div", "message");
    let at = 0;
    for (const { type, offset, length } of message.entities) {
      if (offset < at) throw new Error("markup within markup is not drawn here");
      const tag = { bold: "b", italic: "i", pre: "pre" }[type];
      if (!tag) throw new Error(`${type} is not drawn here`);
      // A block begins and ends a line by itself.
      let before = message.text.slice(at, offset);
      if (bubble.lastChild?.tagName === "PRE") before = before.replace(/^\n/, "");
      if (tag === "pre") before = before.replace(/\n$/, "");
      written(bubble, before);
      bubble.append((tag === "pre" ? shortened : written)(make(tag), message.text.slice(offset, offset + length)));
      at = offset + length;
    }
    const rest = message.text.slice(at);
    written(bubble, bubble.lastChild?.tagName === "PRE" ? rest.replace(/^\n/, "") : rest);
    const keys = make("div", "keys");
    for (const row of message.keyboard ?? []) {
      const line = make("div", "row");
      line.append(...row.map((key) => make("div", `key ${key.style ?? ""} ${key.url ? "opens" : ""}`, key.text)));
      keys.append(line);
    }
    box.append(bubble, keys);
    main.append(box);
  }
  document.body.replaceChildren(header, main);
}

/** In the browser: the same picture with 16 steps of each colour, which are enough here and take few bytes. */
async function packed(png) {
  const picture = new Image();
  picture.src = png;
  await picture.decode();
  const canvas = Object.assign(document.createElement("canvas"), { width: picture.width, height: picture.height });
  const brush = canvas.getContext("2d");
  brush.drawImage(picture, 0, 0);
  const pixels = brush.getImageData(0, 0, canvas.width, canvas.height);
  pixels.data.forEach((value, at, all) => { all[at] = Math.round(value / 17) * 17; });
  brush.putImageData(pixels, 0, 0);
  return canvas.toDataURL("image/webp", 1);
}

/** A page with these messages, at the width of a phone. */
export async function drawn(desk, bot, messages) {
  const page = await desk.browser.newPage({ viewport: { width: 390, height: 100 }, deviceScaleFactor: 1.5 });
  await page.setContent(`<!doctype html><meta charset="utf-8"><style>${STYLE}</style>`);
  await page.evaluate(draw, { bot: bot.username, messages, signs: SIGNS, lines: LINES });
  return page;
}

/** That page as a picture, in WebP. */
export async function photographed(page) {
  const png = await page.screenshot({ fullPage: true });
  const webp = await page.evaluate(packed, `data:image/png;base64,${png.toString("base64")}`);
  return Buffer.from(webp.split(",")[1], "base64");
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [desk, phone] = [await start(), await telegram()];
  try {
    await mkdir(pictures, { recursive: true });
    const { bot, told } = await tell(desk, phone);
    for (const [name, { messages }] of Object.entries(told)) {
      const page = await drawn(desk, bot, messages);
      await writeFile(`${pictures}${name}.webp`, await photographed(page));
      await page.close();
    }
  } finally {
    await phone.stop();
    await desk.stop();
  }
}
