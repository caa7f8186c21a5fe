/**
 * Preemption that waits (`preempt_delay`): counted from health, never in the way of a failover, and
 * no cause of flapping.
 */

import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { createRouter, type Router, step } from "../../../mod/vrrp/mod.ts";
import { forSeeds } from "../../lib/random.ts";
import { Network, type Node } from "../../lib/virtual_time.ts";
import {
  advert,
  after,
  health,
  HIGHER,
  hold,
  LOWER,
  MASTER_DOWN,
  SECOND,
  send,
  setTimer,
  settings,
  started,
  testRows,
  timer,
  transition,
  unhealthy,
} from "./fixtures.ts";
import { forForms, FORMS, lan, MIXED, nodeSettings, settle } from "./lan.ts";

const DELAY = 30 * SECOND;
const T = 2 * SECOND;
const worse = advert({ priority: 50 });
const followed = () => after(started({ preemptDelay: DELAY }), [T, worse]);

testRows([
  {
    rule: "preempt_delay: a lower priority is followed while the delay lasts",
    given: () => started({ preemptDelay: DELAY }),
    event: worse,
    at: T,
    effects: [setTimer("master_down", 2, T + MASTER_DOWN)],
    state: "backup",
    memory: { preemptAt: DELAY, master: { address: HIGHER, priority: 50 } },
  },
  {
    rule: "preempt_delay: near its end the timer is the end",
    given: followed,
    event: worse,
    at: DELAY - SECOND,
    effects: [setTimer("master_down", 3, DELAY)],
    state: "backup",
  },
  {
    rule: "preempt_delay: at its end it takes over, and says from whom",
    given: () => after(followed(), [DELAY - SECOND, worse]),
    event: timer(3),
    at: DELAY,
    effects: [
      send(100),
      hold(1),
      transition(
        "backup",
        "master",
        "198.51.100.11 has priority 50, and the delay of preemption is over",
      ),
      setTimer("advertisement", 4, DELAY + SECOND),
    ],
    state: "master",
    memory: { preemptAt: null },
  },
  {
    rule: "preempt_delay: a master that falls silent meanwhile is replaced at once",
    given: followed,
    event: timer(2),
    at: T + MASTER_DOWN,
    effects: [
      send(100),
      hold(1),
      transition("backup", "master", "no advertisement from 198.51.100.11 in time"),
      setTimer("advertisement", 3, T + MASTER_DOWN + SECOND),
    ],
    state: "master",
  },
  {
    rule: "preempt_delay: a master that resigns meanwhile is replaced after the skew",
    given: followed,
    event: advert({ priority: 0 }),
    at: 3 * SECOND,
    effects: [setTimer("master_down", 3, 3 * SECOND + 609_375)],
    state: "backup",
    memory: { preemptAt: null },
  },
  {
    rule: "preempt_delay: nobody there: master as soon as without the delay",
    given: () => started({ preemptDelay: DELAY }),
    event: timer(1),
    at: MASTER_DOWN,
    effects: [
      send(100),
      hold(1),
      transition("backup", "master", "no advertisement from any master in time"),
      setTimer("advertisement", 2, MASTER_DOWN + SECOND),
    ],
    state: "master",
  },
  {
    rule: "preempt_delay shorter than the master-down interval: not sooner than without it",
    given: () => started({ preemptDelay: SECOND / 2 }),
    event: worse,
    at: SECOND / 4,
    effects: [setTimer("master_down", 2, MASTER_DOWN)],
    state: "backup",
  },
  {
    rule: "preempt_delay that is over: a master that became worse is ignored, the timer runs on",
    given: () =>
      after(started({ preemptDelay: DELAY }), [DELAY + SECOND, advert({ priority: 200 })]),
    event: worse,
    at: DELAY + 2 * SECOND,
    effects: [],
    state: "backup",
    memory: { timer: { name: "master_down", generation: 2, at: DELAY + SECOND + MASTER_DOWN } },
  },
  {
    rule: "preempt_delay: a better master ends the plan",
    given: followed,
    event: advert({ priority: 200 }),
    at: 3 * SECOND,
    effects: [setTimer("master_down", 3, 3 * SECOND + MASTER_DOWN)],
    state: "backup",
    memory: { preemptAt: null },
  },
  {
    rule: "preempt_delay: a tracker that takes the priority below the master's ends the plan",
    given: followed,
    event: health(-60),
    at: 3 * SECOND,
    effects: [setTimer("master_down", 3, T + MASTER_DOWN + 60 * SECOND / 256)],
    state: "backup",
    memory: { preemptAt: null },
  },
  {
    rule: "preempt_delay: counted anew from when trackers bring it above the master",
    given: () => after(followed(), [3 * SECOND, health(-60)], [10 * SECOND, worse]),
    event: health(),
    at: 11 * SECOND,
    effects: [setTimer("master_down", 5, 10 * SECOND + MASTER_DOWN)],
    state: "backup",
    memory: { healthySince: 11 * SECOND, preemptAt: null },
  },
  {
    rule: "preempt_delay: counted anew after a fault",
    given: () =>
      after(followed(), [3 * SECOND, unhealthy()], [8 * SECOND, health()], [9 * SECOND, worse]),
    event: worse,
    at: 10 * SECOND,
    effects: [setTimer("master_down", 5, 10 * SECOND + MASTER_DOWN)],
    state: "backup",
    memory: { preemptAt: 8 * SECOND + DELAY },
  },
  {
    rule: "preempt_delay taken away while it lasts: the timer goes as if it had never been",
    given: followed,
    event: { type: "configure", settings: settings() },
    at: 3 * SECOND,
    effects: [],
    state: "backup",
    memory: { preemptAt: null },
  },
  {
    rule: "preempt_delay does not bind an owner",
    given: () => started({ priority: 255, preemptDelay: DELAY }),
    event: worse,
    at: T,
    effects: [send(255), { type: "announce" }],
    state: "master",
  },
  {
    rule: "without preemption a delay means nothing",
    given: () => started({ preempt: false, preemptDelay: DELAY }),
    event: worse,
    at: T,
    effects: [setTimer("master_down", 2, T + MASTER_DOWN)],
    state: "backup",
    memory: { preemptAt: null },
  },
]);

Deno.test("preempt_delay: another lower master beside the first moves nothing but the name", () => {
  const router = followed();
  step(router, advert({ source: LOWER, priority: 60 }), 3 * SECOND);
  deepStrictEqual(router.master, { address: LOWER, priority: 60 });
  strictEqual(router.preemptAt, DELAY);
});

Deno.test("preempt_delay: the plan survives JSON, as a hand-over takes it", () => {
  const copy = JSON.parse(JSON.stringify(followed())) as Router;
  step(copy, { type: "resume", age: 1_000, exact: true }, 3 * SECOND);
  strictEqual(copy.preemptAt, DELAY);
  strictEqual(copy.timer?.at, T + MASTER_DOWN + 1_000);
});

/** Each time that a node took over from one of lower priority: what it had been waiting for. */
function tooSoon(network: Network, delay: number, since: ReadonlyMap<Node, number>): string[] {
  return network.trace.flatMap(({ node, at, effects }) =>
    effects.flatMap((effect) => {
      if (effect.type !== "transition" || !effect.reason.includes("delay of preemption")) return [];
      const healthy = since.get(network.nodes.find(({ source }) => source === node)!)!;
      return at - healthy < delay ? [`${node} after ${at - healthy} of ${delay}`] : [];
    })
  );
}

// In the mixed form a fast router that starts beside a slow master takes over before it hears it.
for (const form of FORMS.filter((one) => one !== MIXED)) {
  const name = `preempt_delay: a better node that comes back waits, then takes over once`;
  Deno.test(`${name} (${form.name})`, () => {
    let waits = 0;
    forSeeds(500, (random) => {
      const one = lan(random, form, { preempt: true });
      const { network, nodes, interval, longest } = one;
      const delay = random.int(1, 60) * interval;
      for (const node of nodes) {
        node.router.settings = { ...node.router.settings, preemptDelay: delay };
      }
      settle(one);
      network.run(network.now + delay);
      settle(one);
      const best = network.active()[0]!;
      network.tracing = true;
      const since = new Map(nodes.map((node) => [node, 0]));
      for (let round = 0; round < 3; round++) {
        network.crash(best);
        settle(one);
        strictEqual(network.active().length, 1, "one master without it");
        const other = network.active()[0]!;
        network.trace.length = 0;
        network.restart(best);
        since.set(best, network.now);
        const start = network.now;
        const died = random.chance(0.3);
        if (died) {
          // The master dies during the delay: whoever is next takes over as if there were none.
          const wait = random.int(0, delay);
          network.run(start + wait);
          network.crash(other);
          settle(one);
          strictEqual(network.active().length, 1, "one master after another death");
          network.restart(other);
          since.set(other, network.now);
        } else if (best.router.settings.priority > other.router.settings.priority) {
          const first = Math.max(delay, 5 * interval);
          network.run(start + Math.min(delay, first) - 1);
          if (delay > 5 * interval) {
            deepStrictEqual(network.active(), [other], "nothing moves during the delay");
            waits++;
          }
        }
        network.run(Math.max(network.now, start + delay));
        settle(one);
        network.run(network.now + delay);
        settle(one);
        strictEqual(network.active().length, 1, "one master in the end");
        ok(network.longestOverlap(start) <= interval + 2 * longest, "no two for long");
        deepStrictEqual(tooSoon(network, delay, since), []);
        const taken = network.trace.filter(({ node, effects }) =>
          node === best.source && effects.some(({ type }) =>
            type === "hold"
          )
        ).length;
        ok(taken <= 1, `it took over ${taken} times`);
        const still = network.nodes.map(({ router }) => router.transitions);
        network.run(network.now + 30 * interval);
        deepStrictEqual(network.nodes.map(({ router }) => router.transitions), still, "no flap");
      }
    });
    if (Deno.env.get("HALB_SEED") === undefined) ok(waits > 100, `only ${waits} waited`);
  });
}

forForms("preempt_delay: a tracker that comes and goes moves mastership once", (form) => {
  forSeeds(300, (random) => {
    const network = new Network(random);
    const interval = form.intervals[0]!;
    const delay = 20 * interval;
    const make = (i: number, priority: number) =>
      network.add(
        {
          ...nodeSettings(form, i, { priority, preemptDelay: delay }),
          advertisementInterval: Math.ceil(interval / 1_000_000) * 1_000_000,
        },
        form.source(i + 1),
      );
    const [good, other] = [make(0, 150), make(1, 100)];
    network.run(20_000_000);
    deepStrictEqual(network.active(), [good]);
    const tell = (contribution: number) =>
      network.step(good, { type: "health", waitingFor: [], contribution, source: good.source });
    tell(-100);
    network.run(network.now + 10_000_000);
    deepStrictEqual(network.active(), [other], "it has been healthy for long: at once");
    const before = other.router.transitions;
    for (let flap = 0; flap < 20; flap++) {
      tell(0);
      network.run(network.now + random.int(0, delay - 1));
      tell(-100);
      network.run(network.now + random.int(0, 5_000_000));
    }
    strictEqual(other.router.transitions, before, "nothing moved while it flapped");
    tell(0);
    network.run(network.now + delay + 10_000_000);
    deepStrictEqual(network.active(), [good]);
  });
});

Deno.test("a router that never was healthy has no plan", () => {
  const router = createRouter(settings({ preemptDelay: DELAY }), 0);
  step(router, worse, 1);
  strictEqual(router.preemptAt, null);
});
