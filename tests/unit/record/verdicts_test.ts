/** Recorded verdicts on checks and scripts, and what trackers come to, replay to the same. */

import assert from "node:assert/strict";
import { createVerdict, type VerdictSettings } from "../../../mod/check/verdict.ts";
import { type Outcome, stepVerdict } from "../../../mod/check/mod.ts";
import { Recorder, type Segment, VerdictRecorders } from "../../../mod/record/mod.ts";
import {
  createVerdict as createScriptVerdict,
  evaluateGroupTrackers,
  observe,
  type Tracker,
  TRACKER_KINDS,
} from "../../../mod/vrrp/mod.ts";
import { forSeeds, type Random } from "../../lib/random.ts";
import { read, replayed, written } from "./fixtures.ts";

const SECOND = 1_000_000;

function anySettings(random: Random): VerdictSettings {
  return {
    rise: random.int(1, 4),
    fall: random.int(1, 4),
    holdDown: random.pick([0, 0, 3 * SECOND]),
    damping: random.chance(0.4)
      ? { suppress: 2, reuse: 0.75, halfLife: 20 * SECOND, longest: 60 * SECOND }
      : null,
  };
}

function anyOutcome(random: Random, failing: number): Outcome {
  const result = random.chance(failing)
    ? "failed"
    : random.chance(0.1)
    ? random.pick(["void", "unasked"] as const)
    : "passed";
  const warnings = random.chance(0.1) ? ["the certificate expires"] : [];
  return {
    result,
    reason: result === "passed" ? "connected" : random.pick(["refused", 'it is "private", or not']),
    output: `line ${random.int(0, 1e9)}`,
    weight: null,
    warnings,
  };
}

Deno.test("checks that rise, fall, flap and are held down: the same verdicts", () => {
  const seen = { steps: 0, flapping: 0, warning: 0, state: 0 };
  forSeeds(200, (random) => {
    const recorders = new VerdictRecorders();
    const initial = random.pick(["up", "down"] as const);
    const verdict = createVerdict(anySettings(random), initial, 0);
    const plain = structuredClone(verdict);
    let now = SECOND;
    for (let i = 0; i < 300; i++) {
      now += random.int(1, 2 * SECOND);
      const failing = i % 60 < 20 ? 0.7 : 0.02;
      const event = i === 150 ? { type: "configure", settings: anySettings(random) } as const : {
        type: "outcome",
        outcome: anyOutcome(random, failing),
        latency: random.int(1, SECOND),
      } as const;
      const effects = recorders.step("gateway", verdict, event, now);
      assert.deepEqual(effects, stepVerdict(plain, event, now));
    }
    assert.deepEqual(verdict, plain);
    const segments = read(written(recorders.shelf, "gateway"));
    const { steps, differences } = replayed(segments);
    assert.deepEqual(differences, []);
    seen.steps += steps;
    const text = JSON.stringify(segments);
    for (const type of ["flapping", "warning", "state"] as const) {
      seen[type] += text.split(`{"type":"${type}"`).length - 1;
    }
    assert.doesNotMatch(text, /line |private/, "what servers say is not in it");
  });
  if (Deno.env.get("HALB_SEED") === undefined) {
    assert.ok(Object.values(seen).every((count) => count > 20), JSON.stringify(seen));
  }
});

Deno.test("what goes on as it was is not recorded, up or down", () => {
  const recorders = new VerdictRecorders();
  const settings = { rise: 1, fall: 2, holdDown: 0, damping: null };
  const verdict = createVerdict(settings, "up", 0);
  let now = 0;
  const tell = (result: "passed" | "failed", times: number) => {
    for (let i = 0; i < times; i++) {
      const outcome = { result, reason: "so", output: "", weight: null, warnings: [] };
      recorders.step("one", verdict, { type: "outcome", outcome, latency: 0 }, now += SECOND);
    }
  };
  tell("passed", 100);
  assert.deepEqual(recorders.shelf.machines, []);
  tell("failed", 100);
  tell("passed", 100);
  const segments = written(recorders.shelf, "one");
  assert.deepEqual(segments.map(({ steps }) => steps.length), [2, 1]);
  assert.deepEqual(replayed(read(segments)), { steps: 3, differences: [] });
});

Deno.test("a warning that stands is recorded once", () => {
  const recorders = new VerdictRecorders();
  const verdict = createVerdict({ rise: 1, fall: 2, holdDown: 0, damping: null }, "up", 0);
  const tell = (warnings: readonly string[], from: number) => {
    for (let i = from; i < from + 50; i++) {
      const outcome = {
        result: "passed",
        reason: "so",
        output: "",
        weight: null,
        warnings,
      } as const;
      recorders.step("one", verdict, { type: "outcome", outcome, latency: 0 }, i * SECOND);
    }
  };
  const newest: (number | undefined)[] = [];
  const steps: readonly (readonly string[])[] = [
    ["it expires"],
    ["it expires", "it is weak"],
    ["it is weak"],
    [],
    ["it expires"],
  ];
  steps.forEach((warnings, i) => {
    tell(warnings, 50 * i);
    newest.push(recorders.shelf.segment("one", 0)?.number);
    const segments = read(written(recorders.shelf, "one"));
    assert.deepEqual(replayed(segments), { steps: 1, differences: [] });
  });
  assert.deepEqual(newest, [0, 1, 1, 1, 2]);
});

Deno.test("an outage of ten thousand servers is not kept of all of them", () => {
  const recorders = new VerdictRecorders();
  const settings = { rise: 1, fall: 1, holdDown: 0, damping: null };
  const names = Array.from({ length: 10_000 }, (_, i) => `check-${i}`);
  const verdicts = names.map(() => createVerdict(settings, "up", 0));
  const tell = (result: "passed" | "failed", from: number, at: number) =>
    names.slice(from).forEach((name, i) => {
      const outcome = { result, reason: "so", output: "", weight: null, warnings: [] };
      const event = { type: "outcome", outcome, latency: 0 } as const;
      // Twice: what follows is no news, and ends the segment.
      for (let again = 0; again < 3; again++) {
        recorders.step(name, verdicts[from + i]!, event, at);
      }
    });
  tell("failed", 0, SECOND);
  const { machines } = recorders.shelf;
  assert.deepEqual(machines.map(({ name }) => name), names.slice(-1000));
  // Whoever begins anew stays, and has what was there before.
  tell("passed", 9_999, 2 * SECOND);
  assert.equal(written(recorders.shelf, "check-9999").length, 2);
  recorders.step("check-9000", verdicts[9_000]!, {
    type: "outcome",
    outcome: { result: "passed", reason: "so", output: "", weight: null, warnings: [] },
    latency: 0,
  }, 3 * SECOND);
  tell("passed", 9_001, 3 * SECOND);
  assert.equal(written(recorders.shelf, "check-9000").length, 2);
  assert.equal(recorders.shelf.has("check", "check-8999"), false);
  assert.equal(recorders.shelf.has("script", "check-9000"), false);
  assert.equal(recorders.shelf.machines.length, 1000);
});

/** A check that fails twice, and is down. */
function failure(): Segment {
  const recorders = new VerdictRecorders();
  const settings = { rise: 1, fall: 2, holdDown: 0, damping: null };
  const verdict = createVerdict(settings, "up", 0);
  for (let i = 1; i <= 2; i++) {
    const outcome = { result: "failed", reason: "refused", output: "", weight: null, warnings: [] };
    const event = { type: "outcome", outcome: outcome as Outcome, latency: 0 } as const;
    recorders.step("one", verdict, event, i * SECOND);
  }
  return written(recorders.shelf, "one")[0]!;
}

Deno.test("another threshold, or another answer, is found with its step", () => {
  const segment = failure();
  const text = JSON.stringify(segment);
  for (
    const [from, to, step] of [
      ['"fall":2', '"fall":1', 1],
      ['"fall":2', '"fall":3', 2],
      ['"result":"failed","reason"', '"result":"passed","reason"', 2],
    ] as const
  ) {
    assert.ok(text.includes(from));
    const { steps, differences } = replayed(read([JSON.parse(text.replace(from, to))]));
    assert.deepEqual([steps, differences.length], [step, 1]);
    assert.match(differences[0]!, /^it decided .* then, and decides .* now$/);
  }
});

Deno.test("scripts: the same verdicts, and another rule is found", () => {
  let [total, found] = [0, 0];
  forSeeds(100, (random) => {
    const rule = {
      rise: random.int(1, 4),
      fall: random.int(1, 4),
      startFailed: random.chance(0.5),
    };
    const verdict = createScriptVerdict(rule, 0);
    const recorder = new Recorder("script");
    for (let i = 1; i <= 60; i++) {
      const healthy = random.chance(0.5);
      const reason = healthy ? "exit 0" : "exit 1";
      const event = { type: "result", healthy, reason };
      recorder.begin({ rule, verdict }, event);
      const turned = observe(verdict, rule, { healthy, reason }, i * SECOND);
      const effects = turned ? [{ type: "turned", healthy, reason }] : [];
      recorder.note(event, effects, i * SECOND);
    }
    const segments = read(written(recorder, "uplink"));
    const { steps, differences } = replayed(segments);
    assert.deepEqual(differences, []);
    total += steps;
    const [first] = segments;
    const other = { rule: { ...rule, fall: rule.fall + 1, rise: rule.rise + 1 }, verdict };
    const tampered = { ...first!, memory: { ...first!.memory as object, rule: other.rule } };
    found += replayed(read([tampered])).differences.length;
  });
  assert.ok(total > 1_000 && found > 50, `${total} steps, ${found} found`);
});

Deno.test("weights: the same sums and faults; a tracker that stands otherwise is found", () => {
  forSeeds(100, (random) => {
    const recorder = new Recorder("trackers");
    let noted = 0;
    for (let i = 1; i <= 40; i++) {
      const members = Array.from(
        { length: random.int(1, 3) },
        () =>
          Array.from({ length: random.int(1, 3) }, (): Tracker => ({
            kind: random.pick(TRACKER_KINDS),
            name: random.pick(["a", "b"]),
            weight: random.int(-50, 50),
            healthy: random.chance(0.5),
            reason: "so",
            ...(random.chance(0.3) ? { reverse: true as const } : {}),
            ...(random.chance(0.2) ? { value: random.int(-9, 9) } : {}),
          })),
      );
      const event = { type: "found", members } as const;
      for (let again = 0; again < 2; again++) {
        if (recorder.isRepeated(event)) continue;
        noted++;
        recorder.begin(null, event);
        recorder.note(event, [{ type: "judged", ...evaluateGroupTrackers(members) }], i * SECOND);
      }
    }
    assert.equal(noted, 40, "the same again is no news");
    const segments = read(written(recorder, "web"));
    assert.deepEqual(replayed(segments).differences, []);
    const text = JSON.stringify(segments[0]);
    const tampered = JSON.parse(text.replace(/"contribution":(-?\d+)/, '"contribution":999'));
    assert.match(replayed(read([tampered])).differences.join(), /^it decided .*999.* then/);
  });
});
