/**
 * Elections in virtual time, seed after seed, over all forms of VRRP: loss, delay, reordering,
 * duplicates, nodes that stand still, crash and come back. When it is over and the network is
 * whole, one is master, the best.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { Micros } from "../../mod/vrrp/mod.ts";
import { Random, wantedSeed } from "../lib/random.ts";
import { longestMasterDown } from "../lib/virtual_time.ts";
import { type Form, FORMS, lan, MIXED } from "../unit/vrrp/lan.ts";

/** @throws with the seed in the message */
export function run(seconds: number): Promise<void> {
  const end = performance.now() + seconds * 1000;
  const first = wantedSeed() ?? Date.now() % 1_000_000;
  const lives = new Map<string, number>();
  let virtual = 0;
  for (let seed = first; performance.now() < end; seed++) {
    const random = new Random(seed);
    const form = random.pick(FORMS);
    try {
      virtual += elect(random, form);
    } catch (error) {
      throw new Error(`Election with HALB_SEED=${seed} (${form.name}) failed`, { cause: error });
    }
    lives.set(form.name, (lives.get(form.name) ?? 0) + 1);
  }
  const networks = Array.from(lives, ([name, count]) => `${count} × ${name}`).join(", ");
  console.log(`${networks}, ${Math.round(virtual / 1e6)} s of virtual time`);
  return Promise.resolve();
}

/** One network's life. Returns its virtual length. */
function elect(random: Random, form: Form): Micros {
  const preempt = random.chance(0.5);
  const intervals = [anyInterval(random, form)];
  const { network, interval } = lan(random, { ...form, intervals }, { preempt, delay: 0.25 });
  const longest = longestMasterDown(network.nodes);
  network.wire.loss = random.next() * 0.4;
  network.wire.duplicate = random.next() * 0.2;
  network.wire.reorder = random.chance(0.5);
  for (let i = 0; i < 20; i++) {
    network.run(network.now + random.int(1, 3 * longest));
    const node = random.pick(network.nodes);
    const choice = random.int(0, 3);
    if (choice === 0) network.pause(node, random.int(1, 10_000_000));
    else if (choice === 1) network.partition((one) => network.nodes.indexOf(one) % 2);
    else if (choice === 2) network.partition(() => 0);
    else if (node.alive) network.crash(node);
    else network.restart(node);
  }
  network.partition(() => 0);
  network.wire.loss = 0;
  network.wire.reorder = false;
  for (const node of network.nodes) if (!node.alive) network.restart(node);
  // The longest pause, then an election with a grace, and some adverts for those that must yield.
  network.run(network.now + 10_000_000 + 4 * longest + 10 * interval);
  const masters = network.active();
  assert.equal(masters.length, 1, `masters: ${masters.map(({ source }) => source).join(", ")}`);
  const best = Math.max(...network.nodes.map(({ router }) => router.settings.priority));
  if (preempt) assert.equal(masters[0]!.router.settings.priority, best);
  return network.now;
}

/** Version 2 knows whole seconds; beside it version 3 may have any interval. */
function anyInterval(random: Random, form: Form): Micros {
  if (form.speaks(0).version === 2 && form.name !== MIXED.name) {
    return random.int(1, 5) * 1_000_000;
  }
  return random.int(1, form.name === MIXED.name ? 300 : 100) * 10_000;
}
