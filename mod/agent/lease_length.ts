/**
 * How long the kernel keeps a router's addresses without the agent, where the site leaves that to us.
 *
 * The length is a compromise between three wishes. After a `kill -9` the dead node should answer
 * until its successor does; not much longer, since both answer then; and leases cost the kernel time
 * for each refresh. The first wish decides: an agent that dies just before a refresh leaves what
 * is left of the lease, and that must outlast the slowest backup and its takeover. The kernel plane
 * refreshes a little before a third of the lease is over, so half as much again as that backup's
 * master-down interval leaves a twentieth for the takeover.
 *
 * The last wish asks for more where there are many addresses: refreshes of all of them together
 * should take one hundredth of a processor, as far as half a minute goes.
 *
 * @module
 */

import type { SiteConfig, VrrpConfig } from "../../config/mod.ts";
import { masterDownInterval, version2Interval } from "../vrrp/mod.ts";

const SECOND = 1_000_000;
/** Shortest automatic lease, seconds. */
const SHORTEST = 3;
/** Longest lease that the number of addresses alone asks for, seconds. */
const LONGEST = 30;
/** Lease by the longest time that a backup waits. */
const OUTLAST = 1.5;
/** What one refresh costs the kernel and us, microseconds; measured with a thousand addresses. */
const COST_IPV4 = 15;
const COST_IPV6 = 120;
/** Share of one processor that refreshes may take. */
const SHARE = 0.01;
/** Share of a lease that passes before it is refreshed (the kernel plane's `leased.ts`). */
const REFRESHED_AFTER = 0.3;

/** Time that one round of refreshes takes, of all addresses that the agent may hold. */
export function refreshCost({ vrrp }: Pick<SiteConfig, "vrrp">): number {
  let cost = 0;
  for (const { addresses, excluded_addresses, address_lease } of vrrp) {
    // Whose lease is fixed is refreshed as often as that says: not ours to make up for.
    if (address_lease !== "auto") continue;
    const all = [...addresses, ...excluded_addresses];
    for (const { address } of all) cost += address.includes(":") ? COST_IPV6 : COST_IPV4;
  }
  return cost;
}

/**
 * Whole seconds; 0: for ever.
 *
 * @param cost of a round of refreshes, microseconds, see `refreshCost`
 */
export function leaseOf(vrrp: VrrpConfig, cost: number): number {
  const { address_lease } = vrrp;
  if (address_lease === "off") return 0;
  if (address_lease !== "auto") return address_lease;
  const affordable = Math.min(LONGEST, Math.ceil(cost / SHARE / REFRESHED_AFTER / SECOND));
  const outlasting = Math.ceil(OUTLAST * slowestMasterDown(vrrp) / SECOND);
  return Math.max(SHORTEST, outlasting, affordable);
}

/** How long the backup of the lowest priority waits, by whichever version it speaks. */
function slowestMasterDown(vrrp: VrrpConfig): number {
  const { advertisement_interval, version, v2_compatibility, down_timer_adverts } = vrrp;
  const own = masterDownInterval(1, advertisement_interval, version, down_timer_adverts);
  if (version === 2 || !v2_compatibility) return own;
  const interval = version2Interval(advertisement_interval);
  return Math.max(own, masterDownInterval(1, interval, 2, down_timer_adverts));
}
