/**
 * What the kernel is asked to do, as plain data, and how that becomes netlink. The lease book
 * makes lists of operations; the namespace driver encodes them, many in one buffer, and hands
 * each acknowledgement back to the book.
 *
 * Addresses always go in as /32 (or /128) with `noprefixroute`, leased or permanent, whatever
 * prefix length is configured. An address with a wider prefix can become the primary address of
 * its subnet, and then its removal takes the host's own addresses, their connected route and the
 * routes through it along. A /32 shares its subnet with nobody, so it is never primary for anything
 * else, and its going takes nothing along but itself. That holds as much for a permanent address
 * that we or somebody else removes as for one that expires.
 *
 * IPv6 addresses go in with `nodad`: they move, and must be usable at once. With a preferred
 * lifetime of zero they are never chosen as source of the host's own connections, which would
 * otherwise change their source at failover.
 *
 * An IPv4 route goes with its preferred source. An IPv6 route outlives it and only forgets it, so
 * ours get a lifetime of their own, and making one replaces what is there.
 *
 * @module
 */

import {
  type Acknowledgement,
  addAddress,
  addRoute,
  deleteAddress,
  deleteRoute,
  describeAcknowledgement,
  EACCES,
  EADDRNOTAVAIL,
  EAFNOSUPPORT,
  EEXIST,
  ENODEV,
  ENOENT,
  EOPNOTSUPP,
  ESRCH,
  IFA_F_NODAD,
  IFA_F_NOPREFIXROUTE,
  INFINITE_LIFETIME,
  type MessageWriter,
  type RouteRequest,
  RT_SCOPE_LINK,
} from "../netlink/mod.ts";
import type { HeldAddress } from "../plane/messages.ts";
import {
  describeRoutingOperation,
  encodeRoutingOperation,
  isRoutingOperation,
  type RoutingOperation,
} from "./routing_operation.ts";
import { ownProtocol } from "./mark.ts";

/**
 * Metric of our connected routes, to which the interface index is added: so high that any route
 * of the host to the same network wins, and different on each interface.
 */
export const ROUTE_METRIC = 1_000_000;

/** What an address is like, besides its lifetimes. */
export type AddressForm = Pick<
  HeldAddress,
  "address" | "label" | "scope" | "peer" | "broadcast" | "preferred"
>;

/** Make the address, refuse one that is there. */
export interface AddAddress extends AddressForm {
  readonly type: "add_address";
  readonly router: string;
  readonly index: number;
  /** Whole seconds; 0: for ever. */
  readonly lease: number;
}

/** Give the address of ours that is there new lifetimes. */
export interface RefreshAddress extends AddressForm {
  readonly type: "refresh_address";
  readonly router: string;
  readonly index: number;
  readonly lease: number;
}

/** Remove an address of ours, with the prefix length it is seen with. */
export interface DeleteAddress {
  readonly type: "delete_address";
  /** Empty: a leftover of no router. */
  readonly router: string;
  readonly index: number;
  readonly address: string;
  readonly prefixLength: number;
  readonly peer?: string;
}

/** Our connected route to a network that no address of the interface covers. */
export interface ConnectedRoute {
  readonly index: number;
  readonly network: string;
  readonly prefixLength: number;
  /** The virtual address that packets leave with; with it the kernel removes the route. */
  readonly source: string;
  /** Number of the routing table: the main one, or that of the interface's VRF. */
  readonly table: number;
}

/** Make the route where it is missing; IPv6: make it anew, with a full lifetime. */
export interface AddRoute extends ConnectedRoute {
  readonly type: "add_route";
  /** Whole seconds that an IPv6 route is used without us; 0: for ever. IPv4 needs none. */
  readonly lease: number;
}

export interface DeleteRoute extends ConnectedRoute {
  readonly type: "delete_route";
}

export type Operation =
  | AddAddress
  | RefreshAddress
  | DeleteAddress
  | AddRoute
  | DeleteRoute
  | RoutingOperation;

/** Whether the text of an address is one of IPv6. */
export function isIpv6(address: string): boolean {
  return address.includes(":");
}

/** Bits of a host address: what virtual addresses are installed with. */
export function hostLength(address: string): number {
  return isIpv6(address) ? 128 : 32;
}

/** Appends one operation as a request with an acknowledgement. */
export function encodeOperation(
  writer: MessageWriter,
  sequence: number,
  operation: Operation,
): void {
  if (isRoutingOperation(operation)) return encodeRoutingOperation(writer, sequence, operation);
  switch (operation.type) {
    case "add_address":
    case "refresh_address": {
      const { index, address, peer } = operation;
      const request = {
        index,
        address,
        prefixLength: hostLength(address),
        protocol: ownProtocol(),
        ...(peer === undefined ? {} : { peer }),
        ...(isIpv6(address) ? ipv6Form(operation) : ipv4Form(operation)),
      };
      addAddress(
        writer,
        sequence,
        request,
        operation.type === "add_address" ? "create" : "replace",
      );
      return;
    }
    case "delete_address":
      deleteAddress(writer, sequence, operation);
      return;
    case "add_route": {
      const { lease, network } = operation;
      const request = routeRequest(operation);
      if (!isIpv6(network)) addRoute(writer, sequence, request);
      else addRoute(writer, sequence, withLifetime(request, lease), "replace");
      return;
    }
    case "delete_route":
      deleteRoute(writer, sequence, removalRequest(operation));
      return;
  }
}

/** An operation in words, for logs. */
export function describeOperation(operation: Operation): string {
  if (isRoutingOperation(operation)) return describeRoutingOperation(operation);
  switch (operation.type) {
    case "add_address":
      return `add ${operation.address} to interface ${operation.index}`;
    case "refresh_address":
      return `refresh ${operation.address} on interface ${operation.index}`;
    case "delete_address":
      return `remove ${operation.address}/${operation.prefixLength} from interface ${operation.index}`;
    case "add_route":
      return `add route to ${operation.network}/${operation.prefixLength} on interface ${operation.index}`;
    case "delete_route":
      return `remove route to ${operation.network}/${operation.prefixLength} on interface ${operation.index}`;
  }
}

/** Why an operation failed; undefined where it is done, or there was nothing left to do. */
export function failureOf(operation: Operation, answer: Acknowledgement): string | undefined {
  const { errno } = answer;
  if (errno === 0) return undefined;
  const removes = /^(delete|drop)_/.test(operation.type);
  if (removes && [EADDRNOTAVAIL, ENODEV, ENOENT, ESRCH].includes(errno)) return undefined;
  if (operation.type === "add_route" && errno === EEXIST) return undefined;
  if (operation.type === "add_address" && isIpv6(operation.address)) {
    const reason = IPV6_REFUSALS[errno];
    if (reason !== undefined) return reason;
  }
  return describeAcknowledgement(answer);
}

/** Why the kernel refuses an IPv6 address, where its own words do not say or are too new. */
const IPV6_REFUSALS: Readonly<Record<number, string>> = {
  [EACCES]: "IPv6 is disabled on the interface (disable_ipv6 is 1)",
  [EAFNOSUPPORT]: "This kernel has no IPv6",
  [EOPNOTSUPP]: "This kernel has no IPv6",
};

/** The kernel makes the route to the other end of a link itself, and nothing else. */
function noRoutes({ peer }: AddressForm): number {
  return peer === undefined ? IFA_F_NOPREFIXROUTE : 0;
}

function ipv4Form(operation: AddAddress | RefreshAddress) {
  const { lease, label, scope, broadcast } = operation;
  return {
    flags: noRoutes(operation),
    ...(label === undefined ? {} : { label }),
    ...(scope === undefined ? {} : { scope }),
    ...(broadcast === undefined ? {} : { broadcast }),
    ...(lease === 0 ? {} : { valid: lease, preferred: lease }),
  };
}

function ipv6Form(operation: AddAddress | RefreshAddress) {
  const flags = noRoutes(operation) | IFA_F_NODAD;
  const valid = operation.lease === 0 ? INFINITE_LIFETIME : operation.lease;
  return { flags, valid, preferred: operation.preferred === true ? valid : 0 };
}

function withLifetime(request: RouteRequest, lease: number): RouteRequest {
  return lease === 0 ? request : { ...request, expires: lease };
}

function routeRequest(route: ConnectedRoute): RouteRequest {
  return {
    index: route.index,
    destination: route.network,
    prefixLength: route.prefixLength,
    source: route.source,
    table: route.table,
    protocol: ownProtocol(),
    scope: RT_SCOPE_LINK,
    priority: ROUTE_METRIC + route.index,
  };
}

/** The kernel forgets the source of an IPv6 route with the address: a removal must not name it. */
function removalRequest(route: ConnectedRoute): RouteRequest {
  const { source, ...rest } = routeRequest(route);
  return isIpv6(route.network) || source === undefined ? rest : { ...rest, source };
}
