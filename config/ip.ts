/**
 * IP addresses in site.toml: what no host can hold, what was probably meant, and which family it
 * is. The configuration keeps addresses as text in their one canonical form (dotted quads without
 * leading zeros, RFC 5952), so that two ways of writing an address cannot hide that it is given
 * twice.
 *
 * @module
 */

import { bytesOfIp, formatIp, inPrefix, networkOf, parseIp } from "../mod/ip/mod.ts";

export { isLinkLocal } from "../mod/ip/mod.ts";

/** The two versions of IP. */
export type Family = "ipv4" | "ipv6";

/** The family of an address that is one. */
export function familyOf(address: string): Family {
  return address.includes(":") ? "ipv6" : "ipv4";
}

/** Networks of which no host can own an address, and what their addresses are; first match. */
const UNUSABLE = ([
  ["0.0.0.0", 32, "the unspecified address"],
  ["255.255.255.255", 32, "the broadcast address"],
  ["0.0.0.0", 8, "an address of “this network”"],
  ["127.0.0.0", 8, "a loopback address"],
  ["224.0.0.0", 4, "a multicast address"],
  ["240.0.0.0", 4, "a reserved address"],
  ["::", 128, "the unspecified address"],
  ["::1", 128, "the loopback address"],
  ["::ffff:0:0", 96, "an IPv4-mapped address"],
  ["ff00::", 8, "a multicast address"],
] as const).map(([network, length, words]) => ({ network: bytesOfIp(network), length, words }));

/**
 * What kind of address this is when no host can own it, in words with article, such as
 * `a multicast address`; undefined where a host can.
 */
export function unusableIp(address: Uint8Array): string | undefined {
  return UNUSABLE.find(({ network, length }) => inPrefix(address, network, length))?.words;
}

/** Whether all bits behind the first `length` are zero. */
function isNetwork(address: Uint8Array, length: number): boolean {
  return networkOf(address, length).every((byte, index) => byte === address[index]);
}

/**
 * Like {@link unusableIp}, and the addresses of a network as a whole: its own and its broadcast
 * address below /31, the subnet-router anycast address (RFC 4291 section 2.6.1) below /127.
 */
export function unusablePrefix(address: Uint8Array, length: number): string | undefined {
  const unusable = unusableIp(address);
  if (unusable !== undefined || length >= address.length * 8 - 1) return unusable;
  if (address.length === 16) {
    return isNetwork(address, length)
      ? `the subnet-router anycast address of its /${length}`
      : undefined;
  }
  if (isNetwork(address, length)) return `the network address of its /${length}`;
  const inverted = address.map((byte) => ~byte);
  return isNetwork(inverted, length) ? `the broadcast address of its /${length}` : undefined;
}

/**
 * The link-local address of a virtual router's own MAC, 00-00-5E-00-02-{VRID} (RFC 9568 section
 * 7.3, RFC 4291 appendix A): the same on all nodes, and nobody else's on the link.
 *
 * @param id virtual router id, 1 to 255
 */
export function routerLinkLocal(id: number): string {
  const bytes = bytesOfIp("fe80::200:5eff:fe00:200");
  bytes[15] = id;
  return formatIp(bytes)!;
}

/** The IPv4 address in an IPv4-mapped IPv6 one, or undefined. */
export function mappedIpv4(address: Uint8Array): string | undefined {
  return unusableIp(address) === "an IPv4-mapped address"
    ? formatIp(address.subarray(12))
    : undefined;
}

/** Prefix length of a netmask such as 255.255.255.0 or ffff:ffff::, or undefined. */
export function netmaskLength(mask: string): number | undefined {
  const bytes = parseIp(mask);
  if (bytes === undefined) return undefined;
  const bits = Array.from(bytes, (byte) => byte.toString(2).padStart(8, "0")).join("");
  return /^1*0*$/.test(bits) ? bits.lastIndexOf("1") + 1 : undefined;
}

/**
 * Canonical text of the address that `text` was meant to be: without blanks, brackets, zone and
 * leading zeros; undefined where no address results.
 */
export function guessIp(text: string): string | undefined {
  const bare = text.trim().replace(/^\[(.*)\]$/, "$1").replace(/%.*$/, "");
  const decimal = bare.includes(":")
    ? bare
    : bare.split(".").map((part) => part.replace(/^0+(?=[0-9])/, "")).join(".");
  const bytes = parseIp(decimal);
  return bytes === undefined ? undefined : formatIp(bytes);
}
