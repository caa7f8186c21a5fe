/**
 * Notices of one router what is worth a remark beside its changes of state.
 *
 * @module
 */

import type { IdSource } from "../plane/ids.ts";
import type { Remark } from "../plane/remarks.ts";
import { priorityOf, type Router, type RouterEvent } from "../vrrp/mod.ts";

/** Least time between two remarks about losing adverts, microseconds. */
const LOSER_GAP = 1_000_000;

/** An advert's sender. */
interface Loser {
  readonly source: string;
  readonly priority: number;
}

export class Remarks {
  readonly #ids: IdSource;
  readonly #post: (remark: Remark) => void;
  /** What was known of the router after its last event. */
  #state: Router["state"];
  #priority: number;
  #lastLoser = -Infinity;

  constructor(router: Router, ids: IdSource, post: (remark: Remark) => void) {
    this.#ids = ids;
    this.#post = post;
    this.#state = router.state;
    this.#priority = priorityOf(router);
  }

  /** The router has had an event. @param before its state before it */
  after(event: RouterEvent, before: Router["state"], router: Router, now: number): void {
    const { state } = router;
    const priority = priorityOf(router);
    if (event.type === "advertisement" && before === "master" && state === "master") {
      const { source, priority: theirs, interval } = event.advertisement;
      const { settings } = router;
      // Version 2 takes no notice of an advert with another interval; our own come back to us.
      const counts = theirs > 0 && source !== router.source &&
        (settings.version === 3 || interval === settings.advertisementInterval);
      if (counts && !router.releasing) this.#heard({ source, priority: theirs }, router, now);
    }
    const [former, formerState] = [this.#priority, this.#state];
    this.#priority = priority;
    this.#state = state;
    // A change of state tells the priority, too.
    if (priority === former || state !== formerState || router.releasing) return;
    if (state !== "master" && state !== "backup") return;
    const head = { type: "priority_changed", id: this.#ids.next(), at: now } as const;
    this.#post({ ...head, router: router.settings.name, state, from: former, to: priority });
  }

  #heard({ source, priority }: Loser, router: Router, now: number): void {
    if (now - this.#lastLoser < LOSER_GAP) return;
    this.#lastLoser = now;
    const head = { type: "lower_priority", id: this.#ids.next(), at: now } as const;
    this.#post({ ...head, router: router.settings.name, address: source, priority });
  }
}
