/**
 * What goes into a sync group, what comes out, and what it remembers: plain data, as in `types.ts`.
 *
 * @module
 */

import type {
  HealthEvent,
  Micros,
  Router,
  RouterEffect,
  RouterEvent,
  RouterSettings,
  RouterStateName,
} from "./types.ts";

/** How many members must not be in fault for the group to take part in elections. */
export type Need = "all" | "any" | number;

export interface GroupSettings {
  readonly name: string;
  /** Names of routers. The first that is not in fault decides ties for all. */
  readonly members: readonly string[];
  readonly need: Need;
  /** Sessions of one router of both families, each list in order; absent: each member is its own. */
  readonly sessions?: readonly (readonly string[])[];
}

// ---- events -------------------------------------------------------------------------------------

/** Something happened to one member: what its machine would be told if it were alone. */
export interface MemberEvent {
  readonly type: "member";
  readonly name: string;
  readonly event: RouterEvent;
}

/** Hand over to the others and stay behind them, with priority 1, until `until`. */
export interface GroupReleaseEvent {
  readonly type: "release";
  /** null: until `claim`. */
  readonly until: Micros | null;
}

/** Become master now, with priority 254, and remain so until the mastership ends. */
export interface GroupClaimEvent {
  readonly type: "claim";
}

/** The time of a release is over. Early ones do nothing. */
export interface GroupTimerEvent {
  readonly type: "timer";
}

/**
 * Other members, or another need. Who leaves goes on alone, in the state that it has alone; who
 * joins takes the state of the group.
 */
export interface GroupConfigureEvent {
  readonly type: "configure";
  readonly settings: GroupSettings;
  readonly joining: readonly Router[];
}

export type GroupEvent =
  | MemberEvent
  | GroupReleaseEvent
  | GroupClaimEvent
  | GroupTimerEvent
  | GroupConfigureEvent;

// ---- effects ------------------------------------------------------------------------------------

/** What a member's machine wants done. */
export interface MemberEffect {
  readonly type: "member";
  readonly name: string;
  readonly effect: RouterEffect;
}

export interface GroupTransitionEffect {
  readonly type: "group_transition";
  readonly from: RouterStateName;
  readonly to: RouterStateName;
  readonly reason: string;
}

/** Arm the group's one timer, instead of any other; null: none. */
export interface GroupTimerEffect {
  readonly type: "group_timer";
  readonly at: Micros | null;
}

/** A command was not obeyed. */
export interface GroupRefusedEffect {
  readonly type: "group_refused";
  readonly reason: string;
}

export type GroupEffect =
  | MemberEffect
  | GroupTransitionEffect
  | GroupTimerEffect
  | GroupRefusedEffect;

// ---- memory -------------------------------------------------------------------------------------

/** A better master in one network, while the member that decides has not met it in its own. */
export interface Rival {
  since: Micros;
  last: Micros;
}

export interface Member {
  router: Router;
  /** What the operator wants of it; a release or a claim changes what the router is told. */
  settings: RouterSettings;
  /** Its own health, whatever the group makes of it; null: not told yet. */
  health: HealthEvent | null;
  /** Its master-down timer ran out: it waits for the others. */
  expired: boolean;
  rival: Rival | null;
  /**
   * A session of a router of both families whose family nobody else speaks, as far as it has ever
   * heard, while a master is heard in the other: it is elected by itself.
   */
  lonely: boolean;
  /** Told to stop: no longer bound to the others. */
  stopping: boolean;
}

/** Everything one group remembers. Serialisable. */
export interface Group {
  settings: GroupSettings;
  /** In the order of the settings. */
  members: Member[];
  state: RouterStateName;
  since: Micros;
  /** An operator's word on the priority; it ends at `until`, if that is not null. */
  override: "release" | "claim" | null;
  until: Micros | null;
}
