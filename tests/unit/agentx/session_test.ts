/** The session with a master agent, in virtual time. */

import assert from "node:assert/strict";
import {
  type Body,
  decodePdu,
  encodePdu,
  ERRORS,
  type Oid,
  oid,
  type Pdu,
  Session,
  type SessionEffect,
  type VarBind,
} from "../../../mod/agentx/mod.ts";
import { forSeeds } from "../../lib/random.ts";

const REGIONS = [oid("1.3.6.1.2.1.207"), oid("1.3.6.1.2.1.222")];
const TRAP: VarBind[] = [{ name: [1, 3], value: { type: "integer", value: 1 } }];

/** A master that answers as it is told to. */
class Scene {
  now = 1_000;
  readonly session: Session;
  readonly log: string[] = [];
  readonly asked: Pdu[] = [];
  connects = 0;
  connected = false;
  /** What the subagent has sent, and nobody has looked at. */
  sent: Pdu[] = [];

  constructor(regions: readonly Oid[] = REGIONS) {
    this.session = new Session({ description: "halb", regions }, this.now);
    this.do(this.session.tick(this.now));
  }

  do(effects: readonly SessionEffect[]): void {
    for (const effect of effects) {
      if (effect.type === "connect") this.connects++;
      else if (effect.type === "disconnect") this.connected = false;
      else if (effect.type === "send") this.sent.push(decodePdu(effect.bytes));
      else if (effect.type === "ask") this.asked.push(effect.asked.pdu);
      else this.log.push(`${effect.level}: ${effect.text}`);
    }
  }

  /** The types of what was sent since the last look. */
  take(): Pdu[] {
    return this.sent.splice(0);
  }

  until(time: number): void {
    while (this.session.deadline <= time) {
      this.now = Math.max(this.now, this.session.deadline);
      this.do(this.session.tick(this.now));
    }
    this.now = time;
  }

  connect(): void {
    this.connected = true;
    this.do(this.session.connected(this.now));
  }

  say(pdu: Omit<Pdu, "bigEndian">, pieces = 1): void {
    const bytes = encodePdu({ ...pdu, bigEndian: false });
    const size = Math.ceil(bytes.length / pieces);
    for (let at = 0; at < bytes.length; at += size) {
      this.do(this.session.received(bytes.subarray(at, at + size), this.now));
    }
  }

  respond({ transaction, packet }: Pdu, error = 0, session = 7): void {
    const body: Body = { type: "response", sysUpTime: 500, error, index: 0, varBinds: [] };
    this.say({ session, transaction, packet, body });
  }

  /** From the connection to a session with all regions. */
  open(): void {
    this.connect();
    for (const pdu of this.take()) this.respond(pdu);
    for (const pdu of this.take()) this.respond(pdu);
  }
}

Deno.test("opens, registers what it answers for, and asks for nothing else", () => {
  const scene = new Scene();
  assert.equal(scene.connects, 1);
  scene.connect();
  const [open, ...others] = scene.take();
  assert.deepEqual(others, []);
  assert.equal(open!.body.type, "open");
  assert.equal(scene.session.status.connected, false);
  scene.respond(open!);
  const registers = scene.take();
  assert.deepEqual(
    registers.map(({ session, body }) => [session, body.type === "register" && body.subtree]),
    REGIONS.map((region) => [7, region]),
  );
  registers.forEach((pdu) => scene.respond(pdu));
  assert.deepEqual(scene.session.status, {
    connected: true,
    regions: ["1.3.6.1.2.1.207", "1.3.6.1.2.1.222"],
    trouble: null,
    requests: 0,
    notifications: { sent: 0, lost: 0 },
  });
});

Deno.test("tries again with growing waits, says so once, and again after a success", () => {
  const scene = new Scene();
  const attempts: number[] = [];
  for (let i = 0; i < 8; i++) {
    attempts.push(scene.now);
    scene.do(scene.session.lost("does not listen", scene.now));
    scene.until(scene.session.deadline);
  }
  const waits = attempts.slice(1).map((at, i) => at - attempts[i]!);
  assert.deepEqual(waits, [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000]);
  assert.equal(scene.log.filter((line) => line.startsWith("warning")).length, 1);
  assert.equal(scene.session.status.trouble, "the master agent does not listen");
  scene.open();
  assert.equal(scene.session.status.trouble, null);
  scene.do(scene.session.lost("has closed the connection", scene.now));
  assert.equal(scene.log.filter((line) => line.startsWith("warning")).length, 2);
  const lost = scene.now;
  scene.until(scene.session.deadline);
  assert.equal(scene.now - lost, 1_000);
});

Deno.test("a connection or an open that is not answered is given up", () => {
  const scene = new Scene();
  scene.until(scene.now + 5_000);
  assert.match(scene.session.status.trouble!, /takes too long/);
  scene.until(scene.now + 1_000);
  assert.equal(scene.connects, 2);
  scene.connect();
  scene.take();
  scene.until(scene.now + 5_000);
  assert.match(scene.session.status.trouble!, /does not answer/);
  assert.deepEqual(scene.take().map(({ body }) => body), [{ type: "close", reason: "timeouts" }]);
  assert.equal(scene.connected, false);
});

Deno.test("a silent master is asked whether it is there, and left when it is not", () => {
  const scene = new Scene();
  scene.open();
  for (let i = 0; i < 5; i++) {
    scene.until(scene.now + 30_000);
    const [ping, ...others] = scene.take();
    assert.deepEqual([ping!.body.type, others], ["ping", []]);
    scene.respond(ping!);
  }
  assert.equal(scene.session.status.connected, true);
  scene.until(scene.now + 36_000);
  assert.deepEqual(scene.take().map(({ body }) => body.type), ["ping", "close"]);
  assert.equal(scene.session.status.connected, false);
});

Deno.test("requests are passed on and answered in the byte order and by the numbers they came in", () => {
  const scene = new Scene();
  scene.open();
  const ranges = [{ start: [1, 3], include: false, end: [] }];
  scene.say({ session: 7, transaction: 3, packet: 9, body: { type: "get_next", ranges } }, 5);
  const [asked] = scene.asked;
  assert.deepEqual(asked!.body, { type: "get_next", ranges });
  const request = { pdu: asked!, request: { type: "get_next", ranges } } as const;
  scene.do(scene.session.answer(request, TRAP));
  scene.do(scene.session.refuse(request));
  const [answer, refusal] = scene.take();
  assert.deepEqual(answer, {
    session: 7,
    transaction: 3,
    packet: 9,
    bigEndian: false,
    body: { type: "response", sysUpTime: 0, error: 0, index: 0, varBinds: TRAP },
  });
  assert.equal(refusal!.body.type === "response" && refusal!.body.error, ERRORS.genErr);
  assert.equal(scene.session.status.requests, 1);
});

Deno.test("nothing can be written; other contexts, sessions and messages are refused", () => {
  const scene = new Scene();
  scene.open();
  const ranges = [{ start: [1, 3], include: false, end: [] }];
  const cases: [Partial<Pdu>, Body, number | null][] = [
    [{}, { type: "test_set", varBinds: TRAP }, ERRORS.notWritable],
    [{}, { type: "commit_set" }, ERRORS.commitFailed],
    [{}, { type: "undo_set" }, ERRORS.undoFailed],
    [{}, { type: "cleanup_set" }, null],
    [{}, { type: "ping" }, ERRORS.processingError],
    [{ context: "blue" }, { type: "get", ranges }, ERRORS.unsupportedContext],
    [{ session: 8 }, { type: "get", ranges }, ERRORS.notOpen],
  ];
  for (const [more, body, error] of cases) {
    scene.say({ session: 7, transaction: 1, packet: 1, ...more, body });
    const errors = scene.take().map(({ body }) => body.type === "response" && body.error);
    assert.deepEqual(errors, error === null ? [] : [error], body.type);
  }
  assert.deepEqual(scene.asked, []);
});

Deno.test("a region that another one has is asked for again, and told of the second time", () => {
  const scene = new Scene([REGIONS[0]!]);
  scene.connect();
  scene.respond(scene.take()[0]!);
  scene.respond(scene.take()[0]!, ERRORS.duplicateRegistration);
  assert.match(scene.session.status.trouble!, /refuses 1\.3\.6\.1\.2\.1\.207: duplicateRegis/);
  assert.deepEqual(scene.log.filter((line) => line.startsWith("warning")), []);
  scene.until(scene.now + 1_000);
  scene.respond(scene.take()[0]!, ERRORS.duplicateRegistration);
  assert.equal(scene.log.filter((line) => line.startsWith("warning")).length, 1);
  scene.until(scene.now + 2_000);
  scene.respond(scene.take()[0]!);
  assert.deepEqual(scene.session.status.regions, ["1.3.6.1.2.1.207"]);
  assert.equal(scene.session.status.trouble, null);
});

Deno.test("notifications are sent; those of a short absence, too; old ones are not", () => {
  const scene = new Scene();
  scene.do(scene.session.notify(TRAP, scene.now));
  scene.do(scene.session.lost("does not listen", scene.now));
  scene.until(scene.now + 1_000);
  scene.connect();
  scene.respond(scene.take()[0]!);
  const bodies = scene.take();
  bodies.forEach((pdu) => scene.respond(pdu));
  assert.deepEqual(bodies.map(({ body }) => body.type), ["register", "register", "notify"]);
  scene.do(scene.session.notify(TRAP, scene.now));
  scene.respond(scene.take()[0]!, ERRORS.processingError);
  assert.deepEqual(scene.session.status.notifications, { sent: 1, lost: 1 });

  scene.do(scene.session.lost("has gone", scene.now));
  for (let i = 0; i < 300; i++) scene.do(scene.session.notify(TRAP, scene.now));
  assert.equal(scene.session.status.notifications.lost, 45);
  for (const end = scene.now + 61_000; scene.now < end;) {
    scene.until(Math.min(end, scene.session.deadline));
    scene.do(scene.session.lost("does not listen", scene.now));
  }
  scene.until(scene.session.deadline);
  scene.connect();
  scene.respond(scene.take()[0]!);
  assert.deepEqual(scene.take().map(({ body }) => body.type), ["register", "register"]);
  assert.equal(scene.session.status.notifications.lost, 301);
});

Deno.test("the master's sysUpTime goes on between its answers", () => {
  const scene = new Scene();
  assert.equal(scene.session.upTimeAt(scene.now), 0);
  scene.open();
  const { now } = scene;
  assert.deepEqual(
    [now, now + 1_000, now - 4_000, now - 9_000].map((at) => scene.session.upTimeAt(at)),
    [500, 600, 100, 0],
  );
});

Deno.test("a close of the master, one of ours, and what comes after the end", () => {
  const scene = new Scene();
  scene.open();
  scene.say({ session: 7, transaction: 0, packet: 1, body: { type: "close", reason: "shutdown" } });
  assert.equal(scene.connected, false);
  assert.match(scene.session.status.trouble!, /closed the session: shutdown/);
  scene.until(scene.session.deadline);
  scene.open();
  scene.do(scene.session.end(scene.now));
  assert.deepEqual(scene.take().map(({ body }) => body), [{ type: "close", reason: "shutdown" }]);
  assert.equal(scene.session.deadline, Infinity);
  scene.do(scene.session.notify(TRAP, scene.now));
  scene.do(scene.session.tick(scene.now + 1e9));
  scene.do(scene.session.lost("has gone", scene.now));
  assert.deepEqual([scene.take(), scene.connects], [[], 2]);
});

Deno.test("hostile bytes end the connection, and never the session", () => {
  forSeeds(500, (random) => {
    const scene = new Scene();
    scene.open();
    for (let i = 0; i < 20; i++) {
      if (!scene.connected) {
        scene.until(scene.session.deadline);
        scene.open();
      }
      const length = random.int(1, 64);
      const bytes = Uint8Array.from({ length }, () => random.int(0, 255));
      // Something that looks like a header gets further.
      if (random.chance(0.8)) {
        bytes.set([1, random.int(0, 19), random.pick([0, 16]), 0].slice(0, length));
      }
      if (random.chance(0.8) && length >= 20) bytes.fill(0, 16, 19);
      scene.do(scene.session.received(bytes, scene.now));
    }
    scene.do(scene.session.lost("has gone", scene.now));
    scene.until(scene.session.deadline);
    scene.open();
    assert.equal(scene.session.status.connected, true);
  });
});
