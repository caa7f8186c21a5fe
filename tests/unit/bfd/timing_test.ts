/** Intervals, jitter, polls, detection, demand mode: RFC 5880 sections 6.5, 6.6, 6.8.2 to 6.8.7. */

import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import {
  authenticate,
  type ControlPacket,
  deadline,
  decodeControl,
  detectionTime,
  emptyControlPacket,
  FINAL_GAP,
  STATES,
  transmitInterval,
} from "../../../mod/bfd/mod.ts";
import { Random, wantedSeed } from "../../lib/random.ts";
import { Bench, benchIn, LOCAL, said, transitions } from "./fixtures.ts";
import { authentication, encoded, secret } from "./packet_fixtures.ts";

/** Microseconds between packets that a session in Up sends when left alone. */
function gaps(bench: Bench, count: number, random: () => number): number[] {
  const list: number[] = [];
  for (let i = 0; i < count; i++) {
    bench.random = random();
    const before = bench.now;
    bench.receive();
    bench.take();
    bench.wait(bench.session.transmitAt! - bench.now);
    strictEqual(bench.take().length, 1);
    list.push(bench.now - before);
  }
  return list;
}

// ===== transmission ==============================================================================

Deno.test("[B7-1] [B7-4] the interval is what we want or what the other side takes, the longer", () => {
  const bench = benchIn("up");
  for (const [theirs, interval] of [[20_000, 50_000], [80_000, 80_000], [1, 50_000]] as const) {
    bench.receive({ requiredMinRx: theirs });
    strictEqual(transmitInterval(bench.session), interval);
    bench.wait(0);
  }
});

Deno.test("[B7-2] [B7-3] [N11] [S10] jitter: 75 to 100 %, with a multiplier of 1 to 90 %", () => {
  const random = new Random(wantedSeed() ?? 1);
  for (const [detectMultiplier, most, mean] of [[3, 1, 0.875], [1, 0.9, 0.825]] as const) {
    const bench = benchIn("up", { detectMultiplier });
    bench.wait(bench.session.transmitAt! - bench.now);
    const shares = gaps(bench, 10_000, () => random.next()).map((gap) => gap / 50_000);
    // The first number was another one.
    shares.shift();
    ok(shares.every((share) => share >= 0.75 && share <= most));
    const average = shares.reduce((sum, share) => sum + share, 0) / shares.length;
    ok(Math.abs(average - mean) < 0.00875, `mean ${average}`);
    ok(new Set(shares).size >= 8, "not constant");
    ok(Math.min(...shares) < 0.76 && Math.max(...shares) > most - 0.01, "the whole range is used");
  }
});

Deno.test("what is due at nearly the same time leaves together, each within its jitter", () => {
  const random = new Random(wantedSeed() ?? 2);
  for (const [interval, moments] of [[50_000, 1_000], [10_000, 4_000], [3_300, 16_000]] as const) {
    const times = new Set<number>();
    let packets = 0;
    for (let i = 0; i < 100; i++) {
      const bench = benchIn("up", { transmitInterval: interval, receiveInterval: interval });
      bench.receive({ desiredMinTx: interval, requiredMinRx: interval, final: true });
      bench.sleep(random.int(0, interval));
      const end = bench.now + interval + 1_000_000;
      let last: number | null = null;
      while (bench.now < end) {
        bench.random = random.next();
        bench.receive({ desiredMinTx: interval, requiredMinRx: interval });
        bench.wait(Math.max(0, bench.session.transmitAt! - bench.now));
        if (last !== null) {
          const share = (bench.now - last) / interval;
          ok(share >= 0.75 && share <= 1, `${share} of ${interval}`);
          times.add(bench.now);
          packets++;
        }
        last = bench.now;
      }
    }
    ok(packets > 100 * 1_000_000 / interval, `${packets} packets`);
    ok(times.size <= moments * 1.1, `${interval}: ${packets} packets at ${times.size} moments`);
  }
});

Deno.test("[B3-4] [N27] a second and more until it is up, whatever the other side allows", () => {
  for (const state of ["down", "init"] as const) {
    const bench = benchIn(state, { transmitInterval: 3_300 });
    bench.receive({ state: state === "down" ? "admin_down" : "down", requiredMinRx: 3_300 });
    strictEqual(transmitInterval(bench.session), 1_000_000);
    bench.wait(2_900_000);
    ok(bench.sent.length <= 4, `${bench.sent.length} packets`);
    ok(bench.sent.every(({ packet }) => packet.desiredMinTx === 1_000_000));
  }
});

Deno.test("[B7-5] passive: silent until the other side is known, and again when it is not", () => {
  const bench = new Bench({ passive: true });
  bench.wait(10_000_000);
  deepStrictEqual(bench.take(), []);
  strictEqual(deadline(bench.session), Infinity);
  bench.receive({ state: "down", yourDiscriminator: 0 });
  deepStrictEqual(bench.take().map(({ state }) => state), ["init"]);
  bench.receive({ state: "up" });
  bench.wait(100_000);
  ok(bench.take().length > 1);
  bench.wait(10_000_000);
  strictEqual(bench.session.state, "down");
  bench.take();
  bench.wait(10_000_000);
  deepStrictEqual(bench.take(), []);
});

Deno.test("[B7-6] [N4] 0 stops periodic packets; polls are answered, changes of state told", () => {
  const bench = benchIn("up");
  bench.receive({ requiredMinRx: 0 });
  bench.wait(140_000);
  deepStrictEqual(bench.take(), []);
  bench.receive({ requiredMinRx: 0, poll: true });
  deepStrictEqual(bench.take().map(({ final, poll }) => [final, poll]), [[true, false]]);
  bench.wait(10_000_000);
  deepStrictEqual(bench.sent[0]!.packet.state, "down");
});

Deno.test("[B7-7] [B6-10] who asks for demand mode gets no periodic packets while both are up", () => {
  const bench = benchIn("up");
  bench.receive({ demand: true });
  for (let i = 0; i < 10; i++) {
    bench.wait(100_000);
    bench.receive({ demand: true });
  }
  deepStrictEqual(bench.take(), []);
  // Polls of our own are sent all the same, until they are answered.
  bench.configure({ receiveInterval: 60_000 });
  bench.wait(100_000);
  const polls = bench.take();
  ok(polls.length >= 2 && polls.every(({ poll }) => poll));
  bench.receive({ demand: true, final: true });
  bench.wait(100_000);
  deepStrictEqual(bench.take(), []);
  bench.receive({ demand: true, state: "init" });
  bench.wait(60_000);
  ok(bench.take().length > 0, "it is not up on both sides any more");
});

Deno.test("[B7-9] what has changed is told between the periodic packets", () => {
  const bench = benchIn("up");
  bench.receive();
  const changes = [{ detectMultiplier: 5 }, { echoReceiveInterval: 20_000 }, {
    receiveInterval: 70_000,
  }];
  for (const change of changes) {
    bench.configure(change);
    strictEqual(bench.take().length, 1, JSON.stringify(change));
    deepStrictEqual(bench.configure(change), [], "and nothing where nothing has changed");
  }
});

Deno.test("[B6-8] [B7-10] a poll is answered at once in any state, without a P of ours", () => {
  for (const state of STATES) {
    const bench = benchIn(state);
    if (state === "up") bench.configure({ receiveInterval: 70_000 });
    bench.take();
    bench.receive({ state: state === "init" ? "down" : "admin_down", poll: true, final: false });
    const answers = bench.take().filter(({ final }) => final);
    deepStrictEqual(answers.map(({ poll }) => poll), [false], state);
  }
});

Deno.test("[B7-11] a flood of polls gets an answer each 5 ms, and the last one gets its own", () => {
  const bench = benchIn("up");
  const start = bench.now;
  for (let i = 0; i < 1000; i++) {
    bench.receive({ poll: true });
    bench.wait(20);
  }
  bench.wait(FINAL_GAP);
  const answers = bench.sent.filter(({ packet }) => packet.final);
  ok(answers.length >= 4 && answers.length <= 6, `${answers.length} answers in 20 ms`);
  ok(answers.at(-1)!.at >= start + 20_000);
  // Our own periodic packets were not put off by it.
  bench.receive({ poll: true });
  bench.wait(50_000);
  ok(bench.sent.some(({ packet }) => !packet.final));
});

// ===== polls =====================================================================================

Deno.test("[B3-1] a change of either interval opens a poll", () => {
  for (const change of [{ transmitInterval: 40_000 }, { receiveInterval: 40_000 }]) {
    const bench = benchIn("up");
    bench.configure(change);
    strictEqual(bench.last.poll, true);
    const { desiredMinTx, requiredMinRx } = bench.last;
    const said = { transmitInterval: desiredMinTx, receiveInterval: requiredMinRx };
    deepStrictEqual({ ...said, ...change }, said);
    bench.wait(100_000);
    ok(bench.take().every(({ poll }) => poll), "until it is answered");
    bench.receive({ final: true });
    bench.wait(60_000);
    ok(bench.take().every(({ poll }) => !poll));
  }
});

Deno.test("[B3-1] coming up is such a change: the poll begins with the first packet in Up", () => {
  const bench = benchIn("init");
  bench.receive({ state: "up" });
  deepStrictEqual([bench.last.state, bench.last.poll, bench.last.desiredMinTx], [
    "up",
    true,
    50_000,
  ]);
  strictEqual(transmitInterval(bench.session), 50_000);
});

Deno.test("[B3-2] [N8] [N26] an increase of our interval in Up counts after the answer", () => {
  const bench = benchIn("up");
  bench.configure({ transmitInterval: 5_000_000 });
  strictEqual(bench.last.desiredMinTx, 5_000_000);
  strictEqual(transmitInterval(bench.session), 50_000);
  bench.receive({ final: true });
  strictEqual(transmitInterval(bench.session), 5_000_000);
});

Deno.test("[B3-7] a decrease counts at once", () => {
  const bench = benchIn("up");
  bench.configure({ transmitInterval: 20_000 });
  bench.receive({ requiredMinRx: 10_000 });
  strictEqual(transmitInterval(bench.session), 20_000);
  bench.configure({ receiveInterval: 90_000 });
  bench.receive({ final: true });
  bench.session.pollQuietUntil = bench.now;
  bench.wait(0);
  strictEqual(detectionTime(bench.session), 270_000);
});

Deno.test("[B3-3] a decrease of what we take in Up counts for detection after the answer", () => {
  const bench = benchIn("up");
  bench.receive({ desiredMinTx: 10_000 });
  bench.configure({ receiveInterval: 10_000 });
  strictEqual(bench.last.requiredMinRx, 10_000);
  strictEqual(detectionTime(bench.session), 150_000);
  bench.receive({ desiredMinTx: 10_000, final: true });
  strictEqual(detectionTime(bench.session), 30_000);
});

Deno.test("[B3-5] a shorter interval of the other side is honoured at once", () => {
  const bench = benchIn("up");
  bench.receive({ requiredMinRx: 10_000_000 });
  bench.wait(0);
  const last = bench.session.lastSent!;
  bench.random = 0;
  bench.receive({ requiredMinRx: 60_000 });
  ok(bench.session.transmitAt! <= last + 60_000);
  bench.receive({ requiredMinRx: 10_000_000 });
  bench.sleep(100_000);
  bench.receive({ requiredMinRx: 60_000 });
  ok(bench.session.transmitAt! <= bench.now, "if that is past: now");
});

Deno.test("[B3-6] while echoes do the work, control packets may be rare", () => {
  const bench = benchIn("up");
  bench.step({ type: "echo", active: true });
  deepStrictEqual([bench.last.requiredMinRx, bench.last.poll], [1_000_000, true]);
  strictEqual(detectionTime(bench.session), 3_000_000);
  bench.receive({ final: true });
  bench.session.pollQuietUntil = bench.now;
  bench.step({ type: "echo", active: false });
  strictEqual(bench.last.requiredMinRx, 50_000);
  strictEqual(detectionTime(bench.session), 3_000_000, "until the other side has agreed");
  bench.receive({ final: true });
  strictEqual(detectionTime(bench.session), 150_000);
});

Deno.test("[B3-8] a second change waits until no answer to the first can come any more", () => {
  const bench = benchIn("up");
  bench.configure({ transmitInterval: 200_000 });
  bench.configure({ transmitInterval: 900_000 });
  ok(bench.take().every(({ desiredMinTx }) => desiredMinTx === 200_000));
  bench.sleep(1_000);
  bench.receive({ final: true });
  strictEqual(transmitInterval(bench.session), 200_000);
  const asked = bench.session.pollSent!;
  // A late second answer to the first question answers nothing.
  bench.receive({ final: true });
  strictEqual(transmitInterval(bench.session), 200_000);
  while (bench.now < asked + 149_000) {
    bench.receive();
    bench.wait(4_000);
  }
  ok(bench.take().every(({ desiredMinTx, poll }) => desiredMinTx === 200_000 && !poll));
  bench.wait(asked + 150_000 - bench.now);
  deepStrictEqual([bench.last.desiredMinTx, bench.last.poll], [900_000, true]);
  strictEqual(transmitInterval(bench.session), 200_000);
  bench.receive({ final: true });
  strictEqual(transmitInterval(bench.session), 900_000);
});

Deno.test("[B3-8] where an answer takes longer than a detection time, the wait is as long", () => {
  const bench = benchIn("up");
  bench.configure({ transmitInterval: 200_000 });
  const asked = bench.now;
  for (let i = 0; i < 40; i++) {
    bench.receive();
    bench.wait(10_000);
  }
  bench.receive({ final: true });
  const last = bench.session.pollSent!;
  ok(last > asked + 300_000);
  bench.configure({ transmitInterval: 300_000 });
  strictEqual(bench.session.desiredMinTx, 200_000);
  strictEqual(bench.session.pollQuietUntil, last + 800_000);
});

Deno.test("[B6-5] an answer without a question is none", () => {
  const bench = benchIn("up");
  const before = JSON.stringify(bench.session);
  bench.receive({ final: true });
  const after = JSON.parse(JSON.stringify(bench.session));
  deepStrictEqual(
    { ...after, lastReceived: 0, detectAt: 0, sequenceForgottenAt: 0 },
    { ...JSON.parse(before), lastReceived: 0, detectAt: 0, sequenceForgottenAt: 0 },
  );
});

// ===== detection =================================================================================

Deno.test("[B4-1] [B6-6] the other side's multiplier, and the longer of two intervals", () => {
  const cases = [[50, 20, 3, 150], [10, 100, 5, 500], [50, 50, 1, 50], [3.3, 3.3, 3, 9.9]] as const;
  for (const [ours, theirs, detectMultiplier, expected] of cases) {
    const bench = benchIn("up", { receiveInterval: ours * 1000, detectMultiplier: 7 });
    bench.receive({ desiredMinTx: theirs * 1000, detectMultiplier });
    strictEqual(detectionTime(bench.session), expected * 1000);
    strictEqual(bench.session.detectAt, bench.now + expected * 1000);
  }
});

Deno.test("[B6-9] each packet that counts begins the detection time anew", () => {
  const bench = benchIn("up");
  for (let i = 0; i < 20; i++) {
    bench.receive();
    strictEqual(bench.session.detectAt, bench.now + 150_000);
    bench.wait(149_999);
  }
  strictEqual(bench.session.state, "up");
});

Deno.test("[B6-2] [N7] [B6-9] what is not genuine changes nothing", () => {
  const good = authentication("meticulous-keyed-sha1");
  const bench = benchIn("up", { authentication: good });
  const verify = (bytes: Uint8Array): string | null => {
    const packet: ControlPacket = emptyControlPacket();
    strictEqual(decodeControl(bytes, bytes.length, packet), null);
    return authenticate(bench.session, bytes, packet, bench.now);
  };
  const spoofed = said({ state: "down", myDiscriminator: 666 });
  const before = JSON.stringify(bench.session);
  const bad = { ...good, keys: [{ id: 7, secret: secret("guess") }] };
  strictEqual(verify(encoded(spoofed, bad)), "authentication_digest");
  strictEqual(verify(encoded(spoofed)), "authentication_missing");
  strictEqual(JSON.stringify(bench.session), before);
  strictEqual(verify(encoded(said(), good, 10)), null);
  strictEqual(verify(encoded(said(), good, 10)), "authentication_sequence");
});

Deno.test("[B1-10] [B7A-10] after two detection times of silence any number may come", () => {
  const good = authentication("meticulous-keyed-md5");
  const bench = benchIn("up", { authentication: good });
  const take = (sequence: number): string | null => {
    const bytes = encoded(said(), good, sequence);
    const packet = emptyControlPacket();
    decodeControl(bytes, bytes.length, packet);
    const reason = authenticate(bench.session, bytes, packet, bench.now);
    if (reason === null) bench.step({ type: "packet", packet });
    return reason;
  };
  strictEqual(take(5_000), null);
  bench.wait(299_999);
  strictEqual(take(1), "authentication_sequence");
  bench.wait(1);
  strictEqual(take(1), null);
  strictEqual(take(5_001), "authentication_sequence");
});

Deno.test("[B7A-6] meticulous numbers grow with each packet, keyed ones each second", () => {
  for (const [type, each] of [["meticulous-keyed-sha1", true], ["keyed-sha1", false]] as const) {
    const bench = benchIn("up", { authentication: authentication(type) });
    const numbers: number[] = [];
    for (let i = 0; i < 100; i++) {
      bench.receive();
      bench.wait(bench.session.transmitAt! - bench.now);
      numbers.push(bench.session.sequence.transmit);
    }
    const steps = numbers.slice(1).map((number, i) => (number - numbers[i]!) >>> 0);
    if (each) ok(steps.every((step) => step === 1));
    else ok(steps.every((step) => step <= 1) && steps.includes(1) && steps.includes(0));
    // 100 packets of 43.75 ms: between four and six seconds, around the end of 32 bits.
    if (!each) ok(steps.filter((step) => step === 1).length <= 6);
  }
});

// ===== demand mode ===============================================================================

/** Up on both sides, we ask for silence, and the first look at the path has been answered. */
function demanding(): Bench {
  const bench = benchIn("up", { demand: { pollInterval: 500_000 } });
  bench.session.polling = false;
  bench.session.demandPollAt = null;
  bench.configure({ demand: null });
  bench.receive({ final: true });
  bench.session.pollQuietUntil = bench.now;
  bench.take();
  bench.configure({ demand: { pollInterval: 500_000 } });
  return bench;
}

Deno.test("[B7-8] the D bit is set when demand mode is configured and both are up, only then", () => {
  for (const state of STATES) {
    const bench = benchIn(state, { demand: { pollInterval: 500_000 } });
    bench.wait(1_100_000);
    ok(bench.sent.every(({ packet }) => !packet.demand || packet.state === "up"), state);
  }
  const bench = demanding();
  deepStrictEqual(bench.take().map(({ demand, poll }) => [demand, poll]), [[true, true]]);
  bench.receive({ state: "init" });
  bench.wait(50_000);
  ok(bench.take().every(({ demand }) => !demand));
});

Deno.test("[B4-2] demand mode: no detection but of polls, by our multiplier from the poll's start", () => {
  const bench = demanding();
  bench.receive({ final: true, desiredMinTx: 10_000_000 });
  const answered = bench.now;
  strictEqual(bench.session.detectAt, null);
  bench.wait(499_999);
  strictEqual(bench.session.state, "up");
  bench.take();
  bench.wait(1);
  strictEqual(bench.now, answered + 500_000);
  strictEqual(bench.take().at(-1)!.poll, true);
  // 3 × 50 ms, whatever the other side's multiplier and interval.
  bench.receive({ desiredMinTx: 10_000_000, detectMultiplier: 200 });
  strictEqual(bench.session.detectAt, answered + 650_000);
  bench.wait(149_999);
  strictEqual(bench.session.state, "up");
  deepStrictEqual(transitions(bench.wait(1)), ["up → down: detection_expired"]);
});

Deno.test("[B4-2] a poll that was open before demand mode counts from its beginning", () => {
  for (const how of ["configured", "the other side comes up"]) {
    const late = how === "configured" ? null : { pollInterval: 500_000 };
    const bench = benchIn("up", { demand: late });
    bench.receive({ state: late === null ? "up" : "init" });
    bench.session.polling = false;
    bench.configure({ receiveInterval: 60_000 });
    strictEqual(bench.session.polling, true);
    for (let i = 0; i < 14; i++) {
      bench.wait(10_000);
      bench.receive({ state: late === null ? "up" : "init" });
    }
    if (late === null) bench.configure({ demand: { pollInterval: 500_000 } });
    else bench.receive({ state: "up" });
    strictEqual(bench.session.detectAt, bench.now + 150_000, how);
  }
});

Deno.test("[B6-10] demand mode ends: the other side has a detection time from then", () => {
  const bench = demanding();
  bench.receive({ final: true });
  bench.wait(400_000);
  bench.configure({ demand: null });
  strictEqual(bench.last.demand, false);
  strictEqual(bench.session.detectAt, bench.now + 150_000);
});

// ===== our own stalls ============================================================================

Deno.test("[N25] a deadline that ran out in a stall gets the stall's length, or a detection time", () => {
  for (const [length, given] of [[60_000, 60_000], [400_000, 150_000]] as const) {
    const bench = benchIn("up");
    bench.receive();
    bench.wait(100_000);
    bench.sleep(length);
    const effects = bench.step({ type: "stall", length });
    deepStrictEqual(effects.map((effect) => effect.type), ["notice"]);
    bench.step({ type: "timer" });
    bench.wait(given - 1);
    strictEqual(bench.session.state, "up");
    deepStrictEqual(transitions(bench.wait(1)), ["up → down: detection_expired"]);
  }
});

Deno.test("[N25] one that would run out soon is put off, too; a packet ends the matter", () => {
  const bench = benchIn("up");
  bench.receive();
  bench.sleep(140_000);
  deepStrictEqual(bench.step({ type: "stall", length: 20_000 }), []);
  bench.wait(22_499);
  strictEqual(bench.session.state, "up");
  bench.receive();
  strictEqual(bench.session.detectAt, bench.now + 150_000);
});

Deno.test("[N25] one that is further away than the stall was long stays", () => {
  const bench = benchIn("up");
  bench.receive();
  bench.sleep(100_000);
  deepStrictEqual(bench.step({ type: "stall", length: 47_500 }), []);
  bench.wait(49_999);
  strictEqual(bench.session.state, "up");
  deepStrictEqual(transitions(bench.wait(1)), ["up → down: detection_expired"]);
});

Deno.test("[N25] stall after stall: a dead peer is given one detection time in all", () => {
  const bench = benchIn("up");
  bench.receive();
  let given = 0;
  while (bench.session.state === "up") {
    bench.sleep(200_000);
    bench.step({ type: "stall", length: 200_000 });
    bench.step({ type: "timer" });
    const left = (bench.session.detectAt ?? bench.now) - bench.now;
    bench.wait(Math.min(40_000, Math.max(0, left)));
    given += 40_000;
    ok(given <= 200_000);
  }
  deepStrictEqual(transitions(bench.effects), ["up → down: detection_expired"]);
});

Deno.test("[N25] without stall_grace a stall is nothing", () => {
  const bench = benchIn("up", { stallGrace: false });
  bench.receive();
  bench.sleep(160_000);
  deepStrictEqual(bench.step({ type: "stall", length: 160_000 }), []);
  deepStrictEqual(transitions(bench.step({ type: "timer" })), ["up → down: detection_expired"]);
});

Deno.test("a timer that comes too early, or twice, does nothing", () => {
  for (const state of STATES) {
    const bench = benchIn(state);
    const before = JSON.stringify(bench.session);
    if (deadline(bench.session) <= bench.now) continue;
    deepStrictEqual(bench.step({ type: "timer" }), []);
    strictEqual(JSON.stringify(bench.session), before);
  }
  strictEqual(benchIn("up").session.localDiscriminator, LOCAL);
});
