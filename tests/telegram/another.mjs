// Runs telegram-test-api, a Telegram for tests that is not ours, at the port that is given. Says
// "ready" when it listens.
import { createRequire } from "node:module";

const TelegramServer = createRequire(import.meta.url)("telegram-test-api");
const server = new TelegramServer({ host: "127.0.0.1", port: Number(process.argv[2]) });
await server.start();
console.log("ready");
