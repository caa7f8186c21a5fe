/** Control packets for the tests, and random ones. */

import {
  AUTHENTICATION_TYPES,
  type AuthenticationSettings,
  type AuthenticationType,
  type ControlPacket,
  decodeControl,
  type DropReason,
  emptyControlPacket,
  encodeControl,
  LONGEST_CONTROL,
  longestSecret,
  signControl,
  STATES,
} from "../../../mod/bfd/mod.ts";
import type { Random } from "../../lib/random.ts";

export function control(changed: Partial<ControlPacket> = {}): ControlPacket {
  return {
    ...emptyControlPacket(),
    state: "up",
    detectMultiplier: 3,
    myDiscriminator: 0x11223344,
    yourDiscriminator: 0x55667788,
    desiredMinTx: 50_000,
    requiredMinRx: 60_000,
    ...changed,
  };
}

/** The bytes of a packet, without authentication unless asked for. */
export function encoded(
  packet: Partial<ControlPacket> = {},
  settings: AuthenticationSettings | null = null,
  sequence = 1,
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(LONGEST_CONTROL);
  const plain = encodeControl(control(packet), bytes);
  const length = settings === null ? plain : signControl(bytes, settings, sequence);
  return bytes.slice(0, length);
}

/** What the decoder says: `null` is accepted. */
export function verdict(
  bytes: Uint8Array,
  into: ControlPacket = emptyControlPacket(),
): DropReason | null {
  return decodeControl(bytes, bytes.length, into);
}

/** A valid packet with some bytes replaced. */
export function changed(
  changes: Readonly<Record<number, number>>,
  packet: Partial<ControlPacket> = {},
): Uint8Array<ArrayBuffer> {
  const bytes = encoded(packet);
  for (const [at, value] of Object.entries(changes)) bytes[Number(at)] = value;
  return bytes;
}

export function secret(text: string): number[] {
  return [...new TextEncoder().encode(text)];
}

export function authentication(
  type: AuthenticationType,
  changed: Partial<AuthenticationSettings> = {},
): AuthenticationSettings {
  return { type, construction: "rfc5880", keys: [{ id: 7, secret: secret("hush") }], ...changed };
}

export function anyAuthentication(random: Random): AuthenticationSettings {
  const type = random.pick(AUTHENTICATION_TYPES);
  const sha1 = type.endsWith("sha1");
  const ids = new Set(Array.from({ length: random.int(1, 4) }, () => random.int(0, 255)));
  return {
    type,
    construction: sha1 && random.chance(0.5) ? "frr-hmac" : "rfc5880",
    keys: [...ids].map((id) => ({
      id,
      secret: Array.from({ length: random.int(1, longestSecret(type)) }, () => random.int(0, 255)),
    })),
  };
}

export function anyControl(random: Random): ControlPacket {
  const word = () => random.chance(0.2) ? random.int(0, 3) : random.int(0, 0xffff_ffff);
  const state = random.pick(STATES);
  const final = random.chance(0.3);
  return {
    ...emptyControlPacket(),
    diagnostic: random.int(0, 31),
    state,
    poll: !final && random.chance(0.3),
    final,
    controlPlaneIndependent: random.chance(0.3),
    demand: random.chance(0.3),
    detectMultiplier: random.int(1, 255),
    myDiscriminator: word() || 1,
    yourDiscriminator: state === "up" || state === "init" ? word() || 1 : word(),
    desiredMinTx: word(),
    requiredMinRx: word(),
    requiredMinEchoRx: word(),
  };
}

export function hex(data: Uint8Array): string {
  return Array.from(data, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
