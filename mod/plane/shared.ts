/**
 * The words of memory that all planes see.
 *
 * One `SharedArrayBuffer` of 32-bit words: heartbeats, and for each virtual router one word that
 * says whether it is master and since which mastership. The kernel plane refreshes the lease of an
 * address only while the protocol heartbeat advances and the router's word still is the epoch
 * under which it was told to hold the address (DESIGN.md, "The lease"). Each BFD session that
 * authenticates has a word with the sequence number it has used last: a successor of a crashed
 * protocol plane that guessed it would not be believed (RFC 5880 section 6.7.3).
 *
 * @module
 */

/** Most virtual routers of one agent. */
export const MAX_ROUTERS = 4096;
/** Most BFD sessions whose numbers outlive a crash of their plane. */
export const MAX_SEQUENCES = 4096;

const PROTOCOL_HEARTBEAT = 0;
const KERNEL_HEARTBEAT = 1;
const PROTOCOL_LAST = 2;
const KERNEL_THREAD = 3;
const EVERY_ADVERT = 4;
const FIRST_ROUTER = 16;
const FIRST_SEQUENCE = FIRST_ROUTER + MAX_ROUTERS;

/** Typed access to the shared words. */
export class SharedWords {
  readonly buffer: SharedArrayBuffer;
  readonly #words: Int32Array;

  constructor(buffer?: SharedArrayBuffer) {
    this.buffer = buffer ?? new SharedArrayBuffer((FIRST_SEQUENCE + MAX_SEQUENCES) * 4);
    this.#words = new Int32Array(this.buffer);
  }

  /**
   * The protocol loop turned: one more beat, at least every 100 ms while a router is master.
   *
   * @param now microseconds on CLOCK_MONOTONIC
   */
  beatProtocol(now: number): void {
    Atomics.store(this.#words, PROTOCOL_LAST, Math.floor(now / 1000) & 0x7fffffff);
    Atomics.add(this.#words, PROTOCOL_HEARTBEAT, 1);
  }

  /** How long ago the protocol loop last turned, microseconds, exact to one millisecond. */
  protocolSilence(now: number): number {
    const last = Atomics.load(this.#words, PROTOCOL_LAST);
    const silence = (Math.floor(now / 1000) - last) & 0x7fffffff;
    // It may have turned since the caller looked at the clock: then it is ahead, not 25 days back.
    return silence > 0x3fffffff ? 0 : silence * 1000;
  }

  /** Counter of the protocol loop's turns; wraps at 2³¹. */
  get protocolHeartbeat(): number {
    return Atomics.load(this.#words, PROTOCOL_HEARTBEAT);
  }

  beatKernel(): void {
    Atomics.add(this.#words, KERNEL_HEARTBEAT, 1);
  }

  get kernelHeartbeat(): number {
    return Atomics.load(this.#words, KERNEL_HEARTBEAT);
  }

  /** Thread id of the kernel plane; 0: it does not run. */
  get kernelThread(): number {
    return Atomics.load(this.#words, KERNEL_THREAD);
  }

  set kernelThread(id: number) {
    Atomics.store(this.#words, KERNEL_THREAD, id);
  }

  /** The log wants a line for each advert that is heard and each timer that fires. */
  get wantsEveryAdvert(): boolean {
    return Atomics.load(this.#words, EVERY_ADVERT) !== 0;
  }

  set wantsEveryAdvert(wants: boolean) {
    Atomics.store(this.#words, EVERY_ADVERT, wants ? 1 : 0);
  }

  /** The epoch of the router's mastership; 0: it is not master. */
  mastership(slot: number): number {
    return Atomics.load(this.#words, FIRST_ROUTER + slot);
  }

  setMastership(slot: number, epoch: number): void {
    Atomics.store(this.#words, FIRST_ROUTER + slot, epoch);
  }

  /** The sequence number that a BFD session has used last, 32 bits. */
  sequence(slot: number): number {
    return Atomics.load(this.#words, FIRST_SEQUENCE + slot) >>> 0;
  }

  setSequence(slot: number, sequence: number): void {
    Atomics.store(this.#words, FIRST_SEQUENCE + slot, sequence | 0);
  }
}
