/**
 * Two routers that say they own the addresses (priority 255): one of them is configured wrongly. The
 * one with the lower address yields at once. Where it does not, since it discards adverts as RFC 9568
 * section 7.1 wants of an owner, the other gives way after a while: it is 254 from then on, and thus a
 * backup, until the other is gone. keepalived does the same.
 *
 * @module
 */

import { notice } from "./actions.ts";
import type { Advertisement, Micros, Router, RouterEffect } from "./types.ts";

/** Whether the other owner, whose address is lower, has had its time to yield and has not. */
export function outlasts(
  router: Router,
  advert: Advertisement,
  now: Micros,
  effects: RouterEffect[],
): boolean {
  const { advertisementInterval: own } = router.settings;
  const longer = Math.max(own, advert.interval);
  let conflict = router.ownerConflict;
  if (conflict === null || now - conflict.last > 3 * longer) {
    conflict = router.ownerConflict = { since: now, last: now };
  }
  conflict.last = now;
  // Two adverts of ours may be lost; the next one must have been heard.
  if (now - conflict.since < 2 * own + 1.2 * longer) return false;
  const text = `${advert.source} claims to own the addresses, too, and does not yield: ` +
    "giving way, with priority 254";
  notice(effects, "owner_yields", text);
  return true;
}
