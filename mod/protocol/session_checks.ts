/**
 * BFD sessions that are checks of real servers: the kernel plane, where the balancer is, hears of a
 * session in the turn of its change.
 *
 * @module
 */

import type { CheckFound, SessionCheck } from "../plane/checks.ts";
import type { IdSource } from "../plane/ids.ts";
import type { TrackerFinding } from "../plane/trackers.ts";

export class SessionChecks {
  readonly #ids: IdSource;
  readonly #post: (message: CheckFound) => void;
  /** Ids of the checks that a session is. */
  #checks: ReadonlyMap<string, readonly string[]> = new Map();

  /** @param post to the kernel plane */
  constructor(ids: IdSource, post: (message: CheckFound) => void) {
    this.#ids = ids;
    this.#post = post;
  }

  /** @param findings what is known of all sessions now */
  configure(checks: readonly SessionCheck[], findings: Iterable<TrackerFinding>): void {
    const bySession = Map.groupBy(checks, ({ session }) => session);
    this.#checks = new Map(
      [...bySession].map(([session, list]) => [session, list.map(({ check }) => check)]),
    );
    this.repeat(findings);
  }

  /** Tells everything again: a kernel plane begins. */
  repeat(findings: Iterable<TrackerFinding>): void {
    for (const finding of findings) this.found(finding);
  }

  /** A session stands otherwise than before. */
  found({ name, healthy, reason }: TrackerFinding): void {
    for (const check of this.#checks.get(name) ?? []) {
      const health = healthy ? "up" : "down";
      this.#post({ type: "check", id: this.#ids.next(), check, health, reason, weight: null });
    }
  }
}
