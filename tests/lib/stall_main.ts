/**
 * A witness of the machine's own stalls, as a program of its own: wakes up every millisecond on one
 * processor, ahead of every agent, and notes when it was late. Where even that thread was not let
 * run, no other one was to blame for being late.
 *
 * Usage: `stall_main.ts CPU RESULT_FILE`; it ends when its standard input does.
 *
 * @module
 */

import {
  Epoll,
  EPOLLIN,
  monotonicMicros,
  realtimeMicros,
  setAffinity,
  setScheduler,
  TimerFd,
} from "../../ffi/mod.ts";

const TICK = 1_000;
/** Lateness that is worth a note, microseconds. */
const LATE = 500;
/** Ahead of the protocol threads, which have 50. */
const PRIORITY = 60;

/** When it should have run, on CLOCK_REALTIME, and how late it did; microseconds. */
export type Stall = readonly [at: number, late: number];

function watch(): Stall[] {
  const stalls: Stall[] = [];
  const epoll = new Epoll(2);
  const timer = new TimerFd();
  epoll.add(timer.fd, EPOLLIN, 1);
  epoll.add(0, EPOLLIN, 0);
  console.log("watching");
  for (let next = monotonicMicros() + TICK;;) {
    timer.armAt(next);
    const count = epoll.wait(-1);
    for (let i = 0; i < count; i++) if (epoll.token(i) === 0) return stalls;
    timer.acknowledge();
    const now = monotonicMicros();
    if (now - next >= LATE) stalls.push([realtimeMicros() - (now - next), now - next]);
    next = Math.max(next + TICK, now);
  }
}

if (import.meta.main) {
  const [cpu, path] = Deno.args;
  if (cpu === undefined || path === undefined) {
    throw new TypeError("Usage: stall_main.ts CPU RESULT_FILE");
  }
  setAffinity([Number(cpu)]);
  setScheduler("fifo", PRIORITY, { resetOnFork: true });
  Deno.writeTextFileSync(path, JSON.stringify(watch()));
}
