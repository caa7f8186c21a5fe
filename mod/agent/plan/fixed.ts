/**
 * What cannot change while the agent runs. Pure.
 *
 * @module
 */

import type { AgentConfig } from "../../../config/mod.ts";
import { looksSame } from "../../values/mod.ts";
import type { Change } from "../site_changes.ts";

/** Keys of `[agent]` that a reload cannot change. */
const FIXED = [
  "name",
  "instance",
  "control",
  "state_directory",
  "protocol_number",
  "realtime",
  "namespace",
  "capabilities",
] as const;

/** Why a reload cannot be, in words; null: nothing of that kind is in its way. */
export function fixedKeys(before: AgentConfig, after: AgentConfig): string | null {
  const fixed = FIXED.filter((key) => !looksSame(before[key], after[key]));
  if (fixed.length === 0) return null;
  const keys = fixed.map((key) => `agent.${key}`).join(", ");
  return `${keys} cannot change while the agent runs: restart it`;
}

/** What a change of such a key begins with. */
const OF_FIXED = new RegExp(`^(${FIXED.join("|")})[ .]`);

/** Whether a change is of such a key. */
export function isFixed({ kind, what }: Change): boolean {
  return kind === "agent" && OF_FIXED.test(what);
}
