/** The server of HTTP over real connections: slow clients, many of them, TLS, a Unix socket. */

import assert from "node:assert/strict";
import { LONGEST_HEAD } from "../../../mod/control/http_request.ts";
import { HttpServer, type HttpServerOptions } from "../../../mod/control/http_server.ts";
import { CERTIFICATE, KEY } from "./certificate.ts";

/** What is not asked for here. */
const nothing = () => Promise.resolve(new Uint8Array());
const REST = {
  ready: () => Promise.resolve(),
  overview: nothing,
  servers: nothing,
  object: nothing,
  events: nothing,
};
const encode = (text: string) => new TextEncoder().encode(text);

/** What a client leaves open is the server's to end, some time later. */
const options = { sanitizeOps: false, sanitizeResources: false };

interface Site {
  readonly server: HttpServer;
  connect(): Promise<Deno.TcpConn>;
}

/** A port of this machine that nobody uses now. */
function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

async function withServer(
  body: (site: Site) => Promise<void>,
  { page = "page\n", tls = false, ...more }: HttpServerOptions & {
    page?: string;
    tls?: boolean;
  } = {},
): Promise<void> {
  const pages = {
    metrics: () => Promise.resolve(encode(page)),
    status: () => Promise.resolve(encode("{}\n")),
    ...REST,
  };
  const port = freePort();
  const rules = { address: "127.0.0.1", hosts: [] };
  const secure = tls ? { tls: { certificate: CERTIFICATE, key: KEY } } : {};
  const endpoint = { address: "127.0.0.1", port, ...secure };
  const server = new HttpServer(endpoint, rules, pages, more);
  try {
    await body({ server, connect: () => Deno.connect({ hostname: "127.0.0.1", port }) });
  } finally {
    server.close();
  }
}

/** All that a connection says until its end. */
async function readAll(connection: Deno.Conn): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  const chunk = new Uint8Array(65_536);
  try {
    for (let got = await connection.read(chunk); got !== null; got = await connection.read(chunk)) {
      text += decoder.decode(chunk.subarray(0, got), { stream: true });
    }
  } catch (error) {
    // A server that gives a client up may reset the connection.
    if (!(error instanceof Deno.errors.ConnectionReset)) throw error;
  }
  return text;
}

async function ask({ connect }: Site, request: string): Promise<string> {
  using connection = await connect();
  await connection.write(encode(request));
  return await readAll(connection);
}

const REQUEST = "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n";

Deno.test("an answer, whole, and the end of the connection", options, async () => {
  const page = "x".repeat(3_000_000);
  await withServer(async (site) => {
    const [head, body] = (await ask(site, REQUEST)).split("\r\n\r\n");
    assert.match(head!, /^HTTP\/1\.1 200 OK\r\n/);
    assert.equal(body, page);
    const bare = await ask(site, REQUEST.replace("GET", "HEAD"));
    assert.ok(bare.includes(`Content-Length: ${page.length}\r\n`));
    assert.ok(bare.endsWith("\r\n\r\n"), "HEAD has no body");
    assert.deepEqual(site.server.answers, { 200: 2 });
  }, { page });
});

Deno.test("a request in pieces is one; two at once are one", options, async () => {
  await withServer(async (site) => {
    using connection = await site.connect();
    for (const byte of encode(REQUEST)) await connection.write(Uint8Array.of(byte));
    assert.match(await readAll(connection), /^HTTP\/1\.1 200 OK[^]*page\n$/);
    assert.equal((await ask(site, REQUEST + REQUEST)).match(/HTTP\/1\.1/g)?.length, 1);
  });
});

Deno.test("a refusal reaches who sends content nobody wants", options, async () => {
  await withServer(async (site) => {
    const post = `POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50000\r\n\r\n`;
    assert.match(await ask(site, post + "x".repeat(50_000)), /^HTTP\/1\.1 405 /);
  });
});

Deno.test("a head without an end is refused at its limit", options, async () => {
  await withServer(async (site) => {
    const long = `GET / HTTP/1.1\r\nHost: localhost\r\nX: ${"x".repeat(LONGEST_HEAD)}`;
    assert.match(await ask(site, long), /^HTTP\/1\.1 431 /);
    assert.match(await ask(site, `${long}\r\n\r\n`), /^HTTP\/1\.1 431 /);
  });
});

Deno.test("who sends half a request, or does not read, is given up", options, async () => {
  await withServer(async (site) => {
    using half = await site.connect();
    await half.write(encode("GET / HTTP/1.1\r\nHost: loc"));
    using silent = await site.connect();
    await silent.write(encode(REQUEST));
    assert.equal(await readAll(half), "");
    await site.server.answered();
    // The kernel keeps some of the page for the silent one, and the end comes before the rest.
    assert.ok((await readAll(silent)).length < 8_000_000);
  }, { patience: 300, page: "x".repeat(8_000_000) });
});

/** A client of TLS whose handshake is done. */
async function connectTls(site: Site): Promise<Deno.TlsConn> {
  const tcp = await site.connect();
  const tls = await Deno.startTls(tcp, { hostname: "localhost", caCerts: [CERTIFICATE] });
  await tls.handshake();
  return tls;
}

Deno.test("TLS: an answer, whole; who speaks none is answered nothing", options, async () => {
  const page = "x".repeat(3_000_000);
  await withServer(async (site) => {
    using connection = await connectTls(site);
    await connection.write(encode(REQUEST));
    const [head, body] = (await readAll(connection)).split("\r\n\r\n");
    assert.match(head!, /^HTTP\/1\.1 200 OK\r\n/);
    assert.equal(body, page);
    assert.doesNotMatch(await ask(site, REQUEST), /HTTP/);
  }, { tls: true, page });
});

/** Whether the server has a connection that it has not ended: its port, and state 01. */
function holdsAny(port: number): boolean {
  const digits = port.toString(16).toUpperCase().padStart(4, "0");
  const held = new RegExp(`^ *\\d+: [0-9A-F]{8}:${digits} [0-9A-F:]+ 01 `, "m");
  return held.test(Deno.readTextFileSync("/proc/self/net/tcp"));
}

Deno.test("TLS: the connection of who is silent, or does not read, is ended", options, async () => {
  await withServer(async (site) => {
    using silent = await site.connect();
    using half = await site.connect();
    // The head of a record, and of a ClientHello, whose rest does not come.
    await half.write(Uint8Array.of(0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc));
    using slow = await connectTls(site);
    await slow.write(encode(REQUEST));
    const { port } = silent.remoteAddr;
    assert.ok(holdsAny(port));
    const deadline = Date.now() + 20_000;
    while (holdsAny(port)) {
      assert.ok(Date.now() < deadline, "a connection is held for as long as its client likes");
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    assert.equal(await readAll(silent) + await readAll(half), "");
  }, { tls: true, patience: 1_000, page: "x".repeat(30_000_000) });
});

Deno.test("clients that hang make room for those that ask", options, async () => {
  await withServer(async (site) => {
    const hanging: Deno.TcpConn[] = [];
    try {
      for (let i = 0; i < 400; i++) {
        const connection = await site.connect();
        await connection.write(encode("GET / HT"));
        hanging.push(connection);
        if (i % 20 === 0) assert.match(await ask(site, REQUEST), /^HTTP\/1\.1 200 /);
      }
      assert.match(await ask(site, REQUEST), /^HTTP\/1\.1 200 /);
      // 128 may be there at once.
      assert.ok(site.server.dropped >= 270, `${site.server.dropped} were let go`);
    } finally {
      for (const connection of hanging) connection.close();
    }
  }, { patience: 60_000 });
});

Deno.test("a port in use is an error, and free again when the server ends", options, async () => {
  await withServer(async (site) => {
    using connection = await site.connect();
    const { port } = connection.remoteAddr;
    const again = () =>
      new HttpServer({ address: "127.0.0.1", port }, { address: "127.0.0.1", hosts: [] }, {
        metrics: () => Promise.resolve(encode("other\n")),
        status: () => Promise.resolve(encode("")),
        ...REST,
      });
    assert.throws(again, Deno.errors.AddrInUse);
    site.server.close();
    // The runtime lets go of a listener in a turn of its own.
    let second: HttpServer | undefined;
    while (second === undefined) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      try {
        second = again();
      } catch (error) {
        if (!(error instanceof Deno.errors.AddrInUse)) throw error;
      }
    }
    try {
      assert.match(await ask(site, REQUEST), /other\n$/);
    } finally {
      second.close();
    }
  });
});

Deno.test(
  "a Unix socket for its owner alone, which a successor's close leaves",
  options,
  async () => {
    const directory = Deno.makeTempDirSync({ prefix: "halb-http-" });
    const path = `${directory}/http.sock`;
    const pages = {
      metrics: () => Promise.resolve(encode("page\n")),
      status: () => Promise.resolve(encode("")),
      ...REST,
    };
    const rules = { address: null, hosts: [] };
    const first = new HttpServer({ path }, rules, pages);
    try {
      const second = new HttpServer({ path }, rules, pages);
      first.close();
      assert.equal(Deno.lstatSync(path).mode! & 0o777, 0o600);
      using connection = await Deno.connect({ transport: "unix", path });
      await connection.write(encode(REQUEST));
      assert.match(await readAll(connection), /page\n$/);
      second.close();
      assert.throws(() => Deno.lstatSync(path), Deno.errors.NotFound);
    } finally {
      Deno.removeSync(directory, { recursive: true });
    }
  },
);
