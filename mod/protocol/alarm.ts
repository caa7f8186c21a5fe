/**
 * What wakes the loop at its next deadline. It is to be watched for its edge (`EPOLLET`): what has
 * gone off tells so once, and is set anew without being read before.
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

  /** It has gone off. */
  acknowledge(): void {
    this.fired = true;
    this.#armed = Infinity;
  }
}
