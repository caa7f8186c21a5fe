/**
 * From findings to a verdict: how often a script must succeed or fail in a row before it counts,
 * for how long a process must be gone, and how many processes are enough. Pure, like everything
 * here: who runs the script hands in how it ended, who has a clock says when to look again.
 *
 * @module
 */

import { LARGEST_NUMBER } from "./tracker.ts";
import type { Micros } from "./types.ts";

/** What was found, or is believed. */
export interface Finding {
  readonly healthy: boolean;
  /** Why, in words: `exit 1`, `killed by SIGKILL`, `timed out after 1 s`. */
  readonly reason: string;
}

// ===== rise and fall =============================================================================

export interface RiseFall {
  /** Successes in a row that end a failure; at least 1. */
  readonly rise: number;
  /** Failures in a row that begin one; at least 1. */
  readonly fall: number;
  /** Failed until proven otherwise; else the first result decides alone. */
  readonly startFailed: boolean;
}

/** What is remembered of one script. Plain data. */
export interface Verdict {
  /** null: there was no result yet; nobody may rely on it. */
  healthy: boolean | null;
  /** Of the result that decided. */
  reason: string;
  /** Results in a row that speak against the verdict. */
  streak: number;
  since: Micros;
}

export function createVerdict({ startFailed }: RiseFall, now: Micros): Verdict {
  const healthy = startFailed ? false : null;
  return { healthy, reason: "no result yet", streak: 0, since: now };
}

/** Takes one result; returns whether the verdict has changed. */
export function observe(
  verdict: Verdict,
  { rise, fall }: RiseFall,
  found: Finding,
  now: Micros,
): boolean {
  if (found.healthy === verdict.healthy) {
    verdict.streak = 0;
    verdict.reason = found.reason;
    return false;
  }
  verdict.streak++;
  const needed = found.healthy ? rise : fall;
  if (verdict.healthy !== null && verdict.streak < needed) return false;
  verdict.healthy = found.healthy;
  verdict.reason = found.reason;
  verdict.streak = 0;
  verdict.since = now;
  return true;
}

// ===== delays ====================================================================================

/** How long a change must last before it counts: links that bounce, processes that restart. */
export interface Delays {
  readonly up: Micros;
  readonly down: Micros;
}

/** A finding that is believed, and perhaps another that is waited for. Plain data. */
export interface Settling {
  believed: Finding;
  /** What was found since, and when it will be believed. */
  pending: { finding: Finding; at: Micros } | null;
}

export function createSettling(found: Finding): Settling {
  return { believed: found, pending: null };
}

/** Takes a finding. Look again (`settleDown`) at the time that is pending then, if one is. */
export function find(settling: Settling, delays: Delays, found: Finding, now: Micros): boolean {
  if (found.healthy === settling.believed.healthy) {
    settling.pending = null;
    settling.believed = found;
    return false;
  }
  const at = settling.pending?.at ?? now + (found.healthy ? delays.up : delays.down);
  settling.pending = { finding: found, at };
  return settleDown(settling, now);
}

/** Believes what has lasted long enough; returns whether that changed anything. */
export function settleDown(settling: Settling, now: Micros): boolean {
  const { pending } = settling;
  if (pending === null || now < pending.at) return false;
  settling.believed = pending.finding;
  settling.pending = null;
  return true;
}

// ===== processes =================================================================================

/** How many processes of a name there must be. */
export interface Quorum {
  readonly least: number;
  /** null: any number. */
  readonly most: number | null;
}

/** Whether so many processes are right. */
export function judgeProcesses(count: number, { least, most }: Quorum): Finding {
  const running = `${count} ${count === 1 ? "process runs" : "processes run"}`;
  if (count < least) return { healthy: false, reason: `${running}, ${least} needed` };
  if (most !== null && count > most) {
    return { healthy: false, reason: `${running}, ${most} allowed` };
  }
  return { healthy: true, reason: running };
}

// ===== files =====================================================================================

/**
 * The number in a tracked file: the first word, a whole number with or without sign. `null`: there
 * is none, which the caller tells, and takes for 0.
 */
export function numberInFile(text: string): number | null {
  const word = /^\s*([+-]?\d+)(?=\s|$)/.exec(text)?.[1];
  if (word === undefined) return null;
  const value = Number(word) + 0;
  return Math.abs(value) <= LARGEST_NUMBER ? value : null;
}
