/**
 * Addresses, routes and rules of a site as the kernel plane is told them: numbers of the kernel in
 * place of words and durations.
 *
 * @module
 */

import type { AddressConfig, RouteConfig, RuleConfig, StaticConfig } from "../../config/mod.ts";
import { type Encapsulation, ROUTE_METRICS, type RouteMetric } from "../netlink/mod.ts";
import type { HeldAddress, HeldRoute, HeldRule, KernelRouter } from "../plane/messages.ts";
import { present } from "../plane/present.ts";

/** What stands for `[static]` among the routers: no router can have this name. */
export const STATIC_NAME = "[static]";

const FEATURES = { ecn: 1, tcp_usec_ts: 16 } as const;
const MILLISECOND = 1_000;

/** @param excluded it is not in the adverts */
export function heldAddress(held: AddressConfig, excluded: boolean): HeldAddress {
  const { label, scope, peer, broadcast, preferred } = held;
  return present({
    address: held.address,
    prefixLength: held.prefix_length,
    interface: held.interface,
    label,
    excluded: excluded || undefined,
    scope,
    peer,
    broadcast,
    preferred: preferred || undefined,
  });
}

type Hop = HeldRoute["hops"][number];

function hop(
  config: Pick<RouteConfig, "via" | "interface" | "onlink" | "encap"> & {
    readonly weight?: number;
    readonly realms?: number;
  },
): Hop {
  const { interface: name, via, weight, onlink, realms, encap } = config;
  return present({
    interface: name,
    via,
    weight,
    onlink: onlink || undefined,
    realms,
    encapsulation: encap === undefined ? undefined : encapsulation(encap),
  });
}

function encapsulation(config: NonNullable<RouteConfig["encap"]>): Encapsulation {
  const { type, labels = [], id, destination, source, ttl, tos } = config;
  if (type === "mpls") return present({ type, labels, ttl });
  return present({ type, id, destination, source, ttl, tos });
}

export function heldRoute(route: RouteConfig): HeldRoute {
  const single = route.via !== undefined || route.interface !== undefined;
  const { realms, ...way } = route;
  const hops = route.nexthops?.map(hop) ?? (single ? [hop(way)] : []);
  const metrics = metricsOf(route);
  return present({
    to: route.to,
    type: route.type,
    table: route.table,
    metric: route.metric,
    tos: route.tos,
    scope: route.scope,
    source: route.source,
    hops,
    metrics: Object.keys(metrics).length === 0 ? undefined : metrics,
    congestion: route.congctl,
    realms,
    preference: route.pref,
  });
}

type Metrics = NonNullable<HeldRoute["metrics"]>;

/** Metrics in the kernel's units, in the order of their numbers. */
function metricsOf(route: RouteConfig): Metrics {
  const { mtu, window, rtt, rttvar, ssthresh, cwnd, advmss, reordering, hoplimit } = route;
  const { initcwnd, features, rto_min, initrwnd, quickack, fastopen_no_cookie, lock } = route;
  const bit = (flag: boolean | undefined) => flag === undefined ? undefined : Number(flag);
  const numbers: Record<Exclude<RouteMetric, "congctl" | "lock">, number | undefined> = {
    mtu,
    window,
    // The kernel keeps the one in eighths of a millisecond, the other in quarters.
    rtt: rtt === undefined ? undefined : rtt / MILLISECOND * 8,
    rttvar: rttvar === undefined ? undefined : rttvar / MILLISECOND * 4,
    ssthresh,
    cwnd,
    advmss,
    reordering,
    hoplimit,
    initcwnd,
    features: features?.reduce((bits, feature) => bits | FEATURES[feature], 0),
    rto_min: rto_min === undefined ? undefined : rto_min / MILLISECOND,
    initrwnd,
    quickack: bit(quickack),
    fastopen_no_cookie: bit(fastopen_no_cookie),
  };
  // TCP heeds `rto_min` where it is locked, so `ip` always locks it.
  const locked = new Set([...lock ?? [], ...(rto_min === undefined ? [] : ["rto_min" as const])]);
  const bits = [...locked].reduce((all, metric) => all | (1 << ROUTE_METRICS[metric]), 0);
  const locks = bits === 0 ? undefined : bits;
  return present({ lock: locks, ...numbers });
}

export function heldRule(rule: RuleConfig): HeldRule {
  const family: HeldRule["family"] = rule.family === "ipv6" ? 6 : 4;
  return present({
    family,
    priority: rule.priority,
    action: rule.action,
    table: rule.table,
    goto: rule.goto,
    not: rule.not || undefined,
    from: rule.from,
    to: rule.to,
    iif: rule.iif,
    oif: rule.oif,
    tos: rule.tos,
    fwmark: rule.fwmark,
    fwmask: rule.fwmask,
    realms: rule.realms,
    uids: rule.uid_range,
    l3mdev: rule.l3mdev || undefined,
    ipProtocol: rule.ip_protocol,
    sourcePorts: rule.source_port,
    destinationPorts: rule.destination_port,
    suppressPrefixLength: rule.suppress_prefix_length,
    suppressGroup: rule.suppress_interface_group,
    tunnelId: rule.tunnel_id,
  });
}

/** Routes and rules of a router; keys of empty lists are left out. */
export function heldRouting(
  { routes, rules }: {
    readonly routes: readonly RouteConfig[];
    readonly rules: readonly RuleConfig[];
  },
): Pick<KernelRouter, "routes" | "rules"> {
  return {
    ...(routes.length === 0 ? {} : { routes: routes.map(heldRoute) }),
    ...(rules.length === 0 ? {} : { rules: rules.map(heldRule) }),
  };
}

/** `[static]` as the kernel plane holds it; undefined: there is nothing in it. */
export function heldStatics(config: StaticConfig, namespace: string): KernelRouter | undefined {
  const { addresses, routes, rules } = config;
  if (addresses.length + routes.length + rules.length === 0) return undefined;
  return {
    name: STATIC_NAME,
    slot: 0,
    namespace,
    addresses: addresses.map((address) =>
      heldAddress({ preferred: address.address.includes(":"), ...address }, false)
    ),
    ...heldRouting(config),
    always: true,
    lease: 0,
    announce: { repeat: 0, delay: 0, refresh: 0, refreshRepeat: 0, interval: 0 },
  };
}
