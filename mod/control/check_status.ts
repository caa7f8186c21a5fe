/**
 * Health checks in the status document (CONTRACT.md section 3): what each asks, how it stands, what
 * its last probe said. Pure.
 *
 * @module
 */

import type { CheckReport } from "../check/board.ts";
import type { BfdReport } from "../plane/bfd.ts";
import type { CheckCount } from "../plane/check_tally.ts";
import type { HistogramData } from "../plane/histogram.ts";

/** What a check is, and what is known of it. */
export interface CheckKnowledge {
  readonly id: string;
  readonly type: string;
  /** A `[[check]]`. */
  readonly named: boolean;
  /** Whom it asks, in words; empty: this host. */
  readonly asked: string;
  /** Of a check that is a session: its name. */
  readonly session?: string;
  /** Absent: nobody has told yet. */
  readonly report?: CheckReport;
}

/** All that is known of checks. */
export interface ChecksFacts {
  readonly checks: readonly CheckKnowledge[];
  /** How late probes over sockets begin; null: there are none. */
  readonly lateness: HistogramData | null;
  /** How probes have ended, for metrics; absent: nobody has counted. */
  readonly counts?: readonly CheckCount[];
}

export type CheckStatus = ReturnType<typeof checkStatus>;

/** @param bfd the sessions, for the checks that are one */
export function checkStatus(
  knowledge: CheckKnowledge,
  bfd: readonly BfdReport[],
  wallTime: (micros: number) => string,
) {
  const { id, type, named, asked, session } = knowledge;
  const own = session === undefined ? knowledge.report : undefined;
  const told = bfd.find((one) => one.session.settings.name === session)?.told;
  const healthy = told?.healthy ?? (own?.health == null ? null : own.health === "up");
  const { last = null, lastError = null } = own ?? {};
  return {
    /** Of a `[[check]]`; null: it is a server's own. */
    name: named ? id : null,
    id,
    type,
    /** Whom it asks; null: this host. */
    target: asked === "" ? session ?? null : asked,
    /** null: nothing is known yet. */
    healthy,
    since: own === undefined || own.health === null ? null : wallTime(own.since),
    /** Why it stands so. */
    reason: told?.reason ?? own?.reason ?? "",
    transitions: own?.transitions ?? 0,
    /** Of the last probe; null: it has passed, or there was none. */
    last_error: last === null || last.passed ? null : last.reason,
    last_failure: lastError === null
      ? null
      : { at: wallTime(lastError.at), reason: lastError.reason },
    last_probe: last === null ? null : wallTime(last.at),
    latency_ms: last === null ? null : last.latency / 1000,
    /** What the server or program said. */
    output: last?.output ?? "",
    warnings: last?.warnings ?? [],
    /** Answers well, and is kept down: `hold-down` or `flapping`; null: nothing does. */
    held: own?.held ?? null,
    flapping: own?.flapping ?? false,
    /** What the server says about its weight; null: nothing. */
    weight: own?.weight ?? null,
    counters: {
      passed: own?.passed ?? 0,
      failed: own?.failed ?? 0,
      voided: own?.voided ?? 0,
    },
  };
}
