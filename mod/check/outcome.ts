/**
 * What one probe has to say: plain data, made by the check types and read by the verdict machine,
 * status, events and metrics.
 *
 * @module
 */

/** Whole microseconds; a point in time is on CLOCK_MONOTONIC. */
export type Micros = number;

/**
 * What a server, or somebody on its behalf, says about its weight. `percent` never lifts it above the
 * configured weight: a server must not draw traffic to itself. `absolute` comes from a program of the
 * operator's own, `add` from a file, and may.
 */
export interface WeightOpinion {
  readonly kind: "absolute" | "percent" | "add";
  readonly value: number;
}

/**
 * Two say nothing about the server and count neither as success nor as failure: `void`, since our
 * own process stood still while the answer should have come, and `unasked`, since this machine had
 * nothing to ask with, no descriptor, port or memory. A void probe is repeated at once; one that
 * was not asked has its next turn, however often that happens.
 */
export type Result = "passed" | "failed" | "void" | "unasked";

/** The end of one probe. */
export interface Outcome {
  readonly result: Result;
  /** In words that an operator understands: `connection refused`, `HTTP status 503`. */
  readonly reason: string;
  /** What the server or the script said, escaped and cut (text.ts). */
  readonly output: string;
  readonly weight: WeightOpinion | null;
  /** What should be seen to although the probe passed: a certificate that expires soon. */
  readonly warnings: readonly string[];
}

type Details = Partial<Pick<Outcome, "output" | "weight" | "warnings">>;

const NO_WARNINGS: readonly string[] = [];

function outcome(result: Result, reason: string, details: Details): Outcome {
  const { output = "", weight = null, warnings = NO_WARNINGS } = details;
  return { result, reason, output, weight, warnings };
}

/** A probe that went as it should. */
export function passed(reason: string, details: Details = {}): Outcome {
  return outcome("passed", reason, details);
}

/** A probe that did not. */
export function failed(reason: string, details: Details = {}): Outcome {
  return outcome("failed", reason, details);
}

/** A probe that says nothing about the server. */
export function voided(reason: string, details: Details = {}): Outcome {
  return outcome("void", reason, details);
}

/** A probe for which this machine had nothing left. */
export function unasked(reason: string): Outcome {
  return outcome("unasked", reason, {});
}
