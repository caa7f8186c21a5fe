/**
 * The schedule of checks in virtual time: single rules by number, then random runs in which drivers
 * are slow, silent and late, and in which no probe may be lost, doubled or beyond the cap.
 */

import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import {
  createSchedule,
  failingCap,
  OVERDUE,
  type Planned,
  type Schedule,
  type ScheduleEffect,
  type ScheduleEvent,
  stepSchedule,
  type Timing,
} from "../../../mod/check/schedule.ts";
import type { Result } from "../../../mod/check/outcome.ts";
import { forSeeds, type Random } from "../../lib/random.ts";

const SECOND = 1_000_000;
const TIMING: Timing = { interval: SECOND, timeout: SECOND / 2, retryInterval: null, warmup: 0 };

function planned(id: string, timing: Partial<Timing> = {}, rest: Partial<Planned> = {}): Planned {
  return { id, timing: { ...TIMING, ...timing }, target: id, jitter: 0, ...rest };
}

/** Runs a schedule in virtual time; `answer` says how long each probe lasts and how it ends. */
class Rig {
  readonly schedule: Schedule = createSchedule();
  now = 0;
  readonly starts: { id: string; probe: number; at: number; late: number }[] = [];
  readonly cancels: { id: string; probe: number; reason: string; at: number }[] = [];
  /** Probes that run, as a driver knows. */
  readonly running = new Map<number, string>();
  most = 0;
  steps = 0;
  #timer: { generation: number; at: number } | undefined;
  #answers: { at: number; event: ScheduleEvent }[] = [];
  readonly #answer: (
    id: string,
    probe: number,
  ) => { after: number; result: Result } | null;

  constructor(
    answer: (
      id: string,
      probe: number,
    ) => { after: number; result: Result } | null = () => ({
      after: 1000,
      result: "passed",
    }),
  ) {
    this.#answer = answer;
  }

  configure(checks: readonly Planned[], cap = 1000): void {
    this.step({ type: "configure", checks, cap });
  }

  step(event: ScheduleEvent): ScheduleEffect[] {
    this.steps++;
    const effects = stepSchedule(this.schedule, event, this.now);
    for (const effect of effects) this.#obey(effect);
    return effects;
  }

  #obey(effect: ScheduleEffect): void {
    if (effect.type === "timer") {
      ok(effect.at >= this.now, "a timer in the past");
      this.#timer = { generation: effect.generation, at: effect.at };
      return;
    }
    const { id, probe } = effect;
    if (effect.type === "cancel") {
      strictEqual(this.running.get(probe), id, "cancelled is what runs");
      this.running.delete(probe);
      this.cancels.push({ id, probe, reason: effect.reason, at: this.now });
      return;
    }
    ok(!this.running.has(probe), "a probe number is used once");
    ok(![...this.running.values()].includes(id) || this.running.size > 50, "one probe of a check");
    this.running.set(probe, id);
    this.most = Math.max(this.most, this.running.size);
    this.starts.push({ id, probe, at: this.now, late: effect.late });
    const answer = this.#answer(id, probe);
    if (answer === null) return;
    const event = { type: "finished", id, probe, result: answer.result } as const;
    this.#answers.push({ at: this.now + answer.after, event });
  }

  /** Runs until `end`; a timer may fire `lateness` late. */
  runUntil(end: number, lateness: () => number = () => 0): void {
    for (;;) {
      this.#answers.sort((a, b) => a.at - b.at);
      const answer = this.#answers[0];
      const timer = this.#timer;
      const next = Math.min(answer?.at ?? Infinity, timer?.at ?? Infinity);
      if (next > end) break;
      this.now = Math.max(this.now, next);
      if (answer !== undefined && answer.at === next) {
        this.#answers.shift();
        if (answer.event.type === "finished") this.running.delete(answer.event.probe);
        this.step(answer.event);
      } else {
        this.#timer = undefined;
        this.now += lateness();
        this.step({ type: "timer", generation: timer!.generation });
      }
    }
    this.now = Math.max(this.now, end);
  }

  startsOf(id: string): number[] {
    return this.starts.filter((start) => start.id === id).map(({ at }) => at);
  }
}

Deno.test("the first probes spread over the warm-up, later ones keep to their beat", () => {
  const rig = new Rig();
  const checks = [0, 0.25, 0.999].map((jitter, i) =>
    planned(`c${i}`, { warmup: 4 * SECOND }, { jitter })
  );
  rig.configure(checks);
  rig.runUntil(6 * SECOND);
  deepStrictEqual(rig.startsOf("c0"), [0, 1, 2, 3, 4, 5, 6].map((n) => n * SECOND));
  deepStrictEqual(rig.startsOf("c1"), [1, 2, 3, 4, 5, 6].map((n) => n * SECOND));
  deepStrictEqual(rig.startsOf("c2"), [3_996_000, 4_996_000, 5_996_000]);
});

Deno.test("a probe that outlasts its interval skips beats and does not shift them", () => {
  const rig = new Rig((_, probe) => ({ after: probe === 1 ? 2_300_000 : 1000, result: "passed" }));
  rig.configure([planned("slow", { timeout: 5 * SECOND })]);
  rig.runUntil(4 * SECOND);
  deepStrictEqual(rig.startsOf("slow"), [0, 3 * SECOND, 4 * SECOND]);
  strictEqual(rig.schedule.counters.skipped, 2);
});

Deno.test("a failed probe is repeated after the retry interval, from its end", () => {
  const results = ["failed", "failed", "passed", "passed"] as const;
  const rig = new Rig((_, probe) => ({ after: 100_000, result: results[probe - 1] ?? "passed" }));
  rig.configure([planned("c", { retryInterval: 200_000 })]);
  rig.runUntil(2 * SECOND);
  deepStrictEqual(rig.startsOf("c"), [0, 300_000, 600_000, 1_600_000]);
});

Deno.test("without a retry interval a failed probe keeps the beat", () => {
  const rig = new Rig(() => ({ after: 100_000, result: "failed" }));
  rig.configure([planned("c")]);
  rig.runUntil(2 * SECOND);
  deepStrictEqual(rig.startsOf("c"), [0, SECOND, 2 * SECOND]);
});

Deno.test("a void probe is repeated at once", () => {
  const rig = new Rig((_, probe) => ({ after: 10, result: probe === 1 ? "void" : "passed" }));
  rig.configure([planned("c")]);
  rig.runUntil(SECOND / 2);
  deepStrictEqual(rig.startsOf("c"), [0, 10]);
});

Deno.test("a probe that this machine had nothing for has its next turn, as one that passed", () => {
  const results: Result[] = ["unasked", "unasked", "failed", "unasked"];
  const rig = new Rig((_, probe) => ({ after: 10, result: results[probe - 1] ?? "passed" }));
  rig.configure([planned("c", { retryInterval: 200_000 })]);
  rig.runUntil(4 * SECOND);
  const failed = 2 * SECOND + 10;
  deepStrictEqual(rig.startsOf("c"), [
    0,
    SECOND,
    2 * SECOND,
    failed + 200_000,
    failed + 200_000 + SECOND,
  ]);
});

Deno.test("a probe of which nothing is heard is given up, and its late word is ignored", () => {
  const rig = new Rig((_, probe) => probe === 1 ? null : { after: 1000, result: "passed" });
  rig.configure([planned("c")]);
  rig.runUntil(3 * SECOND);
  const givenUp = SECOND / 2 + OVERDUE;
  deepStrictEqual(rig.cancels, [{ id: "c", probe: 1, reason: "overdue", at: givenUp }]);
  deepStrictEqual(rig.startsOf("c"), [0, 2 * SECOND, 3 * SECOND]);
  const before = rig.schedule.counters.stale;
  deepStrictEqual(rig.step({ type: "finished", id: "c", probe: 1, result: "failed" }), []);
  strictEqual(rig.schedule.counters.stale, before + 1);
});

Deno.test("an old timer does nothing", () => {
  const rig = new Rig();
  rig.configure([planned("c", { warmup: SECOND }, { jitter: 0.5 })]);
  deepStrictEqual(rig.step({ type: "timer", generation: 0 }), []);
  deepStrictEqual(rig.startsOf("c"), []);
});

Deno.test("beyond the cap those that were due first go first", () => {
  const rig = new Rig(() => ({ after: 10_000, result: "passed" }));
  const checks = Array.from(
    { length: 10 },
    (_, i) => planned(`c${i}`, { warmup: 1000 }, { jitter: (9 - i) / 10 }),
  );
  rig.configure(checks, 2);
  rig.runUntil(100_000);
  deepStrictEqual(rig.starts.map(({ id }) => id), [...checks].reverse().map(({ id }) => id));
  strictEqual(rig.most, 2);
});

Deno.test("dead servers leave a quarter of the slots to the living", () => {
  // 400 dead servers, each of which holds a slot for its whole timeout, and 10 living ones.
  const rig = new Rig((id) =>
    id.startsWith("dead")
      ? { after: SECOND / 2, result: "failed" }
      : { after: 1000, result: "passed" }
  );
  const dead = Array.from(
    { length: 400 },
    (_, i) => planned(`dead${i}`, { warmup: SECOND }, { jitter: i / 400 }),
  );
  const living = Array.from(
    { length: 10 },
    (_, i) => planned(`live${i}`, { warmup: SECOND }, { jitter: i / 10 }),
  );
  rig.configure([...dead, ...living], 40);
  rig.runUntil(60 * SECOND);
  const late = rig.starts.filter(({ id, at }) => id.startsWith("live") && at > 30 * SECOND)
    .map((start) => start.late);
  ok(late.length > 200, `${late.length} probes of the living`);
  strictEqual(Math.max(...late), 0);
  const deadStarts = rig.starts.filter(({ id, at }) => id.startsWith("dead") && at > 30 * SECOND);
  // 30 slots, half a second each: 60 probes a second, each server about every 6.7 s in turn.
  const counts = new Map<string, number>();
  for (const { id } of deadStarts) counts.set(id, (counts.get(id) ?? 0) + 1);
  strictEqual(counts.size, 400, "each dead server has its turn");
  ok(Math.max(...counts.values()) - Math.min(...counts.values()) <= 1, "and none more than others");
  strictEqual(failingCap(40), 30);
});

Deno.test("a server that failed last time waits for those that were due before it", () => {
  // One slot, held by a slow one until both others are due: the healthy one first, then the dead.
  const rig = new Rig((id, probe) => ({
    after: id === "slow" && probe > 3 ? 300_000 : 1000,
    result: id === "dead" ? "failed" : "passed",
  }));
  const at = (jitter: number) => [{ warmup: SECOND }, { jitter }] as const;
  rig.configure([
    planned("dead", ...at(0.2)),
    planned("fine", ...at(0.1)),
    planned("slow", ...at(0)),
  ], 1);
  rig.runUntil(1_900_000);
  deepStrictEqual(rig.starts.map(({ id, at }) => [id, at]), [
    ["slow", 0],
    ["fine", 100_000],
    ["dead", 200_000],
    ["slow", SECOND],
    ["fine", 1_300_000],
    ["dead", 1_301_000],
  ]);
});

Deno.test("a reload is a difference", () => {
  const rig = new Rig((id) =>
    id === "gone" || id === "moved" ? null : { after: 1000, result: "passed" }
  );
  const stays = planned("stays", { warmup: SECOND }, { jitter: 0.5 });
  rig.configure([stays, planned("gone"), planned("moved", {}, { target: "a" })]);
  rig.runUntil(400_000);
  rig.configure([stays, planned("moved", {}, { target: "b" }), planned("new")]);
  deepStrictEqual(rig.cancels.map(({ id, reason }) => [id, reason]), [
    ["gone", "removed"],
    ["moved", "changed"],
  ]);
  rig.runUntil(600_000);
  deepStrictEqual(rig.startsOf("stays"), [500_000]);
  deepStrictEqual(rig.startsOf("new"), [400_000]);
  deepStrictEqual(rig.startsOf("moved"), [0, 400_000]);
  deepStrictEqual(rig.startsOf("gone"), [0]);
});

Deno.test("a shorter interval need not wait for the end of the longer one", () => {
  const rig = new Rig();
  rig.configure([planned("c", { interval: 3600 * SECOND })]);
  rig.runUntil(10 * SECOND);
  rig.configure([planned("c")]);
  rig.runUntil(12 * SECOND);
  deepStrictEqual(rig.startsOf("c"), [0, 11 * SECOND, 12 * SECOND]);
});

Deno.test("a configuration that makes no sense changes nothing", () => {
  const rig = new Rig();
  rig.configure([planned("c")]);
  const wrong: [RegExp, () => void][] = [
    [/Two checks have the name "a"/, () => rig.configure([planned("a"), planned("a")])],
    [/interval of check "a" is 0/, () => rig.configure([planned("a", { interval: 0 })])],
    [/timeout of check "a" is -1/, () => rig.configure([planned("a", { timeout: -1 })])],
    [/retryInterval of check "a" is 0/, () => rig.configure([planned("a", { retryInterval: 0 })])],
    [/interval of check "a" is 1.5/, () => rig.configure([planned("a", { interval: 1.5 })])],
    [/jitter of check "a" is 1/, () => rig.configure([planned("a", {}, { jitter: 1 })])],
    [/At least one probe.*not 0/, () => rig.configure([], 0)],
  ];
  for (const [message, act] of wrong) throws(act, { name: "RangeError", message });
  deepStrictEqual([...rig.schedule.entries.keys()], ["c"]);
});

/** Whatever happened: each check waits once or runs once, and the counts are right. */
function checkInvariants({ schedule, running }: Rig): void {
  const { entries, steady, failing } = schedule;
  strictEqual(steady.size + failing.size + schedule.running.size, entries.size, "none lost");
  strictEqual(schedule.running.size, running.size, "the driver agrees");
  let failingRunning = 0;
  for (const entry of entries.values()) {
    if (entry.probe !== null) strictEqual(running.get(entry.probe), entry.id);
    if (entry.probe !== null && entry.failing) failingRunning++;
  }
  strictEqual(schedule.failingRunning, failingRunning);
}

function anyChecks(random: Random, names: number): Planned[] {
  const checks: Planned[] = [];
  for (let i = 0; i < names; i++) {
    if (random.chance(0.3)) continue;
    const timing = {
      interval: random.pick([10_000, 100_000, SECOND]),
      timeout: random.pick([5_000, 200_000]),
      retryInterval: random.pick([null, 1_000, 50_000]),
      warmup: random.pick([0, SECOND]),
    };
    const target = random.pick(["a", "a", "a", "b"]);
    checks.push({ id: `c${i}`, timing, target, jitter: random.next() });
  }
  return checks;
}

Deno.test("random runs: no probe lost, none twice, the cap never passed, everybody has a turn", () => {
  forSeeds(20, (random) => {
    const rig = new Rig(() =>
      random.chance(0.05) ? null : {
        after: random.pick([0, 1, 1000, 250_000]),
        result: random.chance(0.02)
          ? random.pick(["void", "unasked"] as const)
          : random.pick(["passed", "failed"] as const),
      }
    );
    const late = () => random.chance(0.02) ? random.int(0, 400_000) : random.int(0, 100);
    let cap = 1000;
    for (let round = 0; round < 8; round++) {
      const checks = anyChecks(random, random.int(1, 40));
      cap = random.int(1, 12);
      const before = rig.running.size;
      rig.configure(checks, cap);
      const since = rig.now;
      rig.most = 0;
      for (let n = 0; n < 20; n++) {
        rig.runUntil(since + n * 200_000, late);
        checkInvariants(rig);
        ok(rig.most <= Math.max(cap, before), `${rig.most} at once, the cap is ${cap}`);
      }
      // 40 checks that all hang for 1.2 s on one slot take 48 s; this is the worst that can be.
      rig.runUntil(rig.now + 60 * SECOND, late);
      checkInvariants(rig);
      const started = new Set(rig.starts.filter(({ at }) => at >= since).map(({ id }) => id));
      for (const { id } of checks) {
        ok(started.has(id) || [...rig.running.values()].includes(id), `${id} had a turn`);
      }
    }
    rig.configure([], 1);
    strictEqual(rig.running.size, 0);
    strictEqual(rig.schedule.running.size, 0);
  });
});

Deno.test("10,000 checks a second are cheap", () => {
  const schedule = createSchedule();
  const checks = Array.from(
    { length: 10_000 },
    (_, i) => planned(`c${i}`, { warmup: SECOND }, { jitter: i / 10_000 }),
  );
  let now = 0;
  let timer = { generation: 0, at: 0 };
  let probes = 0;
  const obey = (effects: ScheduleEffect[]) => {
    for (const effect of effects) {
      if (effect.type === "timer") timer = effect;
      else if (effect.type === "start") {
        probes++;
        const { id, probe } = effect;
        obey(stepSchedule(schedule, { type: "finished", id, probe, result: "passed" }, now));
      }
    }
  };
  const before = performance.now();
  obey(stepSchedule(schedule, { type: "configure", checks, cap: 500 }, now));
  while (timer.at < 10 * SECOND) {
    now = timer.at;
    obey(stepSchedule(schedule, { type: "timer", generation: timer.generation }, now));
  }
  strictEqual(probes, 100_000);
  // Ten seconds of work for a busy machine; 0.2 s is usual. A search through all checks at each
  // probe would take minutes.
  const spent = performance.now() - before;
  ok(spent < 10_000, `${Math.round(spent)} ms`);
});
