/**
 * What the protocol plane tells of each event of a router that changed something: what the router
 * remembers from then on, and what came of it. Plain data; times are microseconds on
 * CLOCK_MONOTONIC.
 *
 * @module
 */

import type { Router, RouterEffect, RouterEvent } from "../vrrp/mod.ts";
import type { GroupCause } from "./groups.ts";
import type { EventId } from "./messages.ts";

/** What one router remembers, after each change of state: the snapshot for a restart. */
export interface RouterSnapshot {
  readonly type: "snapshot";
  readonly id: EventId;
  readonly router: Router;
}

/** A defect of ours broke the router over an event of this type. */
export interface Breakdown {
  readonly type: "breakdown";
  readonly of: string;
}

/** An event that changed something, and what came of it: what the flight recorder keeps. */
export interface StepRecord {
  readonly type: "step";
  /** The event's id; its effects have ids of their own. */
  readonly id: EventId;
  readonly cause: EventId | null;
  readonly at: number;
  readonly router: string;
  readonly event: RouterEvent | GroupCause | Breakdown;
  readonly effects: readonly { readonly id: EventId; readonly effect: RouterEffect }[];
}
