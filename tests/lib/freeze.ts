/**
 * Programs that stand still together and go on one after the other, as two machines of one
 * hypervisor do.
 *
 * @module
 */

import { monotonicMicros, realtimeMicros, setScheduler } from "../../ffi/mod.ts";

/** Ahead of the protocol threads, so that the second is not let go late. */
const PRIORITY = 55;

/** When they stood still; microseconds since 1970. */
export interface Freeze {
  readonly from: number;
  /** The first was let go. */
  readonly to: number;
  /** Between the first and the last that were let go, microseconds. */
  readonly apart: number;
}

/**
 * Stops all at once and lets them go in the given order. This thread does nothing else meanwhile.
 *
 * @param pids for each program its processes
 * @param length how long they stand still, microseconds
 * @param apart from one to the next, when they are let go, microseconds
 * @param left processes that are stopped with them and never let go
 */
export function freezeTogether(
  pids: readonly (readonly number[])[],
  length: number,
  apart: number,
  left: readonly number[] = [],
): Freeze {
  setScheduler("fifo", PRIORITY, { resetOnFork: true });
  try {
    const from = realtimeMicros();
    for (const pid of [...left, ...pids.flat()]) Deno.kill(pid, "SIGSTOP");
    sleep(length);
    const to = realtimeMicros();
    for (const [i, group] of pids.entries()) {
      if (i > 0) sleep(apart);
      for (const pid of group) Deno.kill(pid, "SIGCONT");
    }
    return { from, to, apart: realtimeMicros() - to };
  } finally {
    setScheduler("other", 0);
  }
}

function sleep(micros: number): void {
  const cell = new Int32Array(new SharedArrayBuffer(4));
  const end = monotonicMicros() + micros;
  for (let left = micros; left > 0; left = end - monotonicMicros()) {
    Atomics.wait(cell, 0, 0, left / 1000);
  }
}
