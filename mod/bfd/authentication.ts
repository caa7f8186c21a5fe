/**
 * Authentication sections of control packets: RFC 5880 sections 4.2 to 4.4 and 6.7.
 *
 * ```text
 *  simple password                       keyed and meticulous keyed MD5 and SHA1
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  | 1 | Length | Key ID | Password…      | 2–5 | 24, 28 | Key ID | 0 | Sequence (4) |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+     |        Digest (16 or 20 bytes)           |
 *                                        +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * ```
 *
 * The digest is the plain hash of the whole packet with the key, padded with zeroes, in the place
 * of the digest. FRR (≥ 10.6) computes an HMAC-SHA1 over the packet with zeroes in that place
 * (its issue 23274): `construction: "frr-hmac"` speaks so, for SHA1 only.
 *
 * Nothing in a packet is believed before its digest has been verified, the sequence number
 * included. Section 6.7.4 can be read to say that the first packet is accepted with any digest; it
 * is not: only its *sequence number* is taken as it is (7A-5).
 *
 * Keys: every key of the list is accepted, the first one is sent with. To change a key, add the new
 * one second everywhere, then put it first everywhere, then remove the old one.
 *
 * @module
 */

import { md5, MD5_LENGTH, sameRange, sha1, SHA1_LENGTH } from "../secret/mod.ts";
import {
  CONTROL_HEADER,
  type ControlPacket,
  type DropReason,
  LONGEST_CONTROL,
  markAuthenticated,
  read32,
  write32,
} from "./packet.ts";

/** In the order of their numbers on the wire, which begin with 1. */
export const AUTHENTICATION_TYPES = [
  "simple",
  "keyed-md5",
  "meticulous-keyed-md5",
  "keyed-sha1",
  "meticulous-keyed-sha1",
] as const;

export type AuthenticationType = typeof AUTHENTICATION_TYPES[number];

export interface AuthenticationKey {
  /** 0 to 255. */
  readonly id: number;
  /** Bytes: 1 to 16 for simple and MD5, 1 to 20 for SHA1. Numbers, so that a snapshot is JSON. */
  readonly secret: readonly number[];
}

export interface AuthenticationSettings {
  readonly type: AuthenticationType;
  /** `frr-hmac`: HMAC-SHA1 in place of the hash that RFC 5880 wants. */
  readonly construction: "rfc5880" | "frr-hmac";
  /** At least one; ids are unique. */
  readonly keys: readonly AuthenticationKey[];
}

/** What a session remembers of sequence numbers (section 6.8.1). */
export interface SequenceState {
  /** bfd.XmitAuthSeq. */
  transmit: number;
  /** bfd.RcvAuthSeq: the last one that was verified. */
  receive: number;
  /** bfd.AuthSeqKnown. */
  known: boolean;
}

/** Most bytes of a secret. */
export function longestSecret(type: AuthenticationType): number {
  return isSha1(type) ? SHA1_LENGTH : MD5_LENGTH;
}

/** Each packet has a number of its own. */
export function isMeticulous(type: AuthenticationType): boolean {
  return type === "meticulous-keyed-md5" || type === "meticulous-keyed-sha1";
}

function isSha1(type: AuthenticationType): boolean {
  return type === "keyed-sha1" || type === "meticulous-keyed-sha1";
}

/** Where a digest begins, behind type, length, key id, a reserved byte and the sequence number. */
const DIGEST_AT = CONTROL_HEADER + 8;
const HMAC_BLOCK = 64;

// Scratch space: calls are synchronous and never nest.
const copy = new Uint8Array(LONGEST_CONTROL);
const digest = new Uint8Array(SHA1_LENGTH);
const inner = new Uint8Array(HMAC_BLOCK + LONGEST_CONTROL);
const outer = new Uint8Array(HMAC_BLOCK + SHA1_LENGTH);

/**
 * Appends a section to the header in `bytes` and makes the header say so.
 *
 * @returns the length of the whole packet
 * @throws {RangeError} when a secret is empty or too long, or there is none
 */
export function signControl(
  bytes: Uint8Array,
  settings: AuthenticationSettings,
  sequence: number,
): number {
  const key = settings.keys[0];
  if (key === undefined) throw new RangeError("Cannot sign without a key");
  const { type } = settings;
  const { id, secret } = key;
  if (secret.length < 1 || secret.length > longestSecret(type)) {
    throw new RangeError(`Cannot sign with a secret of ${secret.length} bytes`);
  }
  const length = sectionLength(type, secret.length);
  const at = CONTROL_HEADER;
  markAuthenticated(bytes, length);
  bytes[at] = AUTHENTICATION_TYPES.indexOf(type) + 1;
  bytes[at + 1] = length;
  bytes[at + 2] = id;
  if (type === "simple") {
    for (let i = 0; i < secret.length; i++) bytes[at + 3 + i] = secret[i]!;
    return at + length;
  }
  bytes[at + 3] = 0;
  write32(bytes, at + 4, sequence);
  computeDigest(bytes, at + length, settings, secret);
  for (let i = DIGEST_AT; i < at + length; i++) bytes[i] = digest[i - DIGEST_AT]!;
  return at + length;
}

/**
 * Verifies a packet that `decodeControl` let through, and takes over its sequence number.
 *
 * @param settings what this session uses; `null`: none
 * @param sequence changed only where the packet is genuine and in its window
 * @param detectMultiplier bfd.DetectMult, our own: it makes the window
 * @returns `null` where the packet may be believed
 */
export function verifyControl(
  bytes: Uint8Array,
  packet: Readonly<ControlPacket>,
  settings: AuthenticationSettings | null,
  sequence: SequenceState,
  detectMultiplier: number,
): DropReason | null {
  if (settings === null) return packet.authenticated ? "authentication_unexpected" : null;
  if (!packet.authenticated) return "authentication_missing";
  const { type } = settings;
  const at = CONTROL_HEADER;
  if (bytes[at] !== AUTHENTICATION_TYPES.indexOf(type) + 1) return "authentication_type";
  const length = bytes[at + 1]!;
  if (length < 4 || at + length !== packet.length) return "authentication_length";
  if (type !== "simple" && length !== sectionLength(type, 0)) return "authentication_length";
  const key = findKey(settings.keys, bytes[at + 2]!);
  if (key === undefined) return "authentication_key";
  if (type === "simple") return verifyPassword(bytes, length, key.secret);
  const number = read32(bytes, at + 4);
  if (sequence.known && !inWindow(number, sequence.receive, type, detectMultiplier)) {
    return "authentication_sequence";
  }
  computeDigest(bytes, packet.length, settings, key.secret);
  if (!sameRange(digest, 0, bytes, DIGEST_AT, packet.length - DIGEST_AT)) {
    return "authentication_digest";
  }
  sequence.receive = number;
  sequence.known = true;
  return null;
}

/** Length of a section, from its type byte to its end. */
function sectionLength(type: AuthenticationType, secretLength: number): number {
  if (type === "simple") return 3 + secretLength;
  return 8 + (isSha1(type) ? SHA1_LENGTH : MD5_LENGTH);
}

function findKey(keys: readonly AuthenticationKey[], id: number): AuthenticationKey | undefined {
  for (let i = 0; i < keys.length; i++) if (keys[i]!.id === id) return keys[i];
  return undefined;
}

/** In constant time but for the length, which everybody can see. */
function verifyPassword(
  bytes: Uint8Array,
  length: number,
  secret: readonly number[],
): DropReason | null {
  if (length !== 3 + secret.length) return "authentication_length";
  return sameRange(bytes, CONTROL_HEADER + 3, secret, 0, secret.length)
    ? null
    : "authentication_digest";
}

/**
 * Sections 6.7.3 and 6.7.4: from the last number on, or from the one after it where each packet has
 * its own, to three detection multipliers further, around the end of 32 bits.
 */
function inWindow(number: number, last: number, type: AuthenticationType, mult: number): boolean {
  const ahead = (number - last) >>> 0;
  return ahead >= (isMeticulous(type) ? 1 : 0) && ahead <= 3 * mult;
}

/** Leaves the digest that the packet should have in `digest`. */
function computeDigest(
  bytes: Uint8Array,
  length: number,
  settings: AuthenticationSettings,
  secret: readonly number[],
): void {
  const hmac = settings.construction === "frr-hmac";
  for (let i = 0; i < DIGEST_AT; i++) copy[i] = bytes[i]!;
  for (let i = DIGEST_AT; i < length; i++) copy[i] = hmac ? 0 : secret[i - DIGEST_AT] ?? 0;
  if (hmac) hmacSha1(secret, length);
  else if (isSha1(settings.type)) sha1(copy, length, digest, 0);
  else md5(copy, length, digest, 0);
}

/** RFC 2104 over the first `length` bytes of `copy`. */
function hmacSha1(secret: readonly number[], length: number): void {
  for (let i = 0; i < HMAC_BLOCK; i++) {
    inner[i] = (secret[i] ?? 0) ^ 0x36;
    outer[i] = (secret[i] ?? 0) ^ 0x5c;
  }
  for (let i = 0; i < length; i++) inner[HMAC_BLOCK + i] = copy[i]!;
  sha1(inner, HMAC_BLOCK + length, outer, HMAC_BLOCK);
  sha1(outer, HMAC_BLOCK + SHA1_LENGTH, digest, 0);
}
