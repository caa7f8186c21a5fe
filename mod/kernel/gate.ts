/**
 * When a virtual address may be installed or its lease refreshed.
 *
 * The kernel plane has a thread of its own and may be alive while the protocol plane hangs, so it
 * asks the shared memory: the router's word must still be the epoch under which the addresses are
 * held, and the protocol loop must have turned just now. That it turned since the last refresh is
 * not enough: with a lease of a minute that may be twenty seconds ago, and the address would live
 * so much longer than its lease. After a silence, or a stall of the whole process, earlier beats
 * say nothing about what the loop thinks now: then two whole turns must be seen first, so that a
 * thawed master has read the adverts that came meanwhile.
 *
 * Times are whole microseconds on CLOCK_MONOTONIC.
 *
 * @module
 */

import type { KernelRouter } from "../plane/messages.ts";

/** What the gate reads of the shared memory (`SharedWords`). */
export interface Pulse {
  readonly protocolHeartbeat: number;
  /** How long ago the protocol loop last turned, microseconds. */
  protocolSilence(now: number): number;
  mastership(slot: number): number;
}

/** The protocol loop turns several times as often while a router is master. */
const FRESH = 500_000;
/** Beats that must be seen after a stall: the first may stem from a turn begun before it. */
const BEATS_AFTER_STALL = 2;

/** One router's right to hold its addresses. */
export class Gate {
  readonly #pulse: Pulse;
  readonly #slot: number;
  /** Epoch under which the addresses are held; 0: they are not. */
  epoch = 0;
  /** The heartbeat that must have been reached; undefined: none is waited for. */
  #awaited: number | undefined;
  /** When a message of the protocol plane last said hold. */
  #toldAt = -Infinity;

  constructor(pulse: Pulse, slot: number) {
    this.#pulse = pulse;
    this.#slot = slot;
  }

  /** Heartbeat now, to be compared by identity. */
  get heartbeat(): number {
    return this.#pulse.protocolHeartbeat;
  }

  /** Whether the protocol loop has turned just now. */
  beats(now: number): boolean {
    return this.#pulse.protocolSilence(now) <= FRESH;
  }

  /** The protocol plane says hold: as good a sign of life as a beat. */
  told(epoch: number, now: number): void {
    this.epoch = epoch;
    this.#toldAt = now;
  }

  /** What was known of the protocol loop is too old: ask for fresh turns of it. */
  distrust(): void {
    this.#awaited ??= (this.#pulse.protocolHeartbeat + BEATS_AFTER_STALL) | 0;
  }

  /** Like `distrust`, and what was seen and heard until now does not count either. */
  distrustAnew(): void {
    this.#awaited = undefined;
    this.#toldAt = -Infinity;
    this.distrust();
  }

  /** Whether addresses may be put on the interface now. */
  open(now: number): boolean {
    if (this.epoch === 0 || this.#pulse.mastership(this.#slot) !== this.epoch) return false;
    if (Math.min(this.#pulse.protocolSilence(now), now - this.#toldAt) > FRESH) {
      this.distrust();
      return false;
    }
    if (this.#awaited === undefined) return true;
    // The counter wraps at 2³¹, so the difference is taken in 32 bits.
    if (((this.#pulse.protocolHeartbeat - this.#awaited) | 0) < 0) return false;
    this.#awaited = undefined;
    return true;
  }
}

/** The gate of what is held as long as the agent runs, whatever the protocol plane says. */
class OpenGate extends Gate {
  override open(): boolean {
    return true;
  }
}

/** The gate of what this plane itself holds and drops: that it turns is what a lease needs. */
class OwnGate extends Gate {
  #asked = 0;

  override get heartbeat(): number {
    return ++this.#asked;
  }

  override open(): boolean {
    return this.epoch !== 0;
  }
}

/** The gate of a router. */
export function gateFor(
  { slot, always, decidedBy }: Pick<KernelRouter, "slot" | "always" | "decidedBy">,
  pulse: Pulse,
): Gate {
  if (always === true) return new OpenGate(pulse, slot);
  return decidedBy === "balancer" ? new OwnGate(pulse, slot) : new Gate(pulse, slot);
}

/** How long the gate is asked again after it was found closed. */
export const GATE_RETRY = 50_000;

/** First and longest wait before something that failed is tried again. */
const BACKOFF_FIRST = 100_000;
const BACKOFF_MOST = 5_000_000;

/** Wait after so many failures in a row: none after 0, then doubling from 100 ms to 5 s. */
export function backoff(failures: number): number {
  if (failures <= 0) return 0;
  return Math.min(BACKOFF_MOST, BACKOFF_FIRST * 2 ** Math.min(failures - 1, 10));
}

/**
 * Where within the period the first refresh of an address falls, so that a thousand leases taken
 * at one moment are not all refreshed at one moment: routers are spread by the golden ratio,
 * addresses of one router evenly.
 *
 * @param position of the address in its router
 * @param count of the router's addresses, 1 or more
 * @returns a share of the period, above 0.1 and at most 1
 */
export function refreshShare(slot: number, position: number, count: number): number {
  const share = (slot * 0.618033988749895 + position / count) % 1;
  return 0.1 + 0.9 * (1 - share);
}
