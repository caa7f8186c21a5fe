/**
 * What happened lately, for those who ask: the newest steps, bounded by number and by size. Adverts
 * of a hostile sender may name 255 addresses each, and each may be worth a record.
 *
 * @module
 */

import type { BalanceStep } from "../plane/balance.ts";
import type { CheckStep } from "../plane/checks.ts";
import type { GroupStepRecord } from "../plane/groups.ts";
import type { StepRecord } from "../plane/steps.ts";

/** One thing that happened. */
export type Recorded = StepRecord | GroupStepRecord | BalanceStep | CheckStep;

/** Steps that are kept at most, and addresses in their adverts. */
const MOST = 10_000;
const MOST_ADDRESSES = 100_000;

export class Recorder {
  readonly #steps: Recorded[] = [];
  #addresses = 0;

  /** Oldest first. */
  get steps(): readonly Recorded[] {
    return this.#steps;
  }

  push(step: Recorded): void {
    this.#steps.push(step);
    this.#addresses += addressesIn(step);
    while (this.#steps.length > MOST || this.#addresses > MOST_ADDRESSES) this.#forget();
  }

  /** A tenth at once: each time costs as much as there is left. */
  #forget(): void {
    const gone = this.#steps.splice(0, Math.ceil(this.#steps.length / 10));
    for (const step of gone) this.#addresses -= addressesIn(step);
  }
}

function addressesIn(step: Recorded): number {
  if (step.type === "balance_step" || step.type === "check_step") return 0;
  const { event } = step;
  return event.type === "advertisement" ? event.advertisement.addresses.length : 0;
}
