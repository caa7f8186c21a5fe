/**
 * What goes into the VRRP machine, what comes out, and what it remembers: plain data, so that it
 * can be recorded, replayed, sent between the planes and written by hand in a test.
 *
 * @module
 */

import type { AuthenticationState } from "./authentication.ts";

/** Whole microseconds; a point in time is on CLOCK_MONOTONIC. */
export type Micros = number;

/**
 * What a checksum covers: the message alone (RFC 9568 over IPv4), or a pseudo header too (RFC 5798
 * as keepalived and FRR read it). `none`: right under neither, accepted only where checks are off.
 *
 * Only version 3 over IPv4 has two rules. Version 2 covers the message alone, which is written
 * `rfc9568` here; IPv6 has its pseudo header in both RFCs, which is written `rfc5798`.
 */
export type ChecksumRule = "rfc9568" | "rfc5798" | "none";

/**
 * How checksums of version 3 over IPv4 are made: as peers do, or always by one rule. Both rules are
 * accepted anyway. Version 2 and IPv6 take no notice.
 */
export type ChecksumMode = "auto" | "rfc9568" | "rfc5798" | "ignore";

/** What a received advertisement says. */
export interface Advertisement {
  readonly version: 2 | 3;
  /** Sender, from the IP header. */
  readonly source: string;
  readonly virtualRouterId: number;
  /** 0: the master resigns; 255: it owns the addresses. */
  readonly priority: number;
  /** The sender's advertisement interval: 10 ms to 40.95 s, in version 2 1 s to 255 s. */
  readonly interval: Micros;
  /** Canonical text, of one family. */
  readonly addresses: readonly string[];
  readonly checksum: ChecksumRule;
}

/** What the operator wants of one virtual router on one family. */
export interface RouterSettings {
  readonly name: string;
  /** 2 (RFC 3768) is for IPv4 only. */
  readonly version: 2 | 3;
  readonly family: "ipv4" | "ipv6";
  /** RFC 9568 section 8.4: a version 3 router over IPv4 that also talks to version 2 routers. */
  readonly version2: boolean;
  /** 1 to 255. */
  readonly virtualRouterId: number;
  /** 1 to 254; 255: this router owns the addresses. */
  readonly priority: number;
  /** 10 ms to 40.95 s in steps of 10 ms; in version 2 whole seconds, 1 to 255. */
  readonly advertisementInterval: Micros;
  /**
   * What goes into the adverts, in this order: canonical text. Over IPv6 the first one should be
   * link-local (RFC 9568 section 5.2.9).
   */
  readonly addresses: readonly string[];
  /** Preempt_Mode: take over from a master of lower priority. */
  readonly preempt: boolean;
  /** How long after it has become healthy it lets a master of lower priority be; 0: not at all. */
  readonly preemptDelay: Micros;
  /** Adverts in a row that may be missing until the master counts as dead: 1 to 100, as a rule 3. */
  readonly downAdverts: number;
  /** As master, answer an advert that loses at once (RFC 9568), or not at all (RFC 3768). */
  readonly answersLowerPriority: boolean;
  /** As master, send a last advert before yielding to a better one. */
  readonly advertisesBeforeYielding: boolean;
  /** As owner of the addresses, discard all adverts (RFC 9568 section 7.1). */
  readonly ownerIgnoresAdverts: boolean;
  readonly checksum: ChecksumMode;
  /** Adverts go to peers, not to a group: each may have its own checksum rule. */
  readonly unicast?: true;
}

/** `init`: not started, or stopped; `fault`: waits for a condition, takes no part. */
export type RouterStateName = "init" | "backup" | "master" | "fault";

// ---- events -------------------------------------------------------------------------------------

/** Interface, source address and trackers, all at once: whether and how the router takes part. */
export interface HealthEvent {
  readonly type: "health";
  /** What keeps it out of the election, in words; empty: nothing does. */
  readonly waitingFor: readonly string[];
  /** Sum of what trackers add to the priority. */
  readonly contribution: number;
  /** What adverts are sent from: the interface's primary address, over IPv6 its link-local one. */
  readonly source: string | null;
}

/** An advertisement that passed the packet checks. */
export interface AdvertisementEvent {
  readonly type: "advertisement";
  readonly advertisement: Advertisement;
}

/** The timer fired. A stale generation is ignored. The sockets have been read before. */
export interface TimerEvent {
  readonly type: "timer";
  readonly generation: number;
}

/**
 * Our own loop stood still for `length`. Comes before the packets that arrived meanwhile, so that
 * a master that has lost its right says nothing before it has listened.
 */
export interface StallEvent {
  readonly type: "stall";
  readonly length: Micros;
}

/** Other settings for a router that runs; the identity (interface, family, id, name) stays. */
export interface ConfigureEvent {
  readonly type: "configure";
  readonly settings: RouterSettings;
}

/** Hand over and end; `now`: without waiting for a successor. */
export interface StopEvent {
  readonly type: "stop";
  readonly now: boolean;
}

/** Back after an absence of `age`: sockets and timers are new. */
export interface ResumeEvent {
  readonly type: "resume";
  readonly age: Micros;
  /**
   * The memory is as it was when the absence began, so its timer counts. Otherwise it is the last
   * snapshot before a crash.
   */
  readonly exact?: boolean;
}

export type RouterEvent =
  | HealthEvent
  | AdvertisementEvent
  | TimerEvent
  | StallEvent
  | ConfigureEvent
  | StopEvent
  | ResumeEvent;

// ---- effects ------------------------------------------------------------------------------------

/** Send one advertisement now. */
export interface SendEffect {
  readonly type: "send";
  /** 0 when resigning. */
  readonly priority: number;
}

/** Arm the router's one timer, instead of any other. */
export interface SetTimerEffect {
  readonly type: "set_timer";
  readonly name: TimerName;
  readonly generation: number;
  readonly at: Micros;
}

export interface CancelTimerEffect {
  readonly type: "cancel_timer";
}

/** Hold the addresses and announce them. A new epoch is a new mastership. */
export interface HoldEffect {
  readonly type: "hold";
  readonly epoch: number;
  /** The same mastership as before an absence: nobody needs to be told. */
  readonly resumed?: true;
}

/** Let the addresses go. */
export interface DropEffect {
  readonly type: "drop";
}

/** Announce the addresses again: somebody else may have drawn traffic to itself. */
export interface AnnounceEffect {
  readonly type: "announce";
}

export interface TransitionEffect {
  readonly type: "transition";
  readonly from: RouterStateName;
  readonly to: RouterStateName;
  /** Why, in words for people. */
  readonly reason: string;
}

/** What others say that cannot be right; anybody on the link can cause it with every packet. */
export type ComplaintKind =
  | "address_list_mismatch"
  | "not_link_local"
  | "interval_mismatch"
  | "checksum_contradiction"
  | "owner_conflict"
  | "duplicate_source";

/** Something an operator should know. Complaints of one kind come once in 10 s at most. */
export interface NoticeEffect {
  readonly type: "notice";
  readonly kind:
    | ComplaintKind
    | "checksum_changed"
    | "owner_yields"
    | "stall_grace"
    | "stalled_master";
  readonly text: string;
}

/** The router has ended; nothing more comes from it. */
export interface StoppedEffect {
  readonly type: "stopped";
}

/** The advertisement was not used; the driver counts it. */
export interface DiscardEffect {
  readonly type: "discard";
  readonly reason:
    | "own_address"
    | "not_running"
    | "version2_duplicate"
    | "interval_mismatch"
    | "address_owner";
}

export type RouterEffect =
  | SendEffect
  | SetTimerEffect
  | CancelTimerEffect
  | HoldEffect
  | DropEffect
  | AnnounceEffect
  | TransitionEffect
  | NoticeEffect
  | StoppedEffect
  | DiscardEffect;

// ---- memory -------------------------------------------------------------------------------------

/** `release`: a master that resigned waits for its successor. */
export type TimerName = "advertisement" | "master_down" | "release";

/**
 * Why a backup waits. `down`: for a master's silence; `skew`: the master has resigned; `listen`: we
 * were master, stood still, and look around for one interval before we may be so again.
 */
export type MasterDownWait = "down" | "skew" | "listen";

export interface Timer {
  readonly name: TimerName;
  readonly generation: number;
  readonly at: Micros;
}

/** Somebody else who speaks for this virtual router. */
export interface Peer {
  readonly address: string;
  priority: number;
  lastHeard: Micros;
  checksum: ChecksumRule;
  /** Version of the advert heard last; a version 2 copy of a version 3 advert does not count. */
  version: 2 | 3;
  /** What that advert stated. */
  interval: Micros;
  /** How adverts to this very peer are made; absent: as the router's, or it speaks to a group. */
  sending?: ChecksumState;
}

/** What a former master owes a better one, until that one has heard that it was master. */
export interface LastAdvert {
  /** Whose adverts are answered. */
  to: string;
  /** How many of these have been heard since we yielded. */
  heard: number;
  /** When we last answered one. */
  at: Micros;
}

/** Somebody else who says that it owns the addresses, and does not yield though it should. */
export interface OwnerConflict {
  since: Micros;
  last: Micros;
}

/** Which rule we send by (see `ChecksumRule` for version 2 and IPv6), and what would change it. */
export interface ChecksumState {
  sending: "rfc9568" | "rfc5798";
  /** Adverts in a row that were right under the other rule only. */
  streak: number;
  /** When the rule last changed; null: never. */
  changed: Micros | null;
}

/** Everything one virtual router remembers. Serialisable: it is the snapshot, too. */
export interface Router {
  settings: RouterSettings;
  state: RouterStateName;
  /** When it came into this state. */
  since: Micros;
  transitions: number;
  waitingFor: readonly string[];
  contribution: number;
  /** Own primary address; null: none yet. */
  source: string | null;
  /**
   * Active_Adver_Interval: the master's interval as heard; our own where we are master, and always
   * in version 2.
   */
  masterInterval: Micros;
  /** Who is master as far as we know; null: nobody heard, or ourselves. */
  master: { address: string; priority: number } | null;
  timer: Timer | null;
  /** Counts every arming, so that a stale expiry cannot act. */
  generation: number;
  /** When the master-down timer was last restarted; a priority change moves it from there. */
  timerBase: Micros;
  /** What the master-down timer waits for, counted from `timerBase`. */
  wait: MasterDownWait;
  /** The master-down timer has been given a stall's length already. */
  graceUsed: boolean;
  /**
   * Since when it could have been master: nothing keeps it out of the election, and no tracker has
   * brought it back above the master since. What a delay of preemption counts from.
   */
  healthySince: Micros;
  /** When it takes over from the master of lower priority that it hears; null: not planned. */
  preemptAt: Micros | null;
  /** A master that resigned and still answers until its successor speaks. */
  releasing: boolean;
  /** Counts masterships; the kernel plane refreshes leases of the current one only. */
  epoch: number;
  /** null: never. Not -Infinity: a snapshot is JSON. */
  lastSent: Micros | null;
  /** When a losing advert was last answered. */
  lastAnswered: Micros | null;
  lastAdvert: LastAdvert | null;
  ownerConflict: OwnerConflict | null;
  /** An owner that has yielded to another one: 254 until that one is gone. */
  demoted: boolean;
  lastAnnounced: Micros | null;
  /** A losing advert was heard too soon after the last announcement: one more is due. */
  announceOwed: boolean;
  peers: Peer[];
  checksum: ChecksumState;
  /** Numbers and stamps of authenticated adverts, without keys; absent: they are not. */
  authentication?: AuthenticationState;
  /** When each kind of complaint was last made. */
  complained: Partial<Record<ComplaintKind, Micros>>;
}
