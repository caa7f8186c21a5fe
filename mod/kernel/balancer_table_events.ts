/**
 * What the driver of one namespace's table (`balancer_table.ts`) tells whoever works with it.
 *
 * @module
 */

import type { Scanned } from "./ipvs_scan.ts";

/** Who wants to know what. */
export interface TableEvents {
  /** The way to the table is open: what else belongs to it can be set. */
  opened(): void;
  /** A whole comparison is over: what else belongs to the table may be looked at. */
  compared(): void;
  /** Counters were read. */
  counted(count: Count): void;
  /** The table is as it is wanted, as far as the kernel allows. */
  settled(): void;
}

/** Counters of the table. */
export interface Count {
  readonly found: Scanned;
  /** All of them. */
  readonly whole: boolean;
  /** The table was changed meanwhile: something may be missing. */
  readonly spoiled: boolean;
}
