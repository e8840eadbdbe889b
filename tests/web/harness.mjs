// A server of our own for each test file, a browser that phones nobody, and the calls that tests
// make all the time.
import { spawn } from "node:child_process";
import { createServer } from "node:http";
import { existsSync } from "node:fs";
import { mkdtemp, mkdir, readFile, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
/** The program under test: the one of this folder, unless another is named. */
export const program = process.env.ASKFIRST_BIN ?? fileURLToPath(new URL("../../target/debug/askfirst", import.meta.url));
/** The headless shell, which opens no window for each page, or else all of Chromium. */
const chromiumPath = process.env.CHROMIUM ?? ["/usr/bin/chromium-headless-shell", "/usr/bin/chromium"].find(existsSync);
if (!existsSync(chromiumPath ?? "")) throw new Error("Chromium is not there; install it, or say by CHROMIUM where it is");
const shots = fileURLToPath(new URL("shots/", import.meta.url));

const QUIET = [
  "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync",
  "--disable-default-apps", "--disable-extensions", "--metrics-recording-only",
];

/** Starts `askfirst dev` on a folder of its own and a browser. */
export async function start() {
  const data = await mkdtemp(join(tmpdir(), "askfirst-web-"));
  const server = spawn(
    program,
    ["dev", "--json", "--data", join(data, "server"), "--listen", "127.0.0.1:0"],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  const exited = new Promise((resolve) => server.once("exit", resolve));
  const ready = await new Promise((resolve, reject) => {
    createInterface({ input: server.stdout }).once("line", (line) => resolve(JSON.parse(line)));
    server.once("error", reject);
    exited.then((code) => reject(new Error(`askfirst dev ended with ${code}`)));
  });
  const browser = await chromium.launch({
    executablePath: chromiumPath,
    args: QUIET,
    headless: true,
  });
  const context = browser.newContext.bind(browser);
  browser.newContext = async (options) => {
    const made = await context(options);
    // What is waited for comes, also on a machine that has much else to do.
    made.setDefaultTimeout(90_000);
    return made;
  };
  return new Desk(data, server, exited, ready, browser);
}

class Desk {
  constructor(data, server, exited, ready, browser) {
    Object.assign(this, { data, server, exited, ready, browser, url: ready.url });
  }

  async stop() {
    await this.browser.close();
    this.server.kill("SIGTERM");
    await this.exited;
    await rm(this.data, { recursive: true, force: true });
  }

  async api(method, path, key, body) {
    const headers = { authorization: `Bearer ${key}` };
    if (body !== undefined) headers["content-type"] = "application/json";
    const answer = await fetch(this.url + path, { method, headers, body: body && JSON.stringify(body) });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return text ? JSON.parse(text) : null;
  }

  ask(body) {
    return this.api("POST", "/v1/approvals", this.ready.agent_key, body);
  }

  get(id, query = "") {
    return this.api("GET", `/v1/approvals/${id}${query}`, this.ready.agent_key);
  }

  policy(document) {
    return this.api("POST", "/v1/policies", this.ready.admin_key, document);
  }

  async member(email, name, role = "approver") {
    return this.api("POST", "/v1/members", this.ready.admin_key, { email, name, role });
  }

  async link(member) {
    const made = await this.api("POST", `/v1/members/${member.id}/login-link`, this.ready.admin_key, {});
    return made.url;
  }

  /** A new link for the owner of the dev workspace. */
  async ownersLink() {
    const members = await this.api("GET", "/v1/members", this.ready.admin_key);
    return this.link(members.data.find((member) => member.role === "owner"));
  }

  /** A browser profile of its own, signed in by `link`. */
  async signedIn(link, options = {}) {
    const context = await this.browser.newContext(options);
    const page = await context.newPage();
    page.faults = [];
    page.on("pageerror", (error) => page.faults.push(String(error)));
    page.on("console", (line) => line.type() === "error" && page.faults.push(line.text()));
    page.on("dialog", (dialog) => {
      page.faults.push(`dialog: ${dialog.message()}`);
      dialog.dismiss();
    });
    await page.goto(link);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.waitForURL((url) => !url.pathname.startsWith("/login"));
    return page;
  }

  /** What is wrong with the page as it stands, at both widths. */
  async examine(page, name) {
    const found = [];
    for (const [size, width] of [["phone", 390], ["desktop", 1280]]) {
      await page.setViewportSize({ width, height: 900 });
      await picture(page, `${name}-${size}`);
      found.push(...(await faultsOf(page)).map((fault) => `${size} ${fault}`));
    }
    return found;
  }

  async owner(options) {
    return this.signedIn(await this.ownersLink(), options);
  }
}

/** Takes a picture of the page for somebody to look at, where that is wanted. */
export async function picture(page, name) {
  if (!process.env.SHOTS) return;
  await mkdir(shots, { recursive: true });
  // Of what is longer than a picture can be, the beginning.
  const fullPage = await page.evaluate(() => document.documentElement.scrollHeight < 16_000);
  await page.screenshot({ path: join(shots, `${name}.png`), fullPage });
}

/** What axe finds on the page, by all rules or by these, and whether it is wider than its window. */
export async function faultsOf(page, rules) {
  if (!(await page.evaluate(() => "axe" in globalThis))) await page.evaluate(axe);
  const { violations, wide } = await page.evaluate(async (rules) => ({
    ...(await globalThis.axe.run(document, { resultTypes: ["violations"], ...(rules && { runOnly: rules }) })),
    wide: document.documentElement.scrollWidth - innerWidth,
  }), rules);
  const found = violations.map((one) => `${one.id}: ${one.nodes.map((node) => `${node.html} ${node.failureSummary}`).join("\n")}`);
  return wide > 0 ? [...found, `${wide}px wider than the window`] : found;
}

/** A program that is told what happens. It gives challenges back and answers 204 to all else, unless
    its `answer` says otherwise: from what came to [status, body], or nothing for the usual. */
export async function receiver() {
  const got = [];
  const server = createServer(async (request, response) => {
    const parts = [];
    for await (const part of request) parts.push(part);
    const body = Buffer.concat(parts).toString();
    const message = { headers: request.headers, body, told: JSON.parse(body) };
    const challenge = message.told.data.challenge;
    if (challenge === undefined) got.push(message);
    const [status, answer] = heard.answer(message) ?? (challenge ? [200, challenge] : [204, ""]);
    response.writeHead(status, { connection: "close" }).end(answer);
  });
  const heard = { got, answer: () => null, close: () => server.close() };
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return Object.assign(heard, { url: `http://127.0.0.1:${server.address().port}/askfirst` });
}

/** Looks again until `found` finds something, on a machine that may have much else to do. */
export async function until(found) {
  for (const over = Date.now() + 120_000; Date.now() < over;) {
    const now = await found();
    if (now) return now;
    await new Promise((resolve) => { setTimeout(resolve, 100); });
  }
  throw new Error("it did not come to be");
}

/** The text that the page says will be kept with a vote. */
export const accountText = (page) => page.locator("#account").evaluate((node) => node.textContent);

export const deploy = {
  action: {
    name: "deploy.production",
    title: "Deploy v2.1 to production?",
    arguments: { version: "2.1", replicas: 3, flags: ["--wait", "--atomic"], canary: { percent: 12.5 } },
    target: "prod-eu",
  },
  reason: "All checks are green.\nThe error budget allows it.",
  priority: "high",
  agent: { name: "release-bot", run: "r-812" },
  metadata: { commit: "a3f9b2e" },
};
