/**
 * Puts what is recorded through the same machines again, and compares what they decide now with what
 * they decided then.
 *
 * @module
 */

import type { Group, GroupEffect, GroupEvent, Micros, Router } from "../vrrp/mod.ts";
import { type RouterEffect, type RouterEvent, step, stepGroup } from "../vrrp/mod.ts";
import { isAlike, relative } from "./alike.ts";
import type { Segment } from "./types.ts";

/** One step, made again. */
export interface Replayed {
  readonly at: Micros;
  readonly input: RouterEvent | GroupEvent;
  readonly decision: readonly (RouterEffect | GroupEffect)[];
  /** What is otherwise than recorded, in words; null: nothing. */
  readonly difference: string | null;
}

/** How a segment went. */
export interface SegmentEnd {
  /** Of the machine, after the last step. */
  readonly memory: unknown;
}

/**
 * Makes the steps of a segment again, up to the first that differs.
 *
 * @param segment checked
 * @param former the memory at the end of the segment that it follows; undefined: it follows none
 */
export function* replay(segment: Segment, former?: unknown): Generator<Replayed, SegmentEnd> {
  const memory = structuredClone(segment.memory);
  let at = segment.begin;
  if (segment.follows && former !== undefined && !isAlike(memory, former, 0)) {
    const difference = `it begins with another memory than the one before has left: ${
      whereOtherwise(memory, former)
    }`;
    yield { at, input: inputOf(segment, 0), decision: [], difference };
    return { memory };
  }
  for (const [since, input, decision] of segment.steps) {
    at += since;
    const event = inputOf(segment, input);
    const recorded = segment.decisions[decision]!;
    const early = earliness(segment, memory, event, at);
    if (early !== null) {
      yield { at, input: event, decision: [], difference: early };
      return { memory };
    }
    const effects = decide(segment, memory, event, at);
    const same = isAlike(recorded, effects, at);
    const difference = same
      ? null
      : `it decided ${JSON.stringify(recorded)} then, and decides ${
        JSON.stringify(relative(effects, at))
      } now`;
    yield { at, input: event, decision: effects, difference };
    if (difference !== null) return { memory };
  }
  return { memory };
}

function inputOf({ inputs }: Segment, number: number): RouterEvent | GroupEvent {
  return inputs[number] as RouterEvent | GroupEvent;
}

/** @throws what the machine throws */
function decide(
  { kind }: Segment,
  memory: unknown,
  event: RouterEvent | GroupEvent,
  at: Micros,
): readonly (RouterEffect | GroupEffect)[] {
  if (kind === "router") {
    const router = memory as Router;
    return step(router, armed(router, event as RouterEvent), at);
  }
  const group = memory as Group;
  const happened = event as GroupEvent;
  if (happened.type !== "member") return stepGroup(group, happened, at);
  const router = routerOf(group, happened.name);
  return stepGroup(group, { ...happened, event: armed(router, happened.event) }, at);
}

/** A timer that fires is the one that was armed last. */
function armed(router: Router | undefined, event: RouterEvent): RouterEvent {
  if (event.type !== "timer") return event;
  return { type: "timer", generation: router?.timer?.generation ?? -1 };
}

function routerOf({ members }: Group, name: string): Router | undefined {
  return members.find(({ settings }) => settings.name === name)?.router;
}

/** A timer that fired before its time, in words. */
function earliness(
  { kind }: Segment,
  memory: unknown,
  event: RouterEvent | GroupEvent,
  at: Micros,
): string | null {
  const inner = event.type === "member" ? event.event : event;
  if (inner.type !== "timer" || (kind === "group" && event.type !== "member")) return null;
  const router = event.type === "member" ? routerOf(memory as Group, event.name) : memory as Router;
  const timer = router?.timer ?? null;
  if (timer === null) return "a timer fired then, and none is armed now";
  if (at >= timer.at) return null;
  return `the timer ${timer.name} fired ${(timer.at - at) / 1000} ms before its time`;
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
