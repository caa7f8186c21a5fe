/**
 * How many probes of health checks have ended how, and after what time: for metrics. A check with a
 * name is counted by itself, checks of real servers all together by their type, so that what is
 * counted is bounded and no reload that takes a server away lets a count fall.
 *
 * @module
 */

import type { Result } from "../check/mod.ts";

/** Upper bounds of durations, microseconds. */
export const DURATION_BOUNDS = [
  500,
  1_000,
  2_500,
  5_000,
  10_000,
  25_000,
  50_000,
  100_000,
  250_000,
  500_000,
  1_000_000,
  2_500_000,
  5_000_000,
  10_000_000,
] as const;

/** How a probe ended; one that was not asked says nothing either. */
type Counted = Exclude<Result, "unasked">;

/** Of one check with a name, or of all of a type that have none. */
export interface CheckCount {
  readonly type: string;
  /** Empty: all without a name. */
  readonly name: string;
  /** Probes by how they ended; what says nothing is `void`, and has no duration here. */
  readonly results: Readonly<Record<Counted, number>>;
  /** Of each bound, how many took no longer, but longer than the bound before. */
  readonly durations: readonly number[];
  /** Of those that passed or failed, microseconds. */
  readonly sum: number;
}

interface Tally {
  readonly type: string;
  readonly name: string;
  readonly results: Record<Counted, number>;
  readonly durations: number[];
  sum: number;
}

/** What is counted by itself has no such character in its name, see `check_identity.ts`. */
const OF_A_SERVER = "/";

/** The type of a check without a name stands in its id. */
function nameOf(id: string): string {
  return id.includes(OF_A_SERVER) ? "" : id;
}

export class CheckTally {
  readonly #tallies = new Map<string, Tally>();
  /** By the ids of checks, since a name is made seldom and a probe ends often. */
  readonly #known = new Map<string, Tally>();

  /**
   * One probe has ended.
   *
   * @param id of its check
   * @param latency microseconds
   */
  record(id: string, type: string, result: Result, latency: number): void {
    let tally = this.#known.get(id);
    if (tally?.type !== type) this.#known.set(id, tally = this.#tallyOf(id, type));
    const silent = result === "void" || result === "unasked";
    tally.results[silent ? "void" : result]++;
    if (silent) return;
    tally.sum += latency;
    const bucket = DURATION_BOUNDS.findIndex((bound) => latency <= bound);
    if (bucket >= 0) tally.durations[bucket]!++;
  }

  #tallyOf(id: string, type: string): Tally {
    const name = nameOf(id);
    const key = `${type}/${name}`;
    const known = this.#tallies.get(key);
    if (known !== undefined) return known;
    const tally: Tally = {
      type,
      name,
      results: { passed: 0, failed: 0, void: 0 },
      durations: DURATION_BOUNDS.map(() => 0),
      sum: 0,
    };
    this.#tallies.set(key, tally);
    return tally;
  }

  /** Forgets checks with a name that are none of these. @param types by id */
  keep(types: ReadonlyMap<string, string>): void {
    this.#known.clear();
    for (const [key, { name, type }] of this.#tallies) {
      if (name !== "" && types.get(name) !== type) this.#tallies.delete(key);
    }
  }

  data(): CheckCount[] {
    return [...this.#tallies.values()].map((tally) => ({
      ...tally,
      results: { ...tally.results },
      durations: [...tally.durations],
    }));
  }
}

/** The counts of several planes together. */
export function addCounts(all: readonly CheckCount[]): CheckCount[] {
  const sums = new Map<string, CheckCount>();
  for (const one of all) {
    const key = `${one.type}/${one.name}`;
    const other = sums.get(key);
    sums.set(
      key,
      other === undefined ? one : {
        ...one,
        results: {
          passed: one.results.passed + other.results.passed,
          failed: one.results.failed + other.results.failed,
          void: one.results.void + other.results.void,
        },
        durations: one.durations.map((count, i) => count + other.durations[i]!),
        sum: one.sum + other.sum,
      },
    );
  }
  return [...sums.values()];
}
