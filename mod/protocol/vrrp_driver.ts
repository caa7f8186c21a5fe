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

import { atOnce, eachOf } from "../steps/mod.ts";
import type { QueryRecording } from "../plane/recording.ts";
import type { RawSegment } from "../record/mod.ts";
import type { GroupMemory, Overridden, OverrideRouters } from "../plane/groups.ts";
import type { Memory } from "../plane/hand_over.ts";
import type {
  ConfigureProtocol,
  EventId,
  InterfaceGone,
  InterfaceState,
  ProtocolRouter,
} from "../plane/messages.ts";
import type { ProtocolState } from "../plane/state.ts";
import type { TrackerFinding, TrackerFound } from "../plane/trackers.ts";
import type { Router } from "../vrrp/mod.ts";
import type { Channel } from "./channel.ts";
import { Channels, type DriverSurroundings } from "./channels.ts";
import { Circumstances } from "./circumstances.ts";
import { GroupTable } from "./group_table.ts";
import { Intake } from "./intake.ts";
import { InterfaceUsers } from "./interface_users.ts";
import { Reviewer } from "./reviewer.ts";
import { RouterEntry, sameRouter } from "./router_entry.ts";
import { Standstill } from "./standstill.ts";

/** Findings in one step of a configuration. */
const FINDINGS = 64;

/** A configuration whose findings may be looked up one by one. */
type Configuration = Omit<ConfigureProtocol, "findings"> & {
  readonly findings?: Iterable<TrackerFinding>;
};

export class VrrpDriver {
  readonly #env: DriverSurroundings;
  readonly #routers = new Map<string, RouterEntry>();
  readonly #channels: Channels;
  readonly #reviewer: Reviewer;
  readonly #circumstances = new Circumstances();
  readonly #interfaces = this.#circumstances.interfaces;
  readonly #trackers = this.#circumstances.trackers;
  readonly #users = new InterfaceUsers<RouterEntry>();
  readonly #masters = new Set<RouterEntry>();
  readonly #standstill = new Standstill();
  readonly #resumed = new Map<string, Router>();
  readonly #intake: Intake;
  readonly #groups: GroupTable;
  #absence = { silentSince: 0, exact: false };
  #stopping = false;
  /** Wakes the driver where time alone changes a router's health. */
  readonly #alarm = {
    at: Infinity,
    position: -1,
    fire: (now: number) => {
      this.#trackers.settle(now);
      this.#reviewAll(null);
      this.#wakeForTrackers();
    },
  };

  constructor(env: DriverSurroundings) {
    this.#env = env;
    this.#intake = new Intake(env);
    this.#groups = new GroupTable(env);
    const again = (at: number): void => this.#reviewAt(at);
    this.#channels = new Channels(env, again);
    this.#reviewer = new Reviewer(env, this.#circumstances, this.#channels, again);
  }

  // ===== configuration ===========================================================================

  /**
   * Makes the routers what `message` wants, touching only what differs. A router whose interface
   * or id changed is another router: the old one hands over first.
   *
   * @returns what was done, one line each
   */
  configure(message: Configuration, now: number): string[] {
    return atOnce(this.configuring(message, now));
  }

  /** The same in steps: between two of them packets are read and timers fire, nothing else. */
  *configuring(message: Configuration, now: number): Generator<void, string[]> {
    const changes: string[] = [];
    // A router added now would never be told to stop.
    if (this.#stopping) return changes;
    const { groups, id: cause, findings = [] } = message;
    this.#trackers.configure(message.delays ?? []);
    if (message.memory !== undefined) {
      this.resume(message.memory, true);
      this.#trackers.restore(message.memory.trackers ?? [], now);
    }
    this.#env.keys.replace(message.credentials ?? []);
    const news: TrackerFinding[] = [];
    yield* eachOf(findings, FINDINGS, (finding) => {
      if (this.#trackers.found(finding, this.#env.now())) news.push(finding);
    });
    now = this.#refreshed();
    const wanted = new Map(message.routers.map((config) => [config.settings.name, config]));
    this.#reviewer.holdUntil = message.holdUntil;
    const stays = (name: string): boolean => {
      const [config, entry] = [wanted.get(name), this.#routers.get(name)];
      return config !== undefined && entry !== undefined &&
        (config === entry.config || sameRouter(config, entry.config));
    };
    // Nobody is to see a group half moved, or a router that goes on before it has been told so.
    const calm = this.#resumed.size === 0 && this.#groups.isUnmoved(groups, stays);
    changes.push(...this.#groups.part(groups, stays, now, cause));
    for (const [name, entry] of this.#routers) {
      if (stays(name)) continue;
      changes.push(`virtual router ${name}: removed`);
      this.#remove(entry, this.#refreshed());
      if (calm) yield;
    }
    const touched: RouterEntry[] = [];
    for (const [name, config] of wanted) {
      if (this.#routers.has(name)) continue;
      changes.push(`virtual router ${name}: added`);
      touched.push(this.#add(config, this.#refreshed()));
      if (calm) yield;
    }
    // Old news must not be believed when somebody of that name comes later.
    this.#resumed.clear();
    now = this.#refreshed();
    changes.push(...this.#groups.form(groups, this.#routers, now, cause));
    for (const entry of touched) if (entry.resumed) this.#goOn(entry, now, cause);
    for (const [name, config] of wanted) {
      now = this.#refreshed();
      const entry = this.#routers.get(name)!;
      const same = entry.config === config ||
        JSON.stringify(entry.config) === JSON.stringify(config);
      // One that an exception has stopped begins anew, whatever is configured.
      if (!same || entry.broken !== "") {
        changes.push(`virtual router ${name}: changed`);
        this.#users.remove(entry, entry.config);
        this.#users.add(entry, config);
        entry.configure(config, now, cause);
        // It may take version 2 from now on, or no longer.
        this.#channels.changed(entry);
        touched.push(entry);
      } else if (entry.authenticate()) {
        changes.push(`virtual router ${name}: authentication changed`);
        touched.push(entry);
      }
      yield;
    }
    this.#trackers.keep((key) => this.#users.uses(key));
    const isThere = (name: string) =>
      this.#routers.has(name) || this.#groups.get(name) !== undefined;
    this.#reviewer.recorders.keep({ has: isThere });
    this.#wakeForTrackers();
    // A router hears before it has a deadline.
    for (const entry of touched) {
      this.#reviewer.connect(entry, this.#refreshed());
      yield;
    }
    const refused = yield* this.#channels.serving();
    const concerned = [...touched, ...this.#users.ofTracked(news)];
    yield* this.#reviewer.reviewing(concerned, cause);
    yield* this.#channels.serving(refused);
    return changes;
  }

  /** The time, after what cannot wait for the end of a long work. */
  #refreshed(): number {
    return this.#env.heap.fireRoutine(this.#env.now());
  }

  /**
   * Routers and groups as a former Worker left them, for `configure` to go on with.
   *
   * @param exact they are as they were then, with their timers
   */
  resume({ routers, groups, silentSince }: Memory, exact = false): void {
    for (const router of routers) this.#resumed.set(router.settings.name, router);
    this.#groups.resume(groups ?? []);
    this.#absence = { silentSince, exact };
  }

  /** A router, which has not been told anything yet. */
  #add(config: ProtocolRouter, now: number): RouterEntry {
    const { name } = config.settings;
    const resumed = this.#resumed.get(name);
    this.#resumed.delete(name);
    const entry = new RouterEntry(config, this.#env, this.#masters, this.#standstill, resumed);
    this.#routers.set(name, entry);
    this.#users.add(entry, config);
    // The machine of the former Worker was healthy or not; its sockets must be there before it
    // speaks, and what the kernel plane holds for it must be what it says.
    if (resumed === undefined) return entry;
    const state = this.#reviewer.stateFor(entry);
    this.#channels.attach(entry, state, now);
    entry.reach.update(resumed.source, state);
    return entry;
  }

  /** A router of a former Worker is back. */
  #goOn(entry: RouterEntry, now: number, cause: EventId): void {
    const { silentSince, exact } = this.#absence;
    entry.apply({ type: "resume", age: now - silentSince, exact }, now, cause);
    const { settings } = entry.config;
    // A release or claim that nobody remembers must not last for ever.
    if (JSON.stringify(entry.router.settings) !== JSON.stringify(settings)) {
      entry.apply({ type: "configure", settings }, now, cause);
    }
    if (entry.router.state === "master") return;
    const id = this.#env.ids.next();
    this.#env.postKernel({ type: "drop", id, cause, router: entry.name });
  }

  /** A router that is no longer wanted resigns and lets go at once. */
  #remove(entry: RouterEntry, now: number): void {
    entry.leaving = true;
    entry.apply({ type: "stop", now: true }, now);
    this.#channels.detach(entry);
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

  /** An operator's word on who shall be master; see `groups.ts` of `mod/vrrp`. */
  overrule(
    { name, override, until, id }: OverrideRouters,
    now: number,
  ): Pick<Overridden, "refused" | "members"> {
    if (this.#stopping) return { refused: "the agent is stopping", members: [] };
    const entry = this.#routers.get(name) ??
      [...this.#routers.values()].find(({ config }) => config.router === name);
    const answer = this.#groups.overrule(name, override, until, entry, now, id);
    const routers = answer.members.map((member) =>
      this.#routers.get(member)?.config.router ?? member
    );
    return { ...answer, members: [...new Set(routers)] };
  }

  /** What groups remember beside their members. */
  get groupMemories(): GroupMemory[] {
    return this.#groups.memories();
  }

  get entries(): Iterable<RouterEntry> {
    return this.#routers.values();
  }

  get isStopped(): boolean {
    if (!this.#stopping) return false;
    for (const entry of this.#routers.values()) if (!entry.stopped) return false;
    return true;
  }

  // ===== interfaces and other tracked things =====================================================

  /** Something that is tracked was found, or otherwise than before. */
  trackersFound(findings: readonly TrackerFound[], now: number): void {
    const changed = findings.filter((finding) => this.#trackers.found(finding, now));
    this.#wakeForTrackers();
    if (changed.length === 0) return;
    this.#review(this.#users.ofTracked(changed), changed.at(-1)!.id);
    this.#channels.serve();
  }

  /** A change that must last before it counts is looked at again. */
  #wakeForTrackers(): void {
    const { deadline } = this.#trackers;
    if (deadline !== Infinity) this.#reviewAt(deadline);
  }

  /** Returns the name that the interface had before. */
  interfaceChanged(state: InterfaceState, now: number, cause: EventId): string | undefined {
    const former = this.#circumstances.interfaceChanged(state, now);
    this.#wakeForTrackers();
    this.#reviewUsers(state.namespace, [state.name, former], cause);
    return former;
  }

  /** Returns the name that it had when it was last heard of. */
  interfaceGone(message: InterfaceGone): string | undefined {
    const former = this.#circumstances.interfaceGone(message);
    this.#reviewUsers(message.key.namespace, [message.name, former], message.id);
    return former;
  }

  /** Index of the interface of that name; 0: it is not there. */
  interfaceIndex(namespace: string, name: string): number {
    return this.#interfaces.find(namespace, name)?.index ?? 0;
  }

  /** What is known of an interface that is watched. */
  interfaceAt(namespace: string, index: number): InterfaceState | undefined {
    return this.#interfaces.at({ namespace, index });
  }

  /** Routers that speak on one of the named interfaces, or track it. */
  #reviewUsers(
    namespace: string,
    names: readonly (string | undefined)[],
    cause: EventId,
  ): void {
    this.#review(this.#users.of(namespace, names), cause);
    this.#channels.serve();
  }

  #reviewAll(cause: EventId | null): void {
    this.#review(this.#routers.values(), cause);
    this.#channels.serve();
  }

  /** See `Reviewer`. */
  #review(entries: Iterable<RouterEntry>, cause: EventId | null): void {
    atOnce(this.#reviewer.reviewing(entries, cause));
  }

  #reviewAt(at: number): void {
    if (this.#alarm.position === -1 || at < this.#alarm.at) this.#env.heap.set(this.#alarm, at);
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

  /** What is recorded of a router or group; undefined: nothing, from there on. */
  recorded({ kind, name, from }: QueryRecording): RawSegment | undefined {
    if (kind === "trackers") return this.#reviewer.recorders.segment(name, from);
    const machine = kind === "router" ? this.#routers.get(name) : this.#groups.get(name);
    return machine?.recorder.segment(name, from);
  }

  // ===== state ===================================================================================

  describe(): Pick<ProtocolState, "routers" | "groups" | "interfaces" | "trackers"> {
    return {
      trackers: this.#trackers.remember(),
      groups: this.#groups.describe(),
      routers: [...this.#routers.values()].map((entry) => ({
        router: entry.router,
        interface: entry.config.interface,
        trackers: entry.trackers,
        settings: entry.config.settings,
        name: entry.config.router ?? entry.name,
        group: entry.group?.name ?? null,
        ...entry.authentication,
      })),
      interfaces: this.#channels.refusals,
    };
  }
}
