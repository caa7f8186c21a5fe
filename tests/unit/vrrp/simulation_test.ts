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
import { type Micros, releaseTime, skewTime, version2Interval } from "../../../mod/vrrp/mod.ts";
import { forSeeds, Random } from "../../lib/random.ts";
import { Network, type Node } from "../../lib/virtual_time.ts";
import { forForms, lan, masterDownOf, nodeSettings, settle, transitions } from "./lan.ts";

forForms("[S1] loss, then a cut, then healed: one master in each part, no two for long", (form) => {
  forSeeds(800, (random) => {
    const one = lan(random, form);
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

forForms(
  "[S2] three of equal priority: the highest address wins, no flap in ten minutes",
  (form) => {
    forSeeds(20, (random) => {
      const network = new Network(random);
      network.wire.delay = random.int(50, 2_000);
      network.wire.jitter = random.int(0, 2_000);
      const hosts = [9, 10, 200];
      for (let i = 0; hosts.length > 0; i++) {
        const host = hosts.splice(random.int(0, hosts.length - 1), 1)[0]!;
        network.add(nodeSettings(form, i), form.source(host));
      }
      network.run(10_000_000);
      deepStrictEqual(network.active().map((node) => node.source), [form.source(200)]);
      const before = transitions(network.nodes);
      network.run(610_000_000);
      deepStrictEqual(transitions(network.nodes), before);
      ok(network.steps > 1800, `only ${network.steps} steps`);
    });
  },
);

forForms("[S2] equal priority never preempts: who came first stays", (form) => {
  forSeeds(200, (random) => {
    const network = new Network(random);
    const order = random.int(0, 1);
    const first = network.add(nodeSettings(form, order), form.source(1));
    network.run(random.int(3_700_000, 9_000_000));
    network.add(nodeSettings(form, 1 - order), form.source(200));
    network.run(60_000_000);
    deepStrictEqual(network.active(), [first]);
    strictEqual(network.longestOverlap(), 0);
  });
});

forForms(
  "[S3] a node stands still for 1 to 10 s: nobody advertises beside its successor",
  (form) => {
    let replaced = 0;
    forSeeds(300, (random) => {
      const one = lan(random, form);
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
    if (Deno.env.get("HALB_SEED") === undefined) ok(replaced > 60, `only ${replaced} replaced`);
  },
);

forForms("[S3] a thaw at any moment around the take-over: the old master keeps quiet", (form) => {
  // The stall as the loop measures it begins at its own deadline, up to one interval after the
  // silence that the others hear. The window in between is the dangerous one.
  forSeeds(500, (random) => {
    const network = new Network(random);
    const order = random.int(0, 1);
    const master = network.add(nodeSettings(form, order, { priority: 150 }), form.source(1));
    const backup = network.add(nodeSettings(form, 1 - order, { priority: 100 }), form.source(2));
    network.run(20_000_000 + random.int(0, 999_999));
    deepStrictEqual(network.active(), [master]);
    const heard = backup.router.timerBase;
    const takeover = heard + 3_609_375;
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

forForms("[S3] [N25] all nodes stand still together: the backup blames nobody", (form) => {
  forSeeds(500, (random) => {
    const network = new Network(random);
    const order = random.int(0, 1);
    const master = network.add(nodeSettings(form, order, { priority: 150 }), form.source(1));
    const priority = random.int(1, 149);
    network.add(nodeSettings(form, 1 - order, { priority }), form.source(2));
    network.run(20_000_000 + random.int(0, 999_999));
    const before = transitions(network.nodes);
    // Both wake within a moment of each other, in either order, before three intervals are over.
    const silent = network.now - master.router.lastSent!;
    const length = random.int(1_000_000, 3_000_000 - 3_000 - silent);
    for (const node of network.nodes) network.pause(node, length + random.int(0, 2_000));
    network.run(network.now + 60_000_000);
    deepStrictEqual(transitions(network.nodes), before);
    deepStrictEqual(network.active(), [master]);
  });
});

forForms("[S4] the wall clock jumps, stands and is forbidden: nothing changes", (form) => {
  const now = Date.now;
  const { performance: clock } = globalThis;
  const random = Math.random;
  const run = (date: () => number): string => {
    const chance = new Network(new Random(7));
    chance.tracing = true;
    chance.wire.loss = 0.2;
    Date.now = date;
    try {
      for (let i = 1; i <= 3; i++) {
        chance.add(nodeSettings(form, i, { priority: 50 * i }), form.source(i));
      }
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

forForms("[S5] duplicates, reordering, delays near an interval: one master, no flap", (form) => {
  forSeeds(300, (random) => {
    // Distinct priorities: who wins does not hang on who was heard first.
    const one = lan(random, form, { preempt: true, priority: (_, i) => 40 + 40 * i, delay: 0.45 });
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

forForms(
  "[V7-C7] [6.4.3-1] a graceful stop hands over: to the microsecond, and without a gap",
  (form) => {
    forSeeds(500, (random) => {
      const one = lan(random, form, {
        preempt: true,
        priority: (_, i) => 20 + 40 * i,
        ranked: true,
      });
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
        skewTime(
          successor.router.settings.priority,
          successor.router.masterInterval,
          successor.router.settings.version,
        );
      network.run(takeover - 1);
      ok(leaving.holding, "still answers");
      strictEqual(successor.router.state, "backup");
      network.run(takeover);
      strictEqual(successor.router.state, "master");
      // Its advert comes before its addresses: the leaving one goes on for a moment, or until the
      // time it would have waited for anybody ends.
      const end = Math.min(takeover + network.wire.delay + 50_000, stop + releaseOf(leaving));
      network.run(end - 1);
      ok(leaving.holding, "answers until its successor can");
      network.run(end);
      ok(!leaving.holding && leaving.stopped, "then it lets go");
      network.run(network.now + 10 * interval);
      deepStrictEqual(network.active(), [successor]);
      deepStrictEqual(network.gaps, [], "somebody held the addresses at all times");
    });
  },
);

forForms(
  "a crash: the best backup takes over exactly one master-down interval after it heard",
  (form) => {
    forSeeds(500, (random) => {
      const one = lan(random, form, {
        preempt: true,
        priority: (_, i) => 20 + 40 * i,
        ranked: true,
      });
      const { network, nodes, interval } = one;
      settle(one);
      network.run(network.now + random.int(0, interval));
      const successor = nodes.at(-2)!;
      network.crash(network.active()[0]!);
      // What was under way when it died still arrives.
      network.run(network.now + one.longest);
      const takeover = successor.router.timerBase + masterDownOf(successor);
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
  },
);

forForms(
  "a plane that is back soon goes on as master, one that is back late listens first",
  (form) => {
    forSeeds(500, (random) => {
      const one = lan(random, form, { count: 3, preempt: true, priority: (_, i) => 200 - 60 * i });
      const { network, nodes, interval, longest } = one;
      settle(one);
      const [master, second] = nodes as [Node, Node];
      const before = transitions(nodes);
      // Soon: the worst phase is just before the next advert, so three intervals may be two.
      const own = master.router.settings.advertisementInterval;
      const soon = random.int(1, 2 * own - longest);
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
  },
);

/** How long a master that resigned waits, at most: also for those with the skew of version 2. */
function releaseOf({ router: { settings } }: Node): Micros {
  const { advertisementInterval: interval, version, version2 } = settings;
  const other = version2 ? releaseTime(version2Interval(interval), 2) : 0;
  return Math.max(releaseTime(interval, version), other);
}

/** The plane dies and is back after `age`; its addresses stay meanwhile. */
function restart(network: Network, node: Node, age: Micros): void {
  network.crash(node);
  network.run(network.now + age);
  network.resume(node, age);
}
