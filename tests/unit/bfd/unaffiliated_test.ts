/** Unaffiliated echo (RFC 9747): our own packets, sent back by a neighbour that only forwards. */

import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import {
  type AuthenticationSettings,
  believeLooped,
  type ControlPacket,
  createSession,
  deadline,
  decodeControl,
  type DropReason,
  emptyControlPacket,
  LONGEST_CONTROL,
  type Micros,
  type Session,
  type SessionEffect,
  type SessionEvent,
  type SessionSettings,
  step,
  writeControl,
} from "../../../mod/bfd/mod.ts";
import { Random, wantedSeed } from "../../lib/random.ts";
import { LOCAL, settings, transitions } from "./fixtures.ts";

const SECOND = 1_000_000;

/** One session, and a forwarder that sends back what it gets after `delay`, while it is `there`. */
class Loop {
  now: Micros = 7_000_000_000;
  random = new Random(wantedSeed() ?? 1);
  delay: Micros = 400;
  there = true;
  ttl = 254;
  session: Session;
  readonly effects: SessionEffect[] = [];
  readonly drops: DropReason[] = [];
  readonly sent: { readonly at: Micros; readonly packet: ControlPacket }[] = [];
  #returning: { readonly at: Micros; readonly bytes: Uint8Array; readonly length: number }[] = [];

  constructor(changed: Partial<SessionSettings> = {}) {
    const origin = { discriminator: LOCAL, sequence: 0xffff_fffd };
    const wanted = settings({ transmitInterval: 20_000, unaffiliated: true, ...changed });
    this.session = createSession(wanted, origin, this.now);
  }

  step(event: SessionEvent): SessionEffect[] {
    const effects = step(this.session, event, this.now, this.random.next());
    this.effects.push(...effects);
    for (const effect of effects) {
      if (effect.type !== "send") continue;
      const bytes = new Uint8Array(LONGEST_CONTROL);
      const length = writeControl(this.session, effect, bytes, this.now);
      const packet = emptyControlPacket();
      strictEqual(decodeControl(bytes, length, packet), null);
      this.sent.push({ at: this.now, packet });
      if (this.there) this.#returning.push({ at: this.now + this.delay, bytes, length });
    }
    return effects;
  }

  /** What has come back, as the driver takes it. */
  arrive(bytes: Uint8Array, length: number): void {
    const packet = emptyControlPacket();
    const reason = decodeControl(bytes, length, packet) ??
      believeLooped(this.session, bytes, packet, this.ttl, this.now);
    if (reason === null) this.step({ type: "packet", packet });
    else this.drops.push(reason);
  }

  run(length: Micros): void {
    const end = this.now + length;
    for (;;) {
      const back = this.#returning[0]?.at ?? Infinity;
      const next = Math.min(back, deadline(this.session));
      if (next > end) break;
      this.now = Math.max(this.now, next);
      if (back <= next) {
        const { bytes, length } = this.#returning.shift()!;
        this.arrive(bytes, length);
      } else {
        this.step({ type: "timer" });
        ok(deadline(this.session) > this.now, "whatever was due has been done");
      }
    }
    this.now = end;
  }

  up(): this {
    this.run(2 * SECOND);
    strictEqual(this.session.state, "up");
    return this;
  }
}

function said({ packet }: { readonly packet: ControlPacket }): string {
  const own = packet.yourDiscriminator === LOCAL ? "own" : packet.yourDiscriminator;
  return `${packet.state} ${packet.diagnostic} ${own}`;
}

Deno.test("[B9747-3] up by its own packets: your discriminator 0 first, then its own", () => {
  const loop = new Loop();
  loop.run(500_000);
  deepStrictEqual(loop.sent.slice(0, 3).map(said), ["down 0 0", "init 0 own", "up 0 own"]);
  deepStrictEqual(transitions(loop.effects), [
    "down → init: handshake",
    "init → up: handshake",
  ]);
  ok(loop.sent.every(({ packet }) => packet.myDiscriminator === LOCAL));
});

Deno.test("[B9747-2] what comes back with another TTL than 254 is not believed", () => {
  for (const ttl of [255, 253, 1, 0]) {
    const loop = new Loop();
    loop.ttl = ttl;
    loop.run(10 * SECOND);
    strictEqual(loop.session.state, "down");
    ok(loop.drops.length >= 10 && loop.drops.every((reason) => reason === "ttl"));
  }
});

Deno.test("[B9747-4] intervals in packets are one second, of echoes none, and mean nothing", () => {
  const loop = new Loop().up();
  for (const { packet } of loop.sent) {
    const { desiredMinTx, requiredMinRx, requiredMinEchoRx, poll, final, demand } = packet;
    deepStrictEqual([desiredMinTx, requiredMinRx, requiredMinEchoRx], [SECOND, SECOND, 0]);
    deepStrictEqual([poll, final, demand], [false, false, false]);
  }
  const { packet } = loop.sent.at(-1)!;
  for (const strange of [0, 1, 0xffff_ffff]) {
    const fields = { desiredMinTx: strange, requiredMinRx: strange, requiredMinEchoRx: strange };
    loop.step({
      type: "packet",
      packet: { ...packet, ...fields, poll: true, detectMultiplier: 9 },
    });
    const before = loop.sent.length;
    loop.run(SECOND);
    const count = loop.sent.length - before;
    ok(count >= 50 && count <= 67, `${count} packets in a second at 20 ms`);
    ok(loop.sent.every((one) => !one.packet.final));
  }
  strictEqual(loop.session.state, "up");
});

Deno.test("[B9747-6] one packet a second until up, then as often as configured, 75 to 100 %", () => {
  const loop = new Loop();
  loop.there = false;
  loop.run(100 * SECOND);
  const slow = loop.sent.slice(1).map(({ at }, i) => at - loop.sent[i]!.at);
  ok(slow.length > 100 && slow.every((gap) => gap >= 750_000 && gap <= SECOND));
  loop.there = true;
  loop.up();
  const from = loop.sent.length;
  loop.run(10 * SECOND);
  const fast = loop.sent.slice(from + 1).map(({ at }, i) => at - loop.sent[from + i]!.at);
  ok(fast.length >= 500 && fast.every((gap) => gap >= 15_000 && gap <= 20_000));
});

Deno.test("[B9747-7] loss takes it down with diagnostic 2, slow again; heals by itself", () => {
  const loop = new Loop().up();
  loop.there = false;
  loop.run(1_000);
  const last = loop.session.lastReceived!;
  loop.run(last + 59_999 - loop.now);
  strictEqual(loop.session.state, "up");
  loop.run(1);
  deepStrictEqual(transitions(loop.effects).slice(2), ["up → down: echo_failed"]);
  strictEqual(said(loop.sent.at(-1)!), "down 2 0");
  const before = loop.sent.length;
  loop.run(30 * SECOND);
  const count = loop.sent.length - before;
  ok(count >= 30 && count <= 40, `${count} packets in 30 s`);
  loop.there = true;
  loop.up();
  loop.run(SECOND);
  strictEqual(loop.session.transitions, 5);
});

Deno.test("[B9747-5] there is no AdminDown: taken down or stopped it is silent", () => {
  const loop = new Loop().up();
  const before = loop.sent.length;
  loop.step({ type: "admin", down: true });
  loop.run(60 * SECOND);
  deepStrictEqual([loop.session.state, loop.sent.length], ["admin_down", before]);
  loop.step({ type: "admin", down: false });
  loop.up();
  loop.step({ type: "stop", now: false });
  ok(loop.session.stopped);
  ok(loop.sent.every(({ packet }) => packet.state !== "admin_down"));
  const forged = { ...loop.sent[0]!.packet, state: "admin_down" as const };
  const other = new Loop().up();
  const reason = believeLooped(other.session, new Uint8Array(24), forged, 254, other.now);
  strictEqual(reason, "admin_down");
});

Deno.test("packets of others, and of a former life, are not believed", () => {
  const loop = new Loop().up();
  const { packet } = loop.sent.at(-1)!;
  for (const wrong of [{ myDiscriminator: 1 }, { yourDiscriminator: 1 }]) {
    const judged = { ...packet, ...wrong };
    const reason = believeLooped(loop.session, new Uint8Array(24), judged, 254, loop.now);
    strictEqual(reason, "unknown_session");
  }
});

Deno.test("a path longer than a second: what says an earlier state is no restart of anybody", () => {
  const loop = new Loop({ transmitInterval: 2 * SECOND, detectMultiplier: 5 });
  loop.delay = 3_300_000;
  loop.run(120 * SECOND);
  strictEqual(loop.session.state, "up");
  for (const state of ["down", "init"] as const) {
    loop.step({ type: "packet", packet: { ...loop.sent.at(-1)!.packet, state } });
  }
  loop.run(20 * SECOND);
  deepStrictEqual(transitions(loop.effects), ["down → init: handshake", "init → up: handshake"]);
});

Deno.test("a changed interval and multiplier count at once", () => {
  const loop = new Loop().up();
  const changed = { transmitInterval: 100_000, detectMultiplier: 2 };
  loop.step({ type: "configure", settings: { ...loop.session.settings, ...changed } });
  const from = loop.sent.length;
  loop.run(10 * SECOND);
  const count = loop.sent.length - from;
  ok(count >= 100 && count <= 134, `${count} packets in 10 s at 100 ms`);
  loop.there = false;
  loop.run(100_400 + 200_000);
  strictEqual(loop.session.state, "down");
  strictEqual(loop.effects.filter(({ type }) => type === "transition").length, 3);
});

Deno.test("[N25] a stall of ours is no lost packet", () => {
  const loop = new Loop().up();
  loop.there = false;
  loop.run(1_000);
  loop.now += 200_000;
  loop.step({ type: "stall", length: 200_000 });
  loop.run(59_999);
  strictEqual(loop.session.state, "up");
  loop.run(1);
  strictEqual(loop.session.state, "down");
});

Deno.test("[B9747-8] authenticated as a control packet is; nothing else is believed", () => {
  const secret = [...new TextEncoder().encode("seven")];
  const key = { id: 5, secret };
  for (const type of ["simple", "meticulous-keyed-sha1", "keyed-md5"] as const) {
    const authentication = { type, keys: [key] } as unknown as AuthenticationSettings;
    const loop = new Loop({ authentication }).up();
    ok(loop.sent.every(({ packet }) => packet.authenticated));
    deepStrictEqual(loop.drops, []);
    const plain = new Loop();
    plain.run(1);
    const bytes = new Uint8Array(LONGEST_CONTROL);
    const length = writeControl(plain.session, { type: "send", final: false }, bytes, plain.now);
    loop.arrive(bytes, length);
    deepStrictEqual(loop.drops, ["authentication_missing"]);
    loop.run(5 * SECOND);
    strictEqual(loop.session.state, "up");
  }
});

Deno.test("it goes on from a snapshot", () => {
  const loop = new Loop().up();
  loop.session = structuredClone(loop.session);
  loop.now += 3 * SECOND;
  loop.step({ type: "resume", age: 3 * SECOND });
  loop.run(10 * SECOND);
  strictEqual(loop.session.state, "up");
  strictEqual(loop.session.transitions, 2);
});
