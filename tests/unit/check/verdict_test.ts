/**
 * Verdicts: rise and fall by number, hold-down, damping, void outcomes; and random runs against a
 * second, naive telling of the same rules.
 */

import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import { failed, type Outcome, passed, unasked, voided } from "../../../mod/check/outcome.ts";
import {
  createVerdict,
  FORGIVEN_VOIDS,
  pointsLeft,
  stepVerdict,
  type Verdict,
  type VerdictEffect,
  type VerdictSettings,
} from "../../../mod/check/verdict.ts";
import { forSeeds } from "../../lib/random.ts";

const SECOND = 1_000_000;
const SETTINGS: VerdictSettings = { rise: 2, fall: 3, holdDown: 0, damping: null };
const DAMPING = { suppress: 3, reuse: 1.5, halfLife: 60 * SECOND, longest: 300 * SECOND };

const OUTCOMES: Record<string, Outcome> = {
  "+": passed("fine"),
  "-": failed("connection refused"),
  "0": voided("this machine stood still"),
  "?": unasked("no descriptors left for this process"),
};

/** Feeds one outcome a second; returns the states after each as `u` and `d`. */
function feed(verdict: Verdict, outcomes: string, from = 1): string {
  let states = "";
  [...outcomes].forEach((sign, i) => {
    one(verdict, sign, (from + i) * SECOND);
    states += verdict.state[0];
  });
  return states;
}

function one(verdict: Verdict, sign: string, now: number): VerdictEffect[] {
  return stepVerdict(verdict, { type: "outcome", outcome: OUTCOMES[sign]!, latency: 5 }, now);
}

Deno.test("a server falls after so many failures in a row and rises after so many successes", () => {
  const verdict = createVerdict(SETTINGS, "up", 0);
  const outcomes = "+--+---+-++-+--+---";
  strictEqual(feed(verdict, outcomes), "uuuuuudddduuuuuuuud");
  deepStrictEqual(verdict.counters, { passed: 7, failed: 12, voided: 0, transitions: 3 });
  strictEqual(verdict.since, 19 * SECOND);
  deepStrictEqual(verdict.lastError, { reason: "connection refused", at: 19 * SECOND });
});

Deno.test("the assumption at the start obeys the same counts", () => {
  strictEqual(feed(createVerdict(SETTINGS, "down", 0), "+-++"), "dddu");
  strictEqual(feed(createVerdict(SETTINGS, "up", 0), "---"), "uud");
  const keepalived = { rise: 1, fall: 1, holdDown: 5 * SECOND, damping: null };
  // Hold-down is for those that fell, not for those of which nothing was known.
  strictEqual(feed(createVerdict(keepalived, "down", 0), "+"), "u");
});

Deno.test("the deciding outcome brings the effect, with its reason", () => {
  const verdict = createVerdict({ ...SETTINGS, fall: 1, rise: 1 }, "up", 0);
  deepStrictEqual(one(verdict, "-", 1), [
    { type: "state", state: "down", reason: "connection refused" },
  ]);
  deepStrictEqual(one(verdict, "-", 2), []);
  deepStrictEqual(one(verdict, "+", 3), [{ type: "state", state: "up", reason: "fine" }]);
});

Deno.test("a server that fell stays down for the hold-down", () => {
  const verdict = createVerdict({ ...SETTINGS, fall: 1, rise: 1, holdDown: 4 * SECOND }, "up", 0);
  strictEqual(feed(verdict, "-+++"), "dddd");
  strictEqual(verdict.held, "hold-down");
  strictEqual(feed(verdict, "+", 5), "u");
  strictEqual(verdict.held, null);
});

Deno.test("void outcomes change nothing, but the fourth in a row is a failure", () => {
  const verdict = createVerdict({ ...SETTINGS, fall: 2 }, "up", 0);
  strictEqual(feed(verdict, "-000-"), "uuuud");
  const other = createVerdict({ ...SETTINGS, fall: 2 }, "up", 0);
  strictEqual(FORGIVEN_VOIDS, 3);
  strictEqual(feed(other, "00000"), "uuuud");
  strictEqual(other.counters.voided, 5);
  strictEqual(other.counters.failed, 2);
});

Deno.test("a probe that was not asked never counts, however many there are", () => {
  const verdict = createVerdict({ ...SETTINGS, fall: 2 }, "up", 0);
  strictEqual(feed(verdict, "-?????????-"), "uuuuuuuuuud");
  strictEqual(feed(verdict, "??????"), "dddddd");
  strictEqual(verdict.counters.voided, 15);
  strictEqual(verdict.counters.failed, 2);
  strictEqual(verdict.last?.outcome.reason, "no descriptors left for this process");
  // Nor does it forgive, or bring back, what a machine that stood still has to say.
  const other = createVerdict({ ...SETTINGS, fall: 1 }, "up", 0);
  strictEqual(feed(other, "000?0"), "uuuud");
});

Deno.test("a flapping server is named, kept down, and let back when it has been quiet", () => {
  const verdict = createVerdict({ rise: 1, fall: 1, holdDown: 0, damping: DAMPING }, "up", 0);
  // Three falls within three seconds are a bit less than three points; the fourth is too much.
  strictEqual(feed(verdict, "-+-+-+"), "dududu");
  const effects = one(verdict, "-", 7 * SECOND);
  strictEqual(effects.length, 2);
  deepStrictEqual(effects[0]!.type, "state");
  const second = effects[1];
  ok(second?.type === "flapping" && second.flapping && second.points > 3);
  one(verdict, "+", 8 * SECOND);
  strictEqual(verdict.state, "down");
  strictEqual(verdict.held, "flapping");
  // 3.87 points sink to 1.5 within 1.367 half-lives: 82 s after the last fall.
  const back = (7 + 82) * SECOND;
  deepStrictEqual(one(verdict, "+", back - SECOND), []);
  const released = one(verdict, "+", back + SECOND);
  deepStrictEqual(released.map(({ type }) => type), ["flapping", "state"]);
  strictEqual(verdict.state, "up");
});

Deno.test("nobody is kept down longer than `longest` after the last fall", () => {
  for (const [longest, suppress] of [[60, 2], [1200, 3.5]] as const) {
    const damping = { suppress, reuse: 1, halfLife: 600 * SECOND, longest: longest * SECOND };
    const verdict = createVerdict({ rise: 1, fall: 1, holdDown: 0, damping }, "up", 0);
    let now = 0;
    for (let i = 0; i < 100; i++) {
      one(verdict, "-", now += SECOND);
      one(verdict, "+", now += SECOND);
    }
    ok(verdict.flapping);
    const fell = verdict.pointsAt;
    one(verdict, "+", fell + (longest - 15) * SECOND);
    strictEqual(verdict.state, "down");
    one(verdict, "+", fell + (longest + 1) * SECOND);
    strictEqual(verdict.state, "up");
  }
});

Deno.test("damping that is switched off lets go", () => {
  const settings = { rise: 1, fall: 1, holdDown: 0, damping: DAMPING };
  const verdict = createVerdict(settings, "up", 0);
  feed(verdict, "-+-+-+-+");
  strictEqual(verdict.held, "flapping");
  const configure = { type: "configure", settings: { ...settings, damping: null } } as const;
  const effects = stepVerdict(verdict, configure, 10 * SECOND);
  deepStrictEqual(effects.map(({ type }) => type), ["flapping"]);
  strictEqual(feed(verdict, "+", 11), "u");
});

Deno.test("a warning is told once for as long as it stands", () => {
  const verdict = createVerdict(SETTINGS, "up", 0);
  const tell = (warnings: string[], now: number) =>
    stepVerdict(verdict, { type: "outcome", outcome: passed("", { warnings }), latency: 1 }, now);
  deepStrictEqual(tell(["expires"], 1), [{ type: "warning", text: "expires" }]);
  deepStrictEqual(tell(["expires"], 2), []);
  deepStrictEqual(tell([], 3), []);
  deepStrictEqual(tell(["expires"], 4), [{ type: "warning", text: "expires" }]);
});

Deno.test("settings that make no sense are refused", () => {
  const wrong = [
    { rise: 0 },
    { fall: 1.5 },
    { holdDown: -1 },
    { damping: { ...DAMPING, reuse: 3 } },
    { damping: { ...DAMPING, suppress: 0.5, reuse: 0.1 } },
    { damping: { ...DAMPING, halfLife: 0 } },
  ];
  for (const change of wrong) {
    throws(() => createVerdict({ ...SETTINGS, ...change }, "up", 0), RangeError);
  }
});

/** The rules told a second time, from the whole history, without memory. */
function naiveStates(history: { sign: string; at: number }[], settings: VerdictSettings): string[] {
  const states: string[] = [];
  let state = "up";
  let fell = -Infinity;
  let counted = "";
  let voids = 0;
  for (const { sign, at } of history) {
    voids = sign === "0" ? voids + 1 : 0;
    if (sign !== "0" || voids > FORGIVEN_VOIDS) counted += sign === "+" ? "+" : "-";
    else {
      states.push(state);
      continue;
    }
    if (state === "up" && counted.endsWith("-".repeat(settings.fall))) {
      state = "down";
      fell = at;
    } else if (
      state === "down" && counted.endsWith("+".repeat(settings.rise)) &&
      at - fell >= settings.holdDown
    ) state = "up";
    states.push(state);
  }
  return states;
}

Deno.test("random runs: the state changes exactly by rise, fall and hold-down", () => {
  forSeeds(300, (random) => {
    const settings = {
      rise: random.int(1, 5),
      fall: random.int(1, 5),
      holdDown: random.pick([0, 0, 3 * SECOND]),
      damping: null,
    };
    const verdict = createVerdict(settings, "up", 0);
    const history: { sign: string; at: number }[] = [];
    const bias = random.next();
    let now = 0;
    let told = "up";
    for (let i = 0; i < 200; i++) {
      now += random.int(0, 2 * SECOND);
      const sign = random.chance(0.1) ? "0" : random.chance(bias) ? "+" : "-";
      history.push({ sign, at: now });
      for (const effect of one(verdict, sign, now)) {
        if (effect.type !== "state") continue;
        ok(effect.state !== told, "told once");
        told = effect.state;
      }
      strictEqual(told, verdict.state);
      strictEqual(verdict.state, naiveStates(history, settings).at(-1));
    }
  });
});

Deno.test("random runs: a damped server is never up while it flaps, and points stay finite", () => {
  forSeeds(100, (random) => {
    const settings = { rise: 1, fall: 1, holdDown: 0, damping: DAMPING };
    const verdict = createVerdict(settings, "up", 0);
    let now = 0;
    for (let i = 0; i < 500; i++) {
      now += random.int(0, 20 * SECOND);
      one(verdict, random.pick(["+", "-"]), now);
      ok(!verdict.flapping || verdict.state === "down");
      const most = DAMPING.reuse * 2 ** (DAMPING.longest / DAMPING.halfLife);
      ok(pointsLeft(verdict, now) <= most);
    }
    one(verdict, "+", now + DAMPING.longest + 1);
    strictEqual(verdict.state, "up");
  });
});
