/**
 * The schedule and the verdicts of all checks together: what the agent feeds and obeys.
 *
 * A check that several servers and routers use is one entry here, probed once; who uses it reads its
 * verdict (combine.ts). A reload is a difference: a check keeps its verdict as long as its target
 * stays, whatever happens to its timing.
 *
 * @module
 */

import { failed, type Micros, type Outcome } from "./outcome.ts";
import {
  createSchedule,
  type Planned,
  type Schedule,
  type ScheduleEffect,
  stepSchedule,
} from "./schedule.ts";
import {
  createVerdict,
  type Health,
  stepVerdict,
  type Verdict,
  type VerdictEffect,
  type VerdictEvent,
  type VerdictSettings,
} from "./verdict.ts";

/** One check, as configured. */
export interface CheckSettings extends Planned {
  readonly verdict: VerdictSettings;
  /** What is assumed until it is known. */
  readonly initial: Health;
}

/** What the engine is told. */
export type EngineEvent =
  | { readonly type: "configure"; readonly checks: readonly CheckSettings[]; readonly cap: number }
  | { readonly type: "timer"; readonly generation: number }
  | {
    readonly type: "finished";
    readonly id: string;
    readonly probe: number;
    readonly outcome: Outcome;
    readonly latency: Micros;
  };

/** What the engine wants: what the schedule wants, and what verdicts tell, with the check's name. */
export type EngineEffect = ScheduleEffect | (VerdictEffect & { readonly id: string });

/** How the verdict on a check takes an event: as `stepVerdict`, with the check's name. */
export type Judge = (
  id: string,
  verdict: Verdict,
  event: VerdictEvent,
  now: Micros,
) => VerdictEffect[];

/** What the engine remembers. */
export interface Engine {
  readonly judge: Judge;
  readonly schedule: Schedule;
  readonly verdicts: Map<string, Judged>;
}

interface Judged {
  readonly target: string;
  readonly verdict: Verdict;
  /** When the last or the running probe started. */
  began: Micros;
}

/** An engine without checks. @param judge who looks on while verdicts are made */
export function createEngine(
  judge: Judge = (_, verdict, event, now) => stepVerdict(verdict, event, now),
): Engine {
  return { judge, schedule: createSchedule(), verdicts: new Map() };
}

/** One event. @throws {RangeError} where a configuration makes no sense */
export function stepEngine(engine: Engine, event: EngineEvent, now: Micros): EngineEffect[] {
  if (event.type === "configure") return configure(engine, event.checks, event.cap, now);
  if (event.type === "timer") {
    return follow(engine, stepSchedule(engine.schedule, event, now), now, []);
  }
  const { id, probe, outcome, latency } = event;
  // The outcome of a probe that was given up, or of a check that is gone, is nobody's.
  const wanted = engine.schedule.entries.get(id)?.probe === probe;
  const told: EngineEffect[] = [];
  if (wanted) judge(engine, id, outcome, latency, now, told);
  const finished = { type: "finished", id, probe, result: outcome.result } as const;
  return follow(engine, stepSchedule(engine.schedule, finished, now), now, told);
}

function configure(
  engine: Engine,
  checks: readonly CheckSettings[],
  cap: number,
  now: Micros,
): EngineEffect[] {
  // Nothing may throw once something has changed.
  for (const { verdict, initial } of checks) createVerdict(verdict, initial, now);
  const scheduled = stepSchedule(engine.schedule, { type: "configure", checks, cap }, now);
  const told: EngineEffect[] = [];
  for (const id of engine.verdicts.keys()) {
    if (!engine.schedule.entries.has(id)) engine.verdicts.delete(id);
  }
  for (const { id, target, verdict: settings, initial } of checks) {
    const known = engine.verdicts.get(id);
    if (known?.target === target) {
      const effects = engine.judge(id, known.verdict, { type: "configure", settings }, now);
      told.push(...effects.map((effect) => ({ ...effect, id })));
    } else {
      const verdict = createVerdict(settings, initial, now);
      engine.verdicts.set(id, { target, verdict, began: now });
    }
  }
  return follow(engine, scheduled, now, told);
}

/** Notes when probes start; one that is given up as overdue has failed. */
function follow(
  engine: Engine,
  effects: readonly ScheduleEffect[],
  now: Micros,
  all: EngineEffect[],
): EngineEffect[] {
  for (const effect of effects) {
    all.push(effect);
    if (effect.type === "start") engine.verdicts.get(effect.id)!.began = now;
    else if (effect.type === "cancel" && effect.reason === "overdue") {
      const latency = now - engine.verdicts.get(effect.id)!.began;
      judge(engine, effect.id, failed("the probe did not end by itself"), latency, now, all);
    }
  }
  return all;
}

function judge(
  engine: Engine,
  id: string,
  outcome: Outcome,
  latency: Micros,
  now: Micros,
  told: EngineEffect[],
): void {
  const { verdict } = engine.verdicts.get(id)!;
  const effects = engine.judge(id, verdict, { type: "outcome", outcome, latency }, now);
  for (const effect of effects) told.push({ ...effect, id });
}
