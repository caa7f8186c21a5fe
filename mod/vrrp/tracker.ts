/**
 * Trackers: named things that are healthy or not, and what that does to a router's priority. Who
 * finds out (interface state, a script, a BFD session) does not matter here.
 *
 * The arithmetic is keepalived's, since its users rely on it: a positive weight is added while
 * healthy, a negative one while not; weight 0 makes failure a fault.
 *
 * @module
 */

/** How one tracked thing stands for one router. */
export interface Tracker {
  /** Such as `interface`. */
  readonly kind: string;
  readonly name: string;
  /** -253 to 253; 0: failure is a fault. */
  readonly weight: number;
  readonly healthy: boolean;
  /** Why, in words: `down`, `no carrier`. */
  readonly reason: string;
}

/** What this tracker adds to the priority. */
export function contribution(tracker: Tracker): number {
  if (tracker.weight > 0) return tracker.healthy ? tracker.weight : 0;
  return tracker.healthy ? 0 : tracker.weight;
}

/** All trackers of one router together. */
export function evaluateTrackers(
  trackers: readonly Tracker[],
): { contribution: number; faults: string[] } {
  let sum = 0;
  const faults: string[] = [];
  for (const tracker of trackers) {
    sum += contribution(tracker);
    if (tracker.weight === 0 && !tracker.healthy) {
      faults.push(`tracked ${tracker.kind} ${tracker.name}: ${tracker.reason}`);
    }
  }
  // "+ 0" turns a negative zero, which no reader expects, into zero.
  return { contribution: sum + 0, faults };
}
