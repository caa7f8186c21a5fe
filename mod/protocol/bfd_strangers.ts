/**
 * Sessions that others begin (RFC 9468): who may is decided in `mod/bfd/unsolicited.ts`. Such a
 * session is passive, is called by the other side's address and the interface, and exists until it
 * has not been up for a while: nobody has asked for it, so nobody misses it.
 *
 * @module
 */

import { type MessageReceiver, sockaddrAddress, SystemError } from "../../ffi/mod.ts";
import {
  type AuthenticationSettings,
  type ControlPacket,
  isAllowed,
  type Refusal,
  refuseStranger,
  type StateName,
  verifyControl,
} from "../bfd/mod.ts";
import type { BfdMemory, BfdPath, ProtocolBfd } from "../plane/bfd.ts";
import type { UnsolicitedPlan, UnsolicitedReport } from "../plane/bfd_strangers.ts";
import type { InterfaceState } from "../plane/interface_state.ts";
import type { LogLimiter } from "../plane/log_limiter.ts";
import { belongs } from "./bfd_openings.ts";
import { type DiscoveryPlace, PortTaken } from "./bfd_transport.ts";
import type { Deadline, TimerHeap } from "./timer_heap.ts";

/** A session that has not been up for so long is deleted, microseconds. */
const GIVE_UP = 10_000_000;
/** How often that is looked at, and how often what could not be opened is tried again. */
const REVIEW = 1_000_000;
/** Most sessions that are begun in a second: each costs two sockets. */
const MOST_A_SECOND = 20;

/** The sockets that first packets come in by, see `bfd_sockets.ts`. */
export interface FirstPackets {
  /** Asked about those that belong to no session; null: there is nobody to ask. */
  strangers: Pick<BfdStrangers, "admit"> | null;
  /**
   * They are to be heard there, also where there is no session; or no longer.
   *
   * @throws {SystemError}
   */
  listen(place: DiscoveryPlace, wanted: boolean): void;
}

/** What is done for a stranger, and what must be known of it. */
export interface StrangerSurroundings {
  readonly heap: TimerHeap;
  readonly log: LogLimiter;
  /** Name and networks of an interface; undefined: it is not watched. */
  interfaceAt(
    namespace: string,
    index: number,
  ): Pick<InterfaceState, "name" | "networks"> | undefined;
  /** Adds the session, or changes it; with sockets from now on, if they are to be had. */
  set(config: ProtocolBfd, authentication: AuthenticationSettings | null, now: number): void;
  remove(name: string, now: number): void;
  /** Undefined: there is no such session. */
  stateOf(name: string): StateName | undefined;
  /** See `FirstPackets`. @throws {SystemError} */
  listen(place: DiscoveryPlace, wanted: boolean): void;
}

interface Stranger {
  config: ProtocolBfd;
  /** Since when it has not been up; `Infinity`: it is. */
  missedSince: number;
}

export class BfdStrangers implements Deadline {
  at = Infinity;
  position = -1;
  readonly #env: StrangerSurroundings;
  readonly #strangers = new Map<string, Stranger>();
  readonly #refused: Partial<Record<Refusal, number>> = {};
  #plan: UnsolicitedPlan | null = null;
  #authentication: AuthenticationSettings | null = null;
  #waitingFor: readonly string[] = [];
  /** Sessions begun in the second that began at `#second`. */
  #begun = 0;
  #second = 0;

  constructor(env: StrangerSurroundings) {
    this.#env = env;
  }

  /** Whether a session is one that was begun by the other side. */
  has(name: string): boolean {
    return this.#strangers.has(name);
  }

  // ===== configuration ===========================================================================

  /**
   * Other wishes; `null`: nobody may begin a session any more, and those that were begun end.
   *
   * @param authentication null where the plan wants some: nobody is let in
   * @param former sessions of a former life, among them some that were begun so
   */
  configure(
    plan: UnsolicitedPlan | null,
    authentication: AuthenticationSettings | null,
    former: readonly BfdMemory[],
    now: number,
  ): void {
    const before = this.#plan;
    this.#plan = plan;
    this.#authentication = authentication;
    if (before !== null && before.namespace !== plan?.namespace) this.#listen(before, false);
    for (const [name, { config }] of this.#strangers) {
      if (plan !== null && mayStay(plan, config)) this.#begin(plan, config.path, now);
      else this.#end(name, now);
    }
    if (plan === null) {
      this.#waitingFor = [];
      return this.#env.heap.cancel(this);
    }
    for (const { path, session: { settings: { name } } } of former) {
      if (name === nameOf(path) && mayStay(plan, { path })) this.#begin(plan, path, now);
    }
    this.#listen(plan, true);
    this.#env.heap.set(this, now + REVIEW);
  }

  #listen(plan: UnsolicitedPlan, wanted: boolean): void {
    const missing: string[] = [];
    for (const family of ["ipv4", "ipv6"] as const) {
      const { namespace } = plan;
      const place = { namespace, family, multihop: false, vrf: "", address: "", scope: 0 };
      try {
        this.#env.listen(place, wanted);
      } catch (error) {
        if (!(error instanceof SystemError)) throw error;
        missing.push(error instanceof PortTaken ? belongs(error.port, "") : error.message);
      }
    }
    if (wanted && plan.authentication !== undefined && this.#authentication === null) {
      missing.push("no key to authenticate packets with");
    }
    this.#waitingFor = missing;
  }

  // ===== sessions ================================================================================

  /**
   * A first packet that belongs to no session, decoded into `packet`, its TTL checked.
   *
   * @returns whether there is a session for it now
   */
  admit(
    place: DiscoveryPlace,
    message: MessageReceiver,
    packet: Readonly<ControlPacket>,
    now: number,
  ): boolean {
    const plan = this.#plan;
    if (plan === null || plan.namespace !== place.namespace) return false;
    const index = message.interfaceIndex;
    const own = this.#env.interfaceAt(place.namespace, index);
    const peer = sockaddrAddress(message.source);
    // It has one, which may wait for its sockets.
    if (own !== undefined && this.#strangers.has(nameOf({ peer, interface: own.name }))) {
      return true;
    }
    const from = {
      source: peer,
      interface: own?.name ?? "",
      networks: own?.networks ?? [],
      sessions: this.#strangers.size,
    };
    const refusal = refuseStranger(packet, from, plan) ?? this.#refuse(plan, message, packet, now);
    if (refusal !== null) {
      this.#refused[refusal] = (this.#refused[refusal] ?? 0) + 1;
      return false;
    }
    this.#begun++;
    const { namespace, family } = place;
    const interfaceName = from.interface;
    this.#begin(plan, {
      namespace,
      family,
      peer,
      source: "",
      interface: interfaceName,
      multihop: false,
      minimumTtl: 255,
    }, now);
    return true;
  }

  /** Who cannot authenticate begins nothing; nor does anybody where too many do. */
  #refuse(
    plan: UnsolicitedPlan,
    message: MessageReceiver,
    packet: Readonly<ControlPacket>,
    now: number,
  ): Refusal | null {
    const authentication = this.#authentication;
    if (plan.authentication !== undefined && authentication === null) return "not_authenticated";
    const any = { transmit: 0, receive: 0, known: false };
    if (verifyControl(message.payload, packet, authentication, any, 1) !== null) {
      return "not_authenticated";
    }
    if (now - this.#second >= 1_000_000) {
      this.#second = now;
      this.#begun = 0;
    }
    return this.#begun >= MOST_A_SECOND ? "rate" : null;
  }

  /** Begins a session, or gives one that exists what is wanted now. */
  #begin(plan: UnsolicitedPlan, path: BfdPath, now: number): void {
    const name = nameOf(path);
    const config: ProtocolBfd = {
      path,
      settings: { ...plan.settings, name },
      ...(plan.authentication === undefined ? {} : { authentication: plan.authentication }),
      unsolicited: true,
    };
    const known = this.#strangers.get(name);
    if (known === undefined) {
      this.#strangers.set(name, { config, missedSince: now });
      this.#env.log.log("info", ["bfd", name], "Begun by the other side");
    } else {
      known.config = config;
    }
    this.#env.set(config, this.#authentication, now);
  }

  #end(name: string, now: number): void {
    this.#strangers.delete(name);
    this.#env.remove(name, now);
  }

  /** Deletes what has not been up for long enough. */
  fire(now: number): void {
    const plan = this.#plan;
    if (plan === null) return;
    for (const [name, stranger] of this.#strangers) {
      const state = this.#env.stateOf(name);
      // One that an operator has taken down stays so: gone, it would be begun anew.
      if (state === "up" || state === "admin_down") stranger.missedSince = Infinity;
      else if (stranger.missedSince === Infinity) stranger.missedSince = now;
      if (state !== undefined && now - stranger.missedSince < GIVE_UP) continue;
      this.#env.log.log("info", ["bfd", name], "Deleted: it has not been up for 10 s");
      this.#end(name, now);
    }
    this.#listen(plan, true);
    this.#env.heap.set(this, now + REVIEW);
  }

  /** The agent stops, and its sessions with it. */
  stop(): void {
    this.#plan = null;
    this.#strangers.clear();
    this.#env.heap.cancel(this);
  }

  /** For status; null: nobody may begin a session. */
  describe(): UnsolicitedReport | null {
    if (this.#plan === null) return null;
    return {
      waitingFor: this.#waitingFor,
      sessions: this.#strangers.size,
      limit: this.#plan.limit,
      refused: { ...this.#refused },
    };
  }
}

/** No `[[bfd]]` can be called so. */
function nameOf({ peer, interface: own }: Pick<BfdPath, "peer" | "interface">): string {
  return `${peer}%${own}`;
}

/** Whether a session that was begun would be begun again. */
function mayStay(plan: UnsolicitedPlan, { path }: Pick<ProtocolBfd, "path">): boolean {
  const { namespace, interface: own, peer } = path;
  return namespace === plan.namespace && plan.interfaces.includes(own) && isAllowed(peer, plan);
}
