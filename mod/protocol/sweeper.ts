/**
 * When to read what the kernel has refused: seldom, much at once, and only while nothing else is to
 * be done. The first packet wakes the loop and is left alone; `PERIOD` later everything that has
 * come is read, and only then the next packet may wake the loop again. So a flood wakes it a
 * hundred times a second, however fast it is.
 *
 * A sweep ends after `LONGEST`, or when a deadline has come, and leaves the rest for the next one
 * `GAP` later: at most a fifth of the thread's time. What the queues cannot hold meanwhile is lost
 * and counted by the kernel.
 *
 * @module
 */

/** Microseconds from the first packet to the sweep. */
const PERIOD = 10_000;
/** Microseconds that a sweep takes, one batch more or less. */
const LONGEST = 1_000;
/** Microseconds from a sweep that had to stop to the next. */
const GAP = 4_000;

export class Sweeper<Channel> {
  readonly #sweep: (channel: Channel, now: number, until: number) => boolean;
  readonly #listen: (channel: Channel) => void;
  readonly #clock: () => number;
  readonly #waiting = new Set<Channel>();
  #at = Infinity;

  /**
   * @param sweep reads a channel's refused packets until a time; whether nothing is left
   * @param listen lets the next refused packet of a channel be noticed
   * @param clock microseconds now
   */
  constructor(
    sweep: (channel: Channel, now: number, until: number) => boolean,
    listen: (channel: Channel) => void,
    clock: () => number,
  ) {
    this.#sweep = sweep;
    this.#listen = listen;
    this.#clock = clock;
  }

  /** When `run` is wanted; `Infinity`: nothing waits. */
  get at(): number {
    return this.#at;
  }

  /** A refused packet has come. */
  notice(channel: Channel, now: number): void {
    this.#waiting.add(channel);
    if (this.#at === Infinity) this.#at = now + PERIOD;
  }

  /** Reads, no longer than to the `deadline`. */
  run(deadline: number): void {
    const now = this.#clock();
    const until = Math.min(now + LONGEST, deadline);
    for (const channel of [...this.#waiting]) {
      const empty = this.#sweep(channel, now, until);
      // Who is not done goes to the end of the line, so that each has its turn.
      this.#waiting.delete(channel);
      if (empty) this.#listen(channel);
      else this.#waiting.add(channel);
      if (this.#clock() >= until) break;
    }
    this.#at = this.#waiting.size === 0 ? Infinity : now + GAP;
  }

  /** The channel is gone. */
  forget(channel: Channel): void {
    this.#waiting.delete(channel);
    if (this.#waiting.size === 0) this.#at = Infinity;
  }
}
