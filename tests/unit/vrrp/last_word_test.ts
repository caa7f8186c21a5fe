/**
 * The one advert that a master sends before it yields, and what it is for: after a cut that nobody
 * noticed, neighbours must learn the way of the master that was one all along. And what it may
 * not become: a storm, with many nodes or with adverts that somebody forges or replays.
 */

import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { createRouter, type Micros, type RouterEffect, step } from "../../../mod/vrrp/mod.ts";
import { forSeeds } from "../../lib/random.ts";
import { Network, type Node } from "../../lib/virtual_time.ts";
import { advert, health, settings } from "./fixtures.ts";
import { forForms, lan, nodeSettings, settle } from "./lan.ts";

const SECOND = 1_000_000;

/** Priority that a step says before it lets go; undefined: it said nothing. */
function lastWord(effects: readonly RouterEffect[]): number | undefined {
  const [first, second] = effects.filter(({ type }) => type === "send" || type === "drop");
  return first?.type === "send" && second?.type === "drop" ? first.priority : undefined;
}

/** Whom a neighbour believes that heard everybody's announcements, also during a cut. */
function believed(network: Network, before: string | undefined): string | undefined {
  let source = before;
  for (const { node, effects } of network.trace) {
    if (effects.some(({ type }) => type === "hold" || type === "announce")) source = node;
  }
  return source;
}

forForms("[S1] after a cut that nobody noticed neighbours believe the master there is", (form) => {
  let splits = 0;
  let words = 0;
  forSeeds(150, (random) => {
    const one = lan(random, form);
    const { network, nodes, interval, longest } = one;
    network.tracing = true;
    settle(one);
    let belief = believed(network, undefined);
    for (let cut = 0; cut < 8; cut++) {
      network.trace.length = 0;
      const parts = nodes.map(() => random.int(0, 1));
      network.partition((node) => parts[nodes.indexOf(node)]!);
      network.run(network.now + random.int(0, 8 * interval));
      belief = believed(network, belief);
      network.trace.length = 0;
      const masters = network.active();
      network.partition(() => 0);
      const joined = network.now;
      network.run(joined + interval + 4 * longest);
      if (masters.length > 1) {
        splits++;
        atMostOnce(network, masters);
      }
      words += network.trace.filter(({ effects }) => lastWord(effects) !== undefined).length;
      settle(one);
      // What was owed is paid with the first advert after a second.
      network.run(network.now + SECOND + interval);
      belief = believed(network, belief);
      deepStrictEqual(network.active().map(({ source }) => source), [belief]);
    }
    ok(network.steps > 100, `only ${network.steps} steps`);
  });
  if (Deno.env.get("HALB_SEED") !== undefined) return;
  ok(splits > 100 && words > 100, `${splits} splits, ${words} last words`);
});

/** What the join of so many masters may cost: nobody speaks twice on its way out. */
function atMostOnce(network: Network, masters: readonly Node[]): void {
  const words = network.trace.filter(({ effects }) => lastWord(effects) !== undefined);
  const speakers = words.map(({ node }) => node);
  strictEqual(new Set(speakers).size, speakers.length, `last words of ${speakers}`);
  ok(words.length <= network.nodes.length - 1, "the best one has nothing to yield to");
  const sent = network.trace.flatMap(({ effects }) => effects)
    .filter(({ type }) => type === "send").length;
  // Each of the masters: its regular adverts, its last, and the answer of each that beats it.
  const most = 3 * network.nodes.length * masters.length + 2 * network.nodes.length;
  ok(sent <= most, `${sent} adverts, ${most} allowed`);
}

Deno.test("[N19] adverts forged or replayed at a thousand a second make no storm of ours", () => {
  forSeeds(30, (random) => {
    const interval = random.pick([10_000, 100_000]);
    const router = createRouter(settings({ advertisementInterval: interval }), 0);
    const end = 20 * SECOND;
    let [sent, masterships, words] = [0, 0, 0];
    let announcedAt: Micros = -Infinity;
    const count = (effects: readonly RouterEffect[], now: Micros): void => {
      for (const { type } of effects) {
        if (type === "send") sent++;
        if (type === "hold") masterships++;
        if (type !== "hold" && type !== "announce") continue;
        if (type === "announce") {
          ok(now - announcedAt >= SECOND, `again after ${now - announcedAt}`);
        }
        announcedAt = now;
      }
      if (lastWord(effects) !== undefined) words++;
    };
    count(step(router, health(), 0), 0);
    // Now better ones, now worse ones; sometimes a silence in which the router is master again.
    let quietUntil = 0;
    for (let now = 0; now < end; now += 1_000) {
      const { timer } = router;
      if (timer !== null && timer.at <= now) {
        count(step(router, { type: "timer", generation: timer.generation }, now), now);
      }
      if (now < quietUntil) continue;
      if (random.chance(0.001)) quietUntil = now + random.int(0, 6 * interval);
      const priority = random.pick(router.state === "master" ? [50, 99, 100, 0] : [50, 200]);
      const better = random.chance(0.01);
      count(step(router, advert({ priority: better ? 200 : priority, interval }), now), now);
    }
    ok(words > 0 && masterships > 1, `${words} last words in ${masterships} masterships`);
    ok(words <= masterships, `${words} last words in ${masterships} masterships`);
    // Regular adverts, an answer each 5 ms, and two for each mastership: the first and the last.
    const most = end / interval + end / 5_000 + 2 * masterships;
    ok(sent <= most, `${sent} adverts in ${end / SECOND} s, ${most} allowed`);
  });
});

/** Adverts that backups sent: last adverts said again. A master that yields drops its addresses. */
function repeated(network: Network): number {
  return network.trace.filter(({ event, effects }) => {
    const waits = effects.some((one) => one.type === "set_timer" && one.name === "master_down");
    const yields = effects.some(({ type }) => type === "drop");
    const says = effects.some(({ type }) => type === "send");
    return event.type === "advertisement" && waits && says && !yields;
  }).length;
}

forForms(
  "a cut that heals in one direction first: neighbours believe the master there is",
  (form) => {
    let cures = 0;
    forSeeds(200, (random) => {
      const network = new Network(random);
      network.wire.delay = random.int(10, 100);
      network.wire.jitter = random.int(0, 100);
      const interval = random.pick(form.intervals);
      const seconds = Math.ceil(interval / 1_000_000) * 1_000_000;
      const priorities = [150, 100, random.int(1, 99)];
      const nodes = priorities.map((priority, i) =>
        network.add(
          nodeSettings(form, i, { priority, advertisementInterval: seconds }),
          form.source(i + 1),
        )
      );
      const [best, other] = nodes as [Node, Node, Node];
      network.run(20 * seconds);
      network.partition((node) => node === best ? 0 : 1);
      network.run(network.now + 8 * seconds);
      deepStrictEqual(network.active().length, 2, "one on each side");
      network.tracing = true;
      network.partition(() => 0);
      // The better one is heard and does not hear.
      network.isDeaf = (to) => to === best;
      network.run(network.now + random.int(1, 6) * seconds + random.int(0, seconds));
      strictEqual(other.router.state, "backup", "it has yielded, and nobody knows");
      network.isDeaf = () => false;
      const healed = network.now;
      network.run(healed + 9 * seconds + 2 * SECOND);
      const announced = network.trace.some(({ node, at, effects }) =>
        node === best.source && at >= healed && effects.some(({ type }) => type === "announce")
      );
      ok(announced, "the better one has announced its addresses once it could hear");
      cures++;
      const words = repeated(network);
      ok(words >= 1 && words <= 7 * 2, `${words} last adverts said again`);
      // Then nobody speaks out of turn any more.
      network.trace.length = 0;
      network.run(network.now + 100 * seconds);
      strictEqual(repeated(network), 0, "and then silence");
    });
    ok(cures > 0);
  },
);

forForms("a last advert that was heard is not said again", (form) => {
  forSeeds(100, (random) => {
    const network = new Network(random);
    network.wire.delay = random.int(10, 500);
    const two = [100, 150].map((priority, i) => nodeSettings(form, i, { priority }));
    const first = network.add(two[0]!, form.source(1));
    network.run(random.int(5 * SECOND, 9 * SECOND));
    strictEqual(first.router.state, "master");
    network.tracing = true;
    const better = network.add(two[1]!, form.source(2));
    network.run(network.now + 100 * SECOND);
    deepStrictEqual(network.active(), [better]);
    // Its own regular advert may cross the better one's answer: one more then.
    ok(repeated(network) <= 1, `${repeated(network)} said again`);
    strictEqual(first.router.lastAdvert, null);
  });
});

Deno.test("a better one that never answers is told eight times in all, ever more rarely", () => {
  const router = createRouter(settings(), 0);
  step(router, health(), 0);
  step(router, { type: "timer", generation: 1 }, router.timer!.at);
  strictEqual(router.state, "master");
  const said: number[] = [];
  for (let i = 0; i < 1000; i++) {
    const effects = step(router, advert({ priority: 200 }), 4 * SECOND + i * SECOND);
    if (effects.some(({ type }) => type === "send")) said.push(i);
  }
  deepStrictEqual(said, [0, 1, 2, 4, 8, 16, 32, 64]);
});

Deno.test("where it is switched off nobody says a last advert, nor again", () => {
  const router = createRouter(settings({ advertisesBeforeYielding: false }), 0);
  step(router, health(), 0);
  step(router, { type: "timer", generation: 1 }, router.timer!.at);
  for (let i = 0; i < 100; i++) {
    const effects = step(router, advert({ priority: 200 }), (4 + i) * SECOND);
    ok(effects.every(({ type }) => type !== "send"));
  }
});

Deno.test("what is owed ends with the mastership of another kind: fault, or one's own", () => {
  const yielded = () => {
    const router = createRouter(settings(), 0);
    step(router, health(), 0);
    step(router, { type: "timer", generation: 1 }, router.timer!.at);
    step(router, advert({ priority: 200 }), 4 * SECOND);
    ok(router.lastAdvert !== null);
    return router;
  };
  const faulty = yielded();
  step(
    faulty,
    { type: "health", waitingFor: ["eth0 is down"], contribution: 0, source: null },
    5e6,
  );
  strictEqual(faulty.lastAdvert, null);
  const again = yielded();
  const { at, generation } = again.timer!;
  step(again, { type: "timer", generation }, at);
  strictEqual(again.state, "master");
  strictEqual(again.lastAdvert, null);
  const lower = yielded();
  ok(step(lower, advert({ priority: 50 }), 5 * SECOND).every(({ type }) => type !== "send"));
});
