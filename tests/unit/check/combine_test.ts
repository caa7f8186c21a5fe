/** Several checks of one server: `require`, the reason, the weight. */

import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { combine, effectiveWeight, type Member } from "../../../mod/check/combine.ts";
import type { WeightOpinion } from "../../../mod/check/outcome.ts";
import { forSeeds } from "../../lib/random.ts";

function members(signs: string): Member[] {
  return [...signs].map((sign, i) => ({
    name: `check ${i}`,
    healthy: sign === "+",
    reason: sign === "+" ? "fine" : "refused",
    weight: null,
  }));
}

function weighing(kind: WeightOpinion["kind"], value: number, healthy = true): Member {
  return { name: "w", healthy, reason: "", weight: { kind, value } };
}

Deno.test("all, any, and at least so many", () => {
  const healthy = (require: Parameters<typeof combine>[0], signs: string) =>
    combine(require, members(signs)).healthy;
  strictEqual(healthy("all", "+++"), true);
  strictEqual(healthy("all", "++-"), false);
  strictEqual(healthy("any", "--+"), true);
  strictEqual(healthy("any", "---"), false);
  strictEqual(healthy(2, "-++"), true);
  strictEqual(healthy(2, "--+"), false);
  strictEqual(healthy(4, "+++"), false, "three checks cannot give four successes");
  for (const require of ["all", "any", 1] as const) strictEqual(healthy(require, ""), true);
});

Deno.test("the reason names the first check that fails and counts the others", () => {
  strictEqual(combine("all", members("++")).reason, "");
  strictEqual(combine("all", members("+-")).reason, "check 1: refused");
  strictEqual(combine("all", members("--+")).reason, "check 0: refused (and 1 more)");
  strictEqual(combine(2, members("-++")).reason, "2 of 2 checks needed pass; check 0: refused");
  strictEqual(combine("any", members("-")).reason, "0 of 1 checks needed pass; check 0: refused");
  deepStrictEqual(combine(3, members("++")), {
    healthy: false,
    passing: 2,
    needed: 3,
    reason: "2 of 3 checks needed pass",
  });
});

Deno.test("scripts and agents lower the weight, files add to it", () => {
  strictEqual(effectiveWeight(10, []), 10);
  strictEqual(effectiveWeight(10, [weighing("absolute", 3)]), 3);
  strictEqual(effectiveWeight(10, [weighing("absolute", 0)]), 0);
  strictEqual(effectiveWeight(10, [weighing("absolute", 200)]), 200, "a program of our own");
  strictEqual(effectiveWeight(10, [weighing("absolute", 200)], 10), 10, "an operator's word");
  strictEqual(effectiveWeight(10, [weighing("absolute", 40), weighing("absolute", 30)]), 30);
  strictEqual(effectiveWeight(10, [weighing("percent", 50)]), 5);
  strictEqual(effectiveWeight(10, [weighing("percent", 1)]), 1, "a little is not nothing");
  strictEqual(effectiveWeight(10, [weighing("percent", 0)]), 0);
  strictEqual(effectiveWeight(10, [weighing("percent", 1000)]), 10);
  strictEqual(effectiveWeight(0, [weighing("percent", 50)]), 0);
  strictEqual(effectiveWeight(10, [weighing("percent", 50), weighing("absolute", 4)]), 2);
  strictEqual(effectiveWeight(10, [weighing("add", 5)]), 15);
  strictEqual(effectiveWeight(10, [weighing("add", -20)]), 0);
  strictEqual(effectiveWeight(10, [weighing("absolute", 4), weighing("add", 1)]), 5);
  strictEqual(effectiveWeight(65_535, [weighing("add", 5)]), 65_535);
  strictEqual(effectiveWeight(10, [weighing("absolute", 3, false)]), 10, "what failed has no say");
});

Deno.test("no server lifts its weight above what programs of ours say, and weights are what IPVS takes", () => {
  forSeeds(200, (random) => {
    const configured = random.int(0, 65_535);
    const opinions = Array.from(
      { length: random.int(0, 5) },
      () =>
        weighing(random.pick(["absolute", "percent"]), random.int(0, 70_000), random.chance(0.7)),
    );
    const weight = effectiveWeight(configured, opinions);
    const set = opinions.some(({ healthy, weight }) => healthy && weight?.kind === "absolute");
    const most = set ? 65_535 : configured;
    ok(Number.isInteger(weight) && weight >= 0 && weight <= most, `${weight}`);
    const own = weighing("add", random.int(-254 * 254, 254 * 254));
    const added = effectiveWeight(configured, [...opinions, own]);
    ok(Number.isInteger(added) && added >= 0 && added <= 65_535, `${added}`);
  });
});
