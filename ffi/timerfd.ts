/**
 * A timer that an epoll can wait for.
 *
 * Armed with an absolute time on CLOCK_MONOTONIC, so that the time spent between the decision and
 * the call is never added to the wait, and a time already past expires at once.
 *
 * @module
 */

import { closeDescriptor, opened } from "./descriptor.ts";
import { check } from "./errors.ts";
import { libc } from "./symbols.ts";

const CLOCK_MONOTONIC = 1;
const TFD_CLOEXEC = 0x80000;
const TFD_NONBLOCK = 0x800;
const TFD_TIMER_ABSTIME = 1;

/** A one-shot timer on CLOCK_MONOTONIC. */
export class TimerFd {
  readonly fd: number;
  // struct itimerspec: interval (always zero) and value, each a 64-bit timespec.
  readonly #setting = new Uint32Array(new ArrayBuffer(32));
  readonly #expirations = new Uint32Array(new ArrayBuffer(8));

  constructor() {
    this.fd = opened(
      "timerfd_create",
      libc.timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK),
    );
  }

  /**
   * Makes the descriptor readable at this time (whole microseconds, as `monotonicMicros` counts);
   * at once when it is past. Replaces an earlier time.
   */
  armAt(monotonicMicros: number): void {
    if (!Number.isFinite(monotonicMicros)) {
      throw new RangeError(`A timer needs a finite time, not ${monotonicMicros}`);
    }
    // All zeroes would disarm the timer.
    const micros = Math.max(1, Math.floor(monotonicMicros));
    const seconds = Math.floor(micros / 1_000_000);
    this.#set(seconds, (micros - seconds * 1_000_000) * 1000);
  }

  /** Forgets the time; an expiry not yet acknowledged is forgotten with it. */
  disarm(): void {
    this.#set(0, 0);
  }

  /** Makes the descriptor unreadable until the next expiry. Harmless when none was there. */
  acknowledge(): void {
    libc.read(this.fd, this.#expirations, 8);
  }

  close(): void {
    closeDescriptor(this.fd);
  }

  #set(seconds: number, nanoseconds: number): void {
    this.#setting[4] = seconds % 0x1_0000_0000;
    this.#setting[5] = Math.floor(seconds / 0x1_0000_0000);
    this.#setting[6] = nanoseconds;
    check(
      "timerfd_settime",
      libc.timerfd_settime(this.fd, TFD_TIMER_ABSTIME, this.#setting, null),
    );
  }
}
