/**
 * What every check over a socket is: a conversation. Bytes come in, bytes go out, and at some point
 * it is decided. It knows no socket and no clock, so it is fuzzed without either; who drives it
 * (drivers/, the kernel plane) connects, keeps the time and closes when an outcome is there.
 *
 * A driver calls `open` once, then `receive` for what arrives and `end` when the peer has closed
 * its side, until a step carries an outcome; after that it calls nothing any more. `timeout` is
 * asked when the time is up: its outcome says what was waited for.
 *
 * @module
 */

import type { Outcome } from "../outcome.ts";

/** What is to be done next: any of it, in this order. */
export interface Step {
  readonly send?: Uint8Array;
  /** Speak TLS from here on, then call `secured`. */
  readonly startTls?: true;
  readonly outcome?: Outcome;
}

/** One probe over one connection, or with datagrams from one socket. */
export interface Conversation {
  /** The connection stands, with TLS where the target wants it from the start. */
  open(): Step;
  /** A piece of the stream of any length, or one whole datagram. */
  receive(bytes: Uint8Array): Step;
  /** The peer will send no more. Datagrams have no end. */
  end(): Step;
  /** TLS has begun on request. */
  secured?(): Step;
  /** Time is up. */
  timeout(): Outcome;
}

/** Nothing to do but to wait. */
export const WAIT: Step = {};

/** ASCII and UTF-8 as bytes. */
export function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** One array after another. */
export function concatenate(pieces: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

/** Most probes hear nothing that has to be kept. */
const NOTHING = new Uint8Array(0);

/**
 * What a stream has said so far, up to a limit. It grows by doubling, so that a peer who sends one
 * byte at a time costs no more than one who does not.
 */
export class Received {
  readonly limit: number;
  #bytes = NOTHING;
  #length = 0;

  /** @param limit bytes that are kept; at least 1 */
  constructor(limit: number) {
    this.limit = limit;
  }

  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  get length(): number {
    return this.#length;
  }

  /** Keeps what fits. Returns whether all of it did. */
  add(piece: Uint8Array): boolean {
    const fits = Math.min(piece.length, this.limit - this.#length);
    const needed = this.#length + fits;
    if (needed > this.#bytes.length) {
      const room = Math.max(needed, 256, 2 * this.#bytes.length);
      const larger = new Uint8Array(Math.max(needed, Math.min(this.limit, room)));
      larger.set(this.bytes);
      this.#bytes = larger;
    }
    this.#bytes.set(piece.subarray(0, fits), this.#length);
    this.#length = needed;
    return fits === piece.length;
  }

  /** Forgets the first `count` bytes. */
  drop(count: number): void {
    this.#bytes.copyWithin(0, count, this.#length);
    this.#length -= count;
  }
}

/** Where `wanted` begins in `bytes`; -1: nowhere. */
export function indexOfBytes(bytes: Uint8Array, wanted: Uint8Array): number {
  if (wanted.length === 0) return 0;
  const last = bytes.length - wanted.length;
  for (
    let at = bytes.indexOf(wanted[0]!);
    at !== -1 && at <= last;
    at = bytes.indexOf(wanted[0]!, at + 1)
  ) {
    let same = 1;
    while (same < wanted.length && bytes[at + same] === wanted[same]) same++;
    if (same === wanted.length) return at;
  }
  return -1;
}
