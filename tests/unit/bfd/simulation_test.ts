/** Two sessions in virtual time: what must hold for any seed. */

import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import {
  AUTHENTICATION_TYPES,
  detectionTime,
  type Micros,
  type SessionSettings,
  transmitInterval,
} from "../../../mod/bfd/mod.ts";
import { Path } from "../../lib/bfd_virtual_time.ts";
import { forSeeds, type Random } from "../../lib/random.ts";
import { settings } from "./fixtures.ts";
import { authentication } from "./packet_fixtures.ts";

const INTERVALS = [3_300, 10_000, 20_000, 50_000, 100_000, 1_000_000, 2_500_000];

function anyTiming(random: Random): Partial<SessionSettings> {
  return {
    transmitInterval: random.pick(INTERVALS),
    receiveInterval: random.pick(INTERVALS),
    detectMultiplier: random.int(2, 10),
  };
}

/** Wires that lose nothing, slower than some of the intervals. */
function anyLosslessWire(random: Random, path: Path): Micros {
  // A packet may come later than the one before it by this much: detection must allow for it.
  const jitter = random.pick([0, 100, 2_000]);
  for (const { out } of [path.a, path.b]) {
    out.delay = random.pick([10, 300, 5_000, 40_000]);
    out.jitter = jitter;
    out.duplicate = random.pick([0, 0.1]);
    out.reorder = random.chance(0.5);
  }
  return jitter;
}

Deno.test("[S8] [N28] random changes of intervals in Up, nothing lost: never down", () => {
  let changes = 0;
  let steps = 0;
  forSeeds(60, (random, seed) => {
    const type = random.pick([null, null, ...AUTHENTICATION_TYPES]);
    // Reordered packets are refused by meticulous numbers: that is loss.
    const shared = { authentication: type === null ? null : authentication(type) };
    const start = () => settings({ ...shared, transmitInterval: 50_000, receiveInterval: 50_000 });
    const path = new Path(random, start(), start());
    anyLosslessWire(random, path);
    if (type !== null) { for (const { out } of [path.a, path.b]) out.reorder = false; }
    path.bringUp();
    const since = path.now;
    for (let i = 0; i < 40; i++) {
      const end = random.pick([path.a, path.b]);
      path.configure(end, anyTiming(random));
      changes++;
      path.run(path.now + random.pick([0, 1_000, 30_000, 400_000, 5_000_000]));
    }
    path.run(path.now + 120_000_000);
    deepStrictEqual(
      path.downs(since).map(({ at, end, cause }) => `seed ${seed}: ${at} ${end.name} ${cause}`),
      [],
    );
    // In the end both go by what was wanted last, and each knows the other's values.
    for (const end of [path.a, path.b]) {
      const [own, theirs] = [end.session, path.other(end).session];
      strictEqual(own.polling, false);
      strictEqual(own.desiredMinTxUsed, own.settings.transmitInterval);
      strictEqual(own.requiredMinRxUsed, own.settings.receiveInterval);
      const tx = Math.max(own.settings.transmitInterval, theirs.settings.receiveInterval);
      strictEqual(transmitInterval(own), tx);
      strictEqual(detectionTime(theirs), own.settings.detectMultiplier * tx);
    }
    steps += path.steps;
  });
  ok(changes > 0 && steps > 20_000, `${steps} steps`);
});

Deno.test("[S9] [B4-1] a cut wire is seen when the detection time after the last packet is over", () => {
  forSeeds(200, (random) => {
    const path = new Path(random, settings(anyTiming(random)), settings(anyTiming(random)));
    path.bringUp(60_000_000);
    path.run(path.now + 30_000_000 + random.int(0, 5_000_000));
    strictEqual(path.downs().length, 0);
    path.a.out.loss = path.b.out.loss = 1;
    const cut = path.now;
    const times = [path.a, path.b].map(({ session }) => detectionTime(session));
    path.run(cut + 60_000_000);
    const downs = path.downs();
    strictEqual(downs.length, 2);
    for (const [i, end] of [path.a, path.b].entries()) {
      const down = downs.find((change) => change.end === end)!;
      strictEqual(down.cause, "detection_expired");
      // The last packet may have been under way for 100 µs when the wire was cut.
      const after = down.at - cut;
      ok(after <= times[i]! + 100, `${after} of ${times[i]}`);
      const longest = transmitInterval(path.other(end).session);
      ok(after >= times[i]! - Math.max(longest, 2_500_000), `${after} of ${times[i]}`);
    }
  });
});

Deno.test("loss in one direction: the deaf end sees it, the other one is told", () => {
  forSeeds(50, (random) => {
    const path = new Path(random, settings(), settings());
    path.bringUp();
    path.run(path.now + 2_000_000);
    path.a.out.loss = 1;
    path.run(path.now + 1_000_000);
    deepStrictEqual(path.downs().map(({ end, cause }) => `${end.name}: ${cause}`), [
      "b: detection_expired",
      "a: neighbour_down",
    ]);
    path.a.out.loss = 0;
    path.bringUp();
  });
});

Deno.test("a lossy, slow, reordering wire: it comes up, and up again after each fall", () => {
  forSeeds(60, (random) => {
    const path = new Path(random, settings(), settings({ passive: random.chance(0.5) }));
    for (const { out } of [path.a, path.b]) {
      Object.assign(out, {
        loss: 0.2,
        delay: 2_000,
        jitter: 30_000,
        duplicate: 0.2,
        reorder: true,
      });
    }
    path.run(120_000_000);
    for (const { out } of [path.a, path.b]) out.loss = 0;
    path.bringUp(20_000_000);
    const since = path.now;
    path.run(since + 60_000_000);
    // What was still under way may belong to an earlier life; after that nothing falls.
    deepStrictEqual(path.downs(since + 1_000_000), []);
    ok(path.steps > 1000);
  });
});

Deno.test("[N5] the other end of one that is disabled is told, not left to find out", () => {
  forSeeds(30, (random) => {
    const path = new Path(random, settings(), settings());
    path.bringUp();
    path.run(path.now + 1_000_000);
    path.step(path.a, { type: "admin", down: true });
    const from = path.now;
    path.run(from + 20_000_000);
    deepStrictEqual(
      path.changes.filter(({ at }) => at >= from).map(({ at, end, cause }) =>
        `${at - from} ${end.name} ${cause}`
      ),
      ["0 a admin_down", "100 b neighbour_admin_down"],
    );
    path.step(path.a, { type: "admin", down: false });
    path.bringUp();
  });
});

Deno.test("both passive never meet; one that is not passive is enough", () => {
  forSeeds(5, (random) => {
    const silent = new Path(random, settings({ passive: true }), settings({ passive: true }));
    silent.run(60_000_000);
    strictEqual(silent.a.sent + silent.b.sent, 0);
    const path = new Path(random, settings({ passive: true }), settings());
    path.bringUp();
  });
});

Deno.test("[N25] both ends frozen together, again and again: never down; a dead one is seen", () => {
  forSeeds(300, (random) => {
    const timing = { transmitInterval: 10_000, receiveInterval: 10_000 };
    const path = new Path(random, settings(timing), settings(timing));
    path.bringUp();
    path.run(path.now + 3_000_000);
    const since = path.now;
    for (let i = 0; i < 20; i++) {
      const length = random.int(5_000, 200_000);
      path.pause(path.a, length);
      path.pause(path.b, length + random.int(-2_000, 2_000));
      path.run(path.now + length + random.int(3_000, 100_000));
    }
    path.run(path.now + 300_000);
    deepStrictEqual(path.downs(since).map(({ end, cause }) => `${end.name} ${cause}`), []);
    // One of them dies in the middle of such a stall.
    const length = random.int(5_000, 200_000);
    path.b.out.loss = 1;
    path.pause(path.a, length);
    path.pause(path.b, 100_000_000);
    const thaw = path.now + length;
    path.run(thaw + 1_000_000);
    const down = path.downs(since)[0]!;
    strictEqual(down.end, path.a);
    ok(down.at <= thaw + 60_000, `${down.at - thaw} µs after the stall`);
  });
});

Deno.test("one end frozen alone: it does not blame the other, and the other sees it", () => {
  forSeeds(100, (random) => {
    const path = new Path(random, settings(), settings());
    path.bringUp();
    path.run(path.now + 2_000_000);
    const since = path.now;
    path.pause(path.a, random.int(200_000, 900_000));
    path.run(since + 1_500_000);
    const [first] = path.downs(since);
    deepStrictEqual([first?.end.name, first?.cause], ["b", "detection_expired"]);
    ok(!path.downs(since).some(({ end, cause }) => end === path.a && cause !== "neighbour_down"));
    path.bringUp();
  });
});

Deno.test("demand mode: both silent but for polls; a cut is seen by the next poll", () => {
  forSeeds(50, (random) => {
    const demand = { pollInterval: 1_000_000 };
    const path = new Path(random, settings({ demand }), settings({ demand }));
    path.bringUp();
    path.run(path.now + 2_000_000);
    const [from, packets] = [path.now, path.a.sent + path.b.sent];
    path.run(from + 20_000_000);
    strictEqual(path.downs().length, 0);
    const sent = path.a.sent + path.b.sent - packets;
    // Each end asks and answers about once a second.
    ok(sent >= 4 * 17 && sent <= 4 * 24, `${sent} packets in 20 s`);
    path.a.out.loss = path.b.out.loss = 1;
    const cut = path.now;
    path.run(cut + 2_000_000);
    strictEqual(path.downs().length, 2);
    for (const { at } of path.downs()) ok(at - cut <= 1_000_000 + 150_000);
  });
});

Deno.test("every kind of authentication comes up and stays; another key never does", () => {
  forSeeds(20, (random) => {
    for (const type of AUTHENTICATION_TYPES) {
      const use = settings({ authentication: authentication(type) });
      const path = new Path(random, use, use);
      path.bringUp();
      path.run(path.now + 5_000_000);
      strictEqual(path.downs().length + path.dropped.size, 0);
      const other = { ...authentication(type), keys: [{ id: 7, secret: [1, 2, 3, 4] }] };
      const wrong = new Path(random, use, settings({ authentication: other }));
      wrong.run(20_000_000);
      deepStrictEqual(wrong.changes, []);
      strictEqual(wrong.dropped.get("authentication_digest"), wrong.a.sent + wrong.b.sent);
    }
  });
});

Deno.test("[B7A-8] keys are changed under way without a packet lost", () => {
  forSeeds(20, (random) => {
    for (const type of AUTHENTICATION_TYPES) {
      const [old, fresh] = [{ id: 1, secret: [1] }, { id: 2, secret: [2] }];
      const use = (...keys: typeof old[]) => ({ authentication: authentication(type, { keys }) });
      const path = new Path(random, settings(use(old)), settings(use(old)));
      path.bringUp();
      for (const keys of [[old, fresh], [fresh, old], [fresh]]) {
        for (const end of [path.a, path.b]) {
          path.configure(end, use(...keys));
          path.run(path.now + random.int(0, 2_000_000));
        }
      }
      strictEqual(path.downs().length + path.dropped.size, 0, type);
    }
  });
});

Deno.test("a restart of the plane from its snapshot: the other end does not notice", () => {
  forSeeds(100, (random) => {
    const type = random.pick([null, ...AUTHENTICATION_TYPES]);
    const use = settings({ authentication: type === null ? null : authentication(type) });
    const path = new Path(random, use, use);
    path.bringUp();
    path.run(path.now + 1_000_000 + random.int(0, 50_000));
    const snapshot = JSON.stringify(path.a.session);
    const age = random.int(1_000, 80_000);
    const since = path.now;
    path.pause(path.a, 1_000_000_000);
    path.run(path.now + age);
    path.a.paused = false;
    path.a.socket = [];
    path.a.session = JSON.parse(snapshot);
    path.step(path.a, { type: "resume", age });
    path.run(path.now + 900_000);
    deepStrictEqual(path.downs(since).map(({ end, cause }) => `${end.name} ${cause}`), []);
  });
});
