/**
 * `halb plan`: what a reload of the running agent would change. The agent reads its own file; another
 * one is read here, and only compared with what runs.
 *
 * @module
 */

import { formatProblem, loadSite, systemOptions } from "../../config/mod.ts";
import type { RunningResult } from "../agent/results.ts";
import {
  invalidPlan,
  planChanges,
  type PlannedChange,
  type PlanResult,
} from "../agent/plan/plan.ts";
import { markKey, settled } from "../agent/plan/settled.ts";
import { ask } from "../control/client.ts";
import type { Status } from "../control/status.ts";
import { escapeText } from "../text/mod.ts";
import { painter } from "./table.ts";

export interface PlanOptions {
  readonly json: boolean;
  readonly color: boolean;
  /** As which node another file is read; absent: as the running one. */
  readonly name?: string;
}

/**
 * @param file another file than the agent's own; undefined: that one
 * @throws {AgentUnreachable} when nobody answers at `control`
 */
export async function planCommand(
  control: string,
  file: string | undefined,
  options: PlanOptions,
): Promise<{ exitCode: number; output: string }> {
  const plan = file === undefined
    ? await ask(control, { command: "plan" }) as PlanResult
    : await planFor(control, file, options.name);
  const exitCode = plan.result === "valid" ? 0 : 2;
  if (options.json) return { exitCode, output: JSON.stringify(plan, null, 2) };
  return { exitCode, output: planText(plan, options.color) };
}

async function planFor(
  control: string,
  file: string,
  given: string | undefined,
): Promise<PlanResult> {
  const { mark_key, site } = await ask(control, { command: "configuration" }) as RunningResult;
  const { instance } = site.agent;
  const name = given ?? site.agent.name;
  const options = { name, ...(instance === undefined ? {} : { instance }) };
  const loaded = loadSite(file, systemOptions(options));
  const textsOf = (problems: Parameters<typeof formatProblem>[0][]): string[] =>
    problems.map((problem) => formatProblem(problem, { color: false }));
  if (!loaded.ok) return invalidPlan(textsOf([...loaded.problems]));
  const key = markKey(mark_key);
  if (key === undefined) throw new Error("The agent's answer cannot be understood: is it older?");
  const status = await ask(control, { command: "status" }).catch(() => null) as Status | null;
  return planChanges(site, settled(loaded.site, key), status, textsOf([...loaded.warnings]));
}

/** For people: a line for each change, and what follows from it. */
export function planText(
  { changes, problems, warnings, result }: PlanResult,
  color: boolean,
): string {
  const paint = painter(color);
  const lines = changes.map((change) => {
    const text = escapeText(lineOf(change));
    return change.interrupts || change.needs_restart ? paint(text, "yellow") : text;
  });
  if (changes.some(({ interrupts }) => interrupts)) {
    lines.push("", "Lines with ! may be noticed by who uses the service now");
  }
  if (problems.length > 0) {
    // Problems of a file are lines with a caret below.
    lines.push(...(lines.length > 0 ? [""] : []), ...problems, "A reload would change nothing");
  }
  if (result === "valid" && changes.length === 0) lines.push("Nothing to do");
  if (warnings.length > 0) lines.push("", ...warnings);
  return lines.join("\n");
}

function lineOf({ text, effect, interrupts, needs_restart }: PlannedChange): string {
  const why = needs_restart ? "needs a restart" : effect;
  return `${interrupts ? "! " : "  "}${text}${why === null ? "" : ` (${why})`}`;
}
