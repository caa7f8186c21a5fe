/**
 * Runs a conversation over a connection of the runtime's: with TLS from the start or on request, a
 * PROXY header in front, and one time limit for all of it.
 *
 * @module
 */

import net from "node:net";
import type tls from "node:tls";
import { textOf } from "../../text/mod.ts";
import { failed, type Outcome } from "../outcome.ts";
import { socketReason } from "../reasons.ts";
import type { Conversation, Step } from "../types/conversation.ts";
import { proxyHeader } from "../types/proxy_header.ts";
import { ServerHello } from "../types/server_hello.ts";
import type { SocketSource } from "./open.ts";
import type { Relay } from "./relay.ts";
import { abandon, connect, lookAgain } from "./second_look.ts";
import {
  certificateWarnings,
  failureWords,
  handshakeReason,
  startTls,
  type TlsSettings,
} from "./tls.ts";

/** Where a probe goes, and from where. */
export interface StreamTarget {
  readonly address: string;
  readonly port: number;
  readonly own: SocketSource;
  /** From the start, or when the conversation asks for it; `null`: it may not. */
  readonly tls: TlsSettings | null;
  /** Whether TLS begins with the connection. */
  readonly secure: boolean;
  readonly proxyProtocol: 1 | 2 | null;
}

/** One probe over one connection. */
class StreamProbe {
  readonly #target: StreamTarget;
  readonly #conversation: Conversation;
  readonly #again: () => Conversation | null;
  readonly #signal: AbortSignal;
  readonly #resolve: (outcome: Outcome) => void;
  readonly #relay: Relay;
  #socket: net.Socket | null = null;
  #secure: tls.TLSSocket | null = null;
  /** Which version the server chooses, where that matters. */
  #hello: ServerHello | null = null;
  #connected = false;
  /** Whether anything has been received since TLS began, or at all. */
  #heard = false;
  #warnings: string[] = [];
  #over = false;

  constructor(
    target: StreamTarget,
    conversation: Conversation,
    again: () => Conversation | null,
    signal: AbortSignal,
    resolve: (outcome: Outcome) => void,
  ) {
    this.#target = target;
    this.#conversation = conversation;
    this.#again = again;
    this.#signal = signal;
    this.#resolve = resolve;
    this.#relay = connect(target, {
      connected: (socket) => this.#guard(() => this.#begin(socket)),
      failed: (outcome) => this.#guard(() => this.#finish(outcome)),
      heard: (bytes) => this.#guard(() => this.#watchHello(bytes)),
    });
    signal.addEventListener("abort", this.#expire);
    if (signal.aborted) this.#expire();
  }

  /** What goes wrong in a handler ends the probe, not the process. */
  #guard(work: () => void): void {
    if (this.#over) return;
    try {
      work();
    } catch (error) {
      this.#finish(failed(`the probe broke: ${textOf(error)}`));
    }
  }

  readonly #receive = (bytes: Uint8Array) => this.#guard(() => this.#take(bytes));
  readonly #end = () => this.#guard(() => this.#closed());
  readonly #expire = () => this.#guard(() => this.#timeout());

  #begin(socket: net.Socket): void {
    this.#connected = true;
    this.#socket = socket;
    // The end of the handshake and the request are two pieces: one must not wait for the other.
    socket.setNoDelay(true);
    socket.on("error", (error: Error) => this.#guard(() => this.#fail(error)));
    // After TLS has begun the raw connection has nothing to say to us but its end.
    socket.on("data", this.#receive);
    socket.on("end", this.#end);
    socket.on("close", () => this.#guard(() => this.#closed()));
    const { proxyProtocol, address, port, secure } = this.#target;
    if (proxyProtocol !== null) {
      socket.write(proxyHeader(proxyProtocol, this.#relay.local, { address, port }));
    }
    if (secure) this.#startTls(() => this.#conversation.open());
    else this.#obey(this.#conversation.open());
  }

  /** Looks for the version of TLS, as soon as the server has chosen one. */
  #watchHello(bytes: Uint8Array): void {
    if (this.#hello === null) return;
    this.#hello.take(bytes);
    const { version } = this.#hello;
    if (version === null) return;
    this.#hello = null;
    if (version !== "1.3") this.#finish(failed(`the server speaks TLS ${version}, not 1.3`));
  }

  #startTls(then: () => Step): void {
    const settings = this.#target.tls;
    const socket = this.#socket;
    if (settings === null || socket === null) throw new TypeError("no TLS settings");
    socket.off("data", this.#receive);
    socket.off("end", this.#end);
    this.#heard = false;
    if (settings.minVersion === "1.3") this.#hello = new ServerHello();
    const secure = this.#secure = startTls(socket, settings);
    secure.on("secureConnect", () => this.#guard(() => this.#obey(then())));
    secure.on("data", this.#receive);
    secure.on("end", this.#end);
    secure.on("error", (error: Error) => this.#guard(() => this.#fail(error)));
    secure.on("close", () => this.#guard(() => this.#closed()));
  }

  #take(bytes: Uint8Array): void {
    if (!this.#heard && this.#secure !== null) {
      const settings = this.#target.tls!;
      this.#warnings = certificateWarnings(this.#secure, settings, Date.now());
    }
    this.#heard = true;
    this.#obey(this.#conversation.receive(bytes));
  }

  #obey(step: Step): void {
    if (step.send !== undefined) (this.#secure ?? this.#socket)?.write(step.send);
    if (step.startTls) this.#startTls(() => this.#conversation.secured?.() ?? {});
    if (step.outcome !== undefined) this.#finish(step.outcome);
  }

  #closed(): void {
    if (!this.#connected) return this.#finish(failed("closed before it was connected"));
    // Closed during the handshake, by whoever did not like the other.
    if (this.#secure !== null && !this.#heard) {
      return this.#explain({ message: "disconnected" });
    }
    const { outcome } = this.#conversation.end();
    this.#finish(outcome ?? failed("closed by the server"));
  }

  #fail(error: Error & { code?: string }): void {
    if (this.#connected && this.#secure !== null && !this.#heard) return this.#explain(error);
    const reason = this.#relay.failure ?? socketReason(error.code ?? "", error.message);
    this.#finish(failed(reason));
  }

  /** TLS did not come about: says why. */
  #explain(error: { code?: string; message: string }): void {
    const settings = this.#target.tls!;
    const known = handshakeReason(error);
    if (known !== null || !settings.verify) {
      return this.#finish(failed(known ?? failureWords(error.message)));
    }
    abandon(this.#relay, this.#secure, this.#socket);
    const { secure } = this.#target;
    const before = secure ? null : this.#again();
    lookAgain(this.#target, settings, before, this.#signal).then((reason) => {
      this.#over = false;
      this.#finish(failed(reason));
    });
    this.#over = true;
  }

  #timeout(): void {
    if (!this.#connected) return this.#finish(failed("no connection in time"));
    if (this.#secure !== null && !this.#heard) {
      // Of a server that never finishes the handshake the conversation knows nothing.
      const late = this.#conversation.timeout();
      return this.#finish({ ...late, reason: `${late.reason} (over TLS)` });
    }
    this.#finish(this.#conversation.timeout());
  }

  #finish(outcome: Outcome): void {
    if (this.#over) return;
    this.#over = true;
    this.#signal.removeEventListener("abort", this.#expire);
    abandon(this.#relay, this.#secure, this.#socket);
    this.#resolve({ ...outcome, warnings: [...outcome.warnings, ...this.#warnings] });
  }
}

/**
 * Runs one conversation to its end.
 *
 * @param signal aborts when the time is up
 * @param again of one that asks for TLS itself: another like it, for a look at a certificate that
 *   was refused
 */
export function probeStream(
  target: StreamTarget,
  conversation: Conversation,
  signal: AbortSignal,
  again: () => Conversation | null = () => null,
): Promise<Outcome> {
  return new Promise((resolve) => {
    new StreamProbe(target, conversation, again, signal, resolve);
  });
}

/** Runs work under one time limit. @param milliseconds until the signal aborts */
export async function withTimeout<T>(
  milliseconds: number,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(), milliseconds);
  try {
    return await work(controller.signal);
  } finally {
    clearTimeout(timer);
  }
}
