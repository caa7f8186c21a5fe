/**
 * The virtual routers of this agent: which there are, on which sockets they speak, what arrives for
 * them, and what their surroundings mean for them.
 *
 * Configuration is a difference: a router whose entry is unchanged is not touched. One channel
 * serves each (namespace, interface index, family); it is opened when the first router needs it and
 * closed after the last.
 *
 * @module
 */

import { SystemError } from "../../ffi/mod.ts";
import type {
  ConfigureProtocol,
  EventId,
  InterfaceGone,
  InterfaceState,
  ProtocolRouter,
  ProtocolState,
  TrackerReport,
} from "../plane/messages.ts";
import { contribution, evaluateTrackers, type Router, type Tracker } from "../vrrp/mod.ts";
import { Channel } from "./channel.ts";
import { Intake } from "./intake.ts";
import { type FrameSocket, senderOf } from "./frame_sender.ts";
import {
  interfaceFault,
  interfaceHealth,
  InterfaceTable,
  keyOf,
  virtualFaults,
} from "./interfaces.ts";
import { InterfaceUsers } from "./interface_users.ts";
import { RouterEntry, sameRouter, type Surroundings } from "./router_entry.ts";
import type { Family, VrrpTransport } from "./transport.ts";

/** Sockets that could not be opened are tried again after this time. */
const RETRY = 1_000_000;

/** What the driver needs beside what its routers need. */
export interface DriverSurroundings extends Surroundings {
  openTransport(
    family: Family,
    namespace: string,
    index: number,
    name: string,
  ): VrrpTransport;
  openFrames(family: Family, namespace: string, index: number): FrameSocket;
  /** Its descriptors are to be watched, or no longer. */
  watch(channel: Channel): void;
  unwatch(channel: Channel): void;
}

export class VrrpDriver {
  readonly #env: DriverSurroundings;
  readonly #routers = new Map<string, RouterEntry>();
  readonly #channels = new Map<string, Channel>();
  readonly #channelOf = new Map<RouterEntry, Channel>();
  readonly #interfaces = new InterfaceTable();
  readonly #users = new InterfaceUsers<RouterEntry>();
  readonly #masters = new Set<RouterEntry>();
  readonly #resumed = new Map<string, Router>();
  readonly #intake: Intake;
  /** Channels whose routers are no longer those that their filters know. */
  readonly #unserved = new Set<Channel>();
  #absence = { silentSince: 0, exact: false };
  #holdUntil = 0;
  #stopping = false;
  /** Wakes the driver where time alone changes a router's health. */
  readonly #review = {
    at: Infinity,
    position: -1,
    fire: (now: number) => this.#reviewAll(now, null),
  };

  constructor(env: DriverSurroundings) {
    this.#env = env;
    this.#intake = new Intake(env);
  }

  // ===== configuration ===========================================================================

  /**
   * Makes the routers what `message` wants, touching only what differs. A router whose interface
   * or id changed is another router: the old one hands over first.
   *
   * @returns what was done, one line each
   */
  configure(message: ConfigureProtocol, now: number): string[] {
    const changes: string[] = [];
    // A router added now would never be told to stop.
    if (this.#stopping) return changes;
    if (message.memory !== undefined) {
      this.resume(message.memory.routers, message.memory.silentSince, true);
    }
    const wanted = new Map(message.routers.map((config) => [config.settings.name, config]));
    this.#holdUntil = message.holdUntil;
    for (const [name, entry] of this.#routers) {
      const config = wanted.get(name);
      if (config === undefined || !sameRouter(config, entry.config)) {
        changes.push(`virtual router ${name}: removed`);
        this.#remove(entry, now);
      }
    }
    for (const [name, config] of wanted) {
      const entry = this.#routers.get(name);
      if (entry === undefined) {
        changes.push(`virtual router ${name}: added`);
        this.#add(config, now, message.id);
      } else if (JSON.stringify(entry.config) !== JSON.stringify(config)) {
        changes.push(`virtual router ${name}: changed`);
        this.#users.remove(entry, entry.config);
        this.#users.add(entry, config);
        entry.configure(config, now, message.id);
        // It may take version 2 from now on, or no longer.
        const channel = this.#channelOf.get(entry);
        if (channel !== undefined) this.#unserved.add(channel);
        this.#reviewOne(entry, now, message.id);
      }
    }
    this.#serve(now);
    return changes;
  }

  /**
   * Routers as a former Worker left them, for `configure` to go on with.
   *
   * @param silentSince when that Worker last turned its loop
   * @param exact they are as they were then, with their timers
   */
  resume(routers: readonly Router[], silentSince: number, exact = false): void {
    for (const router of routers) this.#resumed.set(router.settings.name, router);
    this.#absence = { silentSince, exact };
  }

  #add(config: ProtocolRouter, now: number, cause: EventId): void {
    const resumed = this.#resumed.get(config.settings.name);
    this.#resumed.delete(config.settings.name);
    const entry = new RouterEntry(config, this.#env, this.#masters, resumed);
    this.#routers.set(config.settings.name, entry);
    this.#users.add(entry, config);
    if (resumed === undefined) return this.#reviewOne(entry, now, cause);
    // The machine of the former Worker was healthy or not; its sockets must be there before it
    // speaks, and what the kernel plane holds for it must be what it says.
    this.#attach(entry, now);
    entry.reach.update(resumed.source, this.#interfaces.find(config.namespace, config.interface));
    const { silentSince, exact } = this.#absence;
    entry.apply({ type: "resume", age: now - silentSince, exact }, now, cause);
    if (entry.router.state !== "master") {
      const id = this.#env.ids.next();
      this.#env.postKernel({ type: "drop", id, cause, router: entry.name });
    }
    this.#reviewOne(entry, now, cause);
  }

  /** A router that is no longer wanted resigns and lets go at once. */
  #remove(entry: RouterEntry, now: number): void {
    entry.leaving = true;
    entry.apply({ type: "stop", now: true }, now);
    this.#detach(entry);
    this.#users.remove(entry, entry.config);
    this.#masters.delete(entry);
    this.#routers.delete(entry.name);
  }

  /** Hands all routers over. `isStopped` says when they have ended. */
  stop(atOnce: boolean, now: number, cause: EventId): void {
    this.#stopping = true;
    for (const entry of this.#routers.values()) {
      entry.leaving = true;
      if (!entry.stopped) entry.apply({ type: "stop", now: atOnce }, now, cause);
    }
  }

  get entries(): Iterable<RouterEntry> {
    return this.#routers.values();
  }

  get isStopped(): boolean {
    if (!this.#stopping) return false;
    for (const entry of this.#routers.values()) if (!entry.stopped) return false;
    return true;
  }

  // ===== interfaces ==============================================================================

  interfaceChanged(state: InterfaceState, now: number, cause: EventId): void {
    const former = this.#interfaces.nameOf(state);
    this.#interfaces.set(state);
    this.#reviewUsers(state.namespace, [state.name, former], now, cause);
  }

  interfaceGone(message: InterfaceGone, now: number): void {
    const former = this.#interfaces.nameOf(message.key);
    this.#interfaces.delete(message.key);
    this.#reviewUsers(message.key.namespace, [message.name, former], now, message.id);
  }

  /** Routers that speak on one of the named interfaces, or track it. */
  #reviewUsers(
    namespace: string,
    names: readonly (string | undefined)[],
    now: number,
    cause: EventId,
  ): void {
    for (const entry of this.#users.of(namespace, names)) this.#reviewOne(entry, now, cause);
    this.#serve(now);
  }

  #reviewAll(now: number, cause: EventId | null): void {
    for (const entry of this.#routers.values()) this.#reviewOne(entry, now, cause);
    this.#serve(now);
  }

  /** Looks at everything that decides whether the router may take part, and tells the machine. */
  #reviewOne(entry: RouterEntry, now: number, cause: EventId | null): void {
    if (entry.leaving) return;
    const waitingFor: string[] = [];
    const { namespace, interface: name } = entry.config;
    const state = this.#interfaces.find(namespace, name);
    const own = interfaceHealth(entry.config, state);
    waitingFor.push(...own.waitingFor, ...virtualFaults(entry.config, this.#interfaces));
    const failure = this.#attach(entry, now);
    if (failure !== "") waitingFor.push(failure);
    const channel = this.#channelOf.get(entry);
    // Whom it listens to follows from the interface's addresses.
    if (entry.reach.update(own.source, state) && channel !== undefined) {
      this.#unserved.add(channel);
    }
    if (entry.broken !== "") waitingFor.push(entry.broken);
    if (now < this.#holdUntil) {
      waitingFor.push("startup delay");
      this.#reviewAt(this.#holdUntil);
    }
    const trackers = entry.config.trackers.map((use): Tracker => {
      const fault = interfaceFault(this.#interfaces.find(namespace, use.name));
      return { ...use, healthy: fault === "", reason: fault === "" ? "up" : fault };
    });
    entry.trackers = trackers.map((tracker): TrackerReport => ({
      name: tracker.name,
      kind: tracker.kind,
      healthy: tracker.healthy,
      contribution: contribution(tracker),
      reason: tracker.reason,
    }));
    const verdict = evaluateTrackers(trackers);
    waitingFor.push(...verdict.faults);
    const { router } = entry;
    if (
      router.state !== "init" && router.source === own.source &&
      router.contribution === verdict.contribution &&
      router.waitingFor.join("\n") === waitingFor.join("\n")
    ) return;
    const event = { type: "health", waitingFor, source: own.source } as const;
    entry.apply({ ...event, contribution: verdict.contribution }, now, cause);
  }

  #reviewAt(at: number): void {
    if (this.#review.position === -1 || at < this.#review.at) this.#env.heap.set(this.#review, at);
  }

  // ===== sockets =================================================================================

  /** Gives the router the sockets of its interface as it is now. Returns why not, or nothing. */
  #attach(entry: RouterEntry, now: number): string {
    const { namespace, interface: name, settings } = entry.config;
    const state = this.#interfaces.find(namespace, name);
    const wanted = state === undefined ? undefined : `${keyOf(state)}/${settings.family}`;
    const present = this.#channelOf.get(entry);
    if (present !== undefined && present.key === wanted) {
      return this.#giveSender(entry, present, state!.index, now);
    }
    this.#detach(entry);
    if (state === undefined || wanted === undefined) return "";
    let channel = this.#channels.get(wanted);
    if (channel === undefined) {
      try {
        const transport = this.#env.openTransport(settings.family, namespace, state.index, name);
        channel = new Channel(wanted, settings.family, namespace, name, transport);
      } catch (error) {
        if (!(error instanceof SystemError)) throw error;
        this.#reviewAt(now + RETRY);
        return `socket on ${name}: ${error.message}`;
      }
      this.#channels.set(wanted, channel);
      this.#env.watch(channel);
    }
    channel.add(entry);
    this.#unserved.add(channel);
    this.#channelOf.set(entry, channel);
    return this.#giveSender(entry, channel, state.index, now);
  }

  /** Gives the router what its adverts leave by. Returns why not, or nothing. */
  #giveSender(entry: RouterEntry, channel: Channel, index: number, now: number): string {
    const { family, namespace, name } = channel;
    try {
      entry.sender = senderOf(entry, channel, () => this.#env.openFrames(family, namespace, index));
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      this.#reviewAt(now + RETRY);
      return `packet socket on ${name}: ${error.message}`;
    }
    return "";
  }

  #detach(entry: RouterEntry): void {
    const channel = this.#channelOf.get(entry);
    entry.sender = null;
    this.#channelOf.delete(entry);
    if (channel === undefined) return;
    channel.remove(entry);
    this.#unserved.add(channel);
    if (!channel.isEmpty) return;
    this.#unserved.delete(channel);
    this.#channels.delete(channel.key);
    this.#env.unwatch(channel);
    channel.transport.close();
    channel.frames?.close();
  }

  /** Tells the kernel whose adverts to let in, once for all changes of one message. */
  #serve(now: number): void {
    for (const channel of this.#unserved) {
      try {
        channel.serve();
        this.#unserved.delete(channel);
      } catch (error) {
        if (!(error instanceof SystemError)) throw error;
        this.#env.log.log("error", ["vrrp", channel.name], `Cannot filter: ${error.message}`);
        this.#reviewAt(now + RETRY);
      }
    }
  }

  // ===== packets and time ========================================================================

  /** Reads adverts of one interface, see `Intake`. */
  receive(channel: Channel, budget: number, until: number): number {
    return this.#intake.receive(channel, budget, until);
  }

  /** Counts what the kernel has refused on one interface, see `Intake`. */
  sweep(channel: Channel, now: number, until: number): boolean {
    return this.#intake.sweep(channel, now, until);
  }

  /** Our own loop stood still: every router hears it before the packets that waited. */
  stalled(length: number, now: number): void {
    for (const entry of this.#routers.values()) entry.apply({ type: "stall", length }, now);
  }

  /** Whether some router is master: then the heartbeat must not rest. */
  get hasMaster(): boolean {
    return this.#masters.size > 0;
  }

  /** A new kernel plane knows nothing of who is master. */
  repeatHoldings(cause: EventId): void {
    for (const { name, router } of this.#routers.values()) {
      const id = this.#env.ids.next();
      if (router.state !== "master") {
        this.#env.postKernel({ type: "drop", id, cause, router: name });
      } else {
        this.#env.postKernel({ type: "hold", id, cause, router: name, epoch: router.epoch });
      }
    }
  }

  // ===== state ===================================================================================

  describe(): Pick<ProtocolState, "routers" | "interfaces"> {
    return {
      routers: [...this.#routers.values()].map((entry) => ({
        router: entry.router,
        interface: entry.config.interface,
        trackers: entry.trackers,
      })),
      interfaces: [...this.#channels.values()].map((channel) => ({
        namespace: channel.namespace,
        name: channel.name,
        family: channel.family,
        dropped: channel.total(),
      })),
    };
  }
}
