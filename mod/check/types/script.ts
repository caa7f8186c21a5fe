/**
 * script: what the end of a command means. 0 is success, anything else is failure; with `dynamic`,
 * as keepalived has it, 1 is failure and 2 to 255 are success with a weight of 0 to 253.
 *
 * @module
 */

import { failed, type Outcome, passed } from "../outcome.ts";
import { showBytes } from "../../text/mod.ts";

/** How a command ended. */
export type ScriptEnd =
  | { readonly type: "exit"; readonly code: number }
  | { readonly type: "signal"; readonly signal: string }
  /** `left`: it runs on, since we may not kill it. */
  | { readonly type: "timeout"; readonly left?: true }
  /** It could not be started. */
  | { readonly type: "missing"; readonly error: string };

/** What became of a command that did not end in time, in words. */
export function lateText({ left }: { readonly left?: true }): string {
  return left === true
    ? "did not end in time and runs on: killing it takes CAP_KILL"
    : "did not end in time and was killed";
}

/** The outcome of a command. @param printed the beginning of what it printed */
export function judgeScript(end: ScriptEnd, dynamic: boolean, printed: Uint8Array): Outcome {
  const output = showBytes(printed);
  switch (end.type) {
    case "missing":
      return failed(`cannot be started: ${end.error}`, { output });
    case "timeout":
      return failed(lateText(end), { output });
    case "signal":
      return failed(`ended by ${end.signal}`, { output });
    case "exit": {
      if (end.code === 0) return passed("exit 0", { output });
      if (!dynamic || end.code === 1) return failed(`exit ${end.code}`, { output });
      const weight = { kind: "absolute", value: end.code - 2 } as const;
      return passed(`exit ${end.code}: weight ${end.code - 2}`, { output, weight });
    }
  }
}
