/**
 * The control socket: a Unix socket that only its owner may use. Whoever connects may ask one
 * thing, within a limited time, among a limited number of others. Where there are too many, those
 * that have waited longest without asking anything make room: a client that hangs costs nobody
 * else an answer.
 *
 * @module
 */

import { dirname } from "node:path";
import { umask } from "../../ffi/mod.ts";
import {
  type ControlRequest,
  type ControlResponse,
  LONGEST_REQUEST,
  parseRequest,
} from "./protocol.ts";

/** Connections at once. */
const MOST_CLIENTS = 64;
/** A client that neither asks nor reads for so long is dropped, milliseconds. */
const PATIENCE = 10_000;

const TOO_LONG = Symbol("too long");
const REFUSAL: ControlResponse = {
  ok: false,
  error: `Request is longer than ${LONGEST_REQUEST} bytes`,
};

export type Handler = (request: ControlRequest) => Promise<unknown>;

export class ControlServer {
  readonly #listener: Deno.Listener<Deno.UnixConn>;
  readonly #handler: Handler;
  readonly #path: string;
  readonly #clients = new Set<Deno.UnixConn>();
  /** Clients that have not asked yet, or do not read their answer, in the order of waiting. */
  readonly #idle = new Set<Deno.UnixConn>();

  private constructor(listener: Deno.Listener<Deno.UnixConn>, path: string, handler: Handler) {
    this.#listener = listener;
    this.#path = path;
    this.#handler = handler;
  }

  /**
   * Listens at `path`, in a directory that is made with mode 0700 where there is none.
   *
   * @throws {Error} when another agent answers there, or the socket cannot be made
   */
  static async listen(path: string, handler: Handler): Promise<ControlServer> {
    Deno.mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    if (await answers(path)) throw new Error(`Another agent answers at "${path}"`);
    removeSocket(path);
    const before = umask(0o177);
    try {
      const listener = Deno.listen({ transport: "unix", path });
      const server = new ControlServer(listener, path, handler);
      void server.#accept();
      return server;
    } finally {
      umask(before);
    }
  }

  close(): void {
    this.#listener.close();
    try {
      Deno.removeSync(this.#path);
    } catch {
      // Somebody else has removed it: that is what we wanted.
    }
  }

  async #accept(): Promise<void> {
    for (;;) {
      let connection: Deno.UnixConn;
      try {
        connection = await this.#listener.accept();
      } catch (error) {
        if (error instanceof Deno.errors.BadResource || error instanceof Deno.errors.Interrupted) {
          return;
        }
        // Out of descriptors, say: it passes, and a spinning loop would not help.
        await new Promise((resolve) => setTimeout(resolve, 100));
        continue;
      }
      void this.#serve(connection);
      if (this.#clients.size > MOST_CLIENTS) this.#makeRoom();
    }
  }

  #makeRoom(): void {
    const [longest] = this.#idle;
    if (longest === undefined) return;
    this.#idle.delete(longest);
    closeQuietly(longest);
  }

  async #serve(connection: Deno.UnixConn): Promise<void> {
    this.#clients.add(connection);
    try {
      const line = await this.#patiently(connection, readLine(connection));
      if (line === undefined) return;
      const response = line === TOO_LONG ? REFUSAL : await this.#answer(line);
      await this.#patiently(connection, writeLine(connection, response));
    } catch {
      // The client went away: nobody is left to tell.
    } finally {
      this.#clients.delete(connection);
      closeQuietly(connection);
    }
  }

  /** What depends on the client may take its time, but not for ever. */
  async #patiently<T>(connection: Deno.UnixConn, work: Promise<T>): Promise<T> {
    this.#idle.add(connection);
    const patience = setTimeout(() => closeQuietly(connection), PATIENCE);
    try {
      return await work;
    } finally {
      clearTimeout(patience);
      this.#idle.delete(connection);
    }
  }

  async #answer(line: string): Promise<ControlResponse> {
    const request = parseRequest(line);
    if (typeof request === "string") return { ok: false, error: request };
    try {
      return { ok: true, result: await this.#handler(request) };
    } catch (error) {
      return { ok: false, error: error instanceof Error ? error.message : String(error) };
    }
  }
}

/** A socket that a former agent left. @throws {Error} for anything else that is there */
function removeSocket(path: string): void {
  try {
    if (!Deno.lstatSync(path).isSocket) throw new Error(`"${path}" is there and is no socket`);
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** Whether somebody listens at `path`. */
async function answers(path: string): Promise<boolean> {
  try {
    const connection = await Deno.connect({ transport: "unix", path });
    connection.close();
    return true;
  } catch {
    return false;
  }
}

/** One line of at most `LONGEST_REQUEST` bytes; nothing where the other side goes before its end. */
async function readLine(
  connection: Deno.Conn,
): Promise<string | typeof TOO_LONG | undefined> {
  const bytes = new Uint8Array(LONGEST_REQUEST);
  let length = 0;
  while (length < bytes.length) {
    const count = await connection.read(bytes.subarray(length));
    if (count === null) return undefined;
    const end = bytes.subarray(length, length + count).indexOf(0x0a);
    if (end >= 0) return new TextDecoder().decode(bytes.subarray(0, length + end));
    length += count;
  }
  return TOO_LONG;
}

async function writeLine(connection: Deno.Conn, response: ControlResponse): Promise<void> {
  const bytes = new TextEncoder().encode(`${JSON.stringify(response)}\n`);
  for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
}

function closeQuietly(connection: Deno.Conn): void {
  try {
    connection.close();
  } catch {
    // Closed already.
  }
}
