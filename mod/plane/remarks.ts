/**
 * What the protocol plane remarks beside changes of state, for those who want to be told. Plain data;
 * times are microseconds on CLOCK_MONOTONIC.
 *
 * @module
 */

import type { EventId } from "./messages.ts";

/** The effective priority of a router that stays master, or backup, is another one. */
export interface PriorityRemark {
  readonly type: "priority_changed";
  readonly id: EventId;
  readonly at: number;
  readonly router: string;
  readonly state: "master" | "backup";
  readonly from: number;
  readonly to: number;
}

/**
 * A master heard an advert that loses against its own: somebody else thinks it is master. Once a
 * second at most.
 */
export interface LowerPriorityRemark {
  readonly type: "lower_priority";
  readonly id: EventId;
  readonly at: number;
  readonly router: string;
  /** Who sent it, and with which priority. */
  readonly address: string;
  readonly priority: number;
}

/**
 * Somebody is heard for the first time, or with another priority: once a second at most, whatever
 * they send.
 */
export interface PeerRemark {
  readonly type: "peer";
  readonly id: EventId;
  readonly at: number;
  readonly router: string;
  readonly address: string;
  /** 0: it resigns. */
  readonly priority: number;
  /** null: it was not heard before. */
  readonly before: number | null;
}

/** The plane's own loop was late, by much: once a second at most. */
export interface LateRemark {
  readonly type: "late";
  /** When it should have turned. */
  readonly at: number;
  /** By how much it was late, microseconds. */
  readonly length: number;
}

export type Remark = PriorityRemark | LowerPriorityRemark | PeerRemark;
