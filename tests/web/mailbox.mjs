// A mail server for tests, and what is in a letter.
import { createServer } from "node:net";

/** A mail server that takes everything, or refuses every address with the words in `refusing`. */
export async function mailServer() {
  const server = createServer((socket) => {
    let letter = null;
    let rest = "";
    socket.on("error", () => {});
    socket.write("220 here\r\n");
    socket.on("data", (data) => {
      const lines = (rest + data).split("\r\n");
      rest = lines.pop();
      for (const line of lines) {
        if (letter !== null) {
          if (line !== ".") letter.push(line);
          else {
            server.letters.push(letter.join("\n"));
            letter = null;
            socket.write("250 taken\r\n");
          }
        } else if (/^EHLO/i.test(line)) socket.write("250-here\r\n250 AUTH PLAIN\r\n");
        else if (/^AUTH/i.test(line)) socket.write("235 known\r\n");
        else if (/^RCPT/i.test(line)) socket.write(`${server.refusing ?? "250 ok"}\r\n`);
        else if (/^DATA/i.test(line)) {
          letter = [];
          socket.write("354 go on\r\n");
        } else if (/^QUIT/i.test(line)) socket.end("221 bye\r\n");
        else socket.write("250 ok\r\n");
      }
    });
  });
  server.letters = [];
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return server;
}

/** The page within a letter, as a mail program shows it. */
export function pageOf(letter) {
  const part = letter.slice(letter.search(/^Content-Type: text\/html/im));
  const [head, ...rest] = part.split("\n\n");
  const body = rest.join("\n\n").split(/^--/m)[0];
  if (/base64/i.test(head)) return Buffer.from(body, "base64").toString();
  if (!/quoted-printable/i.test(head)) return body;
  const bytes = body.replace(/=\n/g, "").replace(/=([0-9A-F]{2})/g, (_, hex) => String.fromCharCode(parseInt(hex, 16)));
  return Buffer.from(bytes, "latin1").toString();
}
