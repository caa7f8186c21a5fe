/**
 * The sockets of all BFD sessions, and whose each packet is.
 *
 * A packet finds its session by the socket that hears it, or in discovery by the discriminator it
 * names, or, when it names none yet, by who sent it (RFC 5881 section 3, RFC 5883 section 4).
 *
 * @module
 */

import { type MessageReceiver, sockaddrAddress, sockaddrPort, SystemError } from "../../ffi/mod.ts";
import { authenticate, type ControlPacket, decodeControl, emptyControlPacket } from "../bfd/mod.ts";
import type { LogLimiter } from "../plane/log_limiter.ts";
import { BfdCollector } from "./bfd_collector.ts";
import type { BfdEntry } from "./bfd_entry.ts";
import { BfdSender, candidatePorts } from "./bfd_sender.ts";
import {
  addUp,
  AnswerSource,
  type BfdDrop,
  type BfdSource,
  Discovery,
  HearingSource,
} from "./bfd_sources.ts";
import {
  type BfdEndpoints,
  type DiscoveryPlace,
  domainOf,
  isSamePort,
  openDiscovery,
  openHearing,
  PortTaken,
  share,
} from "./bfd_transport.ts";
import type { BfdStrangers } from "./bfd_strangers.ts";
import type { Deadline, TimerHeap } from "./timer_heap.ts";

/** What the sockets need from around them. */
export interface BfdSocketSurroundings {
  readonly heap: TimerHeap;
  readonly log: LogLimiter;
  /** Microseconds on CLOCK_MONOTONIC. */
  clock(): number;
  /** 32 bits that nobody can foresee. */
  randomWord(): number;
  /** The descriptor is to be watched, or no longer. */
  watch(source: BfdSource): void;
  unwatch(source: BfdSource): void;
}

/** Packets of one session that are read before it is declared down, and how long that may take. */
const UNREAD = 4096;
const READING = 3_000;
/** A peer that sends from one port and then another is given a socket so seldom, microseconds. */
const HEARING_GAP = 100_000;
/** How long discovery rests under a flood, microseconds. */
const REST = 5_000;

interface PacketEvent {
  readonly type: "packet";
  readonly packet: ControlPacket;
}

export class BfdSockets {
  readonly #env: BfdSocketSurroundings;
  readonly #byDiscriminator = new Map<number, BfdEntry>();
  readonly #discoveries = new Map<BfdEntry, Discovery>();
  /** Those that hear first packets also where there is no session. */
  readonly #kept = new Set<Discovery>();
  /** Asked about first packets for no session; null: there is nobody to ask. */
  strangers: Pick<BfdStrangers, "admit"> | null = null;
  /** Those of them that rest, with what ends it. */
  readonly #resting = new Map<Discovery, Deadline>();
  readonly #sources = new Map<BfdEntry, HearingSource>();
  readonly #ports = new Set<number>();
  /** Drops of discoveries that are closed. */
  readonly #formerDrops: Partial<Record<BfdDrop, number>> = {};
  readonly #collector: BfdCollector;
  readonly #event: PacketEvent = { type: "packet", packet: emptyControlPacket() };

  constructor(env: BfdSocketSurroundings) {
    this.#env = env;
    this.#collector = new BfdCollector(env);
  }

  /** Packets in discovery that no session could be charged with. */
  get dropped(): Readonly<Record<string, number>> {
    const sum = { ...this.#formerDrops };
    for (const { dropped } of this.#all()) addUp(sum, dropped);
    return sum as Record<string, number>;
  }

  /** Adds what the kernel has dropped so far to the counters. */
  collect(now: number): void {
    for (const source of this.#sources.values()) source.collect(now);
    for (const discovery of this.#all()) discovery.collect(now);
  }

  /**
   * Lets a process that takes over have the ports as well, or no longer. Everything is left to
   * discovery then: a session's own socket would take its packets away from the other process,
   * while of two discoveries the younger one gets them.
   */
  share(shared: boolean): void {
    if (shared) { for (const entry of [...this.#sources.keys()]) this.#closeHearing(entry); }
    share(this.#all().map(({ descriptor }) => descriptor), shared);
  }

  // ===== sessions ================================================================================

  /** A discriminator that none of our sessions has: not zero, and nobody can foresee it. */
  newDiscriminator(): number {
    for (;;) {
      const number = this.#env.randomWord() >>> 0;
      if (number !== 0 && !this.#byDiscriminator.has(number)) return number;
    }
  }

  hasDiscriminator(discriminator: number): boolean {
    return this.#byDiscriminator.has(discriminator);
  }

  /** From now on the discriminator is that session's. */
  add(entry: BfdEntry): void {
    this.#byDiscriminator.set(entry.session.localDiscriminator, entry);
  }

  /** The session is over. */
  delete(entry: BfdEntry): void {
    this.close(entry);
    this.#byDiscriminator.delete(entry.session.localDiscriminator);
  }

  /**
   * Gives a session without sockets its own.
   *
   * @throws {SystemError} when they are not to be had; then it has none
   */
  open(entry: BfdEntry, ends: BfdEndpoints): void {
    if (ends.seamless === true) return this.#openInitiator(entry, ends);
    const discovery = this.#openDiscovery(ends, entry.formerPort !== 0);
    try {
      this.#openSender(entry, ends).pad(entry.config.paddedPduSize ?? 0);
    } catch (error) {
      this.#closeIfUnused(discovery);
      throw error;
    }
    this.#discoveries.set(entry, discovery);
    discovery.add(entry);
  }

  /** What asks a reflector hears its answers, too: nobody else is to find it. */
  #openInitiator(entry: BfdEntry, ends: BfdEndpoints): void {
    const { descriptor } = this.#openSender(entry, ends);
    this.#listen(new AnswerSource(descriptor, entry, this), entry);
  }

  /** What a session sends by, with the port of its former life if that is to be had. */
  #openSender(entry: BfdEntry, ends: BfdEndpoints): BfdSender {
    const candidates = candidatePorts(this.#env.randomWord(), this.#ports);
    const sender = new BfdSender(ends, candidates, entry.formerPort);
    entry.sender = sender;
    entry.ends = ends;
    entry.formerPort = sender.port;
    this.#ports.add(sender.port);
    this.#collector.watch(entry);
    return sender;
  }

  #listen(source: HearingSource, entry: BfdEntry): void {
    entry.hearing = source.descriptor;
    this.#sources.set(entry, source);
    this.#env.watch(source);
    this.#collector.watch(source);
  }

  /** The session is configured otherwise. */
  changed(entry: BfdEntry): void {
    entry.sender?.pad?.(entry.config.paddedPduSize ?? 0);
    this.#sources.get(entry)?.refresh();
  }

  /** Takes them from it; nothing where it has none. */
  close(entry: BfdEntry): void {
    const { sender } = entry;
    if (sender === null) return;
    this.#closeHearing(entry);
    sender.close();
    entry.sender = null;
    this.#ports.delete(sender.port);
    this.#collector.unwatch(entry);
    const discovery = this.#discoveries.get(entry);
    if (discovery === undefined) return;
    this.#discoveries.delete(entry);
    discovery.delete(entry);
    this.#closeIfUnused(discovery);
  }

  // ===== sockets =================================================================================

  /**
   * One that hears the whole host, if possible; else, where the session has an address of its own,
   * that address: another daemon may have the port for others.
   */
  #openDiscovery(ends: BfdEndpoints, shared: boolean): Discovery {
    const { namespace, family, multihop } = ends;
    const place = { namespace, family, multihop, vrf: domainOf(ends), address: "", scope: 0 };
    const present = this.#discoveryAt(place, ends.source);
    if (present !== undefined) return present;
    try {
      return this.#newDiscovery(place, shared);
    } catch (error) {
      if (!(error instanceof PortTaken) || ends.source === "") throw error;
      const own = { ...place, address: ends.source, scope: ends.interfaceIndex };
      return this.#newDiscovery(own, shared);
    }
  }

  #newDiscovery(place: DiscoveryPlace, shared: boolean): Discovery {
    const descriptor = openDiscovery(place, this.#beside(place), shared);
    const discovery = new Discovery(descriptor, place, this);
    this.#env.watch(discovery);
    this.#collector.watch(discovery);
    return discovery;
  }

  /** Sockets of our own on the same port. */
  #beside(place: DiscoveryPlace): number[] {
    return this.#all().filter((one) => isSamePort(one.place, place))
      .map(({ descriptor }) => descriptor);
  }

  /** All of them. */
  #all(): Discovery[] {
    return [...new Set([...this.#discoveries.values(), ...this.#kept])];
  }

  /**
   * First packets are to be heard there, also where there is no session; or no longer.
   *
   * @throws {SystemError} when the socket cannot be had
   */
  listen(place: DiscoveryPlace, wanted: boolean): void {
    const present = this.#discoveryAt(place, "");
    if (wanted) this.#kept.add((present ?? this.#newDiscovery(place, false)).keptOpen(true));
    else if (present !== undefined && this.#kept.delete(present.keptOpen(false))) {
      this.#closeIfUnused(present);
    }
  }

  /** A discovery that hears what is sent to an address. */
  #discoveryAt(place: DiscoveryPlace, address: string): Discovery | undefined {
    for (const discovery of this.#all()) {
      const { place: at } = discovery;
      if (!isSamePort(at, place) || at.vrf !== place.vrf) continue;
      if (at.address === "" || at.address === address) return discovery;
    }
    return undefined;
  }

  #closeIfUnused(discovery: Discovery): void {
    if (discovery.isUsed || this.#kept.has(discovery)) return;
    this.#collector.unwatch(discovery);
    const pause = this.#resting.get(discovery);
    if (pause === undefined) this.#env.unwatch(discovery);
    else this.#env.heap.cancel(pause);
    this.#resting.delete(discovery);
    discovery.close(this.#env.clock());
    addUp(this.#formerDrops, discovery.dropped);
  }

  /** From now on the peer has a socket of its own, as long as it sends from this port to there. */
  #hear(entry: BfdEntry, local: string, port: number, now: number): void {
    // Somebody who forges what is believed could have us open sockets without end.
    if (now < entry.hearAgainAt) return;
    entry.hearAgainAt = now + HEARING_GAP;
    this.#closeHearing(entry);
    const beside = this.#beside(this.#discoveries.get(entry)!.place);
    let source: HearingSource;
    try {
      source = new HearingSource(openHearing(entry.ends, local, port, beside), entry, this);
    } catch (error) {
      // It goes on through discovery; another packet tries again.
      if (error instanceof SystemError) return;
      throw error;
    }
    this.#discoveries.get(entry)!.drop("overflow", source.lostBefore);
    entry.hearingPort = port;
    entry.hearingAddress = local;
    this.#listen(source, entry);
  }

  #closeHearing(entry: BfdEntry): void {
    const source = this.#sources.get(entry);
    if (source === undefined) return;
    this.#env.unwatch(source);
    this.#collector.unwatch(source);
    source.close(this.#env.clock());
    this.#sources.delete(entry);
    entry.hearing = -1;
    entry.hearingPort = 0;
    entry.hearingAddress = "";
  }

  /** A flood in discovery: what comes is read some milliseconds later, and what is too much not. */
  rest(discovery: Discovery, now: number): void {
    if (this.#resting.has(discovery)) return;
    this.#env.unwatch(discovery);
    const pause: Deadline = {
      at: Infinity,
      position: -1,
      fire: () => {
        this.#resting.delete(discovery);
        this.#env.watch(discovery);
      },
    };
    this.#resting.set(discovery, pause);
    this.#env.heap.set(pause, now + REST);
  }

  // ===== packets =================================================================================

  /** Before a session is declared down: what waits unread may say that the other side is there. */
  readUnread(entry: BfdEntry, now: number): void {
    this.#sources.get(entry)?.readAll(UNREAD, now, now + READING);
  }

  /** What the session's own socket has: only its peer can have sent it. */
  heard(entry: BfdEntry, bytes: Uint8Array, length: number, now: number): boolean {
    const reason = decodeControl(bytes, length, this.#event.packet);
    if (reason === null) return this.#take(entry, bytes, now);
    entry.drop(reason);
    return false;
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

  discover(discovery: Discovery, message: MessageReceiver, now: number): boolean {
    const ttl = message.hopLimit;
    const reason = decodeControl(message.payload, message.length, this.#event.packet);
    const far = !discovery.place.multihop && ttl !== 255;
    // One that came from afar is charged to its session, too: the peer may not know better, as
    // keepalived over IPv6 without `hoplimit 255`.
    let entry = reason === null ? this.#find(discovery, message) : undefined;
    if (entry === undefined && reason === null && !far && !discovery.place.multihop) {
      const admitted = this.strangers?.admit(discovery.place, message, this.#event.packet, now);
      if (admitted === true) entry = this.#find(discovery, message);
    }
    if (entry === undefined) {
      discovery.drop(far ? "ttl" : reason ?? "unknown_session");
      return false;
    }
    if (ttl < entry.ends.minimumTtl) {
      entry.drop("ttl");
      return false;
    }
    if (!this.#take(entry, message.payload, now)) return false;
    if (entry.sender === null) return true;
    const port = sockaddrPort(message.source);
    const local = discovery.localAddress(message);
    if (port !== entry.hearingPort || local !== entry.hearingAddress) {
      this.#hear(entry, local, port, now);
    }
    return true;
  }

  /** The session with sockets that a packet is for. */
  #find(discovery: Discovery, message: MessageReceiver): BfdEntry | undefined {
    const { yourDiscriminator } = this.#event.packet;
    const from = sockaddrAddress(message.source);
    const { interfaceIndex: index } = message;
    if (yourDiscriminator === 0) return discovery.find(from, index, message);
    const entry = this.#byDiscriminator.get(yourDiscriminator);
    if (entry === undefined || entry.sender === null || !discovery.has(entry)) return undefined;
    const { peer, source } = entry.ends;
    const here = peer === from && discovery.isLink(entry, index);
    if (!here) return undefined;
    return source === "" || source === discovery.localAddress(message) ? entry : undefined;
  }
}
