/**
 * Recorders of many machines of one kind, by name: there is one for each machine that has made a step
 * worth recording.
 *
 * @module
 */

import { Recorder } from "./recorder.ts";
import type { MachineKind, RawSegment } from "./types.ts";

export class Shelf<Kind extends MachineKind> {
  readonly #kind: Kind;
  readonly #recorders = new Map<string, Recorder<Kind>>();

  constructor(kind: Kind) {
    this.#kind = kind;
  }

  /** Those that have recorded anything. */
  get machines(): { readonly kind: Kind; readonly name: string }[] {
    return [...this.#recorders.keys()].map((name) => ({ kind: this.#kind, name }));
  }

  of(name: string): Recorder<Kind> {
    let recorder = this.#recorders.get(name);
    if (recorder === undefined) this.#recorders.set(name, recorder = new Recorder(this.#kind));
    return recorder;
  }

  /** What follows is no step from what is recorded of it, if anything is. */
  cut(name: string): void {
    this.#recorders.get(name)?.cut();
  }

  /** All others are gone; and these may be other ones than before. */
  keep(names: { has(name: string): boolean }): void {
    for (const [name, recorder] of this.#recorders) {
      if (names.has(name)) recorder.cut();
      else this.#recorders.delete(name);
    }
  }

  /** See `Recorder.segment`. */
  segment(name: string, from: number): RawSegment | undefined {
    return this.#recorders.get(name)?.segment(name, from);
  }
}
