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

/** Each time that somebody else began to advertise. */
export function takeovers(seen: readonly SeenAdvert[]): Takeover[] {
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
  }
  return found;
}

/**
 * The longest stretch of time in which two routers both claimed to be master, microseconds: from
 * an advert of one, through at least one of the other, to the next of the first. A router that
 * yields for good makes none.
 */
export function longestDoubleMaster(seen: readonly SeenAdvert[]): number {
  const claims = seen.filter(({ priority }) => priority > 0);
  let longest = 0;
  let began: number | undefined;
  for (let i = 2; i < claims.length; i++) {
    const [a, b, c] = [claims[i - 2]!, claims[i - 1]!, claims[i]!];
    // a b a: the one in the middle spoke while the other was still master.
    if (a.source === c.source && b.source !== a.source) {
      began ??= a.time;
      longest = Math.max(longest, c.time - began);
    } else if (a.source === b.source && b.source === c.source) began = undefined;
  }
  return longest;
}
