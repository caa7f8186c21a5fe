/** Recorded BFD sessions replay to the same decisions; what is otherwise is found. */

import assert from "node:assert/strict";
import { AUTHENTICATION_TYPES, deadline, type Session, step } from "../../../mod/bfd/mod.ts";
import { Recorder, type Segment } from "../../../mod/record/mod.ts";
import { type End, Path } from "../../lib/bfd_virtual_time.ts";
import { forSeeds, Random } from "../../lib/random.ts";
import { settings } from "../bfd/fixtures.ts";
import { authentication, control } from "../bfd/packet_fixtures.ts";
import { read, replayed, written } from "./fixtures.ts";

const CHANCE = 2 ** 32;
const MS = 1_000;

/** Records an end of a simulated path, as the protocol plane records its sessions. */
function record(path: Path, of: End, random: Random): Recorder {
  const recorder = new Recorder("bfd");
  const plain = path.step.bind(path);
  path.step = (end, event) => {
    if (end !== of) return plain(end, event);
    const chance = random.int(0, CHANCE - 1);
    recorder.begin(end.session, event);
    // The effects are performed within the step, which writes numbers of authentication.
    const before = structuredClone(end.session);
    const effects = step(before, event, path.now, chance / CHANCE, []);
    recorder.note(event, effects, path.now, chance);
    path.chance = chance / CHANCE;
    const done = plain(end, event);
    path.chance = null;
    return done;
  };
  return recorder;
}

Deno.test("sessions come up, change their intervals, lose packets, stand still: the same decisions", () => {
  let [total, transitions] = [0, 0];
  forSeeds(40, (random) => {
    const type = random.pick([null, ...AUTHENTICATION_TYPES]);
    const shared = { authentication: type === null ? null : authentication(type) };
    const interval = random.pick([10, 50, 300]) * MS;
    const path = new Path(
      random,
      settings({
        ...shared,
        transmitInterval: interval,
        receiveInterval: interval,
        demand: random.chance(0.2) ? { pollInterval: 2_000 * MS } : null,
      }),
      settings({ ...shared, transmitInterval: interval, passive: random.chance(0.3) }),
    );
    const recorder = record(path, path.a, random);
    path.bringUp();
    path.run(path.now + 200 * interval);
    path.configure(path.a, { transmitInterval: 2 * interval, detectMultiplier: 5 });
    path.run(path.now + 20 * interval);
    path.pause(path.a, 7 * interval);
    path.run(path.now + 30 * interval);
    path.step(path.a, { type: "admin", down: true });
    path.run(path.now + 3_000 * MS);
    path.step(path.a, { type: "admin", down: false });
    path.bringUp(20_000 * MS);
    path.b.out.loss = 1;
    path.run(path.now + 30_000 * MS);
    const segments = read(written(recorder, "one"));
    const { steps, differences } = replayed(segments);
    assert.deepEqual(differences, []);
    assert.ok(segments.length <= 7, `${segments.length} segments are kept`);
    const text = JSON.stringify(segments);
    assert.ok(text.includes('"cause":"detection_expired"'), "the failure is in it");
    transitions += text.split('"type":"transition"').length - 1;
    total += steps;
  });
  assert.ok(total > 5_000 && transitions > 100, `${total} steps, ${transitions} changes of state`);
});

/** A session that comes up, hears 50 packets, each a moment late, and then none. */
function failure(): Segment[] {
  const random = new Random(5);
  const path = new Path(
    random,
    settings({ transmitInterval: 50 * MS }),
    settings({ transmitInterval: 50 * MS }),
  );
  const recorder = record(path, path.a, random);
  path.bringUp();
  path.run(path.now + 2_500 * MS);
  path.b.out.loss = 1;
  path.run(path.now + 1_000 * MS);
  return written(recorder, "one");
}

type Changed = { -readonly [Key in keyof Segment]: Segment[Key] };

/** Where the segment decides that the other side is silent. */
function lastOf(segments: Segment[]): { segment: Changed; step: number } {
  const segment = segments.find(({ decisions }) => JSON.stringify(decisions).includes("expired"))!;
  const decision = segment.decisions.findIndex((one) => JSON.stringify(one).includes("expired"));
  return { segment, step: segment.steps.findIndex(([, , what]) => what === decision) };
}

for (
  const [what, tamper, words] of [
    ["when the deadline came", ({ segment, step }) => {
      const [since, input, decision] = segment.steps[step]!;
      segment.steps = segment.steps.with(step, [since - 1_000, input, decision]);
    }, /^the timer fired \d+(\.\d+)? ms before its time$/],
    ["when the last packet came", ({ segment, step }) => {
      const packets = segment.inputs.map((one) => (one as { type: string }).type === "packet");
      const last = segment.steps.findLastIndex(([, input], i) => i < step && packets[input]);
      const [[since, packet, decision], [next, ...then]] = [
        segment.steps[last]!,
        segment.steps[last + 1]!,
      ];
      segment.steps = segment.steps.with(last, [since + 50, packet, decision])
        .with(last + 1, [next - 50, ...then]);
    }, /ms before its time$|^it decided .* then, and decides .* now$/],
    ["what the other side said", ({ segment }) => {
      const text = JSON.stringify(segment.inputs).replace('"state":"up"', '"state":"down"');
      segment.inputs = JSON.parse(text);
    }, /^it decided .* then, and decides .*the other side says that it is down.* now$/],
    ["chance", ({ segment }) => {
      segment.chance = segment.chance!.map(() => CHANCE - 1);
    }, /ms before its time$|^it decided /],
    ["an interval that is remembered", ({ segment }) => {
      const memory = segment.memory as Session;
      segment.memory = { ...memory, settings: { ...memory.settings, receiveInterval: 9_000 * MS } };
    }, /^it decided |ms before its time$/],
  ] as [string, (found: { segment: Changed; step: number }) => void, RegExp][]
) {
  Deno.test(`${what}, otherwise than it was, is found`, () => {
    const segments = failure();
    assert.deepEqual(replayed(read(segments)).differences, []);
    const found = lastOf(segments);
    tamper(found);
    const { differences } = replayed(read([found.segment]));
    assert.equal(differences.length, 1);
    assert.match(differences[0]!, words);
  });
}

Deno.test("no key, and nothing that authentication remembers, is in it", () => {
  const random = new Random(3);
  const secret = authentication("meticulous-keyed-sha1");
  const path = new Path(
    random,
    settings({ authentication: secret }),
    settings({ authentication: secret }),
  );
  const recorder = record(path, path.a, random);
  path.bringUp();
  path.configure(path.a, { authentication: { ...secret, keys: [...secret.keys] } });
  path.run(path.now + 1_000 * MS);
  const segments = written(recorder, "one");
  const text = JSON.stringify(segments);
  const bytes = JSON.stringify(Array.from(secret.keys[0]!.secret)).slice(1, -1);
  assert.ok(!text.includes(bytes) && !text.includes('"secret"'), "no key");
  assert.ok(!/"(transmit|receive)":[1-9]/.test(text), "no numbers");
  assert.deepEqual(replayed(read(segments)).differences, []);
});

Deno.test("steps in Up are three numbers and a part of chance; who forges packets fills no memory", () => {
  const random = new Random(9);
  const path = new Path(random, settings(), settings());
  path.bringUp();
  const { session } = path.a;
  const recorder = new Recorder("bfd");
  let { now } = path;
  for (let i = 0; i < 20_000; i++) {
    now = Math.max(now + 10, Math.min(deadline(session), now + 40));
    const event = now >= deadline(session) ? { type: "timer" } as const : {
      type: "packet",
      packet: control({ state: "up", desiredMinTx: random.int(1, 1e9) }),
    } as const;
    recorder.begin(session, event);
    recorder.note(event, step(session, event, now, 0.5, []), now, CHANCE / 2);
  }
  const segments = written(recorder, "one");
  assert.ok(JSON.stringify(segments).length < 150_000, `${JSON.stringify(segments).length}`);
  assert.deepEqual(replayed(read(segments)).differences, []);
});
