/**
 * What MIBs count that status does not: how often and why a router became master, since when it is
 * out of its initial state, how often a BFD session came up, and what it was lost for. Kept since
 * this process has run: whoever reads the counters learns of the discontinuity.
 *
 * @module
 */

import { DIAGNOSTIC } from "../bfd/mod.ts";
import type { BfdChanged } from "../plane/bfd.ts";
import type { StepRecord } from "../plane/steps.ts";
import type { Peer } from "../vrrp/mod.ts";

/** vrrpv3StatisticsNewMasterReason (RFC 6527). */
export const REASONS = { notMaster: 0, priority: 1, preempted: 2, masterNoResponse: 3 } as const;

/** Times are microseconds on CLOCK_MONOTONIC. */
export interface RouterPast {
  readonly masters: number;
  readonly reason: number;
  /** When it left its initial state; null: it has not, or that was before our time. */
  readonly left: number | null;
}

export interface SessionPast {
  readonly ups: number;
  /** When it went down last after it was up; null: never. */
  readonly lostAt: number | null;
  /** Its diagnostic then. */
  readonly lostFor: number;
}

const NEW_ROUTER: RouterPast = { masters: 0, reason: REASONS.notMaster, left: null };
const NEW_SESSION: SessionPast = { ups: 0, lostAt: null, lostFor: DIAGNOSTIC.none };

export class History {
  readonly #routers = new Map<string, RouterPast>();
  readonly #sessions = new Map<string, SessionPast>();

  /** Of a session of a router, by the name that the planes know it by. */
  router(session: string): RouterPast {
    return this.#routers.get(session) ?? NEW_ROUTER;
  }

  session(name: string): SessionPast {
    return this.#sessions.get(name) ?? NEW_SESSION;
  }

  /** Something happened to a router. @param peers whom it has heard until then */
  step({ router, at, effects }: StepRecord, peers: readonly Peer[]): void {
    for (const { effect } of effects) {
      if (effect.type !== "transition") continue;
      const { from, to } = effect;
      const past = this.router(router);
      const begins = from === "init" || from === "fault";
      const left = to === "init" || to === "fault" ? null : begins ? at : past.left;
      const becomes = to === "master";
      const reason = becomes ? reasonOf(begins, peers, at) : past.reason;
      this.#routers.set(router, { masters: past.masters + (becomes ? 1 : 0), reason, left });
    }
  }

  /** A BFD session has another state. */
  bfd({ session: name, from, to, at, memory }: BfdChanged): void {
    if (memory.session.stopped) {
      this.#sessions.delete(name);
      return;
    }
    const past = this.session(name);
    const ups = past.ups + (to === "up" ? 1 : 0);
    if (from !== "up") return void this.#sessions.set(name, { ...past, ups });
    this.#sessions.set(name, { ups, lostAt: at, lostFor: memory.session.diagnostic });
  }

  /** Forgets all routers but these. */
  keep(names: ReadonlySet<string>): void {
    for (const name of this.#routers.keys()) if (!names.has(name)) this.#routers.delete(name);
  }
}

/**
 * `preempted`: it has taken over from a master that was heard until now; `masterNoResponse`: nobody
 * was; `priority`: it owns the addresses, or the master has resigned.
 */
function reasonOf(begins: boolean, peers: readonly Peer[], at: number): number {
  if (begins) return REASONS.priority;
  // A master-down interval is three of its adverts' at least, and the skew.
  const heard = peers.filter(({ lastHeard, interval }) => at - lastHeard < 3 * interval);
  if (heard.some(({ priority }) => priority > 0)) return REASONS.preempted;
  return heard.length === 0 ? REASONS.masterNoResponse : REASONS.priority;
}
