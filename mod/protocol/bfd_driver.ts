/**
 * The BFD sessions of this agent: which there are, whether they have sockets, and what they go on
 * from.
 *
 * Configuration is a difference: a session whose entry is unchanged is not touched. A session exists
 * as long as it is configured; its sockets come and go with its interface, its address and its key.
 * An interface that goes down fails no session by itself: the detection time does, as for any other
 * silence.
 *
 * @module
 */

import {
  type AuthenticationSettings,
  createSession,
  isStall,
  type SessionEvent,
} from "../bfd/mod.ts";
import type {
  AdministerBfd,
  BfdCredentials,
  BfdMemory,
  BfdState,
  ProtocolBfd,
} from "../plane/bfd.ts";
import { MAX_SEQUENCES } from "../plane/shared.ts";
import type { TrackerFinding } from "../plane/trackers.ts";
import {
  BfdClient,
  type BfdClientSurroundings,
  type BfdDriverSurroundings,
} from "./bfd_clients.ts";
import { BfdEase } from "./bfd_ease.ts";
import { BfdEntry, type BfdSurroundings } from "./bfd_entry.ts";
import { BfdFarewells } from "./bfd_farewells.ts";
import { FormerSessions, goingOn } from "./bfd_former.ts";
import {
  haveSameEchoes,
  isSameSession,
  memoryOf,
  reportOf,
  sameAuthentication,
} from "./bfd_memory.ts";
import { BfdOpenings, type PortQuestion, type SessionSockets } from "./bfd_openings.ts";
import { BfdSockets } from "./bfd_sockets.ts";
import type { FirstPackets } from "./bfd_strangers.ts";
import { BfdUnconfigured, type UnconfiguredPlan } from "./bfd_unconfigured.ts";
import { EchoingSockets } from "./echoing_sockets.ts";
import { SlotTable } from "./slot_table.ts";

const OPENING: readonly string[] = ["its sockets are being opened"];

export class BfdDriver {
  readonly #env: BfdDriverSurroundings;
  readonly #entries = new Map<string, BfdEntry>();
  readonly #clients = new Map<BfdEntry, BfdClient>();
  readonly #sockets: EchoingSockets;
  /** Which of the sessions wait for what. */
  readonly openings: BfdOpenings;
  readonly #slots = new SlotTable(MAX_SEQUENCES);
  readonly #surroundings: BfdSurroundings;
  readonly #clientSurroundings: BfdClientSurroundings;
  /** Sessions that an operator has taken down, until he takes them up again. */
  readonly #administered = new Set<string>();
  readonly #former = new FormerSessions();
  /** Sessions that are gone from the configuration, and have yet to say so. */
  readonly #farewells: BfdFarewells;
  readonly #unconfigured: BfdUnconfigured;
  /** Asks the other sides for patience before a hand-over. */
  readonly ease: BfdEase;
  #stopping = false;

  /** @param sockets other ones than the kernel's, for tests */
  constructor(
    env: BfdDriverSurroundings,
    sockets: SessionSockets & FirstPackets = new BfdSockets(env),
  ) {
    this.#env = env;
    this.#sockets = new EchoingSockets(sockets, env);
    const broke = (entry: BfdEntry, error: unknown, now: number): void =>
      this.#breakDown(entry, error, now);
    this.#unconfigured = new BfdUnconfigured(env, sockets, {
      set: (config, authentication, now) => {
        this.set(config, authentication, now);
        // The other side waits for the answer to its first packet.
        this.openings.fire(now);
      },
      remove: (name, now) => this.remove(name, now),
      stateOf: (name) => this.#entries.get(name)?.session.state,
    });
    this.openings = new BfdOpenings(env, this.#sockets, this.#entries, broke);
    this.ease = new BfdEase(env.heap, this.#entries);
    this.#farewells = new BfdFarewells(env.heap, (now) => this.stop(true, now));
    this.#surroundings = {
      heap: env.heap,
      random: () => env.random(),
      readUnread: (entry, now) => this.#sockets.readUnread(entry, now),
      sequenceUsed: ({ slot, session }) => {
        if (slot >= 0) env.words.setSequence(slot, session.sequence.transmit);
      },
      changed: (entry, news, at) => {
        this.#clients.get(entry)?.heard(news, at);
        if (news.type === "transition") this.#sockets.openEcho(entry, at);
      },
      agreed: (entry) => {
        const memory = this.#remember(entry);
        env.postControl({ type: "bfd_memory", id: env.ids.next(), memory });
      },
      confirmed: (entry, at) => this.#clients.get(entry)?.confirmed(at),
      notice: ({ name }, text) => env.log.log("warning", ["bfd", name], text),
      ended: (entry) => this.#forget(entry),
      broke,
    };
    this.#clientSurroundings = {
      heap: env.heap,
      ids: env.ids,
      log: env.log,
      clock: () => env.clock(),
      found: (finding, now) => env.found(finding, now),
      postControl: (message) => env.postControl(message),
      remember: (entry) => this.#remember(entry),
    };
  }

  // ===== configuration ===========================================================================

  /**
   * Makes the sessions what is wanted, touching only what differs; in steps, between which packets
   * are read and timers fire, and nothing else.
   *
   * @param credentials what the sessions that authenticate do it with
   * @returns what was done, one line each
   */
  *configuring(
    sessions: readonly ProtocolBfd[],
    credentials: readonly BfdCredentials[],
    now: number,
    unconfigured: UnconfiguredPlan = {},
  ): Generator<void, string[]> {
    const changes: string[] = [];
    // A session added now would never be told to stop.
    if (this.#stopping) return changes;
    const keys = new Map(credentials.map((one) => [one.session, one.authentication]));
    const wanted = new Set(sessions.map(({ settings }) => settings.name));
    for (const name of [...this.#entries.keys()]) {
      if (wanted.has(name) || this.#unconfigured.strangers.has(name)) continue;
      changes.push(`BFD session ${name}: removed`);
      this.remove(name, this.#refreshed());
      yield;
    }
    for (const config of sessions) {
      const { name } = config.settings;
      const done = this.set(config, keys.get(name) ?? null, this.#refreshed());
      if (done !== "") changes.push(`BFD session ${name}: ${done}`);
      yield;
    }
    now = this.#refreshed();
    this.#unconfigured.configure(unconfigured, keys, this.#former.memories, now);
    this.#former.clear();
    return changes;
  }

  /** The time, after what cannot wait for the end of a long work. */
  #refreshed(): number {
    return this.#env.heap.fireRoutine(this.#env.clock());
  }

  /**
   * Adds a session, or changes one that runs. One between other ends is another session: the old
   * one says that it goes.
   *
   * @param authentication null: there are no keys
   * @returns what was done; empty: nothing
   */
  set(config: ProtocolBfd, authentication: AuthenticationSettings | null, now: number): string {
    const { name } = config.settings;
    const entry = this.#entries.get(name);
    if (entry === undefined) {
      this.#add(config, authentication, now);
      return "added";
    }
    if (entry.broken !== "" || !isSameSession(entry.config, config)) {
      const administered = this.#administered.has(name);
      this.remove(name, now);
      if (administered) this.#administered.add(name);
      this.#add(config, authentication, now);
      return "changed";
    }
    const same = entry.config === config ||
      JSON.stringify(entry.config) === JSON.stringify(config);
    const locked = config.authentication !== undefined && authentication === null;
    const former = entry.session.settings.authentication;
    if (same && locked === entry.locked && sameAuthentication(former, authentication)) return "";
    const echoes = !haveSameEchoes(entry.config, config);
    entry.config = config;
    if (locked !== entry.locked) this.#lock(entry, locked, now);
    entry.apply({ type: "configure", settings: { ...config.settings, authentication } }, now);
    if (echoes) this.#sockets.reopenEcho(entry, now);
    this.#sockets.changed(entry);
    this.#clients.get(entry)?.configure(now);
    return same ? "authentication changed" : "changed";
  }

  #add(config: ProtocolBfd, authentication: AuthenticationSettings | null, now: number): void {
    const { name } = config.settings;
    this.#farewells.makeWay(config.path, now);
    const settings = { ...config.settings, authentication };
    const former = this.#former.of(config, (own) => this.#sockets.hasDiscriminator(own));
    const slot = this.#slots.take(former?.memory.slot ?? -1);
    const session = former === undefined
      ? createSession(settings, {
        discriminator: this.#sockets.newDiscriminator(),
        sequence: this.#env.randomWord(),
      }, now)
      : goingOn(former, authentication, this.#env.words);
    const entry = new BfdEntry(session, config, slot, this.#surroundings);
    entry.locked = config.authentication !== undefined && authentication === null;
    entry.formerPort = former?.memory.sourcePort ?? 0;
    entry.waitingFor = OPENING;
    if (slot >= 0) this.#env.words.setSequence(slot, session.sequence.transmit);
    this.#entries.set(name, entry);
    this.#sockets.add(entry);
    const client = new BfdClient(entry, this.#clientSurroundings, now, former?.memory.client);
    this.#clients.set(entry, client);
    if (former === undefined) {
      this.openings.openAt(entry, now);
      if (this.#administered.has(name)) entry.apply({ type: "admin", down: true }, now);
    } else {
      if (session.state === "admin_down") this.#administered.add(name);
      // The other side waits for us: sockets first, then our word.
      this.openings.open(entry, now);
      entry.apply({ type: "resume", age: now - former.silentSince }, now);
      if (JSON.stringify(former.memory.session.settings) !== JSON.stringify(config.settings)) {
        entry.apply({ type: "configure", settings }, now);
      }
    }
    entry.arm();
  }

  /** There is no such session any more; the other side goes on hearing so for a while. */
  remove(name: string, now: number): void {
    const entry = this.#entries.get(name);
    this.#administered.delete(name);
    if (entry === undefined) return;
    entry.leaving = true;
    if (entry.broken !== "") return this.#forget(entry);
    this.#farewells.begin(entry, now);
    this.#unlist(entry);
  }

  /** Nobody is to find it any more. */
  #unlist(entry: BfdEntry): void {
    this.openings.forget(entry);
    this.#clients.get(entry)?.end();
    this.#clients.delete(entry);
    if (this.#entries.get(entry.name) === entry) this.#entries.delete(entry.name);
  }

  #forget(entry: BfdEntry): void {
    this.#unlist(entry);
    this.#farewells.delete(entry);
    this.#sockets.delete(entry);
    this.#slots.free(entry.slot);
    this.#env.heap.cancel(entry);
  }

  #breakDown(entry: BfdEntry, error: unknown, now: number): void {
    entry.breakDown(error);
    this.#env.log.log("error", ["bfd", entry.name], entry.broken);
    this.#sockets.close(entry);
    entry.waitingFor = [entry.broken];
    entry.openAt = Infinity;
    if (entry.leaving) this.#forget(entry);
    else this.#clients.get(entry)?.fail(entry.broken, now);
  }

  // ===== commands ================================================================================

  /** `halb bfd down` and `up`. @returns why not, in words; null: done */
  administer({ session: name, down }: AdministerBfd, now: number): string | null {
    if (this.#stopping) return "the agent is stopping";
    const entry = this.#entries.get(name);
    if (entry === undefined) return "there is no such BFD session";
    if (entry.broken !== "") return entry.broken;
    if (down) this.#administered.add(name);
    else this.#administered.delete(name);
    entry.apply({ type: "admin", down }, now);
    return null;
  }

  /** Tells everybody that we go. `isStopped` says when the last has had the time to hear it. */
  stop(atOnce: boolean, now: number): void {
    this.#stopping = true;
    this.#unconfigured.stop(now);
    for (const entry of [...this.#entries.values()]) {
      entry.leaving = true;
      if (entry.broken !== "") this.#forget(entry);
      else entry.apply({ type: "stop", now: atOnce }, now);
    }
    this.#farewells.stop(atOnce, now);
  }

  get isStopped(): boolean {
    return this.#stopping && this.#entries.size + this.#farewells.size === 0;
  }

  /** After `isStopped`: what outlives sessions is closed, which takes some milliseconds. */
  close(): void {
    this.#sockets.end();
  }

  // ===== sockets =================================================================================

  /** An interface of one of these names is there, or is not, or is another. */
  interfaceChanged(namespace: string, names: readonly (string | undefined)[], now: number): void {
    this.openings.interfaceChanged(namespace, names, now);
    this.#unconfigured.interfaceChanged(namespace, names, now);
  }

  /** Who has a UDP port that is waited for. */
  portOwner(question: PortQuestion, owner: string): void {
    this.openings.portOwner(question, owner);
    this.#unconfigured.portOwner(question, owner, this.#env.clock());
  }

  #lock(entry: BfdEntry, locked: boolean, now: number): void {
    entry.locked = locked;
    // Nobody is to speak or hear without a key meanwhile.
    if (locked) this.#sockets.close(entry);
    this.openings.openAt(entry, now);
  }

  // ===== time ====================================================================================

  /** Our loop was late by `LATE` or more: sessions hear it first, and what they owe leaves. */
  stalled(length: number, now: number): void {
    const event: SessionEvent = { type: "stall", length };
    for (const entry of this.#entries.values()) {
      if (isStall(entry.session, length)) entry.apply(event, now);
      entry.stalled(length, now);
      // The other side may have stood still with us, and waits: all else can come after that.
      if (entry.at <= now && entry.position !== -1 && entry.isRoutine(now)) entry.fire(now);
    }
  }

  /** The last word for a while: another process may go on from here. */
  speak(now: number): void {
    for (const entry of this.#entries.values()) entry.speak(now);
    this.#sockets.share(true);
    this.#unconfigured.share(true);
  }

  /** Nobody did, and we stood still for `age`. */
  goOn(age: number, now: number): void {
    this.#sockets.share(false);
    this.#unconfigured.share(false);
    for (const entry of this.#entries.values()) entry.apply({ type: "resume", age }, now);
    this.ease.end(now);
  }

  // ===== memory ==================================================================================

  /** Sessions as a former plane or process left them, for `configure` to go on with. */
  resume(memories: readonly BfdMemory[], silentSince: number, exact: boolean): void {
    if (exact) this.#unconfigured.takeOver();
    this.#former.remember(memories, silentSince, exact);
  }

  /** All sessions as they are now. */
  memories(): BfdMemory[] {
    return [...this.#entries.values()].map((entry) => this.#remember(entry));
  }

  #remember(entry: BfdEntry): BfdMemory {
    return memoryOf(entry, this.#clients.get(entry)!.client);
  }

  get entries(): ReadonlyMap<string, BfdEntry> {
    return this.#entries;
  }

  /** What those who depend on the sessions were told, each as it is when it is its turn. */
  *findings(): Generator<TrackerFinding, void> {
    for (const { finding } of this.#clients.values()) if (finding !== null) yield finding;
  }

  /** For status; absent: there are no sessions, and nobody has sent anything. */
  describe(): BfdState {
    this.#sockets.collect(this.#env.clock());
    const { dropped } = this.#sockets;
    const others = this.#unconfigured.describe();
    if (this.#entries.size === 0 && Object.keys(dropped).length === 0) return others;
    const bfd = [...this.#clients].map(([entry, { client }]) => reportOf(entry, client));
    return { bfd, bfdDropped: dropped, ...others };
  }
}
