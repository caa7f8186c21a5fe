/**
 * What the variables of SNMP are made of, and how values are written. Pure.
 *
 * @module
 */

import type { Value } from "../agentx/mod.ts";
import type { Status } from "../control/status.ts";
import { parseIp } from "../ip/mod.ts";
import type { RouterPast, SessionPast } from "./history.ts";

/** All that is known at one moment. */
export interface SnmpFacts {
  readonly status: Status;
  /** Notifications are sent. */
  readonly traps: boolean;
  /** ifIndex by the interface's name in our network namespace; 0: it is not there. */
  indexOf(name: string): number;
  /** Names of routers in another network namespace, whose interfaces have no ifIndex here. */
  readonly elsewhere: ReadonlySet<string>;
  /** Microseconds on CLOCK_MONOTONIC. */
  readonly now: number;
  /** The same clock at a time in RFC 3339. */
  microsOf(time: string): number;
  /** sysUpTime then, hundredths of a second; 0: before that began. */
  upTimeAt(micros: number): number;
  /** Of a session of a router, see `sessionName`. */
  routerPast(session: string): RouterPast;
  /** Of a BFD session. */
  sessionPast(name: string): SessionPast;
}

export function integer(value: number): Value {
  return { type: "integer", value: Math.trunc(value) | 0 };
}

function unsigned(type: "counter32" | "gauge32" | "timeticks", value: number): Value {
  return { type, value: Math.max(0, Math.trunc(value)) % 2 ** 32 };
}

/** From `micros` until `now`, both on CLOCK_MONOTONIC, in hundredths of a second. */
export function ticksBetween(micros: number, now: number): Value {
  return ticks((now - micros) / 10_000);
}

/** Wraps, as counters do. */
export function counter32(value: number): Value {
  return unsigned("counter32", value);
}

/** Stays at its highest value, as gauges do. */
export function gauge(value: number): Value {
  return unsigned("gauge32", Math.min(value, 2 ** 32 - 1));
}

export function ticks(value: number): Value {
  return unsigned("timeticks", value);
}

export function counter64(value: number): Value {
  return { type: "counter64", value: BigInt(Math.max(0, Math.trunc(value))) };
}

export function text(value: string): Value {
  return { type: "octets", value: new TextEncoder().encode(value) };
}

/** TruthValue (RFC 2579): true is 1, false 2. */
export function truth(value: boolean): Value {
  return integer(value ? 1 : 2);
}

/** InetAddressType (RFC 4001) of an address: unknown(0), ipv4(1), ipv6(2). */
export function inetType(address: string | null): number {
  if (address === null || address === "") return 0;
  return address.includes(":") ? 2 : 1;
}

/** InetAddress (RFC 4001): 4 or 16 bytes; none for an unknown one. */
export function inetBytes(address: string | null): Uint8Array {
  return parseIp(address ?? "") ?? new Uint8Array();
}

export function inet(address: string | null): Value {
  return { type: "octets", value: inetBytes(address) };
}

/** As an index: the length, then each byte (RFC 2578 section 7.7). */
export function inetIndex(address: string): number[] {
  const bytes = inetBytes(address);
  return [bytes.length, ...bytes];
}

/** An address and port out of status: `192.0.2.1:80`, `[2001:db8::1]:80`, without a port: 0. */
export function endpointOf(text: string): { address: string; port: number } {
  const match = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d+))?$/.exec(text);
  if (match === null) return { address: text, port: 0 };
  return { address: match[1] ?? match[2]!, port: Number(match[3] ?? 0) };
}
