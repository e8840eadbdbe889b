// What opens links before people do, or instead of them: previews of chats, scanners of mails,
// sandboxes that run what they find, and other sites that want a click. As data: who, what it
// does, and how far it comes, as the gateway saw it.
import { request } from "node:http";
import { ELSEWHERE } from "./gateway.mjs";

const OURS = { "sec-fetch-site": "same-origin" };
const FORM = { "content-type": "application/x-www-form-urlencoded" };
const BUTTON = "button, input[type=submit]";

/** One visitor of one link: by plain requests, or by a browser, always through its gateway. */
export class Visitor {
  constructor(desk, gateway, link) {
    Object.assign(this, { desk, gateway, link, contexts: [] });
  }

  /** One request, with any headers whatever, and its answer. */
  send(method, url = this.link, headers = {}, body = undefined) {
    const { hostname, port } = new URL(this.gateway.url);
    const sent = body === undefined ? {} : { ...FORM, "content-length": Buffer.byteLength(body) };
    const options = { hostname, port, method, path: url, headers: { host: new URL(url).host, ...sent, ...headers } };
    return new Promise((resolve, reject) => {
      const call = request(options, async (told) => {
        let text = "";
        for await (const part of told.setEncoding("utf8")) text += part;
        resolve({ status: told.statusCode, headers: told.headers, text });
      });
      call.on("error", reject).end(body);
    });
  }

  /** A page of a browser that knows nothing yet. */
  async page(options = {}) {
    const proxy = { server: this.gateway.url };
    const context = await this.desk.browser.newContext({ proxy, ...options });
    this.contexts.push(context);
    const page = await context.newPage();
    return page;
  }

  async opened(options) {
    const page = await this.page(options);
    await page.goto(this.link);
    return page;
  }

  /** Another site, with whatever is on it, in the browser that has the link open. */
  async lured(site, waitUntil = "load") {
    this.gateway.site = site;
    const page = await this.opened();
    await page.goto(ELSEWHERE, { waitUntil });
    return page;
  }

  async leave() {
    for (const context of this.contexts) await context.close();
  }
}

/** All hidden fields of a page, as a form sends them. */
const hidden = (html, more = {}) => {
  const fields = [...html.matchAll(/name="(\w+)" value="([^"]*)"/g)].map(([, name, value]) => [name, value]);
  return new URLSearchParams({ ...Object.fromEntries(fields), ...more }).toString();
};
const approving = (html) => hidden(html, { decision: "approve", comment: "" });

/** Every address on a page, on this server, as a crawler finds it. */
const addresses = (html, base) => [...html.matchAll(/(?:href|src|action)="([^"]+)"/g)]
  .map(([, address]) => new URL(address, base)).filter((url) => url.host === new URL(base).host).map(String);

const press = (page, button = page.locator(BUTTON).first()) => Promise.all([page.waitForEvent("load"), button.click()]);

/** Looks as previews do: at the head, at both buttons of the mail, and at all that is linked. */
async function unfurl(visitor, headers) {
  await visitor.send("HEAD", visitor.link, headers);
  for (const choice of ["approve", "reject"]) await visitor.send("GET", `${visitor.link}?suggest=${choice}`, headers);
  const { text } = await visitor.send("GET", visitor.link, headers);
  for (const address of addresses(text, visitor.link)) await visitor.send("GET", address, headers);
}

/** The first step, by a plain POST, and what came of it. */
async function chosen(visitor, headers = OURS) {
  const { text } = await visitor.send("GET");
  const second = await visitor.send("POST", visitor.link, headers, approving(text));
  const cookie = (second.headers["set-cookie"] ?? []).map((one) => one.split(";")[0]).join("; ");
  return { first: text, second: second.text, cookie };
}
const confirmed = (visitor, body, headers) => visitor.send("POST", `${visitor.link}/confirm`, { ...OURS, ...headers }, body);

const PREVIEWS = {
  "Slack": "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
  "Telegram": "TelegramBot (like TwitterBot)",
  "WhatsApp": "WhatsApp/2.23.20.0",
  "Facebook": "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
  "X": "Twitterbot/1.0",
  "LinkedIn": "LinkedInBot/1.0 (compatible; Mozilla/5.0; Apache-HttpClient +http://www.linkedin.com)",
  "Discord": "Mozilla/5.0 (compatible; Discordbot/2.0; +https://discordapp.com)",
  "Skype and Teams": "Mozilla/5.0 (Windows NT 6.1; WOW64) SkypeUriPreview Preview/0.5 skype-url-preview@microsoft.com",
  "Matrix": "Synapse (bot; +https://github.com/matrix-org/synapse)",
  "Mattermost": "Mattermost-Bot/1.1",
  "Google": "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
  "Bing": "Mozilla/5.0 (Windows NT 6.1; WOW64) AppleWebKit/534+ (KHTML, like Gecko) BingPreview/1.0b",
};

const PREFETCHES = [
  { "sec-purpose": "prefetch" }, { "sec-purpose": "prefetch;prerender" },
  { "sec-purpose": "prefetch;anonymous-client-ip" }, { purpose: "prefetch" }, { "x-moz": "prefetch" },
];

/** By plain requests. */
const programs = [
  { name: "a program that reads the link", sees: "GET 200", does: (it) => it.send("GET") },
  { name: "a program that looks whether it is there", sees: "HEAD 200", does: (it) => it.send("HEAD") },
  { name: "a mail scanner that looks first, then reads both buttons", sees: "GET 200, HEAD 200", does: (it) => unfurl(it, {}) },
  {
    name: "a mail scanner that reads it twenty times at once", sees: "GET 200, HEAD 200",
    does: (it) => Promise.all(Array.from({ length: 20 }, (_, index) => it.send(index % 2 ? "GET" : "HEAD"))),
  },
  {
    name: "an office program that asks what one may do with it", sees: "HEAD 200, OPTIONS 405, PROPFIND 403",
    does: async (it) => {
      const headers = { "user-agent": "Microsoft Office Protocol Discovery" };
      for (const method of ["OPTIONS", "HEAD", "PROPFIND"]) await it.send(method, it.link, headers);
    },
  },
  {
    name: "a program that tries every method", sees: "DELETE 405, DELETE confirm 405, PATCH 405, PATCH confirm 405, PUT 405, PUT confirm 405",
    does: async (it) => {
      const { text } = await it.send("GET");
      it.gateway.seen.length = 0;
      for (const method of ["PUT", "PATCH", "DELETE"]) {
        for (const path of ["", "/confirm"]) await it.send(method, it.link + path, OURS, approving(text));
      }
    },
  },
  {
    name: "a GET that says it means POST", sees: "GET 200, GET confirm 405",
    does: async (it) => {
      const query = `${approving((await it.send("GET")).text)}&_method=POST`;
      const means = { ...OURS, "x-http-method-override": "POST", "x-method-override": "POST" };
      for (const path of ["", "/confirm"]) await it.send("GET", `${it.link}${path}?${query}`, means);
    },
  },
  ...PREFETCHES.map((headers) => ({
    name: `a browser that fetches ahead (${Object.entries(headers).flat().join(": ")})`, sees: "GET 204",
    does: (it) => it.send("GET", it.link, headers),
  })),
  ...Object.entries(PREVIEWS).map(([whose, agent]) => ({
    name: `the preview of ${whose}`, sees: "GET 200, HEAD 200",
    does: (it) => unfurl(it, { "user-agent": agent, accept: "text/html,*/*;q=0.5" }),
  })),
  { name: "a POST of nothing", sees: "POST 403", does: (it) => it.send("POST", it.link, {}, "") },
  {
    name: "a POST of the first form from nowhere", sees: "GET 200, POST 403",
    does: async (it) => { await it.send("POST", it.link, {}, approving((await it.send("GET")).text)); },
  },
  {
    name: "both forms, keeping no cookie", sees: "GET 200, POST 200, POST confirm 403",
    does: async (it) => { await confirmed(it, hidden((await chosen(it)).second)); },
  },
  {
    name: "both forms, with the cookie of another visit", sees: "GET 200, POST 200, POST confirm 403",
    does: async (it) => {
      const { cookie } = await chosen(it);
      await confirmed(it, hidden((await chosen(it)).second), { cookie });
    },
  },
  {
    name: "the second form without the first", sees: "GET 200, POST confirm 422",
    does: async (it) => { await confirmed(it, approving((await it.send("GET")).text)); },
  },
  {
    name: "the second form, turned into another answer", sees: "GET 200, POST 200, POST confirm 403",
    does: async (it) => {
      const { second, cookie } = await chosen(it);
      await confirmed(it, hidden(second, { decision: "reject" }), { cookie });
      await confirmed(it, hidden(second, { comment: "looks good" }), { cookie });
    },
  },
  {
    name: "a replay of both forms without Origin and Referer", sees: "GET 200, POST 200, POST confirm 403",
    does: async (it) => {
      const { second, cookie } = await chosen(it);
      await it.send("POST", `${it.link}/confirm`, { cookie }, hidden(second));
    },
  },
  {
    name: "a replay of both forms from another site", sees: "GET 200, POST 200, POST confirm 403",
    does: async (it) => {
      const { second, cookie } = await chosen(it);
      for (const origin of ["https://scanner.example", "null"]) {
        await it.send("POST", `${it.link}/confirm`, { cookie, origin, "sec-fetch-site": "cross-site" }, hidden(second));
      }
    },
  },
];

const buttons = async (page) => page.locator(BUTTON).count();
const lure = (body) => `<!doctype html><title>Elsewhere</title>${body}`;
const posting = (to, fields) => lure(`<form id="f" method="post" action="${to}">${
  [...new URLSearchParams(fields)].map(([name, value]) => `<input name="${name}" value="${value}">`).join("")
}</form>`);
const submits = (page) => Promise.all([page.waitForEvent("load"), page.evaluate(() => document.getElementById("f").submit())]);

/** In a real browser. */
const browsers = [
  { name: "a sandbox that opens it and runs its scripts", sees: "GET 200", does: async (it) => (await it.opened()).waitForLoadState("networkidle") },
  { name: "a browser without scripts", sees: "GET 200", does: (it) => it.opened({ javaScriptEnabled: false }) },
  {
    name: "a browser that calls itself headless, on a telephone", sees: "GET 200",
    does: (it) => it.opened({ userAgent: "Mozilla/5.0 (Linux; Android 10) HeadlessChrome/120.0.0.0", viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true }),
  },
  {
    name: "a browser that fetches everything ahead", sees: "GET 204",
    does: async (it) => {
      const page = await it.page({ extraHTTPHeaders: { "Sec-Purpose": "prefetch;prerender", Purpose: "prefetch" } });
      // There is nothing to show, so the page does not come.
      await page.goto(it.link).catch(() => {});
    },
  },
  {
    name: "one that reloads it again and again", sees: "GET 200",
    does: async (it) => {
      const page = await it.opened();
      for (let round = 0; round < 5; round += 1) await page.reload();
    },
  },
  {
    name: "five tabs at once", sees: "GET 200",
    does: (it) => Promise.all(Array.from({ length: 5 }, () => it.opened())),
  },
  {
    name: "one that follows every link, and every link behind it", sees: "GET 200",
    does: async (it) => {
      const page = await it.opened();
      const links = () => page.locator("a[href]").evaluateAll((all) => all.map((one) => one.href));
      const seen = new Set();
      for (const first of [`${it.link}?suggest=approve`, `${it.link}?suggest=reject`, ...await links()]) {
        await page.goto(first);
        for (const second of await links()) {
          if (seen.size < 12 && !seen.has(second)) await page.goto(second);
          seen.add(second);
        }
      }
    },
  },
  {
    name: "one that opens both buttons of the mail", sees: "GET 200",
    does: async (it) => {
      const page = await it.page();
      for (const choice of ["approve", "reject"]) await page.goto(`${it.link}?suggest=${choice}`);
    },
  },
  { name: "one that presses the first button", sees: "GET 200, POST 200", does: async (it) => press(await it.opened()) },
  {
    name: "one that presses the first button, without scripts", sees: "GET 200, POST 200",
    does: async (it) => press(await it.opened({ javaScriptEnabled: false })),
  },
  {
    name: "one that presses every button, each on a fresh page", sees: "GET 200, POST 200",
    does: async (it) => {
      const page = await it.opened();
      for (let index = 0; index < 2; index += 1) {
        await press(page, page.locator(BUTTON).nth(index));
        await page.goto(it.link);
        if (await buttons(page) !== 2) throw new Error("the page has two buttons");
      }
    },
  },
  {
    name: "one that submits the first form by its script", sees: "GET 200, POST 422",
    does: async (it) => {
      const page = await it.opened();
      await Promise.all([page.waitForEvent("load"), page.evaluate(() => document.forms[0].submit())]);
    },
  },
  {
    name: "one that submits the first form as if its button were pressed", sees: "GET 200, POST 200",
    does: async (it) => {
      const page = await it.opened();
      await Promise.all([page.waitForEvent("load"), page.evaluate(() => document.forms[0].requestSubmit(document.querySelector("button")))]);
    },
  },
  {
    name: "one that presses Enter", sees: "GET 200",
    does: async (it) => {
      const page = await it.opened();
      for (let round = 0; round < 3; round += 1) await page.keyboard.press("Enter");
    },
  },
  {
    name: "one that fills in every field and presses Enter in it", sees: "GET 200",
    does: async (it) => {
      const page = await it.opened();
      for (const field of await page.locator("input:visible, textarea:visible").all()) {
        await field.fill("test@example.com");
        await field.press("Enter");
      }
    },
  },
  {
    name: "one that fills in every field and presses the first button", sees: "GET 200, POST 200",
    does: async (it) => {
      const page = await it.opened();
      await page.locator("textarea").fill("test@example.com");
      await press(page);
    },
  },
  {
    name: "one that holds Enter down on the first button", sees: "GET 200, POST 200",
    does: async (it) => {
      const page = await it.opened();
      await page.locator(BUTTON).first().focus();
      await Promise.all([page.waitForEvent("load"), page.keyboard.down("Enter")]);
      for (let round = 0; round < 10; round += 1) await page.keyboard.down("Enter");
    },
  },
  {
    name: "one that clicks the first button twice, as on an icon", sees: "GET 200, POST 200",
    does: async (it) => {
      const page = await it.opened();
      await Promise.all([page.waitForEvent("load"), page.locator(BUTTON).first().dblclick({ noWaitAfter: true })]);
      await page.waitForLoadState("networkidle");
    },
  },
  ...[[1280, 800], [820, 1180], [390, 844]].flatMap(([width, height]) => ["first", "last"].map((which) => ({
    name: `one that goes on clicking where the ${which} button was (${width} px)`, sees: "GET 200, POST 200",
    does: async (it) => {
      const page = await it.opened({ viewport: { width, height } });
      const button = page.locator(BUTTON)[which]();
      await button.scrollIntoViewIfNeeded();
      const { x, y, width: wide, height: high } = await button.boundingBox();
      const click = () => page.mouse.click(x + wide / 2, y + high / 2);
      await Promise.all([page.waitForEvent("load"), click()]);
      for (let round = 0; round < 5; round += 1) await click();
      await page.waitForLoadState("networkidle");
    },
  }))),
  {
    name: "one that presses, and reloads what comes", sees: "GET 200, POST 200",
    does: async (it) => {
      const page = await it.opened();
      await press(page);
      for (let round = 0; round < 3; round += 1) await page.reload();
    },
  },
  {
    name: "one that presses, goes back, presses the other, and so on", sees: "GET 200, POST 200",
    does: async (it) => {
      const page = await it.opened();
      for (let round = 0; round < 4; round += 1) {
        await press(page, page.locator(BUTTON).nth(round % 2));
        await page.goBack({ waitUntil: "load" });
      }
      // To a page that came by a POST it asks first, and nobody is there to say yes.
      await page.goForward({ timeout: 1_000 }).catch(() => {});
    },
  },
  {
    name: "three tabs of one browser that each press the first button", sees: "GET 200, POST 200",
    does: async (it) => {
      const first = await it.opened();
      const others = await Promise.all([1, 2].map(() => first.context().newPage()));
      await Promise.all(others.map((page) => page.goto(it.link)));
      await Promise.all([first, ...others].map((page) => press(page)));
    },
  },
  {
    name: "two sandboxes, of which the second presses what the first was shown", sees: "GET 200, POST 200, POST confirm 403",
    does: async (it) => {
      const first = await it.opened();
      await press(first);
      const fields = hidden(await first.content());
      const second = await it.opened();
      await second.evaluate(([to, sent]) => {
        const form = Object.assign(document.createElement("form"), { method: "post", action: to, id: "f" });
        for (const [name, value] of new URLSearchParams(sent)) form.append(Object.assign(document.createElement("input"), { name, value }));
        document.body.append(form);
      }, [`${it.link}/confirm`, fields]);
      await submits(second);
    },
  },
  {
    name: "one that keeps no cookies and presses through both pages", sees: "GET 200, POST 200, POST confirm 403",
    does: async (it) => {
      it.gateway.without = ["cookie", "set-cookie"];
      const page = await it.opened();
      await press(page);
      await press(page);
    },
  },
  {
    name: "one that throws its cookies away between the pages", sees: "GET 200, POST 200, POST confirm 403",
    does: async (it) => {
      const page = await it.opened();
      await press(page);
      await page.context().clearCookies();
      await press(page);
    },
  },
  {
    name: "one behind a gateway that strips where requests come from", sees: "GET 200, POST 403",
    does: async (it) => {
      it.gateway.without = ["origin", "referer", "sec-fetch-site"];
      await press(await it.opened());
    },
  },
  {
    name: "another site that shows it in a frame", sees: "GET 200",
    does: async (it) => {
      const page = await it.lured(lure(`<iframe src="${it.link}" width="900" height="900"></iframe>`));
      const framed = page.frames().find((frame) => frame !== page.mainFrame());
      if (await framed.locator(BUTTON).count().catch(() => 0)) throw new Error("it can be framed");
      for (let y = 50; y < 900; y += 100) await page.mouse.click(300, y);
    },
  },
  {
    name: "another site that has the first form sent by itself", sees: "GET 200, POST 403",
    does: async (it) => submits(await it.lured(posting(it.link, approving((await it.send("GET")).text)))),
  },
  {
    name: "another site that has the second form sent by itself", sees: "GET 200, POST 200, POST confirm 403",
    does: async (it) => {
      const page = await it.opened();
      await press(page);
      it.gateway.site = posting(`${it.link}/confirm`, hidden(await page.content()));
      await page.goto(ELSEWHERE);
      await submits(page);
    },
  },
  {
    name: "another site that has both forms sent by a script", sees: "GET 200, POST 200, POST 403, POST confirm 403",
    does: async (it) => {
      const page = await it.opened();
      const sent = approving(await page.content());
      await press(page);
      const second = hidden(await page.content());
      it.gateway.site = lure("");
      await page.goto(ELSEWHERE);
      await page.evaluate(async ([link, one, two]) => {
        const how = (body) => ({ method: "POST", mode: "no-cors", credentials: "include", body: new URLSearchParams(body) });
        await fetch(link, how(one)).catch(() => {});
        await fetch(`${link}/confirm`, how(two)).catch(() => {});
        navigator.sendBeacon(`${link}/confirm`, new URLSearchParams(two));
      }, [it.link, sent, second]);
      await page.waitForLoadState("networkidle");
    },
  },
  {
    name: "a copy of the page at another site, with its buttons pressed", sees: "GET 200, POST 403",
    does: async (it) => {
      const { text } = await it.send("GET");
      const page = await it.lured(text.replaceAll('action="/', `action="${new URL(it.link).origin}/`));
      await press(page);
    },
  },
  {
    name: "another site that has it fetched ahead, as a picture and as a script", sees: "GET 200, GET 204",
    does: async (it) => it.lured(lure(
      `<link rel="prefetch" href="${it.link}"><img src="${it.link}"><script src="${it.link}"></script>`,
    ), "networkidle"),
  },
];

export const scanners = [...programs.map((one) => ({ ...one, browser: false })), ...browsers.map((one) => ({ ...one, browser: true }))];

/** What is left: programs that go through both pages in one browser, as a person does. */
export const drivers = [
  {
    name: "one that reads like a person, approves and confirms", decides: "approved",
    does: async (it) => {
      const page = await it.opened();
      await press(page, page.locator("#approve"));
      await press(page, page.locator("#confirm"));
    },
  },
  {
    name: "one that presses the first button of every page", decides: "rejected",
    does: async (it) => {
      const page = await it.opened();
      for (let round = 0; round < 2; round += 1) await press(page);
    },
  },
];
