/**
 * BFD control packets (RFC 5880 section 4.1): bytes ↔ values, nothing else.
 *
 * ```text
 *   0                   1                   2                   3
 *   0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |Vers |  Diag   |Sta|P|F|C|A|D|M|  Detect Mult  |    Length     |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |                       My Discriminator                        |
 *  |                      Your Discriminator                       |
 *  |                    Desired Min TX Interval                    |
 *  |                   Required Min RX Interval                    |
 *  |                 Required Min Echo RX Interval                 |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |   Auth Type   |   Auth Len    |    Authentication Data...     |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * ```
 *
 * `decodeControl` does those checks of section 6.8.6 that the packet alone decides, in their order.
 * Hostile input is normal input: a packet that fails one yields the name of that check, which is
 * also the name of the counter. Hundreds of sessions at a few milliseconds make this the busiest
 * code of the agent, so it fills an object that the caller owns and allocates nothing.
 *
 * @module
 */

/** In the order of the two bits on the wire. */
export const STATES = ["admin_down", "down", "init", "up"] as const;

export type StateName = typeof STATES[number];

/** Length of the mandatory section. */
export const CONTROL_HEADER = 24;
/** Longest control packet: its length has eight bits. */
export const LONGEST_CONTROL = 255;

/** Where the sequence number stands in a keyed authentication section. */
export const SEQUENCE_AT = CONTROL_HEADER + 4;

const VERSION = 1;

const POLL = 0x20;
const FINAL = 0x10;
const CONTROL_PLANE_INDEPENDENT = 0x08;
const AUTHENTICATION_PRESENT = 0x04;
const DEMAND = 0x02;
const MULTIPOINT = 0x01;

/** Why a packet was not used, in the order of the checks. */
export const DROP_REASONS = [
  // RFC 5881 section 5, RFC 5883 section 5: before anything else is looked at.
  "ttl",
  "truncated",
  "version",
  "length",
  "detect_multiplier",
  "multipoint",
  "my_discriminator",
  "your_discriminator",
  "poll_and_final",
  "unknown_session",
  // Our own, sent back to us by a loop, or by somebody who cannot make any himself.
  "own_packet",
  // RFC 7880 section 7.3: what cannot be a reflector's answer.
  "demand",
  "state",
  "authentication_unexpected",
  "authentication_missing",
  "authentication_type",
  "authentication_length",
  "authentication_key",
  "authentication_sequence",
  "authentication_digest",
  "admin_down",
] as const;

export type DropReason = typeof DROP_REASONS[number];

/** What a control packet says. Mutable: a receiver keeps one and fills it again for each packet. */
export interface ControlPacket {
  /** 0 to 31; RFC 5880 names 0 to 8, and the others are accepted (N2). */
  diagnostic: number;
  state: StateName;
  poll: boolean;
  final: boolean;
  controlPlaneIndependent: boolean;
  /** An authentication section follows. */
  authenticated: boolean;
  demand: boolean;
  detectMultiplier: number;
  /** Of the whole packet as its field says; the payload may be longer (N3). */
  length: number;
  myDiscriminator: number;
  yourDiscriminator: number;
  /** Microseconds, as on the wire; so are the next two. */
  desiredMinTx: number;
  requiredMinRx: number;
  requiredMinEchoRx: number;
}

export function emptyControlPacket(): ControlPacket {
  return {
    diagnostic: 0,
    state: "down",
    poll: false,
    final: false,
    controlPlaneIndependent: false,
    authenticated: false,
    demand: false,
    detectMultiplier: 1,
    length: CONTROL_HEADER,
    myDiscriminator: 0,
    yourDiscriminator: 0,
    desiredMinTx: 0,
    requiredMinRx: 0,
    requiredMinEchoRx: 0,
  };
}

/**
 * Reads the UDP payload in the first `length` bytes into `packet`. Never throws.
 *
 * @returns `null` where the packet may be looked at further, or the check that it failed; then
 *   `packet` holds nothing to rely on
 */
export function decodeControl(
  bytes: Uint8Array,
  length: number,
  packet: ControlPacket,
): DropReason | null {
  if (!(length >= 4 && length <= bytes.length)) return "truncated";
  if (bytes[0]! >> 5 !== VERSION) return "version";
  const flags = bytes[1]!;
  const authenticated = (flags & AUTHENTICATION_PRESENT) !== 0;
  const says = bytes[3]!;
  if (says < (authenticated ? CONTROL_HEADER + 2 : CONTROL_HEADER)) return "length";
  if (says > length) return "truncated";
  if (bytes[2] === 0) return "detect_multiplier";
  if ((flags & MULTIPOINT) !== 0) return "multipoint";
  packet.myDiscriminator = read32(bytes, 4);
  if (packet.myDiscriminator === 0) return "my_discriminator";
  packet.yourDiscriminator = read32(bytes, 8);
  packet.state = STATES[flags >> 6]!;
  const early = packet.state === "down" || packet.state === "admin_down";
  if (packet.yourDiscriminator === 0 && !early) return "your_discriminator";
  packet.poll = (flags & POLL) !== 0;
  packet.final = (flags & FINAL) !== 0;
  // Section 6.8.7 forbids it to the sender; it can only be a forgery or a defect (N10).
  if (packet.poll && packet.final) return "poll_and_final";
  packet.diagnostic = bytes[0]! & 0x1f;
  packet.controlPlaneIndependent = (flags & CONTROL_PLANE_INDEPENDENT) !== 0;
  packet.authenticated = authenticated;
  packet.demand = (flags & DEMAND) !== 0;
  packet.detectMultiplier = bytes[2]!;
  packet.length = says;
  packet.desiredMinTx = read32(bytes, 12);
  packet.requiredMinRx = read32(bytes, 16);
  packet.requiredMinEchoRx = read32(bytes, 20);
  return null;
}

/**
 * Writes the mandatory section. `length` and the bit for authentication stand as they are in
 * `packet`; `signControl` corrects both when it appends its section.
 *
 * @returns the bytes written, always 24
 * @throws {RangeError} when a value does not fit its field
 */
export function encodeControl(packet: Readonly<ControlPacket>, bytes: Uint8Array): number {
  checkField("diagnostic", packet.diagnostic, 0, 31);
  checkField("detect multiplier", packet.detectMultiplier, 1, 255);
  checkField("length", packet.length, CONTROL_HEADER, LONGEST_CONTROL);
  checkField("own discriminator", packet.myDiscriminator, 1, 0xffff_ffff);
  checkField("remote discriminator", packet.yourDiscriminator, 0, 0xffff_ffff);
  checkField("desired min TX interval", packet.desiredMinTx, 0, 0xffff_ffff);
  checkField("required min RX interval", packet.requiredMinRx, 0, 0xffff_ffff);
  checkField("required min echo RX interval", packet.requiredMinEchoRx, 0, 0xffff_ffff);
  if (packet.poll && packet.final) throw new RangeError("Cannot set both poll and final");
  bytes[0] = (VERSION << 5) | packet.diagnostic;
  bytes[1] = (STATES.indexOf(packet.state) << 6) |
    (packet.poll ? POLL : 0) | (packet.final ? FINAL : 0) |
    (packet.controlPlaneIndependent ? CONTROL_PLANE_INDEPENDENT : 0) |
    (packet.authenticated ? AUTHENTICATION_PRESENT : 0) | (packet.demand ? DEMAND : 0);
  bytes[2] = packet.detectMultiplier;
  bytes[3] = packet.length;
  write32(bytes, 4, packet.myDiscriminator);
  write32(bytes, 8, packet.yourDiscriminator);
  write32(bytes, 12, packet.desiredMinTx);
  write32(bytes, 16, packet.requiredMinRx);
  write32(bytes, 20, packet.requiredMinEchoRx);
  return CONTROL_HEADER;
}

/** Tells the header that an authentication section of `length` bytes follows it. */
export function markAuthenticated(bytes: Uint8Array, length: number): void {
  bytes[1]! |= AUTHENTICATION_PRESENT;
  bytes[3] = CONTROL_HEADER + length;
}

/** An unsigned number in network order. */
export function read32(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>>
    0;
}

export function write32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}

function checkField(what: string, value: number, least: number, most: number): void {
  if (Number.isInteger(value) && value >= least && value <= most) return;
  throw new RangeError(`Cannot encode ${what} ${value}: not an integer from ${least} to ${most}`);
}
