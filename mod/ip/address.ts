/**
 * IP addresses between text and bytes, of both families. Text in is strict: leading zeros
 * and short forms are refused, since other programs read them as octal or as something shorter.
 * Text out is canonical (RFC 5952 for IPv6), so that texts can be compared and used as keys.
 *
 * @module
 */

const DOT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;

/** The four or sixteen bytes of an address; `undefined` for text that is none. */
export function parseIp(text: string): Uint8Array<ArrayBuffer> | undefined {
  return text.includes(":") ? parseIpv6(text) : parseIpv4(text);
}

/** Canonical text of four or sixteen bytes; `undefined` for any other length. */
export function formatIp(bytes: Uint8Array): string | undefined {
  if (bytes.length === 4) return bytes.join(".");
  if (bytes.length === 16) return formatIpv6(bytes);
  return undefined;
}

/** The dotted quad at `offset`: for a packet, where no copy of the bytes is wanted. */
export function formatIpv4(bytes: Uint8Array, offset = 0): string {
  return `${bytes[offset]}.${bytes[offset + 1]}.${bytes[offset + 2]}.${bytes[offset + 3]}`;
}

/** Where something is reached. */
export interface Endpoint {
  /** Canonical, or several as one text: `192.0.2.10-192.0.2.20`, `2001:db8::/64`. */
  readonly address: string;
  /** Absent: the address alone. */
  readonly port?: number | undefined;
}

/** `198.51.100.11:8080`, `[2001:db8::11]:8080`, or the address alone. */
export function endpointText({ address, port }: Endpoint): string {
  if (port === undefined) return address;
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

/**
 * The bytes of an address that must be one.
 *
 * @throws {RangeError} when it is none
 */
export function bytesOfIp(text: string): Uint8Array<ArrayBuffer> {
  const bytes = parseIp(text);
  if (bytes === undefined) throw new RangeError(`Not an IP address: "${text}"`);
  return bytes;
}

/**
 * Compares two addresses of one family as RFC 9568 does: unsigned, in network byte order.
 * Negative, zero or positive as `a` is lower, equal or higher.
 *
 * @throws {RangeError} when one is no address, or they are of two families
 */
export function compareIp(a: string, b: string): number {
  const [left, right] = [bytesOfIp(a), bytesOfIp(b)];
  if (left.length !== right.length) {
    throw new RangeError(`Cannot compare addresses of two families: "${a}" and "${b}"`);
  }
  return compareBytes(left, right);
}

/** Compares two addresses of one length, unsigned: negative, zero, positive. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < a.length; i++) {
    if (a[i] !== b[i]) return a[i]! - b[i]!;
  }
  return 0;
}

/** An address as a number, to count and compare with; of one family only. */
export function numberOf(address: Uint8Array): bigint {
  return address.reduce((number, byte) => number * 256n + BigInt(byte), 0n);
}

/** Whether it is an IPv6 link-local address (fe80::/10). @param address canonical text */
export function isLinkLocal(address: string): boolean {
  return /^fe[89ab][0-9a-f]:/.test(address);
}

/** Whether only this host can be meant (127.0.0.0/8, ::1). @param address canonical text */
export function isLoopback(address: string): boolean {
  return address === "::1" || address.startsWith("127.");
}

/** A network, as its bytes and the length of its prefix. */
export interface Prefix {
  readonly network: Uint8Array;
  /** Bits. */
  readonly length: number;
}

/** @param text such as `192.0.2.0/24`; undefined: it is none */
export function parsePrefix(text: string): Prefix | undefined {
  const [address = "", bits = ""] = text.split("/");
  const network = parseIp(address);
  const length = Number(bits);
  const valid = network !== undefined && /^\d+$/.test(bits) && length <= 8 * network.length;
  return valid ? { network, length } : undefined;
}

/** Whether an address of any family is in one of the networks. */
export function inAnyPrefix(address: Uint8Array, prefixes: readonly Prefix[]): boolean {
  for (let i = 0; i < prefixes.length; i++) {
    const { network, length } = prefixes[i]!;
    if (network.length === address.length && inPrefix(address, network, length)) return true;
  }
  return false;
}

/**
 * Whether `address` lies in the network of `network`/`length`. Addresses of different families
 * lie nowhere.
 *
 * @param length prefix length in bits, 0 to 32 or 128
 */
export function inPrefix(address: Uint8Array, network: Uint8Array, length: number): boolean {
  if (address.length !== network.length || length > address.length * 8) return false;
  const whole = length >> 3;
  for (let i = 0; i < whole; i++) if (address[i] !== network[i]) return false;
  const bits = length & 7;
  if (bits === 0) return true;
  const mask = (0xff << (8 - bits)) & 0xff;
  return ((address[whole] ?? 0) & mask) === ((network[whole] ?? 0) & mask);
}

/** The first address of the network that `address` lies in: the bits past `length` are zero. */
export function networkOf(address: Uint8Array, length: number): Uint8Array<ArrayBuffer> {
  const network = new Uint8Array(address);
  for (let i = 0; i < network.length; i++) {
    const kept = Math.min(8, Math.max(0, length - i * 8));
    network[i] = (network[i] ?? 0) & (0xff << (8 - kept)) & 0xff;
  }
  return network;
}

/** The last address of the network that `address` lies in: the bits past `length` are one. */
export function lastOf(address: Uint8Array, length: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(
    address,
    (byte, i) => byte | (0xff >> Math.min(8, Math.max(0, length - i * 8))),
  );
}

/** Digit by digit, since a takeover parses a thousand of them: leading zeros are refused. */
function parseIpv4(text: string): Uint8Array<ArrayBuffer> | undefined {
  const bytes = new Uint8Array(4);
  let part = 0;
  let digits = 0;
  let value = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === DOT && digits > 0 && part < 3) {
      bytes[part++] = value;
      digits = 0;
      value = 0;
    } else if (code >= ZERO && code <= NINE && !(digits > 0 && value === 0)) {
      value = value * 10 + code - ZERO;
      digits++;
      if (value > 255) return undefined;
    } else return undefined;
  }
  if (part !== 3 || digits === 0) return undefined;
  bytes[3] = value;
  return bytes;
}

function parseIpv6(text: string): Uint8Array<ArrayBuffer> | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const head = parseGroups(halves[0] ?? "", halves.length === 1);
  const tail = halves.length === 2 ? parseGroups(halves[1] ?? "", true) : [];
  if (head === undefined || tail === undefined) return undefined;
  const missing = 16 - head.length - tail.length;
  // "::" stands for at least one group; without it all eight must be there.
  if (halves.length === 2 ? missing < 2 : missing !== 0) return undefined;
  const bytes = new Uint8Array(16);
  bytes.set(head);
  bytes.set(tail, 16 - tail.length);
  return bytes;
}

/** Bytes of groups between colons; the last may be a dotted quad where `last` allows it. */
function parseGroups(text: string, last: boolean): number[] | undefined {
  if (text === "") return [];
  const bytes: number[] = [];
  const groups = text.split(":");
  for (let i = 0; i < groups.length; i++) {
    const group = groups[i] ?? "";
    if (last && i === groups.length - 1 && group.includes(".")) {
      const quad = parseIpv4(group);
      if (quad === undefined) return undefined;
      bytes.push(...quad);
    } else {
      if (!/^[0-9a-fA-F]{1,4}$/.test(group)) return undefined;
      const value = parseInt(group, 16);
      bytes.push(value >> 8, value & 0xff);
    }
  }
  return bytes.length <= 16 ? bytes : undefined;
}

function formatIpv6(bytes: Uint8Array): string {
  const groups: number[] = [];
  for (let i = 0; i < 16; i += 2) groups.push(((bytes[i] ?? 0) << 8) | (bytes[i + 1] ?? 0));
  let longest = 0;
  let start = -1;
  for (let i = 0; i < 8; i++) {
    let end = i;
    while (end < 8 && groups[end] === 0) end++;
    if (end - i > longest) {
      longest = end - i;
      start = i;
    }
  }
  const hex = groups.map((group) => group.toString(16));
  if (longest < 2) return hex.join(":");
  return `${hex.slice(0, start).join(":")}::${hex.slice(start + longest).join(":")}`;
}
