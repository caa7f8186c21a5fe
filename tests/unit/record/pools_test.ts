/** Recorded decisions about virtual servers replay to the same; what is otherwise is found. */

import assert from "node:assert/strict";
import { PoolRecorders, type Segment, type Shelf } from "../../../mod/record/mod.ts";
import { forSeeds } from "../../lib/random.ts";
import { CHECKS, randomEvent, randomServers } from "../balance/random_events.ts";
import { real, Scene, SECOND, SORRY, virtual } from "../balance/scene.ts";
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
