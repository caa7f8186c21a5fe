/**
 * The servers of `convert_farm.ts`, as a program of its own in the farm's namespace: web servers
 * without and with TLS, mail servers, ports that only take connections, name servers and an echo.
 *
 *     deno run -A convert_farm_main.ts PRIVATE-KEY CERTIFICATE
 *
 * It says "ready" when all of them listen.
 */

import { createSocket } from "node:dgram";
import { PAGES } from "../lib/farm_pages.ts";

const [keyPath = "", certificatePath = ""] = Deno.args;
const TLS = {
  key: Deno.readTextFileSync(keyPath),
  cert: Deno.readTextFileSync(certificatePath),
};

type Serve = (connection: Deno.Conn) => Promise<void>;

for (const port of [80, 1358, 8080]) serve(Deno.listen({ hostname: "::", port }), answerHttp);
for (const port of [443, 444]) {
  serve(Deno.listenTls({ hostname: "::", port, ...TLS }), answerHttp);
}
serve(Deno.listen({ hostname: "::", port: 25 }), answerSmtp);
for (const port of [3306, 5432]) {
  serve(Deno.listen({ hostname: "::", port }), () => Promise.resolve());
}
// Bound to one address each: an answer from another one would not be taken for one.
await Promise.all([
  datagrams("203.0.113.53", 53, sayYes),
  datagrams("203.0.113.54", 53, sayYes),
  datagrams("203.0.113.7", 7, (bytes) => bytes),
]);
console.log("ready");

async function serve(listener: Deno.Listener, answer: Serve): Promise<never> {
  for (;;) {
    let connection: Deno.Conn;
    try {
      connection = await listener.accept();
    } catch {
      // A connection that was reset, or whose handshake failed, before it was accepted.
      continue;
    }
    answer(connection).catch(() => {}).finally(() => {
      try {
        connection.close();
      } catch {
        // The other side's reset has closed it.
      }
    });
  }
}

function datagrams(
  address: string,
  port: number,
  answer: (bytes: Uint8Array) => Uint8Array,
): Promise<void> {
  const socket = createSocket("udp4");
  socket.on("message", (bytes, from) => socket.send(answer(bytes), from.port, from.address));
  return new Promise((resolve) => socket.bind(port, address, () => resolve()));
}

/** A name server's answer with the return code 0 and nothing in it. */
function sayYes(question: Uint8Array): Uint8Array {
  const answer = question.slice();
  answer.set([(question[2] ?? 0) | 0x80, (question[3] ?? 0) & 0xf0], 2);
  return answer;
}

/** Reads up to a blank line, answers, and hangs up. */
async function answerHttp(connection: Deno.Conn): Promise<void> {
  const request = await readUntil(connection, "\r\n\r\n");
  const path = /^GET (\S+) /.exec(request)?.[1] ?? "";
  const host = /^Host: *([^:\r]*)/mi.exec(request)?.[1] ?? "";
  const wanted = /^\/status\/(\d{3})$/.exec(path)?.[1];
  const page = path === "/host" ? `You asked ${host}\n` : PAGES.get(path);
  const status = wanted ?? (page === undefined ? "404" : "200");
  const head = `HTTP/1.0 ${status} Farm\r\nContent-Type: text/plain\r\n`;
  const body = page ?? "";
  await write(connection, `${head}Content-Length: ${body.length}\r\n\r\n${body}`);
}

async function answerSmtp(connection: Deno.Conn): Promise<void> {
  await write(connection, "220 farm ESMTP\r\n");
  for (;;) {
    const line = await readUntil(connection, "\r\n");
    const word = line.slice(0, 4).toUpperCase();
    if (word === "QUIT" || line === "") return await write(connection, "221 Bye\r\n");
    await write(connection, word === "DATA" ? "354 Go on\r\n" : "250 Well\r\n");
    if (word === "DATA") {
      await readUntil(connection, "\r\n.\r\n");
      await write(connection, "250 Taken\r\n");
    }
  }
}

async function write(connection: Deno.Conn, text: string): Promise<void> {
  const bytes = new TextEncoder().encode(text);
  for (let sent = 0; sent < bytes.length;) sent += await connection.write(bytes.subarray(sent));
}

async function readUntil(connection: Deno.Conn, end: string): Promise<string> {
  const chunk = new Uint8Array(1024);
  let text = "";
  while (!text.endsWith(end)) {
    const length = await connection.read(chunk);
    if (length === null) return text;
    text += new TextDecoder().decode(chunk.subarray(0, length));
  }
  return text;
}
