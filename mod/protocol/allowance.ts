/**
 * How much of the thread's time may go into reading adverts: half of it, and as much at once as a
 * burst needs. Somebody who sends plausible adverts for our own virtual router ids faster than we
 * can look at them gets no more: then the sockets wait for some milliseconds, the kernel drops and
 * counts what does not fit into their queues, and timers and messages go on. A real-time thread
 * that reads without end would be stopped by the kernel for 50 ms in each second.
 *
 * @module
 */

/** Microseconds of reading that are saved up at most. */
const MOST = 20_000;
/** Share of the time that may go into it. */
const SHARE = 0.5;
/** Microseconds to have again before reading goes on. */
const RESUME = 2_000;

export class Allowance {
  #left = MOST;
  #at = 0;
  #paused = false;

  /** So many microseconds were spent. */
  spend(micros: number): void {
    this.#left -= micros;
    if (this.#left <= 0) this.#paused = true;
  }

  /** When reading may go on, where it has to wait now; `Infinity`: it need not wait. */
  resumeAt(now: number): number {
    this.#left = Math.min(MOST, this.#left + (now - this.#at) * SHARE);
    this.#at = now;
    if (this.#left >= RESUME) this.#paused = false;
    return this.#paused ? Math.ceil(now + (RESUME - this.#left) / SHARE) : Infinity;
  }
}
