/** What the protocol plane is told, in pieces and in steps: how much at a time, and in which order. */

import assert from "node:assert/strict";
import { Counters } from "../../../mod/plane/counters.ts";
import { IdSource } from "../../../mod/plane/ids.ts";
import { LogLimiter } from "../../../mod/plane/log_limiter.ts";
import type {
  ConfigureProtocol,
  ControlToProtocol,
  KernelToProtocol,
  ProtocolRouter,
  ProtocolToControl,
} from "../../../mod/plane/messages.ts";
import { Assembler, Disassembler } from "../../../mod/plane/pieces.ts";
import { SharedWords } from "../../../mod/plane/shared.ts";
import type { ProtocolState } from "../../../mod/plane/state.ts";
import type { TrackerFinding } from "../../../mod/plane/trackers.ts";
import { Desk } from "../../../mod/protocol/desk.ts";
import { Keyring } from "../../../mod/protocol/keyring.ts";
import { TimerHeap } from "../../../mod/protocol/timer_heap.ts";
import { Ipv4Reader } from "../../../mod/protocol/transport4.ts";
import { VrrpDriver } from "../../../mod/protocol/vrrp_driver.ts";
import { eth, Queue, router, SECOND } from "./fixtures.ts";

type Message = ControlToProtocol | KernelToProtocol;

/** A desk without BFD, and what is on its way to it. */
class Bench {
  now = 1_000 * SECOND;
  readonly heap = new TimerHeap();
  readonly inbox: Message[] = [];
  readonly told: ProtocolToControl[] = [];
  /** Settings of the kernel's filters. */
  served = 0;
  /** What BFD sessions have found. */
  readonly sessions: TrackerFinding[] = [];
  readonly driver: VrrpDriver;
  readonly desk: Desk;
  readonly disassembler = new Disassembler<ConfigureProtocol>(
    150,
    (one) => void this.inbox.push(structuredClone(one)),
  );
  #ids = 0;

  constructor() {
    const ids = new IdSource("p");
    this.driver = new VrrpDriver({
      ids,
      heap: this.heap,
      counters: new Counters(),
      words: new SharedWords(),
      log: new LogLimiter(() => {}, () => this.now),
      keys: new Keyring(() => this.now),
      now: () => this.now,
      postKernel: () => {},
      postControl: () => {},
      openTransport: () => ({
        admitted: new Ipv4Reader(100, new Queue([]), 32),
        refused: new Ipv4Reader(101, new Queue([]), 256),
        send: (packet: Uint8Array) => packet.length,
        serve: () => void this.served++,
        overflow: () => 0,
        close: () => {},
      } as never),
      openFrames: () => assert.fail("no frames"),
      watch: () => {},
      unwatch: () => {},
    });
    this.desk = new Desk({
      start: { faultInjection: false },
      ids,
      inbox: {
        drain: (most: number, handle: (message: unknown) => void, isEnough: () => boolean) => {
          let handled = 0;
          while (this.inbox.length > 0 && handled < most && (handled === 0 || !isEnough())) {
            handle(this.inbox.shift());
            handled++;
          }
          return handled;
        },
      },
      control: { post: (message: ProtocolToControl) => void this.told.push(message) },
      kernel: { post: () => {} },
      driver: this.driver,
      bfd: {
        // deno-lint-ignore require-yield
        *configuring() {
          return [];
        },
        findings: () => this.sessions.values(),
        describe: () => ({}),
      },
      checks: { configure: () => {} },
      guard: { histogram: { data: () => [] }, stalls: [] },
      wall: {},
      scheduling: { policy: "other", priority: 0 },
    } as never);
    this.driver.interfaceChanged(eth("eth0", 2), this.now, "k:1");
  }

  configure(
    routers: readonly ProtocolRouter[],
    findings: readonly TrackerFinding[] = [],
  ): void {
    const id = `c:${++this.#ids}`;
    const body = { routers, groups: [], delays: [], findings, sessionChecks: [] };
    this.disassembler.send(body, { type: "configure", id, holdUntil: 0 }, 1);
  }

  /** One turn of the loop: a step of what goes on, or one message. */
  turn(): void {
    if (this.desk.isBusy) this.desk.work(() => true);
    else this.desk.hear(1, () => true);
  }

  /** Turns until nothing is left. @returns how many there were */
  settle(each: () => void = () => {}): number {
    for (let turns = 0;; turns++) {
      if (!this.desk.isBusy && this.inbox.length === 0) return turns;
      this.turn();
      each();
      assert(turns < 10_000, "it spins");
    }
  }

  get priorities(): number[] {
    return [...this.driver.entries].map(({ config }) => config.settings.priority);
  }
}

const routers = (count: number, priority: number) =>
  Array.from({ length: count }, (_, i) =>
    router(`r${i}`, i, {
      settings: { virtualRouterId: i + 1, priority, addresses: ["198.51.100.1"] },
    }));

Deno.test("desk: of a reload that changes 150 routers, a step changes one", () => {
  const bench = new Bench();
  bench.configure(routers(150, 100));
  bench.settle();
  assert.equal(bench.told.filter(({ type }) => type === "configured").length, 1);
  bench.told.length = bench.served = 0;
  bench.configure(routers(150, 90));
  let before = 0;
  const turns = bench.settle(() => {
    const now = bench.priorities.filter((priority) => priority === 90).length;
    assert(now - before <= 1, `${now - before} in one turn`);
    before = now;
  });
  assert.equal(before, 150);
  assert(turns > 450, `${turns} turns`);
  const [answer] = bench.told.filter(({ type }) => type === "configured");
  assert(answer?.type === "configured" && answer.changes.length === 150);
  assert(bench.served <= 2, `filters were set ${bench.served} times`);
});

Deno.test("desk: of a reload that changes one of 150 routers little comes and little is done", () => {
  const bench = new Bench();
  bench.configure(routers(150, 100));
  bench.settle();
  const before = [...bench.driver.entries].map(({ config }) => config);
  bench.configure(routers(150, 100).with(70, routers(71, 90)[70]!));
  assert.equal(bench.inbox.length, 2);
  bench.settle();
  const after = [...bench.driver.entries].map(({ config }) => config);
  assert.deepEqual(after.flatMap((config, i) => config === before[i] ? [] : [i]), [70]);
});

Deno.test("desk: what comes while a configuration is applied finds all of it", () => {
  const bench = new Bench();
  bench.configure(routers(20, 100));
  bench.settle();
  bench.configure(routers(21, 90));
  // It comes behind the pieces, as from another port.
  bench.inbox.push({ type: "override", id: "c:x", name: "r20", override: "release", until: null });
  bench.inbox.push({
    type: "tracker",
    id: "k:x",
    kind: "check",
    namespace: "",
    name: "c",
    healthy: false,
    reason: "",
  });
  while (!bench.desk.isBusy) bench.turn();
  assert.equal(bench.inbox.length, 2, "they wait");
  for (let i = 0; bench.desk.isBusy; i++) {
    assert.equal(bench.told.filter(({ type }) => type === "overridden").length, 0);
    bench.turn();
  }
  bench.settle();
  const [overridden] = bench.told.filter(({ type }) => type === "overridden");
  assert(overridden?.type === "overridden" && overridden.refused === null);
  assert.deepEqual(new Set(bench.priorities), new Set([90]));
});

Deno.test("desk: a router that is added hears before it has a deadline", () => {
  const bench = new Bench();
  bench.configure(routers(1, 100));
  bench.settle();
  bench.served = 0;
  bench.configure(routers(30, 100));
  bench.settle(() => {
    const armed = [...bench.driver.entries].slice(1).some(({ position }) => position !== -1);
    if (armed) assert(bench.served > 0, "its filter is set");
  });
  assert([...bench.driver.entries].every(({ position }) => position !== -1));
});

Deno.test("desk: nothing is read between a router's filter and the first word of its health", () => {
  const bench = new Bench();
  bench.configure(routers(1, 100));
  bench.settle(() => {
    const [entry] = bench.driver.entries;
    assert.equal(bench.served > 0, entry?.router.state === "backup");
  });
  assert.equal(bench.served, 1);
});

Deno.test("desk: the state of 150 routers is told a piece at a time", () => {
  const bench = new Bench();
  bench.configure(routers(150, 100));
  bench.settle();
  bench.told.length = 0;
  bench.inbox.push({ type: "query", id: "c:q" });
  let before = 0;
  bench.settle(() => {
    assert(bench.told.length - before <= 1);
    before = bench.told.length;
  });
  assert(bench.told.length > 30, `${bench.told.length} pieces`);
  const assembler = new Assembler<ProtocolState>(true);
  let state: ProtocolState | undefined;
  for (const one of bench.told) {
    if (one.type === "piece") assembler.take(structuredClone(one));
    else if (one.type === "end") state = assembler.end(one);
  }
  assert.equal(state?.cause, "c:q");
  assert.equal(state?.routers.length, 150);
  assert.equal(state?.routers[149]?.router.settings.name, "r149");
});

Deno.test("desk: a BFD session that fails while a configuration is applied has failed", () => {
  const bench = new Bench();
  const finding = (kind: "bfd" | "script", name: string, healthy: boolean): TrackerFinding => {
    return { kind, namespace: "", name, healthy, reason: healthy ? "up" : "down" };
  };
  const scripts = Array.from({ length: 64 }, (_, i) => finding("script", `s${i}`, true));
  bench.sessions.push(finding("bfd", "one", true));
  bench.configure([router("r0", 0, { trackers: [{ kind: "bfd", name: "one", weight: 0 }] })]);
  bench.settle();
  const [entry] = bench.driver.entries;
  assert.equal(entry!.router.state, "backup");
  // The first step takes in so many findings that the session's is not among them.
  bench.configure([entry!.config], scripts);
  while (!bench.desk.isBusy) bench.turn();
  bench.turn();
  assert(bench.desk.isBusy);
  bench.sessions[0] = finding("bfd", "one", false);
  bench.driver.trackersFound([{ type: "tracker", id: "p:1", ...bench.sessions[0]! }], bench.now);
  assert.equal(entry!.router.state, "fault");
  bench.settle();
  assert.equal(entry!.router.state, "fault");
});

Deno.test("desk: no message is read while an answer is told, even by a plane that stands still", () => {
  const bench = new Bench();
  bench.configure(routers(20, 100));
  bench.settle();
  bench.told.length = 0;
  bench.inbox.push({ type: "query", id: "c:1" }, { type: "query", id: "c:2" });
  bench.desk.hear(16, () => false);
  bench.desk.hear(16, () => false);
  assert.equal(bench.inbox.length, 1);
  bench.settle();
  const ends = bench.told.filter((one) => one.type === "end");
  assert.deepEqual(ends.map(({ message }) => message.cause), ["c:1", "c:2"]);
});

Deno.test("desk: routers of a former life go on in one step", () => {
  const former = new Bench();
  former.configure(routers(20, 255));
  former.settle();
  const known = [...former.driver.entries].map((entry) => structuredClone(entry.router));
  assert(known.every(({ state }) => state === "master"));
  const bench = new Bench();
  bench.driver.resume({ routers: known, silentSince: bench.now });
  bench.configure(routers(20, 255));
  bench.settle(() => {
    const entries = [...bench.driver.entries];
    // Those that are not armed have not been told that they go on.
    assert(entries.every(({ position }) => position !== -1));
  });
});
