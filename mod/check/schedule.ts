/**
 * When each check probes: `step(schedule, event, now)` changes the schedule's memory and returns
 * what is to be done, in order. It opens no socket, reads no clock and rolls no dice.
 *
 * ```text
 *              due, and a slot is free              finished
 *   waiting ──────────────────────────► running ───────────────► waiting
 *      ▲  new: within the warm-up          │ no word long after its timeout: overdue
 *      └───────────────────────────────────┘
 * ```
 *
 * - The first probe comes within the warm-up, at a place that the caller's `jitter` chooses, so that
 *   a restart does not strike all servers at once. Later ones keep to that place: an interval is
 *   from start to start, and a probe that lasts longer skips beats instead of shifting them.
 * - After a failed probe the next comes `retryInterval` after its end, where there is one.
 * - At most `cap` probes run at once; others wait, and the one that was due first goes first.
 *   Servers that do not answer hold their slots for the whole timeout, so those that failed last
 *   time may have three quarters of the slots: a rack that died does not delay the news of others.
 * - Who runs a probe keeps its timeout. One of which nothing is heard for a second longer is given
 *   up, so that no lost word stops a check for ever.
 * - A reload is a difference: who stays keeps time, a new target is probed anew.
 *
 * @module
 */

import type { Heap } from "../heap/heap.ts";
import { createLine, precedes, type Timed } from "./line.ts";
import type { Micros, Result } from "./outcome.ts";

/** How long after its timeout a probe of which nothing is heard is given up. */
export const OVERDUE: Micros = 1_000_000;

/** The timing of one check, as the operator wants it. */
export interface Timing {
  /** From start to start; more than 0. */
  readonly interval: Micros;
  readonly timeout: Micros;
  /** From the end of a failed probe to the next start; `null`: as after any other. */
  readonly retryInterval: Micros | null;
  /** The first probe comes within this time. */
  readonly warmup: Micros;
}

/** One check that should run. */
export interface Planned {
  readonly id: string;
  readonly timing: Timing;
  /** All that decides what is asked of whom, as text: another target is another check. */
  readonly target: string;
  /** 0 ≤ jitter < 1: the place of the first probe in the warm-up. */
  readonly jitter: number;
}

/** What a schedule is told. */
export type ScheduleEvent =
  | { readonly type: "configure"; readonly checks: readonly Planned[]; readonly cap: number }
  | { readonly type: "timer"; readonly generation: number }
  | {
    readonly type: "finished";
    readonly id: string;
    readonly probe: number;
    readonly result: Result;
  };

/** What a schedule wants done. */
export type ScheduleEffect =
  /** Probe now; `late`: after it was due. */
  | {
    readonly type: "start";
    readonly id: string;
    readonly probe: number;
    readonly timeout: Micros;
    readonly late: Micros;
  }
  /** End this probe; its outcome is no longer wanted. */
  | {
    readonly type: "cancel";
    readonly id: string;
    readonly probe: number;
    readonly reason: "removed" | "changed" | "overdue";
  }
  /** Wake me then; any earlier timer is void. */
  | { readonly type: "timer"; readonly generation: number; readonly at: Micros };

interface Entry extends Timed {
  readonly id: string;
  timing: Timing;
  target: string;
  /** The beat that the last or the running probe belongs to. */
  due: Micros;
  /** Number of the running probe; `null`: waiting. */
  probe: number | null;
  /** Whether the last probe failed. */
  failing: boolean;
}

/** What a schedule remembers. Read the counters, leave the rest alone. */
export interface Schedule {
  cap: number;
  readonly entries: Map<string, Entry>;
  /** Waiting, the last probe not failed. */
  readonly steady: Heap<Entry>;
  /** Waiting, the last probe failed. */
  readonly failing: Heap<Entry>;
  /** By the time at which they are given up. */
  readonly running: Heap<Entry>;
  /** Of the running ones, those whose last probe failed. */
  failingRunning: number;
  probes: number;
  lines: number;
  timer: { generation: number; at: Micros };
  readonly counters: { started: number; skipped: number; overdue: number; stale: number };
}

/** A schedule without checks. */
export function createSchedule(): Schedule {
  return {
    cap: 1,
    entries: new Map(),
    steady: createLine(),
    failing: createLine(),
    running: createLine(),
    failingRunning: 0,
    probes: 0,
    lines: 0,
    timer: { generation: 0, at: Infinity },
    counters: { started: 0, skipped: 0, overdue: 0, stale: 0 },
  };
}

/** Probes of checks that failed last time that may run at once. */
export function failingCap(cap: number): number {
  return Math.max(1, cap - Math.ceil(cap / 4));
}

/**
 * One event.
 *
 * @throws {RangeError} where a configuration makes no sense; nothing has changed then
 */
export function stepSchedule(
  schedule: Schedule,
  event: ScheduleEvent,
  now: Micros,
): ScheduleEffect[] {
  const effects: ScheduleEffect[] = [];
  if (event.type === "configure") configure(schedule, event.checks, event.cap, now, effects);
  else if (event.type === "finished") finish(schedule, event, now);
  else if (event.generation !== schedule.timer.generation) return effects;
  else schedule.timer.at = Infinity;
  giveUpOverdue(schedule, now, effects);
  startDue(schedule, now, effects);
  moveTimer(schedule, now, effects);
  return effects;
}

// ---- configuration ------------------------------------------------------------------------------

function configure(
  schedule: Schedule,
  checks: readonly Planned[],
  cap: number,
  now: Micros,
  effects: ScheduleEffect[],
): void {
  validate(checks, cap);
  schedule.cap = cap;
  const wanted = new Set(checks.map(({ id }) => id));
  for (const entry of [...schedule.entries.values()]) {
    if (wanted.has(entry.id)) continue;
    withdraw(schedule, entry, "removed", effects);
    schedule.entries.delete(entry.id);
  }
  for (const planned of checks) {
    const known = schedule.entries.get(planned.id);
    if (known === undefined) begin(schedule, planned, now);
    else if (known.target !== planned.target) {
      withdraw(schedule, known, "changed", effects);
      begin(schedule, planned, now);
    } else retime(schedule, known, planned.timing, now);
  }
}

function validate(checks: readonly Planned[], cap: number): void {
  if (!Number.isSafeInteger(cap) || cap < 1) {
    throw new RangeError(`At least one probe must be able to run, not ${cap}`);
  }
  const ids = new Set<string>();
  for (const { id, timing, jitter } of checks) {
    if (ids.has(id)) throw new RangeError(`Two checks have the name "${id}"`);
    ids.add(id);
    const { interval, timeout, retryInterval, warmup } = timing;
    const times = { interval, timeout, retryInterval: retryInterval ?? 1, warmup: warmup + 1 };
    for (const [name, value] of Object.entries(times)) {
      if (!Number.isSafeInteger(value) || value < 1) {
        throw new RangeError(`The ${name} of check "${id}" is ${value} µs`);
      }
    }
    if (!(jitter >= 0 && jitter < 1)) {
      throw new RangeError(`The jitter of check "${id}" is ${jitter}, not in [0, 1)`);
    }
  }
}

function begin(schedule: Schedule, planned: Planned, now: Micros): void {
  const { id, timing, target, jitter } = planned;
  const due = now + Math.floor(jitter * timing.warmup);
  const entry: Entry = {
    id,
    timing,
    target,
    due,
    at: due,
    line: schedule.lines++,
    position: -1,
    probe: null,
    failing: false,
  };
  schedule.entries.set(id, entry);
  wait(schedule, entry, due);
}

/** A shorter interval must not wait for the end of the longer one. */
function retime(schedule: Schedule, entry: Entry, timing: Timing, now: Micros): void {
  const latest = now + Math.max(timing.interval, timing.warmup);
  entry.timing = timing;
  if (entry.probe !== null || entry.at <= latest) return;
  heapOf(schedule, entry).remove(entry);
  wait(schedule, entry, latest);
}

function withdraw(
  schedule: Schedule,
  entry: Entry,
  reason: "removed" | "changed",
  effects: ScheduleEffect[],
): void {
  heapOf(schedule, entry).remove(entry);
  if (entry.probe === null) return;
  if (entry.failing) schedule.failingRunning--;
  effects.push({ type: "cancel", id: entry.id, probe: entry.probe, reason });
}

// ---- probes -------------------------------------------------------------------------------------

function heapOf(schedule: Schedule, entry: Entry): Heap<Entry> {
  if (entry.probe !== null) return schedule.running;
  return entry.failing ? schedule.failing : schedule.steady;
}

function wait(schedule: Schedule, entry: Entry, at: Micros): void {
  entry.at = entry.due = at;
  heapOf(schedule, entry).add(entry);
}

function finish(
  schedule: Schedule,
  { id, probe, result }: { id: string; probe: number; result: Result },
  now: Micros,
): void {
  const entry = schedule.entries.get(id);
  // Given up, or of a check that is gone: its slot is free already.
  if (entry?.probe !== probe) {
    schedule.counters.stale++;
    return;
  }
  conclude(schedule, entry, result, now);
}

function conclude(schedule: Schedule, entry: Entry, result: Result, now: Micros): void {
  schedule.running.remove(entry);
  if (entry.failing) schedule.failingRunning--;
  entry.probe = null;
  // What says nothing is asked again at once.
  if (result === "void") return wait(schedule, entry, now);
  // Of one that was not asked nothing is new, and at once there would be nothing to ask with.
  if (result !== "unasked") entry.failing = result === "failed";
  const { interval, retryInterval } = entry.timing;
  if (result === "failed" && retryInterval !== null) {
    return wait(schedule, entry, now + retryInterval);
  }
  const beats = Math.max(1, Math.ceil((now - entry.due) / interval));
  schedule.counters.skipped += beats - 1;
  wait(schedule, entry, entry.due + beats * interval);
}

function giveUpOverdue(schedule: Schedule, now: Micros, effects: ScheduleEffect[]): void {
  for (;;) {
    const entry = schedule.running.first;
    if (entry === undefined || entry.at > now) return;
    schedule.counters.overdue++;
    effects.push({ type: "cancel", id: entry.id, probe: entry.probe!, reason: "overdue" });
    conclude(schedule, entry, "failed", now);
  }
}

/** The one that may start next; undefined: none may. */
function nextInLine(schedule: Schedule): Entry | undefined {
  if (schedule.running.size >= schedule.cap) return undefined;
  const steady = schedule.steady.first;
  const failing = schedule.failingRunning < failingCap(schedule.cap)
    ? schedule.failing.first
    : undefined;
  if (steady === undefined || failing === undefined) return steady ?? failing;
  return precedes(failing, steady) ? failing : steady;
}

function startDue(schedule: Schedule, now: Micros, effects: ScheduleEffect[]): void {
  for (;;) {
    const entry = nextInLine(schedule);
    if (entry === undefined || entry.at > now) return;
    heapOf(schedule, entry).remove(entry);
    const { timeout } = entry.timing;
    const late = now - entry.at;
    const probe = entry.probe = ++schedule.probes;
    if (entry.failing) schedule.failingRunning++;
    schedule.counters.started++;
    entry.at = now + timeout + OVERDUE;
    schedule.running.add(entry);
    effects.push({ type: "start", id: entry.id, probe, timeout, late });
  }
}

function moveTimer(schedule: Schedule, now: Micros, effects: ScheduleEffect[]): void {
  const due = nextInLine(schedule)?.at ?? Infinity;
  const at = Math.max(now, Math.min(due, schedule.running.first?.at ?? Infinity));
  // A timer that fires too early costs a glance; moving it for every probe would cost more.
  if (at >= schedule.timer.at || at === Infinity) return;
  schedule.timer = { generation: schedule.timer.generation + 1, at };
  effects.push({ type: "timer", ...schedule.timer });
}
