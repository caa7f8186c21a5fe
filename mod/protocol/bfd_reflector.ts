/**
 * The reflector of Seamless BFD on its sockets: UDP port 7784 over IPv4 and IPv6 (RFC 7881), each
 * answer from the address that was asked, back to the port that asked, with a TTL of 255.
 *
 * Whoever asks decides how much there is to do. So answers have a share of the thread's time, and
 * when it is used up the sockets are left alone for a while: the kernel drops what does not fit into
 * their queues, and adverts and sessions go on as if nothing were.
 *
 * @module
 */

import { closeDescriptor, EADDRINUSE, SystemError } from "../../ffi/mod.ts";
import {
  type AuthenticationSettings,
  type ReflectorDrop,
  type ReflectorSettings,
  SEAMLESS_PORT,
} from "../bfd/mod.ts";
import { parsePrefix, type Prefix } from "../ip/mod.ts";
import type { ReflectorPlan, ReflectorReport } from "../plane/bfd_strangers.ts";
import { Allowance } from "./allowance.ts";
import type { BfdSource } from "./bfd_sources.ts";
import { belongs, type PortQuestion } from "./bfd_openings.ts";
import { type Binding, ReflectorSocket } from "./bfd_reflector_socket.ts";
import { share } from "./bfd_transport.ts";
import type { Deadline, TimerHeap } from "./timer_heap.ts";

/** Share of the thread's time for answers, and how much of it, microseconds, is saved up. */
const SHARE = 0.1;
const SAVED = 4_000;
/** Microseconds to have again before questions are read on. */
const RESUME = 1_000;
/** Most questions in one go: with digests each may take 50 µs. */
const BATCH = 8;
/** How long to wait before what could not be opened is tried again, microseconds. */
const RETRY = 1_000_000;

/** What the reflector needs from around it. */
export interface ReflectorSurroundings {
  readonly heap: TimerHeap;
  /** Microseconds on CLOCK_MONOTONIC. */
  clock(): number;
  /** Index of the interface that has this name now; 0: there is none. */
  interfaceIndex(namespace: string, name: string): number;
  /** Asks who has a UDP port: the answer is for `portOwner`. */
  findPortOwner(question: PortQuestion): void;
  watch(source: BfdSource): void;
  unwatch(source: BfdSource): void;
}

interface Counters {
  received: number;
  sent: number;
  sendErrors: number;
  pauses: number;
  readonly dropped: Partial<Record<ReflectorDrop, number>>;
}

export class BfdReflector implements Deadline {
  at = Infinity;
  position = -1;
  readonly #env: ReflectorSurroundings;
  readonly #counters: Counters = { received: 0, sent: 0, sendErrors: 0, pauses: 0, dropped: {} };
  #allowance = new Allowance({ share: SHARE, most: SAVED, resume: RESUME });
  /** Sockets by what they are bound to. */
  readonly #sockets = new Map<string, ReflectorSocket>();
  #plan: ReflectorPlan | null = null;
  #authentication: AuthenticationSettings | null = null;
  #settings: ReflectorSettings | null = null;
  #allow: readonly Prefix[] = [];
  #waitingFor: string[] = [];
  /** Who has the port, by namespace and family; empty: nobody knows. */
  readonly #owners = new Map<string, string>();
  #paused = false;
  #takesOver = false;

  constructor(env: ReflectorSurroundings) {
    this.#env = env;
  }

  /**
   * Other wishes; `null`: none. Sockets that are still wanted are not touched.
   *
   * @param authentication null where the plan wants some: nothing is answered
   * @param takesOver a former process of ours still has the port, and shares it
   */
  configure(
    plan: ReflectorPlan | null,
    authentication: AuthenticationSettings | null,
    takesOver: boolean,
    now: number,
  ): void {
    this.#takesOver = takesOver;
    this.#plan = plan;
    this.#authentication = authentication;
    this.#settings = plan && { ...plan, authentication };
    this.#allow = plan === null ? [] : plan.allow.map((text) => parsePrefix(text)!);
    this.refresh(now);
    this.#takesOver = false;
  }

  /** An interface of one of these names is there, or is not, or is another. */
  interfaceChanged(namespace: string, names: readonly (string | undefined)[], now: number): void {
    if (this.#plan?.namespace !== namespace) return;
    if (this.#plan.interfaces.some((own) => names.includes(own))) this.refresh(now);
  }

  /** Lets a process that takes over have the port as well, or no longer. */
  share(shared: boolean): void {
    share([...this.#sockets.values()].map(({ descriptor }) => descriptor), shared);
  }

  /** Interfaces have come or gone, or it is time to try again: opens and closes what has changed. */
  refresh(now: number): void {
    this.#waitingFor = [];
    const bindings = this.#wantedBindings();
    const wanted = new Map(bindings.map((binding) => [JSON.stringify(binding), binding]));
    for (const [key, socket] of this.#sockets) if (!wanted.has(key)) this.#close(key, socket);
    for (const [key, binding] of wanted) if (!this.#sockets.has(key)) this.#open(key, binding);
    this.#arm(now);
  }

  /** None without a plan, or without the key that it wants. */
  #wantedBindings(): Binding[] {
    const plan = this.#plan;
    if (plan === null) return [];
    if (plan.authentication === undefined || this.#authentication !== null) {
      return this.#bindings(plan);
    }
    this.#waitingFor.push("a key");
    return [];
  }

  /** Where it is to listen now. */
  #bindings(plan: ReflectorPlan): Binding[] {
    const { namespace, addresses } = plan;
    const found: Binding[] = [];
    const names = plan.interfaces.length === 0 ? [""] : plan.interfaces;
    for (const name of names) {
      const index = name === "" ? 0 : this.#env.interfaceIndex(namespace, name);
      if (name !== "" && index === 0) {
        this.#waitingFor.push(`interface ${name}: not there`);
        continue;
      }
      const base = { namespace, interface: name, index };
      if (addresses.length === 0) {
        found.push({ ...base, family: "ipv4", address: "0.0.0.0" });
        found.push({ ...base, family: "ipv6", address: "::" });
      }
      for (const address of addresses) {
        found.push({ ...base, family: address.includes(":") ? "ipv6" : "ipv4", address });
      }
    }
    return found;
  }

  #open(key: string, binding: Binding): void {
    try {
      const socket = new ReflectorSocket(binding, this.#takesOver, this);
      this.#sockets.set(key, socket);
      this.#owners.delete(`${binding.namespace}/${binding.family}`);
      if (!this.#paused) this.#env.watch(socket);
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      const { address, interface: name } = binding;
      const why = error.errno === EADDRINUSE ? this.#taken(binding) : error.message;
      this.#waitingFor.push(`${address}${name === "" ? "" : ` on ${name}`}: ${why}`);
    }
  }

  /** Somebody else has the port: who, as far as it is known. */
  #taken({ namespace, family }: Binding): string {
    const owner = this.#owners.get(`${namespace}/${family}`);
    if (owner === undefined) {
      this.#owners.set(`${namespace}/${family}`, "");
      this.#env.findPortOwner({ namespace, family, port: SEAMLESS_PORT });
    }
    return belongs(SEAMLESS_PORT, owner ?? "");
  }

  /** The answer to `findPortOwner`; it may be for somebody else. */
  portOwner({ namespace, family, port }: PortQuestion, owner: string, now: number): void {
    if (port !== SEAMLESS_PORT) return;
    this.#owners.set(`${namespace}/${family}`, owner);
    this.refresh(now);
  }

  #close(key: string, socket: ReflectorSocket): void {
    if (!this.#paused) this.#env.unwatch(socket);
    closeDescriptor(socket.descriptor);
    this.#sockets.delete(key);
  }

  /** Its time for answers has come again, or another attempt at what is missing. */
  fire(now: number): void {
    if (this.#paused && this.#allowance.resumeAt(now) === Infinity) this.#resume();
    if (this.#waitingFor.length > 0) this.refresh(now);
    else this.#arm(now);
  }

  #arm(now: number): void {
    let at = this.#waitingFor.length > 0 ? now + RETRY : Infinity;
    if (this.#paused) at = Math.min(at, this.#allowance.resumeAt(now));
    if (this.#paused && at === Infinity) at = now;
    if (at === Infinity) this.#env.heap.cancel(this);
    else this.#env.heap.set(this, at);
  }

  #pause(now: number): void {
    this.#paused = true;
    this.#counters.pauses++;
    for (const socket of this.#sockets.values()) this.#env.unwatch(socket);
    this.#arm(now);
  }

  #resume(): void {
    this.#paused = false;
    for (const socket of this.#sockets.values()) this.#env.watch(socket);
  }

  /** Answers what waits in one socket, within its share of the time. */
  serve(socket: ReflectorSocket, budget: number): number {
    const settings = this.#settings;
    const most = Math.min(budget, BATCH);
    const from = this.#env.clock();
    let count = 0;
    while (count < most && !this.#paused && settings !== null) {
      const result = socket.answer(settings, this.#allow, this.#plan!.minimumTtl);
      if (result === null) break;
      count++;
      this.#count(result);
    }
    const now = this.#env.clock();
    this.#allowance.spend(now - from);
    if (this.#allowance.resumeAt(now) !== Infinity && !this.#paused) this.#pause(now);
    return count;
  }

  #count(result: number | ReflectorDrop): void {
    const counters = this.#counters;
    counters.received++;
    if (typeof result === "string") counters.dropped[result] = (counters.dropped[result] ?? 0) + 1;
    else if (result < 0) counters.sendErrors++;
    else counters.sent++;
  }

  /** For status; null: it is off. */
  describe(): ReflectorReport | null {
    if (this.#plan === null) return null;
    const { received, sent, sendErrors, pauses, dropped } = this.#counters;
    return {
      waitingFor: this.#waitingFor,
      packetsReceived: received,
      packetsSent: sent,
      sendErrors,
      pauses,
      dropped: { ...dropped },
    };
  }
}
