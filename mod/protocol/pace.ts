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
 * The same for BFD, whose detection times end this much too late at worst. It is about the distance of
 * the moments at which sessions of 10 ms send, so that what is sent and what is read share a waking.
 * A flood makes no pause of it: whoever has more than a turn reads is read on at once.
 */
export const BFD_GAP = 512;
/** Turns in a row that need not wait: a handful of routers never does. */
const FREE = 16;

export class Pace {
  /** When the last turn is paid for: it costs its gap, and `FREE` of them are lent. */
  #paidAt = -Infinity;

  /** Packets have been read in a turn; `gap`: the least of what their kinds ask for. */
  spend(now: number, gap: number): void {
    this.#paidAt = Math.max(this.#paidAt, now - FREE * gap) + gap;
  }

  /** When reading may go on, where it has to wait now; `Infinity`: it need not wait. */
  resumeAt(now: number): number {
    return this.#paidAt > now ? this.#paidAt : Infinity;
  }
}
