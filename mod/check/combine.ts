/**
 * Several checks of one server: whether it is up, and how much it may weigh.
 *
 * @module
 */

import { GREATEST_WEIGHT } from "../ipvs/mod.ts";
import type { WeightOpinion } from "./outcome.ts";

/** `all`, `any`, or at least so many. */
export type Require = "all" | "any" | number;

/** How one check stands. */
export interface Member {
  readonly name: string;
  readonly healthy: boolean;
  /** Why it stands so. */
  readonly reason: string;
  readonly weight: WeightOpinion | null;
}

/** How the server stands. */
export interface Combined {
  readonly healthy: boolean;
  readonly passing: number;
  readonly needed: number;
  /** What is wrong, the first check named; empty: nothing. */
  readonly reason: string;
}

/** A server without checks is healthy. */
export function combine(require: Require, members: readonly Member[]): Combined {
  const failing = members.filter(({ healthy }) => !healthy);
  const passing = members.length - failing.length;
  const needed = neededOf(require, members.length);
  const healthy = passing >= needed;
  if (failing.length === 0 && healthy) return { healthy, passing, needed, reason: "" };
  const [first] = failing;
  const said = first === undefined ? "" : `${first.name}: ${first.reason}`;
  const others = failing.length > 1 ? ` (and ${failing.length - 1} more)` : "";
  const count = require === "all" ? "" : `${passing} of ${needed} checks needed pass`;
  const reason = [count, said + others].filter((part) => part !== "").join("; ");
  return { healthy, passing, needed, reason };
}

function neededOf(require: Require, members: number): number {
  if (members === 0) return 0;
  if (require === "all") return members;
  if (require === "any") return 1;
  return require;
}

/**
 * The weight that a server gets: the lowest that healthy checks ask for, in place of the configured
 * one, and changed by what the operator's own files add.
 *
 * @param configured 0 to 65535
 * @param most what no check lifts it above: an operator's word
 */
export function effectiveWeight(
  configured: number,
  members: readonly Member[],
  most = GREATEST_WEIGHT,
): number {
  let set = Infinity;
  let percent = 100;
  let added = 0;
  for (const { healthy, weight: opinion } of members) {
    if (opinion?.kind === "add") added += opinion.value;
    // What a check said before it failed is no longer true.
    else if (healthy && opinion?.kind === "absolute") set = Math.min(set, opinion.value);
    else if (healthy && opinion?.kind === "percent") percent = Math.min(percent, opinion.value);
  }
  const weight = set === Infinity ? configured : Math.min(most, set);
  return Math.min(GREATEST_WEIGHT, Math.max(0, shareOf(weight, percent) + added));
}

function shareOf(weight: number, percent: number): number {
  // A server that asks for little asks for something: weight 0 would end new connections.
  return weight === 0 || percent === 0 ? 0 : Math.max(1, Math.round((weight * percent) / 100));
}
