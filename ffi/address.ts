/**
 * IP addresses between text and bytes.
 *
 * Strict on the way in: dotted quads of four plain decimal numbers (no leading zeroes, which other
 * programs read as octal), IPv6 as RFC 4291 section 2.2 writes it, without a zone. Canonical on the
 * way out: IPv6 as RFC 5952 wants it. What cannot be read is a RangeError that shows the text.
 *
 * @module
 */

const DECIMAL = /^(0|[1-9][0-9]{0,2})$/;
const HEXADECIMAL = /^[0-9a-fA-F]{1,4}$/;

function readIpv4(text: string): Uint8Array<ArrayBuffer> | undefined {
  const parts = text.split(".");
  if (parts.length !== 4) return undefined;
  const bytes = new Uint8Array(4);
  for (const [index, part] of parts.entries()) {
    const value = Number(part);
    if (!DECIMAL.test(part) || value > 255) return undefined;
    bytes[index] = value;
  }
  return bytes;
}

/** Reads a dotted quad into 4 bytes. Throws RangeError on anything else. */
export function parseIpv4(text: string): Uint8Array<ArrayBuffer> {
  const bytes = readIpv4(text);
  if (bytes === undefined) throw new RangeError(`Not an IPv4 address: ${JSON.stringify(text)}`);
  return bytes;
}

/** Writes the 4 bytes at `offset` as a dotted quad. */
export function formatIpv4(bytes: Uint8Array, offset = 0): string {
  if (offset + 4 > bytes.length) {
    throw new RangeError(`No IPv4 address at ${offset} in ${bytes.length} bytes`);
  }
  return `${bytes[offset]}.${bytes[offset + 1]}.${bytes[offset + 2]}.${bytes[offset + 3]}`;
}

/** The 16-bit groups of one side of a `::`; a dotted quad may be the last. */
function readGroups(text: string): number[] | undefined {
  if (text === "") return [];
  const groups: number[] = [];
  const parts = text.split(":");
  for (const [index, part] of parts.entries()) {
    if (HEXADECIMAL.test(part)) {
      groups.push(parseInt(part, 16));
      continue;
    }
    const quad = index === parts.length - 1 ? readIpv4(part) : undefined;
    if (quad === undefined) return undefined;
    const [a = 0, b = 0, c = 0, d = 0] = quad;
    groups.push((a << 8) | b, (c << 8) | d);
  }
  return groups;
}

function readIpv6(text: string): number[] | undefined {
  const sides = text.split("::");
  if (sides.length > 2) return undefined;
  const head = readGroups(sides[0] ?? "");
  if (head === undefined) return undefined;
  if (sides.length === 1) return head.length === 8 ? head : undefined;
  // A dotted quad ends an address; it cannot stand before the gap.
  if ((sides[0] ?? "").includes(".")) return undefined;
  const tail = readGroups(sides[1] ?? "");
  // The gap stands for at least one group.
  if (tail === undefined || head.length + tail.length > 7) return undefined;
  return [...head, ...new Array<number>(8 - head.length - tail.length).fill(0), ...tail];
}

/** Reads an IPv6 address into 16 bytes. Throws RangeError on anything else, zones included. */
export function parseIpv6(text: string): Uint8Array<ArrayBuffer> {
  const groups = readIpv6(text);
  if (groups === undefined) throw new RangeError(`Not an IPv6 address: ${JSON.stringify(text)}`);
  const bytes = new Uint8Array(16);
  for (const [index, group] of groups.entries()) {
    bytes[index * 2] = group >> 8;
    bytes[index * 2 + 1] = group & 0xff;
  }
  return bytes;
}

/** Where the longest run of zero groups begins and ends; of equals the first (RFC 5952, 4.2). */
function longestGap(groups: readonly number[]): { readonly start: number; readonly end: number } {
  let best = { start: 0, end: 0 };
  let start = 0;
  for (let index = 0; index <= groups.length; index++) {
    if (groups[index] === 0) continue;
    if (index - start > best.end - best.start) best = { start, end: index };
    start = index + 1;
  }
  // One zero alone is written out.
  return best.end - best.start >= 2 ? best : { start: 0, end: 0 };
}

/** Writes the 16 bytes at `offset` in the canonical form of RFC 5952. */
export function formatIpv6(bytes: Uint8Array, offset = 0): string {
  if (offset + 16 > bytes.length) {
    throw new RangeError(`No IPv6 address at ${offset} in ${bytes.length} bytes`);
  }
  const groups: number[] = [];
  for (let index = offset; index < offset + 16; index += 2) {
    groups.push(((bytes[index] ?? 0) << 8) | (bytes[index + 1] ?? 0));
  }
  // IPv4-mapped addresses show their IPv4 part (RFC 5952, section 5).
  if (groups[5] === 0xffff && groups.slice(0, 5).every((group) => group === 0)) {
    return `::ffff:${formatIpv4(bytes, offset + 12)}`;
  }
  const gap = longestGap(groups);
  const hex = groups.map((group) => group.toString(16));
  if (gap.end === 0) return hex.join(":");
  return `${hex.slice(0, gap.start).join(":")}::${hex.slice(gap.end).join(":")}`;
}
