/**
 * Stalls of our own loop, in virtual time: at 3.3 ms × 3 a session has 9.9 ms, and a machine that
 * stands still for 5 ms, or two agents on it that go on 2 ms apart, must not cost it.
 */

import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { detectionTime, type Micros } from "../../../mod/bfd/mod.ts";
import { LATE } from "../../../mod/protocol/lateness.ts";
import { Path } from "../../lib/bfd_virtual_time.ts";
import { forSeeds, type Random } from "../../lib/random.ts";
import { benchIn, settings } from "./fixtures.ts";

const INTERVALS = [3_300, 10_000, 50_000];

/** Both ends up at that interval × 3, at a random moment between two packets. */
function upAt(random: Random, interval: Micros, other = interval): Path {
  const timing = settings({ transmitInterval: interval, receiveInterval: interval });
  const path = new Path(random, { ...timing, transmitInterval: other }, timing);
  path.bringUp();
  path.run(path.now + 20 * interval + random.int(0, 2 * interval));
  return path;
}

/** Both stand still from about now on, and go on within 2 ms, in any order. */
function freeze(random: Random, path: Path, shortest: Micros = 5_000): Micros {
  const length = random.int(shortest, 200_000);
  const [first, second] = random.chance(0.5) ? [path.a, path.b] : [path.b, path.a];
  path.pause(first, length);
  const apart = random.int(0, 100);
  path.run(path.now + apart);
  path.pause(second, length - apart + random.int(0, 2_000));
  return length;
}

for (const interval of INTERVALS) {
  const name = `${interval / 1000} ms × 3`;

  Deno.test(`[N25] ${name}: the same where one end sends seldom, and so has few deadlines`, () => {
    forSeeds(1_000, (random, seed) => {
      const path = upAt(random, interval, random.pick([2, 5, 30]) * interval);
      const since = path.now;
      for (let i = 0; i < 5; i++) {
        const length = freeze(random, path);
        path.run(path.now + length + random.int(2_000, 20 * interval));
      }
      path.run(path.now + 20 * interval);
      const downs = path.downs(since).filter(({ cause }) => cause === "detection_expired");
      deepStrictEqual(downs.map(({ at, end }) => `seed ${seed}: ${at} ${end.name}`), []);
    });
  });

  Deno.test(`[N25] ${name}: frozen together, and going on within 2 ms: never down`, () => {
    let steps = 0;
    forSeeds(1_000, (random, seed) => {
      const path = upAt(random, interval);
      const since = path.now;
      for (let i = 0; i < 5; i++) {
        const length = freeze(random, path);
        path.run(path.now + length + random.int(2_000, 20 * interval));
      }
      path.run(path.now + 20 * interval);
      const downs = path.downs(since).map(({ at, end, cause }) =>
        `${seed}: ${at} ${end.name} ${cause}`
      );
      deepStrictEqual(downs, []);
      steps += path.steps;
    });
    ok(steps > 100_000, `${steps} steps`);
  });

  Deno.test(`[N25] ${name}: who dies in a stall is seen within two detection times after it`, () => {
    forSeeds(1_000, (random, seed) => {
      const path = upAt(random, interval);
      const since = path.now;
      const length = random.int(100, 200_000);
      path.pause(path.a, length);
      // It dies before, or in the midst of it.
      path.pause(path.b, 100_000_000);
      const thaw = path.now + length;
      path.run(thaw + 1_000_000);
      const [down] = path.downs(since);
      strictEqual(down?.end, path.a);
      const after = down!.at - thaw;
      ok(after <= 2 * 3 * interval, `seed ${seed}: ${after} µs after a stall of ${length}`);
    });
  });

  Deno.test(`[N25] ${name}: who stands still alone never blames the other side`, () => {
    forSeeds(1_000, (random, seed) => {
      const path = upAt(random, interval);
      for (let i = 0; i < 5; i++) {
        const since = path.now;
        path.pause(path.a, random.int(100, 200_000));
        path.run(since + 400_000);
        const ours = path.downs(since).filter(({ end }) => end === path.a);
        strictEqual(
          ours.filter(({ cause }) => cause !== "neighbour_down").length,
          0,
          `seed ${seed}`,
        );
        path.bringUp();
        path.run(path.now + 20 * interval);
      }
    });
  });
}

Deno.test("[N25] what is a stall depends on the session: a twentieth of its detection time", () => {
  for (const interval of INTERVALS) {
    const bench = benchIn("up", { receiveInterval: interval });
    bench.receive({ desiredMinTx: interval, final: true });
    const detection = detectionTime(bench.session);
    strictEqual(detection, 3 * interval);
    ok(LATE < detection / 20, "the driver asks early enough");
    const before = bench.session.detectAt!;
    bench.sleep(detection - 1);
    bench.step({ type: "stall", length: Math.ceil(detection / 20) - 1 });
    strictEqual(bench.session.detectAt, before);
    bench.step({ type: "stall", length: Math.ceil(detection / 20) });
    strictEqual(bench.session.detectAt, before + Math.ceil(detection / 20));
  }
});
