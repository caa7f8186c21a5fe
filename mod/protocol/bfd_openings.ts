/**
 * When BFD sessions get their sockets: as soon as their interface, address and key are there, a few
 * at a time, since other sessions must not wait for them; and after a failure later and later.
 *
 * @module
 */

import { SystemError } from "../../ffi/mod.ts";
import type { LogLimiter } from "../plane/log_limiter.ts";
import type { InterfaceState } from "../plane/interface_state.ts";
import type { FindPortOwner } from "../plane/messages.ts";
import type { BfdEntry } from "./bfd_entry.ts";
import { type BfdEndpoints, PortTaken } from "./bfd_transport.ts";
import type { Deadline, TimerHeap } from "./timer_heap.ts";

/** Sessions whose sockets are opened at once, and when the next ones are, microseconds. */
const OPENINGS = 4;
const OPENING_GAP = 1_000;
/** Sockets that could not be opened are tried again after this time, then after twice as long. */
const RETRY = 1_000_000;
const LONGEST_RETRY = 8_000_000;
/** A port may have changed hands after so long. */
const ASK_AGAIN = 30_000_000;

/** What is needed from around it. */
export interface OpeningSurroundings {
  readonly heap: TimerHeap;
  readonly log: LogLimiter;
  /** Index of an interface; 0: it is not there. */
  interfaceIndex(namespace: string, name: string): number;
  /** What is known of an interface that is watched. */
  interfaceAt(
    namespace: string,
    index: number,
  ): Pick<InterfaceState, "name" | "networks" | "vrf"> | undefined;
  /** Asks who has a UDP port: the answer is for `portOwner`. */
  findPortOwner(question: PortQuestion): void;
}

/** A UDP port that somebody else has. */
export type PortQuestion = Pick<FindPortOwner, "namespace" | "family" | "port">;

function keyOf({ namespace, family, port }: PortQuestion): string {
  return `${namespace}/${family}/${port}`;
}

/** Words for it; `owner` is empty where nobody knows. */
export function belongs(port: number, owner: string): string {
  return `UDP port ${port} belongs to ${owner === "" ? "another program" : owner}`;
}

/** The sockets of all sessions, see `bfd_sockets.ts`. */
export interface SessionSockets {
  /** Packets that no session could be charged with, by reason. */
  readonly dropped: Readonly<Record<string, number>>;
  newDiscriminator(): number;
  hasDiscriminator(discriminator: number): boolean;
  /** The session's discriminator is its own from now on. */
  add(entry: BfdEntry): void;
  /** The session is over. */
  delete(entry: BfdEntry): void;
  /** Gives a session without sockets its own. @throws {SystemError} then it has none */
  open(entry: BfdEntry, ends: BfdEndpoints): void;
  /** Takes them from it; nothing where it has none. */
  close(entry: BfdEntry): void;
  /** The session is configured otherwise. */
  changed(entry: BfdEntry): void;
  /** Before it is declared down: what waits unread may say that the other side is there. */
  readUnread(entry: BfdEntry, now: number): void;
  /** Adds what the kernel has dropped so far to the counters. */
  collect(now: number): void;
  /** Lets a process that takes over have the ports as well, or no longer. */
  share(shared: boolean): void;
}

export class BfdOpenings implements Deadline {
  at = Infinity;
  position = -1;
  readonly #env: OpeningSurroundings;
  readonly #sockets: SessionSockets;
  readonly #entries: ReadonlyMap<string, BfdEntry>;
  /** Who has a port, as far as it is known, and when that was asked. */
  readonly #owners = new Map<string, { readonly asked: number; readonly owner?: string }>();
  /** Sessions that wait for a port of somebody else's. */
  readonly #blocked = new Map<BfdEntry, PortQuestion>();
  readonly #broke: (entry: BfdEntry, error: unknown, now: number) => void;

  /** @param broke is told of defects of ours */
  constructor(
    env: OpeningSurroundings,
    sockets: SessionSockets,
    entries: ReadonlyMap<string, BfdEntry>,
    broke: (entry: BfdEntry, error: unknown, now: number) => void,
  ) {
    this.#env = env;
    this.#sockets = sockets;
    this.#entries = entries;
    this.#broke = broke;
  }

  /** The session's sockets are to be opened, or looked at, at that time. */
  openAt(entry: BfdEntry, at: number): void {
    entry.openAt = at;
    if (this.position === -1 || at < this.at) this.#env.heap.set(this, at);
  }

  /** An interface of one of these names is there, or is not, or is another. */
  interfaceChanged(namespace: string, names: readonly (string | undefined)[], now: number): void {
    for (const entry of this.#entries.values()) {
      const { path } = entry.config;
      if (path.interface === "" || path.namespace !== namespace) continue;
      if (!names.includes(path.interface)) continue;
      entry.backOff = 0;
      this.openAt(entry, now);
    }
  }

  /** Opens what is due, and no more than others can wait for. */
  fire(now: number): void {
    let budget = OPENINGS;
    let next = Infinity;
    for (const entry of this.#entries.values()) {
      if (entry.openAt <= now) {
        if (budget-- > 0) this.open(entry, now);
        else next = Math.min(next, now + OPENING_GAP);
      }
      if (entry.openAt > now) next = Math.min(next, entry.openAt);
    }
    if (next !== Infinity) this.#env.heap.set(this, next);
  }

  /** Makes the session's sockets what they should be now. */
  open(entry: BfdEntry, now: number): void {
    entry.openAt = Infinity;
    this.#blocked.delete(entry);
    if (entry.broken !== "") return;
    const { path } = entry.config;
    const bound = path.interface !== "";
    const index = bound ? this.#env.interfaceIndex(path.namespace, path.interface) : 0;
    const missing: string[] = [];
    if (bound && index === 0) missing.push(`interface ${path.interface}: not there`);
    if (entry.locked) missing.push("no key to authenticate packets with");
    if (missing.length > 0) {
      this.#sockets.close(entry);
      return this.#wait(entry, missing);
    }
    const { vrf } = (bound ? this.#env.interfaceAt(path.namespace, index) : undefined) ?? {};
    entry.vrfProblem = vrf === undefined || path.vrf !== undefined
      ? ""
      : `packets of the VRF that ${path.interface} belongs to: ${vrf}, write \`vrf = "${vrf}"\``;
    if (entry.sender !== null && entry.ends.interfaceIndex === index) return;
    this.#sockets.close(entry);
    try {
      this.#sockets.open(entry, { ...path, interfaceIndex: index });
      entry.backOff = 0;
      this.#wait(entry, []);
    } catch (error) {
      if (!(error instanceof SystemError)) return this.#broke(entry, error, now);
      if (error instanceof PortTaken) this.#waitForPort(entry, error, now);
      else this.#wait(entry, [error.message]);
      entry.backOff = Math.min(LONGEST_RETRY, 2 * entry.backOff || RETRY);
      this.openAt(entry, now + entry.backOff);
    }
  }

  /** Somebody else has it. To find out who takes long: the kernel plane does it. */
  #waitForPort(entry: BfdEntry, { place: { namespace, family }, port }: PortTaken, now: number) {
    const question = { namespace, family, port };
    this.#blocked.set(entry, question);
    const known = this.#owners.get(keyOf(question));
    if (known === undefined || now - known.asked >= ASK_AGAIN) {
      this.#owners.set(keyOf(question), { ...known, asked: now });
      this.#env.findPortOwner(question);
    }
    const { owner } = this.#owners.get(keyOf(question))!;
    if (owner === undefined) entry.waitingFor = [`UDP port ${port} is taken`];
    else this.#wait(entry, [belongs(port, owner)]);
  }

  /** The answer to `findPortOwner`. @param owner empty: nobody knows */
  portOwner(question: PortQuestion, owner: string): void {
    const { asked = 0 } = this.#owners.get(keyOf(question)) ?? {};
    this.#owners.set(keyOf(question), { asked, owner });
    for (const [entry, blocked] of this.#blocked) {
      if (keyOf(blocked) !== keyOf(question)) continue;
      this.#wait(entry, [belongs(question.port, owner)]);
    }
  }

  /** The session is over. */
  forget(entry: BfdEntry): void {
    this.#blocked.delete(entry);
  }

  #wait(entry: BfdEntry, waitingFor: readonly string[]): void {
    const before = entry.waitingFor;
    entry.waitingFor = waitingFor;
    if (waitingFor.length === 0 || waitingFor.join() === before.join()) return;
    this.#env.log.log("warning", ["bfd", entry.name], `Waits: ${waitingFor.join("; ")}`);
  }
}
