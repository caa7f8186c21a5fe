/**
 * A sync group takes any event at any time: whatever comes in whatever order, it throws nothing,
 * forgets nothing over a snapshot, and is never half moved (`group_network.ts` looks after each
 * step).
 */

import { deepStrictEqual, ok } from "node:assert/strict";
import { stepGroup } from "../../../mod/vrrp/groups.ts";
import type { Group, GroupEvent } from "../../../mod/vrrp/group_types.ts";
import { createRouter, type RouterEvent } from "../../../mod/vrrp/mod.ts";
import { forSeeds, type Random } from "../../lib/random.ts";
import { advert, settings } from "./fixtures.ts";
import { GroupNetwork, type Host } from "./group_network.ts";

const SECOND = 1_000_000;
const NAMES = ["web", "lan", "dmz"];

function randomEvent(random: Random, host: Host, name: string): RouterEvent {
  const { router } = host.group.members.find((one) => one.settings.name === name)!;
  const source = host.ports.find((port) => port.name === name)!.source;
  switch (random.int(0, 9)) {
    case 0:
    case 1: {
      const waitingFor = random.chance(0.3) ? ["eth0 is down"] : [];
      const contribution = random.pick([0, 0, 50, -50]);
      return {
        type: "health",
        waitingFor,
        contribution,
        source: random.chance(0.95) ? source : null,
      };
    }
    case 2:
    case 3:
    case 4:
      return advert({
        priority: random.pick([0, 1, 99, 100, 101, 254, 255]),
        source: random.pick(["198.51.0.1", "198.51.0.99", source]),
        interval: random.pick([10_000, SECOND, 40 * SECOND]),
        version: random.pick([2, 3] as const),
      });
    case 5:
    case 6:
      return {
        type: "timer",
        generation: random.chance(0.8) ? router.generation : random.int(0, router.generation),
      };
    case 7:
      return { type: "stall", length: random.int(5_000, 10 * SECOND) };
    case 8:
      return {
        type: "configure",
        settings: settings({
          name,
          priority: random.pick([1, 100, 200, 255]),
          preempt: random.chance(0.5),
          advertisementInterval: random.pick([10_000, SECOND]),
        }),
      };
    default:
      return { type: "resume", age: random.int(0, 10 * SECOND) };
  }
}

function randomGroupEvent(random: Random, host: Host, now: number): GroupEvent {
  const { members } = host.group;
  const kind = random.int(0, 30);
  if (kind === 0) {
    return { type: "release", until: random.pick([null, now + random.int(0, 9 * SECOND)]) };
  }
  if (kind === 1) return { type: "claim" };
  if (kind === 2) return { type: "timer" };
  const { name } = random.pick(members).settings;
  if (kind === 3 && members.length > 1) {
    return { type: "member", name, event: { type: "stop", now: random.chance(0.5) } };
  }
  return { type: "member", name, event: randomEvent(random, host, name) };
}

Deno.test("any event at any time: nothing thrown, nothing half moved, nothing lost in a snapshot", () => {
  const seen = new Set<string>();
  forSeeds(1500, (random) => {
    const network = new GroupNetwork(random);
    const names = NAMES.slice(0, random.int(1, 3));
    const need = random.pick(["all", "any", random.int(1, names.length)] as const);
    const host = network.add(
      names.map((name) => ({ name, source: "198.51.0.10", priority: random.pick([100, 255]) })),
      need,
      {},
      names.length > 1 && random.chance(0.5) ? [names.slice(-2)] : [],
    );
    if (random.chance(0.7)) network.start(host);
    for (let i = 0; i < 60; i++) {
      network.now += random.pick([0, 1000, SECOND, 4 * SECOND]);
      const event = randomGroupEvent(random, host, network.now);
      const twin = JSON.parse(JSON.stringify(host.group)) as Group;
      rearm(host, event, network.now);
      const effects = network.step(host, event);
      deepStrictEqual(stepGroup(twin, event, network.now), effects, "a snapshot does the same");
      deepStrictEqual(twin, JSON.parse(JSON.stringify(host.group)));
      seen.add(host.group.state);
      if (host.group.members.some(({ lonely }) => lonely)) seen.add("lonely");
    }
    ok(network.steps >= 60);
  });
  deepStrictEqual([...seen].sort(), ["backup", "fault", "init", "lonely", "master"]);
});

/** What a driver has armed before this event: the timer, unless it has just gone off or is new. */
function rearm(host: Host, event: GroupEvent, now: number): void {
  for (const { router } of host.group.members) {
    const { timer, settings: { name } } = router;
    const ours = event.type === "member" && event.name === name ? event.event : null;
    const due = ours?.type === "timer" && timer !== null && now >= timer.at &&
      ours.generation === timer.generation;
    if (timer === null || due || ours?.type === "resume") host.armed.delete(name);
    else host.armed.set(name, timer.generation);
  }
}

Deno.test("members that come and go at random times: the group keeps one state", () => {
  forSeeds(500, (random) => {
    const network = new GroupNetwork(random);
    const ports = NAMES.map((name) => ({ name, source: "198.51.0.10", priority: 100 }));
    const host = network.add(ports);
    const away = new Map<string, ReturnType<typeof createRouter>>();
    network.start(host);
    for (let i = 0; i < 40; i++) {
      network.run(random.int(0, 4 * SECOND));
      const names = NAMES.filter(() => random.chance(0.6));
      const joining = [...away.values()].filter(({ settings: { name } }) => names.includes(name));
      for (const { router } of host.group.members) {
        if (!names.includes(router.settings.name)) away.set(router.settings.name, router);
      }
      for (const name of names) away.delete(name);
      const group = { name: "site", members: names, need: "all" } as const;
      network.step(host, { type: "configure", settings: group, joining });
      for (const { settings: { name } } of host.group.members) {
        if (random.chance(0.2)) network.health(host, name, random.chance(0.5) ? "down" : null);
      }
    }
    ok(network.steps > 40);
  });
});
