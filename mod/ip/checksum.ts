/**
 * The Internet checksum (RFC 1071): of IPv4 headers, ICMP, VRRP.
 *
 * @module
 */

/**
 * One's complement sum of 16-bit words, an odd byte padded with zero; not yet folded.
 *
 * @param initial sum to go on from
 */
export function sum16(bytes: Uint8Array, start: number, end: number, initial: number): number {
  let sum = initial;
  let at = start;
  for (; at + 1 < end; at += 2) sum += (bytes[at]! << 8) | bytes[at + 1]!;
  if (at < end) sum += bytes[at]! << 8;
  return sum;
}

/** The carries added again: 0xffff where the checksum was part of the sum and is right. */
export function fold(sum: number): number {
  let folded = sum;
  while (folded > 0xffff) folded = (folded & 0xffff) + Math.floor(folded / 0x10000);
  return folded;
}

/** What goes into the checksum's field, where the bytes have zero there. */
export function internetChecksum(
  bytes: Uint8Array,
  start = 0,
  end = bytes.length,
  initial = 0,
): number {
  return ~fold(sum16(bytes, start, end, initial)) & 0xffff;
}
