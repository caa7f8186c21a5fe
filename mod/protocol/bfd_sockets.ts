/**
 * The sockets of all BFD sessions, and whose each packet is.
 *
 * A packet finds its session by the socket that hears it, or in discovery by the discriminator it
 * names, or, when it names none yet, by who sent it (RFC 5881 section 3, RFC 5883 section 4).
 *
 * @module
 */

import {
  closeDescriptor,
  EAGAIN,
  type MessageReceiver,
  receive,
  sockaddrAddress,
  sockaddrPort,
  SystemError,
} from "../../ffi/mod.ts";
import {
  authenticate,
  type ControlPacket,
  decodeControl,
  type DropReason,
  emptyControlPacket,
} from "../bfd/mod.ts";
import type { BfdEntry } from "./bfd_entry.ts";
import { type BfdSource, Discovery, HearingSource, isLate, peerKey, ROOM } from "./bfd_sources.ts";
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

/** What the sockets need from around them. */
export interface BfdSocketSurroundings {
  /** 32 bits that nobody can foresee. */
  randomWord(): number;
  /** The descriptor is to be watched, or no longer. */
  watch(source: BfdSource): void;
  unwatch(source: BfdSource): void;
}

/** Ports that are tried before a session is told that there is none. */
const PORT_TRIES = 64;

interface PacketEvent {
  readonly type: "packet";
  readonly packet: ControlPacket;
}

function discoveryKey({ namespace, family, multihop }: BfdEndpoints): string {
  return `${namespace}/${family}/${multihop}`;
}

export class BfdSockets {
  readonly #env: BfdSocketSurroundings;
  readonly #byDiscriminator = new Map<number, BfdEntry>();
  readonly #discoveries = new Map<string, Discovery>();
  readonly #sources = new Map<BfdEntry, HearingSource>();
  readonly #ports = new Set<number>();
  /** Drops of discoveries that are closed. */
  readonly #formerDrops: Record<string, number> = {};
  readonly #buffer = new Uint8Array(new ArrayBuffer(ROOM));
  readonly #event: PacketEvent = { type: "packet", packet: emptyControlPacket() };

  constructor(env: BfdSocketSurroundings) {
    this.#env = env;
  }

  /** Packets in discovery that no session could be charged with. */
  get dropped(): Readonly<Record<string, number>> {
    const sum = { ...this.#formerDrops };
    for (const { dropped } of this.#discoveries.values()) addUp(sum, dropped);
    return sum;
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
    const discovery = this.#openDiscovery(ends, entry.formerPort !== 0);
    try {
      entry.sender = new BfdSender(ends, this.#candidatePorts(), entry.formerPort);
    } catch (error) {
      this.#closeIfUnused(discovery);
      throw error;
    }
    entry.ends = ends;
    entry.formerPort = entry.sender.port;
    this.#ports.add(entry.sender.port);
    discovery.sessions.set(sessionKey(ends), entry);
  }

  /** Takes them from it; nothing where it has none. */
  close(entry: BfdEntry): void {
    const { ends, sender } = entry;
    if (sender === null) return;
    this.#closeHearing(entry);
    sender.close();
    entry.sender = null;
    this.#ports.delete(sender.port);
    const discovery = this.#discoveries.get(discoveryKey(ends))!;
    const key = sessionKey(ends);
    if (discovery.sessions.get(key) === entry) discovery.sessions.delete(key);
    this.#closeIfUnused(discovery);
  }

  /** The source ports to try: from a random one on, without those of our own sessions. */
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

  #openDiscovery(ends: BfdEndpoints, shared: boolean): Discovery {
    const key = discoveryKey(ends);
    const present = this.#discoveries.get(key);
    if (present !== undefined) return present;
    const port = ends.multihop ? MULTIHOP_PORT : SINGLE_HOP_PORT;
    const descriptor = openDiscovery(ends.namespace, ends.family, port, "", shared);
    const discovery = new Discovery(key, descriptor, ends, this);
    this.#discoveries.set(key, discovery);
    this.#env.watch(discovery);
    return discovery;
  }

  #closeIfUnused(discovery: Discovery): void {
    if (discovery.sessions.size > 0) return;
    this.#env.unwatch(discovery);
    closeDescriptor(discovery.descriptor);
    addUp(this.#formerDrops, discovery.dropped);
    this.#discoveries.delete(discovery.key);
  }

  /** From now on the peer has a socket of its own, as long as it sends from this port to there. */
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
    entry.hearingAddress = local;
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
    entry.hearingAddress = "";
  }

  // ===== packets =================================================================================

  /** What the session's own socket has: only its peer can have sent it. */
  readHearing(entry: BfdEntry, budget: number, now: number, until: number): number {
    const { packet } = this.#event;
    for (let count = 0; count < budget; count++) {
      // A packet may end the session, and with it the socket.
      if (entry.hearing < 0 || isLate(count, until)) return count;
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
    if (!this.#take(entry, message.payload, now) || entry.sender === null) return null;
    const port = sockaddrPort(message.source);
    const local = discovery.localAddress(message);
    if (port !== entry.hearingPort || local !== entry.hearingAddress) {
      this.#hear(entry, local, port);
    }
    return null;
  }

  /** The session with sockets that a packet is for. */
  #find(discovery: Discovery, message: MessageReceiver): BfdEntry | undefined {
    const { packet } = this.#event;
    const from = sockaddrAddress(message.source);
    if (packet.yourDiscriminator === 0) return findFirst(discovery, from, message);
    const entry = this.#byDiscriminator.get(packet.yourDiscriminator);
    if (entry === undefined || entry.sender === null || entry.ends.peer !== from) return undefined;
    const { interfaceIndex: index, multihop, namespace } = entry.ends;
    if (multihop !== discovery.multihop || namespace !== discovery.namespace) return undefined;
    return index === 0 || index === message.interfaceIndex ? entry : undefined;
  }
}

function sessionKey({ peer, interfaceIndex, multihop, source }: BfdEndpoints): string {
  return peerKey(peer, interfaceIndex, multihop ? source : "");
}

/** Whose a first packet is; several hops may lead to an interface that nobody has named. */
function findFirst(
  discovery: Discovery,
  from: string,
  message: MessageReceiver,
): BfdEntry | undefined {
  const { sessions, multihop } = discovery;
  const index = message.interfaceIndex;
  if (!multihop) return sessions.get(peerKey(from, index, ""));
  const local = discovery.localAddress(message);
  return sessions.get(peerKey(from, index, local)) ?? sessions.get(peerKey(from, 0, local)) ??
    sessions.get(peerKey(from, index, "")) ?? sessions.get(peerKey(from, 0, ""));
}

function addUp(sum: Record<string, number>, more: Readonly<Record<string, number>>): void {
  for (const [reason, count] of Object.entries(more)) sum[reason] = (sum[reason] ?? 0) + count;
}
