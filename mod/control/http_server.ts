/**
 * Connections of HTTP/1.1: one request and one answer each. Not the runtime's own server, which
 * waits for ever for a client that sends half a request, and takes as many of them as come.
 *
 * @module
 */

import { hangUp } from "../../ffi/mod.ts";
import { Clients, closeQuietly } from "./clients.ts";
import { LONGEST_HEAD } from "./http_request.ts";
import { answerHttp, headOf, type HttpPages, type HttpRules, tooLong } from "./http_site.ts";
import { listenUnix, SocketPlace } from "./unix_listener.ts";

/** Connections at once. */
const MOST_CLIENTS = 128;
/** How long a client has to ask, or not to read, milliseconds. */
const PATIENCE = 5_000;
/** How long, and how much, is read after the answer, so that it is not lost; milliseconds, bytes. */
const LINGER = 1_000;
const MOST_LINGERING = 65_536;
const CHUNK = 2048;

type Connection = Deno.TcpConn | Deno.TlsConn | Deno.UnixConn;

/** Where to listen, and with what certificate. */
export type HttpEndpoint =
  & ({ readonly address: string; readonly port: number } | { readonly path: string })
  & { readonly tls?: { readonly certificate: string; readonly key: string } };

export interface HttpServerOptions {
  /** How long a client may neither ask nor read, milliseconds: 5,000 unless given. */
  readonly patience?: number;
}

export class HttpServer {
  /** Who may ask from now on. */
  rules: HttpRules;
  /** Answers so far, by their code. */
  readonly answers: Record<number, number> = {};
  readonly #listener: Deno.Listener<Connection>;
  readonly #clients: Clients<Connection>;
  readonly #pages: HttpPages;
  /** Of a Unix socket. */
  readonly #place: SocketPlace | null;

  /**
   * Listens.
   *
   * @throws {Error} where the port is in use, the address not here, or the certificate none
   */
  constructor(
    endpoint: HttpEndpoint,
    rules: HttpRules,
    pages: HttpPages,
    { patience = PATIENCE }: HttpServerOptions = {},
  ) {
    this.rules = rules;
    this.#pages = pages;
    this.#listener = listen(endpoint);
    this.#place = "path" in endpoint ? new SocketPlace(endpoint.path) : null;
    this.#clients = new Clients(MOST_CLIENTS, patience, end);
    void this.#clients.accept(this.#listener, (connection) => this.#serve(connection));
  }

  /** Connections that were ended since their client hung, or others waited behind it. */
  get dropped(): number {
    return this.#clients.dropped;
  }

  /** Takes no more clients. */
  close(): void {
    closeQuietly(this.#listener);
    this.#place?.leave();
  }

  /** Resolves when those who have asked have their answers. */
  async answered(): Promise<void> {
    await this.#clients.answered();
  }

  async #serve(connection: Connection): Promise<void> {
    const head = await this.#clients.patiently(connection, () => readHead(connection));
    if (head === undefined) return;
    const answer = head === null ? tooLong() : await answerHttp(head, this.rules, this.#pages);
    this.answers[answer.code] = (this.answers[answer.code] ?? 0) + 1;
    const bare = "bare" in answer && answer.bare === true;
    await this.#clients.patiently(connection, async (progress) => {
      await writeAll(connection, headOf(answer), progress);
      if (!bare) await writeAll(connection, answer.body, progress);
    });
    await this.#clients.patiently(connection, () => linger(connection));
  }
}

function listen(endpoint: HttpEndpoint): Deno.Listener<Connection> {
  if ("path" in endpoint) return listenUnix(endpoint.path);
  const { address: hostname, port, tls } = endpoint;
  if (tls === undefined) return Deno.listen({ hostname, port });
  const { certificate: cert, key } = tls;
  return Deno.listenTls({ hostname, port, cert, key, alpnProtocols: ["http/1.1"] });
}

/**
 * The runtime closes a connection of TLS in its own time: when the client has done its part of the
 * handshake, and has taken what was left to send. One that does neither would have a descriptor of
 * ours for as long as it likes, so the connection is ended below TLS.
 */
function end(connection: Connection): void {
  const { localAddr: local, remoteAddr: remote } = connection;
  const tls = "handshake" in connection && local.transport === "tcp" && remote.transport === "tcp";
  try {
    if (tls) hangUp(local, remote);
  } catch {
    // Out of descriptors, say: the runtime does it when the client goes.
  }
  closeQuietly(connection);
}

/** All before the empty line; undefined: the client has gone; null: it is too long. */
async function readHead(connection: Connection): Promise<string | null | undefined> {
  const decoder = new TextDecoder("latin1");
  let head = "";
  for (;;) {
    const chunk = new Uint8Array(CHUNK);
    const count = await connection.read(chunk);
    if (count === null) return undefined;
    // Where the last piece ended within the empty line.
    const from = Math.max(0, head.length - 3);
    head += decoder.decode(chunk.subarray(0, count));
    const end = /\r?\n\r?\n/.exec(head.slice(from));
    if (end !== null) {
      return from + end.index > LONGEST_HEAD ? null : head.slice(0, from + end.index);
    }
    if (head.length > LONGEST_HEAD) return null;
  }
}

async function writeAll(
  connection: Connection,
  bytes: Uint8Array,
  progress: () => void,
): Promise<void> {
  for (let at = 0; at < bytes.length; progress()) {
    at += await connection.write(bytes.subarray(at));
  }
}

/**
 * The answer is said: what the client still sends is read for a moment, since a connection that is
 * closed with something unread is reset, and the answer may be lost with it (RFC 9112 section 9.6).
 */
async function linger(connection: Connection): Promise<void> {
  // Of TLS something may still wait to be sent: that takes the time that reading takes.
  await connection.closeWrite();
  const timer = setTimeout(() => closeQuietly(connection), LINGER);
  try {
    const chunk = new Uint8Array(CHUNK);
    let left = MOST_LINGERING;
    while (left > 0) {
      const count = await connection.read(chunk);
      if (count === null) return;
      left -= count;
    }
  } finally {
    clearTimeout(timer);
  }
}
