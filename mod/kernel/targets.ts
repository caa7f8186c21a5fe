/**
 * Where a router's addresses are to be announced: on which interface, and from which hardware
 * address.
 *
 * @module
 */

import { IFF_LOOPBACK, IFF_NOARP, type Link } from "../netlink/mod.ts";
import type { AnnounceTarget } from "./announce.ts";
import type { LeasedRouter } from "./leased.ts";
import type { LeaseBook } from "./lease.ts";
import type { NamespaceView } from "./view.ts";

/** Ethernet: the hardware that announcements are made for here. */
const ARPHRD_ETHER = 1;

/** What of a router is on an interface that has neighbours. */
export function targetsOf(
  router: LeasedRouter | undefined,
  view: NamespaceView,
  ownership: LeaseBook["ownership"],
): AnnounceTarget[] {
  const targets: AnnounceTarget[] = [];
  for (const address of router?.addresses ?? []) {
    const index = view.indexOf(address.held.interface);
    const link = index === undefined ? undefined : view.link(index);
    if (index === undefined || link === undefined || !hasNeighbours(link)) continue;
    if (!ownership.present(address)) continue;
    const forwards = view.forwards(index);
    const { address: text, interface: name } = address.held;
    targets.push({ index, interface: name, address: text, mac: link.mac, forwards });
  }
  return targets;
}

/** Nothing is announced on a link that is down: when it comes up it is announced anyway. */
function hasNeighbours(link: Link): boolean {
  return link.up && link.hardwareType === ARPHRD_ETHER && link.mac !== "" &&
    (link.flags & (IFF_NOARP | IFF_LOOPBACK)) === 0;
}
