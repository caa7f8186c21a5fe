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

/** Runs one probe. @param signal aborts when the time is up */
export async function probeScript(settings: ScriptSettings, signal: AbortSignal): Promise<Outcome> {
  const { end, printed } = await runProgram(settings, signal);
  return judgeScript(end, settings.dynamic, printed);
}
