/**
 * Records one machine: the last steps, and those around its newest transitions, in bounded memory.
 * A step that is like others before it costs three numbers, and a comparison.
 *
 * What changes the memory of a machine otherwise than by a step says `cut`: the next step begins a
 * segment of its own.
 *
 * @module
 */

import { isAlike, relative } from "./alike.ts";
import { type Sketch, SKETCHES } from "./sketches.ts";
import {
  type MachineKind,
  type Memories,
  MOST_ALIKE,
  MOST_STEPS,
  type RawSegment,
} from "./types.ts";

/** Characters of inputs and decisions in one segment: whoever forges adverts sends no two alike. */
const MOST_TEXT = 16_384;
/** Steps that there is room for at first: most machines seldom make any. */
const FIRST_ROOM = 16;

/** A table of what is alike. */
class Table {
  readonly values: unknown[] = [];
  size = 0;
  /** The last one that was found: as a rule the next one is like it, or like the one after it. */
  #last = 0;

  /**
   * @param isSame whether a value would be what is recorded
   * @returns its number, or -1 where there is none like it
   */
  find(
    live: unknown,
    now: number,
    isSame: (value: unknown, live: unknown, now: number) => boolean,
  ) {
    const { values } = this;
    const count = values.length;
    for (let i = 0, number = this.#last; i < count; i++, number++) {
      if (number === count) number = 0;
      if (!isSame(values[number], live, now)) continue;
      this.#last = number;
      return number;
    }
    return -1;
  }

  add(value: unknown): number {
    this.size += JSON.stringify(value).length;
    return this.values.push(value) - 1;
  }
}

/** The steps of a segment, in columns. Their memory is not the heap's: it is used again. */
class Columns {
  at = new Float64Array(FIRST_ROOM);
  input = new Uint8Array(FIRST_ROOM);
  decision = new Uint8Array(FIRST_ROOM);
  chance: Uint32Array;

  constructor(readonly hasChance: boolean) {
    this.chance = new Uint32Array(hasChance ? FIRST_ROOM : 0);
  }

  /** Makes room for so many steps at least. */
  hold(steps: number): void {
    if (steps <= this.at.length) return;
    const room = Math.min(MOST_STEPS, 4 * this.at.length);
    this.at = grown(this.at, new Float64Array(room));
    this.input = grown(this.input, new Uint8Array(room));
    this.decision = grown(this.decision, new Uint8Array(room));
    if (this.hasChance) this.chance = grown(this.chance, new Uint32Array(room));
  }
}

function grown<T extends Float64Array | Uint8Array | Uint32Array>(column: T, to: T): T {
  to.set(column);
  return to;
}

class OpenSegment<Memory> {
  readonly inputs = new Table();
  readonly decisions = new Table();
  length = 0;
  /** A state changed in it. */
  notable = false;
  readonly #sketch: Sketch<Memory>;
  /** Numbers of the decision for nothing, and of that for one effect that never changes; -1: none. */
  #nothing = -1;
  #usual: unknown = undefined;
  #usually = -1;

  /**
   * @param memory before the first step: JSON, or a copy
   * @param number counts those of the machine
   * @param goesOn where the one before it ended
   */
  constructor(
    sketch: Sketch<Memory>,
    readonly memory: unknown,
    readonly number: number,
    readonly goesOn: boolean,
    readonly columns: Columns,
  ) {
    this.#sketch = sketch;
  }

  get isFull(): boolean {
    const { inputs, decisions, length } = this;
    return length === MOST_STEPS || inputs.values.length === MOST_ALIKE ||
      decisions.values.length === MOST_ALIKE || inputs.size + decisions.size > MOST_TEXT;
  }

  get lastInput(): unknown {
    return this.inputs.values[this.columns.input[this.length - 1]!];
  }

  /** @param from when times in the decision count from */
  note(
    input: unknown,
    decision: readonly unknown[],
    now: number,
    from: number,
    chance: number,
  ): void {
    const { copy, isSame, isNotable } = this.#sketch;
    const { columns } = this;
    const i = this.length++;
    columns.hold(this.length);
    columns.at[i] = now;
    if (columns.hasChance) columns.chance[i] = chance;
    const known = this.inputs.find(input, 0, isSame);
    columns.input[i] = known >= 0 ? known : this.inputs.add(copy(input));
    const { length } = decision;
    // Nothing at all, or the one thing that is done all the time.
    const usual = length === 0 ? this.#nothing : decision[0] === this.#usual ? this.#usually : -1;
    if (usual >= 0 && length < 2) {
      columns.decision[i] = usual;
      return;
    }
    let same = this.decisions.find(decision, from, isAlike);
    if (same < 0) {
      same = this.decisions.add(relative(decision, from));
      if (decision.some(isNotable)) this.notable = true;
    }
    columns.decision[i] = same;
    if (length === 0) this.#nothing = same;
    else if (length === 1 && Object.isFrozen(decision[0])) {
      this.#usual = decision[0];
      this.#usually = same;
    }
  }

  raw(kind: MachineKind, name: string, open: boolean): RawSegment {
    const { number, goesOn, length, columns } = this;
    const memory = typeof this.memory === "string" ? this.memory : JSON.stringify(this.memory);
    return {
      ...{ kind, name, number, goesOn, open, memory },
      inputs: this.inputs.values,
      decisions: this.decisions.values,
      at: columns.at.slice(0, length),
      input: columns.input.slice(0, length),
      decision: columns.decision.slice(0, length),
      ...(columns.hasChance ? { chance: columns.chance.slice(0, length) } : {}),
    };
  }
}

export class Recorder<Kind extends MachineKind = MachineKind> {
  readonly #kind: Kind;
  readonly #sketch: Sketch<Memories[Kind]>;
  readonly #closed: OpenSegment<Memories[Kind]>[] = [];
  #open: OpenSegment<Memories[Kind]> | null = null;
  /** Of a segment that is no longer kept. */
  #spare: Columns | null = null;
  /** The next segment goes on where the last one ended. */
  #goesOn = false;
  #count = 0;
  /** From when the times in the next decision count; null: from the step. */
  #due: number | null = null;

  constructor(kind: Kind) {
    this.#kind = kind;
    this.#sketch = SKETCHES[kind];
  }

  /** A segment has begun: `begin` does nothing. */
  get isOpen(): boolean {
    return this.#open !== null;
  }

  /**
   * Before a step.
   *
   * @param memory the machine's as it is now
   * @param input what it will be told
   */
  begin(memory: Memories[Kind], input: unknown): void {
    this.#due = this.#sketch.due?.(memory, input) ?? null;
    if (this.#open !== null) return;
    const written = this.#sketch.write(memory);
    if (written === undefined) return;
    const kept = this.#sketch.isCopy ? written : JSON.stringify(written);
    const columns = this.#spare ?? new Columns(this.#sketch.chance);
    this.#spare = null;
    this.#open = new OpenSegment(this.#sketch, kept, this.#count++, this.#goesOn, columns);
  }

  /**
   * After the step that `begin` came before.
   *
   * @param chance what the step was given, of 2³²
   */
  note(input: unknown, decision: readonly unknown[], now: number, chance = 0): void {
    const open = this.#open;
    if (open === null) return;
    open.note(input, decision, now, this.#due ?? now, chance);
    if (open.isFull) this.#close(true);
  }

  /** Whether it was told the same last. */
  isRepeated(input: unknown): boolean {
    const newest = this.#open ?? this.#closed.at(-1);
    return newest !== undefined && newest.length > 0 &&
      this.#sketch.isSame(newest.lastInput, input);
  }

  /** Whatever follows is no step from what is recorded. */
  cut(): void {
    this.#close(false);
  }

  /**
   * The oldest segment that is kept of those from a number on; undefined: there is none.
   *
   * @param name the machine's
   */
  segment(name: string, from: number): RawSegment | undefined {
    const open = this.#open === null || this.#open.length === 0 ? [] : [this.#open];
    const found = [...this.#closed, ...open].find(({ number }) => number >= from);
    return found?.raw(this.#kind, name, found === this.#open);
  }

  #close(goesOn: boolean): void {
    const open = this.#open;
    this.#open = null;
    this.#goesOn = goesOn;
    if (open === null || open.length === 0) return;
    this.#closed.push(open);
    this.#forget();
  }

  /** Keeps the newest one, those with a change of state, and the one that led to each. */
  #forget(): void {
    const closed = this.#closed;
    for (let i = closed.length - 2; i >= 0; i--) {
      if (!closed[i]!.notable && !closed[i + 1]!.notable) this.#drop(i);
    }
    while (closed.length > this.#sketch.mostClosed) this.#drop(0);
  }

  #drop(i: number): void {
    const [dropped] = this.#closed.splice(i, 1);
    this.#spare = dropped!.columns;
  }
}
