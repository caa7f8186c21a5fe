/**
 * IPv4 addresses as text and as numbers. Text is what people, configuration and the flight
 * recorder see; numbers are what the wire and the tie-break of RFC 9568 section 6.4.3 need.
 *
 * @module
 */

/** The dotted quad at `offset`. */
export function formatIpv4(bytes: Uint8Array, offset = 0): string {
  return `${bytes[offset]}.${bytes[offset + 1]}.${bytes[offset + 2]}.${bytes[offset + 3]}`;
}

/**
 * A dotted quad as an unsigned 32-bit number; `undefined` for anything else: leading zeros and
 * short forms are refused, since other programs read them as octal or as something shorter.
 */
export function parseIpv4(text: string): number | undefined {
  const parts = text.split(".");
  if (parts.length !== 4) return undefined;
  let value = 0;
  for (const part of parts) {
    if (!/^(0|[1-9][0-9]{0,2})$/.test(part) || Number(part) > 255) return undefined;
    value = value * 256 + Number(part);
  }
  return value;
}

/**
 * Compares two addresses as RFC 9568 does: unsigned, network byte order. Negative, zero or
 * positive as `a` is lower, equal or higher.
 *
 * @throws {RangeError} when one is no IPv4 address
 */
export function compareAddresses(a: string, b: string): number {
  const left = parseIpv4(a);
  const right = parseIpv4(b);
  if (left === undefined || right === undefined) {
    throw new RangeError(`Cannot compare addresses: "${a}" and "${b}" must both be IPv4`);
  }
  return left - right;
}

/** Writes a dotted quad in network byte order. @throws {RangeError} when it is none */
export function writeIpv4(view: DataView, offset: number, text: string): void {
  const value = parseIpv4(text);
  if (value === undefined) throw new RangeError(`Cannot encode "${text}": not an IPv4 address`);
  view.setUint32(offset, value);
}
