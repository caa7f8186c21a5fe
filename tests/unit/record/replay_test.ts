/** A recorded simulation replays to the same decisions; one that was tampered with is found. */

import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { Recorder, type Segment } from "../../../mod/record/mod.ts";
import type { Router } from "../../../mod/vrrp/mod.ts";
import { forSeeds, Random } from "../../lib/random.ts";
import type { Network } from "../../lib/virtual_time.ts";
import { GroupNetwork, type Port } from "../vrrp/group_network.ts";
import { advert, health, HIGHER, master, SECOND, settings, started } from "../vrrp/fixtures.ts";
import { FORMS, lan, settle } from "../vrrp/lan.ts";
import { replayed, written } from "./fixtures.ts";
import { createGroup, createRouter, step, stepGroup } from "../../../mod/vrrp/mod.ts";

/** Records every node of a simulated network, as the protocol plane records its routers. */
function record({ network }: { network: Network }): Map<object, Recorder> {
  const recorders = new Map<object, Recorder>();
  const known = new Map<object, Router>();
  const plain = network.step.bind(network);
  network.step = (node, event) => {
    const { router } = node;
    // The plane's timers never fire late for another one; the simulation's do, to show that it is
    // harmless.
    if (event.type === "timer" && event.generation !== router.timer?.generation) {
      return plain(node, event);
    }
    const recorder = recorders.get(node) ?? new Recorder("router");
    recorders.set(node, recorder);
    if (known.get(node) !== router) recorder.cut();
    known.set(node, router);
    recorder.begin(router, event);
    const effects = plain(node, event);
    recorder.note(event, effects, network.now);
    return effects;
  };
  return recorders;
}

Deno.test("elections, losses and cuts replay to the same decisions", () => {
  let total = 0;
  for (const form of FORMS) {
    forSeeds(8, (random) => {
      const one = lan(random, form);
      const recorders = record(one);
      const { network, nodes, interval } = one;
      network.wire.loss = random.next() * 0.5;
      network.run(40 * interval);
      network.wire.loss = 0;
      settle(one);
      const parts = nodes.map(() => random.int(0, 1));
      network.partition((node) => parts[nodes.indexOf(node)]!);
      settle(one);
      network.partition(() => 0);
      settle(one);
      network.run(network.now + 400 * interval);
      for (const recorder of recorders.values()) {
        const segments = written(recorder, "web");
        const { steps, differences } = replayed(segments);
        deepStrictEqual(differences, []);
        ok(segments.length <= 7, `${segments.length} segments are kept`);
        total += steps;
      }
    });
  }
  ok(total > 5_000, `only ${total} steps`);
});

const PORTS: readonly Port[] = [
  { name: "inner", priority: 150, source: "198.51.100.1" },
  { name: "outer", priority: 150, source: "203.0.113.1" },
];

Deno.test("groups replay with all their members", () => {
  forSeeds(50, (random) => {
    const network = new GroupNetwork(random);
    const recorder = new Recorder("group");
    const plain = network.step.bind(network);
    network.step = (host, event) => {
      const stale = event.type === "member" && event.event.type === "timer" &&
        event.event.generation !==
          host.group.members.find(({ settings }) => settings.name === event.name)?.router.timer
            ?.generation;
      if (host.id !== 0 || stale) return plain(host, event);
      recorder.begin(host.group, event);
      const effects = plain(host, event);
      recorder.note(event, effects, network.now);
      return effects;
    };
    const other = PORTS.map((port, i) => ({
      ...port,
      priority: 100,
      source: i === 0 ? "198.51.100.2" : "203.0.113.2",
    }));
    const [a, b] = [network.add(PORTS), network.add(other)];
    network.start(a);
    network.start(b);
    network.run(20 * SECOND);
    network.health(a, "outer", "no carrier");
    network.run(10 * SECOND);
    network.health(a, "outer");
    network.loss = random.next() * 0.3;
    network.run(60 * SECOND);
    const segments = written(recorder, "site");
    const { steps, differences } = replayed(segments);
    deepStrictEqual(differences, []);
    ok(steps > 50 && segments.every(({ kind, name }) => kind === "group" && name === "site"));
  });
});

/** A backup that hears a master a hundred times and then no more. */
function failover(): Segment[] {
  const recorder = new Recorder("router");
  const router = started();
  const apply = (event: Parameters<typeof step>[1], now: number) => {
    recorder.begin(router, event);
    recorder.note(event, step(router, event, now), now);
  };
  for (let i = 1; i <= 100; i++) apply(advert({ priority: 150 }), i * SECOND + i % 7);
  const { generation, at } = router.timer!;
  apply({ type: "timer", generation }, at + 40);
  return written(recorder, "web");
}

Deno.test("what is alike is written once", () => {
  const [segment, ...others] = failover();
  strictEqual(others.length, 0);
  strictEqual(segment!.steps.length, 101);
  strictEqual(segment!.inputs.length, 2);
  strictEqual(segment!.decisions.length, 2);
  ok(JSON.stringify(segment).length < 6_000, `${JSON.stringify(segment).length} characters`);
});

type Changed = { -readonly [Key in keyof Segment]: Segment[Key] };

for (
  const [what, tamper, words] of [
    ["a decision", (one: Changed) => {
      const text = JSON.stringify(one.decisions).replace('"master"', '"fault"');
      one.decisions = JSON.parse(text);
    }, /^it decided .*"fault".* then, and decides .*"master".* now$/],
    ["a priority that was heard", (one: Changed) => {
      one.inputs = JSON.parse(JSON.stringify(one.inputs).replace('"priority":150', '"priority":0'));
    }, /^it decided .* then, and decides /],
    ["the time at which the timer fired", (one: Changed) => {
      one.steps = one.steps.with(-1, [1_000, one.steps.at(-1)![1], one.steps.at(-1)![2]]);
    }, /^the timer master_down fired 3\d+\.\d+ ms before its time$/],
    ["the own priority", (one: Changed) => {
      const memory = one.memory as Router;
      one.memory = { ...memory, settings: { ...memory.settings, priority: 99 } };
    }, /^it decided .*3609375.* then, and decides .*3613281.* now$/],
  ] as const
) {
  Deno.test(`${what}, otherwise than it was, is found`, () => {
    const [segment] = failover() as Changed[];
    deepStrictEqual(replayed([segment!]).differences, []);
    tamper(segment!);
    const { differences } = replayed([segment!]);
    strictEqual(differences.length, 1);
    match(differences[0]!, words);
  });
}

Deno.test("a segment that goes on must begin where the other ended", () => {
  const recorder = new Recorder("router");
  const router = started();
  for (let i = 1; i <= 200; i++) {
    const event = advert({ priority: 150 });
    recorder.begin(router, event);
    recorder.note(event, step(router, event, i * SECOND), i * SECOND);
  }
  const [first, second] = written(recorder, "web") as Changed[];
  deepStrictEqual([first!.follows, second!.follows], [false, true]);
  deepStrictEqual(replayed([first!, second!]), { steps: 200, differences: [] });
  second!.memory = { ...second!.memory as Router, transitions: 7 };
  const { differences } = replayed([first!, second!]);
  match(differences.join(), /^it begins with another memory .*: transitions is 7, not \d+$/);
});

Deno.test("a master whose timer is late by another time each time decides alike, as it does again", () => {
  const random = new Random(3);
  const recorder = new Recorder("router");
  const router = master();
  for (let i = 0; i < 128; i++) {
    const { generation, at } = router.timer!;
    const event = { type: "timer", generation } as const;
    const now = at + random.int(0, 20_000);
    recorder.begin(router, event);
    recorder.note(event, step(router, event, now), now);
  }
  const segments = written(recorder, "web");
  deepStrictEqual(segments.map(({ steps }) => steps.length), [128]);
  ok(segments[0]!.decisions.length <= 2, JSON.stringify(segments[0]!.decisions));
  deepStrictEqual(replayed(segments), { steps: 128, differences: [] });
});

Deno.test("floods of what is never alike stay bounded, and the change of state is kept", () => {
  const random = new Random(11);
  const recorder = new Recorder("router");
  const router = master();
  let now = router.since + SECOND;
  const apply = (event: Parameters<typeof step>[1]) => {
    recorder.begin(router, event);
    recorder.note(event, step(router, event, now), now);
    now += 10;
  };
  apply(advert({ priority: 200, source: HIGHER }));
  for (let i = 0; i < 20_000; i++) {
    const addresses = Array.from({ length: 20 }, () => `192.0.2.${random.int(1, 254)}`);
    apply(
      advert({
        priority: random.int(101, 254),
        addresses,
        interval: random.int(1, 4_095) * 10_000,
      }),
    );
  }
  const segments = written(recorder, "web");
  ok(segments.length <= 7);
  ok(JSON.stringify(segments).length < 60_000, `${JSON.stringify(segments).length} characters`);
  ok(JSON.stringify(segments[0]).includes('"type":"transition"'));
  deepStrictEqual(replayed(segments).differences, []);
});

Deno.test("no memory of authentication is in it", () => {
  const router = started();
  router.authentication = { secret: "sesame" } as unknown as NonNullable<Router["authentication"]>;
  const alone = new Recorder("router");
  alone.begin(router, health());
  alone.note(health(), step(router, health(), SECOND), SECOND);
  const group = createGroup({ name: "site", members: ["web"], need: "all" }, [router], SECOND);
  const together = new Recorder("group");
  const event = { type: "member", name: "web", event: health() } as const;
  together.begin(group, event);
  together.note(event, stepGroup(group, event, SECOND), SECOND);
  const all = [...written(alone, "web"), ...written(together, "site")];
  strictEqual(all.length, 2);
  const text = JSON.stringify(all);
  ok(!text.includes("sesame") && !text.includes("authentication"), text);
});

Deno.test("a group whose memory takes long to write is not recorded", () => {
  const recorded = (count: number): number => {
    const members = Array.from({ length: count }, (_, i) => `web-${i}`);
    const routers = members.map((name) => createRouter(settings({ name }), 0));
    const group = createGroup({ name: "site", members, need: "all" }, routers, 0);
    const recorder = new Recorder("group");
    recorder.begin(group, { type: "claim" });
    recorder.note({ type: "claim" }, stepGroup(group, { type: "claim" }, SECOND), SECOND);
    return written(recorder, "site").length;
  };
  deepStrictEqual([recorded(100), recorded(101)], [1, 0]);
});
