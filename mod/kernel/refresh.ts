/**
 * When leases are refreshed: what a lease book does, as a function of time.
 *
 * @module
 */

import type { KernelRouter } from "../plane/messages.ts";
import { refreshShare } from "./gate.ts";

const SECOND = 1_000_000;
/**
 * Share of a lease after which it is refreshed: a little before a third, so that what is left when
 * the agent dies, two thirds, still holds where a refresh was somewhat late.
 */
const REFRESHED_AFTER = 0.3;
/**
 * Share of the period that passes before the first refresh of a new address: a refresh of IPv6
 * costs the kernel as much as an addition, and a takeover has announcements to send first.
 */
const QUIET = 0.4;

/** What of a router decides. */
type Refreshed = Pick<KernelRouter, "slot" | "lease" | "addresses">;

/**
 * From a refresh, or the addition of an address, to the next refresh: microseconds.
 *
 * @param position of the address in its router
 * @param fresh it has just been added
 */
export function refreshDelay(
  { slot, lease, addresses }: Refreshed,
  position: number,
  fresh: boolean,
): number {
  const period = lease * SECOND * REFRESHED_AFTER;
  const share = refreshShare(slot, position, addresses.length);
  return period * (fresh ? QUIET + (1 - QUIET) * share : 1);
}

/** When an address that was added at `since` was last refreshed before `now`, or added. */
export function refreshSchedule(
  router: Refreshed,
  position: number,
  since: number,
  now: number,
): number {
  const first = since + refreshDelay(router, position, true);
  if (now < first) return since;
  const period = refreshDelay(router, position, false);
  return Math.round(first + Math.floor((now - first) / period) * period);
}
