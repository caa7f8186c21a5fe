/**
 * The two kinds of sockets that BFD packets arrive in (see `bfd_transport.ts`), as the loop sees
 * them: something that becomes readable, and is read in a budget.
 *
 * @module
 */

import {
  EAGAIN,
  IP_PKTINFO,
  IPPROTO_IP,
  IPPROTO_IPV6,
  IPV6_PKTINFO,
  MessageReceiver,
  monotonicMicros,
} from "../../ffi/mod.ts";
import type { DropReason } from "../bfd/mod.ts";
import { formatIp } from "../ip/mod.ts";
import type { BfdEntry } from "./bfd_entry.ts";
import type { BfdEndpoints } from "./bfd_transport.ts";

/** Longer than any control packet; what hangs behind one is cut off. */
export const ROOM = 512;

/** Something that becomes readable. */
export interface BfdSource {
  readonly descriptor: number;
  /**
   * Reads up to `budget` packets. Fewer mean that it is empty, or that it is late.
   *
   * @param until when to read no more, on CLOCK_MONOTONIC, but for the first `BATCH`
   */
  read(budget: number, now: number, until: number): number;
}

/** Packets between two looks at the clock. */
const BATCH = 8;

/** Whether the reader of that many packets has to leave the rest for later. */
export function isLate(count: number, until: number): boolean {
  return count > 0 && count % BATCH === 0 && until !== Infinity && monotonicMicros() >= until;
}

/** What the driver does with what was read. */
export interface BfdReader {
  /** What the session's own socket has: only its peer can have sent it. */
  readHearing(entry: BfdEntry, budget: number, now: number, until: number): number;
  /** One packet of discovery. Returns why it was not for anybody. */
  discover(discovery: Discovery, message: MessageReceiver, now: number): DropReason | null;
}

/** Packets of one peer that come faster than this, microseconds, are read all at once. */
const RAPID = 500;

/**
 * One session's own socket. As a rule one packet waits in it: to ask for a second costs as much as
 * to be told that there is one.
 */
export class HearingSource implements BfdSource {
  readonly descriptor: number;
  #readAt = -Infinity;
  readonly #entry: BfdEntry;
  readonly #driver: BfdReader;

  constructor(entry: BfdEntry, driver: BfdReader) {
    this.descriptor = entry.hearing;
    this.#entry = entry;
    this.#driver = driver;
  }

  read(budget: number, now: number, until: number): number {
    const rapid = now - this.#readAt < RAPID;
    this.#readAt = now;
    return this.#driver.readHearing(this.#entry, rapid ? budget : 1, now, until);
  }
}

/** What is read is dealt with before the next socket is: one set of buffers serves all. */
const message = new MessageReceiver(ROOM);

/** The socket for first packets and for strangers, of one (namespace, family, port). */
export class Discovery implements BfdSource {
  readonly multihop: boolean;
  readonly namespace: string;
  readonly sessions = new Map<string, BfdEntry>();
  readonly dropped: Partial<Record<DropReason, number>> = {};
  readonly #ipv4: boolean;
  readonly #driver: BfdReader;

  constructor(
    readonly key: string,
    readonly descriptor: number,
    ends: BfdEndpoints,
    driver: BfdReader,
  ) {
    this.multihop = ends.multihop;
    this.namespace = ends.namespace;
    this.#ipv4 = ends.family === "ipv4";
    this.#driver = driver;
  }

  read(budget: number, now: number, until: number): number {
    for (let count = 0; count < budget; count++) {
      if (isLate(count, until)) return count;
      const length = message.receive(this.descriptor);
      if (length === -EAGAIN) return count;
      if (length < 0) continue;
      const reason = this.#driver.discover(this, message, now);
      if (reason !== null) this.dropped[reason] = (this.dropped[reason] ?? 0) + 1;
    }
    return budget;
  }

  /** The own address that the packet was sent to. */
  localAddress(received: MessageReceiver): string {
    const at = this.#ipv4
      ? received.findControl(IPPROTO_IP, IP_PKTINFO) + 8
      : received.findControl(IPPROTO_IPV6, IPV6_PKTINFO);
    return formatIp(received.control.subarray(at, at + (this.#ipv4 ? 4 : 16))) ?? "";
  }
}

/**
 * How discovery finds a session whose peer does not know its discriminator yet: over one hop by the
 * interface and who sent it (RFC 5881 section 3), over several by who sent it and to which of our
 * addresses (RFC 5883 section 4).
 *
 * @param local empty: any
 */
export function peerKey(address: string, index: number, local: string): string {
  return `${address}%${index} ${local}`;
}
