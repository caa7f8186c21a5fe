/**
 * CONFORMANCE.md section 8 on a simulated network: elections, partitions, stalls, bad wires, and
 * the two ways to leave. Each simulation runs many seeds; a failure names its seed.
 *
 * The bounds: `I` the advertisement interval, `D` the longest time under way. Two that advertise
 * at once end it when the loser hears the winner, at most I + D later; a third may join at the last
 * moment and be gone after one more D. A part without a master has one after the longest
 * master-down interval, and after another I + D one alone.
 */

import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { masterDownInterval, type Micros, releaseTime, skewTime } from "../../../mod/vrrp/mod.ts";
import { forSeeds, Random } from "../../lib/random.ts";
import { longestMasterDown, Network, type Node } from "../../lib/virtual_time.ts";
import { settings } from "./fixtures.ts";

const INTERVALS: readonly Micros[] = [10_000, 100_000, 1_000_000];

interface Lan {
  readonly network: Network;
  readonly nodes: readonly Node[];
  readonly interval: Micros;
  /** D */
  readonly longest: Micros;
}

interface LanOptions {
  readonly count?: number;
  readonly priority?: (random: Random, i: number) => number;
  readonly preempt?: boolean;
  /** Longest delay and jitter each, as a part of the interval. */
  readonly delay?: number;
}

function lan(random: Random, options: LanOptions = {}): Lan {
  const network = new Network(random);
  const interval = random.pick(INTERVALS);
  const most = Math.floor(interval * (options.delay ?? 0.02));
  network.wire.delay = random.int(1, most);
  network.wire.jitter = random.int(0, most);
  const count = options.count ?? random.int(2, 5);
  for (let i = 0; i < count; i++) {
    const priority = options.priority?.(random, i) ?? random.int(1, 254);
    const preempt = options.preempt ?? random.chance(0.7);
    const wanted = settings({ advertisementInterval: interval, priority, preempt });
    network.add(wanted, `198.51.100.${i + 1}`);
  }
  const { nodes } = network;
  return { network, nodes, interval, longest: network.wire.delay + network.wire.jitter };
}

/** After so long without new disturbance there is one master and it stays. */
function settling({ nodes, interval, longest }: Lan): Micros {
  return longestMasterDown(nodes) + 2 * interval + 4 * longest;
}

function settle(one: Lan): void {
  one.network.run(one.network.now + settling(one));
}

function transitions(nodes: readonly Node[]): number[] {
  return nodes.map((node) => node.router.transitions);
}

Deno.test("[S1] loss, then a cut, then healed: one master in each part, no two for long", () => {
  forSeeds(1500, (random) => {
    const one = lan(random);
    const { network, nodes, interval, longest } = one;
    const bound = interval + 2 * longest;
    network.wire.loss = random.next() * 0.5;
    network.run(30 * interval);
    // The wire is good again.
    network.wire.loss = 0;
    const good = network.now;
    settle(one);
    strictEqual(network.active().length, 1, "one master after the losses");
    ok(network.longestOverlap(good) <= bound, `two advertised for ${network.longestOverlap(good)}`);
    // Cut into parts.
    const parts = nodes.map(() => random.int(0, 1));
    network.partition((node) => parts[nodes.indexOf(node)]!);
    settle(one);
    for (const part of new Set(parts)) strictEqual(network.active(part).length, 1, `part ${part}`);
    // Whole again.
    network.partition(() => 0);
    const healed = network.now;
    settle(one);
    strictEqual(network.active().length, 1, "one master after the cut");
    ok(network.longestOverlap(healed) <= bound, `${network.longestOverlap(healed)} after the cut`);
    const before = transitions(nodes);
    network.run(network.now + 20 * interval);
    deepStrictEqual(transitions(nodes), before, "and it stays");
    ok(network.steps > 100, `only ${network.steps} steps`);
  });
});

Deno.test("[S2] three of equal priority: the highest address wins, no flap in ten minutes", () => {
  forSeeds(20, (random) => {
    const network = new Network(random);
    network.wire.delay = random.int(50, 2_000);
    network.wire.jitter = random.int(0, 2_000);
    const addresses = ["198.51.100.9", "198.51.100.10", "198.51.100.200"];
    while (addresses.length > 0) {
      network.add(settings(), addresses.splice(random.int(0, addresses.length - 1), 1)[0]!);
    }
    network.run(10_000_000);
    deepStrictEqual(network.active().map((node) => node.source), ["198.51.100.200"]);
    const before = transitions(network.nodes);
    network.run(610_000_000);
    deepStrictEqual(transitions(network.nodes), before);
    ok(network.steps > 1800, `only ${network.steps} steps`);
  });
});

Deno.test("[S2] equal priority never preempts: who came first stays", () => {
  forSeeds(200, (random) => {
    const network = new Network(random);
    const first = network.add(settings(), "198.51.100.1");
    network.run(random.int(3_700_000, 9_000_000));
    network.add(settings(), "198.51.100.200");
    network.run(60_000_000);
    deepStrictEqual(network.active(), [first]);
    strictEqual(network.longestOverlap(), 0);
  });
});

Deno.test("[S3] a node stands still for 1 to 10 s: nobody advertises beside its successor", () => {
  let replaced = 0;
  forSeeds(600, (random) => {
    const one = lan(random);
    const { network, nodes, interval, longest } = one;
    settle(one);
    network.tracing = true;
    const settled = network.now;
    for (let round = 0; round < 2; round++) {
      const node = random.chance(0.7) ? network.active()[0]! : random.pick(nodes);
      const wasMaster = node.router.state === "master";
      network.run(network.now + random.int(0, interval));
      const length = random.int(1_000_000, 10_000_000);
      network.pause(node, length);
      const thaw = network.now + length;
      network.run(thaw - 1);
      const successor = wasMaster && network.active().length > 0;
      network.trace.length = 0;
      network.run(thaw);
      if (successor) {
        replaced++;
        const said = network.trace.filter((one) => one.node === node.source && one.at === thaw)
          .flatMap((one) => one.effects).map((effect) => effect.type);
        ok(said.includes("drop") && !said.includes("send"), `thawed: ${said}`);
        strictEqual(node.router.state, "backup");
      }
      settle(one);
      strictEqual(network.active().length, 1, "one master after the stall");
    }
    const overlap = network.longestOverlap(settled);
    ok(overlap <= interval + 2 * longest, `two advertised for ${overlap}`);
  });
  if (Deno.env.get("HALB_SEED") === undefined) ok(replaced > 200, `only ${replaced} replaced`);
});

Deno.test("[S3] a thaw at any moment around the take-over: the old master keeps quiet", () => {
  // The stall as the loop measures it begins at its own deadline, up to one interval after the
  // silence that the others hear. The window in between is the dangerous one.
  forSeeds(1000, (random) => {
    const network = new Network(random);
    const master = network.add(settings({ priority: 150 }), "198.51.100.1");
    const backup = network.add(settings({ priority: 100 }), "198.51.100.2");
    network.run(20_000_000 + random.int(0, 999_999));
    deepStrictEqual(network.active(), [master]);
    const heard = backup.router.timerBase;
    const takeover = heard + masterDownInterval(100, 1_000_000);
    const thaw = takeover + random.int(-500_000, 1_000_000);
    network.pause(master, thaw - network.now);
    network.tracing = true;
    network.run(thaw);
    if (thaw > takeover) {
      const last = network.trace.at(-1)!;
      ok(network.trace.every((one) => one.node !== master.source || !sends(one.effects)), "quiet");
      strictEqual(last.node, master.source);
      strictEqual(master.router.state, "backup");
      deepStrictEqual(network.active(), [backup]);
    }
    network.run(thaw + 10_000_000);
    deepStrictEqual(network.active(), [master]);
    ok(network.longestOverlap() <= 100, `two advertised for ${network.longestOverlap()}`);
  });
});

function sends(effects: readonly { type: string }[]): boolean {
  return effects.some((effect) => effect.type === "send");
}

Deno.test("[S3] [N25] all nodes stand still together: the backup blames nobody", () => {
  forSeeds(500, (random) => {
    const network = new Network(random);
    const master = network.add(settings({ priority: 150 }), "198.51.100.1");
    network.add(settings({ priority: random.int(1, 149) }), "198.51.100.2");
    network.run(20_000_000 + random.int(0, 999_999));
    const before = transitions(network.nodes);
    // Both wake within a moment of each other, in either order, before three intervals are over.
    const length = random.int(1_000_000, 2_500_000);
    for (const node of network.nodes) network.pause(node, length + random.int(0, 2_000));
    network.run(network.now + 60_000_000);
    deepStrictEqual(transitions(network.nodes), before);
    deepStrictEqual(network.active(), [master]);
  });
});

Deno.test("[S4] the wall clock jumps, stands and is forbidden: nothing changes", () => {
  const now = Date.now;
  const { performance: clock } = globalThis;
  const random = Math.random;
  const run = (date: () => number): string => {
    const chance = new Network(new Random(7));
    chance.tracing = true;
    chance.wire.loss = 0.2;
    Date.now = date;
    try {
      for (let i = 1; i <= 3; i++) chance.add(settings({ priority: 50 * i }), `198.51.100.${i}`);
      chance.run(60_000_000);
    } finally {
      Date.now = now;
    }
    ok(chance.steps > 150, `only ${chance.steps} steps`);
    return JSON.stringify(chance.trace);
  };
  const plain = run(now);
  let hours = 0;
  strictEqual(run(() => (hours++ % 2 === 0 ? 1 : -1) * 3_600_000 + now()), plain);
  const forbidden = () => {
    throw new Error("The core has read a clock or rolled dice");
  };
  Math.random = forbidden;
  Object.defineProperty(globalThis, "performance", { get: forbidden, configurable: true });
  try {
    strictEqual(run(forbidden), plain);
  } finally {
    Math.random = random;
    Object.defineProperty(globalThis, "performance", {
      value: clock,
      configurable: true,
      writable: true,
    });
  }
});

Deno.test("[S5] duplicates, reordering, delays near an interval: one master, no flap", () => {
  forSeeds(600, (random) => {
    // Distinct priorities: who wins does not hang on who was heard first.
    const one = lan(random, { preempt: true, priority: (_, i) => 40 + 40 * i, delay: 0.45 });
    const { network, nodes, interval, longest } = one;
    network.wire.reorder = true;
    network.wire.duplicate = random.next() * 0.5;
    settle(one);
    deepStrictEqual(network.active(), [nodes.at(-1)]);
    ok(network.longestOverlap() <= interval + 2 * longest, `${network.longestOverlap()}`);
    const before = transitions(nodes);
    network.run(network.now + 50 * interval);
    deepStrictEqual(transitions(nodes), before);
  });
});

Deno.test("[V7-C7] [6.4.3-1] a graceful stop hands over: to the microsecond, and without a gap", () => {
  forSeeds(1000, (random) => {
    const one = lan(random, { preempt: true, priority: (_, i) => 20 + 40 * i });
    const { network, nodes, interval } = one;
    network.wire.jitter = 0;
    network.wire.delay = random.int(1, Math.floor(interval / 10));
    settle(one);
    network.run(network.now + random.int(0, interval));
    const leaving = network.active()[0]!;
    strictEqual(leaving, nodes.at(-1));
    const successor = nodes.at(-2)!;
    const stop = network.now;
    network.step(leaving, { type: "stop", now: false });
    const takeover = stop + network.wire.delay +
      skewTime(successor.router.settings.priority, interval);
    network.run(takeover - 1);
    ok(leaving.holding, "still answers");
    strictEqual(successor.router.state, "backup");
    network.run(takeover);
    strictEqual(successor.router.state, "master");
    // Its advert comes before its addresses: the leaving one goes on for a moment, or until the
    // time it would have waited for anybody ends.
    const end = Math.min(takeover + network.wire.delay + 50_000, stop + releaseTime(interval));
    network.run(end - 1);
    ok(leaving.holding, "answers until its successor can");
    network.run(end);
    ok(!leaving.holding && leaving.stopped, "then it lets go");
    network.run(network.now + 10 * interval);
    deepStrictEqual(network.active(), [successor]);
    deepStrictEqual(network.gaps, [], "somebody held the addresses at all times");
  });
});

Deno.test("a crash: the best backup takes over exactly one master-down interval after it heard", () => {
  forSeeds(500, (random) => {
    const one = lan(random, { preempt: true, priority: (_, i) => 20 + 40 * i });
    const { network, nodes, interval } = one;
    settle(one);
    network.run(network.now + random.int(0, interval));
    const successor = nodes.at(-2)!;
    network.crash(network.active()[0]!);
    // What was under way when it died still arrives.
    network.run(network.now + one.longest);
    const { priority } = successor.router.settings;
    const takeover = successor.router.timerBase + masterDownInterval(priority, interval);
    network.run(takeover - 1);
    strictEqual(network.active().length, 0);
    network.run(takeover);
    deepStrictEqual(network.active(), [successor]);
    // It comes back, and takes its place by its own timer, with no time of nobody.
    const back = network.now;
    network.restart(nodes.at(-1)!);
    settle(one);
    deepStrictEqual(network.active(), [nodes.at(-1)]);
    ok(network.longestOverlap(back) <= 2 * one.longest, `${network.longestOverlap(back)}`);
  });
});

Deno.test("a plane that is back soon goes on as master, one that is back late listens first", () => {
  forSeeds(1000, (random) => {
    const one = lan(random, { count: 3, preempt: true, priority: (_, i) => 200 - 60 * i });
    const { network, nodes, interval, longest } = one;
    settle(one);
    const [master, second] = nodes as [Node, Node];
    const before = transitions(nodes);
    // Soon: the worst phase is just before the next advert, so three intervals may be two.
    const soon = random.int(1, 2 * interval - longest);
    restart(network, master, soon);
    network.run(network.now + 20 * interval);
    deepStrictEqual(transitions(nodes), before, `back after ${soon}`);
    const late = random.int(5 * interval, 10 * interval);
    restart(network, master, late);
    strictEqual(master.router.state, "backup");
    ok(!master.holding, "let go");
    deepStrictEqual(network.active(), [second]);
    settle(one);
    deepStrictEqual(network.active(), [master]);
    ok(network.longestOverlap() <= 2 * interval + 2 * longest, `${network.longestOverlap()}`);
  });
});

/** The plane dies and is back after `age`; its addresses stay meanwhile. */
function restart(network: Network, node: Node, age: Micros): void {
  network.crash(node);
  network.run(network.now + age);
  network.resume(node, age);
}
