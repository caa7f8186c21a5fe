/**
 * A script as a check: what `program.ts` runs, and what its end means for the check.
 *
 * @module
 */

import type { Outcome } from "../outcome.ts";
import { judgeScript } from "../types/script.ts";
import { type ProgramSettings, runProgram } from "./program.ts";

/** What to run. */
export interface ScriptSettings extends ProgramSettings {
  /** Exit codes from 2 on are successes with a weight, as keepalived has it. */
  readonly dynamic: boolean;
}

/** Runs one probe, see `runProgram` for the signals. */
export async function probeScript(
  settings: ScriptSettings,
  signal: AbortSignal,
  atOnce?: AbortSignal,
): Promise<Outcome> {
  const { end, printed } = await runProgram(settings, signal, atOnce);
  return judgeScript(end, settings.dynamic, printed);
}
