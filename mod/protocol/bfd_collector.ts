/**
 * Looks after BFD's counters in the background: asks sockets what the kernel has dropped, and tells
 * of what was refused, at most a line each second for a session and a reason.
 *
 * @module
 */

import type { LogLimiter } from "../plane/log_limiter.ts";
import type { Deadline, TimerHeap } from "./timer_heap.ts";

/** Each is looked at so often, microseconds; a few at a time, and not more often than `SHORTEST`. */
const PERIOD = 1_000_000;
const AT_ONCE = 16;
const SHORTEST = 20_000;

/** What happens when two sides do not agree yet who they are: nothing to be woken for. */
const COMMON: ReadonlySet<string> = new Set(["unknown_session", "admin_down"]);

/** Something with counters. */
export interface Collected {
  /** Of a session; absent: of nobody in particular. */
  readonly name?: string;
  readonly dropped?: Readonly<Record<string, number | undefined>>;
  /** Adds what the kernel has dropped. */
  collect?(now: number): void;
}

/** What it needs from around it. */
export interface CollectorSurroundings {
  readonly heap: TimerHeap;
  readonly log: LogLimiter;
  clock(): number;
}

export class BfdCollector implements Deadline {
  at = Infinity;
  position = -1;
  readonly #env: CollectorSurroundings;
  /** In turn: the first is looked at next. With what was told of each. */
  readonly #watched = new Map<Collected, Record<string, number>>();

  constructor(env: CollectorSurroundings) {
    this.#env = env;
  }

  watch(one: Collected): void {
    this.#watched.set(one, { ...one.dropped } as Record<string, number>);
    if (this.position === -1) this.#env.heap.set(this, this.#env.clock() + PERIOD);
  }

  unwatch(one: Collected): void {
    this.#watched.delete(one);
    if (this.#watched.size === 0) this.#env.heap.cancel(this);
  }

  fire(now: number): void {
    let left = Math.min(AT_ONCE, this.#watched.size);
    for (const [one, told] of this.#watched) {
      if (left-- === 0) break;
      one.collect?.(now);
      this.#tell(one, told);
      this.#watched.delete(one);
      this.#watched.set(one, told);
    }
    if (this.#watched.size === 0) return;
    const gap = Math.max(SHORTEST, PERIOD * Math.min(1, AT_ONCE / this.#watched.size));
    this.#env.heap.set(this, now + gap);
  }

  #tell({ name, dropped = {} }: Collected, told: Record<string, number>): void {
    for (const reason in dropped) {
      const packets = dropped[reason]! - (told[reason] ?? 0);
      if (packets <= 0) continue;
      told[reason] = dropped[reason]!;
      const level = COMMON.has(reason) ? "debug" : "warning";
      const category = name === undefined ? ["bfd"] : ["bfd", name];
      this.#env.log.log(level, category, `Packets refused: ${reason}`, { packets });
    }
  }
}
