/** The initiator of Seamless BFD against our reflector, over a path with a delay, in virtual time. */

import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import {
  authenticate,
  type AuthenticationSettings,
  type ControlPacket,
  createSession,
  deadline,
  decodeControl,
  DIAGNOSTIC,
  emptyControlPacket,
  LONGEST_CONTROL,
  type Micros,
  reflect,
  type ReflectorSettings,
  type Session,
  type SessionEffect,
  type SessionEvent,
  type SessionSettings,
  step,
  writeControl,
} from "../../../mod/bfd/mod.ts";
import { forSeeds } from "../../lib/random.ts";
import { LOCAL, settings, transitions } from "./fixtures.ts";
import { authentication } from "./packet_fixtures.ts";

const TARGET = 0x0a0b0c0d;
const SECOND = 1_000_000;
const MS = 1_000;

/** An initiator, and a reflector behind a path. */
class Path {
  now: Micros = SECOND;
  random = 0.5;
  /** From a packet to its answer. */
  roundTrip: Micros = 2 * MS;
  lost = false;
  session: Session;
  reflector: ReflectorSettings = {
    discriminators: [TARGET],
    adminDown: false,
    requiredMinRx: 10 * MS,
    authentication: null,
  };
  /** The reflector's answers, before they are sent. */
  forge: (answer: Uint8Array) => void = () => {};
  readonly effects: SessionEffect[] = [];
  readonly sent: { readonly at: Micros; readonly packet: ControlPacket }[] = [];
  readonly dropped: string[] = [];
  answers: { readonly at: Micros; readonly bytes: Uint8Array }[] = [];

  constructor(changed: Partial<SessionSettings> = {}) {
    const origin = { discriminator: LOCAL, sequence: 0xffff_fffe };
    this.session = createSession(initiator(changed), origin, this.now);
  }

  step(event: SessionEvent): void {
    const effects = step(this.session, event, this.now, this.random);
    this.effects.push(...effects);
    for (const effect of effects) if (effect.type === "send") this.#send(effect.final);
  }

  #send(final: boolean): void {
    const bytes = new Uint8Array(LONGEST_CONTROL);
    const length = writeControl(this.session, { type: "send", final }, bytes, this.now);
    const packet = emptyControlPacket();
    strictEqual(decodeControl(bytes, length, packet), null);
    this.sent.push({ at: this.now, packet });
    if (this.lost) return;
    const out = new Uint8Array(LONGEST_CONTROL);
    const answer = reflect(bytes, length, 50_000, this.reflector, out);
    if (typeof answer === "string") return void this.dropped.push(`reflector: ${answer}`);
    const cut = out.slice(0, answer);
    this.forge(cut);
    this.answers.push({ at: this.now + this.roundTrip, bytes: cut });
  }

  take(bytes: Uint8Array): void {
    const packet = emptyControlPacket();
    const reason = decodeControl(bytes, bytes.length, packet) ??
      authenticate(this.session, bytes, packet, this.now);
    if (reason !== null) return void this.dropped.push(reason);
    this.step({ type: "packet", packet });
  }

  /** Lets time pass, with each answer and each deadline on time. Returns the changes meanwhile. */
  wait(length: Micros): string[] {
    const end = this.now + length;
    const from = this.effects.length;
    for (;;) {
      const answer = this.answers[0]?.at ?? Infinity;
      const next = Math.min(answer, deadline(this.session));
      if (next > end) break;
      this.now = Math.max(this.now, next);
      if (answer <= next) this.take(this.answers.shift()!.bytes);
      else this.step({ type: "timer" });
    }
    this.now = end;
    return transitions(this.effects.slice(from));
  }

  configure(changed: Partial<SessionSettings>): void {
    this.step({ type: "configure", settings: { ...this.session.settings, ...changed } });
  }

  get last(): ControlPacket {
    return this.sent.at(-1)!.packet;
  }
}

function initiator(changed: Partial<SessionSettings>): SessionSettings {
  return settings({ receiveInterval: 0, seamless: { remoteDiscriminator: TARGET }, ...changed });
}

function up(changed: Partial<SessionSettings> = {}, roundTrip = 2 * MS): Path {
  const path = new Path(changed);
  path.roundTrip = roundTrip;
  path.wait(SECOND);
  strictEqual(path.session.state, "up");
  path.effects.length = path.sent.length = 0;
  return path;
}

/** Times between packets, in order. */
function gaps({ sent }: Path): number[] {
  return sent.slice(1).map(({ at }, i) => at - sent[i]!.at);
}

// ===== packets ===================================================================================

Deno.test("[B7880-4] a question: D set, the reflector's discriminator, nothing wanted back", () => {
  const path = new Path();
  path.wait(0);
  deepStrictEqual(path.sent.map(({ packet }) => packet), [{
    ...emptyControlPacket(),
    state: "down",
    demand: true,
    detectMultiplier: 3,
    myDiscriminator: LOCAL,
    yourDiscriminator: TARGET,
    desiredMinTx: SECOND,
    requiredMinRx: 0,
    requiredMinEchoRx: 0,
  }]);
  path.wait(SECOND);
  const { demand, state, desiredMinTx, yourDiscriminator } = path.last;
  deepStrictEqual([demand, state, desiredMinTx, yourDiscriminator], [true, "up", 50 * MS, TARGET]);
});

Deno.test("[B7880-4] one packet a second until an answer comes, then as configured, jittered", () => {
  const path = new Path();
  path.lost = true;
  path.wait(10 * SECOND);
  ok(gaps(path).length >= 10);
  for (const gap of gaps(path)) ok(gap >= 750 * MS && gap <= SECOND, `${gap}`);
  path.lost = false;
  path.wait(SECOND);
  path.sent.length = 0;
  forSeeds(200, (random) => {
    path.random = random.next();
    path.wait(50 * MS);
  });
  for (const gap of gaps(path)) ok(gap >= 37_500 && gap <= 50 * MS, `${gap}`);
  ok(new Set(gaps(path)).size > 20, "they differ");
});

// ===== up and down ===============================================================================

Deno.test("[B7880-5] one answer is enough to be up; so much silence as we allow, and it is down", () => {
  const path = new Path();
  deepStrictEqual(path.wait(2 * MS), ["down → up: handshake"]);
  deepStrictEqual(path.wait(10 * SECOND), []);
  path.lost = true;
  const heard = path.session.lastReceived!;
  path.answers = [];
  deepStrictEqual(path.wait(heard + 150 * MS - 1 - path.now), []);
  deepStrictEqual(path.wait(1), ["up → down: detection_expired"]);
  strictEqual(path.session.diagnostic, DIAGNOSTIC.detectionExpired);
  strictEqual(path.session.remoteDiscriminator, TARGET, "whom to ask is not forgotten");
  path.lost = false;
  deepStrictEqual(path.wait(2 * SECOND), ["down → up: handshake"]);
});

Deno.test("[B7880-5] no answer is missed that a round trip still holds, however long it is", () => {
  for (const roundTrip of [0, 40, 149, 150, 151, 300, 600, 740]) {
    const path = new Path();
    path.roundTrip = roundTrip * MS;
    deepStrictEqual(path.wait(20 * SECOND), ["down → up: handshake"], `${roundTrip} ms`);
    // Real loss is seen within the detection time all the same, from the last answer on.
    path.lost = true;
    path.answers = [];
    deepStrictEqual(path.wait(150 * MS), ["up → down: detection_expired"], `${roundTrip} ms`);
  }
});

Deno.test("[B7880-5] other intervals count at once, are told by a poll, and cost no session", () => {
  const path = up({}, 300 * MS);
  path.configure({ transmitInterval: 2 * SECOND, detectMultiplier: 5 });
  path.wait(2 * SECOND);
  deepStrictEqual([path.last.poll, path.last.desiredMinTx], [true, 2 * SECOND]);
  deepStrictEqual(path.wait(20 * SECOND), []);
  strictEqual(path.last.poll, false, "the answer has ended it");
  path.configure({ transmitInterval: 10 * MS, detectMultiplier: 3 });
  deepStrictEqual(path.wait(20 * SECOND), []);
  path.lost = true;
  path.answers = [];
  deepStrictEqual(path.wait(31 * MS), ["up → down: detection_expired"]);
});

Deno.test("[B7880-5] the reflector's load is kept to, up and down", () => {
  const path = up();
  path.reflector = { ...path.reflector, requiredMinRx: 200 * MS };
  deepStrictEqual(path.wait(5 * SECOND), []);
  path.sent.length = 0;
  path.wait(5 * SECOND);
  for (const gap of gaps(path)) ok(gap >= 150 * MS && gap <= 200 * MS, `${gap}`);
  path.roundTrip = 100 * MS;
  deepStrictEqual(path.wait(5 * SECOND), []);
  path.reflector = { ...path.reflector, requiredMinRx: 10 * MS };
  deepStrictEqual(path.wait(5 * SECOND), []);
  // One that wants none at all is asked as seldom as one that is down.
  path.reflector = { ...path.reflector, requiredMinRx: 0 };
  deepStrictEqual(path.wait(5 * SECOND), []);
  path.sent.length = 0;
  path.wait(10 * SECOND);
  for (const gap of gaps(path)) ok(gap >= 750 * MS && gap <= SECOND, `${gap}`);
});

Deno.test("[B7880-6] AdminDown is no loss of the path, and is asked after seldom", () => {
  const path = up();
  path.reflector = { ...path.reflector, adminDown: true };
  deepStrictEqual(path.wait(SECOND), ["up → down: neighbour_admin_down"]);
  strictEqual(path.session.remote.state, "admin_down");
  path.sent.length = 0;
  deepStrictEqual(path.wait(60 * SECOND), []);
  ok(gaps(path).length >= 10);
  for (const gap of gaps(path)) ok(gap >= 3.75 * SECOND && gap <= 5 * SECOND, `${gap}`);
  path.reflector = { ...path.reflector, adminDown: false };
  deepStrictEqual(path.wait(5 * SECOND), ["down → up: handshake"]);
  path.sent.length = 0;
  path.wait(SECOND);
  ok(path.sent.length >= 19, "as often as before");
});

Deno.test("[B7880-6] taken down by command it is silent; stopped it is at once", () => {
  const path = up();
  path.step({ type: "admin", down: true });
  path.wait(0);
  path.sent.length = 0;
  path.wait(10 * SECOND);
  deepStrictEqual([path.session.state, path.sent.length], ["admin_down", 0]);
  path.step({ type: "admin", down: false });
  deepStrictEqual(path.wait(SECOND), ["down → up: handshake"]);
  path.sent.length = 0;
  path.step({ type: "stop", now: false });
  strictEqual(path.effects.at(-1)!.type, "stopped");
  strictEqual(deadline(path.session), Infinity);
  deepStrictEqual(path.sent, []);
});

Deno.test("[B7880-5] a stall of ours is not the reflector's silence, a real one is seen after it", () => {
  const path = up();
  path.lost = true;
  path.answers = [];
  path.now += 140 * MS;
  path.step({ type: "stall", length: 140 * MS });
  path.lost = false;
  deepStrictEqual(path.wait(SECOND), []);
  path.lost = true;
  path.answers = [];
  path.now += 400 * MS;
  path.step({ type: "stall", length: 400 * MS });
  deepStrictEqual(path.wait(150 * MS), ["up → down: detection_expired"]);
});

Deno.test("a plane that was started again goes on, with a round trip's patience", () => {
  const path = up({}, 300 * MS);
  path.session = structuredClone(path.session);
  path.answers = [];
  path.now += 100 * MS;
  path.step({ type: "resume", age: 100 * MS });
  deepStrictEqual(path.wait(5 * SECOND), []);
});

Deno.test("the forwarding plane's reset takes it down once; echo is nothing to it", () => {
  const path = up();
  path.step({ type: "echo", active: true });
  path.step({ type: "echo_failed" });
  deepStrictEqual(path.wait(0), []);
  path.lost = true;
  path.answers = [];
  path.effects.length = 0;
  path.step({ type: "forwarding_reset" });
  path.wait(5 * SECOND);
  deepStrictEqual(transitions(path.effects), ["up → down: forwarding_reset"]);
});

// ===== what is not believed ======================================================================

Deno.test("[B7880-7] what has D set, other discriminators or another state is no answer", () => {
  const cases: [string, (bytes: Uint8Array) => void][] = [
    ["demand", (bytes) => bytes[1]! |= 0x02],
    ["unknown_session", (bytes) => bytes[7]! ^= 1],
    ["unknown_session", (bytes) => bytes[11]! ^= 1],
    ["state", (bytes) => bytes[1] = 0x80],
    ["state", (bytes) => bytes[1] = 0x40],
  ];
  for (const [reason, forge] of cases) {
    const path = new Path();
    path.forge = forge;
    deepStrictEqual(path.wait(3 * SECOND), [], reason);
    ok(path.dropped.length > 0);
    deepStrictEqual(new Set(path.dropped), new Set([reason]));
  }
});

function signed(settings: AuthenticationSettings): Path {
  const path = new Path({ authentication: settings });
  path.reflector = { ...path.reflector, authentication: settings };
  return path;
}

Deno.test("[B7880-7] all types of authentication, with any round trip, around the end of 32 bits", () => {
  for (
    const type of [
      "simple",
      "keyed-md5",
      "meticulous-keyed-md5",
      "keyed-sha1",
      "meticulous-keyed-sha1",
    ] as const
  ) {
    const path = signed(authentication(type));
    path.roundTrip = 400 * MS;
    deepStrictEqual(path.wait(20 * SECOND), ["down → up: handshake"], type);
    deepStrictEqual(path.dropped, [], type);
  }
});

Deno.test("[B7880-7] an answer that was recorded proves nothing later", () => {
  const path = signed(authentication("meticulous-keyed-sha1"));
  const recorded: Uint8Array[] = [];
  path.forge = (bytes) => void recorded.push(bytes.slice());
  path.wait(5 * SECOND);
  strictEqual(path.session.state, "up");
  path.lost = true;
  path.wait(5 * SECOND);
  strictEqual(path.session.state, "down");
  path.wait(20 * SECOND);
  path.dropped.length = 0;
  for (const bytes of recorded) path.take(bytes);
  strictEqual(path.session.state, "down");
  deepStrictEqual(new Set(path.dropped), new Set(["authentication_sequence"]));
  // Nor one with a number that we have not sent yet, although it is genuine.
  path.lost = false;
  path.wait(5 * SECOND);
  strictEqual(path.session.state, "up");
  path.session.sequence.transmit = (path.session.sequence.transmit - 1) >>> 0;
  path.dropped.length = 0;
  path.take(recorded.at(-1)!);
  deepStrictEqual(path.dropped, ["authentication_sequence"]);
});

Deno.test("[B7880-7] a wrong key: nothing is believed, and what is learned is nothing", () => {
  const path = signed(authentication("keyed-sha1"));
  path.forge = (bytes) => bytes[bytes.length - 1]! ^= 1;
  deepStrictEqual(path.wait(5 * SECOND), []);
  strictEqual(path.session.sequence.known, false);
  deepStrictEqual(new Set(path.dropped), new Set(["authentication_digest"]));
});

Deno.test("whatever happens to an initiator: no exception, a deadline that lies ahead, one state", () => {
  let steps = 0;
  forSeeds(300, (random) => {
    const path = new Path({ transmitInterval: random.int(3_300, 2 * SECOND) });
    path.roundTrip = random.int(0, 700 * MS);
    for (let i = 0; i < 40; i++) {
      path.lost = random.chance(0.3);
      path.random = random.next();
      const events: SessionEvent[] = [
        { type: "timer" },
        { type: "stall", length: random.int(1, SECOND) },
        { type: "admin", down: random.chance(0.3) },
        { type: "forwarding_reset" },
        { type: "concatenated", diagnostic: random.pick([0, 6, 8] as const) },
        { type: "resume", age: random.int(0, SECOND) },
        { type: "echo", active: random.chance(0.5) },
        { type: "echo_failed" },
        {
          type: "configure",
          settings: initiator({
            transmitInterval: random.int(3_300, 2 * SECOND),
            detectMultiplier: random.int(1, 20),
          }),
        },
      ];
      path.step(random.pick(events));
      path.reflector = { ...path.reflector, adminDown: random.chance(0.1) };
      path.wait(random.int(0, 300 * MS));
      ok(deadline(path.session) > path.now);
      ok(["admin_down", "down", "up"].includes(path.session.state));
      strictEqual(path.session.state === "up", path.session.detectAt !== null);
      steps++;
    }
  });
  ok(steps > 10_000);
});
