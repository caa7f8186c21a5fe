/**
 * What the advertisements of all versions and families have in common: the reasons to refuse one,
 * what a received one says and what an outgoing one is to say.
 *
 * @module
 */

import type { Advertisement, Micros } from "./types.ts";

/** Bytes before the addresses, in both versions. */
export const VRRP_HEADER = 8;
/** IP protocol number, and the next header of the IPv6 pseudo header. */
export const PROTOCOL_VRRP = 112;
/** The one type of message there is. */
export const TYPE_ADVERTISEMENT = 1;
/** Unit of the interval in version 3. */
export const CENTISECOND: Micros = 10_000;
/** Unit of the interval in version 2. */
export const SECOND: Micros = 1_000_000;

/** 224.0.0.18, where adverts go over IPv4 (RFC 9568 section 5.1.1.2). */
export const VRRP_GROUP_IPV4 = "224.0.0.18";
/** ff02::12, where adverts go over IPv6 (RFC 9568 section 5.1.2.2). */
export const VRRP_GROUP_IPV6 = "ff02::12";

/** Why an advertisement was not used, in the order of the checks. */
export const DROP_REASONS = [
  "truncated", // shorter than a header or than its own IP header says, or not protocol 112
  "ttl", // RFC 9568 7.1: TTL or hop limit must be 255; unicast: outside the peer's range
  "version", // not a version this router speaks
  "type", // the type must be 1
  "length", // the packet must hold exactly the header and the addresses it announces
  "checksum", // wrong; in version 3 over IPv4: right under neither rule
  "virtual_router_id", // not configured on this interface
  "destination", // another group, unicast for a router that speaks multicast, or the reverse
  "source", // unicast: the sender is not one of the peers
  "authentication", // version 2: an authentication type other than 0 (RFC 3768 7.1)
  "address_count", // RFC 9568 erratum 8299: no addresses
  "interval", // RFC 9568 erratum 8301: an interval of zero
  "not_running", // the router takes no part in the election now
  "own_address", // sent from our own address: a loop, or an address used twice
  "address_owner", // 7.1: this router owns the addresses
  "version2_duplicate", // RFC 9568 8.4.2: its sender was just heard in version 3
  "interval_mismatch", // RFC 3768 7.1: a version 2 interval must be the same as ours
] as const;

export type DropReason = typeof DROP_REASONS[number];

/** A refused packet is a value: it is counted and logged in one place. */
export type Decoded =
  | { readonly ok: true; readonly advertisement: Advertisement }
  | { readonly ok: false; readonly drop: DropReason };

/** What the router that listens understands. */
export interface DecodeOptions {
  /**
   * False: accept any checksum (`checksum = "ignore"`). Counts for version 3 over IPv4 alone, whose
   * rule is in dispute; version 2 and IPv6 adverts are always verified.
   */
  readonly verifyChecksum: boolean;
  readonly version: 2 | 3;
  /** A version 3 router that understands version 2, too (RFC 9568 section 8.4). */
  readonly version2: boolean;
}

/** A version 3 router that is strict. */
export const DEFAULT_OPTIONS: DecodeOptions = { verifyChecksum: true, version: 3, version2: false };

/** What an advertisement says; everything else follows from the standard. */
export interface OutgoingAdvertisement {
  /** Own primary address; over IPv6 the link-local one. */
  readonly source: string;
  /** The group, or a unicast peer. */
  readonly destination: string;
  readonly virtualRouterId: number;
  /** 0 to 255. */
  readonly priority: number;
  /** Microseconds: 10 ms to 40.95 s in version 3, whole seconds 1 to 255 in version 2. */
  readonly interval: Micros;
  /** TTL of an IPv4 packet, 1 to 255; default: 255. The IPv6 header is the sender's to make. */
  readonly ttl?: number;
  /** 1 to 255 addresses of the family. */
  readonly addresses: readonly string[];
  /** Counts for version 3 over IPv4 alone: version 2 and IPv6 have one rule each. */
  readonly checksum: "rfc9568" | "rfc5798";
}

export function refuse(drop: DropReason): Decoded {
  return { ok: false, drop };
}

/** Whether a router with these options takes adverts of this version. */
export function understands(version: number, options: DecodeOptions): version is 2 | 3 {
  return version === options.version || (version === 2 && options.version2);
}

/** @throws {RangeError} when a value does not fit its field */
export function checkRange(what: string, value: number, low: number, high: number): void {
  if (!Number.isInteger(value) || value < low || value > high) {
    throw new RangeError(`Cannot encode advertisement: ${what} is ${value}, not ${low} to ${high}`);
  }
}

/** What every version and family demands of an outgoing advert. */
export function checkOutgoing(advert: OutgoingAdvertisement): void {
  checkRange("address count", advert.addresses.length, 1, 255);
  checkRange("priority", advert.priority, 0, 255);
  checkRange("virtual router id", advert.virtualRouterId, 1, 255);
}
