/**
 * One session on a link of echoes: whom its echoes are for, where that one's hardware address is
 * learned from, and how often we send echoes of its own back to it.
 *
 * The neighbour is asked for its hardware address as the kernel would ask, once a second until it
 * answers; one that is heard is asked again now and then, alone, so that another machine that takes
 * over its address is noticed even if it does not announce itself.
 *
 * @module
 */

import type { ControlPacket, EchoPacket } from "../bfd/mod.ts";
import { parseIp } from "../ip/mod.ts";
import { MAC_LENGTH } from "./echo_frame.ts";
import type { EchoDrop, EchoLink } from "./echo_link.ts";
import { answerAt, questionFrame } from "./neighbour_frame.ts";
import type { BfdFamily } from "./bfd_transport.ts";
import type { Deadline, TimerHeap } from "./timer_heap.ts";

/** Between two questions to a neighbour that has not answered, and to one that has, microseconds. */
const ASK = 1_000_000;
const ASK_AGAIN = 20_000_000;
/** So many echoes of the peer may come at once before its interval counts. */
const BURST = 4;

/** What comes of what a link reads. */
export interface EchoOwner {
  /** The hardware address is known, where it was not. */
  reachable(now: number): void;
  echoReturned(packet: Readonly<EchoPacket>, now: number): void;
  /** A control packet that was decoded from the first bytes of `bytes`. */
  controlReturned(packet: ControlPacket, bytes: Uint8Array, ttl: number, now: number): void;
}

export class EchoPoint implements Deadline {
  at = Infinity;
  position = -1;
  readonly own: Uint8Array;
  readonly peer: Uint8Array;
  /** Hardware address of the peer; null: not known. */
  mac: Uint8Array | null = null;
  sendErrors = 0;
  /** Echoes of the peer that we have sent back, and that our kernel had. */
  reflected = 0;
  forwarded = 0;
  readonly dropped: Partial<Record<EchoDrop, number>> = {};
  /** Required Min Echo RX: how often the peer may send, microseconds; 0: not at all. */
  reflectInterval = 0;
  readonly #family: BfdFamily;
  readonly #link: EchoLink;
  readonly #heap: TimerHeap;
  readonly #owner: EchoOwner;
  #wanted = false;
  #settled = false;
  /** When the peer's next echo is due, by its interval. */
  #expected = 0;

  /** @param own own address, canonical text */
  constructor(
    readonly discriminator: number,
    family: BfdFamily,
    own: string,
    readonly peerText: string,
    link: EchoLink,
    heap: TimerHeap,
    owner: EchoOwner,
  ) {
    this.#family = family;
    this.own = parseIp(own)!;
    this.peer = parseIp(peerText)!;
    this.#link = link;
    this.#heap = heap;
    this.#owner = owner;
  }

  /** Whether there is anything to send to the peer: then it is asked who it is. */
  want(wanted: boolean, now: number): void {
    if (wanted === this.#wanted) return;
    this.#wanted = wanted;
    if (wanted) this.fire(now);
    else this.#heap.cancel(this);
  }

  /** Whether the path is known to work: where it is not, the peer may be another machine now. */
  settle(settled: boolean, now: number): void {
    if (settled === this.#settled) return;
    this.#settled = settled;
    if (!settled && this.#wanted) this.fire(now);
  }

  /** Time to ask. */
  fire(now: number): void {
    const known = this.#settled ? this.mac : null;
    this.#ask(known, now + (known === null ? ASK : ASK_AGAIN));
  }

  #ask(known: Uint8Array | null, next: number): void {
    const question = questionFrame(this.#family, this.peer, this.own, this.#link.mac, known);
    if (this.#link.send(question, question.length) < 0) this.sendErrors++;
    this.#heap.set(this, next);
  }

  /** A frame of ARP, or of a neighbour's answer. */
  learn(frame: Uint8Array, length: number, now: number): void {
    if (!this.#wanted) return;
    const at = answerAt(this.#family, frame, length, this.peer);
    if (at < 0) return;
    const known = this.mac;
    this.mac ??= new Uint8Array(MAC_LENGTH);
    for (let i = 0; i < MAC_LENGTH; i++) this.mac[i] = frame[at + i]!;
    if (known === null) this.#owner.reachable(now);
  }

  /** Whether another echo of the peer is one that we have said we take; counts it. */
  mayReflect(now: number): boolean {
    const interval = this.reflectInterval;
    if (interval === 0) return false;
    // Its jitter makes intervals shorter by a quarter at most.
    const least = 0.75 * interval;
    const expected = Math.max(this.#expected, now);
    if (expected - now > BURST * least) return false;
    this.#expected = expected + least;
    return true;
  }

  echoReturned(packet: Readonly<EchoPacket>, now: number): void {
    this.#owner.echoReturned(packet, now);
  }

  controlReturned(packet: ControlPacket, bytes: Uint8Array, ttl: number, now: number): void {
    this.#owner.controlReturned(packet, bytes, ttl, now);
  }

  drop(reason: EchoDrop): void {
    this.dropped[reason] = (this.dropped[reason] ?? 0) + 1;
  }

  end(): void {
    this.#wanted = false;
    this.#heap.cancel(this);
    this.#link.delete(this);
  }
}
