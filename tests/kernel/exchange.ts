/**
 * Requests through the load balancer, by sockets of this very process in the namespaces of the
 * client and of the servers: TCP, UDP and SCTP, both families. Each request is seen at the server
 * that gets it, answered with the server's name, and the answer read by the client from the address
 * that it asked.
 *
 * @module
 */

import {
  acceptSocket,
  AF_INET,
  AF_INET6,
  bindSocket,
  closeDescriptor,
  connectSocket,
  Epoll,
  EPOLLIN,
  getOption,
  getSocketName,
  inNamespace,
  listenSocket,
  openSocket,
  receive,
  sendTo,
  setOption,
  SO_ERROR,
  SO_REUSEADDR,
  SOCK_DGRAM,
  SOCK_STREAM,
  sockaddrIn,
  sockaddrIn6,
  SOL_SOCKET,
} from "../../ffi/mod.ts";
import { REAL } from "./network.ts";

const IPPROTO_SCTP = 132;
/** Milliseconds that a request or its answer may take in a guest that is busy. */
const PATIENCE = 5000;

/**
 * The kernel remembers connections for minutes: each is from a port of its own, or it would be
 * taken for the one before.
 */
let nextClientPort = 10_000;

export type Wire = "tcp" | "udp" | "sctp";

/** What servers listen on. */
export interface ExchangeOptions {
  readonly wire: Wire;
  readonly family: 4 | 6;
  /** The address servers hold, by their position; all of theirs unless given. */
  readonly local?: (server: number) => string;
  readonly port: number;
  /** The client's address; the one of the route unless given. */
  readonly client?: string;
  /** The network namespace of a host; its own name unless given. */
  readonly namespace?: (host: string) => string;
}

/** How to ask. */
export interface HoldOptions {
  /** Until a server is asked, milliseconds. */
  readonly timeoutMs?: number;
  /** The client's address, in place of that of all requests. */
  readonly client?: string;
}

/** A request that was answered, and whose connection stays until it is closed. */
export interface Held {
  readonly server: string;
  /** Whether a further line gets to the server and its answer back, in time. */
  alive(timeoutMs?: number): boolean;
  close(): void;
}

/** Servers of one protocol at one port, and their client. Close it at the end. */
export class Exchange {
  readonly #options: ExchangeOptions;
  readonly #servers: readonly number[];
  readonly #epoll = new Epoll(8);
  readonly #held = new Set<Held>();

  /** @throws {SystemError} where this kernel does not have the protocol */
  constructor(options: ExchangeOptions) {
    this.#options = options;
    const { family, port } = options;
    const local = options.local ?? (() => family === 4 ? "0.0.0.0" : "::");
    this.#servers = REAL.map((name, i) =>
      inNamespace(this.#namespace(name), () => {
        const fd = this.#open();
        setReuse(fd);
        bindSocket(fd, this.#sockaddr(local(i), port));
        if (options.wire !== "udp") listenSocket(fd, 64);
        return fd;
      })
    );
    for (const [i, fd] of this.#servers.entries()) this.#epoll.add(fd, EPOLLIN, i);
  }

  /** Asks once and lets go. @returns the server's name */
  ask(address: string, port: number, client?: string): string {
    const held = this.hold(address, port, client === undefined ? {} : { client });
    held.close();
    return held.server;
  }

  /** Asks so often. @returns the servers' names, in order */
  askOften(address: string, port: number, count: number): string[] {
    return Array.from({ length: count }, () => this.ask(address, port));
  }

  /** Whether nobody answers: the request is refused, or gets nowhere in time. */
  refused(address: string, port: number, options: HoldOptions): boolean {
    try {
      this.hold(address, port, options).close();
      return false;
    } catch (error) {
      if (error instanceof NoAnswer) return true;
      throw error;
    }
  }

  /** Asks, and keeps the connection (for UDP: the client's port). */
  hold(address: string, port: number, options: HoldOptions = {}): Held {
    const { wire } = this.#options;
    const { timeoutMs = PATIENCE, client = this.#options.client } = options;
    const fd = inNamespace(this.#namespace("c"), () => {
      const opened = this.#open();
      const own = client ?? (this.#options.family === 4 ? "0.0.0.0" : "::");
      bindSocket(opened, this.#sockaddr(own, nextClientPort++));
      connectSocket(opened, this.#sockaddr(address, port));
      return opened;
    });
    let own: number | undefined;
    try {
      if (wire === "udp") write(fd, "?");
      const index = this.#next(fd, timeoutMs, `${wire} to ${address} port ${port}`);
      const server = REAL[index]!;
      const served = wire === "udp" ? this.#servers[index]! : accept(this.#servers[index]!);
      if (wire !== "udp") own = served;
      const to = wire === "udp" ? getSocketName(fd).slice() : null;
      if (wire === "udp") assertText(served, "?");
      const answer = (text: string, timeoutMs = PATIENCE) => {
        write(served, text, to);
        waitFor(fd, timeoutMs, `the answer of ${server}`);
        assertText(fd, text);
      };
      answer(server);
      const held: Held = {
        server,
        alive: (timeoutMs = PATIENCE) => {
          write(fd, "!");
          if (!readable(served, timeoutMs)) return false;
          assertText(served, "!");
          answer("yes", timeoutMs);
          return true;
        },
        close: () => {
          if (!this.#held.delete(held)) return;
          closeDescriptor(fd);
          if (own !== undefined) closeDescriptor(own);
        },
      };
      this.#held.add(held);
      return held;
    } catch (error) {
      closeDescriptor(fd);
      if (own !== undefined) closeDescriptor(own);
      throw error;
    }
  }

  close(): void {
    for (const held of [...this.#held]) held.close();
    for (const fd of this.#servers) closeDescriptor(fd);
    this.#epoll.close();
  }

  /** Which server is asked next. */
  #next(client: number, timeoutMs: number, what: string): number {
    const end = performance.now() + timeoutMs;
    while (performance.now() < end) {
      if (this.#epoll.wait(20) > 0) return this.#epoll.token(0);
      const errno = getOption(client, SOL_SOCKET, SO_ERROR);
      if (errno !== 0) throw new NoAnswer(`${what}: errno ${errno}`);
    }
    throw new NoAnswer(`${what}: nobody was asked within ${timeoutMs} ms`);
  }

  #namespace(host: string): string {
    return this.#options.namespace?.(host) ?? host;
  }

  #open(): number {
    const { wire, family } = this.#options;
    const domain = family === 4 ? AF_INET : AF_INET6;
    if (wire === "udp") return openSocket(domain, SOCK_DGRAM, 0);
    return openSocket(domain, SOCK_STREAM, wire === "sctp" ? IPPROTO_SCTP : 0);
  }

  #sockaddr(address: string, port: number): Uint8Array<ArrayBuffer> {
    return this.#options.family === 4 ? sockaddrIn(address, port) : sockaddrIn6(address, port);
  }
}

/** No server got the request. */
export class NoAnswer extends Error {
  override readonly name = "NoAnswer";
}

/** Servers listen again at once, whatever a test before has left. */
function setReuse(fd: number): void {
  setOption(fd, SOL_SOCKET, SO_REUSEADDR, 1);
}

function accept(listener: number): number {
  const fd = acceptSocket(listener);
  if (fd === undefined) throw new Error("A connection that was there cannot be accepted");
  return fd;
}

function write(fd: number, text: string, to: Uint8Array | null = null): void {
  const bytes = new TextEncoder().encode(text);
  const sent = sendTo(fd, bytes, bytes.length, to, 0);
  if (sent !== bytes.length) throw new Error(`sendto: ${sent}`);
}

function readable(fd: number, timeoutMs: number): boolean {
  const epoll = new Epoll(1);
  try {
    epoll.add(fd, EPOLLIN, 0);
    return epoll.wait(timeoutMs) > 0;
  } finally {
    epoll.close();
  }
}

function waitFor(fd: number, timeoutMs: number, what: string): void {
  if (!readable(fd, timeoutMs)) throw new NoAnswer(`Waited ${timeoutMs} ms in vain for ${what}`);
}

const buffer = new Uint8Array(64);

function assertText(fd: number, expected: string): void {
  const length = receive(fd, buffer, 0);
  const text = length < 0 ? `errno ${-length}` : new TextDecoder().decode(buffer.slice(0, length));
  if (text !== expected) throw new Error(`"${text}" came where "${expected}" was sent`);
}
