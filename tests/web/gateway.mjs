// A web gateway between a visitor and the server, as offices have one: it notes what was asked for
// and what was answered, leaves out the headers that it is told to, and plays another site.
import { createServer, request } from "node:http";

/** A site that is not ours; its pages are what `gateway.site` holds. */
export const ELSEWHERE = "http://elsewhere.test/";

export class Gateway {
  /** What was asked for behind a decision link, in the order of the answers. */
  seen = [];
  site = "";
  /** Headers that it lets through in neither direction. */
  without = [];

  async open() {
    this.server = createServer((asked, answer) => this.#pass(asked, answer));
    await new Promise((resolve) => this.server.listen(0, "127.0.0.1", resolve));
    this.url = `http://127.0.0.1:${this.server.address().port}`;
    return this;
  }

  async close() {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  /** Every kind of request and answer once, in alphabetical order: how far somebody came. */
  get sum() {
    return [...new Set(this.seen)].sort().join(", ");
  }

  #pass(asked, answer) {
    if (!asked.url.startsWith("http://127.0.0.1:")) {
      const here = asked.url === ELSEWHERE;
      answer.writeHead(here ? 200 : 404, { "content-type": "text/html" }).end(here ? this.site : "");
      return;
    }
    const { pathname } = new URL(asked.url);
    const onward = request(asked.url, { method: asked.method, headers: this.#bare(asked.headers) }, (told) => {
      if (pathname.startsWith("/d/")) {
        const step = pathname.endsWith("/confirm") ? " confirm" : "";
        this.seen.push(`${asked.method}${step} ${told.statusCode}`);
      }
      answer.writeHead(told.statusCode, this.#bare(told.headers));
      told.pipe(answer);
    });
    onward.on("error", () => answer.destroy());
    asked.pipe(onward);
  }

  #bare(headers) {
    return Object.fromEntries(Object.entries(headers).filter(([name]) => !this.without.includes(name)));
  }
}
