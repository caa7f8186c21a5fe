/**
 * What the planes say about sync groups, and about the two sessions of a router of both families,
 * which are elected as a group, too.
 *
 * @module
 */

import type {
  GroupEffect,
  GroupEvent,
  HealthEvent,
  Need,
  RouterEvent,
  RouterStateName,
} from "../vrrp/mod.ts";
import type { EventId } from "./messages.ts";

/** One group, as the protocol plane needs it. */
export interface ProtocolGroup {
  /** Unlike any router's, unless it is that router's own. */
  readonly name: string;
  /**
   * Names of routers' machines (`settings.name`). The first that is not in fault decides ties. One
   * name that is the group's own: a group that exists for a `release` or `claim` only.
   */
  readonly members: readonly string[];
  /** How many routers must be free of fault: a router of both families counts once. */
  readonly need: Need;
  /**
   * Members that are the sessions of one router, which counts once; absent: none are. Where the
   * group's name is not that of such a router it is a sync group.
   */
  readonly sessions?: readonly (readonly string[])[];
}

/** What a group remembers beside its members' machines: for a restart, and for another process. */
export interface GroupMemory {
  readonly settings: ProtocolGroup;
  readonly state: RouterStateName;
  /** Microseconds on CLOCK_MONOTONIC, like all times here. */
  readonly since: number;
  readonly override: "release" | "claim" | null;
  /** When a release ends; null: at the next `claim`. */
  readonly until: number | null;
  readonly members: readonly {
    readonly name: string;
    readonly health: HealthEvent | null;
    readonly expired: boolean;
    /** Elected by itself: nobody else speaks its family; absent: false. */
    readonly lonely?: boolean;
    readonly rival: { readonly since: number; readonly last: number } | null;
  }[];
}

/** Protocol → control: what a group remembers now; null: it is no more. */
export interface GroupSnapshot {
  readonly type: "group_snapshot";
  readonly id: EventId;
  readonly name: string;
  readonly memory: GroupMemory | null;
}

/** Why a member's machine moved, where that was not its own event. */
export interface GroupCause {
  readonly type: "group";
  readonly group: string;
  /** The member whose event it was; absent: the group's own. */
  readonly member?: string;
  readonly event: RouterEvent["type"] | GroupEvent["type"];
}

/** Protocol → control: what happened to a group as a whole. What its members did is told apart. */
export interface GroupStepRecord {
  readonly type: "group_step";
  readonly id: EventId;
  readonly cause: EventId | null;
  readonly at: number;
  readonly group: string;
  readonly event: GroupCause;
  readonly effects: readonly {
    readonly id: EventId;
    readonly effect: Exclude<GroupEffect, { readonly type: "member" }>;
  }[];
}

/** Control → protocol: an operator's word on who shall be master. Answered by `overridden`. */
export interface OverrideRouters {
  readonly type: "override";
  readonly id: EventId;
  /** Of a group or a router; a member takes its group along. */
  readonly name: string;
  readonly override: "release" | "claim";
  /** When a release ends; null: at the next `claim`. */
  readonly until: number | null;
}

/** Answer to `override`. */
export interface Overridden {
  readonly type: "overridden";
  readonly id: EventId;
  readonly cause: EventId;
  /** Why it was not obeyed, in words; null: it was. */
  readonly refused: string | null;
  /** Routers that moved, or will. */
  readonly members: readonly string[];
}

/** One group in the answer to `query`. */
export interface GroupState {
  readonly name: string;
  readonly members: readonly string[];
  readonly need: Need;
  readonly state: RouterStateName;
  readonly since: number;
  readonly override: "release" | "claim" | null;
  readonly until: number | null;
  /** Members that are elected by themselves: nobody else speaks their family. */
  readonly lonely: readonly string[];
}
