/**
 * Counters that the protocol plane writes and control reads without asking: a row of doubles for
 * each router in shared memory. One writer; a reader may see a count one packet old.
 *
 * @module
 */

import { AUTHENTICATION_DROP_REASONS, DROP_REASONS } from "../vrrp/mod.ts";
import { MAX_ROUTERS } from "./shared.ts";

const PLAIN = [
  "advertisements_sent",
  "advertisements_received",
  "priority_zero_sent",
  "priority_zero_received",
  "send_errors",
  "stall_graces",
] as const;

const REASONS = [...DROP_REASONS, ...AUTHENTICATION_DROP_REASONS] as const;
const NAMES: readonly string[] = [...PLAIN, ...REASONS.map((reason) => `dropped.${reason}`)];

export type CounterName =
  | typeof PLAIN[number]
  | `dropped.${typeof REASONS[number]}`;

const INDEX = new Map(NAMES.map((name, i) => [name, i]));

/** Counts of one router as status shows them. */
export interface RouterCounters extends Record<typeof PLAIN[number], number> {
  dropped: Record<typeof REASONS[number], number>;
}

export class Counters {
  readonly buffer: SharedArrayBuffer;
  readonly #cells: Float64Array;

  constructor(buffer?: SharedArrayBuffer) {
    this.buffer = buffer ?? new SharedArrayBuffer(MAX_ROUTERS * NAMES.length * 8);
    this.#cells = new Float64Array(this.buffer);
  }

  add(slot: number, name: CounterName): void {
    const cell = slot * NAMES.length + INDEX.get(name)!;
    this.#cells[cell] = this.#cells[cell]! + 1;
  }

  read(slot: number): RouterCounters {
    const counters: Record<string, number> = {};
    const dropped: Record<string, number> = {};
    NAMES.forEach((name, i) => {
      const value = this.#cells[slot * NAMES.length + i]!;
      if (name.startsWith("dropped.")) dropped[name.slice("dropped.".length)] = value;
      else counters[name] = value;
    });
    return { ...counters, dropped } as RouterCounters;
  }

  /** Goes on from what a former process has counted; names that are not ours are left out. */
  restore(slot: number, counted: Readonly<Record<string, number>>): void {
    NAMES.forEach((name, i) => this.#cells[slot * NAMES.length + i] = counted[name] ?? 0);
  }

  /** What `restore` takes: zeros left out. */
  save(slot: number): Record<string, number> {
    const counted: Record<string, number> = {};
    NAMES.forEach((name, i) => {
      const value = this.#cells[slot * NAMES.length + i]!;
      if (value > 0) counted[name] = value;
    });
    return counted;
  }

  /** A slot that a new router takes over starts at zero. */
  clear(slot: number): void {
    this.#cells.fill(0, slot * NAMES.length, (slot + 1) * NAMES.length);
  }
}
