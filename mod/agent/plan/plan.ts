/**
 * What a reload would do, before it is done: the lines that it would report, each with what follows
 * from it as things stand. Pure.
 *
 * @module
 */

import type { Status } from "../../control/status.ts";
import { type Change, changeText, siteDifference } from "../site_changes.ts";
import { effectOf } from "./effects.ts";
import { fixedKeys, isFixed } from "./fixed.ts";
import type { SettledSite } from "./settled.ts";

/** A line of a reload, and what follows from it. */
export interface PlannedChange {
  /** As the reload would report it. */
  readonly text: string;
  /** The list or table of the file. */
  readonly kind: Change["kind"];
  readonly name: string | null;
  /** What follows, in words; null: nothing that anybody would notice. */
  readonly effect: string | null;
  /** Somebody who uses the service now may notice it. */
  readonly interrupts: boolean;
  /** A reload would be refused for it. */
  readonly needs_restart: boolean;
}

/** What a plan says. */
export interface PlanResult {
  /** `refused`: the file is valid, and changes what cannot change while the agent runs. */
  readonly result: "valid" | "refused" | "invalid";
  readonly changes: readonly PlannedChange[];
  /** Why a reload would not be, a problem each. */
  readonly problems: readonly string[];
  /** What the file is warned of. */
  readonly warnings: readonly string[];
}

/** A plan for a file that no reload would take. */
export function invalidPlan(problems: readonly string[]): PlanResult {
  return { result: "invalid", changes: [], problems, warnings: [] };
}

/**
 * @param before what runs, and `after`, what is wanted: secrets with marks of the same key
 * @param status how things stand; null: nobody knows
 */
export function planChanges(
  before: SettledSite,
  after: SettledSite,
  status: Status | null,
  warnings: readonly string[] = [],
): PlanResult {
  const fixed = fixedKeys(before.agent, after.agent);
  const difference = siteDifference(before, after);
  const effect = effectOf(before, after, status, difference);
  const changes = difference.map((change): PlannedChange => ({
    text: changeText(change),
    kind: change.kind,
    name: change.name ?? null,
    effect: null,
    interrupts: false,
    needs_restart: isFixed(change),
    ...effect(change),
  }));
  return {
    result: fixed === null ? "valid" : "refused",
    changes,
    problems: fixed === null ? [] : [fixed],
    warnings,
  };
}
