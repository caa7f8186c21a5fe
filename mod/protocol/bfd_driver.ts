/**
 * The BFD sessions of this agent: which there are, on which sockets they speak, and whose each
 * packet is.
 *
 * Configuration is a difference: a session whose entry is unchanged is not touched. A packet finds
 * its session by the socket that hears it, or in discovery by the discriminator it names, or, when
 * it names none yet, by who sent it (RFC 5881 section 3, RFC 5883 section 4).
 *
 * @module
 */

import {
  closeDescriptor,
  EAGAIN,
  inNamespace,
  interfaceIndex,
  type MessageReceiver,
  receive,
  sockaddrAddress,
  sockaddrPort,
  SystemError,
} from "../../ffi/mod.ts";
import {
  authenticate,
  type ControlPacket,
  createSession,
  decodeControl,
  type DropReason,
  emptyControlPacket,
  type SessionEvent,
  type SessionSettings,
  type TransitionEffect,
} from "../bfd/mod.ts";
import { BfdEntry } from "./bfd_entry.ts";
import { type BfdSource, Discovery, HearingSource, peerKey, ROOM } from "./bfd_sources.ts";
import {
  type BfdEndpoints,
  BfdSender,
  FIRST_SOURCE_PORT,
  LAST_SOURCE_PORT,
  MULTIHOP_PORT,
  openDiscovery,
  openHearing,
  SINGLE_HOP_PORT,
} from "./bfd_transport.ts";
import type { TimerHeap } from "./timer_heap.ts";

/** One session as the operator wants it. */
export interface BfdSessionConfig {
  readonly settings: SessionSettings;
  readonly ends: Omit<BfdEndpoints, "interfaceIndex">;
}

/** What the driver needs from around it. */
export interface BfdDriverSurroundings {
  readonly heap: TimerHeap;
  /** A number in [0, 1), for jitter. */
  random(): number;
  /** 32 bits that nobody can foresee. */
  randomWord(): number;
  /** The descriptor is to be watched, or no longer. */
  watch(source: BfdSource): void;
  unwatch(source: BfdSource): void;
  changed(entry: BfdEntry, transition: TransitionEffect, now: number): void;
  notice(entry: BfdEntry, text: string): void;
}

/** Ports that are tried before a session is told that there is none. */
const PORT_TRIES = 64;

interface PacketEvent {
  readonly type: "packet";
  readonly packet: ControlPacket;
}

export class BfdDriver {
  readonly #env: BfdDriverSurroundings;
  readonly #entries = new Map<string, BfdEntry>();
  readonly #configs = new Map<string, BfdSessionConfig>();
  readonly #byDiscriminator = new Map<number, BfdEntry>();
  readonly #discoveries = new Map<string, Discovery>();
  readonly #sources = new Map<BfdEntry, HearingSource>();
  readonly #ports = new Set<number>();
  readonly #buffer = new Uint8Array(new ArrayBuffer(ROOM));
  readonly #event: PacketEvent = { type: "packet", packet: emptyControlPacket() };
  #stopping = false;

  constructor(env: BfdDriverSurroundings) {
    this.#env = env;
  }

  get entries(): ReadonlyMap<string, BfdEntry> {
    return this.#entries;
  }

  /** Packets in discovery that no session could be charged with. */
  get dropped(): Readonly<Record<string, number>> {
    const sum: Record<string, number> = {};
    for (const { dropped } of this.#discoveries.values()) {
      for (const [reason, count] of Object.entries(dropped)) {
        sum[reason] = (sum[reason] ?? 0) + count;
      }
    }
    return sum;
  }

  // ===== configuration ===========================================================================

  /**
   * Adds a session, or changes one that runs. One between other ends is another session: the old
   * one says that it goes.
   *
   * @throws {SystemError} when a socket cannot be had; then there is no such session
   */
  set(config: BfdSessionConfig, now: number): void {
    const { name } = config.settings;
    const entry = this.#entries.get(name);
    const before = this.#configs.get(name);
    if (entry !== undefined && before !== undefined) {
      if (JSON.stringify(before.ends) === JSON.stringify(config.ends)) {
        this.#configs.set(name, config);
        if (JSON.stringify(before.settings) === JSON.stringify(config.settings)) return;
        return entry.apply({ type: "configure", settings: config.settings }, now);
      }
      this.remove(name, now);
    }
    this.#add(config, now);
  }

  #add(config: BfdSessionConfig, now: number): void {
    const ends = withIndex(config.ends);
    const discovery = this.#openDiscovery(ends);
    let sender: BfdSender;
    try {
      sender = new BfdSender(ends, this.#candidatePorts());
    } catch (error) {
      this.#closeIfUnused(discovery);
      throw error;
    }
    this.#ports.add(sender.port);
    const origin = { discriminator: this.#newDiscriminator(), sequence: this.#env.randomWord() };
    const session = createSession(config.settings, origin, now);
    const entry: BfdEntry = new BfdEntry(session, ends, sender, {
      heap: this.#env.heap,
      random: () => this.#env.random(),
      changed: (from, transition, at) => this.#env.changed(from, transition, at),
      notice: (from, text) => this.#env.notice(from, text),
      ended: () => this.#close(entry),
    });
    this.#entries.set(config.settings.name, entry);
    this.#configs.set(config.settings.name, config);
    this.#byDiscriminator.set(origin.discriminator, entry);
    discovery.sessions.set(peerKey(ends.peer, ends.interfaceIndex), entry);
    entry.arm();
  }

  /** Says AdminDown once and ends. */
  remove(name: string, now: number): void {
    this.#entries.get(name)?.apply({ type: "stop", now: true }, now);
  }

  /** Something happens to one session: a command, or a change of its surroundings. */
  apply(name: string, event: SessionEvent, now: number): void {
    this.#entries.get(name)?.apply(event, now);
  }

  /** Tells everybody that we go. `isStopped` says when the last has had the time to hear it. */
  stop(atOnce: boolean, now: number): void {
    this.#stopping = true;
    for (const entry of [...this.#entries.values()]) {
      entry.apply({ type: "stop", now: atOnce }, now);
    }
  }

  get isStopped(): boolean {
    return this.#stopping && this.#entries.size === 0;
  }

  #newDiscriminator(): number {
    for (;;) {
      const number = this.#env.randomWord() >>> 0;
      if (number !== 0 && !this.#byDiscriminator.has(number)) return number;
    }
  }

  /** Ports that none of our sessions has, from a random one on. */
  *#candidatePorts(): Generator<number> {
    const count = LAST_SOURCE_PORT - FIRST_SOURCE_PORT + 1;
    const first = (this.#env.randomWord() >>> 0) % count;
    let tries = 0;
    for (let i = 0; i < count && tries < PORT_TRIES; i++) {
      const port = FIRST_SOURCE_PORT + (first + i) % count;
      if (this.#ports.has(port)) continue;
      tries++;
      yield port;
    }
  }

  // ===== sockets =================================================================================

  #openDiscovery(ends: BfdEndpoints): Discovery {
    const { namespace, family, multihop } = ends;
    const key = `${namespace}/${family}/${multihop}`;
    const present = this.#discoveries.get(key);
    if (present !== undefined) return present;
    const port = multihop ? MULTIHOP_PORT : SINGLE_HOP_PORT;
    const descriptor = openDiscovery(namespace, family, port, "");
    const discovery = new Discovery(key, descriptor, ends, this);
    this.#discoveries.set(key, discovery);
    this.#env.watch(discovery);
    return discovery;
  }

  #closeIfUnused(discovery: Discovery): void {
    if (discovery.sessions.size > 0) return;
    this.#env.unwatch(discovery);
    closeDescriptor(discovery.descriptor);
    this.#discoveries.delete(discovery.key);
  }

  /** From now on the peer has a socket of its own, as long as it sends from this port. */
  #hear(entry: BfdEntry, local: string, port: number): void {
    this.#closeHearing(entry);
    try {
      entry.hearing = openHearing(entry.ends, local, port);
    } catch (error) {
      // It goes on through discovery; the next packet tries again.
      if (error instanceof SystemError) return;
      throw error;
    }
    entry.hearingPort = port;
    const source = new HearingSource(entry, this);
    this.#sources.set(entry, source);
    this.#env.watch(source);
  }

  #closeHearing(entry: BfdEntry): void {
    const source = this.#sources.get(entry);
    if (source === undefined) return;
    this.#env.unwatch(source);
    closeDescriptor(source.descriptor);
    this.#sources.delete(entry);
    entry.hearing = -1;
    entry.hearingPort = 0;
  }

  #close(entry: BfdEntry): void {
    const { ends, session, sender } = entry;
    this.#closeHearing(entry);
    sender.close();
    this.#ports.delete(sender.port);
    this.#entries.delete(entry.name);
    this.#configs.delete(entry.name);
    this.#byDiscriminator.delete(session.localDiscriminator);
    const key = `${ends.namespace}/${ends.family}/${ends.multihop}`;
    const discovery = this.#discoveries.get(key);
    if (discovery === undefined) return;
    discovery.sessions.delete(peerKey(ends.peer, ends.interfaceIndex));
    this.#closeIfUnused(discovery);
  }

  // ===== packets =================================================================================

  /** All sockets, where our own loop was late: what waits there comes before any timer. */
  receiveAll(budget: number, now: number): void {
    for (const source of this.#sources.values()) source.read(budget, now);
    for (const discovery of this.#discoveries.values()) discovery.read(budget, now);
  }

  /**
   * Our own loop was late by `LATE` (`lateness.ts`) or more: every session hears it before the
   * packets that waited, and judges whether that is a stall.
   */
  stalled(length: number, now: number): void {
    for (const entry of this.#entries.values()) entry.apply({ type: "stall", length }, now);
  }

  /** What the session's own socket has: only its peer can have sent it. */
  readHearing(entry: BfdEntry, budget: number, now: number): number {
    const { packet } = this.#event;
    for (let count = 0; count < budget; count++) {
      // A packet may end the session, and with it the socket.
      if (entry.hearing < 0) return count;
      const length = receive(entry.hearing, this.#buffer, 0);
      if (length === -EAGAIN) return count;
      if (length < 0) continue;
      const reason = decodeControl(this.#buffer, length, packet);
      if (reason !== null) entry.drop(reason);
      else this.#take(entry, this.#buffer, now);
    }
    return budget;
  }

  /** A decoded packet for a session. Returns whether it was believed. */
  #take(entry: BfdEntry, bytes: Uint8Array, now: number): boolean {
    const { packet } = this.#event;
    const your = packet.yourDiscriminator;
    const foreign = your !== 0 && your !== entry.session.localDiscriminator;
    const reason = foreign ? "unknown_session" : authenticate(entry.session, bytes, packet, now);
    if (reason !== null) {
      entry.drop(reason);
      return false;
    }
    entry.packetsReceived++;
    entry.apply(this.#event, now);
    return true;
  }

  /** What comes through discovery. Returns why it was not for anybody. */
  discover(discovery: Discovery, message: MessageReceiver, now: number): DropReason | null {
    const ttl = message.hopLimit;
    if (!discovery.multihop && ttl !== 255) return "ttl";
    const { packet } = this.#event;
    const reason = decodeControl(message.payload, message.length, packet);
    if (reason !== null) return reason;
    const entry = this.#find(discovery, message);
    if (entry === undefined) return "unknown_session";
    if (ttl < entry.ends.minimumTtl) {
      entry.drop("ttl");
      return null;
    }
    if (!this.#take(entry, message.payload, now) || entry.session.stopped) return null;
    const port = sockaddrPort(message.source);
    if (port !== entry.hearingPort) this.#hear(entry, discovery.localAddress(message), port);
    return null;
  }

  #find(discovery: Discovery, message: MessageReceiver): BfdEntry | undefined {
    const { packet } = this.#event;
    const from = sockaddrAddress(message.source);
    if (packet.yourDiscriminator === 0) {
      return discovery.sessions.get(peerKey(from, message.interfaceIndex)) ??
        discovery.sessions.get(peerKey(from, 0));
    }
    const entry = this.#byDiscriminator.get(packet.yourDiscriminator);
    if (entry === undefined || entry.ends.peer !== from) return undefined;
    const { interfaceIndex: index, multihop, namespace } = entry.ends;
    if (multihop !== discovery.multihop || namespace !== discovery.namespace) return undefined;
    return index === 0 || index === message.interfaceIndex ? entry : undefined;
  }
}

function withIndex(ends: Omit<BfdEndpoints, "interfaceIndex">): BfdEndpoints {
  const { namespace, interface: name } = ends;
  const index = name === "" ? 0 : inNamespace(namespace, () => interfaceIndex(name));
  return { ...ends, interfaceIndex: index };
}
