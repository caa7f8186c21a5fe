/**
 * What the ways to authenticate an advertisement have in common: the reasons to refuse one, what a
 * received one comes out as, and how the bytes of a packet are found and rewritten.
 *
 * Each way takes the plain packet that would have been sent without it, and gives it back on the
 * other side: `packet.ts` and `packet6.ts` need to know nothing of authentication. Where bytes are
 * added or taken away that a checksum covers, the checksum is moved by their sum: it is right
 * afterwards exactly where it was right before, so that the codec's verdict on it stands.
 *
 * @module
 */

import { fold, sum16 } from "../ip/mod.ts";
import { type DropReason, VRRP_HEADER } from "./message.ts";
import type { Advertisement } from "./types.ts";

/**
 * HMAC (RFC 2104), handed in, so that tests may ask somebody else's. It returns the whole digest,
 * 16 or 32 bytes, which may be valid until the next call only.
 */
export type Hmac = (
  algorithm: "md5" | "sha256",
  key: Uint8Array,
  data: Uint8Array,
) => Uint8Array;

/**
 * Why an advertisement was not believed, beyond what `DROP_REASONS` says. There, "authentication"
 * stands for an authentication type of version 2 that is not the one configured.
 */
export const AUTHENTICATION_DROP_REASONS = [
  "authentication_missing", // no trailer, or no authentication header, where there must be one
  "authentication_malformed", // fields of trailer or header that cannot be so
  "authentication_source", // signed, but the sender is not one of the unicast peers
  "authentication_stale", // its stamp is too far from our clock
  "authentication_unknown_key", // a key id that we do not have
  "authentication_invalid", // wrong password, or a digest that is not that of these bytes
  "authentication_replay", // not newer than what its sender has said already
] as const;

export type AuthenticationDropReason = typeof AUTHENTICATION_DROP_REASONS[number];

/** Something about clocks that an operator should know. */
export interface ClockNotice {
  /**
   * `clock_wrong`: adverts are refused for it; `clock_skew`: they soon may be; `clock_followed`: we
   * go by our wall clock as it is now.
   */
  readonly kind: "clock_wrong" | "clock_skew" | "clock_followed";
  readonly text: string;
}

/** What became of a received packet. */
export type Authenticated =
  | {
    readonly ok: true;
    readonly advertisement: Advertisement;
    /** False: accepted without a signature, as the mode allows. */
    readonly signed: boolean;
    readonly notice?: ClockNotice;
  }
  | {
    readonly ok: false;
    readonly drop: DropReason | AuthenticationDropReason;
    readonly notice?: ClockNotice;
  };

export function disbelieve(drop: DropReason | AuthenticationDropReason): Authenticated {
  return { ok: false, drop };
}

/** Shortest IPv4 header. */
export const IPV4_HEADER = 20;
/** Behind the addresses in version 2. */
const AUTHENTICATION_DATA = 8;

/** Where the message of an IPv4 packet is. */
export interface Located {
  /** Length of the IP header. */
  readonly at: number;
  /** Total length as the IP header states it: what is behind is padding of the link. */
  readonly total: number;
}

/** Finds the message in an IPv4 packet of this protocol; `null`: truncated, or something else. */
export function locate(packet: Uint8Array, length: number, protocol: number): Located | null {
  if (length < IPV4_HEADER || length > packet.length || packet[0]! >> 4 !== 4) return null;
  const at = (packet[0]! & 0x0f) * 4;
  const total = (packet[2]! << 8) | packet[3]!;
  if (at < IPV4_HEADER || packet[9] !== protocol || total > length) return null;
  return total < at + VRRP_HEADER ? null : { at, total };
}

/** How long a message over IPv4 is that begins at `at`, by what it says itself. */
export function statedLength(packet: Uint8Array, at: number): number {
  const data = packet[at]! >> 4 === 2 ? AUTHENTICATION_DATA : 0;
  return VRRP_HEADER + 4 * packet[at + 3]! + data;
}

/** Moves the checksum of the message at `at` by what the rest of the sum has lost. */
export function addToChecksum(packet: Uint8Array, at: number, lost: number): void {
  const sum = fold(((packet[at + 6]! << 8) | packet[at + 7]!) + lost);
  packet[at + 6] = sum >> 8;
  packet[at + 7] = sum & 0xff;
}

/** The same for what the rest of the sum has gained. */
export function takeFromChecksum(packet: Uint8Array, at: number, gained: number): void {
  addToChecksum(packet, at, 0xffff - fold(gained));
}

/**
 * Makes a version 2 message at `at` to `end` one of authentication type 0, with zeros for
 * authentication data.
 */
export function clearAuthentication(packet: Uint8Array, at: number, end: number): void {
  const data = Math.max(at + VRRP_HEADER, end - AUTHENTICATION_DATA);
  const lost = (packet[at + 4]! << 8) + sum16(packet, data, end, 0);
  packet[at + 4] = 0;
  packet.fill(0, data, end);
  addToChecksum(packet, at, lost);
}

/** Gives a plain version 2 message at `at` to `end` a type and its data. */
export function setAuthentication(
  packet: Uint8Array,
  at: number,
  end: number,
  type: 1 | 2,
  data: Uint8Array,
): void {
  if (packet[at]! >> 4 !== 2 || packet[at + 4] !== 0) {
    throw new RangeError(`Cannot authenticate: not a plain advertisement of version 2`);
  }
  packet[at + 4] = type;
  packet.set(data, end - AUTHENTICATION_DATA);
  takeFromChecksum(packet, at, (type << 8) + sum16(data, 0, data.length, 0));
}
