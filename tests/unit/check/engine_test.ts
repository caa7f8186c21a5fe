/** Schedule and verdicts together: who hears what, and what a reload keeps. */

import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import {
  type CheckSettings,
  createEngine,
  type Engine,
  type EngineEffect,
  stepEngine,
} from "../../../mod/check/engine.ts";
import { failed, type Outcome, passed } from "../../../mod/check/outcome.ts";
import { OVERDUE } from "../../../mod/check/schedule.ts";
import { forSeeds } from "../../lib/random.ts";

const SECOND = 1_000_000;

function settings(id: string, rest: Partial<CheckSettings> = {}): CheckSettings {
  return {
    id,
    timing: { interval: SECOND, timeout: SECOND / 2, retryInterval: null, warmup: 0 },
    target: id,
    jitter: 0,
    verdict: { rise: 1, fall: 1, holdDown: 0, damping: null },
    initial: "up",
    ...rest,
  };
}

function configure(engine: Engine, checks: CheckSettings[], now: number): EngineEffect[] {
  return stepEngine(engine, { type: "configure", checks, cap: 100 }, now);
}

function probeOf(engine: Engine, id: string): number {
  return engine.schedule.entries.get(id)?.probe ?? -1;
}

function finish(engine: Engine, id: string, outcome: Outcome, now: number): EngineEffect[] {
  const probe = probeOf(engine, id);
  return stepEngine(engine, { type: "finished", id, probe, outcome, latency: 7 }, now);
}

function stateOf(engine: Engine, id: string): string | undefined {
  return engine.verdicts.get(id)?.verdict.state;
}

Deno.test("an outcome changes the state in its own turn, before anything else is begun", () => {
  const engine = createEngine();
  configure(engine, [settings("a")], 0);
  const effects = finish(engine, "a", failed("refused"), 10);
  deepStrictEqual(effects[0], { type: "state", state: "down", reason: "refused", id: "a" });
  deepStrictEqual(effects.slice(1).map(({ type }) => type), ["timer"]);
});

Deno.test("a probe that never ends is a failure with a reason", () => {
  const engine = createEngine();
  const [, timer] = configure(engine, [settings("a")], 0);
  ok(timer?.type === "timer");
  strictEqual(timer.at, SECOND / 2 + OVERDUE);
  const probe = probeOf(engine, "a");
  const { generation } = timer;
  const effects = stepEngine(engine, { type: "timer", generation }, timer.at);
  deepStrictEqual(effects.slice(0, 2), [
    { type: "cancel", id: "a", probe, reason: "overdue" },
    { type: "state", state: "down", reason: "the probe did not end by itself", id: "a" },
  ]);
  strictEqual(engine.verdicts.get("a")?.verdict.last?.latency, timer.at);
  // What it says after that is nobody's.
  const late = { type: "finished", id: "a", probe, outcome: passed(""), latency: 1 } as const;
  deepStrictEqual(stepEngine(engine, late, timer.at + 1), []);
  strictEqual(stateOf(engine, "a"), "down");
});

Deno.test("a reload keeps the verdict while the target stays, and forgets it with the target", () => {
  const engine = createEngine();
  configure(engine, [settings("a"), settings("b"), settings("c")], 0);
  for (const id of ["a", "b", "c"]) finish(engine, id, failed("refused"), 10);
  const slower = { interval: 5 * SECOND, timeout: SECOND, retryInterval: null, warmup: 0 };
  configure(
    engine,
    [settings("a", { timing: slower }), settings("b", { target: "elsewhere" })],
    20,
  );
  strictEqual(stateOf(engine, "a"), "down");
  strictEqual(stateOf(engine, "b"), "up");
  strictEqual(stateOf(engine, "c"), undefined);
});

Deno.test("a configuration that makes no sense changes nothing", () => {
  const engine = createEngine();
  configure(engine, [settings("a")], 0);
  const verdict = { rise: 0, fall: 1, holdDown: 0, damping: null };
  throws(() => configure(engine, [settings("b", { verdict })], 1), RangeError);
  throws(() => configure(engine, [settings("b"), settings("b")], 1), RangeError);
  deepStrictEqual([...engine.verdicts.keys()], ["a"]);
  deepStrictEqual([...engine.schedule.entries.keys()], ["a"]);
});

Deno.test("random runs: verdicts, entries and running probes are those of the configuration", () => {
  forSeeds(100, (random) => {
    const engine = createEngine();
    let timer = { generation: 0, at: Infinity };
    let now = 0;
    const obey = (effects: EngineEffect[]) => {
      for (const effect of effects) if (effect.type === "timer") timer = effect;
    };
    for (let i = 0; i < 300; i++) {
      now += random.int(0, 300_000);
      const kind = random.next();
      if (kind < 0.05) {
        const names = ["a", "b", "c", "d", "e"].filter(() => random.chance(0.7));
        obey(
          configure(
            engine,
            names.map((id) => settings(id, { target: random.pick(["x", "y"]) })),
            now,
          ),
        );
      } else if (kind < 0.4 && timer.at !== Infinity) {
        now = Math.max(now, timer.at);
        obey(stepEngine(engine, { type: "timer", generation: timer.generation }, now));
      } else {
        const id = random.pick(["a", "b", "c", "d", "e"]);
        const outcome = random.chance(0.5) ? passed("") : failed("no");
        obey(finish(engine, id, outcome, now));
      }
      deepStrictEqual(
        [...engine.verdicts.keys()].sort(),
        [...engine.schedule.entries.keys()].sort(),
      );
    }
  });
});
