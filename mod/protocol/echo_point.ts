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
import type { EchoReport } from "../plane/bfd.ts";
import { MAC_LENGTH } from "./echo_frame.ts";
import { EchoLimit } from "./echo_limit.ts";
import type { EchoDrop, EchoLink } from "./echo_link.ts";
import { answerAt, questionFrame } from "./neighbour_frame.ts";
import type { BfdFamily } from "./bfd_transport.ts";
import type { Deadline, TimerHeap } from "./timer_heap.ts";

/** Between two questions to a neighbour that has not answered, and to one that has, microseconds. */
const ASK = 1_000_000;
const ASK_AGAIN = 20_000_000;

/** What comes of what a link reads. */
export interface EchoOwner {
  /** The hardware address is known, where it was not. */
  reachable(now: number): void;
  echoReturned(packet: Readonly<EchoPacket>, now: number): void;
  /** A control packet that was decoded from the first bytes of `bytes`. */
  controlReturned(packet: ControlPacket, bytes: Uint8Array, ttl: number, now: number): void;
  /** A defect of ours: it costs this one, not the plane. */
  broke(error: unknown, now: number): void;
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
  /** How often the peer's echoes are sent back. */
  readonly limit = new EchoLimit();
  readonly #family: BfdFamily;
  readonly #link: EchoLink;
  readonly #heap: TimerHeap;
  readonly #owner: EchoOwner;
  #wanted = false;
  #settled = false;

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
    try {
      this.#ask(known, now + (known === null ? ASK : ASK_AGAIN));
    } catch (error) {
      this.#owner.broke(error, now);
    }
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
    if (known !== null) return;
    try {
      this.#owner.reachable(now);
    } catch (error) {
      this.#owner.broke(error, now);
    }
  }

  echoReturned(packet: Readonly<EchoPacket>, now: number): void {
    try {
      this.#owner.echoReturned(packet, now);
    } catch (error) {
      this.#owner.broke(error, now);
    }
  }

  controlReturned(packet: ControlPacket, bytes: Uint8Array, ttl: number, now: number): void {
    try {
      this.#owner.controlReturned(packet, bytes, ttl, now);
    } catch (error) {
      this.#owner.broke(error, now);
    }
  }

  drop(reason: EchoDrop): void {
    this.dropped[reason] = (this.dropped[reason] ?? 0) + 1;
  }

  /** What has gone by here. */
  report(): Pick<EchoReport, "reflected" | "forwarded" | "sendErrors" | "dropped"> {
    const { reflected, forwarded, sendErrors, dropped } = this;
    const copy = { ...dropped } as Readonly<Record<string, number>>;
    return { reflected, forwarded, sendErrors, dropped: copy };
  }

  end(): void {
    this.#wanted = false;
    this.#heap.cancel(this);
    this.#link.delete(this);
  }
}
