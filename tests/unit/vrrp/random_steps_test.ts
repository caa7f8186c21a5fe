/**
 * 100,000 random steps for each family: every event in every state, hostile ones among them, in any order. After
 * each step the invariants of the machine must hold, whatever led there. The effects are folded
 * as a driver would fold them. Versions change under way; the router is put through JSON now and then, as a restart does.
 */

import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import {
  createRouter,
  type Micros,
  type Router,
  type RouterEffect,
  type RouterEvent,
  step,
} from "../../../mod/vrrp/mod.ts";
import { Random, wantedSeed } from "../../lib/random.ts";
import { settings } from "./fixtures.ts";

const STEPS = 100_000;
const FAMILIES = {
  ipv4: {
    sources: ["198.51.100.9", "198.51.100.10", "198.51.100.11", "0.0.0.0", "255.255.255.255"],
    prefix: "192.0.2.",
  },
  ipv6: {
    sources: ["fe80::9", "fe80::10", "fe80::11", "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"],
    prefix: "2001:db8::",
  },
} as const;
type Family = keyof typeof FAMILIES;
const INTERVALS = { 2: [1_000_000, 2_000_000, 255_000_000], 3: [10_000, 1_000_000, 40_950_000] };
const PRIORITIES = [1, 2, 99, 100, 101, 254, 255];
const STATES = ["init", "backup", "master", "fault"];

/** What a driver knows from effects alone. */
interface Driver {
  wanted: boolean;
  epoch: number;
  timer: { name: string; generation: number; at: Micros } | null;
  state: string;
}

function anySettings(random: Random, family: Family) {
  const version = family === "ipv4" && random.chance(0.4) ? 2 : 3;
  return settings({
    version,
    family,
    version2: family === "ipv4" && version === 3 && random.chance(0.5),
    priority: random.pick(PRIORITIES),
    advertisementInterval: random.pick(INTERVALS[version]),
    preempt: random.chance(0.7),
    preemptDelay: random.pick([0, 0, 10_000, 1_000_000, 3_600_000_000]),
    downAdverts: random.pick([1, 3, 3, 100]),
    answersLowerPriority: random.chance(0.7),
    advertisesBeforeYielding: random.chance(0.7),
    ownerIgnoresAdverts: random.chance(0.3),
    checksum: random.pick(["auto", "auto", "rfc9568", "rfc5798", "ignore"] as const),
    addresses: anyAddresses(random, family, 4),
  });
}

function anyAddresses(random: Random, family: Family, most: number): string[] {
  return Array.from({ length: random.int(1, most) }, (_, i) => FAMILIES[family].prefix + i);
}

function anyEvent(random: Random, router: Router, now: Micros): RouterEvent {
  const kind = random.next();
  const { family, version2 } = router.settings;
  const { sources } = FAMILIES[family];
  if (kind < 0.4) {
    // What the codec lets through, and sometimes what it would not.
    const speaks = router.settings.version === 2 || (version2 && random.chance(0.5)) ? 2 : 3;
    const version = random.chance(0.05) ? random.pick([2, 3] as const) : speaks;
    return {
      type: "advertisement",
      advertisement: {
        version,
        source: random.pick(sources),
        virtualRouterId: random.int(0, 255),
        priority: random.chance(0.2) ? 0 : random.pick(PRIORITIES),
        interval: random.pick(INTERVALS[version]),
        addresses: anyAddresses(random, family, 255),
        checksum: random.pick(["rfc9568", "rfc5798", "none"] as const),
      },
    };
  }
  if (kind < 0.7) {
    // Mostly the armed timer, when due; else an old one, or one that never was.
    const armed = router.timer?.generation ?? 0;
    const due = router.timer !== null && now >= router.timer.at;
    return { type: "timer", generation: due ? armed : random.int(-1, router.generation + 2) };
  }
  if (kind < 0.85) {
    return {
      type: "health",
      waitingFor: random.chance(0.2) ? ["eth0 is down"] : [],
      contribution: random.chance(0.5) ? 0 : random.int(-300, 300),
      source: random.chance(0.1) ? null : random.pick(sources.slice(0, 3)),
    };
  }
  if (kind < 0.9) return { type: "configure", settings: anySettings(random, family) };
  if (kind < 0.95) return { type: "stall", length: random.int(0, 20_000_000) };
  if (kind < 0.98) return { type: "stop", now: random.chance(0.3) };
  return { type: "resume", age: random.int(0, 10_000_000) };
}

/** Time passes: not at all, a little, to the very timer, or past it. */
function passes(random: Random, router: Router, now: Micros): Micros {
  const due = router.timer === null ? now : Math.max(now, router.timer.at);
  return random.pick([now, now + random.int(0, 10_000), due, due, due + random.int(0, 20_000)]);
}

function fold(driver: Driver, effects: readonly RouterEffect[]): void {
  for (const effect of effects) {
    switch (effect.type) {
      case "hold":
        driver.wanted = true;
        driver.epoch = effect.epoch;
        break;
      case "drop":
        ok(driver.wanted, "nothing is dropped that was not held");
        driver.wanted = false;
        break;
      case "set_timer":
        driver.timer = { name: effect.name, generation: effect.generation, at: effect.at };
        break;
      case "cancel_timer":
        ok(driver.timer !== null, "nothing is cancelled that was not armed");
        driver.timer = null;
        break;
      case "transition":
        strictEqual(effect.from, driver.state, "a transition begins where the last one ended");
        ok(effect.reason !== "");
        driver.state = effect.to;
        break;
      case "announce":
        ok(driver.wanted, "only held addresses are announced");
        break;
      case "send":
        ok(effect.priority >= 0 && effect.priority <= 255 && Number.isInteger(effect.priority));
    }
  }
}

function check(router: Router, driver: Driver, now: Micros): void {
  ok(STATES.includes(router.state), `state ${router.state}`);
  strictEqual(driver.state, router.state, "state and transitions agree");
  strictEqual(driver.wanted, router.state === "master", "addresses wanted exactly while master");
  if (driver.wanted) strictEqual(driver.epoch, router.epoch, "held under the current mastership");
  deepStrictEqual(driver.timer, router.timer, "timer effects and memory agree");
  const armed = router.state === "backup" || router.state === "master";
  strictEqual(router.timer !== null, armed, "armed exactly while backup or master");
  if (router.timer !== null) {
    ok(router.timer.at >= now, "a timer is not armed in the past");
    ok(Number.isInteger(router.timer.at), "whole microseconds");
    const names = router.releasing ? ["release"] : ["advertisement"];
    const allowed = router.state === "backup" ? ["master_down"] : names;
    ok(allowed.includes(router.timer.name), `${router.timer.name} as ${router.state}`);
  }
  ok(!router.releasing || router.state === "master", "only a master hands over");
  ok(router.preemptAt === null || router.state === "backup", "only a backup waits to preempt");
  ok(router.lastAdvert === null || router.state === "backup", "only a former master owes anything");
  ok(!router.demoted || router.state === "backup", "only a backup has given way");
  ok(router.peers.length <= 16);
  const { version, family, advertisementInterval } = router.settings;
  if (version === 2 && router.state === "backup") {
    strictEqual(router.masterInterval, advertisementInterval, "version 2 adopts nothing");
  }
  if (version === 2) strictEqual(router.checksum.sending, "rfc9568");
  if (family === "ipv6") strictEqual(router.checksum.sending, "rfc5798");
}

/** An advert that is discarded leaves the router as it was, complaints aside. */
function checkDiscard(before: string, router: Router, effects: readonly RouterEffect[]): void {
  if (!effects.some((effect) => effect.type === "discard")) return;
  ok(effects.every((effect) => effect.type === "discard" || effect.type === "notice"));
  const was = JSON.parse(before) as Router;
  deepStrictEqual({ ...router, complained: {} }, { ...was, complained: {} });
}

for (const family of ["ipv4", "ipv6"] as const) {
  Deno.test(`100,000 random steps keep the invariants (${family})`, () => walk(family));
}

function walk(family: Family): void {
  const seed = wantedSeed() ?? Date.now() % 1_000_000;
  console.log(`100,000 random steps: HALB_SEED=${seed}`);
  const random = new Random(seed);
  const reached = new Map<string, number>();
  const discards = new Set<string>();
  let router = createRouter(anySettings(random, family), 0);
  const driver: Driver = { wanted: false, epoch: 0, timer: null, state: "init" };
  let now = 0;
  for (let i = 0; i < STEPS; i++) {
    now = passes(random, router, now);
    const event = anyEvent(random, router, now);
    const before = JSON.stringify(router);
    const { state } = router;
    const timer = router.timer;
    try {
      const effects = step(router, event, now);
      // A restart of the plane: its timers are gone before the router is asked.
      if (event.type === "resume") driver.timer = null;
      if (event.type === "timer") {
        const acts = timer !== null && event.generation === timer.generation && now >= timer.at;
        if (acts) driver.timer = null;
        strictEqual(effects.length > 0, acts, "a due timer acts, a stale one does not");
        if (!acts) strictEqual(JSON.stringify(router), before, "nor leaves a trace");
      }
      fold(driver, effects);
      checkDiscard(before, router, effects);
      for (const effect of effects) {
        if (effect.type === "discard") discards.add(effect.reason);
      }
      const pastTimer = router.timer !== null && router.timer.at < now;
      // A timer that is overdue stays as it was until it fires; nothing arms one in the past.
      const untouched = pastTimer && timer !== null &&
        router.timer!.generation === timer.generation;
      check(router, driver, untouched ? router.timer!.at : now);
      deepStrictEqual(JSON.parse(JSON.stringify(effects)), effects, "effects are JSON");
      if (i % 10 === 0) {
        deepStrictEqual(structuredClone(effects), effects, "effects can be posted");
        const copy = JSON.parse(JSON.stringify(router)) as Router;
        deepStrictEqual(copy, router, "the router survives JSON");
        deepStrictEqual(structuredClone(router), router);
        router = copy;
      }
    } catch (error) {
      const what = `HALB_SEED=${seed}, step ${i} at ${now}: ${JSON.stringify(event)} on ${before}`;
      throw new Error(what, { cause: error });
    }
    const visit = `${state}${before.includes('"releasing":true') ? "+" : ""} ${event.type}`;
    reached.set(visit, (reached.get(visit) ?? 0) + 1);
  }
  // A walk that never came somewhere has shown nothing there.
  const events = ["advertisement", "timer", "health", "configure", "stall", "stop", "resume"];
  for (const place of [...STATES, "master+"]) {
    for (const event of events) {
      ok((reached.get(`${place} ${event}`) ?? 0) > 0, `HALB_SEED=${seed}: no ${event} as ${place}`);
    }
  }
  const mixed = family === "ipv4" ? ["interval_mismatch", "version2_duplicate"] : [];
  for (const reason of ["not_running", "own_address", "address_owner", ...mixed]) {
    ok(discards.has(reason), `HALB_SEED=${seed}: no advert was discarded as ${reason}`);
  }
}
