/**
 * Routes: RTM_GETROUTE, RTM_NEWROUTE, RTM_DELROUTE.
 *
 *      0               1               2               3
 *     +---------------+---------------+---------------+-------------+
 *     |    family     | to: bits      | from: bits    |     TOS     |
 *     +---------------+---------------+---------------+-------------+
 *     |     table     |   protocol    |     scope     |    type     |
 *     +---------------+---------------+---------------+-------------+
 *     |                    flags (RTM_F_…, RTNH_F_…)                |
 *     +-------------------------------------------------------------+
 *
 * A route that was read can be put back as it was: `restoreRoute` sends its own bytes again, so
 * that metrics, next hops and encapsulation that we know nothing of survive.
 *
 * @module
 */

import { type Attributes, readAttributes, readFamilyHeader, readU32 } from "./attribute.ts";
import {
  AF_INET,
  AF_INET6,
  NLM_F_ACK,
  NLM_F_CREATE,
  NLM_F_DUMP,
  NLM_F_EXCL,
  NLM_F_REPLACE,
  NLM_F_REQUEST,
  RT_TABLE_MAIN,
  RTM_DELROUTE,
  RTM_GETROUTE,
  RTM_NEWROUTE,
  RTN_UNICAST,
} from "./constants.ts";
import { align, type Decoded, type MessageWriter, type NetlinkMessage, viewOf } from "./frame.ts";
import { formatIp, parseIp } from "../ip/mod.ts";

const ROUTE_HEADER_LENGTH = 12;
const RTA_DST = 1;
const RTA_OIF = 4;
const RTA_GATEWAY = 5;
const RTA_PRIORITY = 6;
const RTA_PREFSRC = 7;
const RTA_MULTIPATH = 9;
const RTA_CACHEINFO = 12;
const RTA_TABLE = 15;
const RTA_VIA = 18;
const RTA_EXPIRES = 23;
/** Clock ticks in a second, as the kernel reports times to user space. */
const USER_HZ = 100;

const RTNH_F_DEAD = 0x1;
/** Bits of rtm_flags that a request may carry: RTNH_F_PERVASIVE and RTNH_F_ONLINK. */
const REQUEST_FLAGS = 0x2 | 0x4;

/** One route as the kernel reports it. */
export interface Route {
  readonly family: 4 | 6;
  /** Canonical text of the destination network; `0.0.0.0` or `::` for the default route. */
  readonly destination: string;
  readonly prefixLength: number;
  /** Text of the next hop; empty: directly connected. */
  readonly gateway: string;
  /** Index of the outgoing interface; 0: none, or several next hops. */
  readonly index: number;
  /** Interface indexes of the living next hops of a multipath route, empty for any other. */
  readonly multipath: readonly number[];
  /** Preferred source; empty: none. */
  readonly source: string;
  readonly table: number;
  readonly protocol: number;
  readonly scope: number;
  /** RTN_… */
  readonly type: number;
  /** Metric; lower wins. */
  readonly priority: number;
  readonly flags: number;
  /** IPv6: whole seconds until the route counts no more, 0 or less: now; undefined: never. */
  readonly expires: number | undefined;
  /** A copy of the whole payload, for `restoreRoute`. */
  readonly payload: Uint8Array;
}

/** A route to a network on the link of an interface, or through a gateway on it. */
export interface RouteRequest {
  readonly index: number;
  readonly destination: string;
  readonly prefixLength: number;
  readonly gateway?: string;
  readonly source?: string;
  /** RT_TABLE_MAIN unless given. */
  readonly table?: number;
  readonly protocol: number;
  readonly scope: number;
  readonly priority?: number;
  /** IPv6: whole seconds until the kernel no longer uses the route, 1 or more; absent: never. */
  readonly expires?: number;
}

/** Reads the payload of RTM_NEWROUTE or RTM_DELROUTE. */
export function readRoute(message: NetlinkMessage): Decoded<Route> {
  const { payload } = message;
  const read = readFamilyHeader("route", payload, ROUTE_HEADER_LENGTH);
  if (!read.ok) return read;
  const { family, attributes } = read.value;
  const width = family === 4 ? 4 : 16;
  const prefixLength = payload[1] ?? 0;
  const destination = attributes.get(RTA_DST) ?? new Uint8Array(width);
  if (destination.length !== width || prefixLength > width * 8) {
    return {
      ok: false,
      reason: `Cannot read route: destination of ${destination.length} bytes/${prefixLength}`,
    };
  }
  return {
    ok: true,
    value: {
      family,
      destination: formatIp(destination) ?? "",
      prefixLength,
      gateway: formatIp(attributes.get(RTA_GATEWAY) ?? new Uint8Array()) ?? "",
      index: readU32(attributes, RTA_OIF) ?? 0,
      multipath: readNextHops(attributes.get(RTA_MULTIPATH)),
      source: formatIp(attributes.get(RTA_PREFSRC) ?? new Uint8Array()) ?? "",
      table: readU32(attributes, RTA_TABLE) ?? payload[4] ?? 0,
      protocol: payload[5] ?? 0,
      scope: payload[6] ?? 0,
      type: payload[7] ?? 0,
      priority: readU32(attributes, RTA_PRIORITY) ?? 0,
      flags: viewOf(payload).getUint32(8, true),
      expires: readU32(attributes, RTA_EXPIRES) ?? readExpiry(attributes.get(RTA_CACHEINFO)),
      payload: payload.slice(),
    },
  };
}

/**
 * Appends a request for the routes of one family. The filters work where the socket has
 * NETLINK_GET_STRICT_CHK; elsewhere the kernel sends everything and the caller sifts.
 */
export function requestRoutes(
  writer: MessageWriter,
  sequence: number,
  family: 4 | 6,
  filter: { readonly index?: number; readonly protocol?: number; readonly table?: number } = {},
): void {
  writer.begin(RTM_GETROUTE, NLM_F_REQUEST | NLM_F_DUMP, sequence);
  writer.u8(family === 4 ? AF_INET : AF_INET6).u8(0).u8(0).u8(0);
  writer.u8(0).u8(filter.protocol ?? 0).u8(0).u8(0).u32(0);
  if (filter.index !== undefined) writer.attributeU32(RTA_OIF, filter.index);
  if (filter.table !== undefined) writer.attributeU32(RTA_TABLE, filter.table);
  writer.end();
}

/**
 * Appends RTM_NEWROUTE. `create` refuses to touch a route which is there already (EEXIST);
 * `replace` puts this one in the place of the first to the same network with the same metric.
 *
 * @throws {RangeError} for an address that is none
 */
export function addRoute(
  writer: MessageWriter,
  sequence: number,
  request: RouteRequest,
  mode: "create" | "replace" = "create",
): void {
  const how = mode === "create" ? NLM_F_EXCL : NLM_F_REPLACE;
  const flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | how;
  writeRoute(writer, RTM_NEWROUTE, flags, sequence, request);
}

/**
 * Appends RTM_DELROUTE. The kernel removes the first route that agrees with everything given, so
 * a protocol number of our own keeps other people's routes out of reach.
 *
 * @throws {RangeError} for an address that is none
 */
export function deleteRoute(writer: MessageWriter, sequence: number, request: RouteRequest): void {
  writeRoute(writer, RTM_DELROUTE, NLM_F_REQUEST | NLM_F_ACK, sequence, request);
}

/** Appends RTM_NEWROUTE with a route's own bytes; a route that is there stays (EEXIST). */
export function restoreRoute(writer: MessageWriter, sequence: number, route: Route): void {
  const flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL;
  writeOwnBytes(writer.begin(RTM_NEWROUTE, flags, sequence), route);
}

/** Appends RTM_DELROUTE with a route's own bytes, so that no other one can be meant. */
export function removeRoute(writer: MessageWriter, sequence: number, route: Route): void {
  writeOwnBytes(writer.begin(RTM_DELROUTE, NLM_F_REQUEST | NLM_F_ACK, sequence), route);
}

/** What was read, less what a request may not carry; ends the message. */
function writeOwnBytes(writer: MessageWriter, route: Route): void {
  const { payload } = route;
  const view = viewOf(payload);
  writer.raw(payload.subarray(0, 8)).u32(view.getUint32(8, true) & REQUEST_FLAGS);
  let at = ROUTE_HEADER_LENGTH;
  while (at + 4 <= payload.length) {
    const length = view.getUint16(at, true);
    if (length < 4 || at + length > payload.length) break;
    // The cache information is a report, not a property; the time that is left goes by itself.
    if (view.getUint16(at + 2, true) !== RTA_CACHEINFO) {
      writer.raw(payload.subarray(at, at + length));
    }
    at += align(length);
  }
  if (route.expires !== undefined) {
    writer.attributeU32(RTA_EXPIRES, Math.max(1, route.expires));
  }
  writer.end();
}

function writeRoute(
  writer: MessageWriter,
  type: number,
  flags: number,
  sequence: number,
  request: RouteRequest,
): void {
  const destination = parseIp(request.destination);
  if (destination === undefined || request.prefixLength > destination.length * 8) {
    throw new RangeError(
      `Cannot encode route to "${request.destination}/${request.prefixLength}": not a network`,
    );
  }
  const table = request.table ?? RT_TABLE_MAIN;
  writer.begin(type, flags, sequence);
  writer.u8(destination.length === 4 ? AF_INET : AF_INET6).u8(request.prefixLength).u8(0).u8(0);
  writer.u8(table < 256 ? table : 0).u8(request.protocol).u8(request.scope).u8(RTN_UNICAST).u32(0);
  writer.attribute(RTA_DST, destination).attributeU32(RTA_OIF, request.index);
  if (table >= 256) writer.attributeU32(RTA_TABLE, table);
  writeIp(writer, RTA_GATEWAY, request.gateway);
  writeIp(writer, RTA_PREFSRC, request.source);
  if (request.priority !== undefined) writer.attributeU32(RTA_PRIORITY, request.priority);
  if (request.expires !== undefined) writer.attributeU32(RTA_EXPIRES, request.expires);
  writer.end();
}

function writeIp(writer: MessageWriter, type: number, text: string | undefined): void {
  if (text === undefined) return;
  const bytes = parseIp(text);
  if (bytes === undefined) throw new RangeError(`Cannot encode "${text}": not an IP address`);
  writer.attribute(type, bytes);
}

/** `rta_expires` of `struct rta_cacheinfo`, clock ticks, 0: never. */
function readExpiry(bytes: Uint8Array | undefined): number | undefined {
  if (bytes === undefined || bytes.length < 12) return undefined;
  const ticks = viewOf(bytes).getInt32(8, true);
  return ticks === 0 ? undefined : Math.floor(ticks / USER_HZ);
}

/**
 * Interfaces of `struct rtnexthop`: length, flags, weight less one, interface index. Next hops
 * whose interface has lost its last address are dead and left out.
 */
function readNextHops(bytes: Uint8Array | undefined): number[] {
  const indexes: number[] = [];
  if (bytes === undefined) return indexes;
  const view = viewOf(bytes);
  let at = 0;
  while (at + 8 <= bytes.length) {
    const length = view.getUint16(at, true);
    if (length < 8) break;
    if ((view.getUint8(at + 2) & RTNH_F_DEAD) === 0) indexes.push(view.getInt32(at + 4, true));
    at += align(length);
  }
  return indexes;
}

/** Where a route leads. */
export interface NextHop {
  /** Interface index; 0: through none. */
  readonly index: number;
  /** Text; empty: directly connected. */
  readonly gateway: string;
}

/** All living next hops of a route, one for a route that is no multipath route. */
export function nextHopsOf(route: Route): NextHop[] {
  const read = readAttributes(route.payload, ROUTE_HEADER_LENGTH);
  if (!read.ok) return [];
  const several = read.value.get(RTA_MULTIPATH);
  if (several === undefined) {
    const dead = (route.flags & RTNH_F_DEAD) !== 0;
    return dead ? [] : [{ index: route.index, gateway: gatewayOf(read.value) }];
  }
  const hops: NextHop[] = [];
  const view = viewOf(several);
  let at = 0;
  while (at + 8 <= several.length) {
    const length = view.getUint16(at, true);
    if (length < 8 || at + length > several.length) break;
    const own = readAttributes(several.subarray(at, at + length), 8);
    if (own.ok && (view.getUint8(at + 2) & RTNH_F_DEAD) === 0) {
      hops.push({ index: view.getInt32(at + 4, true), gateway: gatewayOf(own.value) });
    }
    at += align(length);
  }
  return hops;
}

/** An IPv4 route through an IPv6 gateway (RFC 8950) has it in RTA_VIA, after the family. */
function gatewayOf(attributes: Attributes): string {
  const gateway = attributes.get(RTA_GATEWAY) ?? attributes.get(RTA_VIA)?.subarray(2);
  return gateway === undefined ? "" : formatIp(gateway) ?? "";
}
