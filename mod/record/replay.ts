/**
 * Puts what is recorded through the same machines again, and compares what they decide now with what
 * they decided then.
 *
 * @module
 */

import type { Micros } from "../vrrp/mod.ts";
import { isAlike, relative } from "./alike.ts";
import { type Decided, MACHINES, type Told } from "./machines.ts";
import { type Sketch, SKETCHES } from "./sketches.ts";
import type { Segment } from "./types.ts";

/** One step, made again. */
export type Replayed = Told & {
  readonly at: Micros;
  readonly decision: readonly Decided[];
  /** What is otherwise than recorded, in words; null: nothing. */
  readonly difference: string | null;
};

/** How a segment went. */
export interface SegmentEnd {
  /** Of the machine, after the last step, as it is recorded. */
  readonly memory: unknown;
}

/**
 * Makes the steps of a segment again, up to the first that differs.
 *
 * @param segment checked
 * @param former the memory at the end of the segment that it follows; undefined: it follows none
 */
export function* replay(segment: Segment, former?: unknown): Generator<Replayed, SegmentEnd> {
  const { kind, inputs, begin, steps, decisions, chance } = segment;
  const machine = MACHINES[kind];
  const sketch: Sketch<never> = SKETCHES[kind];
  const told = (input: number) => ({ kind, input: inputs[input] }) as Told;
  let at = begin;
  if (segment.follows && former !== undefined && !isAlike(segment.memory, former, 0)) {
    const difference = `it begins with another memory than the one before has left: ${
      whereOtherwise(segment.memory, former)
    }`;
    yield { ...told(0), at, decision: [], difference };
    return { memory: segment.memory };
  }
  const live = machine.revive(structuredClone(segment.memory));
  for (const [i, [since, number, decision]] of steps.entries()) {
    at += since;
    const input = inputs[number];
    const early = machine.early(live, input, at);
    if (early !== null) {
      yield { ...told(number), at, decision: [], difference: early };
      break;
    }
    const recorded = decisions[decision]!;
    const from = sketch.due?.(live as never, input) ?? at;
    const effects = machine.decide(live, input, at, chance?.[i] ?? 0);
    const difference = isAlike(recorded, effects, from)
      ? null
      : `it decided ${JSON.stringify(recorded)} then, and decides ${
        JSON.stringify(relative(effects, from))
      } now`;
    yield { ...told(number), at, decision: effects, difference };
    if (difference !== null) break;
  }
  return { memory: machine.write(live) };
}

/** The first field of an object that differs, by its path. */
function whereOtherwise(one: unknown, other: unknown, path = ""): string {
  if (typeof one !== "object" || typeof other !== "object" || one === null || other === null) {
    return `${path || "it"} is ${JSON.stringify(one)}, not ${JSON.stringify(other)}`;
  }
  const [a, b] = [one as Record<string, unknown>, other as Record<string, unknown>];
  for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) {
    if (!isAlike(a[key], b[key], 0)) {
      return whereOtherwise(a[key], b[key], path === "" ? key : `${path}.${key}`);
    }
  }
  return path;
}
