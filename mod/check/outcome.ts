/**
 * What one probe has to say: plain data, made by the check types and read by the verdict machine,
 * status, events and metrics.
 *
 * @module
 */

/** Whole microseconds; a point in time is on CLOCK_MONOTONIC. */
export type Micros = number;

/**
 * What a server, or somebody on its behalf, says about its weight. `absolute` and `percent` never
 * lift it above the configured weight: a server must not draw traffic to itself. `add` comes from a
 * file of the operator's own and may.
 */
export interface WeightOpinion {
  readonly kind: "absolute" | "percent" | "add";
  readonly value: number;
}

/**
 * `void`: says nothing about the server, since our own process stood still while the answer should
 * have come. It counts neither as success nor as failure.
 */
export type Result = "passed" | "failed" | "void";

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

function outcome(result: Result, reason: string, details: Details): Outcome {
  return { result, reason, output: "", weight: null, warnings: [], ...details };
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
