/**
 * The control socket: a Unix socket that only its owner may use. Whoever connects may ask one
 * thing, within a limited time, among a limited number of others. Where there are too many, those
 * that have waited longest without asking anything make room: a client that hangs costs nobody
 * else an answer.
 *
 * Which agent may make the socket is decided by a lock (see `mod/agent/ownership.ts`).
 *
 * @module
 */

import { dirname } from "node:path";
import { Clients, closeQuietly } from "./clients.ts";
import { Lines, TOO_LONG } from "./lines.ts";
import {
  type ControlRequest,
  type ControlResponse,
  LONGEST_REQUEST,
  parseRequest,
} from "./protocol.ts";
import { textOf } from "../text/mod.ts";
import { listenUnix, SocketPlace } from "./unix_listener.ts";

/** Connections at once. */
const MOST_CLIENTS = 64;
/** A client that neither asks nor reads for so long is dropped, milliseconds. */
const PATIENCE = 10_000;

const REFUSAL: ControlResponse = {
  ok: false,
  error: `Request is longer than ${LONGEST_REQUEST} bytes`,
};

export type Handler = (request: ControlRequest) => Promise<unknown>;

/**
 * Answers a request that begins a longer talk on its connection; ends when that is over.
 *
 * @param lines the connection's, whose request was read
 */
export type Conversation = (
  request: Extract<ControlRequest, { command: "take_over" | "events" }>,
  connection: Deno.UnixConn,
  lines: Lines,
) => Promise<void>;

export interface ServerOptions {
  /** For `take_over`, and `events` that are followed; absent: they are refused. */
  readonly converse?: Conversation;
  /** The agent that answers at the path is the one that hands over to us. */
  readonly replace?: boolean;
  /** What must succeed once nobody answers at the path, and before the socket is made. */
  readonly before?: () => void;
  /** How long a client may neither ask nor read, milliseconds: 10,000 unless given. */
  readonly patience?: number;
}

export class ControlServer {
  readonly #listener: Deno.Listener<Deno.UnixConn>;
  readonly #handler: Handler;
  readonly #converse: Conversation | undefined;
  readonly #place: SocketPlace;
  readonly #clients: Clients<Deno.UnixConn>;

  private constructor(
    listener: Deno.Listener<Deno.UnixConn>,
    path: string,
    handler: Handler,
    { converse, patience = PATIENCE }: ServerOptions,
  ) {
    this.#listener = listener;
    this.#place = new SocketPlace(path);
    this.#handler = handler;
    this.#converse = converse;
    this.#clients = new Clients(MOST_CLIENTS, patience);
  }

  /**
   * Listens at `path`, in a directory that is made with mode 0700 where there is none.
   *
   * @throws {Error} when another agent answers there, or the socket cannot be made
   */
  static async listen(
    path: string,
    handler: Handler,
    options: ServerOptions = {},
  ): Promise<ControlServer> {
    Deno.mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    if (!options.replace && await answers(path)) {
      throw new Error(`Another agent answers at "${path}": halb upgrade takes its place`);
    }
    options.before?.();
    const listener = listenUnix(path);
    const server = new ControlServer(listener, path, handler, options);
    void server.#clients.accept(listener, (connection) => server.#serve(connection));
    return server;
  }

  /** Takes no more clients, and removes the socket unless a successor's is in its place. */
  close(): void {
    closeQuietly(this.#listener);
    this.#place.leave();
  }

  /** Whether clients of the path reach us: another agent's socket may have taken its place. */
  get inPlace(): boolean {
    return this.#place.ours;
  }

  /** Connections that were ended since their client hung, or others waited behind it. */
  get dropped(): number {
    return this.#clients.dropped;
  }

  /** Resolves when those who have asked have their answers. */
  async answered(): Promise<void> {
    await this.#clients.answered();
  }

  async #serve(connection: Deno.UnixConn): Promise<void> {
    const lines = new Lines(connection, LONGEST_REQUEST);
    const line = await this.#clients.patiently(connection, () => lines.read());
    if (line === undefined) return;
    const request = line === TOO_LONG ? TOO_LONG : parseRequest(line);
    if (typeof request === "object" && this.#converse && isTalk(request)) {
      return await this.#converse(request, connection, lines);
    }
    const response = request === TOO_LONG ? REFUSAL : await this.#answer(request);
    // Of ten thousand real servers it is megabytes, which a busy machine reads bit by bit.
    await this.#clients.patiently(connection, (progress) => lines.write(response, progress));
  }

  async #answer(request: ControlRequest | string): Promise<ControlResponse> {
    if (typeof request === "string") return { ok: false, error: request };
    try {
      return { ok: true, result: await this.#handler(request) };
    } catch (error) {
      return { ok: false, error: textOf(error) };
    }
  }
}

function isTalk(
  request: ControlRequest,
): request is Extract<ControlRequest, { command: "take_over" | "events" }> {
  return request.command === "take_over" ||
    (request.command === "events" && request.follow === true);
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
