/** The Echo function: when it runs, how often it sends, what it takes for a failure, round trips. */

import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import {
  createEcho,
  decodeEcho,
  type Echo,
  ECHO_LENGTH,
  echoDeadline,
  type EchoEffect,
  type EchoEvent,
  type EchoPacket,
  type EchoSettings,
  isDoubtful,
  type Micros,
  resumeEcho,
  stepEcho,
  writeEcho,
} from "../../../mod/bfd/mod.ts";
import { Random, wantedSeed } from "../../lib/random.ts";
import { benchIn } from "./fixtures.ts";

/** One echo function and a mirror that answers after `delay`, as long as `there` says so. */
class Mirror {
  now: Micros = 5_000_000_000_000;
  random = new Random(wantedSeed() ?? 1);
  delay: Micros = 300;
  there = true;
  readonly echo: Echo;
  readonly effects: EchoEffect[] = [];
  readonly sentAt: Micros[] = [];
  #returning: { at: Micros; bytes: Uint8Array }[] = [];

  constructor(settings: EchoSettings = { transmitInterval: 20_000, detectMultiplier: 3 }) {
    this.echo = createEcho(settings, 4711);
  }

  step(event: EchoEvent): EchoEffect[] {
    const effects = stepEcho(this.echo, event, this.now, this.random.next());
    this.effects.push(...effects);
    for (const { type } of effects) {
      if (type !== "send_echo") continue;
      this.sentAt.push(this.now);
      const bytes = new Uint8Array(64);
      strictEqual(writeEcho(this.echo, bytes, this.now), ECHO_LENGTH);
      if (this.there) this.#returning.push({ at: this.now + this.delay, bytes });
    }
    return effects;
  }

  follow(up: boolean, remoteMinimum: Micros): EchoEffect[] {
    return this.step({ type: "follow", up, remoteMinimum });
  }

  run(length: Micros): void {
    const end = this.now + length;
    for (;;) {
      const back = this.#returning[0]?.at ?? Infinity;
      const next = Math.min(back, echoDeadline(this.echo));
      if (next > end) break;
      this.now = Math.max(this.now, next);
      if (back <= next) this.#return(this.#returning.shift()!.bytes);
      else {
        this.step({ type: "timer" });
        ok(echoDeadline(this.echo) > this.now, "whatever was due has been done");
      }
    }
    this.now = end;
  }

  #return(bytes: Uint8Array): void {
    const packet: EchoPacket = { discriminator: 0, key: 0, sequence: 0, sentAt: 0 };
    ok(decodeEcho(bytes, bytes.length, packet));
    this.step({ type: "returned", packet });
  }

  count(type: EchoEffect["type"]): number {
    return this.effects.filter((effect) => effect.type === type).length;
  }
}

Deno.test("[B9-1] [B6-4] only in Up, and only where the other side says that it reflects", () => {
  const mirror = new Mirror();
  deepStrictEqual(mirror.follow(false, 20_000), []);
  deepStrictEqual(mirror.follow(true, 0), []);
  strictEqual(echoDeadline(mirror.echo), Infinity);
  deepStrictEqual(mirror.follow(true, 20_000), []);
  mirror.run(100_000);
  ok(mirror.count("send_echo") >= 5);
  strictEqual(mirror.count("echo"), 1, "the first that comes back counts");
  deepStrictEqual(mirror.follow(true, 20_000), [], "nothing new");
  deepStrictEqual(mirror.follow(true, 0), [{ type: "echo", active: false }]);
  const before = mirror.sentAt.length;
  mirror.run(10_000_000);
  strictEqual(mirror.sentAt.length, before);
});

Deno.test("[B9-2] the interval: what we want or they take, the longer; 75 to 100 % of it", () => {
  for (const [ours, theirs, interval] of [[20_000, 3_300, 20_000], [10_000, 50_000, 50_000]]) {
    const mirror = new Mirror({ transmitInterval: ours!, detectMultiplier: 3 });
    mirror.follow(true, theirs!);
    mirror.run(1_000 * interval!);
    const gaps = mirror.sentAt.slice(1).map((at, i) => (at - mirror.sentAt[i]!) / interval!);
    ok(gaps.length > 1_000 && gaps.every((gap) => gap >= 0.75 && gap <= 1));
    const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length;
    ok(Math.abs(mean - 0.875) < 0.01, `mean ${mean}`);
    strictEqual(mirror.count("failed"), 0);
  }
});

Deno.test("[B9-3] so many missing in a row are a failure, at that microsecond", () => {
  const mirror = new Mirror();
  mirror.follow(true, 20_000);
  mirror.run(1_000_000);
  mirror.there = false;
  mirror.run(1_000);
  const last = mirror.echo.silentSince;
  mirror.run(last + 59_999 - mirror.now);
  strictEqual(mirror.count("failed"), 0);
  mirror.run(1);
  strictEqual(mirror.count("failed"), 1);
  strictEqual(mirror.echo.active, false);
  strictEqual(echoDeadline(mirror.echo), Infinity);
});

Deno.test("on trial, none ever back: told once after a second, no failure; then it counts", () => {
  const mirror = new Mirror();
  mirror.there = false;
  mirror.follow(true, 20_000);
  mirror.run(990_000);
  strictEqual(mirror.count("missing"), 0);
  mirror.run(60 * 1_000_000);
  deepStrictEqual([mirror.count("missing"), mirror.count("failed"), mirror.count("echo")], [
    1,
    0,
    0,
  ]);
  const gaps = mirror.sentAt.slice(1).map((at, i) => at - mirror.sentAt[i]!);
  ok(gaps.every((gap) => gap >= 15_000 && gap <= 20_000), "it goes on asking");
  mirror.there = true;
  mirror.run(100_000);
  deepStrictEqual(mirror.effects.filter(({ type }) => type === "echo"), [
    { type: "echo", active: true },
  ]);
  mirror.there = false;
  mirror.run(100_000);
  strictEqual(mirror.count("failed"), 1);
});

Deno.test("[B9-3] once proven it is relied on from the beginning of the next activation", () => {
  const mirror = new Mirror();
  mirror.follow(true, 20_000);
  mirror.run(100_000);
  deepStrictEqual(mirror.follow(false, 20_000), [{ type: "echo", active: false }]);
  deepStrictEqual(mirror.follow(true, 20_000), [{ type: "echo", active: true }]);
  mirror.there = false;
  mirror.run(60_000);
  strictEqual(mirror.count("failed"), 1);
  deepStrictEqual(mirror.follow(false, 0), [], "the session knows by its own transition");
});

Deno.test("a session that echoes took down is held down, longer each time, till one comes back", () => {
  const mirror = new Mirror();
  mirror.follow(true, 20_000);
  mirror.run(100_000);
  mirror.there = false;
  for (const hold of [1, 2, 4, 8, 8, 8]) {
    mirror.follow(true, 20_000);
    mirror.run(61_000);
    deepStrictEqual(mirror.effects.at(-1), { type: "failed", hold: hold * 1_000_000 });
    ok(isDoubtful(mirror.echo));
    mirror.follow(false, 20_000);
  }
  strictEqual(mirror.count("confirmed"), 0);
  mirror.there = true;
  mirror.follow(true, 20_000);
  mirror.run(20_000);
  strictEqual(mirror.count("confirmed"), 1);
  ok(!isDoubtful(mirror.echo));
  mirror.there = false;
  mirror.run(100_000);
  deepStrictEqual(mirror.effects.at(-1), { type: "failed", hold: 1_000_000 });
  mirror.follow(false, 20_000);
  mirror.follow(true, 0);
  strictEqual(mirror.count("confirmed"), 2, "nobody reflects any more: control packets count");
});

Deno.test("held down: it hears the other side and stays, and comes up when the time is over", () => {
  const bench = benchIn("up");
  bench.step({ type: "echo_failed", hold: 2_000_000, failures: 1 });
  deepStrictEqual([bench.session.state, bench.session.echoFailures], ["down", 1]);
  for (let i = 0; i < 3; i++) {
    bench.wait(600_000);
    bench.receive({ state: i === 0 ? "down" : "init" });
    strictEqual(bench.session.state, "down");
  }
  bench.wait(200_000);
  bench.receive({ state: "init" });
  strictEqual(bench.session.state, "up");
  bench.step({ type: "echo", active: true, confirmed: true });
  strictEqual(bench.session.echoFailures, undefined);
});

Deno.test("what a snapshot knew: relied on at once, and in doubt where it was", () => {
  for (const [relied, failures] of [[true, 0], [false, 3]] as const) {
    const mirror = new Mirror();
    resumeEcho(mirror.echo, relied, failures);
    mirror.there = false;
    deepStrictEqual(mirror.follow(true, 20_000), [{ type: "echo", active: true }]);
    strictEqual(isDoubtful(mirror.echo), failures > 0);
    mirror.run(60_000);
    strictEqual(mirror.count("failed"), 1);
  }
});

Deno.test("[B9-4] round trips are measured", () => {
  const mirror = new Mirror();
  mirror.follow(true, 20_000);
  for (const delay of [300, 100, 900]) {
    mirror.delay = delay;
    mirror.run(400_000);
  }
  const { roundTrip } = mirror.echo;
  deepStrictEqual([roundTrip!.last, roundTrip!.least, roundTrip!.most], [900, 100, 900]);
  ok(roundTrip!.smoothed > 700 && roundTrip!.smoothed <= 900);
});

Deno.test("forged and stale echoes are no sign of life", () => {
  const mirror = new Mirror();
  mirror.follow(true, 20_000);
  mirror.there = false;
  mirror.run(30_000);
  const { discriminator, key, sequence } = mirror.echo;
  const good = { discriminator, key, sequence, sentAt: mirror.now - 100 };
  const before = JSON.stringify(mirror.echo);
  for (
    const wrong of [
      { key: (key + 1) >>> 0 },
      { discriminator: 1 },
      { sentAt: mirror.now + 1 },
      { sentAt: mirror.now - 60_001 },
    ]
  ) {
    mirror.step({ type: "returned", packet: { ...good, ...wrong } });
    strictEqual(JSON.stringify(mirror.echo), before, JSON.stringify(wrong));
  }
  mirror.step({ type: "returned", packet: good });
  strictEqual(mirror.echo.returned, 1);
});

Deno.test("[N25] a stall of ours is no lost echo", () => {
  const mirror = new Mirror();
  mirror.follow(true, 20_000);
  mirror.run(1_000_000);
  mirror.there = false;
  mirror.run(1_000);
  mirror.now += 200_000;
  mirror.step({ type: "stall", length: 200_000 });
  mirror.run(59_999);
  strictEqual(mirror.count("failed"), 0);
  mirror.run(1);
  strictEqual(mirror.count("failed"), 1);
});

Deno.test("what is no echo is not read", () => {
  const random = new Random(wantedSeed() ?? 1);
  const packet: EchoPacket = { discriminator: 1, key: 2, sequence: 3, sentAt: 4 };
  for (let i = 0; i < 20_000; i++) {
    const bytes = Uint8Array.from({ length: random.int(0, 40) }, () => random.int(0, 255));
    strictEqual(decodeEcho(bytes, random.int(-1, 41), packet), false);
  }
  deepStrictEqual(packet, { discriminator: 1, key: 2, sequence: 3, sentAt: 4 });
});

Deno.test("[B3-6] [B9-3] with its session: control packets rare while it runs, diagnostic 2", () => {
  const bench = benchIn("up");
  bench.receive({ requiredMinEchoRx: 20_000 });
  const mirror = new Mirror();
  mirror.follow(true, bench.session.remote.requiredMinEchoRx);
  mirror.run(1_000);
  for (const effect of mirror.effects) if (effect.type === "echo") bench.step(effect);
  strictEqual(bench.last.requiredMinRx, 1_000_000);
  mirror.there = false;
  mirror.run(60_000);
  strictEqual(mirror.count("failed"), 1);
  bench.step({ type: "echo_failed" });
  deepStrictEqual([bench.last.state, bench.last.diagnostic], ["down", 2]);
});
