/**
 * What the log tells at level debug of each event of a virtual router: who was heard, which timer
 * fired and how late. The limiter keeps it from becoming too much.
 *
 * @module
 */

import type { LogLimiter } from "../plane/log_limiter.ts";
import type { Router, RouterEvent } from "../vrrp/mod.ts";

/** @param router as it is before the event @param now microseconds on CLOCK_MONOTONIC */
export function tellOf(
  name: string,
  router: Router,
  event: RouterEvent,
  log: Pick<LogLimiter, "log">,
  now: number,
): void {
  const category = ["vrrp", name];
  switch (event.type) {
    case "advertisement": {
      const { source, priority, interval, version } = event.advertisement;
      return log.log("debug", category, "Heard an advertisement", {
        source,
        priority,
        interval_ms: interval / 1000,
        version,
        state: router.state,
      });
    }
    case "timer": {
      const { timer, state } = router;
      if (timer === null || timer.generation !== event.generation) return;
      const late = Math.max(0, now - timer.at);
      return log.log("debug", category, `Timer fired: ${timer.name}`, { late_us: late, state });
    }
    default:
      return log.log("debug", category, `Event: ${event.type}`, { state: router.state });
  }
}
