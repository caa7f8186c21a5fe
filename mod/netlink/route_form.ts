/**
 * Routes with everything that `ip route` lets a user say: types, next hops, metrics, tunnels. What
 * `route.ts` reads and puts back as bytes is made here from its parts.
 *
 * A table tells routes apart by network, metric and TOS: so does `routeKey`, of a route that is
 * wanted and of one that the kernel shows.
 *
 * @module
 */

import { parseIp } from "../ip/mod.ts";
import {
  AF_INET,
  AF_INET6,
  NLM_F_ACK,
  NLM_F_CREATE,
  NLM_F_EXCL,
  NLM_F_REPLACE,
  NLM_F_REQUEST,
  RT_SCOPE_LINK,
  RT_SCOPE_UNIVERSE,
  RT_TABLE_MAIN,
  RTM_DELROUTE,
  RTM_NEWROUTE,
} from "./constants.ts";
import {
  describeEncapsulation,
  type Encapsulation,
  writeEncapsulation,
  writeIp,
} from "./encapsulation.ts";
import type { MessageWriter } from "./frame.ts";
import type { Route } from "./route.ts";

const RTA_DST = 1;
const RTA_OIF = 4;
const RTA_GATEWAY = 5;
const RTA_PRIORITY = 6;
const RTA_PREFSRC = 7;
const RTA_METRICS = 8;
const RTA_MULTIPATH = 9;
const RTA_FLOW = 11;
const RTA_TABLE = 15;
const RTA_PREF = 20;
const RTNH_F_ONLINK = 0x4;
const RT_SCOPE_HOST = 254;
/** In a removal: whatever scope it has. */
const RT_SCOPE_NOWHERE = 255;
/** What an IPv6 route has that was added without a metric. */
const DEFAULT_IPV6_METRIC = 1024;

/** Types of routes and their numbers (RTN_…). */
export const ROUTE_TYPES = {
  unicast: 1,
  local: 2,
  broadcast: 3,
  anycast: 4,
  multicast: 5,
  blackhole: 6,
  unreachable: 7,
  prohibit: 8,
  throw: 9,
} as const;
export type RouteType = keyof typeof ROUTE_TYPES;

/** Metrics of a route and their numbers (RTAX_…); values as the kernel counts them. */
export const ROUTE_METRICS = {
  lock: 1,
  mtu: 2,
  window: 3,
  rtt: 4,
  rttvar: 5,
  ssthresh: 6,
  cwnd: 7,
  advmss: 8,
  reordering: 9,
  hoplimit: 10,
  initcwnd: 11,
  features: 12,
  rto_min: 13,
  initrwnd: 14,
  quickack: 15,
  congctl: 16,
  fastopen_no_cookie: 17,
} as const;
export type RouteMetric = keyof typeof ROUTE_METRICS;

/** Values of RTA_PREF (RFC 4191). */
const PREFERENCES = { low: 3, medium: 0, high: 1 } as const;

/** One way out of a route. `I`: how the interface is given, by index or by name. */
export interface RouteHop<I> {
  readonly interface?: I;
  /** Of the family of the route. */
  readonly via?: string;
  /** 1 to 256 among several. */
  readonly weight?: number;
  /** The gateway counts as reachable though no route says so. */
  readonly onlink?: boolean;
  /** Source realm in the upper, destination realm in the lower 16 bits. */
  readonly realms?: number;
  readonly encapsulation?: Encapsulation;
}

/** A route as it is asked for. */
export interface RouteForm<I> {
  /** Network, such as `203.0.113.0/24`; `0.0.0.0/0` and `::/0`: the default route. */
  readonly to: string;
  readonly type: RouteType;
  readonly table: number;
  /** Absent: none; for IPv6 the kernel's 1024. */
  readonly metric?: number;
  readonly tos?: number;
  /** RT_SCOPE_…; absent: what the type and the gateway suggest. IPv4. */
  readonly scope?: number;
  readonly source?: string;
  /** None for a type that leads nowhere; one; or several that share the packets. */
  readonly hops: readonly RouteHop<I>[];
  readonly metrics?: Readonly<Partial<Record<Exclude<RouteMetric, "congctl">, number>>>;
  /** Congestion control. */
  readonly congestion?: string;
  readonly realms?: number;
  readonly preference?: keyof typeof PREFERENCES;
}

/** Text and prefix length of a network. @throws {RangeError} where it is none */
function networkOf(to: string): { bytes: Uint8Array; length: number } {
  const slash = to.indexOf("/");
  const bytes = parseIp(to.slice(0, slash));
  const length = Number(to.slice(slash + 1));
  if (slash < 0 || bytes === undefined || !(length >= 0 && length <= bytes.length * 8)) {
    throw new RangeError(`Cannot encode route to "${to}": not a network`);
  }
  return { bytes, length };
}

/** What tells a route from all others of its family. */
export function routeKey(
  { to, table, tos = 0, metric }: Pick<RouteForm<unknown>, "to" | "table" | "tos" | "metric">,
): string {
  const six = to.includes(":");
  const priority = metric || (six ? DEFAULT_IPV6_METRIC : 0);
  return `${to} table ${table} tos ${six ? 0 : tos} metric ${priority}`;
}

/** The same of one that the kernel shows. */
export function shownRouteKey(route: Route): string {
  return routeKey({
    to: `${route.destination}/${route.prefixLength}`,
    table: route.table,
    tos: route.payload[3] ?? 0,
    metric: route.priority,
  });
}

/**
 * Appends RTM_NEWROUTE. `create` refuses where a route of the same key is there, whatever it looks
 * like; `replace` puts this one in its place without a moment in between.
 *
 * @throws {RangeError} for addresses that are none
 */
export function putRoute(
  writer: MessageWriter,
  sequence: number,
  route: RouteForm<number>,
  protocol: number,
  mode: "create" | "replace",
): void {
  const how = mode === "create" ? NLM_F_EXCL : NLM_F_REPLACE;
  writer.begin(RTM_NEWROUTE, NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | how, sequence);
  const [first, ...others] = route.hops;
  const single = others.length === 0 ? first : undefined;
  const flags = single?.onlink === true ? RTNH_F_ONLINK : 0;
  writeHead(writer, route, protocol, route.scope ?? defaultScope(route), flags);
  writeIp(writer, RTA_PREFSRC, route.source);
  if (single !== undefined) writeHop(writer, single, true);
  if (others.length > 0) writeHops(writer, route.hops);
  const realms = route.realms ?? single?.realms;
  if (realms !== undefined) writer.attributeU32(RTA_FLOW, realms);
  writeMetrics(writer, route);
  if (route.preference !== undefined) {
    writer.attributeU8(RTA_PREF, PREFERENCES[route.preference]);
  }
  writer.end();
}

/** Appends RTM_DELROUTE for the route of this key and protocol, whatever else it looks like. */
export function dropRoute(
  writer: MessageWriter,
  sequence: number,
  { to, table, tos = 0, metric = 0 }: Pick<
    RouteForm<unknown>,
    "to" | "table" | "tos" | "metric"
  >,
  protocol: number,
): void {
  writer.begin(RTM_DELROUTE, NLM_F_REQUEST | NLM_F_ACK, sequence);
  const id = metric === 0 ? { to, table, tos } : { to, table, tos, metric };
  writeHead(writer, id, protocol, RT_SCOPE_NOWHERE, 0);
  writer.end();
}

function writeHead(
  writer: MessageWriter,
  route: Pick<RouteForm<unknown>, "to" | "table" | "tos" | "metric"> & { type?: RouteType },
  protocol: number,
  scope: number,
  flags: number,
): void {
  const { to, table, tos = 0, metric, type } = route;
  const { bytes, length } = networkOf(to);
  const six = bytes.length === 16;
  writer.u8(six ? AF_INET6 : AF_INET).u8(length).u8(0).u8(tos);
  writer.u8(table < 256 ? table : 0).u8(protocol);
  // IPv6 has no scopes.
  writer.u8(six ? RT_SCOPE_UNIVERSE : scope).u8(type === undefined ? 0 : ROUTE_TYPES[type]);
  writer.u32(flags);
  if (length > 0) writer.attribute(RTA_DST, bytes);
  if (table >= 256) writer.attributeU32(RTA_TABLE, table);
  if (metric !== undefined) writer.attributeU32(RTA_PRIORITY, metric);
}

/** As `ip route` chooses it. */
function defaultScope({ type, hops }: RouteForm<number>): number {
  if (type === "local") return RT_SCOPE_HOST;
  if (type === "broadcast" || type === "multicast" || type === "anycast") return RT_SCOPE_LINK;
  const direct = hops.length === 1 && hops[0]?.via === undefined;
  return type === "unicast" && direct ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
}

function writeHop(writer: MessageWriter, hop: RouteHop<number>, withInterface: boolean): void {
  writeIp(writer, RTA_GATEWAY, hop.via);
  if (withInterface && hop.interface !== undefined) writer.attributeU32(RTA_OIF, hop.interface);
  if (hop.encapsulation !== undefined) writeEncapsulation(writer, hop.encapsulation);
}

/** RTA_MULTIPATH: `struct rtnexthop` (length, flags, weight less one, interface), attributes. */
function writeHops(writer: MessageWriter, hops: readonly RouteHop<number>[]): void {
  const nested = writer.beginNested(RTA_MULTIPATH);
  for (const hop of hops) {
    const at = writer.beginRecord();
    writer.u8(hop.onlink === true ? RTNH_F_ONLINK : 0).u8((hop.weight ?? 1) - 1);
    writer.u32(hop.interface ?? 0);
    writeHop(writer, hop, false);
    if (hop.realms !== undefined) writer.attributeU32(RTA_FLOW, hop.realms);
    writer.endNested(at);
  }
  writer.endNested(nested);
}

function writeMetrics(
  writer: MessageWriter,
  { metrics = {}, congestion }: RouteForm<number>,
): void {
  const values = Object.entries(metrics) as [RouteMetric, number][];
  if (values.length === 0 && congestion === undefined) return;
  const nested = writer.beginNested(RTA_METRICS);
  for (const [name, value] of values) writer.attributeU32(ROUTE_METRICS[name], value);
  if (congestion !== undefined) {
    writer.attribute(ROUTE_METRICS.congctl, new TextEncoder().encode(congestion));
  }
  writer.endNested(nested);
}

/** In the words of `ip route`, shortened to what tells it from others. */
export function describeRoute(route: RouteForm<string>): string {
  const [first, ...others] = route.hops;
  const network = /^(0\.0\.0\.0|::)\/0$/.test(route.to) ? "default" : route.to;
  const to = route.to.startsWith("::/") ? "default (IPv6)" : network;
  const words = [route.type === "unicast" ? to : `${route.type} ${to}`];
  if (others.length === 0 && first !== undefined) words.push(...describeHop(first));
  if (route.table !== RT_TABLE_MAIN) words.push(`table ${route.table}`);
  if (route.tos !== undefined) words.push(`tos ${route.tos}`);
  if (route.source !== undefined) words.push(`src ${route.source}`);
  if (route.metric !== undefined) words.push(`metric ${route.metric}`);
  for (const hop of others.length > 0 ? route.hops : []) {
    words.push("nexthop", ...describeHop(hop), `weight ${hop.weight ?? 1}`);
  }
  return words.join(" ");
}

function describeHop(hop: RouteHop<string>): string[] {
  const words: string[] = [];
  if (hop.encapsulation !== undefined) words.push(describeEncapsulation(hop.encapsulation));
  if (hop.via !== undefined) words.push(`via ${hop.via}`);
  if (hop.interface !== undefined) words.push(`dev ${hop.interface}`);
  return words;
}
