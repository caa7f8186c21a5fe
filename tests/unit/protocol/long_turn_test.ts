/** Work that takes longer than others can wait for our packets, with a clock that goes on meanwhile. */

import assert from "node:assert/strict";
import { Counters } from "../../../mod/plane/counters.ts";
import { IdSource } from "../../../mod/plane/ids.ts";
import { LogLimiter } from "../../../mod/plane/log_limiter.ts";
import { SharedWords } from "../../../mod/plane/shared.ts";
import { Keyring } from "../../../mod/protocol/keyring.ts";
import { type Deadline, TimerHeap } from "../../../mod/protocol/timer_heap.ts";
import { Ipv4Reader } from "../../../mod/protocol/transport4.ts";
import { VrrpDriver } from "../../../mod/protocol/vrrp_driver.ts";
import { eth, Queue, router, SECOND } from "./fixtures.ts";

const MS = 1_000;

/** Due again and again, as a session that sends. */
class Beat implements Deadline {
  at = Infinity;
  position = -1;
  readonly fired: number[] = [];

  constructor(readonly heap: TimerHeap, readonly every: number, readonly routine: boolean) {}

  isRoutine(): boolean {
    return this.routine;
  }

  fire(now: number): void {
    this.fired.push(now);
    this.heap.set(this, now + this.every);
  }
}

Deno.test("routine fires in the middle of other work, everything else stays due", () => {
  const heap = new TimerHeap();
  const [routine, other] = [new Beat(heap, 10, true), new Beat(heap, 10, false)];
  const plain = { at: 0, position: -1, fire: () => assert.fail("not routine") };
  heap.set(other, 5);
  heap.set(plain, 6);
  heap.set(routine, 7);
  assert.equal(heap.fireRoutine(4), 4);
  assert.deepEqual([routine.fired, other.fired], [[], []]);
  assert.equal(heap.fireRoutine(8), 8);
  assert.deepEqual([routine.fired, other.fired], [[8], []]);
  assert.equal(heap.next, 5, "the others are still due");
  assert.equal(heap.size, 3);
});

Deno.test("a master that stood still in the middle of a reload does not speak before that is judged", () => {
  for (const [late, adverts] of [[25 * MS, 1], [35 * MS, 0]] as const) {
    const scene = site();
    scene.heap.fireRoutine(scene.advance(0));
    scene.sent.length = 0;
    const { at } = [...scene.driver.entries][0]!;
    scene.advance(at + late - scene.advance(0));
    scene.heap.fireRoutine(scene.advance(0));
    assert.equal(scene.sent.length, adverts, `${late} µs late`);
  }
});

Deno.test("a master that was stopped between its decision and its advert says nothing", () => {
  for (const [length, adverts] of [[25 * MS, 1], [35 * MS, 0]] as const) {
    const scene = site();
    scene.heap.fireRoutine(scene.advance(0));
    scene.sent.length = 0;
    const { at } = [...scene.driver.entries][0]!;
    scene.advance(at - scene.advance(0));
    scene.stop(length);
    scene.heap.fireRoutine(at);
    assert.equal(scene.sent.length, adverts, `${length} µs`);
  }
});

Deno.test("work that takes long keeps no advert back", () => {
  const scene = site();
  // Each takes twice the interval: what was decided lies further and further behind.
  scene.work(20 * MS);
  scene.sent.length = 0;
  const [often] = scene.driver.entries;
  for (let i = 0; i < 50; i++) often!.fire(often!.at);
  assert.equal(scene.sent.length, 50);
});

/** A master at 10 ms × 3 that owns its address, and others; its clock goes on as it is told. */
function site() {
  let now = 1_000 * SECOND;
  let step = 0;
  let stop = 0;
  const heap = new TimerHeap();
  const sent: number[] = [];
  const driver = new VrrpDriver({
    ids: new IdSource("p"),
    heap,
    counters: new Counters(),
    words: new SharedWords(),
    log: new LogLimiter(() => {}, () => now),
    keys: new Keyring(() => now),
    // Work takes time: what it is, the clock shows.
    now: () => {
      now += step + stop;
      stop = 0;
      return now;
    },
    postKernel: () => {},
    postControl: () => {},
    openTransport: () => ({
      admitted: new Ipv4Reader(100, new Queue([]), 32),
      refused: new Ipv4Reader(101, new Queue([]), 256),
      send: (packet: Uint8Array) => {
        sent.push(now);
        return packet.length;
      },
      serve: () => {},
      overflow: () => 0,
      close: () => {},
    } as never),
    openFrames: () => assert.fail("no frames"),
    watch: () => {},
    unwatch: () => {},
  });
  const often = router("often", 0, {
    settings: { priority: 255, advertisementInterval: 10 * MS, virtualRouterId: 1 },
  });
  const plan = (priority: number) => [
    often,
    ...Array.from({ length: 150 }, (_, i) =>
      router(`r${i}`, i + 1, {
        settings: { virtualRouterId: i + 2, priority, addresses: ["198.51.100.1"] },
      })),
  ];
  const configure = (priority: number) =>
    driver.configure(
      { type: "configure", id: "c:1", routers: plan(priority), groups: [], holdUntil: 0 },
      now,
    );
  driver.interfaceChanged(eth("eth0", 2), now, "k:1");
  configure(100);
  return {
    heap,
    sent,
    driver,
    configure,
    /** From now on the clock goes on so much with each look at it. */
    work: (micros: number) => void (step = micros),
    advance: (micros: number) => now += micros,
    /** Somebody stops us for so long before the next look at the clock. */
    stop: (micros: number) => void (stop = micros),
  };
}

Deno.test("a reload of many routers delays no packet of those who speak often", () => {
  const { heap, sent, configure, work, advance } = site();
  const session = new Beat(heap, 3 * MS, true);
  session.fire(advance(0));
  work(100);
  sent.length = session.fired.length = 0;
  const begin = advance(0);
  assert.equal(configure(90).length, 150);
  const took = advance(0) - begin;
  assert(took > 20 * MS, `it took ${took} µs`);
  const gaps = session.fired.slice(1).map((at, i) => at - session.fired[i]!);
  assert(gaps.length > 5 && Math.max(...gaps) < 4 * MS, `${gaps}`);
  assert(sent.length >= 2, `adverts at ${sent}`);
});
