/**
 * What halb does about interference: an address that somebody else removes is put back, at once
 * the first time and with growing waits where it is removed again and again; and an IPv6 address
 * that cannot be where it should be now waits for what stands in its way, with the reason in words.
 *
 * Pure. Times are whole microseconds.
 *
 * @module
 */

import type { InterfaceAddress, Link } from "../netlink/mod.ts";
import { backoff } from "./gate.ts";
import type { LeasedAddress } from "./leased.ts";
import { isIpv6 } from "./operation.ts";
import { LEAST_MTU } from "./view.ts";

/** Removals further apart than this are not thought to be a fight over the address. */
const SETTLED = 10_000_000;
/** The kernel may end a lease a quarter of a second early. */
const NEARLY_OVER = 300_000;

/**
 * Why an address cannot be on the interface now, known without asking the kernel; undefined:
 * nothing is known. IPv4 addresses stay on links that are down, IPv6 ones vanish from them.
 */
export function obstacleTo(address: string, link: Link | undefined): string | undefined {
  if (link === undefined || !isIpv6(address)) return undefined;
  if (!link.up) return `Interface ${link.name} is down`;
  // 0: the kernel did not say.
  if (link.mtu > 0 && link.mtu < LEAST_MTU.ipv6) {
    return `MTU of ${link.name} is ${link.mtu}, IPv6 needs ${LEAST_MTU.ipv6}`;
  }
  return undefined;
}

/**
 * Some other process removed the address, as far as the notification tells: when to put it back.
 * A notification of IPv6 does not name its cause, so what the kernel itself removes, with the
 * lease or with the link, is told apart here.
 */
export function strike(
  address: LeasedAddress,
  removed: InterfaceAddress,
  link: Link | undefined,
  now: number,
): void {
  if (!address.router.wanted || address.index !== removed.index) return;
  if (removed.family === 6) {
    const over = now >= address.expiresAt - NEARLY_OVER;
    if (over || link === undefined || obstacleTo(removed.address, link) !== undefined) return;
  }
  address.repairing = true;
  address.arrivesBy = undefined;
  address.strikes = now - address.removedAt < SETTLED ? address.strikes + 1 : 0;
  address.removedAt = now;
  address.retryAt = now + backoff(address.strikes);
}
