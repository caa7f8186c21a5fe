/**
 * Records verdicts on health checks. What goes on as it was, an answer of a server that is up and no
 * answer of one that is down, is no news and costs nothing but a look: with ten thousand checks that
 * is nearly all of it.
 *
 * @module
 */

import { stepVerdict, type Verdict, type VerdictEffect, type VerdictEvent } from "../check/mod.ts";
import { blankOutcome, blankVerdictEffects } from "./blank.ts";
import { Shelf } from "./shelf.ts";

type OutcomeEvent = Extract<VerdictEvent, { readonly type: "outcome" }>;

export class VerdictRecorders {
  readonly shelf = new Shelf("check");

  /** One event for the verdict on a check, as `stepVerdict`. @param id the check's */
  step(id: string, verdict: Verdict, event: VerdictEvent, now: number): VerdictEffect[] {
    if (event.type === "configure" || isSteady(verdict, event)) {
      this.shelf.cut(id);
      return stepVerdict(verdict, event, now);
    }
    const recorder = this.shelf.of(id);
    recorder.begin(verdict, event);
    const effects = stepVerdict(verdict, event, now);
    const told = { ...event, outcome: blankOutcome(event.outcome) };
    recorder.note(told, blankVerdictEffects(effects), now);
    return effects;
  }
}

/** Nothing but counters and times can come of it. */
function isSteady(verdict: Verdict, { outcome }: OutcomeEvent): boolean {
  const { state, streak, voids, flapping, last } = verdict;
  const { result, warnings } = outcome;
  return result === (state === "up" ? "passed" : "failed") && streak.result === result &&
    voids === 0 && !flapping &&
    warnings.every((one) => last?.outcome.warnings.includes(one) ?? false);
}
