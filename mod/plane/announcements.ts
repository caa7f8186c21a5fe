/**
 * How virtual addresses are announced, as control tells the kernel plane.
 *
 * @module
 */

/** How gratuitous ARP and unsolicited neighbour advertisements are sent for a router's addresses. */
export interface AnnouncePlan {
  /** Rounds sent at once on becoming master, 0 or more. */
  readonly repeat: number;
  /** Microseconds until the second block of `repeat` rounds; 0: no second block. */
  readonly delay: number;
  /** Microseconds between refreshes while master; 0: none. */
  readonly refresh: number;
  /** Rounds in each refresh. */
  readonly refreshRepeat: number;
  /** Microseconds between two ARP frames on one interface; 0: no gap. */
  readonly interval: number;
  /** The same for neighbour advertisements; absent: as `interval`. */
  readonly neighbourInterval?: number;
  /** After an advert of a lower priority was heard; absent: `repeat` rounds, no second block. */
  readonly lowerPriority?: Pick<AnnouncePlan, "repeat" | "delay">;
  /** Operation of the ARP frames; `both`: one of each in turn; absent: `request`. */
  readonly form?: "request" | "reply" | "both";
  /** Refreshes on other interfaces than `home`, beside those of `refresh`; microseconds. */
  readonly elsewhere?: { readonly home: string; readonly refresh: number };
}

/** Interfaces, as on one switch, that share gaps between announcements. */
export interface AnnounceGroup {
  readonly namespace: string;
  readonly interfaces: readonly string[];
  /** Microseconds between two ARP frames; 0: no gap. */
  readonly interval: number;
  /** Microseconds between two neighbour advertisements; 0: no gap. */
  readonly neighbourInterval: number;
}
