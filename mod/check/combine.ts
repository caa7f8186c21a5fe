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
 * The weight that a server gets: the configured one, lowered to the lowest that healthy checks ask
 * for, and changed by what the operator's own files add.
 */
export function effectiveWeight(configured: number, members: readonly Member[]): number {
  let weight = configured;
  let added = 0;
  for (const { healthy, weight: opinion } of members) {
    if (opinion === null) continue;
    if (opinion.kind === "add") added += opinion.value;
    // What a check said before it failed is no longer true.
    else if (healthy) weight = Math.min(weight, askedWeight(configured, opinion));
  }
  return Math.min(GREATEST_WEIGHT, Math.max(0, weight + added));
}

function askedWeight(configured: number, { kind, value }: WeightOpinion): number {
  if (kind === "absolute" || value === 0) return value;
  // A server that asks for little asks for something: weight 0 would end new connections.
  return configured === 0 ? 0 : Math.max(1, Math.round((configured * value) / 100));
}
