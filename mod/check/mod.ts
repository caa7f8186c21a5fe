/**
 * Health checks without I/O: when to probe, what to believe, how checks of one server combine.
 * Start reading at `engine.ts`.
 *
 * @module
 */

export { combine, effectiveWeight } from "./combine.ts";
export type { Combined, Member, Require } from "./combine.ts";
export { createEngine, stepEngine } from "./engine.ts";
export type { CheckSettings, Engine, EngineEffect, EngineEvent } from "./engine.ts";
export { failed, passed, unasked, voided } from "./outcome.ts";
export type { Micros, Outcome, Result, WeightOpinion } from "./outcome.ts";
export { failingCap, OVERDUE } from "./schedule.ts";
export type { Planned, ScheduleEffect, Timing } from "./schedule.ts";
export { FORGIVEN_VOIDS, pointsLeft, stepVerdict } from "./verdict.ts";
export type {
  Damping,
  Health,
  Verdict,
  VerdictEffect,
  VerdictEvent,
  VerdictSettings,
} from "./verdict.ts";
