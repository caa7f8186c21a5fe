/**
 * Whether the kernel plane works or waits, when it does not turn.
 *
 * It may have to wait for the kernel's configuration lock for as long as others hold it, and a new
 * thread in its place would wait for the same. One that is caught in a loop of its own will never
 * come back. Silence is the same in both cases, processor time is not: a thread that waits uses
 * none, and what the kernel does on its behalf is counted apart. So a slow or busy machine is no
 * evidence either: the measure is what the thread was given, not what time it is.
 *
 * @module
 */

import { readText } from "../../ffi/mod.ts";
import type { SharedWords } from "../plane/shared.ts";

/** The kernel counts for programs in hundredths of a second, whatever its own clock (USER_HZ). */
const TICK = 10_000;
/** Places of `utime` (14th) in /proc/PID/stat after the name, which ends with the last `)`. */
const USER_TIME = 11;

export class Effort {
  readonly #words: SharedWords;
  readonly #userTime: (thread: number) => number | undefined;
  #thread = 0;
  #beat = 0;
  /** What the thread had used when it was first seen after that beat, microseconds. */
  #base = 0;

  constructor(words: SharedWords, userTime = userTimeOf) {
    this.#words = words;
    this.#userTime = userTime;
  }

  /**
   * Processor time of the thread outside of the kernel since it was first seen not to have turned
   * any more, microseconds.
   */
  sinceLastTurn(): number {
    const { kernelThread, kernelHeartbeat } = this.#words;
    const used = kernelThread === 0 ? undefined : this.#userTime(kernelThread);
    if (used === undefined) return 0;
    if (kernelThread !== this.#thread || kernelHeartbeat !== this.#beat) {
      this.#thread = kernelThread;
      this.#beat = kernelHeartbeat;
      this.#base = used;
    }
    return used - this.#base;
  }
}

/** Processor time of a thread of this process in user mode, microseconds; undefined: it is gone. */
export function userTimeOf(thread: number): number | undefined {
  try {
    const text = readText(`/proc/self/task/${thread}/stat`);
    const words = text.slice(text.lastIndexOf(")") + 2).split(" ");
    return Number(words[USER_TIME]) * TICK;
  } catch {
    return undefined;
  }
}
