/**
 * What the tests of authentication share: the hash function, secrets, and adverts to authenticate.
 */

import { createHmac } from "node:crypto";
import type { Authenticated, Hmac } from "../../../mod/vrrp/authentication_types.ts";
import type { HmacSettings } from "../../../mod/vrrp/authentication_hmac.ts";
import { encodeAdvertisement } from "../../../mod/vrrp/mod.ts";
import { Secret } from "../../../mod/secret/mod.ts";
import { type Outgoing, outgoing } from "./packet_fixtures.ts";

export const hmac: Hmac = (algorithm, key, data) =>
  createHmac(algorithm, key).update(data).digest();

/** The key of PROTOCOL.md section 5: 00 01 02 … 1f. */
export const VECTOR_KEY = new Secret(Uint8Array.from({ length: 32 }, (_, i) => i));
export const OTHER_KEY = new Secret(Uint8Array.from({ length: 64 }, (_, i) => 255 - i));
/** The time of the vectors: 0x68000000 seconds and a half. */
export const VECTOR_TIME = 0x68000000 * 1_000_000 + 500_000;

export const V2 = { version: 2, verifyChecksum: true, version2: false } as const;
export const V3 = { version: 3, verifyChecksum: true, version2: false } as const;

/** A plain packet of version 2. */
export function plain2(changed: Partial<Outgoing> = {}): Uint8Array<ArrayBuffer> {
  return encodeAdvertisement(outgoing({ version: 2, ...changed }));
}

/** A plain packet of version 3. */
export function plain3(changed: Partial<Outgoing> = {}): Uint8Array<ArrayBuffer> {
  return encodeAdvertisement(outgoing(changed));
}

export function hmacSettings(changed: Partial<HmacSettings> = {}): HmacSettings {
  return {
    keys: [{ id: 1, key: VECTOR_KEY }],
    activeKey: 1,
    mode: "enforce",
    antiReplay: "time",
    window: 5,
    peers: null,
    ...changed,
  };
}

/** In one word: "signed", "unsigned" or why not. */
export function verdict(result: Authenticated): string {
  if (!result.ok) return result.drop;
  return result.signed ? "signed" : "unsigned";
}

/** The packet with one bit changed. */
export function flipped(packet: Uint8Array, at: number, bit = 1): Uint8Array<ArrayBuffer> {
  const copy = Uint8Array.from(packet);
  copy[at]! ^= bit;
  return copy;
}
