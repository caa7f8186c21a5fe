/**
 * All checks of one place: the engine, and what of its verdicts is told to those who live by them.
 *
 * A verdict is told when it is known for the first time, when it changes, and when what the server
 * says about its weight does. It is known when the outcomes have decided it, not as long as it is an
 * assumption; what a former life knew is known.
 *
 * @module
 */

import {
  type CheckSettings,
  createEngine,
  type Engine,
  type EngineEffect,
  type EngineEvent,
  type Judge,
  stepEngine,
} from "./engine.ts";
import type { Micros, Outcome, WeightOpinion } from "./outcome.ts";
import type { ScheduleEffect } from "./schedule.ts";
import { leapEngine, periodOf, standingOf } from "./recurring.ts";
import type { Health, Verdict } from "./verdict.ts";

/** What is said of a check that must prove itself first. */
const NOT_CHECKED = "not checked yet";

/** How a check stands, for those who live by it. */
export interface CheckFinding {
  /** Its id: the name of a `[[check]]`, or one made for a check of one real server. */
  readonly check: string;
  readonly health: Health;
  /** In words, escaped. */
  readonly reason: string;
  /** What the server says about its weight; null: nothing. */
  readonly weight: WeightOpinion | null;
}

/** What a former life knew of a check: plain data. */
export interface CheckMemory extends CheckFinding {
  /** What it asked of whom, as text: of another one nothing is known. */
  readonly target: string;
  readonly since: Micros;
  readonly transitions: number;
  readonly lastError: { readonly reason: string; readonly at: Micros } | null;
}

/** How a check stands, for people. */
export interface CheckReport {
  readonly check: string;
  /** `null`: nothing is known yet. */
  readonly health: Health | null;
  /** Why it stands so. */
  readonly reason: string;
  readonly since: Micros;
  readonly transitions: number;
  /** The last probe; null: none has ended. */
  readonly last: {
    readonly at: Micros;
    readonly latency: Micros;
    readonly passed: boolean;
    readonly reason: string;
    readonly output: string;
    readonly warnings: readonly string[];
  } | null;
  readonly lastError: { readonly reason: string; readonly at: Micros } | null;
  /** What keeps it down though it answers. */
  readonly held: Verdict["held"];
  readonly flapping: boolean;
  readonly weight: WeightOpinion | null;
  readonly passed: number;
  readonly failed: number;
  readonly voided: number;
}

/** What the board wants. */
export type BoardEffect =
  | Extract<ScheduleEffect, { type: "start" | "cancel" }>
  | {
    readonly type: "found";
    readonly standing: CheckFinding;
    /** Its health is another one than before, or known for the first time. */
    readonly changed: boolean;
    /** Of the probe that decided; null: none did. */
    readonly latency: Micros | null;
  }
  | { readonly type: "flapping"; readonly id: string; readonly flapping: boolean }
  | { readonly type: "warning"; readonly id: string; readonly text: string };

interface Entry {
  readonly target: string;
  told: CheckFinding | null;
  /** Why the verdict is what it is. */
  reason: string;
}

export class CheckBoard {
  readonly #engine: Engine;
  readonly #entries = new Map<string, Entry>();
  #timer: { readonly generation: number; readonly at: Micros } | null = null;

  /** @param judge who looks on while verdicts are made */
  constructor(judge?: Judge) {
    this.#engine = createEngine(judge);
  }

  /** When `due` wants to be called; `Infinity`: never. */
  get next(): Micros {
    return this.#timer?.at ?? Infinity;
  }

  /** Checks there are. */
  get size(): number {
    return this.#entries.size;
  }

  /**
   * Makes these the checks: a difference. What is new and known from a former life goes on there.
   *
   * @param cap probes that run at once
   * @throws {RangeError} where settings make no sense; nothing has changed then
   */
  configure(
    checks: readonly CheckSettings[],
    cap: number,
    former: readonly CheckMemory[],
    now: Micros,
  ): BoardEffect[] {
    const effects = stepEngine(this.#engine, { type: "configure", checks, cap }, now);
    const told: BoardEffect[] = [];
    const ids = new Set(checks.map(({ id }) => id));
    for (const id of this.#entries.keys()) if (!ids.has(id)) this.#entries.delete(id);
    const memory = new Map(former.map((one) => [one.check, one]));
    for (const { id, target, initial } of checks) {
      if (this.#entries.get(id)?.target === target) continue;
      const entry: Entry = { target, told: null, reason: "" };
      this.#entries.set(id, entry);
      const known = memory.get(id);
      if (known?.target === target) {
        this.#recall(known);
        const { check, health, reason, weight } = known;
        entry.told = { check, health, reason, weight };
      } else if (initial === "down") {
        entry.told = { check: id, health: "down", reason: NOT_CHECKED, weight: null };
      } else continue;
      entry.reason = entry.told.reason;
      told.push({ type: "found", standing: entry.told, changed: false, latency: null });
    }
    return [...told, ...this.#follow(effects)];
  }

  /** Starts what is due, and gives up what is overdue. */
  due(now: Micros): BoardEffect[] {
    const timer = this.#timer;
    if (timer === null || timer.at > now) return [];
    this.#timer = null;
    return this.#step({ type: "timer", generation: timer.generation }, now);
  }

  /** A probe has ended. */
  finished(id: string, probe: number, outcome: Outcome, latency: Micros, now: Micros) {
    return this.#step({ type: "finished", id, probe, outcome, latency }, now);
  }

  /** All that is known, for who begins to listen. */
  standings(): CheckFinding[] {
    return [...this.#entries.values()].flatMap(({ told }) => told ?? []);
  }

  /** How each check stands. */
  reports(): CheckReport[] {
    return [...this.#entries].map(([id, { told, reason }]) => {
      const { verdict } = this.#engine.verdicts.get(id)!;
      const { last, lastError, since, held, flapping, counters } = verdict;
      return {
        check: id,
        health: told?.health ?? null,
        reason,
        since,
        transitions: counters.transitions,
        last: last === null ? null : {
          at: last.at,
          latency: last.latency,
          passed: last.outcome.result === "passed",
          reason: last.outcome.reason,
          output: last.outcome.output,
          warnings: last.outcome.warnings,
        },
        lastError,
        held,
        flapping,
        weight: told?.weight ?? null,
        passed: counters.passed,
        failed: counters.failed,
        voided: counters.voided,
      };
    });
  }

  /** What a successor goes on from; null: nothing is known. */
  memoryOf(id: string): CheckMemory | null {
    const { target = "", told = null } = this.#entries.get(id) ?? {};
    if (told === null) return null;
    const { since, lastError, counters } = this.#engine.verdicts.get(id)!.verdict;
    return { ...told, target, since, transitions: counters.transitions, lastError };
  }

  /** After how long all probes would be as they are now; null: a verdict is about to change. */
  get period(): Micros | null {
    return periodOf(this.#engine);
  }

  /** What decides about probes and verdicts to come, as seen from now: of equal data follows the same. */
  standing(now: Micros): unknown {
    const timer = this.#timer === null ? null : this.#timer.at - now;
    return [timer, standingOf(this.#engine, now)];
  }

  /** All that is due comes later by so much: for who leaps over time in which all stays as it is. */
  leap(by: Micros): void {
    leapEngine(this.#engine, by);
    if (this.#timer !== null) this.#timer = { ...this.#timer, at: this.#timer.at + by };
  }

  #recall({ check, health, since, transitions, lastError }: CheckMemory): void {
    const { verdict } = this.#engine.verdicts.get(check)!;
    verdict.state = health;
    verdict.since = since;
    verdict.probed = true;
    verdict.streak = { result: health === "up" ? "passed" : "failed", count: 0 };
    verdict.counters.transitions = transitions;
    verdict.lastError = lastError;
  }

  #step(event: EngineEvent, now: Micros): BoardEffect[] {
    const effects = this.#follow(stepEngine(this.#engine, event, now));
    if (event.type === "finished") this.#tell(event.id, effects);
    return effects;
  }

  #follow(effects: readonly EngineEffect[]): BoardEffect[] {
    const out: BoardEffect[] = [];
    const overdue: string[] = [];
    for (const effect of effects) {
      switch (effect.type) {
        case "timer":
          this.#timer = effect;
          break;
        case "state": {
          const entry = this.#entries.get(effect.id);
          if (entry !== undefined) entry.reason = effect.reason;
          break;
        }
        case "flapping":
          out.push({ type: "flapping", id: effect.id, flapping: effect.flapping });
          break;
        case "warning":
          out.push({ type: "warning", id: effect.id, text: effect.text });
          break;
        case "cancel":
          out.push(effect);
          if (effect.reason === "overdue") overdue.push(effect.id);
          break;
        default:
          out.push(effect);
      }
    }
    // One that was given up has failed: that may have decided.
    for (const id of overdue) this.#tell(id, out);
    return out;
  }

  /** Tells a standing that is known now, or another one. */
  #tell(id: string, effects: BoardEffect[]): void {
    const entry = this.#entries.get(id);
    const verdict = this.#engine.verdicts.get(id)?.verdict;
    if (entry === undefined || verdict === undefined) return;
    const { state: health, last } = verdict;
    const { told } = entry;
    const decided = verdict.probed &&
      verdict.streak.result === (health === "up" ? "passed" : "failed");
    if (told === null && verdict.counters.transitions === 0 && !decided) return;
    const silent = last === null || last.outcome.result === "void" ||
      last.outcome.result === "unasked";
    const weight = silent ? told?.weight ?? null : last.outcome.weight;
    const changed = told?.health !== health;
    if (!changed && sameWeight(told.weight, weight)) return;
    if (verdict.counters.transitions === 0) entry.reason = last?.outcome.reason ?? "";
    entry.told = { check: id, health, reason: entry.reason, weight };
    const latency = last?.latency ?? null;
    effects.push({ type: "found", standing: entry.told, changed, latency });
  }
}

function sameWeight(a: WeightOpinion | null, b: WeightOpinion | null): boolean {
  return a === b || (a !== null && b !== null && a.kind === b.kind && a.value === b.value);
}
