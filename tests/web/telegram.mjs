// A Telegram for tests: a process that refuses what the real one refuses, with people who press
// Start, write and tap.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const kit = process.env.ASKFIRST_KIT ?? fileURLToPath(new URL("../../target/debug/askfirst-kit", import.meta.url));

/** Starts one on a free port; `does(verb, what)` is what a person or the test does there. */
export async function telegram() {
  const running = spawn(kit, ["telegram"], { stdio: ["ignore", "pipe", "inherit"] });
  const exited = new Promise((resolve) => running.once("exit", resolve));
  const { url } = await new Promise((resolve, reject) => {
    createInterface({ input: running.stdout }).once("line", (line) => resolve(JSON.parse(line)));
    running.once("error", reject);
    exited.then((code) => reject(new Error(`the kit ended with ${code}`)));
  });
  const does = async (verb, what = {}) => {
    const answer = await fetch(`${url}/_control/${verb}`, { method: "POST", body: JSON.stringify(what) });
    const told = await answer.json();
    if (!answer.ok) throw new Error(`${verb}: ${told.error}`);
    return told;
  };
  /** What the bot wrote to a person. */
  const cards = async (bot, person) => (await does("messages", { bot: bot.id, chat_id: person.id })).filter((one) => one.author === "bot");
  const stop = async () => {
    running.kill("SIGINT");
    await exited;
  };
  return { url, does, cards, stop };
}
