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
import {
  certificateWarnings,
  diagnose,
  handshakeReason,
  startTls,
  type TlsSettings,
  versionProblem,
} from "./tls.ts";

/** Where a probe goes, and from where. */
export interface StreamTarget {
  readonly address: string;
  readonly port: number;
  readonly bindAddress: string | null;
  readonly bindPort: number | null;
  /** From the start, or when the conversation asks for it; `null`: it may not. */
  readonly tls: TlsSettings | null;
  /** Whether TLS begins with the connection. */
  readonly secure: boolean;
  readonly proxyProtocol: 1 | 2 | null;
}

function connect({ address, port, bindAddress, bindPort }: StreamTarget): net.Socket {
  return net.connect({
    host: address,
    port,
    ...(bindAddress === null ? {} : { localAddress: bindAddress }),
    ...(bindPort === null ? {} : { localPort: bindPort }),
  });
}

/** One probe over one connection. */
class StreamProbe {
  readonly #target: StreamTarget;
  readonly #conversation: Conversation;
  readonly #signal: AbortSignal;
  readonly #resolve: (outcome: Outcome) => void;
  readonly #socket: net.Socket;
  #secure: tls.TLSSocket | null = null;
  #connected = false;
  /** Whether anything has been received since TLS began, or at all. */
  #heard = false;
  #warnings: string[] = [];
  #over = false;

  constructor(
    target: StreamTarget,
    conversation: Conversation,
    signal: AbortSignal,
    resolve: (outcome: Outcome) => void,
  ) {
    this.#target = target;
    this.#conversation = conversation;
    this.#signal = signal;
    this.#resolve = resolve;
    this.#socket = connect(target);
    this.#socket.on("connect", () => this.#guard(() => this.#begin()));
    this.#socket.on("error", (error: Error) => this.#guard(() => this.#fail(error)));
    // After TLS has begun the raw connection has nothing to say to us but its end.
    this.#socket.on("data", this.#receive);
    this.#socket.on("end", this.#end);
    this.#socket.on("close", () => this.#guard(() => this.#closed()));
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

  #begin(): void {
    this.#connected = true;
    const { proxyProtocol, address, port, secure } = this.#target;
    if (!this.#isBound()) {
      return this.#finish(
        failed("this build cannot choose the address or port that it speaks from"),
      );
    }
    if (proxyProtocol !== null) {
      const { localAddress, localPort } = this.#socket;
      const local = localAddress === undefined || localPort === undefined
        ? null
        : { address: localAddress, port: localPort };
      this.#socket.write(proxyHeader(proxyProtocol, local, { address, port }));
    }
    if (secure) this.#startTls(() => this.#conversation.open());
    else this.#obey(this.#conversation.open());
  }

  /** Version 2.5 of the runtime takes no notice of what it should bind to. */
  #isBound(): boolean {
    const { bindAddress, bindPort } = this.#target;
    const { localAddress, localPort } = this.#socket;
    return (bindAddress === null || localAddress === bindAddress) &&
      (bindPort === null || localPort === bindPort);
  }

  #startTls(then: () => Step): void {
    const settings = this.#target.tls;
    if (settings === null) throw new TypeError("no TLS settings");
    this.#socket.off("data", this.#receive);
    this.#socket.off("end", this.#end);
    this.#heard = false;
    const secure = this.#secure = startTls(this.#socket, settings);
    secure.on("secureConnect", () => this.#guard(() => this.#obey(then())));
    secure.on("data", this.#receive);
    secure.on("end", this.#end);
    secure.on("error", (error: Error) => this.#guard(() => this.#fail(error)));
    secure.on("close", () => this.#guard(() => this.#closed()));
  }

  #take(bytes: Uint8Array): void {
    if (!this.#heard && this.#secure !== null) {
      const settings = this.#target.tls!;
      const problem = versionProblem(this.#secure, settings);
      if (problem !== null) return this.#finish(failed(problem));
      this.#warnings = certificateWarnings(this.#secure, settings, Date.now());
    }
    this.#heard = true;
    this.#obey(this.#conversation.receive(bytes));
  }

  #obey(step: Step): void {
    if (step.send !== undefined) (this.#secure ?? this.#socket).write(step.send);
    if (step.startTls) this.#startTls(() => this.#conversation.secured?.() ?? {});
    if (step.outcome !== undefined) this.#finish(step.outcome);
  }

  #closed(): void {
    if (!this.#connected) return this.#finish(failed("closed before it was connected"));
    // Closed during the handshake, by whoever did not like the other.
    if (this.#secure !== null && !this.#heard) {
      return this.#explain({ message: "closed during the handshake" });
    }
    const { outcome } = this.#conversation.end();
    this.#finish(outcome ?? failed("closed by the server"));
  }

  #fail(error: Error & { code?: string }): void {
    if (this.#connected && this.#secure !== null && !this.#heard) return this.#explain(error);
    this.#finish(failed(socketReason(error.code ?? "", error.message)));
  }

  /** TLS did not come about: says why. */
  #explain(error: { code?: string; message: string }): void {
    const settings = this.#target.tls!;
    const known = handshakeReason(error);
    if (known !== null || !settings.verify) {
      return this.#finish(failed(known ?? `TLS failed: ${error.message}`));
    }
    if (this.#socket.destroyed === false) this.#socket.destroy();
    // After a STARTTLS the second look would need the whole dialogue again.
    if (!this.#target.secure) return this.#finish(failed("the certificate is refused"));
    this.#lookAgain(settings).then((reason) => {
      this.#over = false;
      this.#finish(failed(reason));
    });
    this.#over = true;
  }

  /** Looks at the certificate over a second connection, within the same time. */
  #lookAgain(settings: TlsSettings): Promise<string> {
    const { proxyProtocol, address, port } = this.#target;
    const look = connect({ ...this.#target, bindPort: null });
    return new Promise((resolve) => {
      const giveUp = () => {
        look.destroy();
        resolve("the certificate is refused");
      };
      look.on("error", giveUp);
      look.on("connect", () => {
        if (proxyProtocol !== null) look.write(proxyHeader(proxyProtocol, null, { address, port }));
        diagnose(look, settings, Date.now(), this.#signal).then(resolve);
      });
      this.#signal.addEventListener("abort", giveUp);
      if (this.#signal.aborted) giveUp();
    });
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
    this.#secure?.destroy();
    this.#socket.destroy();
    this.#resolve({ ...outcome, warnings: [...outcome.warnings, ...this.#warnings] });
  }
}

/** Runs one conversation to its end. @param signal aborts when the time is up */
export function probeStream(
  target: StreamTarget,
  conversation: Conversation,
  signal: AbortSignal,
): Promise<Outcome> {
  return new Promise((resolve) => {
    new StreamProbe(target, conversation, signal, resolve);
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
