/**
 * IPv4 addresses in site.toml: dotted quads with an optional prefix length. The configuration
 * keeps them as text in their one canonical form (no leading zeros), so that two ways of writing
 * an address cannot hide that it is given twice.
 *
 * @module
 */

import { parseIp } from "../mod/ip/mod.ts";

/** An address with its prefix length, as text and number. */
export interface Ipv4Prefix {
  /** Dotted quad. */
  readonly address: string;
  /** 0 to 32. */
  readonly prefix_length: number;
}

/** 32-bit number of a dotted quad, or undefined: no leading zeros, no shorthand, no blanks. */
export function ipv4Number(text: string): number | undefined {
  const bytes = parseIp(text);
  if (bytes?.length !== 4) return undefined;
  return bytes.reduce((value, byte) => value * 256 + byte, 0);
}

/** Whether `text` looks like an IPv6 address, valid or not, with or without a prefix length. */
export function looksLikeIpv6(text: string): boolean {
  return /^\[?[0-9a-f:.]*:[0-9a-f:.]*\]?(%[^/]*)?(\/[0-9]*)?$/i.test(text) &&
    (text.match(/:/g)?.length ?? 0) > 1;
}

/**
 * What kind of address this is when no host can own it, in words with article, such as
 * `a multicast address`; undefined where a host can.
 */
export function unusableIpv4(address: number): string | undefined {
  const first = Math.floor(address / 2 ** 24);
  if (address === 0) return "the unspecified address";
  if (address === 0xffffffff) return "the broadcast address";
  if (first === 0) return "an address of “this network”";
  if (first === 127) return "a loopback address";
  if (first >= 224 && first <= 239) return "a multicast address";
  if (first >= 240) return "a reserved address";
  return undefined;
}

/** Like {@link unusableIpv4}, and a network's own and broadcast address below /31. */
export function unusableIpv4Prefix(address: number, prefixLength: number): string | undefined {
  const unusable = unusableIpv4(address);
  if (unusable !== undefined || prefixLength >= 31) return unusable;
  const size = 2 ** (32 - prefixLength);
  if (address % size === 0) return `the network address of its /${prefixLength}`;
  if (address % size === size - 1) return `the broadcast address of its /${prefixLength}`;
  return undefined;
}

/** Prefix length of a netmask such as 255.255.255.0, or undefined. */
export function netmaskLength(mask: string): number | undefined {
  const value = ipv4Number(mask);
  if (value === undefined) return undefined;
  const bits = value.toString(2).padStart(32, "0");
  return /^1*0*$/.test(bits) ? bits.lastIndexOf("1") + 1 : undefined;
}

/** Removes leading zeros and blanks where an address results; undefined where none does. */
export function guessIpv4(text: string): string | undefined {
  const guess = text.trim().split(".").map((part) => part.replace(/^0+(?=[0-9])/, "")).join(".");
  return ipv4Number(guess) === undefined ? undefined : guess;
}
