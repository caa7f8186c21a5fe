/**
 * Two nodes cut apart and joined again, 10,000 times in virtual time: with loss, delay, reordering
 * and duplicates, with pauses of either node of 1 to 10 s before, during and after the join, and
 * with a wall clock that would step by an hour, back and forth, each time somebody looked at it.
 *
 * The bounds are those of `simulation_test.ts`. They count from the moment when nodes are joined,
 * nothing is lost any more, and nobody stands still.
 */

import { ok, strictEqual } from "node:assert/strict";
import type { Micros } from "../../../mod/vrrp/mod.ts";
import { forSeeds, type Random } from "../../lib/random.ts";
import { longestMasterDown } from "../../lib/virtual_time.ts";
import { forForms, FORMS, type Lan, lan } from "./lan.ts";

/** Pairs of nodes, and how often each pair is cut: 10,000 joins over all forms. */
const PAIRS = 125;
const CUTS = 20;

interface Seen {
  joins: number;
  /** Joins of two that both were master. */
  splits: number;
  pauses: number;
}

Deno.test("[S1] the runs over all forms are 10,000", () => {
  strictEqual(FORMS.length * PAIRS * CUTS, 10_000);
});

forForms("[S1] [S3] [S4] [S5] 2,500 cuts and joins: one master within the bounds", (form) => {
  const seen: Seen = { joins: 0, splits: 0, pauses: 0 };
  withSteppingClock((readings) => {
    forSeeds(PAIRS, (random) => {
      const one = lan(random, form, { count: 2, delay: 0.1 });
      one.network.run(3 * longestMasterDown(one.nodes));
      for (let i = 0; i < CUTS; i++) cutAndJoin(one, random, seen);
      ok(one.network.steps > 100, `only ${one.network.steps} steps`);
    });
    strictEqual(readings(), 0, "nobody has looked at the wall clock");
  });
  if (Deno.env.get("HALB_SEED") !== undefined) return;
  strictEqual(seen.joins, PAIRS * CUTS);
  ok(seen.splits > 500 && seen.pauses > 500, JSON.stringify(seen));
});

function cutAndJoin(one: Lan, random: Random, seen: Seen): void {
  const { network, nodes, interval, longest } = one;
  const down = longestMasterDown(nodes);
  let awake: Micros = 0;
  const pauseSomebody = (): void => {
    if (!random.chance(0.3)) return;
    const node = random.pick(nodes);
    if (node.paused) return;
    const length = random.int(1_000_000, 10_000_000);
    network.pause(node, length);
    awake = Math.max(awake, network.now + length);
    seen.pauses++;
  };
  network.wire.loss = random.next() * 0.5;
  network.wire.duplicate = random.next() * 0.3;
  network.wire.reorder = random.chance(0.5);
  network.run(network.now + random.int(0, 2 * interval));
  pauseSomebody();
  // The cut, for any length: too short to be noticed, or long enough for two masters.
  network.partition((node) => nodes.indexOf(node));
  network.run(network.now + random.int(0, Math.floor(1.7 * down)));
  pauseSomebody();
  network.run(network.now + random.int(0, interval));
  network.partition(() => 0);
  seen.joins++;
  if (network.active().length === 2) seen.splits++;
  network.run(network.now + random.int(0, interval));
  pauseSomebody();
  // Whole again.
  network.run(Math.max(network.now, awake));
  network.wire.loss = 0;
  const whole = network.now;
  // A node that wakes up late may give the other the length of its own stall, at most once more.
  network.run(whole + 2 * down + 2 * interval + 4 * longest);
  const overlap = network.longestOverlap(whole);
  ok(overlap <= interval + 2 * longest, `two advertised for ${overlap} µs`);
  strictEqual(network.active().length, 1, "one master after the join");
  const [master, backup] = network.active()[0] === nodes[0] ? nodes : [nodes[1], nodes[0]];
  const { priority, preempt } = backup!.router.settings;
  // A backup that preempts is not better than its master; who does not preempt may be.
  if (preempt) ok(master!.router.settings.priority >= priority, "the better one is master");
  strictEqual(backup!.router.state, "backup");
  strictEqual(backup!.router.master?.address, master!.source);
}

/** The wall clock jumps by an hour, back and forth, at each reading; and readings are counted. */
function withSteppingClock(body: (readings: () => number) => void): void {
  const { now } = Date;
  let count = 0;
  Date.now = () => now() + (count++ % 2 === 0 ? 1 : -1) * 3_600_000;
  try {
    body(() => count);
  } finally {
    Date.now = now;
  }
}
