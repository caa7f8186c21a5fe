/**
 * Tells a flood from a burst: more useless packets than `BURST` at once, or than `RATE` a second
 * for longer. It is over when a second has gone by with fewer than that.
 *
 * @module
 */

/** Useless packets at once that are no flood. */
const BURST = 256;
/** Useless packets a second that are none. */
const RATE = 500;

export class FloodGauge {
  #level = 0;
  #at = 0;
  /** Packets that were useless, since `#since`. */
  #recent = 0;
  #since = 0;
  #flooded = false;

  get flooded(): boolean {
    return this.#flooded;
  }

  /** So many useless packets were read, or refused by the kernel. @param now microseconds */
  note(packets: number, now: number): void {
    if (packets <= 0) return;
    this.#level = Math.max(0, this.#level - (now - this.#at) * RATE / 1e6) + packets;
    this.#at = now;
    this.#recent += packets;
    if (this.#level > BURST) this.#flooded = true;
  }

  /** Looks back; to be called every second or so. */
  settle(now: number): void {
    const time = now - this.#since;
    if (time < 1_000_000) return;
    if (this.#recent * 1e6 <= RATE * time) {
      this.#flooded = false;
      this.#level = 0;
    }
    this.#recent = 0;
    this.#since = now;
  }
}
