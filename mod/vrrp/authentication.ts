/**
 * Authentication of advertisements: what an operator may choose, and one way in and out for all of
 * it. The packet codec knows nothing of it; see `authentication_types.ts` for how that works.
 *
 * | choice | for                                    | protects against                         |
 * | ------ | -------------------------------------- | ---------------------------------------- |
 * | `none` | the link itself is trusted             | whoever is not on the link (TTL 255)     |
 * | `pass` | version 2 over IPv4, old peers         | routers configured alike by mistake      |
 * | `ah`   | version 2 over IPv4, old peers         | forgery and replay, as far as MD5 carries |
 * | `hmac` | everything; halb, keepalived ≥ 2.4.2   | forgery and replay                       |
 *
 * Settings hold the secrets; memory holds none and is plain data, like everything that a machine
 * remembers. Time and hash function are handed in.
 *
 * @module
 */

import { type HeaderState, receiveHeader, sealHeader } from "./authentication_header.ts";
import {
  createHmacState,
  hmacProblems,
  type HmacSettings,
  type HmacState,
  receiveHmac4,
  receiveHmac6,
  sealHmac4,
  sealHmac6,
} from "./authentication_hmac.ts";
import { receivePassword, sealPassword } from "./authentication_password.ts";
import type { ClockAnchor } from "./authentication_stamp.ts";
import type { Authenticated, Hmac } from "./authentication_types.ts";
import type { DecodeOptions } from "./message.ts";
import { decodeAdvertisement } from "./packet.ts";
import { decodeAdvertisement6, type Ipv6Origin } from "./packet6.ts";
import type { Secret } from "../secret/mod.ts";
import type { Micros } from "./types.ts";

export type Authentication =
  | { readonly type: "none" }
  | { readonly type: "pass" | "ah"; readonly password: Secret }
  | ({ readonly type: "hmac" } & HmacSettings);

/**
 * What one session (router and family) remembers: plain data without keys. It outlives a change of
 * keys, and the process.
 */
export interface AuthenticationState {
  header: HeaderState;
  hmac: HmacState;
  /** What its time goes by; null: nothing has been sent or heard. */
  anchor: ClockAnchor | null;
}

export function createAuthenticationState(): AuthenticationState {
  return { header: { sequence: null }, hmac: createHmacState(), anchor: null };
}

/**
 * Numbers that may have been used since the last snapshot of a Worker that died: those of two adverts
 * to as many unicast peers as there may be, and again as many.
 */
const UNSEEN = 256;

/**
 * Goes on from a snapshot that may be some adverts old. A master has used numbers since; what a
 * backup has heard since, it will hear higher.
 */
export function goOnAuthenticating(state: AuthenticationState, wasMaster: boolean): void {
  const { header } = state;
  if (wasMaster && header.sequence !== null) header.sequence += UNSEEN;
}

/** What is wrong with a choice for this version and family, in words; empty: nothing. */
export function authenticationProblems(
  authentication: Authentication,
  version: 2 | 3,
  family: "ipv4" | "ipv6",
): string[] {
  switch (authentication.type) {
    case "none":
      return [];
    case "pass":
    case "ah":
      if (version !== 2 || family !== "ipv4") {
        return [`authentication of type ${authentication.type} is for version 2 over IPv4 only`];
      }
      return authentication.password.length === 0 ? ["the password is empty"] : [];
    case "hmac":
      return hmacProblems(authentication);
  }
}

/** Everything that authentication needs beside the packet. */
export interface Authenticator {
  readonly authentication: Authentication;
  readonly state: AuthenticationState;
  readonly hmac: Hmac;
}

/**
 * Makes a plain IPv4 packet what the peers believe. Each call is a new packet to them: one for each
 * time that something is sent, and one for each unicast peer.
 *
 * @param time microseconds since 1970 by `stampTime`
 * @throws {RangeError} when it cannot: nothing must be sent then
 */
export function seal4(
  packet: Uint8Array<ArrayBuffer>,
  { authentication, state, hmac }: Authenticator,
  time: Micros,
): Uint8Array<ArrayBuffer> {
  switch (authentication.type) {
    case "none":
      return packet;
    case "pass":
      return sealPassword(packet, authentication.password);
    case "ah": {
      const start = Math.floor(time / 1_000_000);
      return sealHeader(packet, state.header, authentication.password, start, hmac);
    }
    case "hmac":
      return sealHmac4(packet, authentication, state.hmac, time, hmac);
  }
}

/** The same for a message over IPv6; `source` has sixteen bytes. */
export function seal6(
  message: Uint8Array<ArrayBuffer>,
  source: Uint8Array,
  { authentication, state, hmac }: Authenticator,
  time: Micros,
): Uint8Array<ArrayBuffer> {
  switch (authentication.type) {
    case "none":
      return message;
    case "hmac":
      return sealHmac6(message, source, authentication, state.hmac, time, hmac);
    default:
      throw new RangeError(`Cannot authenticate over IPv6 by type ${authentication.type}`);
  }
}

/** Decodes what a raw IPv4 socket delivered, and believes it or not. Never throws. */
export function receive4(
  packet: Uint8Array,
  length: number,
  options: DecodeOptions,
  { authentication, state, hmac }: Authenticator,
  time: Micros,
): Authenticated {
  switch (authentication.type) {
    case "none": {
      const decoded = decodeAdvertisement(packet, length, options);
      return decoded.ok ? { ...decoded, signed: false } : decoded;
    }
    case "pass":
      return receivePassword(packet, length, options, authentication.password);
    case "ah":
      return receiveHeader(packet, length, options, state.header, authentication.password, hmac);
    case "hmac":
      return receiveHmac4(packet, length, options, authentication, state.hmac, time, hmac);
  }
}

/** The same for what a raw IPv6 socket delivered. */
export function receive6(
  message: Uint8Array,
  length: number,
  from: Ipv6Origin,
  options: DecodeOptions,
  { authentication, state, hmac }: Authenticator,
  time: Micros,
): Authenticated {
  switch (authentication.type) {
    case "none": {
      const decoded = decodeAdvertisement6(message, length, from, options);
      return decoded.ok ? { ...decoded, signed: false } : decoded;
    }
    case "hmac":
      return receiveHmac6(message, length, from, options, authentication, state.hmac, time, hmac);
    default:
      return { ok: false, drop: "authentication" };
  }
}
