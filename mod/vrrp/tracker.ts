/**
 * Trackers: named things that are healthy or not, and what that does to a router's priority. Who
 * finds out (interface state, a script, a BFD session) does not matter here; when several findings
 * make one verdict is in `rise_fall.ts`.
 *
 * The arithmetic is keepalived's, since its users rely on it; it was seen on the wire of one, case
 * by case (tests/unit/vrrp/tracker_test.ts):
 *
 * | weight       | healthy       | not healthy   |
 * | ------------ | ------------- | ------------- |
 * | 0            |               | fault         |
 * | 0, reversed  | fault         |               |
 * | positive     | adds it       |               |
 * | negative     |               | takes it away |
 * | +w, reversed | takes w away  |               |
 * | -w, reversed |               | adds w        |
 *
 * A file has a number instead of a health: it adds number × weight, and a sum below -253 is a
 * fault. Where the weight is 0, any number but 0 is a fault; reversed, 0 is.
 *
 * What all trackers add together may be any number: `effectivePriority` keeps the priority between
 * 1 and 254, and an owner's at 255. Faults keep owners out like everybody else.
 *
 * @module
 */

/** What can be tracked. */
export const TRACKER_KINDS = [
  "interface",
  "script",
  "process",
  "file",
  "check",
  "bfd",
  "virtual_server",
  "route",
  "address",
] as const;

export type TrackerKind = typeof TRACKER_KINDS[number];

/** Largest weight of what is healthy or not; files may have any. */
export const LARGEST_WEIGHT = 253;

/** Largest number in a file, its largest weight, and the most that both come to, either way. */
export const LARGEST_NUMBER = 0x7fff_ffff;

/** How one tracked thing stands for one router. */
export interface Tracker {
  /** One of `TRACKER_KINDS`. */
  readonly kind: string;
  readonly name: string;
  /** -253 to 253, a file's -2147483647 to 2147483647; 0: failure is a fault. */
  readonly weight: number;
  readonly healthy: boolean;
  /** Why, in words: `down`, `no carrier`. */
  readonly reason: string;
  /** The other way round: less priority while healthy, more while not. */
  readonly reverse?: boolean;
  /** The number in a file; given, it takes the place of `healthy`. */
  readonly value?: number;
}

/** What this tracker adds to the priority. */
export function contribution(tracker: Tracker): number {
  const { healthy, value } = tracker;
  const weight = tracker.reverse === true ? -tracker.weight : tracker.weight;
  // "+ 0" turns a negative zero, which no reader expects, into zero.
  if (value !== undefined) {
    return Math.min(LARGEST_NUMBER, Math.max(-LARGEST_NUMBER, value * weight)) + 0;
  }
  return (tracker.weight > 0) === healthy ? weight + 0 : 0;
}

/** Whether this tracker keeps the router out of the election. */
export function isFault(tracker: Tracker): boolean {
  const { weight, healthy, value, reverse = false } = tracker;
  if (value !== undefined && weight !== 0) return contribution(tracker) < -LARGEST_WEIGHT;
  const good = value === undefined ? healthy : value === 0;
  return weight === 0 && good === reverse;
}

/** The fault of a tracker in words. */
function describeFault({ kind, name, reason }: Tracker): string {
  return `tracked ${kind} ${name}: ${reason}`;
}

/** All trackers of one router together. */
export function evaluateTrackers(
  trackers: readonly Tracker[],
): { contribution: number; faults: string[] } {
  let sum = 0;
  const faults: string[] = [];
  for (const tracker of trackers) {
    if (isFault(tracker)) faults.push(describeFault(tracker));
    else sum += contribution(tracker);
  }
  return { contribution: sum + 0, faults };
}

/**
 * The trackers of all members of a sync group together. A weight moves all members alike, since
 * they are elected as one: a member that fell behind by itself would hold back the others. What
 * several members track in the same way counts once. Faults stay with the member, and the group's
 * `need` judges them.
 */
export function evaluateGroupTrackers(
  members: readonly (readonly Tracker[])[],
): { contribution: number; faults: string[][] } {
  const once = new Map<string, Tracker>();
  for (const tracker of members.flat()) {
    const { kind, name, weight, reverse = false } = tracker;
    once.set(`${kind}\n${name}\n${weight}\n${reverse}`, tracker);
  }
  const { contribution } = evaluateTrackers([...once.values()]);
  return { contribution, faults: members.map((trackers) => evaluateTrackers(trackers).faults) };
}
