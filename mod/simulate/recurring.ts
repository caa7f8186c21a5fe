/**
 * What there is beside routers that does the same again and again, for who leaps over that
 * (`steady.ts`).
 *
 * @module
 */

import type { Micros } from "../vrrp/mod.ts";

export interface Recurring {
  /**
   * After how long all of it would be as it is now; of what chance moves, a time in which whatever is
   * still to come of itself has come. 1: there is nothing. `null`: it is about something else.
   */
  readonly period: Micros | null;
  /** What it remembers, plain data: its times as seen from now, without what decides nothing. */
  memory(now: Micros): unknown;
  /** All its times come later by so much. */
  leap(by: Micros): void;
}
