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
/** The same about who is heard, and how many of them are known. */
const PEER_GAP = 1_000_000;
const MOST_PEERS = 32;

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
  /** Priorities that others have been heard with. */
  readonly #peers: Map<string, number>;
  #lastPeer = -Infinity;
  #lastResigned = -Infinity;

  constructor(router: Router, ids: IdSource, post: (remark: Remark) => void) {
    this.#ids = ids;
    this.#post = post;
    this.#state = router.state;
    this.#priority = priorityOf(router);
    this.#peers = new Map(router.peers.map((peer) => [peer.address, peer.priority]));
  }

  /** The router has had an event. @param before its state before it */
  after(event: RouterEvent, before: Router["state"], router: Router, now: number): void {
    const { state } = router;
    const priority = priorityOf(router);
    if (event.type === "advertisement") this.#notePeer(event.advertisement, router, now);
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

  #notePeer({ source, priority }: Loser, router: Router, now: number): void {
    const before = this.#peers.get(source);
    if (before === priority || source === router.source) return;
    // What is not said now is said with its next advert, if it is still so. After a resignation
    // there is no next one, and who resigned must not look like one who died.
    const resigns = priority === 0;
    if (now - (resigns ? this.#lastResigned : this.#lastPeer) < PEER_GAP) return;
    if (resigns) this.#lastResigned = now;
    else this.#lastPeer = now;
    if (this.#peers.size >= MOST_PEERS) this.#peers.clear();
    this.#peers.set(source, priority);
    const head = { type: "peer", id: this.#ids.next(), at: now } as const;
    const { name } = router.settings;
    this.#post({ ...head, router: name, address: source, priority, before: before ?? null });
  }

  #heard({ source, priority }: Loser, router: Router, now: number): void {
    if (now - this.#lastLoser < LOSER_GAP) return;
    this.#lastLoser = now;
    const head = { type: "lower_priority", id: this.#ids.next(), at: now } as const;
    this.#post({ ...head, router: router.settings.name, address: source, priority });
  }
}
