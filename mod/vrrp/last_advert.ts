/**
 * The last advert of a master that yields to a better one, and what becomes of it where it is lost.
 *
 * After a silent cut (the cable lost frames, the carrier stayed) the better one has been master all
 * along and cannot know that its neighbours have learned another way meanwhile; its own first advert
 * after the cut silences the only one who could tell. So a master that yields sends one advert first.
 * It is a losing one, at which the better one announces its addresses again, and which it answers at
 * once (RFC 9568). keepalived sends it where `higher_prio_send_advert` is set; the RFCs neither ask
 * for it nor forbid it.
 *
 * A link may heal in one direction first: then the better one is heard and does not hear. Until its
 * answer has come, the former master says its last advert again at later adverts of the better one:
 * at the first, the second, the fourth and so on, seven times in all at most. That answer is known
 * by its time: it comes at once, and regular adverts come an interval apart. Each such advert follows
 * a better one within a round trip, so that nobody's master-down timer is moved by it.
 *
 * No storm can come of it: what is owed is owed once for each mastership, and paid in eight adverts
 * or fewer.
 *
 * @module
 */

import { priorityOf, send } from "./actions.ts";
import { OWNER_PRIORITY } from "./timers.ts";
import type { Advertisement, Micros, Router, RouterEffect } from "./types.ts";

/** Adverts of the better one after which nothing is said any more: a power of two. */
const PATIENCE = 64;

/** A last advert has just been sent; the state is backup now, and it may be lost. */
export function oweLastAdvert(router: Router, to: string, now: Micros): void {
  // An owner's addresses are its own whoever advertises them, and 255 is fought over.
  if (priorityOf(router) === OWNER_PRIORITY || router.demoted) return;
  router.lastAdvert = { to, heard: 0, at: now };
}

/** A backup hears somebody better: does it know by now that we have been master? */
export function repeatLastAdvert(
  router: Router,
  advert: Advertisement,
  now: Micros,
  effects: RouterEffect[],
): void {
  const owed = router.lastAdvert;
  if (owed === null) return;
  if (advert.source === owed.to && now - owed.at < advert.interval / 2) {
    router.lastAdvert = null;
    return;
  }
  owed.to = advert.source;
  owed.heard++;
  // 1, 2, 4, 8, …
  if ((owed.heard & (owed.heard - 1)) === 0) {
    owed.at = now;
    send(router, priorityOf(router), now, effects);
  }
  if (owed.heard >= PATIENCE) router.lastAdvert = null;
}
