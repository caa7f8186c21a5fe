/**
 * How late our own loop is, and when that means that it stood still.
 *
 * Daemons in this field cause outages by blaming the peer for their own stall. So each wake-up is
 * measured against the deadline it was for, on CLOCK_MONOTONIC, and the clocks are compared, since
 * CLOCK_BOOTTIME alone goes on while the machine is suspended (DESIGN.md, "The lateness guard").
 *
 * @module
 */

import { Histogram } from "../plane/histogram.ts";
import type { LateRemark } from "../plane/remarks.ts";
import type { ProtocolState } from "../plane/state.ts";
import { STALL } from "../vrrp/mod.ts";

/**
 * From so much lateness on BFD sessions are asked whether it is a stall to them, microseconds: half
 * of what the fastest of them (3.3 ms × 3) takes for one. To ask them all takes time as well.
 */
export const LATE = 250;

/** What is remembered with its time: from so much lateness on, microseconds, and so many of them. */
const NOTABLE = 2_000;
const REMEMBERED = 64;

/** What control is told, for events: from so much on, microseconds, and so seldom. */
const TOLD = 10_000;
const TOLD_GAP = 1_000_000;

/** A jump between the clocks that no two readings in a row can explain, microseconds. */
const SUSPENDED = 50_000;

export class LatenessGuard {
  readonly histogram = new Histogram();
  /** How late the last wake-up was, a suspension included, microseconds. */
  late = 0;
  #bootAhead: number | null = null;
  readonly #stalls: ProtocolState["stalls"][number][] = [];
  readonly #tell: (late: LateRemark) => void;
  #told = -Infinity;

  /** @param tell tells control */
  constructor(tell: (late: LateRemark) => void = () => {}) {
    this.#tell = tell;
  }

  /**
   * One wake-up. `late` says how late it was where that is less than a stall to virtual routers.
   *
   * @param deadline the earliest deadline that was armed; `Infinity`: none
   * @returns how long the loop stood still, microseconds; 0: it did not
   */
  wake(deadline: number, monotonic: number, boottime: number): number {
    const ahead = boottime - monotonic;
    const suspended = this.#bootAhead === null ? 0 : ahead - this.#bootAhead;
    this.#bootAhead = ahead;
    const late = monotonic >= deadline ? monotonic - deadline : 0;
    if (monotonic >= deadline) this.histogram.record(late);
    this.late = suspended >= SUSPENDED ? suspended + late : late;
    this.note(monotonic, this.late);
    if (suspended >= SUSPENDED) return this.late;
    return late >= STALL ? late : 0;
  }

  /**
   * Until `now` the loop was late by `length`. That is remembered where somebody may ask later what a
   * session fell of: the other side's, too, which has missed us and not we it.
   */
  note(now: number, length: number): void {
    if (length < NOTABLE) return;
    if (this.#stalls.length >= REMEMBERED) this.#stalls.shift();
    this.#stalls.push({ at: now - length, length });
    if (length < TOLD || now - this.#told < TOLD_GAP) return;
    this.#told = now;
    this.#tell({ type: "late", at: now - length, length });
  }

  /** The last of them, oldest first. */
  get stalls(): ProtocolState["stalls"] {
    return this.#stalls;
  }
}
