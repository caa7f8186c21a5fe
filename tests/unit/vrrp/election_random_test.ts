/**
 * 10,000 LANs whose elections go by all the options together: delays of preemption, other numbers of
 * adverts, masters that answer nobody or yield in silence. Nodes die, stand still, are cut off and
 * become better and worse. In the end each part has one master, and it stays.
 */

import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import type { Micros } from "../../../mod/vrrp/mod.ts";
import { forSeeds, type Random } from "../../lib/random.ts";
import type { Network, Node } from "../../lib/virtual_time.ts";
import { forForms, type Lan, lan, settling } from "./lan.ts";

const SEEDS = 2_500;

/** What a takeover that waited is called. */
const WAITED = "the delay of preemption is over";

/** Gives a LAN its options; returns the longest delay of preemption. */
function choose(random: Random, { nodes, interval }: Lan): Micros {
  const common = {
    downAdverts: random.pick([2, 3, 3, 5, 8]),
    answersLowerPriority: random.chance(0.7),
    advertisesBeforeYielding: random.chance(0.7),
  };
  let longest = 0;
  for (const node of nodes) {
    const preemptDelay = random.chance(0.5) ? random.int(0, 12 * interval) : 0;
    longest = Math.max(longest, preemptDelay);
    node.router.settings = { ...node.router.settings, ...common, preemptDelay };
  }
  return longest;
}

/** One thing that goes wrong, and ends. */
function disturb(random: Random, network: Network, node: Node, interval: Micros): void {
  switch (random.int(0, 4)) {
    case 0:
      network.crash(node);
      network.run(network.now + random.int(0, 12 * interval));
      return network.restart(node);
    case 1:
      return network.pause(node, random.int(0, 8 * interval));
    case 2: {
      const parts = network.nodes.map(() => random.int(0, 1));
      network.partition((one) => parts[network.nodes.indexOf(one)]!);
      network.run(network.now + random.int(0, 12 * interval));
      return network.partition(() => 0);
    }
    case 3: {
      if (!node.alive || node.paused) return;
      const contribution = random.int(-80, 80);
      const { source } = node;
      network.step(node, { type: "health", waitingFor: [], contribution, source });
      return;
    }
    case 4: {
      if (!node.alive || node.paused) return;
      const event = { type: "health", contribution: 0, source: node.source } as const;
      network.step(node, { ...event, waitingFor: ["eth0 is down"] });
      network.run(network.now + random.int(0, 6 * interval));
      network.step(node, { ...event, waitingFor: [] });
    }
  }
}

/** Takeovers that came before their time. */
function tooSoon({ trace, nodes }: Network): string[] {
  return trace.flatMap(({ node, at, effects }) =>
    effects.flatMap((effect) => {
      if (effect.type !== "transition" || !effect.reason.endsWith(WAITED)) return [];
      const { router } = nodes.find(({ source }) => source === node)!;
      // It has not become healthy since: a later fault would have begun the count anew.
      const waited = at - router.healthySince;
      const due = router.settings.preemptDelay;
      return waited >= 0 && waited < due ? [`${node} after ${waited} of ${due}`] : [];
    })
  );
}

forForms("whatever the options, one master in the end, and it stays", (form) => {
  let waits = 0;
  forSeeds(SEEDS, (random) => {
    const one = lan(random, form);
    const { network, nodes, interval, longest } = one;
    const delay = choose(random, one);
    network.tracing = true;
    network.run(network.now + settling(one));
    const rounds = random.int(1, 3);
    for (let round = 0; round < rounds; round++) {
      disturb(random, network, random.pick(nodes), interval);
      network.run(network.now + random.int(0, 5 * interval));
    }
    // Whoever stands still goes on; then the delays may run out, and what follows may settle.
    network.run(network.now + 8 * interval + settling(one));
    const calm = network.now;
    strictEqual(network.active().length, 1, "one master, also while others wait");
    network.run(calm + delay + settling(one));
    strictEqual(network.active().length, 1, "one master after all delays");
    ok(network.longestOverlap(calm) <= interval + 2 * longest, "a preemption is no double master");
    deepStrictEqual(tooSoon(network), []);
    const taken = network.trace.filter(({ at, effects }) =>
      at > calm && effects.some(({ type }) =>
        type === "hold"
      )
    ).length;
    ok(taken < nodes.length, `${taken} takeovers by ${nodes.length} nodes in the calm`);
    waits += network.trace.filter(({ effects }) =>
      effects.some((effect) => effect.type === "transition" && effect.reason.endsWith(WAITED))
    ).length;
    const before = nodes.map(({ router }) => router.transitions);
    network.run(network.now + 10 * interval);
    deepStrictEqual(nodes.map(({ router }) => router.transitions), before, "and it stays");
    ok(network.steps > 20, `only ${network.steps} steps`);
  });
  if (Deno.env.get("HALB_SEED") === undefined) ok(waits > 100, `only ${waits} waited`);
});
