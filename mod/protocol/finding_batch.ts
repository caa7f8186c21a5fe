/**
 * Findings of tracked things that arrive together are judged together. A router that tracks a thousand
 * checks is judged in a millisecond, and what fails with a switch fails all at once: one judgement for
 * each finding would keep the thread from its packets for a second.
 *
 * @module
 */

import type { TrackerFound } from "../plane/trackers.ts";

export class FindingBatch {
  #waiting: TrackerFound[] = [];
  readonly #judge: (findings: readonly TrackerFound[], now: number) => void;

  /** @param judge is given all that has come since the last time, in order; never nothing */
  constructor(judge: (findings: readonly TrackerFound[], now: number) => void) {
    this.#judge = judge;
  }

  /** One is in: it counts at the next `flush`, before whatever comes after it. */
  add(finding: TrackerFound): void {
    this.#waiting.push(finding);
  }

  /** What waits is judged. */
  flush(now: number): void {
    if (this.#waiting.length === 0) return;
    const findings = this.#waiting;
    this.#waiting = [];
    this.#judge(findings, now);
  }
}
