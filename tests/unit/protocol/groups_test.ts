/** Sync groups, release and claim through the driver: entries, kernel plane, memory, reload. */

import assert from "node:assert/strict";
import { Counters } from "../../../mod/plane/counters.ts";
import type { GroupMemory, ProtocolGroup } from "../../../mod/plane/groups.ts";
import { IdSource } from "../../../mod/plane/ids.ts";
import { LogLimiter } from "../../../mod/plane/log_limiter.ts";
import type {
  InterfaceState,
  ProtocolRouter,
  ProtocolToControl,
  ToKernel,
} from "../../../mod/plane/messages.ts";
import { SharedWords } from "../../../mod/plane/shared.ts";
import type { Channel } from "../../../mod/protocol/channel.ts";
import { Freeze } from "../../../mod/protocol/hand_over.ts";
import { EventFd } from "../../../ffi/mod.ts";
import { Keyring } from "../../../mod/protocol/keyring.ts";
import { TimerHeap } from "../../../mod/protocol/timer_heap.ts";
import { Ipv4Reader } from "../../../mod/protocol/transport4.ts";
import { VrrpDriver } from "../../../mod/protocol/vrrp_driver.ts";
import { encodeAdvertisement, VRRP_GROUP_IPV4 } from "../../../mod/vrrp/mod.ts";
import { eth, Queue, router, SECOND } from "./fixtures.ts";

/** Of priority 100 at 1 s. */
const MASTER_DOWN = 3_609_375;
const SITE: ProtocolGroup = { name: "site", members: ["web", "lan"], need: "all" };

class Bench {
  readonly heap = new TimerHeap();
  readonly words = new SharedWords();
  readonly kernel: ToKernel[] = [];
  readonly control: ProtocolToControl[] = [];
  readonly sent: string[] = [];
  readonly incoming = new Map<string, Uint8Array[]>();
  readonly channels = new Map<string, Channel>();
  readonly driver: VrrpDriver;
  breakSending = false;

  constructor(public now = 1_000 * SECOND) {
    this.driver = new VrrpDriver({
      ids: new IdSource("p"),
      heap: this.heap,
      counters: new Counters(),
      words: this.words,
      log: new LogLimiter(() => {}, () => this.now),
      keys: new Keyring(() => 1_700_000_000_000_000),
      now: () => this.now,
      postKernel: (message) => void this.kernel.push(message),
      postControl: (message) => void this.control.push(structuredClone(message)),
      openTransport: (_family, _namespace, _index, name) => {
        const waiting: Uint8Array[] = [];
        this.incoming.set(name, waiting);
        return {
          admitted: new Ipv4Reader(100, new Queue(waiting), 32),
          refused: new Ipv4Reader(101, new Queue([]), 32),
          serve: () => {},
          overflow: () => 0,
          send: (packet: Uint8Array) => {
            if (this.breakSending) throw new Error("on purpose");
            this.sent.push(`${name} ${packet[22]}`);
            return packet.length;
          },
          close: () => {},
        };
      },
      openFrames: () => ({ write: () => 0, close: () => {} }),
      watch: (channel) => void this.channels.set(channel.name, channel),
      unwatch: () => {},
    });
    for (const name of ["eth0", "eth1"]) this.interface(name);
  }

  interface(name: string, changes: Partial<InterfaceState> = {}): void {
    const state = eth(name, Number(name.slice(3)) + 2, changes);
    this.driver.interfaceChanged(state, this.now, "k:1");
  }

  configure(groups: readonly ProtocolGroup[], routers = ROUTERS, memory?: Bench["memory"]) {
    return this.driver.configure({
      type: "configure",
      id: "c:1",
      routers,
      groups,
      holdUntil: 0,
      ...(memory === undefined ? {} : { memory: structuredClone(memory) }),
    }, this.now);
  }

  get memory() {
    const routers = [...this.driver.entries].map(({ router }) => router);
    return { routers, groups: this.driver.groupMemories, silentSince: this.now };
  }

  advance(micros: number): void {
    const end = this.now + micros;
    while (this.heap.next <= end) {
      this.now = Math.max(this.now, this.heap.next);
      this.heap.fire(this.now, 100);
    }
    this.now = end;
  }

  hear(on: string, priority: number): void {
    const id = on === "eth0" ? 51 : 52;
    this.incoming.get(on)!.push(encodeAdvertisement({
      version: 3,
      source: "192.0.2.2",
      destination: VRRP_GROUP_IPV4,
      virtualRouterId: id,
      priority,
      interval: SECOND,
      addresses: [`192.0.2.${id - 41}`],
      checksum: "rfc9568",
    }));
    this.driver.receive(this.channels.get(on)!, 10, Infinity);
  }

  get states(): string {
    return this.driver.describe().routers.map(({ router }) => router.state).join(" ");
  }

  overrule(name: string, override: "release" | "claim", until: number | null = null) {
    const message = { type: "override", id: "c:2", name, override, until } as const;
    return this.driver.overrule(message, this.now);
  }

  /** What was sent since the last time. */
  taken(): string[] {
    return this.sent.splice(0);
  }

  group(name: string) {
    return this.driver.describe().groups.find((group) => group.name === name);
  }
}

/** On an interface of its own. */
function routerOf(name: string, slot: number, priority = 100): ProtocolRouter {
  return router(name, slot, { interface: `eth${slot}`, settings: { priority } });
}

const ROUTERS = [routerOf("web", 0), routerOf("lan", 1)];

Deno.test("group: members become master in one step, and fall in one step", () => {
  const bench = new Bench();
  assert.deepEqual(bench.configure([SITE]).at(-1), "sync group site: added");
  bench.advance(SECOND);
  // One network has a master of its own for a while: the other waits.
  bench.hear("eth1", 200);
  bench.advance(3 * SECOND);
  assert.equal(bench.states, "backup backup");
  bench.advance(2 * SECOND);
  assert.equal(bench.states, "master master");
  assert.deepEqual(bench.kernel.map(({ type }) => type), ["hold", "hold"]);
  assert.deepEqual([bench.words.mastership(0), bench.words.mastership(1)], [1, 1]);
  assert.equal(bench.group("site")?.state, "master");
  assert.ok(bench.driver.hasMaster);
  bench.taken();
  bench.interface("eth1", { running: false });
  assert.equal(bench.states, "fault fault");
  // Nothing can be said where there is no carrier.
  assert.deepEqual(bench.taken(), ["eth0 0"]);
  assert.deepEqual([bench.words.mastership(0), bench.words.mastership(1)], [0, 0]);
  assert.ok(!bench.driver.hasMaster);
  const steps = bench.control.filter(({ type }) => type === "group_step");
  assert.equal(steps.length, 3);
  const [web] = bench.driver.describe().routers;
  assert.match(web!.router.waitingFor.join(), /sync group site needs 2 of 2 members, and lan is/);
});

Deno.test("group: weights of all members count for all, once", () => {
  const bench = new Bench();
  const tracker = { kind: "interface", name: "eth1", weight: -30 } as const;
  const routers = ROUTERS.map((one) => ({ ...one, interface: "eth0", trackers: [tracker] }));
  bench.configure([SITE], routers);
  bench.advance(5 * SECOND);
  bench.taken();
  bench.interface("eth1", { running: false });
  bench.advance(SECOND);
  assert.deepEqual(bench.taken(), ["eth0 70", "eth0 70"]);
});

Deno.test("group: a reload joins and parts members and touches nobody else", () => {
  const bench = new Bench();
  bench.configure([]);
  bench.advance(SECOND);
  bench.hear("eth1", 200);
  bench.advance(3 * SECOND);
  assert.equal(bench.states, "master backup");
  const { since } = [...bench.driver.entries][0]!.router;
  bench.taken();
  assert.deepEqual(bench.configure([SITE]), ["sync group site: added"]);
  // Who joins a master takes its state: the group is held by us.
  assert.equal(bench.states, "master master");
  assert.deepEqual(bench.taken(), ["eth1 100"]);
  assert.equal([...bench.driver.entries][0]!.router.since, since);
  assert.deepEqual(bench.configure([SITE]), []);
  const any = { ...SITE, need: "any" } as const;
  assert.deepEqual(bench.configure([any]), ["sync group site: changed"]);
  bench.interface("eth1", { running: false });
  assert.equal(bench.states, "master fault");
  bench.interface("eth1");
  assert.equal(bench.states, "master master");
  const alone = { ...any, members: ["web"] };
  bench.configure([alone], [ROUTERS[0]!]);
  assert.equal(bench.states, "master");
  assert.deepEqual(bench.group("site")?.members, ["web"]);
  assert.deepEqual(bench.configure([], ROUTERS), [
    "sync group site: removed",
    "virtual router lan: added",
  ]);
  assert.equal(bench.states, "master backup");
  assert.deepEqual(bench.control.findLast(({ type }) => type === "group_snapshot"), {
    ...bench.control.findLast(({ type }) => type === "group_snapshot")!,
    name: "site",
    memory: null,
  });
});

Deno.test("group: a router that is new with a reload joins a master at once", () => {
  const bench = new Bench();
  const alone = { ...SITE, members: ["web"] };
  bench.configure([alone], [ROUTERS[0]!]);
  bench.advance(5 * SECOND);
  bench.taken();
  bench.kernel.length = 0;
  bench.configure([SITE]);
  assert.equal(bench.states, "master master");
  assert.deepEqual(bench.taken(), ["eth1 100"]);
  assert.deepEqual(bench.kernel.map(({ type }) => type), ["hold"]);
  // One that is not fit counts: all members are needed.
  const other = new Bench();
  other.configure([alone], [ROUTERS[0]!]);
  other.interface("eth1", { up: false });
  other.advance(5 * SECOND);
  other.configure([SITE]);
  assert.equal(other.states, "fault fault");
});

Deno.test("both families: a reload adds the second session to a master, and takes it away", () => {
  const bench = new Bench();
  bench.interface("eth1", { index: 3 });
  bench.configure([], [ROUTERS[0]!]);
  bench.advance(5 * SECOND);
  const { since } = [...bench.driver.entries][0]!.router;
  bench.taken();
  const second = { ...routerOf("web/ipv6", 1), router: "web" };
  const first = { router: "web", ...ROUTERS[0]! };
  const group = {
    name: "web",
    members: ["web", "web/ipv6"],
    need: "all",
    sessions: [["web", "web/ipv6"]],
  } as const;
  bench.configure([group], [first, second]);
  assert.equal(bench.states, "master master");
  assert.equal([...bench.driver.entries][0]!.router.since, since);
  assert.deepEqual(bench.taken(), ["eth1 100"]);
  assert.deepEqual(bench.overrule("web", "release").members, ["web"]);
  bench.hear("eth0", 50);
  bench.hear("eth1", 50);
  bench.advance(SECOND / 10);
  assert.equal(bench.states, "backup backup");
  assert.equal(bench.overrule("web", "claim").refused, null);
  assert.equal(bench.states, "master master");
  bench.configure([], [ROUTERS[0]!]);
  assert.equal(bench.states, "master");
});

Deno.test("group: memory goes through JSON to another process, mastership and override with it", () => {
  const former = new Bench();
  former.configure([SITE]);
  former.advance(MASTER_DOWN);
  const until = former.now + 600 * SECOND;
  assert.deepEqual(former.overrule("lan", "release", until), {
    refused: null,
    members: ["web", "lan"],
  });
  former.advance(10 * SECOND);
  // Nobody else is there: master again, with priority 1.
  assert.equal(former.states, "master master");
  const freeze = new Freeze(former.driver, new EventFd().fd, former.now);
  const memory = JSON.parse(JSON.stringify({
    routers: freeze.routers,
    groups: freeze.groups,
    silentSince: freeze.silentSince,
  })) as Bench["memory"];
  const bench = new Bench(former.now + 10_000);
  bench.configure([SITE], ROUTERS, memory);
  assert.equal(bench.states, "master master");
  assert.deepEqual(bench.taken(), ["eth0 1", "eth1 1"]);
  assert.equal(bench.group("site")?.override, "release");
  bench.advance(600 * SECOND);
  assert.equal(bench.group("site")?.override, null);
  bench.taken();
  bench.advance(SECOND);
  assert.deepEqual(bench.taken().sort(), ["eth0 100", "eth1 100"]);
});

Deno.test("a claim outlives the Worker, though nothing moved when it was made", () => {
  const former = new Bench();
  former.configure([SITE]);
  former.advance(5 * SECOND);
  const { routers } = structuredClone(former.memory);
  assert.equal(former.overrule("site", "claim").refused, null);
  former.advance(SECOND);
  const bench = new Bench(former.now + 10_000);
  const { groups, silentSince } = former.memory;
  bench.driver.resume(structuredClone({ routers, groups, silentSince }));
  bench.configure([SITE]);
  assert.equal(bench.states, "master master");
  assert.deepEqual(bench.taken(), ["eth0 254", "eth1 254"]);
  bench.advance(SECOND);
  assert.deepEqual(bench.taken(), ["eth0 254", "eth1 254"]);
});

Deno.test("release and claim of a single router; its settings come back", () => {
  const bench = new Bench();
  bench.configure([]);
  bench.advance(5 * SECOND);
  bench.taken();
  assert.equal(bench.overrule("web", "release").refused, null);
  assert.deepEqual(bench.taken(), ["eth0 0"]);
  assert.equal(bench.states, "master master");
  bench.hear("eth0", 50);
  bench.advance(SECOND / 10);
  assert.equal(bench.states, "backup master");
  // It stays behind.
  for (let i = 0; i < 8; i++) {
    bench.advance(SECOND);
    bench.hear("eth0", 50);
  }
  assert.equal(bench.states, "backup master");
  bench.taken();
  assert.equal(bench.overrule("web", "claim").refused, null);
  // Its addresses come first, so that the present one answers until they are there.
  assert.deepEqual(bench.taken(), []);
  assert.equal(bench.states, "master master");
  bench.advance(50_000);
  assert.deepEqual(bench.taken().filter((one) => one.startsWith("eth0")), ["eth0 254"]);
  bench.hear("eth0", 255);
  bench.advance(1);
  assert.equal(bench.states, "backup master");
  assert.equal(bench.group("web")?.override ?? null, null);
  assert.match(bench.overrule("web", "claim").refused!, /192.0.2.2 owns the addresses/);
  bench.interface("eth0", { up: false });
  assert.match(bench.overrule("web", "claim").refused!, /web is in fault/);
  assert.match(bench.overrule("nobody", "claim").refused!, /there is no virtual router/);
  bench.interface("eth0");
  bench.advance(5 * SECOND);
  assert.equal(bench.driver.describe().routers[0]!.router.settings.priority, 100);
});

Deno.test("a claim of a single router outlives a restart of the plane, and a lost memory of it ends it", () => {
  const former = new Bench();
  former.configure([]);
  former.advance(5 * SECOND);
  former.overrule("web", "claim");
  former.advance(SECOND);
  const memories: readonly (readonly [readonly GroupMemory[], number])[] = [
    [former.memory.groups, 254],
    [[], 100],
  ];
  for (const [groups, priority] of memories) {
    const bench = new Bench(former.now + 1000);
    bench.driver.resume(structuredClone({ ...former.memory, groups }));
    bench.configure([]);
    bench.advance(SECOND);
    assert.equal(bench.taken().at(-2), `eth0 ${priority}`);
    assert.equal(bench.states, "master master");
  }
});

Deno.test("an exception in a group costs that group, and a new configuration revives it", () => {
  const bench = new Bench();
  bench.configure([SITE]);
  bench.breakSending = true;
  bench.advance(5 * SECOND);
  assert.equal(bench.states, "fault fault");
  assert.ok(bench.kernel.filter(({ type }) => type === "drop").length >= 2);
  bench.breakSending = false;
  bench.configure([SITE], [routerOf("web", 0, 120), routerOf("lan", 1, 120)]);
  bench.advance(5 * SECOND);
  assert.equal(bench.states, "master master");
});

Deno.test("group: stop hands all members over, each ends when its successor has spoken", () => {
  const bench = new Bench();
  bench.configure([SITE]);
  bench.advance(5 * SECOND);
  bench.taken();
  bench.driver.stop(false, bench.now, "c:3");
  assert.deepEqual(bench.taken(), ["eth0 0", "eth1 0"]);
  assert.ok(!bench.driver.isStopped);
  bench.hear("eth0", 50);
  bench.advance(SECOND / 10);
  assert.equal(bench.states, "init master");
  bench.advance(3 * SECOND);
  assert.ok(bench.driver.isStopped);
  assert.match(bench.overrule("site", "claim").refused!, /stopping/);
});
