/**
 * What a capture says about who advertised when.
 *
 * @module
 */

import type { Capture } from "./capture.ts";

/** One advertisement on the wire. */
export interface SeenAdvert {
  /** Microseconds since 1970. */
  readonly time: number;
  readonly source: string;
  readonly priority: number;
}

/** All VRRP adverts of a capture, in order. Ends it. */
export async function adverts(capture: Capture): Promise<SeenAdvert[]> {
  const packets = await capture.packets("vrrp", ["ip.src", "ipv6.src", "vrrp.prio"]);
  return packets.map(({ time, fields }) => ({
    time,
    source: fields["ip.src"] || fields["ipv6.src"]!,
    priority: Number(fields["vrrp.prio"]),
  }));
}

/** How soon a last word follows the better advert, on a machine with two busy processors. */
const LAST_WORD = 30_000;

/**
 * Without the adverts that a master sends on hearing a better one, before it yields and, where nobody
 * answers, after: each follows a better one at once, or one of its own that had crossed it on the
 * wire, and the better one goes on alone.
 */
export function withoutLastWords(seen: readonly SeenAdvert[]): SeenAdvert[] {
  const isLast: boolean[] = [];
  for (let i = seen.length - 1; i >= 0; i--) {
    const one = seen[i]!;
    const better = seen.slice(Math.max(0, i - 3), i).findLast(({ source }) =>
      source !== one.source
    );
    const follows = better !== undefined && one.priority !== 0 &&
      better.priority >= one.priority && one.time - better.time <= LAST_WORD;
    const again = seen.slice(i + 1, i + 3).findIndex(({ source }) => source === one.source);
    isLast[i] = follows && (again < 0 || isLast[i + 1 + again]!);
  }
  return seen.filter((_, i) => !isLast[i]);
}

/** A change of the advertiser. */
export interface Takeover {
  readonly from: string;
  readonly to: string;
  /** Last advert of the former before the first of the next, and that first: microseconds. */
  readonly lastHeard: number;
  readonly first: number;
  /** The former's priority in its last advert: 0 where it resigned. */
  readonly lastPriority: number;
}

/** Adverts that leave within so many microseconds of the other's first have crossed on the wire. */
const CROSSING = 2_000;

/** Each time that somebody else began to advertise; last words and what crossed do not count. */
export function takeovers(all: readonly SeenAdvert[]): Takeover[] {
  const seen = withoutLastWords(all);
  const found: Takeover[] = [];
  for (let i = 1; i < seen.length; i++) {
    const [before, after] = [seen[i - 1]!, seen[i]!];
    if (before.source === after.source) continue;
    found.push({
      from: before.source,
      to: after.source,
      lastHeard: before.time,
      first: after.time,
      lastPriority: before.priority,
    });
    const [there, back] = found.slice(-2);
    if (back === undefined || there!.from !== back.to) continue;
    // The former sent once more before it had heard the next one's first.
    if (back.first - there!.lastHeard <= CROSSING) found.splice(-2);
  }
  return found;
}

/**
 * The longest stretch of time in which two routers both claimed to be master, microseconds: from
 * an advert of one, through at least one of the other, to the next of the first. A router that
 * yields for good makes none, with a last word or without; nor does one that takes over from a
 * router that has resigned, however short its time was.
 */
export function longestDoubleMaster(seen: readonly SeenAdvert[]): number {
  let longest = 0;
  let began: number | undefined;
  let claims: SeenAdvert[] = [];
  for (const c of withoutLastWords(seen)) {
    if (c.priority === 0) {
      claims = [];
      began = undefined;
      continue;
    }
    const [a, b] = claims.slice(-2);
    claims.push(c);
    if (a === undefined || b === undefined) continue;
    // a b a: the one in the middle spoke while the other was still master.
    if (a.source === c.source && b.source !== a.source) {
      began ??= a.time;
      longest = Math.max(longest, c.time - began);
    } else if (a.source === b.source && b.source === c.source) began = undefined;
  }
  return longest;
}
