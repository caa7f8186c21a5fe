/**
 * Faults on request, for tests of what becomes of them.
 *
 * @module
 */

import { monotonicMicros } from "../../ffi/mod.ts";
import { sleep } from "../plane/crash.ts";
import type { Fault } from "../plane/messages.ts";

/** The wall clock of this plane, which may be wrong on request. */
export class WallClock {
  #offset: number;

  /** @param offset by how much it is wrong from the start, microseconds */
  constructor(offset: number) {
    this.#offset = offset;
  }

  /** Microseconds since 1970. */
  now(): number {
    return Date.now() * 1000 + this.#offset;
  }

  /** It is wrong by so much more, microseconds. */
  set(more: number): void {
    this.#offset += more;
  }
}

/** @param duration microseconds @throws {Error} where that is the fault */
export function injectFault(fault: Fault, duration: number, clock: WallClock): void {
  if (fault === "set_clock") return clock.set(duration);
  if (fault === "throw") throw new Error("Fault injected on request");
  if (fault === "wait") return sleep(duration);
  for (const end = monotonicMicros() + duration; monotonicMicros() < end;);
}
