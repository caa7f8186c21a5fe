/**
 * A simulation from the beginning to the end: plans the nodes, lets happen what the script says, and
 * reports. Deterministic: the same files, script and seed give the same report.
 *
 * @module
 */

import { perform } from "./action.ts";
import { defaultCourse } from "./course.ts";
import { judge } from "./judge.ts";
import { type NodeSpec, planNodes } from "./nodes.ts";
import { outcomeOf } from "./outcome.ts";
import type { SimulationReport } from "./report.ts";
import type { Script } from "./script.ts";
import { Steadiness } from "./steady.ts";
import { unsimulated } from "./unsimulated.ts";
import { World } from "./world.ts";

/** What a simulation is run with. */
export interface SimulationOptions {
  /** Comes before that of the script. */
  readonly seed?: number;
  readonly duration?: number;
  /** Step through all of the time, even where nothing can differ. */
  readonly stepAll?: boolean;
  /** Told now and then what share of the time is over, 0 to 1. */
  readonly onProgress?: (share: number) => void;
}

/** So many things happen between two tellings of progress. */
const OFTEN = 65_536;

/** Time after the last event where a script says nothing of it: for what follows to settle. */
const AFTER = 30_000_000;

/** @param script null: each node dies in turn, in the usual ways */
export function simulate(
  specs: readonly NodeSpec[],
  script: Script | null,
  options: SimulationOptions = {},
): SimulationReport {
  const { lans, hosts, events, expectations, ...own } = script ?? defaultCourse(specs);
  const seed = options.seed ?? own.seed ?? 1;
  const last = events.at(-1)?.at ?? 0;
  const duration = options.duration ?? own.duration ?? last + AFTER;
  const { nodes, notSimulated } = planNodes(specs, hosts);
  const world = new World(nodes, lans, seed);
  const late = events.filter(({ at }) => at > duration).length;
  for (const { at, action } of events.slice(0, events.length - late)) {
    world.agenda.once(at, "script", (now) => perform(world, action, now));
  }
  const steadiness = options.stepAll === true ? null : new Steadiness(world);
  for (let done = 1; world.agenda.step(duration); done++) {
    steadiness?.look(duration);
    if (done % OFTEN === 0) options.onProgress?.(world.agenda.now / duration);
  }
  world.agenda.now = duration;
  const outcome = outcomeOf(world, {
    seed,
    duration,
    skipped: steadiness?.skipped ?? 0,
    notSimulated: [...lateText(late), ...notSimulated, ...unsimulated(nodes, events)],
  });
  return { ...outcome, expectations: expectations.map((one) => judge(one, outcome)) };
}

/** Events that a shorter `--duration` leaves out. */
function lateText(count: number): string[] {
  if (count === 0) return [];
  return [count === 1 ? "one event after the end" : `${count} events after the end`];
}
