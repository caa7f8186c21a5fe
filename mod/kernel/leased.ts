/**
 * What the lease book remembers of each router and each virtual address, and what makes an address
 * seen on an interface one of ours.
 *
 * @module
 */

import { IFA_F_NOPREFIXROUTE, type InterfaceAddress } from "../netlink/mod.ts";
import type { HeldAddress, KernelRouter } from "../plane/messages.ts";
import type { Gate } from "./gate.ts";
import {
  type AddAddress,
  type DeleteAddress,
  hostLength,
  type RefreshAddress,
} from "./operation.ts";

/** One virtual address of one router. */
export interface LeasedAddress {
  readonly router: LeasedRouter;
  held: HeldAddress;
  position: number;
  /** Where it was last seen as ours; undefined: nowhere. */
  index: number | undefined;
  /** When the kernel removes it unless refreshed. */
  expiresAt: number;
  refreshAt: number;
  /** Heartbeat at the last decision to refresh. */
  heartbeat: number | undefined;
  installedAt: number;
  /** Nothing is tried before this time. */
  retryAt: number;
  failures: number;
  /** When somebody else last removed it. */
  removedAt: number;
  /** Removals by somebody else in quick succession. */
  strikes: number;
  /** Somebody else removed it; it counts as a repair once it is back. */
  repairing: boolean;
  /** Why it could not be added, in words. */
  failure: string | undefined;
}

/** One router as the book knows it. */
export interface LeasedRouter {
  router: KernelRouter;
  readonly gate: Gate;
  wanted: boolean;
  /** The protocol plane has said hold or drop since the configuration came. */
  decided: boolean;
  adoptedUntil: number;
  addresses: LeasedAddress[];
  repairs: number;
  /** A refresh was refused since the last one that was allowed. */
  starved: boolean;
  /** Why nothing is done for it until it is configured again. */
  fault: string | undefined;
}

/** What the book tells its owner besides the operations. */
export interface LeaseEvents {
  /** An address came to be on its interface by our doing. */
  installed(address: LeasedAddress): void;
  /**
   * Leases of this router may not be refreshed and run out. Once for each time.
   *
   * @param beating the protocol loop turns, but does not say master
   */
  starved(router: LeasedRouter, beating: boolean): void;
  /** What can be said of this router is different now. */
  changed(router: LeasedRouter): void;
  /** Something unforeseen happened with this router: nothing is done for it any more. */
  faulted(router: LeasedRouter): void;
}

/** Names an address on an interface. */
export function keyOf(held: HeldAddress): string {
  return `${held.interface} ${held.address}`;
}

/** Whether an address looks as ours do, marked or not. */
export function hasOurForm(seen: InterfaceAddress): boolean {
  return seen.prefixLength === hostLength(seen.address) &&
    (seen.flags & IFA_F_NOPREFIXROUTE) !== 0;
}

/** The removal of an address as it is seen. @param router empty: of no router */
export function removal(router: string, seen: InterfaceAddress): DeleteAddress {
  const { index, address, prefixLength } = seen;
  return { type: "delete_address", router, index, address, prefixLength };
}

/** An address that nothing is known of, or only that it is on interface `index`. */
export function newAddress(
  router: LeasedRouter,
  held: HeldAddress,
  index: number | undefined,
  now: number,
): LeasedAddress {
  return {
    router,
    held,
    position: 0,
    index,
    expiresAt: now,
    refreshAt: now,
    heartbeat: undefined,
    installedAt: 0,
    retryAt: now,
    failures: 0,
    removedAt: -Infinity,
    strikes: 0,
    repairing: false,
    failure: undefined,
  };
}

/** A router that nothing was decided about yet. */
export function newRouter(router: KernelRouter, gate: Gate, adoptedUntil: number): LeasedRouter {
  return {
    router,
    gate,
    wanted: false,
    decided: false,
    adoptedUntil,
    addresses: [],
    repairs: 0,
    starved: false,
    fault: undefined,
  };
}

/** Makes the address; the decision counts as one to refresh. */
export function addition(address: LeasedAddress, index: number): AddAddress {
  address.heartbeat = address.router.gate.heartbeat;
  return { type: "add_address", ...target(address, index) };
}

/** Gives the address new lifetimes. */
export function refreshing(address: LeasedAddress, index: number): RefreshAddress {
  return { type: "refresh_address", ...target(address, index) };
}

function target({ held, router }: LeasedAddress, index: number) {
  return {
    router: router.router.name,
    index,
    address: held.address,
    lease: router.router.lease,
    ...(held.label === undefined ? {} : { label: held.label }),
  };
}
