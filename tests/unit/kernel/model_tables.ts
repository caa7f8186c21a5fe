/**
 * Rules of the kernel's tables that the model and its tests share.
 *
 * @module
 */

import { formatIp, inPrefix, networkOf, parseIp } from "../../../mod/ip/mod.ts";
import {
  HALB_PROTOCOL,
  IFA_F_NOPREFIXROUTE,
  type Route,
  RTPROT_KERNEL,
} from "../../../mod/netlink/mod.ts";
import type { ModelAddress, ModelLink, ModelRoute } from "./model_messages.ts";

export function isIpv6({ address }: { readonly address: string }): boolean {
  return address.includes(":");
}

export function sameSubnet(a: ModelAddress, b: ModelAddress): boolean {
  return a.index === b.index && a.prefixLength === b.prefixLength &&
    network(a.address, a.prefixLength) === network(b.address, b.prefixLength);
}

export function network(address: string, length: number): string {
  return formatIp(networkOf(parseIp(address) ?? new Uint8Array(), length)) ?? "";
}

/** Whether IPv6 can be on a link: one that is down, or too small a packet for it, loses it. */
export function carriesIpv6({ flags, mtu }: ModelLink): boolean {
  return (flags & 1) !== 0 && mtu >= 1280;
}

/** Whether an address makes a connected route by itself. */
export function makesRoute(one: ModelAddress): boolean {
  return (one.flags & IFA_F_NOPREFIXROUTE) === 0 && one.prefixLength < (isIpv6(one) ? 128 : 32);
}

/** Whether an address lies in the network of a route. */
export function liesIn(address: string, route: ModelRoute): boolean {
  return inPrefix(
    parseIp(address) ?? new Uint8Array(),
    parseIp(route.destination) ?? new Uint8Array(),
    route.prefixLength,
  );
}

/** The route that an address makes by itself. */
export function connectedRoute(added: ModelAddress): ModelRoute {
  return {
    index: added.index,
    destination: network(added.address, added.prefixLength),
    prefixLength: added.prefixLength,
    gateway: "",
    source: isIpv6(added) ? "" : added.address,
    priority: 0,
    protocol: RTPROT_KERNEL,
    expiresAt: Infinity,
  };
}

/** What is left when IPv4 addresses of an interface have gone; `addresses`: what is there yet. */
export function routesAfterIpv4(
  routes: readonly ModelRoute[],
  addresses: readonly ModelAddress[],
  index: number,
): ModelRoute[] {
  const last = !addresses.some((one) => one.index === index && !isIpv6(one));
  const there = (text: string) => addresses.some((one) => one.address === text);
  const connected = routes.filter((one) => one.protocol === RTPROT_KERNEL && there(one.source));
  const orphaned = (route: ModelRoute) => {
    if (route.protocol === RTPROT_KERNEL) {
      return !addresses.some((one) => one.index === route.index && one.address === route.source);
    }
    if (route.source !== "") return !there(route.source);
    return route.gateway !== "" &&
      !connected.some((one) => one.index === index && liesIn(route.gateway, one));
  };
  return routes.filter((route) =>
    route.destination.includes(":") || route.index !== index || !(last || orphaned(route))
  );
}

/** Routes outlive an IPv6 source; a connected one of the kernel goes with its last address. */
export function routesAfterIpv6(
  routes: readonly ModelRoute[],
  addresses: readonly ModelAddress[],
  removed: ModelAddress,
): ModelRoute[] {
  const needed = (route: ModelRoute) =>
    addresses.some((one) => one.index === route.index && liesIn(one.address, route));
  return routes.filter((route) =>
    route.protocol !== RTPROT_KERNEL || route.index !== removed.index ||
    !liesIn(removed.address, route) || needed(route)
  ).map((route) => route.source === removed.address ? { ...route, source: "" } : route);
}

/** Whether a request to delete means this route. */
export function agrees(one: ModelRoute, wanted: Route): boolean {
  return one.index === wanted.index && one.destination === wanted.destination &&
    one.prefixLength === wanted.prefixLength && one.protocol === wanted.protocol &&
    one.priority === wanted.priority && (wanted.source === "" || one.source === wanted.source);
}

/** Addresses and routes that are not halb's, for comparison. */
export function hostsOwn(
  kernel: { readonly addresses: readonly ModelAddress[]; readonly routes: readonly ModelRoute[] },
): string[] {
  return [
    ...kernel.addresses.filter((one) => one.protocol !== HALB_PROTOCOL)
      .map((one) => `${one.index} ${one.address}/${one.prefixLength} ${one.flags}`),
    ...kernel.routes.filter((one) => one.protocol !== HALB_PROTOCOL)
      .map((one) => JSON.stringify(one, Object.keys(one).sort())),
  ].sort();
}
