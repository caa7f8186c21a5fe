/**
 * What is quoted of a server's answer is blanked in recordings: a header that is not as expected may
 * be a cookie. Who blanks what was blanked changes nothing.
 *
 * @module
 */

import type { PoolEffect, PoolEvent, PoolMemory } from "../balance/mod.ts";
import type { Outcome, Verdict, VerdictEffect } from "../check/mod.ts";

/** Why something is so, up to the first quotation mark: an answer may have such marks of its own. */
export function blankReason(reason: string): string {
  const quoted = reason.indexOf('"');
  return quoted === -1 ? reason : `${reason.slice(0, quoted)}"…"`;
}

/** The same, and the object itself where there is nothing to blank. */
function blank<One extends { readonly reason: string }>(one: One): One {
  const reason = blankReason(one.reason);
  return reason === one.reason ? one : { ...one, reason };
}

/** What a verdict is told. */
export function blankOutcome(outcome: Outcome): Outcome {
  return blank(outcome);
}

/** What a verdict remembers. */
export function blankVerdict<One extends Pick<Verdict, "lastError">>(verdict: One): One {
  const { lastError } = verdict;
  return lastError === null ? verdict : { ...verdict, lastError: blank(lastError) };
}

/** What a verdict decides. */
export function blankVerdictEffects(effects: readonly VerdictEffect[]): VerdictEffect[] {
  return effects.map((one) => one.type === "state" ? blank(one) : one);
}

/** What a virtual server is told. */
export function blankPoolEvent(event: PoolEvent): PoolEvent {
  if (event.type !== "check") return event;
  const finding = blank(event.finding);
  return finding === event.finding ? event : { ...event, finding };
}

/** What is remembered of a virtual server. */
export function blankPool(memory: PoolMemory): PoolMemory {
  return {
    ...memory,
    servers: memory.servers.map(blank),
    findings: memory.findings.map(blank),
  };
}

/** What is decided about a virtual server. */
export function blankPoolEffects(effects: readonly PoolEffect[]): PoolEffect[] {
  return effects.map((one) => {
    if (one.type !== "step" || !("reason" in one.what)) return one;
    const what = blank(one.what);
    return what === one.what ? one : { ...one, what };
  });
}
