/**
 * How often adverts may wake us. To fall asleep and be woken costs more than to read an advert
 * (three fifths of a backup's time with 10,000 adverts a second, one after the other), and whoever
 * sends it pays for the waking where it is on the same machine. So a few turns in a row are free;
 * where packets go on waking us, the sockets rest until a gap after the last turn is over, and what
 * has come meanwhile is read in one.
 *
 * A packet is then noticed up to that gap later than it might have been, and only where they come
 * faster. Deadlines and messages never wait, and before a master or a path is declared dead every
 * socket is read.
 *
 * @module
 */

/** Microseconds between two turns that adverts have asked for. */
export const ADVERT_GAP = 1_000;
/**
 * The same for BFD, whose detection times end this much too late at worst. A flood makes no pause of
 * it: whoever has more than a turn reads is read on at once.
 */
export const BFD_GAP = 256;
/** For sessions with longer detection times; a power of two, as `BFD_GAP` is. */
const LONGEST_BFD_GAP = 1_024;
/** Share of a detection time that a packet may wait for others. */
const BFD_SHARE = 1 / 32;
/** So long, microseconds, the least gap asked for is held to: its packets come again. */
const MEMORY = 1_000_000;
/** Turns in a row that need not wait: a handful of routers never does. */
const FREE = 16;

/**
 * The gap for a session: 256 µs for the fastest, 512 at 10 ms × 3, 1024 at 50 ms × 3. Sessions send at
 * multiples of powers of two (`mod/bfd/timing.ts`), so that reading shares their wakings.
 *
 * @param detection its detection time, microseconds
 */
export function bfdGap(detection: number): number {
  let gap = BFD_GAP;
  while (gap < LONGEST_BFD_GAP && 2 * gap <= detection * BFD_SHARE) gap *= 2;
  return gap;
}

export class Pace {
  /** When the last turn is paid for: it costs its gap, and `FREE` of them are lent. */
  #paidAt = -Infinity;
  /** What was asked for last, and the least of late: all sockets rest together. */
  #gap = Infinity;
  #gapAt = -Infinity;

  /** Packets have been read in a turn; `gap`: the least of what their kinds ask for. */
  spend(now: number, gap: number): void {
    // What is lent is counted in gaps.
    if (gap < this.#gap) this.#paidAt = Math.min(this.#paidAt, now);
    if (gap <= this.#gap || now - this.#gapAt >= MEMORY) {
      this.#gap = gap;
      this.#gapAt = now;
    }
    this.#paidAt = Math.max(this.#paidAt, now - FREE * this.#gap) + this.#gap;
  }

  /** When reading may go on, where it has to wait now; `Infinity`: it need not wait. */
  resumeAt(now: number): number {
    if (this.#paidAt <= now) return Infinity;
    // At a moment at which others wake up, too.
    const at = Math.floor(this.#paidAt / this.#gap) * this.#gap;
    return at > now ? at : Infinity;
  }
}
