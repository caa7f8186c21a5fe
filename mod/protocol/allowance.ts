/**
 * How much of the thread's time may go into reading adverts: half of it, and as much at once as a
 * burst needs. Somebody who sends plausible adverts for our own virtual router ids faster than we
 * can look at them gets no more: then the sockets wait for some milliseconds, the kernel drops and
 * counts what does not fit into their queues, and timers and messages go on. A real-time thread
 * that reads without end would be stopped by the kernel for 50 ms in each second.
 *
 * @module
 */

export interface AllowanceSettings {
  /** Microseconds of reading that are saved up at most. */
  readonly most: number;
  /** Share of the time that may go into it, more than 0, at most 1. */
  readonly share: number;
  /** Microseconds to have again before reading goes on; less than `most`. */
  readonly resume: number;
}

/** Of all that the thread reads. */
const ALL: AllowanceSettings = { most: 20_000, share: 0.5, resume: 2_000 };

export class Allowance {
  readonly #settings: AllowanceSettings;
  #left: number;
  #at = 0;
  #paused = false;

  constructor(settings = ALL) {
    this.#settings = settings;
    this.#left = settings.most;
  }

  /** So many microseconds were spent. */
  spend(micros: number): void {
    this.#left -= micros;
    if (this.#left <= 0) this.#paused = true;
  }

  /** When reading may go on, where it has to wait now; `Infinity`: it need not wait. */
  resumeAt(now: number): number {
    const { most, share, resume } = this.#settings;
    this.#left = Math.min(most, this.#left + (now - this.#at) * share);
    this.#at = now;
    if (this.#left >= resume) this.#paused = false;
    return this.#paused ? Math.ceil(now + (resume - this.#left) / share) : Infinity;
  }
}
