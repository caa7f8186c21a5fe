/**
 * What a running program takes of the machine: processor time, memory, context switches; all of its
 * processes and threads together.
 *
 * @module
 */

import { processTree } from "../lib/mod.ts";

/** `USER_HZ`: /proc counts processor time in hundredths of a second. */
const TICK = 10_000;

/** Totals since the program began. */
export interface Totals {
  /** Processor time, microseconds. */
  readonly cpu: number;
  /** Context switches, wanted and unwanted. */
  readonly switches: number;
  readonly at: number;
}

/** What was used per second of the time between two looks. */
export interface Rates {
  /** Percent of one core. */
  readonly cpu: number;
  /** Context switches per second. */
  readonly switches: number;
}

/** Reads the totals of a program and its children. */
export function totals(pid: number): Totals {
  let cpu = 0;
  let switches = 0;
  for (const one of processTree(pid)) {
    const stat = Deno.readTextFileSync(`/proc/${one}/stat`);
    // The command's name stands in parentheses and may contain spaces.
    const words = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    cpu += (Number(words[11]) + Number(words[12])) * TICK;
    for (const { name } of Deno.readDirSync(`/proc/${one}/task`)) {
      const status = Deno.readTextFileSync(`/proc/${one}/task/${name}/status`);
      for (const match of status.matchAll(/ctxt_switches:\s+(\d+)/g)) switches += Number(match[1]);
    }
  }
  return { cpu, switches, at: performance.now() * 1000 };
}

/** What was used between two looks. */
export function rates(before: Totals, after: Totals): Rates {
  const time = after.at - before.at;
  return {
    cpu: (after.cpu - before.cpu) / time * 100,
    switches: (after.switches - before.switches) / (time / 1_000_000),
  };
}

/** Proportional set size of a program and its children, KiB. */
export function memory(pid: number): number {
  return processTree(pid).reduce((sum, one) => {
    const text = Deno.readTextFileSync(`/proc/${one}/smaps_rollup`);
    return sum + Number(/^Pss:\s+(\d+) kB/m.exec(text)?.[1] ?? 0);
  }, 0);
}
