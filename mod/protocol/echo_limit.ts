/**
 * How many of a peer's echoes are sent back: as many as its interval allows, from each hardware
 * address that they come from. Somebody on the link who forges the peer's address thus uses up an
 * allowance of his own; whoever is there first keeps his, and the address that the peer has answered
 * with has one in any case.
 *
 * @module
 */

import { MAC_LENGTH } from "./echo_frame.ts";

/** Addresses that have an allowance at one time, the peer's own apart. */
const SOURCES = 4;
/** So many echoes may come at once before the interval counts. */
const BURST = 4;
/** One that has been silent for so long, microseconds, makes room for another. */
const FORGET = 1_000_000;
/** Where a frame says who sent it. */
const SOURCE = 6;

export class EchoLimit {
  /** Required Min Echo RX: how often the peer may send, microseconds; 0: not at all. */
  interval = 0;
  readonly #macs = new Uint8Array((SOURCES + 1) * MAC_LENGTH);
  /** When the next echo from there is due, by the interval; the first is the peer's own. */
  readonly #expected = new Float64Array(SOURCES + 1).fill(-Infinity);

  /**
   * Whether the echo in `frame` is one that we have said we take; counts it.
   *
   * @param known hardware address that the peer has answered with; null: it has not
   */
  admits(frame: Uint8Array, known: Uint8Array | null, now: number): boolean {
    if (this.interval === 0) return false;
    const slot = known !== null && isFrom(frame, known, 0) ? 0 : this.#slotOf(frame, now);
    if (slot < 0) return false;
    // Its jitter makes intervals shorter by a quarter at most.
    const least = 0.75 * this.interval;
    const expected = Math.max(this.#expected[slot]!, now);
    if (expected - now > BURST * least) return false;
    this.#expected[slot] = expected + least;
    return true;
  }

  /** Where the frame's sender is counted; -1: there is no room. */
  #slotOf(frame: Uint8Array, now: number): number {
    let free = -1;
    for (let slot = 1; slot <= SOURCES; slot++) {
      if (this.#expected[slot]! + FORGET < now) free = slot;
      else if (isFrom(frame, this.#macs, slot * MAC_LENGTH)) return slot;
    }
    if (free < 0) return -1;
    for (let i = 0; i < MAC_LENGTH; i++) this.#macs[free * MAC_LENGTH + i] = frame[SOURCE + i]!;
    this.#expected[free] = now;
    return free;
  }
}

function isFrom(frame: Uint8Array, macs: Uint8Array, at: number): boolean {
  for (let i = 0; i < MAC_LENGTH; i++) if (frame[SOURCE + i] !== macs[at + i]) return false;
  return true;
}
