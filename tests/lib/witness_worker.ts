/**
 * One witness of `witness.ts`: wakes up every few milliseconds on one processor, ahead of every
 * agent, and notes when it was late.
 *
 * @module
 */

import {
  Epoll,
  EPOLLIN,
  monotonicMicros,
  setAffinity,
  setScheduler,
  TimerFd,
} from "../../ffi/mod.ts";
import { HEAD, KEPT } from "./witness.ts";

/** Between two looks at most, microseconds. */
const TICK = 4_000;
/** Ahead of the protocol threads, which have 50, and the daemons beside them. */
const PRIORITY = 60;

/** @see watchMachine */
interface Order {
  readonly cpu: number;
  readonly memory: SharedArrayBuffer;
  readonly notable: number;
}

self.onmessage = ({ data }: MessageEvent<Order>) => {
  const tick = Math.min(TICK, data.notable / 2);
  const log = new Float64Array(data.memory);
  setAffinity([data.cpu]);
  setScheduler("fifo", PRIORITY, { resetOnFork: true });
  const epoll = new Epoll(1);
  const timer = new TimerFd();
  epoll.add(timer.fd, EPOLLIN, 0);
  for (let next = monotonicMicros() + tick;;) {
    timer.armAt(next);
    epoll.wait(-1);
    timer.acknowledge();
    const now = monotonicMicros();
    if (now - next >= data.notable) {
      const count = log[0]!;
      log.set([next, now - next], HEAD + 2 * (count % KEPT));
      log[0] = count + 1;
    }
    next = Math.max(next + tick, now);
  }
};
