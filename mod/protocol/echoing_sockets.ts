/**
 * Sockets of sessions that have echoes beside them, or nothing else: an unaffiliated session (RFC
 * 9747) has a link of echoes in place of UDP sockets, one with an echo function has both.
 *
 * Echoes begin when a session hears its peer, since then its interface and addresses are there, and stay
 * until its sockets go.
 *
 * @module
 */

import { SystemError } from "../../ffi/mod.ts";
import type { BfdEntry } from "./bfd_entry.ts";
import type { SessionSockets } from "./bfd_openings.ts";
import type { BfdEndpoints } from "./bfd_transport.ts";
import { Echoes, type EchoesSurroundings } from "./echoes.ts";

/** What is needed from around it. */
export interface EchoingSurroundings extends EchoesSurroundings {
  /** Microseconds on CLOCK_MONOTONIC. */
  clock(): number;
}

export class EchoingSockets implements SessionSockets {
  readonly #sockets: SessionSockets;
  readonly #echoes: Echoes;
  readonly #env: EchoingSurroundings;

  /** @param sockets of sessions without echoes */
  constructor(sockets: SessionSockets, env: EchoingSurroundings) {
    this.#sockets = sockets;
    this.#env = env;
    this.#echoes = new Echoes(env);
  }

  get dropped(): Readonly<Record<string, number>> {
    return { ...this.#sockets.dropped, ...this.#echoes.dropped };
  }

  newDiscriminator(): number {
    return this.#sockets.newDiscriminator();
  }

  hasDiscriminator(discriminator: number): boolean {
    return this.#sockets.hasDiscriminator(discriminator);
  }

  add(entry: BfdEntry): void {
    this.#sockets.add(entry);
  }

  delete(entry: BfdEntry): void {
    this.close(entry);
    this.#sockets.delete(entry);
  }

  open(entry: BfdEntry, ends: BfdEndpoints): void {
    const now = this.#env.clock();
    if (!entry.session.settings.unaffiliated) {
      this.#sockets.open(entry, ends);
      return this.openEcho(entry, now);
    }
    const unaffiliated = this.#echoes.unaffiliated(entry, ends);
    entry.ends = ends;
    entry.sender = entry.echo = unaffiliated;
    unaffiliated.follow(now);
  }

  close(entry: BfdEntry): void {
    this.#endEcho(entry);
    if (entry.session.settings.unaffiliated) entry.sender = null;
    else this.#sockets.close(entry);
  }

  changed(entry: BfdEntry): void {
    this.#sockets.changed(entry);
  }

  readUnread(entry: BfdEntry, now: number): void {
    this.#sockets.readUnread(entry, now);
  }

  collect(now: number): void {
    this.#sockets.collect(now);
  }

  share(shared: boolean): void {
    this.#sockets.share(shared);
  }

  /**
   * A session that is up, or nearly so, since the peer may be up already, has the echoes that are
   * wanted of it, or says why not.
   */
  openEcho(entry: BfdEntry, now: number): void {
    const { config: { echo, settings }, ends, sender, session } = entry;
    if (entry.echo !== null || entry.echoProblem !== "" || sender === null) return;
    if (session.state !== "up" && session.state !== "init") return;
    if (echo === undefined && settings.echoReceiveInterval === 0) return;
    const { detectMultiplier } = settings;
    try {
      const wanted = echo === undefined ? null : { ...echo, detectMultiplier };
      entry.echo = this.#echoes.echo(entry, wanted, ends);
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      entry.echoProblem = `echo: ${error.message}`;
      return entry.notice(`No echo packets: ${error.message}`);
    }
    entry.echo.follow(now);
  }

  /** Its echoes are to be others, or none. */
  reopenEcho(entry: BfdEntry, now: number): void {
    if (entry.session.settings.unaffiliated) return;
    this.#endEcho(entry);
    this.openEcho(entry, now);
    if (entry.echo === null && entry.session.echoActive) {
      entry.apply({ type: "echo", active: false }, now);
    }
  }

  #endEcho(entry: BfdEntry): void {
    entry.echo?.end();
    entry.echo = null;
    entry.echoProblem = "";
  }

  /** There are no sessions any more, nor will there be: what was kept for them is closed. */
  end(): void {
    this.#echoes.end();
  }
}
