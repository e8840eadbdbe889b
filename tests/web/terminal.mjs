// A terminal for the program: `script` makes one, xterm's own parser reads what is written to it,
// and what is waited for is what stands on the screen.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import xterm from "@xterm/headless";
import { program } from "./harness.mjs";

const COLUMNS = 110;
const ROWS = 50;
/** For a server and a terminal on a machine that has much else to do. */
const PATIENCE = 120_000;
/** The cursor is hidden at the end of each drawing; until then the screen is half of one. */
const DRAWN = "\u001b[?25l";

/** The program on a terminal of its own, told of nothing but `env`. */
export function onTerminal(command, env) {
  const inside = `stty rows ${ROWS} cols ${COLUMNS}; exec ${program} ${command}`;
  const child = spawn("/usr/bin/script", ["--quiet", "--return", "--flush", "--command", inside, "/dev/null"], {
    env: { PATH: "/usr/bin:/bin", SHELL: "/bin/sh", TERM: "xterm-256color", ...env },
    stdio: ["pipe", "pipe", "inherit"],
  });
  const terminal = new xterm.Terminal({ cols: COLUMNS, rows: ROWS, scrollback: 0, allowProposedApi: true });
  // What a program can make a terminal do besides drawing.
  const acts = [];
  terminal.onTitleChange((title) => acts.push(`the title ${title}`));
  terminal.onBell(() => acts.push("a bell"));
  terminal.onData((data) => acts.push(`an answer ${JSON.stringify(data)}`));
  const parts = [];
  let half = "";
  let woken = () => {};
  child.stdout.setEncoding("utf8").on("data", (part) => {
    parts.push(part);
    half += part;
    const whole = half.lastIndexOf(DRAWN) + DRAWN.length;
    if (whole < DRAWN.length) return;
    terminal.write(half.slice(0, whole), () => woken());
    half = half.slice(whole);
  });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  const rows = () => Array.from({ length: ROWS }, (_, row) => terminal.buffer.active.getLine(row)?.translateToString(true) ?? "");

  return {
    rows,
    acts,
    sent: () => parts.join(""),
    press: (keys) => child.stdin.write(keys),
    /** Waits until the rows are as wanted, and gives them. */
    async until(what, holds) {
      const over = Date.now() + PATIENCE;
      while (!holds(rows())) {
        const left = over - Date.now();
        assert.ok(left > 0 && child.exitCode === null, `it never showed ${what}:\n${rows().join("\n")}`);
        await new Promise((resolve) => {
          const timer = setTimeout(resolve, left);
          child.once("exit", resolve);
          woken = () => { clearTimeout(timer); child.off("exit", resolve); resolve(); };
          if (holds(rows())) woken();
        });
      }
      return rows();
    },
    /** Waits for its end, and gives its exit code. */
    ended: () => ended,
    stop: () => child.kill(),
  };
}
