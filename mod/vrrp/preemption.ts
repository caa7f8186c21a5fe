/**
 * Preemption that waits: a backup lets a master of lower priority be until it has itself been
 * healthy for `preemptDelay`. Until then it follows that master as it would follow a better one, so
 * that a master that falls silent meanwhile is replaced at once, by its master-down timer. When the
 * delay is over it becomes master at that moment.
 *
 * The delay counts from health, not from the first advert that was heard: who has been healthy for
 * long takes over from a master that has become worse without waiting. A tracker that brings the
 * router back above the master makes it healthy anew, so that one that comes and goes does not move
 * the mastership each time.
 *
 * @module
 */

import { masterDown, moveMasterDown, priorityOf, setTimer } from "./actions.ts";
import type { Advertisement, Micros, Router, RouterEffect } from "./types.ts";

/**
 * What a backup that preempts does with an advert of lower priority. Returns whether it goes along
 * with that master for now; otherwise the advert is ignored, and the master-down timer runs.
 */
export function followForNow(
  router: Router,
  advert: Advertisement,
  now: Micros,
  effects: RouterEffect[],
): boolean {
  if (router.preemptAt === null) {
    const due = router.healthySince + router.settings.preemptDelay;
    if (now >= due || router.timer === null) return false;
    // Nor earlier than without the delay: a better master may be there, too.
    router.preemptAt = Math.max(due, router.timer.at);
  }
  if (now >= router.preemptAt) return false;
  router.masterInterval = advert.interval;
  router.master = { address: advert.source, priority: advert.priority };
  router.wait = "down";
  router.timerBase = now;
  router.graceUsed = false;
  const end = Math.min(now + masterDown(router), router.preemptAt);
  setTimer(router, "master_down", end, effects);
  return true;
}

/** Trackers have moved a backup's priority away from `before`. */
export function onPriorityChange(
  router: Router,
  before: number,
  now: Micros,
  effects: RouterEffect[],
): void {
  const { master } = router;
  const priority = priorityOf(router);
  if (master !== null && priority <= master.priority) router.preemptAt = null;
  else if (master !== null && before <= master.priority) router.healthySince = now;
  moveMasterDown(router, now, effects);
}
