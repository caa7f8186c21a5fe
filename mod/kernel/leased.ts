/**
 * What the lease book remembers of each router and each virtual address, and what makes an address
 * seen on an interface one of ours.
 *
 * @module
 */

import {
  IFA_F_DEPRECATED,
  IFA_F_NOPREFIXROUTE,
  type InterfaceAddress,
  RT_SCOPE_UNIVERSE,
} from "../netlink/mod.ts";
import type { HeldAddress, KernelRouter } from "../plane/messages.ts";
import { present } from "../plane/present.ts";
import type { Gate } from "./gate.ts";
import { refreshDelay } from "./refresh.ts";
import {
  type AddAddress,
  type DeleteAddress,
  hostLength,
  isIpv6,
  type RefreshAddress,
} from "./operation.ts";

const SECOND = 1_000_000;
/** How long the kernel may take to tell of an address that it has agreed to. */
const ARRIVAL = 2 * SECOND;

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
  /**
   * It was added and is not seen yet, since the kernel tells of an IPv6 address only when it has
   * put its route in place, and does that later; after this time it is thought lost.
   */
  arrivesBy: number | undefined;
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
    (seen.peer !== undefined || (seen.flags & IFA_F_NOPREFIXROUTE) !== 0);
}

/** Whether an address is as it is wanted, lifetimes aside. */
export function isShaped(seen: InterfaceAddress, held: HeldAddress): boolean {
  return hasOurForm(seen) && seen.peer === held.peer && seen.broadcast === held.broadcast &&
    (held.label === undefined || seen.label === held.label) &&
    (isIpv6(seen.address) || seen.scope === (held.scope ?? RT_SCOPE_UNIVERSE));
}

/** Whether a permanent address is preferred or not as it is wanted; a refresh sees to the others. */
export function isAged(seen: InterfaceAddress, held: HeldAddress): boolean {
  if (!seen.permanent || !isIpv6(seen.address)) return true;
  return ((seen.flags & IFA_F_DEPRECATED) === 0) === (held.preferred === true);
}

/** An address that was added and is not seen yet, as it will look; undefined: none is awaited. */
export function expected(
  { held, arrivesBy }: LeasedAddress,
  index: number | undefined,
): Seen | undefined {
  if (arrivesBy === undefined || index === undefined) return undefined;
  const { address, peer } = held;
  const more = peer === undefined ? {} : { peer };
  return { index, address, prefixLength: hostLength(address), ...more };
}

/** What identifies an address to the kernel. */
type Seen = Pick<InterfaceAddress, "index" | "address" | "prefixLength" | "peer">;

/** The removal of an address as it is seen. @param router empty: of no router */
export function removal(router: string, seen: Seen): DeleteAddress {
  const { index, address, prefixLength, peer } = seen;
  const more = peer === undefined ? {} : { peer };
  return { type: "delete_address", router, index, address, prefixLength, ...more };
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
    arrivesBy: undefined,
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
  const { address, label, scope, peer, broadcast, preferred } = held;
  const { name, lease } = router.router;
  const form = present({ address, label, scope, peer, broadcast, preferred });
  return { router: name, index, lease, ...form };
}

/** The kernel has agreed to give the address a new lease, counted from when it was asked. */
export function noteLease(
  address: LeasedAddress,
  { type, index, lease }: AddAddress | RefreshAddress,
  sent: number,
): void {
  const { router, position } = address;
  address.index = index;
  address.failure = undefined;
  address.expiresAt = lease === 0 ? Infinity : sent + lease * SECOND;
  const { slot, addresses } = router.router;
  const fresh = type === "add_address" || address.installedAt === 0;
  address.refreshAt = sent + refreshDelay({ slot, lease, addresses }, position, fresh);
  if (!fresh) return;
  address.installedAt = sent;
  // One that was adopted has arrived long ago, and its neighbours know.
  if (type === "add_address") address.arrivesBy = sent + ARRIVAL;
}

/** What is said where the leases of a router may not be refreshed, with level and category. */
export function starvation(
  { router }: LeasedRouter,
  beating: boolean,
): ["debug" | "warning", string[], string] {
  return beating
    ? [
      "debug",
      ["kernel", router.name],
      "Lease is not refreshed: the protocol plane does not say master",
    ]
    : [
      "warning",
      ["kernel", router.name],
      "Lease is not refreshed: the protocol plane stands still",
    ];
}
