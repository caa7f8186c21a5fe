/**
 * Whom we answer without having been told of: RFC 9468. Off unless configured; then a packet that
 * belongs to no session may make a passive one, if all of these hold.
 *
 * @module
 */

import { inAnyPrefix, isLinkLocal, parseIp, parsePrefix, type Prefix } from "../ip/mod.ts";
import type { ControlPacket } from "./packet.ts";

export interface UnsolicitedSettings {
  /** Interfaces where it is allowed. */
  readonly interfaces: readonly string[];
  /**
   * Prefixes that may ask, such as `192.0.2.0/24`; empty: whoever is on the link, which everybody
   * must be.
   */
  readonly allow: readonly string[];
  /** Most sessions made so. */
  readonly limit: number;
}

/** Where the packet came from, and what there is already. */
export interface Stranger {
  readonly source: string;
  readonly interface: string;
  /** Networks of that interface, as prefixes; link-local addresses are on it in any case. */
  readonly networks: readonly string[];
  /** Sessions made so far for strangers. */
  readonly sessions: number;
}

export type Refusal =
  | "not_configured"
  | "not_first_packet"
  | "interface"
  | "not_on_link"
  | "not_allowed"
  | "limit"
  // What the driver looks at after the others.
  | "not_authenticated"
  | "rate";

/**
 * @param packet decoded, TTL checked, for no session that exists
 * @returns `null`: a passive session may be made for it
 */
export function refuseStranger(
  packet: Readonly<ControlPacket>,
  from: Stranger,
  settings: UnsolicitedSettings | null,
): Refusal | null {
  if (settings === null) return "not_configured";
  // Who names a discriminator of ours, or goes, wants no new session.
  if (packet.yourDiscriminator !== 0 || packet.state !== "down") return "not_first_packet";
  if (!settings.interfaces.includes(from.interface)) return "interface";
  if (!isLinkLocal(from.source) && !within(from.source, from.networks)) return "not_on_link";
  if (!isAllowed(from.source, settings)) return "not_allowed";
  return from.sessions >= settings.limit ? "limit" : null;
}

/** Whether the address is among those that may begin a session, wherever it is. */
export function isAllowed(address: string, { allow }: Pick<UnsolicitedSettings, "allow">): boolean {
  return allow.length === 0 || within(address, allow);
}

/** Prefixes as they were parsed last: lists are made anew with a configuration only. */
const parsed = new WeakMap<readonly string[], readonly Prefix[]>();

function within(address: string, prefixes: readonly string[]): boolean {
  const bytes = parseIp(address);
  if (bytes === undefined) return false;
  let networks = parsed.get(prefixes);
  if (networks === undefined) {
    networks = prefixes.flatMap((text) => parsePrefix(text) ?? []);
    parsed.set(prefixes, networks);
  }
  return inAnyPrefix(bytes, networks);
}
