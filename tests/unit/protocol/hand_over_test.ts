/** A driver that stands still for another process, and what comes of it in both. */

import assert from "node:assert/strict";
import { EventFd } from "../../../ffi/mod.ts";
import { Counters } from "../../../mod/plane/counters.ts";
import { IdSource } from "../../../mod/plane/ids.ts";
import { LogLimiter } from "../../../mod/plane/log_limiter.ts";
import type { ProtocolRouter, ToKernel } from "../../../mod/plane/messages.ts";
import { SharedWords } from "../../../mod/plane/shared.ts";
import { Freeze } from "../../../mod/protocol/hand_over.ts";
import { Keyring } from "../../../mod/protocol/keyring.ts";
import { TimerHeap } from "../../../mod/protocol/timer_heap.ts";
import type { VrrpTransport } from "../../../mod/protocol/transport.ts";
import { Ipv4Reader, type Packets } from "../../../mod/protocol/transport4.ts";
import { VrrpDriver } from "../../../mod/protocol/vrrp_driver.ts";
import { eth, router, SECOND } from "./fixtures.ts";

/** Of priority 100 at 1 s. */
const MASTER_DOWN = 3_609_375;

/** Nothing waits. */
const NOTHING: Packets = {
  receive: () => -11,
  payload: () => new Uint8Array(),
  length: () => 0,
};

/** Receives nothing, and counts what is sent. */
class DeafTransport implements VrrpTransport {
  readonly admitted = new Ipv4Reader(100, NOTHING, 32);
  readonly refused = new Ipv4Reader(101, NOTHING, 32);

  constructor(readonly onSend: () => void) {}

  serve(): void {}

  overflow(): number {
    return 0;
  }

  send(packet: Uint8Array): number {
    this.onSend();
    return packet.length;
  }

  close(): void {}
}

class Bench {
  now = 1000 * SECOND;
  sent = 0;
  readonly heap = new TimerHeap();
  readonly words = new SharedWords();
  readonly kernel: ToKernel[] = [];
  readonly driver = new VrrpDriver({
    ids: new IdSource("p"),
    heap: this.heap,
    counters: new Counters(),
    words: this.words,
    log: new LogLimiter(() => {}, () => this.now),
    keys: new Keyring(() => 1_700_000_000_000_000 + this.now),
    now: () => this.now,
    postKernel: (message) => void this.kernel.push(message),
    postControl: () => {},
    openFrames: () => ({ write: () => this.sent++, close: () => {} }),
    openTransport: () => new DeafTransport(() => void this.sent++),
    watch: () => {},
    unwatch: () => {},
  });

  constructor(now?: number) {
    this.now = now ?? this.now;
    this.driver.interfaceChanged(ETH0, this.now, "k:1");
  }

  advance(micros: number): void {
    const end = this.now + micros;
    while (this.heap.next <= end) {
      this.now = Math.max(this.now, this.heap.next);
      this.heap.fire(this.now, 100);
    }
    this.now = end;
  }

  router(name: string) {
    return this.driver.describe().routers.find(({ router }) => router.settings.name === name)!
      .router;
  }

  said(): string[] {
    return this.kernel.map((message) =>
      `${message.type} ${"router" in message ? message.router : ""}` +
      `${"heldSince" in message ? " again" : ""}`
    );
  }
}

const ETH0 = eth("eth0", 2);

/** One router that is master, one that has just begun to wait, and their freezing. */
function frozen(): { bench: Bench; freeze: Freeze; wake: EventFd } {
  const bench = new Bench();
  const configure = (...routers: ProtocolRouter[]): void => {
    bench.driver.configure(
      { type: "configure", id: "c", routers, groups: [], holdUntil: 0 },
      bench.now,
    );
  };
  configure(router("web", 0));
  bench.advance(MASTER_DOWN + 1500_000);
  configure(router("web", 0), router("lan", 1));
  bench.advance(SECOND / 4);
  bench.sent = 0;
  bench.kernel.length = 0;
  const wake = new EventFd();
  return { bench, freeze: new Freeze(bench.driver, wake.fd, bench.now), wake };
}

Deno.test("freezing: each master says once more that it is there, and remembers when", () => {
  const { bench, freeze, wake } = frozen();
  assert.equal(bench.sent, 1);
  assert.deepEqual(freeze.routers.map(({ settings, state }) => [settings.name, state]), [
    ["web", "master"],
    ["lan", "backup"],
  ]);
  assert.equal(freeze.routers[0]!.lastSent, bench.now);
  assert.equal(freeze.silentSince, bench.now);
  assert.deepEqual(bench.said(), []);
  assert.ok(freeze.defers({ type: "interface_gone", id: "k:2", key: ETH0, name: "eth0" }));
  assert.equal(freeze.defers({ type: "query", id: "c:2" }), false);
  bench.now += 2 * SECOND;
  const waited = freeze.end(bench.now, "c:3");
  assert.deepEqual(waited.map(({ type }) => type), ["interface_gone"]);
  assert.equal(bench.sent, 2, "an advert at once");
  assert.equal(bench.router("web").transitions, 2);
  assert.deepEqual(bench.said(), ["hold web again"]);
  wake.close();
});

Deno.test("freezing for too long: the master has been replaced, and waits like a backup", () => {
  const { bench, freeze, wake } = frozen();
  bench.now += MASTER_DOWN;
  freeze.end(bench.now, "c:3");
  assert.equal(bench.sent, 1, "the one before");
  assert.equal(bench.router("web").state, "backup");
  assert.deepEqual(bench.said(), ["drop web"]);
  wake.close();
});

Deno.test("another process goes on from the memory: no transition, timers as they were", () => {
  const { bench: former, freeze, wake } = frozen();
  const silentSince = freeze.silentSince;
  const memory = { routers: structuredClone(freeze.routers), silentSince };
  const due = former.router("lan").timer!.at;
  const bench = new Bench(former.now + 5_000);
  const routers = [router("web", 0), router("lan", 1)];
  bench.driver.configure(
    { type: "configure", id: "c", routers, groups: [], holdUntil: 0, memory },
    bench.now,
  );
  assert.equal(bench.sent, 1);
  assert.deepEqual(bench.said(), ["hold web again", "drop lan"]);
  assert.equal(bench.words.mastership(0), former.router("web").epoch);
  assert.equal(bench.router("web").transitions, former.router("web").transitions);
  assert.equal(bench.router("web").since, former.router("web").since);
  assert.equal(bench.router("lan").timer!.at, due + 5_000);
  // They are alive.
  bench.advance(MASTER_DOWN);
  assert.equal(bench.router("lan").state, "master");
  assert.equal(bench.router("web").state, "master");
  wake.close();
});
