/**
 * Whether the machine itself stood still while a lab ran: a witness thread on each processor, of
 * this very process, that nothing of a lab goes ahead of.
 *
 * @module
 */

import { getAffinity } from "../../ffi/mod.ts";

/** When a processor should have run the witness, CLOCK_MONOTONIC, and how late it did; µs. */
export type Standstill = readonly [at: number, late: number];

/** Entries of one witness that are kept. */
export const KEPT = 2_048;
/** Floats before the entries: how many there were. */
export const HEAD = 1;

/** Lateness that may make a lab fail, microseconds. */
const LATE = 20_000;

let logs: readonly Float64Array[] | undefined;

/**
 * Starts the witnesses unless they watch already; they do until the process ends.
 *
 * @param notable what is noted: so late or later, microseconds
 */
export function watchMachine(notable = LATE): void {
  logs ??= getAffinity().map((cpu) => {
    const memory = new SharedArrayBuffer((HEAD + 2 * KEPT) * Float64Array.BYTES_PER_ELEMENT);
    const worker = new Worker(new URL("./witness_worker.ts", import.meta.url), { type: "module" });
    worker.postMessage({ cpu, memory, notable });
    return new Float64Array(memory);
  });
}

/**
 * What the witnesses saw since then, CLOCK_MONOTONIC in microseconds, the longest first.
 *
 * @param least microseconds
 */
export function standstills(since: number, least = LATE): Standstill[] {
  return (logs ?? []).flatMap((log) => {
    const count = Math.min(log[0]!, KEPT);
    return Array.from({ length: count }, (_, i): Standstill => {
      return [log[HEAD + 2 * i]!, log[HEAD + 2 * i + 1]!];
    }).filter(([at, late]) => at + late >= since && late >= least);
  }).sort(([, a], [, b]) => b - a);
}
