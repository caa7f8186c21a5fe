/**
 * Records one machine: the last steps, and those around its newest transitions, in bounded memory.
 * A step that is like others before it costs three numbers, and a comparison.
 *
 * What changes the memory of a machine otherwise than by a step says `cut`: the next step begins a
 * segment of its own.
 *
 * @module
 */

import type { Group, Router } from "../vrrp/mod.ts";
import { isAlike, relative } from "./alike.ts";
import { type MachineKind, MOST_ALIKE, MOST_STEPS, type RawSegment } from "./types.ts";

/** Closed segments that are kept of one machine. */
const MOST_CLOSED = 6;
/** Characters of inputs and decisions in one segment: whoever forges adverts sends no two alike. */
const MOST_TEXT = 16_384;
/**
 * Members of a group that is recorded: the memory of all is written at once, by a thread that must
 * not be late, 3 microseconds each, and again after so many steps as there are different inputs.
 */
const MOST_MEMBERS = 100;

/** A table of what is alike. */
class Table {
  readonly values: unknown[] = [];
  size = 0;
  /** The last one that was found: as a rule the next one is like it, or like the one after it. */
  #last = 0;

  /** Returns its number, or -1 where there is none like it. */
  find(live: unknown, now: number): number {
    const { values } = this;
    const count = values.length;
    for (let i = 0; i < count; i++) {
      const number = (this.#last + i) % count;
      if (!isAlike(values[number], live, now)) continue;
      this.#last = number;
      return number;
    }
    return -1;
  }

  add(live: unknown, now: number): number {
    const value = relative(live, now);
    this.size += JSON.stringify(value).length;
    return this.values.push(value) - 1;
  }
}

class OpenSegment {
  readonly inputs = new Table();
  readonly decisions = new Table();
  readonly at = new Float64Array(MOST_STEPS);
  readonly input = new Uint8Array(MOST_STEPS);
  readonly decision = new Uint8Array(MOST_STEPS);
  length = 0;
  /** A state changed in it. */
  notable = false;

  /**
   * @param memory before the first step, JSON
   * @param number counts those of the machine
   * @param goesOn where the one before it ended
   */
  constructor(readonly memory: string, readonly number: number, readonly goesOn: boolean) {}

  get isFull(): boolean {
    const { inputs, decisions, length } = this;
    return length === MOST_STEPS || inputs.values.length === MOST_ALIKE ||
      decisions.values.length === MOST_ALIKE || inputs.size + decisions.size > MOST_TEXT;
  }

  note(input: unknown, decision: readonly unknown[], now: number): void {
    const i = this.length++;
    this.at[i] = now;
    const known = this.inputs.find(input, 0);
    this.input[i] = known >= 0 ? known : this.inputs.add(input, 0);
    const same = this.decisions.find(decision, now);
    if (same < 0 && decision.some(isNotable)) this.notable = true;
    this.decision[i] = same >= 0 ? same : this.decisions.add(decision, now);
  }

  raw(kind: MachineKind, name: string, open: boolean): RawSegment {
    const { number, goesOn, memory, length } = this;
    return {
      ...{ kind, name, number, goesOn, open, memory },
      inputs: this.inputs.values,
      decisions: this.decisions.values,
      at: this.at.slice(0, length),
      input: this.input.slice(0, length),
      decision: this.decision.slice(0, length),
    };
  }
}

export class Recorder {
  readonly #kind: MachineKind;
  readonly #closed: OpenSegment[] = [];
  #open: OpenSegment | null = null;
  /** The next segment goes on where the last one ended. */
  #goesOn = false;
  #count = 0;

  constructor(kind: MachineKind) {
    this.#kind = kind;
  }

  /** Before a step. @param memory the machine's as it is now */
  begin(memory: Router | Group): void {
    if (this.#open !== null) return;
    if ("members" in memory && memory.members.length > MOST_MEMBERS) return;
    const text = JSON.stringify(withoutAuthentication(memory));
    this.#open = new OpenSegment(text, this.#count++, this.#goesOn);
  }

  /** After the step that `begin` came before. */
  note(input: unknown, decision: readonly unknown[], now: number): void {
    const open = this.#open;
    if (open === null) return;
    open.note(input, decision, now);
    if (open.isFull) this.#close(true);
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
    const kept = closed.filter((one, i) =>
      i === closed.length - 1 || one.notable || closed[i + 1]!.notable
    ).slice(-MOST_CLOSED);
    closed.splice(0, closed.length, ...kept);
  }
}

function isNotable(effect: unknown): boolean {
  const { type, effect: inner } = effect as { readonly type: string; readonly effect?: unknown };
  if (type === "member") return isNotable(inner);
  return type === "transition" || type === "group_transition";
}

/**
 * Numbers and stamps of authentication decide nothing here, and are nobody's business. (A function
 * that leaves them out while JSON is written would be asked about each field, and take most of the
 * time.)
 */
function withoutAuthentication(memory: Router | Group): unknown {
  if (!("members" in memory)) return { ...memory, authentication: undefined };
  const members = memory.members.map((one) => ({
    ...one,
    router: withoutAuthentication(one.router),
  }));
  return { ...memory, members };
}
