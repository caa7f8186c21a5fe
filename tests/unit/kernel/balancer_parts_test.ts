/** Thousands of real servers are taken in in parts; what is heard meanwhile waits for the end. */

import assert from "node:assert/strict";
import { atOnce } from "../../../mod/steps/mod.ts";
import { createBalance, stepping } from "../../../mod/balance/mod.ts";
import { BalancerIntake } from "../../../mod/kernel/balancer_intake.ts";
import { realServerOf, serverOf } from "../../lib/balance.ts";
import { planOf, Rig, SECOND, vip } from "./balancer_rig.ts";

const MANY = 4_000;

function many(count: number, weight = 1) {
  return Array.from({ length: count }, (_, i) => {
    const address = `198.51.100.${1 + i % 200}`;
    const port = 1000 + Math.floor(i / 200);
    const server = serverOf(address, { port, weight });
    return realServerOf(`${address}:${port}`, server, { checks: [`check ${i}`] });
  });
}

Deno.test("no step of the machine looks at more than some hundred servers", () => {
  const servers = [vip("web", 1, many(MANY))];
  const balance = createBalance();
  let steps = 0;
  const work = stepping(balance, { type: "configure", servers }, SECOND);
  for (let known = 0;; steps++) {
    const { done } = work.next();
    const now = balance.servers.get("web")?.servers.size ?? 0;
    assert(now - known <= 128, `${now - known} servers in one step`);
    known = now;
    if (done) break;
  }
  assert(steps >= 4 * MANY / 128, `${steps} steps`);
  assert.equal(balance.servers.get("web")?.servers.size, MANY);
  // The same objects again: nothing is looked at anew.
  const effects = atOnce(stepping(balance, { type: "configure", servers }, 2 * SECOND));
  assert.deepEqual(effects, []);
});

/** A rig whose clock goes on with each look at it, so that a turn ends after few steps. */
function slow(): Rig {
  const rig = new Rig();
  rig.configure(planOf([vip("web", 1, many(2))]));
  rig.slowness = 500;
  return rig;
}

const told = (rig: Rig, type: string) => rig.told.filter((one) => one.type === type);

Deno.test("a check and an order that come between two parts find the whole configuration", () => {
  const rig = slow();
  const balance = planOf([vip("web", 1, many(MANY))]);
  rig.tell({ type: "configure", routers: [], interfaces: [], balance });
  assert(rig.balancer.isConfiguring);
  const last = many(MANY).at(-1)!.name;
  rig.tell({
    type: "order_balance",
    server: "web",
    realServer: last,
    what: { order: "weight", weight: 7 },
  });
  const check = { health: "down", reason: "dead", weight: null };
  rig.tell({ type: "check", check: `check ${MANY - 2}`, ...check });
  assert.equal(told(rig, "balance_ordered").length, 0);
  let turns = 0;
  for (; rig.balancer.isConfiguring; turns++) {
    assert.equal(rig.balancer.deadline, 0);
    rig.balancer.turn();
  }
  assert(turns > 5, `${turns} turns`);
  const [ordered] = told(rig, "balance_ordered");
  assert(ordered?.type === "balance_ordered" && ordered.refused === null);
  rig.slowness = 0;
  rig.settle();
  const [entry] = rig.kernel.model.table.values();
  assert.equal(entry!.destinations.size, MANY - 1);
  assert.equal([...entry!.destinations.values()].filter(({ weight }) => weight === 7).length, 1);
});

Deno.test("another configuration, a rest and a stop wait for no turn", () => {
  for (const how of ["configure", "rest", "stop"] as const) {
    const rig = slow();
    const begin = planOf([vip("web", 1, many(MANY))]);
    rig.tell({ type: "configure", routers: [], interfaces: [], balance: begin });
    assert(rig.balancer.isConfiguring);
    if (how === "configure") {
      rig.slowness = 0;
      rig.configure(planOf([vip("web", 1, many(3))]));
    } else if (how === "rest") rig.tell({ type: "rest", rest: true });
    else rig.tell({ type: "stop", keep: false });
    assert(!rig.balancer.isConfiguring);
    const sizes = [...rig.kernel.model.table.values()].map(({ destinations }) => destinations.size);
    assert.deepEqual(sizes, { configure: [3], rest: [2], stop: [] }[how]);
  }
});

Deno.test("a configuration that makes no sense changes nothing, found out in a later part", () => {
  const rig = slow();
  const balance = planOf([vip("web", 1, [...many(MANY), ...many(1)])]);
  rig.tell({ type: "configure", routers: [], interfaces: [], balance });
  assert(rig.balancer.isConfiguring);
  rig.slowness = 0;
  rig.settle();
  assert.match(String(rig.logs.at(-1)?.properties?.error), /there already/);
  const [entry] = rig.kernel.model.table.values();
  assert.equal(entry!.destinations.size, 2);
});

Deno.test("a table that takes several turns is made though checks change in each of them", () => {
  const rig = slow();
  rig.slowness = 0;
  rig.configure(planOf([vip("web", 1, many(MANY))]));
  rig.slowness = 500;
  const size = () => [...rig.kernel.model.table.values()][0]!.destinations.size;
  assert.equal(size(), MANY);
  for (let turn = 0; turn < 40; turn++) {
    const check = { health: "down", reason: "dead", weight: null };
    rig.tell({ type: "check", check: `check ${turn}`, ...check });
    rig.balancer.turn();
  }
  assert(size() < MANY - 30, `${size()} of ${MANY}`);
});

Deno.test("what goes wrong with one of those who have waited costs none of the others", () => {
  let now = 0;
  const wrong: unknown[] = [];
  const heard: string[] = [];
  const intake = new BalancerIntake(() => now += SECOND, (error) => void wrong.push(error));
  intake.begin(function* () {
    yield;
    yield;
  }());
  assert(intake.isBusy);
  intake.hear(() => assert.fail("on request"));
  intake.hear(() => void heard.push("second"));
  intake.finish();
  assert.deepEqual([heard, wrong.length], [["second"], 1]);
});
