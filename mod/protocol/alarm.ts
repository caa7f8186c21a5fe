/**
 * What wakes the loop at its next deadline.
 *
 * @module
 */

import { TimerFd } from "../../ffi/mod.ts";

export class Alarm {
  readonly #timer = new TimerFd();
  #armed = Infinity;
  /** It has gone off since this was last set to false. */
  fired = false;

  get descriptor(): number {
    return this.#timer.fd;
  }

  /**
   * Wakes us at `next` or before. Each packet moves a deadline away, and to tell the kernel each
   * time would cost a system call: an early waking is taken for nothing, and seldom.
   *
   * @param next microseconds on CLOCK_MONOTONIC; `Infinity`: no deadline
   */
  armBy(next: number): void {
    if (next >= this.#armed) return;
    this.#armed = next;
    this.#timer.armAt(next);
  }

  /** The descriptor was readable. */
  acknowledge(): void {
    this.fired = true;
    this.#timer.acknowledge();
    this.#armed = Infinity;
  }
}
