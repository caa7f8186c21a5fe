/** BFD sessions beyond the life of their plane or process, and those who depend on them. */

import assert from "node:assert/strict";
import { monotonicMicros } from "../../../ffi/mod.ts";
import { readMemory } from "../../../mod/agent/memory.ts";
import { NO_PLAN } from "../../../mod/agent/site_plan.ts";
import { Counters } from "../../../mod/plane/counters.ts";
import type { Memory } from "../../../mod/plane/hand_over.ts";
import { IdSource } from "../../../mod/plane/ids.ts";
import { LogLimiter } from "../../../mod/plane/log_limiter.ts";
import { SharedWords } from "../../../mod/plane/shared.ts";
import { Keyring } from "../../../mod/protocol/keyring.ts";
import { Ipv4Reader } from "../../../mod/protocol/transport4.ts";
import { VrrpDriver } from "../../../mod/protocol/vrrp_driver.ts";
import { BfdBench, bfdSession, KEYS, keysOf, MS, SECRET } from "./bfd_fixtures.ts";
import { eth, Queue, router, SECOND } from "./fixtures.ts";

const WITH_KEYS = { authentication: KEYS.type } as const;

/** What control keeps of a plane's memories: the last of each session. */
function snapshots(bench: BfdBench): NonNullable<Memory["bfd"]> {
  const last = new Map(bench.told.map(({ memory }) => [memory.session.settings.name, memory]));
  return [...last.values()];
}

Deno.test("BFD after a crash: same discriminator, same port, the next sequence number", () => {
  const words = new SharedWords();
  const first = new BfdBench(words);
  const configs = [
    bfdSession("one", {}, {}, WITH_KEYS),
    bfdSession("two", {}, { peer: "192.0.2.3" }),
  ];
  first.configure(configs, [keysOf("one")]);
  first.up("one");
  first.keepUp("one", 60 * SECOND);
  const before = first.entry("one");
  const { transmit } = before.session.sequence;
  const memories = snapshots(first);
  assert(transmit - memories[0]!.session.sequence.transmit > 500, "the snapshot knows an old one");
  const second = new BfdBench(words, first.now + 100 * MS);
  second.driver.resume(memories, first.now, false);
  second.configure(configs, [keysOf("one")]);
  const after = second.entry("one");
  assert.equal(after.session.state, "up");
  assert.equal(after.session.localDiscriminator, before.session.localDiscriminator);
  assert.equal(after.sender!.port, before.sender!.port);
  assert.equal(after.session.remoteDiscriminator, 99);
  assert.equal(after.session.settings.authentication!.keys[0]!.secret.join(), SECRET.join());
  second.advance(0);
  assert.equal(second.sent.length > 0, true, "it speaks at once");
  assert.equal(second.sent[0]!.state, "up");
  // Within what the other side takes: 3 × 3 numbers after the last that it has heard.
  const gap = (after.session.sequence.transmit - transmit) >>> 0;
  assert(gap >= 1 && gap <= 9, `${gap} numbers further`);
  assert.deepEqual([...second.driver.findings()], [
    {
      kind: "bfd",
      namespace: "",
      name: "one",
      healthy: true,
      reason: "both sides hear each other",
    },
  ]);
  second.keepUp("one", SECOND);
  assert.equal(after.session.transitions, before.session.transitions);
});

Deno.test("BFD: a plane that crashes knows the intervals that were agreed on", () => {
  const bench = new BfdBench();
  bench.configure([bfdSession("one")]);
  bench.hear("one", { state: "down", desiredMinTx: SECOND });
  bench.hear("one", { state: "init", desiredMinTx: SECOND });
  bench.keepUp("one", 3 * SECOND);
  assert.equal(snapshots(bench)[0]!.session.remote.desiredMinTx, 50 * MS);
  const { length } = bench.told;
  bench.keepUp("one", 10 * SECOND);
  assert.equal(bench.told.length, length, "nothing is told while nothing changes");
});

Deno.test("BFD: what a session has found is told as it is when it is asked for", () => {
  const bench = new BfdBench();
  bench.configure([bfdSession("one"), bfdSession("two", {}, { peer: "192.0.2.3" })]);
  bench.up("one");
  bench.up("two");
  const findings = bench.driver.findings();
  const next = () => {
    const { value } = findings.next();
    return value && `${value.name} ${value.healthy}`;
  };
  assert.equal(next(), "one true");
  bench.advance(SECOND);
  assert.equal(next(), "two false");
});

Deno.test("BFD: a memory of another path is not gone on with", () => {
  const first = new BfdBench();
  first.configure([bfdSession("one")]);
  first.up("one");
  const second = new BfdBench(new SharedWords(), first.now);
  second.driver.resume(snapshots(first), first.now, false);
  second.configure([bfdSession("one", {}, { peer: "192.0.2.66" })]);
  assert.equal(second.entry("one").session.state, "down");
});

Deno.test("BFD handed over to another process: exact, other settings are negotiated, AdminDown stays", () => {
  const first = new BfdBench();
  const configs = [
    bfdSession("one", {}, {}, WITH_KEYS),
    bfdSession("two", {}, { peer: "192.0.2.3" }),
  ];
  first.configure(configs, [keysOf("one")]);
  first.up("one");
  first.keepUp("one", 2 * SECOND);
  first.driver.administer(
    { type: "administer_bfd", id: "c:1", session: "two", down: true },
    first.now,
  );
  const count = first.sent.length;
  first.driver.speak(first.now);
  assert.equal(first.sent.length, count + 1, "who is up says so once more");
  const bfd = first.driver.memories();
  const document = { routers: [], silentSince: first.now, trackers: [], bfd, counters: {} };
  const read = readMemory(JSON.parse(JSON.stringify(document)), NO_PLAN);
  assert.deepEqual(read.bfd, bfd, "it is read as it was written");
  assert.equal(JSON.stringify(read.bfd), JSON.stringify(bfd), "in the same order");
  const second = new BfdBench(new SharedWords(), first.now + 20 * MS);
  second.driver.resume(read.bfd!, first.now, true);
  second.configure(configs, [keysOf("one")]);
  assert.equal(second.entry("one").session.state, "up");
  assert.equal(second.entry("two").session.state, "admin_down");
  second.keepUp("one", SECOND);
  assert.deepEqual(second.found, [], "nobody has anything to hear");
  second.configure([bfdSession("two", {}, { peer: "192.0.2.3" })]);
  assert.equal(second.entry("two").session.state, "admin_down", "and over the next reload");
  // Nobody took over: it goes on by itself, as after a stall.
  first.now += 500 * MS;
  first.driver.goOn(500 * MS, first.now);
  first.advance(0);
  assert.equal(first.entry("one").session.state, "up");
  first.keepUp("one", SECOND);
  assert.equal(first.entry("one").session.state, "up");
});

Deno.test("BFD before a hand-over: the other side is asked for patience, and gets the old intervals back", () => {
  const fast = bfdSession("one", { transmitInterval: 10 * MS, receiveInterval: 10 * MS });
  const first = new BfdBench();
  first.configure([fast]);
  first.up("one");
  first.keepUp("one", SECOND);
  let done = 0;
  first.driver.ease.begin(first.now, () => done++);
  const asked = first.sent.at(-1)!;
  assert.deepEqual([asked.poll, asked.desiredMinTx], [true, SECOND], "three seconds to detect it");
  assert.equal(first.entry("one").session.desiredMinTxUsed, 10 * MS, "not before it has agreed");
  first.advance(5 * MS);
  assert.equal(done, 0);
  first.hear("one", { final: true });
  first.advance(5 * MS);
  assert.equal(done, 1);
  assert.equal(first.entry("one").session.desiredMinTxUsed, SECOND);
  // The other process goes on as configured.
  first.driver.speak(first.now);
  const second = new BfdBench(new SharedWords(), first.now + 200 * MS);
  second.driver.resume(first.driver.memories(), first.now, true);
  second.configure([fast]);
  second.advance(0);
  assert.deepEqual([second.sent.at(-1)!.state, second.sent.at(-1)!.desiredMinTx], ["up", 10 * MS]);
  // Or it did not come to that: thawed, or never frozen.
  const third = structuredClone(first.driver.memories());
  first.driver.goOn(0, first.now);
  first.keepUp("one", SECOND);
  assert.equal(first.entry("one").session.desiredMinTxUsed, 10 * MS);
  assert.equal(third[0]!.session.desiredMinTxUsed, SECOND);
  first.driver.ease.begin(first.now, () => done++);
  first.hear("one", { final: true });
  first.keepUp("one", 20 * SECOND);
  assert.equal(first.entry("one").session.desiredMinTxUsed, 10 * MS, "nobody has come");
});

Deno.test("BFD before a hand-over: nobody waits longer than half a second for an answer", () => {
  const bench = new BfdBench();
  bench.configure([bfdSession("one"), bfdSession("two", {}, { peer: "192.0.2.3" })]);
  bench.up("one");
  bench.keepUp("one", SECOND);
  let done = 0;
  bench.driver.ease.begin(bench.now, () => done++);
  bench.keepUp("one", 495 * MS);
  assert.equal(done, 0);
  bench.keepUp("one", 10 * MS);
  assert.equal(done, 1);
  const none = new BfdBench();
  none.configure([bfdSession("one")]);
  none.driver.ease.begin(none.now, () => done++);
  assert.equal(done, 2, "where nobody is up there is nobody to wait for");
});

/** A virtual router that tracks the session `one`, in the same heap. */
class Tracking {
  readonly sent: number[] = [];
  readonly bench: BfdBench;
  readonly driver: VrrpDriver;
  /** When each advert left, by a real clock. */
  readonly sentAt: number[] = [];

  constructor(weight: number) {
    this.bench = new BfdBench(
      new SharedWords(),
      undefined,
      (found) => this.driver.trackersFound([found], this.bench.now),
    );
    const { bench } = this;
    const reader = (fd: number): Ipv4Reader => new Ipv4Reader(fd, new Queue([]), 32);
    this.driver = new VrrpDriver({
      ids: new IdSource("v"),
      heap: bench.heap,
      counters: new Counters(),
      words: bench.words,
      log: new LogLimiter(() => {}, () => bench.now),
      keys: new Keyring(() => bench.now),
      now: () => bench.now,
      postKernel: () => {},
      postControl: () => {},
      openFrames: () => ({ write: () => 0, close: () => {} }),
      openTransport: () => ({
        admitted: reader(100),
        refused: reader(101),
        serve: () => {},
        overflow: () => 0,
        send: (packet) => {
          // The third byte behind the IPv4 header.
          this.sent.push(packet[((packet[0]! & 15) << 2) + 2]!);
          this.sentAt.push(monotonicMicros());
          return packet.length;
        },
        close: () => {},
      }),
      watch: () => {},
      unwatch: () => {},
    });
    this.driver.interfaceChanged(eth("eth0", 2), bench.now, "k:1");
    bench.configure([bfdSession("one", { transmitInterval: 10 * MS, receiveInterval: 10 * MS })]);
    const tracked = router("web", 0, { trackers: [{ kind: "bfd", name: "one", weight }] });
    this.configure = () => {
      const findings = bench.driver.findings();
      const message = { type: "configure", id: "c:1", routers: [tracked], groups: [] } as const;
      this.driver.configure({ ...message, holdUntil: 0, findings }, bench.now);
    };
    this.configure();
  }

  readonly configure: () => void;

  get state(): string {
    return [...this.driver.entries][0]!.router.state;
  }

  hear(): void {
    this.bench.hear("one", { desiredMinTx: 10 * MS, requiredMinRx: 10 * MS });
  }

  keepUp(micros: number): void {
    for (const end = this.bench.now + micros; this.bench.now < end;) {
      this.bench.advance(Math.min(8 * MS, end - this.bench.now));
      this.hear();
    }
  }
}

Deno.test("BFD and VRRP: the session's Down is the router's priority 0 in the same turn of the loop", () => {
  const reactions: number[] = [];
  for (let round = 0; round < 200; round++) {
    const { bench, ...rest } = tracking(0);
    const { pair } = rest;
    assert.equal(pair.state, "master");
    const count = pair.sent.length;
    // Time stands where the detection time is over; one turn handles what is due.
    bench.now = bench.entry("one").session.detectAt!;
    const began = monotonicMicros();
    bench.heap.fire(bench.now, 100);
    assert.equal(bench.entry("one").session.state, "down");
    assert.deepEqual(pair.sent.slice(count).at(-1), 0, "priority 0 has left");
    assert.equal(pair.state, "fault");
    reactions.push(pair.sentAt.at(-1)! - began);
  }
  reactions.sort((a, b) => a - b);
  const [median, most] = [reactions[100]!, reactions.at(-1)!];
  console.log(`from the deadline to the resignation: median ${median} µs, most ${most} µs`);
});

function tracking(weight: number): { bench: BfdBench; pair: Tracking } {
  const pair = new Tracking(weight);
  const { bench } = pair;
  pair.hear();
  bench.hear("one", { state: "init", desiredMinTx: 10 * MS, requiredMinRx: 10 * MS });
  pair.keepUp(5 * SECOND);
  return { bench, pair };
}

Deno.test("BFD and VRRP: a weight moves the priority in the same turn, and back", () => {
  const { bench, pair } = tracking(-20);
  assert.equal(pair.sent.at(-1), 100);
  bench.now = bench.entry("one").session.detectAt!;
  bench.heap.fire(bench.now, 100);
  const { contribution } = [...pair.driver.entries][0]!.router;
  assert.equal(contribution, -20);
  bench.hear("one", { state: "down", yourDiscriminator: 0 });
  bench.hear("one", { state: "init" });
  assert.equal([...pair.driver.entries][0]!.router.contribution, 0);
});

Deno.test("BFD and VRRP: a session that was never up keeps a router from beginning, then is a failure", () => {
  const pair = new Tracking(0);
  const { bench } = pair;
  assert.deepEqual([...pair.driver.entries][0]!.router.waitingFor, [
    "tracked bfd one: no result yet",
  ]);
  bench.advance(5 * SECOND);
  assert.match([...pair.driver.entries][0]!.router.waitingFor.join(), /not up within 4 s/);
  assert.equal(pair.state, "fault");
});
