/**
 * Elections in virtual time, seed after seed: loss, delay, reordering, duplicates, nodes that stand
 * still, crash and come back. When it is over and the network is whole, one is master, the best.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { RouterSettings } from "../../mod/vrrp/mod.ts";
import { Random } from "../lib/random.ts";
import { longestMasterDown, Network } from "../lib/virtual_time.ts";

/** @throws with the seed in the message */
export function run(seconds: number): Promise<void> {
  const end = performance.now() + seconds * 1000;
  const first = Date.now() % 1_000_000;
  let seeds = 0;
  let virtual = 0;
  while (performance.now() < end) {
    const seed = first + seeds++;
    try {
      virtual += elect(new Random(seed));
    } catch (error) {
      throw new Error(`Election with seed ${seed} failed`, { cause: error });
    }
  }
  console.log(`${seeds} networks, ${Math.round(virtual / 1e6)} s of virtual time`);
  return Promise.resolve();
}

/** One network's life. Returns its virtual length. */
function elect(random: Random): number {
  const network = new Network(random);
  const interval = random.int(1, 100) * 10_000;
  const preempt = random.chance(0.5);
  const count = random.int(2, 5);
  for (let i = 0; i < count; i++) {
    network.add(settings(interval, preempt, random.int(1, 254)), `192.0.2.${i + 1}`);
  }
  const longest = longestMasterDown(network.nodes);
  network.wire.loss = random.next() * 0.4;
  network.wire.duplicate = random.next() * 0.2;
  network.wire.reorder = random.chance(0.5);
  network.wire.delay = random.int(0, 1000);
  network.wire.jitter = random.int(0, Math.floor(interval / 4));
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

function settings(interval: number, preempt: boolean, priority: number): RouterSettings {
  return {
    name: "web",
    version: 3,
    family: "ipv4",
    version2: false,
    virtualRouterId: 51,
    priority,
    advertisementInterval: interval,
    addresses: ["192.0.2.100"],
    preempt,
    checksum: "auto",
  };
}
