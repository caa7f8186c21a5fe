/**
 * The two kinds of sockets that BFD packets arrive in (see `bfd_transport.ts`), as the loop sees
 * them: something that becomes readable, and is read in a budget.
 *
 * What is useless is counted by its reason, until it is a flood: then the kernel gets a filter that
 * leaves hardly more than what peers send (`bfd_filters.ts`), and what it refuses is counted in one
 * number, `overflow`, with what its queue could not hold. A session's own socket refuses a TTL that
 * is too low at any time.
 *
 * @module
 */

import {
  attachFilter,
  BareReceiver,
  closeDescriptor,
  detachFilter,
  EAGAIN,
  IP_PKTINFO,
  IPPROTO_IP,
  IPPROTO_IPV6,
  IPV6_PKTINFO,
  MessageReceiver,
  monotonicMicros,
  MSG_TRUNC,
  queueDrops,
  receive,
  SystemError,
} from "../../ffi/mod.ts";
import { detectionTime, type DropReason } from "../bfd/mod.ts";
import { formatIp } from "../ip/mod.ts";
import type { BfdEntry } from "./bfd_entry.ts";
import { answerFilter, floodFilter, ttlFilter } from "./bfd_filters.ts";
import type { DiscoveryPlace } from "./bfd_transport.ts";
import { FloodGauge } from "./flood_gauge.ts";
import { bfdGap } from "./pace.ts";

/** Longer than any control packet; what hangs behind one is cut off. */
export const ROOM = 512;

/** Something that becomes readable. */
export interface BfdSource {
  readonly descriptor: number;
  /** How long its packets may wait to be read together, microseconds; absent: `BFD_GAP`. */
  readonly gap?: number;
  /**
   * Reads up to `budget` packets. Fewer mean that it is empty, or that it is late.
   *
   * @param until when to read no more, on CLOCK_MONOTONIC, but for the first `BATCH`
   */
  read(budget: number, now: number, until: number): number;
}

/** Packets between two looks at the clock. */
const BATCH = 16;

/** Whether the reader of that many packets has to leave the rest for later. */
export function isLate(count: number, until: number): boolean {
  return count > 0 && until !== Infinity && monotonicMicros() >= until;
}

/** Why a packet was not used; `overflow`: the kernel dropped it unread. */
export type BfdDrop = DropReason | "overflow";

/** What the driver does with what was read. */
export interface BfdReader {
  /** What the session's own socket has: only its peer can have sent it. Whether it was believed. */
  heard(entry: BfdEntry, bytes: Uint8Array, length: number, now: number): boolean;
  /** One packet of discovery. Whether it was believed; if not, it has been counted. */
  discover(discovery: Discovery, message: MessageReceiver, now: number): boolean;
  /** More useless packets come in discovery than are worth reading at once. */
  rest(discovery: Discovery, now: number): void;
}

/** A socket with a filter that depends on whether there is a flood. */
abstract class Filtered {
  readonly #gauge = new FloodGauge();
  /** The kernel's count of what it dropped, as last seen. */
  #drops: number;
  /** What it dropped before there was a filter: anybody's packets. */
  readonly lostBefore: number;
  /** A read ended by its budget: the queue may have been full. */
  #deep = false;
  #strict = false;
  /** The kernel does not take the flood's filter. */
  #refused = false;

  constructor(readonly descriptor: number) {
    this.#drops = this.lostBefore = queueDrops(descriptor);
  }

  /** The filter is that of a flood. */
  get strict(): boolean {
    return this.#strict;
  }

  /** So many packets were read, so many of them useless. */
  protected note(useless: number, deep: boolean, now: number): void {
    if (deep) this.#deep = true;
    if (useless === 0) return;
    this.#gauge.note(useless, now);
    if (this.#gauge.flooded && !this.#strict && !this.#refused) this.#tighten(now);
  }

  /** Counts what the kernel has dropped since the last time, and looks whether a flood is over. */
  collect(now: number): void {
    const drops = queueDrops(this.descriptor);
    const more = (drops - this.#drops) >>> 0;
    this.#drops = drops;
    if (more > 0) {
      this.countDrops(more, this.#strict || this.#deep);
      if (this.#strict) this.#gauge.note(more, now);
    }
    this.#deep = false;
    this.#gauge.settle(now);
    if (!this.#strict || this.#gauge.flooded) return;
    this.relax();
    this.#strict = false;
  }

  /** Whom it expects has changed. */
  refresh(): void {
    if (this.#strict) this.#attach();
  }

  close(now: number): void {
    this.collect(now);
    this.release();
  }

  protected release(): void {
    closeDescriptor(this.descriptor);
  }

  #tighten(now: number): void {
    this.collect(now);
    this.#strict = this.#attach();
    this.#refused = !this.#strict;
  }

  #attach(): boolean {
    try {
      attachFilter(this.descriptor, this.floodFilter());
      return true;
    } catch (error) {
      // Without memory for a longer program: the one that is there goes on.
      if (error instanceof SystemError) return false;
      throw error;
    }
  }

  protected abstract floodFilter(): Uint8Array;
  /** Gives it the filter that it has at other times. */
  protected abstract relax(): void;
  /** @param unread they were dropped for want of room or by the flood's filter */
  protected abstract countDrops(packets: number, unread: boolean): void;
}

/** What is read is dealt with before the next socket is: one set of buffers serves all, and one packet. */
const packets = new BareReceiver(BATCH, ROOM);
const single = new Uint8Array(new ArrayBuffer(ROOM));
const message = new MessageReceiver(ROOM);

/**
 * Packets of one peer that come faster than this, microseconds, are read all at once: some gaps of the
 * loop's pace, or a flood would be read by the piece, and less than the shortest interval of a peer.
 */
const RAPID = 2_000;

/**
 * One session's own socket. As a rule one packet waits in it: to ask for a second costs as much as
 * to be told that there is one.
 */
export class HearingSource extends Filtered implements BfdSource {
  #readAt = -Infinity;
  protected readonly entry: BfdEntry;
  readonly #reader: BfdReader;
  #closed = false;

  constructor(descriptor: number, entry: BfdEntry, reader: BfdReader) {
    super(descriptor);
    this.entry = entry;
    this.#reader = reader;
  }

  get gap(): number {
    return bfdGap(detectionTime(this.entry.session));
  }

  read(budget: number, now: number, until: number): number {
    const rapid = now - this.#readAt < RAPID;
    this.#readAt = now;
    return this.readAll(rapid ? budget : 1, now, until);
  }

  /** The same, and always as much as the budget allows. */
  readAll(budget: number, now: number, until: number): number {
    let [count, useless] = [0, 0];
    // A packet may end the session, and with it the socket.
    while (count < budget && !this.#closed && !isLate(count, until)) {
      const wanted = Math.min(BATCH, budget - count);
      if (wanted === 1) {
        const length = receive(this.descriptor, single, MSG_TRUNC);
        if (length === -EAGAIN) break;
        count++;
        const room = Math.min(length, ROOM);
        if (length >= 0 && !this.#reader.heard(this.entry, single, room, now)) useless++;
        continue;
      }
      const taken = packets.receive(this.descriptor, wanted);
      if (taken === -EAGAIN) break;
      if (taken < 0) {
        // An ICMP error, true or forged, which asking has taken off the socket.
        count++;
        continue;
      }
      for (let i = 0; i < taken && !this.#closed; i++) {
        const room = Math.min(packets.length(i), ROOM);
        if (!this.#reader.heard(this.entry, packets.payload(i), room, now)) useless++;
      }
      count += taken;
      if (taken < wanted) break;
    }
    if (!this.#closed) this.note(useless, count >= budget && budget > 1, now);
    return count;
  }

  override close(now: number): void {
    this.#closed = true;
    super.close(now);
  }

  protected override floodFilter(): Uint8Array {
    const { ends: { family, minimumTtl }, session } = this.entry;
    const { settings: { authentication }, localDiscriminator } = session;
    const discriminators = [localDiscriminator];
    return floodFilter(family, { peers: this.peers, discriminators, minimumTtl, authentication });
  }

  /** Whose packets a flood's filter lets in; null: the socket is connected to the only one. */
  protected get peers(): readonly string[] | null {
    return null;
  }

  protected override relax(): void {
    const { family, minimumTtl } = this.entry.ends;
    attachFilter(this.descriptor, ttlFilter(family, minimumTtl));
  }

  protected override countDrops(count: number, unread: boolean): void {
    this.entry.drop(unread ? "overflow" : "ttl", count);
  }
}

/**
 * Where answers come to an initiator of Seamless BFD: the socket that asks. It is the sender's to
 * close.
 */
export class AnswerSource extends HearingSource {
  protected override release(): void {}

  protected override get peers(): readonly string[] {
    return [this.entry.ends.peer];
  }

  protected override relax(): void {
    attachFilter(this.descriptor, answerFilter(this.entry.ends));
  }

  /** What the filter refuses is from elsewhere, or from too far away. */
  protected override countDrops(count: number, unread: boolean): void {
    this.entry.drop(unread ? "overflow" : "unknown_session", count);
  }
}

/** The socket for first packets and for strangers, of one (namespace, VRF, family, port). */
export class Discovery extends Filtered implements BfdSource {
  readonly dropped: Partial<Record<BfdDrop, number>> = {};
  #open = false;
  /** Who has been told of it, by the address of the peer. */
  readonly #sessions = new Map<string, BfdEntry[]>();
  readonly #reader: BfdReader;

  constructor(descriptor: number, readonly place: DiscoveryPlace, reader: BfdReader) {
    super(descriptor);
    this.#reader = reader;
  }

  /** Whether strangers may begin a session, too. */
  keptOpen(open: boolean): this {
    this.#open = open;
    this.refresh();
    return this;
  }

  /** Whether a packet that came in by an interface may be for the session. */
  isLink({ ends }: BfdEntry, index: number): boolean {
    // What is bound to the interface hears no other, whatever the kernel calls it.
    return ends.interfaceIndex === 0 || ends.interfaceIndex === index ||
      this.place.vrf === ends.interface;
  }

  get isUsed(): boolean {
    return this.#sessions.size > 0;
  }

  add(entry: BfdEntry): void {
    const { peer } = entry.ends;
    this.#sessions.set(peer, [...this.#sessions.get(peer) ?? [], entry]);
    this.refresh();
  }

  delete(entry: BfdEntry): void {
    const { peer } = entry.ends;
    const left = (this.#sessions.get(peer) ?? []).filter((other) => other !== entry);
    if (left.length === 0) this.#sessions.delete(peer);
    else this.#sessions.set(peer, left);
    this.refresh();
  }

  has(entry: BfdEntry): boolean {
    return this.#sessions.get(entry.ends.peer)?.includes(entry) ?? false;
  }

  /**
   * The session that a packet without a discriminator of ours is for: by the peer and the interface
   * over one hop (RFC 5881 section 3), by both addresses over several (RFC 5883 section 4).
   *
   * @param index of the interface that it came in by
   * @param message says to which own address it was sent
   */
  find(peer: string, index: number, message: MessageReceiver): BfdEntry | undefined {
    let found: BfdEntry | undefined;
    for (const entry of this.#sessions.get(peer) ?? []) {
      const { interfaceIndex, source } = entry.ends;
      if (!this.isLink(entry, index)) continue;
      if (source !== "" && source !== this.localAddress(message)) continue;
      const closer = found === undefined ||
        (found.ends.interfaceIndex === 0 && interfaceIndex !== 0) ||
        (found.ends.source === "" && source !== "");
      if (closer) found = entry;
    }
    return found;
  }

  read(budget: number, now: number, until: number): number {
    let count = 0;
    let useless = 0;
    while (count < budget && !(count % BATCH === 0 && isLate(count, until))) {
      const length = message.receive(this.descriptor);
      if (length === -EAGAIN) break;
      count++;
      if (length < 0) continue;
      if (!this.#reader.discover(this, message, now)) useless++;
    }
    this.note(useless, count >= budget, now);
    if (this.strict && useless > 0) this.#reader.rest(this, now);
    return count;
  }

  /** A packet that no session can be charged with. */
  drop(reason: BfdDrop, count = 1): void {
    if (count > 0) this.dropped[reason] = (this.dropped[reason] ?? 0) + count;
  }

  /** The own address that the packet was sent to. */
  localAddress(received: MessageReceiver): string {
    const ipv4 = this.place.family === "ipv4";
    const at = ipv4
      ? received.findControl(IPPROTO_IP, IP_PKTINFO) + 8
      : received.findControl(IPPROTO_IPV6, IPV6_PKTINFO);
    return formatIp(received.control.subarray(at, at + (ipv4 ? 4 : 16))) ?? "";
  }

  protected override floodFilter(): Uint8Array {
    const entries = [...this.#sessions.values()].flat();
    return floodFilter(this.place.family, {
      peers: this.#open ? null : [...this.#sessions.keys()],
      discriminators: entries.map(({ session }) => session.localDiscriminator),
      minimumTtl: Math.min(255, ...entries.map(({ ends }) => ends.minimumTtl)),
    });
  }

  protected override relax(): void {
    detachFilter(this.descriptor);
  }

  protected override countDrops(count: number): void {
    this.drop("overflow", count);
  }
}

type Counts = Partial<Record<BfdDrop, number>>;

/** Adds counters to counters. */
export function addUp(sum: Counts, more: Readonly<Counts>): void {
  for (const [reason, count] of Object.entries(more) as [BfdDrop, number][]) {
    sum[reason] = (sum[reason] ?? 0) + count;
  }
}
