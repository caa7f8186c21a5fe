/**
 * Recorders of many machines of one kind, by name: there is one for each machine that has made a step
 * worth recording, as long as there are not too many. An outage makes ten thousand checks worth it.
 *
 * @module
 */

import { Recorder } from "./recorder.ts";
import type { MachineKind, RawSegment } from "./types.ts";

/** Machines of one kind of which anything is kept: some 8 KiB each after two outages. */
const MOST_MACHINES = 1000;

export class Shelf<Kind extends MachineKind> {
  readonly #kind: Kind;
  readonly #most: number;
  /** The one that began a segment last is the last. */
  readonly #recorders = new Map<string, { recorder: Recorder<Kind>; size: number }>();
  /** Of all. */
  #size = 0;

  /** @param most sizes of machines that are kept together at most, at least that of each */
  constructor(kind: Kind, most = MOST_MACHINES) {
    this.#kind = kind;
    this.#most = most;
  }

  /** Those that have recorded anything. */
  get machines(): { readonly kind: Kind; readonly name: string }[] {
    return [...this.#recorders.keys()].map((name) => ({ kind: this.#kind, name }));
  }

  /** Whether it has recorded anything of a machine. */
  has(kind: MachineKind, name: string): boolean {
    return kind === this.#kind && this.#recorders.has(name);
  }

  /** Whether a segment of it has begun. */
  isOpen(name: string): boolean {
    return this.#recorders.get(name)?.recorder.isOpen ?? false;
  }

  /**
   * To note a step of a machine. Where that makes too many, those go that have begun nothing for the
   * longest time.
   *
   * @param size what it counts for when it begins a segment; a machine counts for 1
   */
  of(name: string, size = 1): Recorder<Kind> {
    const known = this.#recorders.get(name);
    if (known?.recorder.isOpen) return known.recorder;
    if (known !== undefined) this.#forget(name, known.size);
    for (const [oldest, one] of this.#recorders) {
      if (this.#size + size <= this.#most) break;
      this.#forget(oldest, one.size);
    }
    const recorder = known?.recorder ?? new Recorder(this.#kind);
    this.#recorders.set(name, { recorder, size });
    this.#size += size;
    return recorder;
  }

  /** What follows is no step from what is recorded of it, if anything is. */
  cut(name: string): void {
    this.#recorders.get(name)?.recorder.cut();
  }

  /** All others are gone; and these may be other ones than before. */
  keep(names: { has(name: string): boolean }): void {
    for (const [name, { recorder, size }] of this.#recorders) {
      if (names.has(name)) recorder.cut();
      else this.#forget(name, size);
    }
  }

  /** See `Recorder.segment`. */
  segment(name: string, from: number): RawSegment | undefined {
    return this.#recorders.get(name)?.recorder.segment(name, from);
  }

  #forget(name: string, size: number): void {
    this.#recorders.delete(name);
    this.#size -= size;
  }
}
