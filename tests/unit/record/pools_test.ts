/** Recorded decisions about virtual servers replay to the same; what is otherwise is found. */

import assert from "node:assert/strict";
import { PoolRecorders, type Segment, type Shelf } from "../../../mod/record/mod.ts";
import { forSeeds } from "../../lib/random.ts";
import { CHECKS, randomEvent, randomServers } from "../balance/random_events.ts";
import { real, Scene, SECOND, server, SORRY, virtual } from "../balance/scene.ts";
import { read, replayed, written } from "./fixtures.ts";

/** A scene whose decisions are recorded, as the kernel plane records them. */
function recordedScene(): { scene: Scene; shelf: Shelf<"virtual_server"> } {
  const scene = new Scene();
  const recorders = new PoolRecorders();
  scene.step = (balance, event, now) => {
    const effects = recorders.step(balance, event, now);
    if (event.type === "configure") recorders.shelf.keep(balance.servers);
    return effects;
  };
  return { scene, shelf: recorders.shelf };
}

Deno.test("histories by chance: checks, drains, weights, slow starts, sorry servers, followed routers", () => {
  const seen = { steps: 0, drained: 0, sorry: 0, quorum: 0, count: 0, active: 0 };
  forSeeds(300, (random) => {
    const { scene, shelf } = recordedScene();
    const length = random.int(20, 120);
    for (let i = 0; i < length; i++) {
      const begins = i === 0 || random.chance(0.02);
      const event = randomEvent(random);
      if (begins) scene.tell({ type: "configure", servers: randomServers(random), checks: CHECKS });
      else if (event.type !== "configure") scene.tell(event);
      if (random.chance(0.5)) scene.pass(random.int(0, 3 * SECOND));
    }
    for (const { name } of shelf.machines) {
      const segments = read(written(shelf, name));
      const { steps, differences } = replayed(segments);
      assert.deepEqual(differences, []);
      assert.ok(segments.length <= 4, `${segments.length} segments are kept`);
      seen.steps += steps;
      const text = JSON.stringify(segments.map(({ decisions }) => decisions));
      seen.drained += text.split('"kind":"drained"').length - 1;
      seen.quorum += text.split('"kind":"quorum"').length - 1;
      seen.active += text.split('"kind":"active"').length - 1;
      seen.sorry += text.split('"sorry":true').length - 1;
      seen.count += text.split('"type":"count"').length - 1;
    }
  });
  if (Deno.env.get("HALB_SEED") === undefined) {
    assert.ok(seen.steps > 3_000 && Object.values(seen).every((n) => n > 20), JSON.stringify(seen));
  }
});

/** Two of three servers go, the quorum with them; one comes back slowly. */
function failure(): Segment[] {
  const { scene, shelf } = recordedScene();
  const servers = [11, 12, 13].map((number) => real(number, 10, { slowStart: 4 * SECOND }));
  scene.configure(virtual(servers, { quorum: 20, sorryServer: SORRY }));
  for (const number of [11, 12, 13]) scene.up(number);
  assert.deepEqual(shelf.machines, [], "what is well is worth no memory");
  scene.down(11);
  scene.order(13, { order: "weight", weight: 5 });
  scene.down(12);
  scene.up(11);
  scene.pass(6 * SECOND);
  scene.up(12);
  scene.pass(6 * SECOND);
  return written(shelf, "web");
}

Deno.test("weights, the quorum and the sorry server are in what is decided", () => {
  const segments = failure();
  assert.deepEqual(replayed(read(segments)).differences, []);
  const text = JSON.stringify(segments.map(({ decisions }) => decisions));
  assert.match(text, /"type":"program","sorry":true/);
  assert.match(
    text,
    /"kind":"quorum","met":false,"reason":"the weight that is up is \d+, not enough/,
  );
  // It rises: 1, and then by the second.
  assert.match(text, /"weights":\{"198\.51\.100\.\d+":2\}/);
});

Deno.test("what a server said is not in it, however it is quoted, and the decisions are the same", () => {
  const answers = ['is "secret"', 'is "secret" of "secret', "is no more", 'is "sec"ret", or not'];
  forSeeds(60, (random) => {
    const { scene, shelf } = recordedScene();
    const servers = [11, 12, 13].map((number) => real(number, 10, { slowStart: 4 * SECOND }));
    scene.configure(virtual(servers, { quorum: 20, sorryServer: SORRY }));
    for (let i = 0; i < 80; i++) {
      const reason = `the header ${random.pick(answers)}`;
      const health = random.chance(0.6) ? "up" : "down";
      scene.check(`198.51.100.${random.int(11, 13)}`, health, { reason });
      if (random.chance(0.5)) scene.pass(random.int(0, 2 * SECOND));
    }
    const segments = written(shelf, "web");
    assert.doesNotMatch(JSON.stringify(segments), /sec|ret\b/);
    assert.deepEqual(replayed(read(segments)).differences, []);
  });
});

Deno.test("what somebody has asked for meanwhile is no part of a decision", () => {
  const { scene, shelf } = recordedScene();
  const sorryServer = { ...SORRY, server: server("198.51.100.99") };
  scene.configure(virtual([real(99), real(12)], { quorum: 1, sorryServer }));
  scene.down(12);
  // The table stays as it is: one that is down is the sorry server, too.
  assert.deepEqual(scene.down(99).filter((line) => line.startsWith("program")), []);
  const segments = read(written(shelf, "web"));
  assert.deepEqual(replayed(segments), { steps: 2, differences: [] });
  // Also where the first thing that is recorded is that.
  const { scene: other, shelf: fresh } = recordedScene();
  other.configure(virtual([real(99), real(12)], { quorum: 1, sorryServer }));
  other.down(12);
  fresh.cut("web");
  other.down(99);
  assert.deepEqual(replayed(read(written(fresh, "web"))), { steps: 2, differences: [] });
});

type Changed = { -readonly [Key in keyof Segment]: Segment[Key] };

for (
  const [what, tamper, words] of [
    ["what a check said", (one) => {
      const text = JSON.stringify(one.inputs).replace('"health":"down"', '"health":"up"');
      one.inputs = JSON.parse(text);
    }, /^it decided .*"state":"down".* then, and decides \[\] now$/],
    ["the quorum", (one) => {
      const text = JSON.stringify(one.memory).replace('"quorum":20', '"quorum":2');
      one.memory = JSON.parse(text);
    }, /^it decided .*"type":"quorum".* then, and decides .* now$/],
    ["a weight in the table", (one) => {
      const text = JSON.stringify(one.decisions).replace(/("weights":\{"[\d.]+":)2/, "$19");
      one.decisions = JSON.parse(text);
    }, /^it decided .*":9\}.* then, and decides .*":2\}.* now$/],
    ["when a second was over", (one) => {
      one.steps = one.steps.map(([since, ...rest], i) =>
        [i === 0 ? since : since + 500_000, ...rest] as const
      );
    }, /^it decided .* then, and decides .* now$/],
  ] as [string, (segment: Changed) => void, RegExp][]
) {
  Deno.test(`${what}, otherwise than it was, is found`, () => {
    const [segment] = failure();
    tamper(segment!);
    const { differences } = replayed(read([segment!]));
    assert.equal(differences.length, 1);
    assert.match(differences[0]!, words);
  });
}

Deno.test("one with many servers is not recorded", () => {
  const recorded = (count: number): number => {
    const { scene, shelf } = recordedScene();
    scene.configure(virtual(Array.from({ length: count }, (_, i) => real(i + 11))));
    scene.down(12);
    return written(shelf, "web").length;
  };
  assert.deepEqual([recorded(100), recorded(101)], [1, 0]);
});

Deno.test("a router that thousands of servers follow is not held up: some of them are recorded", () => {
  const { scene, shelf } = recordedScene();
  scene.configure(
    ...Array.from({ length: 30 }, (_, i) =>
      virtual(
        Array.from({ length: 90 }, (_, j) => real(j + 11)),
        {
          name: `web-${i}`,
          listen: [{ protocol: "tcp", address: "192.0.2.10", port: 80 + i }],
          follow: ["router"],
        },
      )),
  );
  scene.tell({ type: "holding", holding: "router", held: true });
  assert.equal(shelf.machines.length, 11);
  for (const { name } of shelf.machines) {
    assert.deepEqual(replayed(read(written(shelf, name))).differences, []);
  }
});

/** Virtual servers by name and number of real servers, all of which follow one router. */
function followers(
  sizes: Readonly<Record<string, number>>,
): { scene: Scene; shelf: Shelf<"virtual_server"> } {
  const all = recordedScene();
  all.scene.configure(
    ...Object.entries(sizes).map(([name, size], i) =>
      virtual(Array.from({ length: size }, (_, j) => real(j + 11)), {
        name,
        listen: [{ protocol: "tcp", address: "192.0.2.10", port: 80 + i }],
        follow: ["router"],
      })
    ),
  );
  return all;
}

/** Those of which so many steps are recorded. */
function stepsOf(shelf: Shelf<"virtual_server">): Record<string, number> {
  return Object.fromEntries(shelf.machines.map(({ name }) => {
    const segments = read(written(shelf, name));
    assert.deepEqual(replayed(segments).differences, []);
    return [name, segments.reduce((sum, { steps }) => sum + steps.length, 0)];
  }));
}

Deno.test("those that are not recorded, and those whose memory is written already, take nobody's room", () => {
  const large = Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`large-${i}`, 150]));
  const sizes = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`web-${i}`, 90]));
  const { scene, shelf } = followers({ ...large, ...sizes });
  const turn = (held: boolean) => scene.tell({ type: "holding", holding: "router", held });
  turn(true);
  assert.equal(shelf.machines.length, 11);
  turn(false);
  const steps = stepsOf(shelf);
  assert.deepEqual(Object.keys(steps), Array.from({ length: 20 }, (_, i) => `web-${i}`));
  assert.deepEqual(Object.values(steps), [...Array(11).fill(2), ...Array(9).fill(1)]);
});

Deno.test("of many virtual servers those are kept that began last", () => {
  const sizes = Object.fromEntries(Array.from({ length: 24 }, (_, i) => [`web-${i}`, 90]));
  const { scene, shelf } = followers(sizes);
  for (const name of Object.keys(sizes)) {
    const what = { order: "weight", weight: 7 } as const;
    scene.tell({ type: "order", server: name, realServer: "198.51.100.11", what });
  }
  assert.deepEqual(
    Object.keys(stepsOf(shelf)),
    Array.from({ length: 22 }, (_, i) => `web-${i + 2}`),
  );
});

Deno.test("connections of many virtual servers are looked at once", () => {
  const sizes = Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`web-${i}`, 5]));
  const { scene, shelf } = followers(sizes);
  const counts = Object.keys(sizes).flatMap((name) =>
    [11, 12].map((number) => ({
      server: name,
      realServer: `198.51.100.${number}`,
      active: number,
      inactive: 0,
    }))
  );
  scene.tell({ type: "connections", counts: counts.toReversed() });
  assert.equal(shelf.machines.length, 200);
  const [segment] = written(shelf, "web-7");
  assert.deepEqual(segment?.inputs, [{
    type: "connections",
    counts: counts.filter((one) => one.server === "web-7").toReversed(),
  }]);
});
