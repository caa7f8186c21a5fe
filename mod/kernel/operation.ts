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
 * @module
 */

import {
  type Acknowledgement,
  addAddress,
  addRoute,
  deleteAddress,
  deleteRoute,
  describeAcknowledgement,
  EADDRNOTAVAIL,
  EEXIST,
  ENODEV,
  ESRCH,
  HALB_PROTOCOL,
  IFA_F_NOPREFIXROUTE,
  type MessageWriter,
  type RouteRequest,
  RT_SCOPE_LINK,
} from "../netlink/mod.ts";

/**
 * Metric of our connected routes, to which the interface index is added: so high that any route
 * of the host to the same network wins, and different on each interface.
 */
export const ROUTE_METRIC = 1_000_000;

/** Make the address, refuse one that is there. */
export interface AddAddress {
  readonly type: "add_address";
  readonly router: string;
  readonly index: number;
  readonly address: string;
  /** Whole seconds; 0: for ever. */
  readonly lease: number;
  readonly label?: string;
}

/** Give the address of ours that is there new lifetimes. */
export interface RefreshAddress {
  readonly type: "refresh_address";
  readonly router: string;
  readonly index: number;
  readonly address: string;
  readonly lease: number;
  readonly label?: string;
}

/** Remove an address of ours, with the prefix length it is seen with. */
export interface DeleteAddress {
  readonly type: "delete_address";
  /** Empty: a leftover of no router. */
  readonly router: string;
  readonly index: number;
  readonly address: string;
  readonly prefixLength: number;
}

/** Our connected route to a network that no address of the interface covers. */
export interface ConnectedRoute {
  readonly index: number;
  readonly network: string;
  readonly prefixLength: number;
  /** The virtual address that packets leave with; with it the kernel removes the route. */
  readonly source: string;
}

export interface AddRoute extends ConnectedRoute {
  readonly type: "add_route";
}

export interface DeleteRoute extends ConnectedRoute {
  readonly type: "delete_route";
}

export type Operation = AddAddress | RefreshAddress | DeleteAddress | AddRoute | DeleteRoute;

/** Bits of a host address: what virtual addresses are installed with. */
export function hostLength(address: string): number {
  return address.includes(":") ? 128 : 32;
}

/** Whether it is an IPv6 link-local address (fe80::/10). @param address canonical text */
export function isLinkLocal(address: string): boolean {
  return /^fe[89ab][0-9a-f]:/.test(address);
}

/** Appends one operation as a request with an acknowledgement. */
export function encodeOperation(
  writer: MessageWriter,
  sequence: number,
  operation: Operation,
): void {
  switch (operation.type) {
    case "add_address":
    case "refresh_address": {
      const { index, address, lease, label } = operation;
      const request = {
        index,
        address,
        prefixLength: hostLength(address),
        flags: IFA_F_NOPREFIXROUTE,
        protocol: HALB_PROTOCOL,
        ...(label === undefined ? {} : { label }),
        // An IPv6 address with preferred_lft 0 is never chosen as source of the host's own
        // connections, which would otherwise change their source at failover.
        ...(lease === 0 ? {} : { valid: lease, preferred: address.includes(":") ? 0 : lease }),
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
    case "add_route":
      addRoute(writer, sequence, routeRequest(operation));
      return;
    case "delete_route":
      deleteRoute(writer, sequence, routeRequest(operation));
      return;
  }
}

/** An operation in words, for logs. */
export function describeOperation(operation: Operation): string {
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
  const removes = operation.type === "delete_address" || operation.type === "delete_route";
  if (removes && [EADDRNOTAVAIL, ENODEV, ESRCH].includes(errno)) return undefined;
  if (operation.type === "add_route" && errno === EEXIST) return undefined;
  return describeAcknowledgement(answer);
}

function routeRequest(route: ConnectedRoute): RouteRequest {
  return {
    index: route.index,
    destination: route.network,
    prefixLength: route.prefixLength,
    source: route.source,
    protocol: HALB_PROTOCOL,
    scope: RT_SCOPE_LINK,
    priority: ROUTE_METRIC + route.index,
  };
}
