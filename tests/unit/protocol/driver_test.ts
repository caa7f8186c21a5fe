/** The driver with a transport of its own making: sockets, interfaces and failures by hand. */

import assert from "node:assert/strict";
import { Counters } from "../../../mod/plane/counters.ts";
import { IdSource } from "../../../mod/plane/ids.ts";
import { LogLimiter } from "../../../mod/plane/log_limiter.ts";
import type {
  LogRecord,
  ProtocolRouter,
  ProtocolToControl,
  ToKernel,
} from "../../../mod/plane/messages.ts";
import { SharedWords } from "../../../mod/plane/shared.ts";
import { Keyring } from "../../../mod/protocol/keyring.ts";
import { TimerHeap } from "../../../mod/protocol/timer_heap.ts";
import type { Channel } from "../../../mod/protocol/channel.ts";
import type { Served } from "../../../mod/protocol/served.ts";
import type { VrrpTransport } from "../../../mod/protocol/transport.ts";
import { Ipv4Reader } from "../../../mod/protocol/transport4.ts";
import { VrrpDriver } from "../../../mod/protocol/vrrp_driver.ts";
import { encodeAdvertisement, VRRP_GROUP_IPV4 } from "../../../mod/vrrp/mod.ts";
import { EPERM, SystemError } from "../../../ffi/mod.ts";
import { eth, Queue, router, SECOND } from "./fixtures.ts";

/** A driver, its clock, and everything it says. */
class Bench {
  now = 1_000 * SECOND;
  /** Microseconds since 1970. */
  wall = 1_700_000_000 * SECOND;
  readonly heap = new TimerHeap();
  readonly words = new SharedWords();
  readonly counters = new Counters();
  readonly kernel: ToKernel[] = [];
  readonly control: ProtocolToControl[] = [];
  readonly logs: LogRecord[] = [];
  readonly sent: Uint8Array[] = [];
  readonly frames: Uint8Array[] = [];
  refuseFrames = false;
  readonly incoming: Uint8Array[] = [];
  readonly refusedPackets: Uint8Array[] = [];
  readonly served: string[] = [];
  readonly overflow: number[] = [];
  refuseFilters = false;
  /** How long something keeps us from reading once we are awake. */
  heldUp = 0;
  readonly channels = new Set<Channel>();
  opened: string[] = [];
  closed = 0;
  refuse = false;
  sendResult: number | null = null;
  sendFault: Error | null = null;
  readonly driver = new VrrpDriver({
    ids: new IdSource("p"),
    heap: this.heap,
    counters: this.counters,
    words: this.words,
    log: new LogLimiter((record) => void this.logs.push(record), () => this.now),
    keys: new Keyring(() => this.wall),
    now: () => this.now,
    postKernel: (message) => void this.kernel.push(message),
    postControl: (message) => void this.control.push(structuredClone(message)),
    openTransport: (family, namespace, index, name) => {
      if (this.refuse) throw new SystemError("socket", EPERM);
      this.opened.push(`${namespace}/${index}/${name}/${family}`);
      return new BenchTransport(this);
    },
    openFrames: (family, namespace, index) => {
      if (this.refuseFrames) throw new SystemError("socket", EPERM);
      this.opened.push(`frames ${namespace}/${index}/${family}`);
      const close = () => void this.closed++;
      return { write: (frame) => this.frames.push(frame), close };
    },
    watch: (channel) => void this.channels.add(channel),
    unwatch: (channel) => void this.channels.delete(channel),
  });

  configure(...routers: ProtocolRouter[]): string[] {
    const message = { type: "configure", id: "c:1", routers, groups: [], holdUntil: 0 } as const;
    return this.driver.configure(message, this.now);
  }

  advance(micros: number): void {
    const end = this.now + micros;
    while (this.heap.next <= end) {
      this.now = Math.max(this.now, this.heap.next);
      this.heap.fire(this.now, 100);
    }
    this.now = end;
  }

  state(name: string) {
    return this.driver.describe().routers.find(({ router }) => router.settings.name === name)!;
  }
}

class BenchTransport implements VrrpTransport {
  readonly admitted: Ipv4Reader;
  readonly refused: Ipv4Reader;
  readonly #bench: Bench;

  constructor(bench: Bench) {
    this.#bench = bench;
    this.admitted = new Ipv4Reader(
      100,
      new Queue(bench.incoming, () => bench.now += bench.heldUp),
      32,
    );
    this.refused = new Ipv4Reader(101, new Queue(bench.refusedPackets), 256);
  }

  serve({ groups }: Served): void {
    for (const ids of groups.values()) {
      this.#bench.served.push(`3: ${[...ids.version3]}; 2: ${[...ids.version2]}`);
    }
    if (this.#bench.refuseFilters) throw new SystemError("setsockopt", EPERM);
  }

  overflow(): number {
    return this.#bench.overflow.shift() ?? 0;
  }

  send(packet: Uint8Array): number {
    if (this.#bench.sendFault !== null) throw this.#bench.sendFault;
    if (this.#bench.sendResult !== null) return this.#bench.sendResult;
    this.#bench.sent.push(packet.slice());
    return packet.length;
  }

  close(): void {
    this.#bench.closed++;
  }
}

function advert(virtualRouterId: number, priority: number, interval = SECOND): Uint8Array {
  return encodeAdvertisement({
    version: 3,
    source: "192.0.2.2",
    destination: VRRP_GROUP_IPV4,
    virtualRouterId,
    priority,
    interval,
    addresses: ["192.0.2.10"],
    checksum: "rfc9568",
  });
}

function changed(packet: Uint8Array, bytes: Record<number, number>): Uint8Array {
  for (const [at, byte] of Object.entries(bytes)) packet[Number(at)] = byte;
  return packet;
}

Deno.test("driver: a router waits for its interface, then for the election, then holds", () => {
  const bench = new Bench();
  bench.configure(router("web", 0));
  assert.deepEqual(bench.state("web").router.waitingFor, ["interface eth0: not there"]);
  bench.driver.interfaceChanged(eth("eth0", 2, { running: false }), bench.now, "k:1");
  assert.deepEqual(bench.state("web").router.waitingFor, ["interface eth0: no carrier"]);
  bench.driver.interfaceChanged(eth("eth0", 2, { ipv4: [] }), bench.now, "k:2");
  assert.deepEqual(bench.state("web").router.waitingFor, ["interface eth0: no IPv4 address"]);
  bench.driver.interfaceChanged(eth("eth0", 2), bench.now, "k:3");
  assert.equal(bench.state("web").router.state, "backup");
  bench.advance(3_609_374);
  assert.equal(bench.sent.length, 0);
  bench.advance(1);
  assert.equal(bench.sent.length, 1);
  assert.equal(bench.words.mastership(0), 1);
  assert.deepEqual(bench.kernel.map(({ type }) => type), ["hold"]);
});

Deno.test("driver: routers of one interface share one pair of sockets; the last one closes it", () => {
  const bench = new Bench();
  bench.driver.interfaceChanged(eth("eth0", 2), bench.now, "k:1");
  bench.configure(router("a", 0), router("b", 1));
  assert.deepEqual(bench.opened, ["/2/eth0/ipv4"]);
  bench.configure(router("b", 1));
  assert.equal(bench.closed, 0);
  bench.configure();
  assert.equal(bench.closed, 1);
  assert.equal(bench.channels.size, 0);
  assert.equal(bench.heap.size, 0, "no timer of a removed router is left");
});

Deno.test("driver: an unchanged router is not touched by a reload", () => {
  const bench = new Bench();
  bench.driver.interfaceChanged(eth("eth0", 2), bench.now, "k:1");
  bench.configure(router("a", 0), router("b", 1));
  bench.advance(2 * SECOND);
  const before = structuredClone(bench.state("a").router);
  const faster = router("b", 1);
  const settings = { ...faster.settings, priority: 120 };
  assert.deepEqual(bench.configure(router("a", 0), { ...faster, settings }), [
    "virtual router b: changed",
  ]);
  assert.deepEqual(bench.state("a").router, before);
  assert.deepEqual(bench.configure(router("a", 0), { ...faster, settings }), []);
});

Deno.test("driver: an interface that comes back with another index gets new sockets", () => {
  const bench = new Bench();
  bench.driver.interfaceChanged(eth("eth0", 2), bench.now, "k:1");
  bench.configure(router("web", 0));
  const key = { namespace: "", index: 2 };
  bench.driver.interfaceGone({ type: "interface_gone", id: "k:2", key, name: "eth0" });
  assert.equal(bench.closed, 1);
  assert.equal(bench.state("web").router.state, "fault");
  bench.driver.interfaceChanged(eth("eth0", 9), bench.now, "k:3");
  assert.deepEqual(bench.opened, ["/2/eth0/ipv4", "/9/eth0/ipv4"]);
  assert.equal(bench.state("web").router.state, "backup");
});

Deno.test("driver: an interface that went while nobody watched it is gone, and no other is", () => {
  const bench = new Bench();
  for (const [name, index] of [["eth0", 2], ["eth1", 3]] as const) {
    bench.driver.interfaceChanged(eth(name, index), bench.now, "k:1");
  }
  const trackers = [{ kind: "interface", name: "eth1", weight: 0 }] as const;
  bench.configure(router("web", 0, { trackers }));
  assert.equal(bench.state("web").router.state, "backup");
  // A new kernel plane does not know which index it had.
  const gone = (name: string) =>
    bench.driver.interfaceGone({
      type: "interface_gone",
      id: "k:2",
      key: { namespace: "", index: 0 },
      name,
    });
  gone("eth9");
  assert.equal(bench.state("web").router.state, "backup");
  gone("eth1");
  assert.deepEqual(bench.state("web").router.waitingFor, ["tracked interface eth1: not there"]);
});

Deno.test("driver: a renamed interface is gone for those who want the old name", () => {
  const bench = new Bench();
  bench.driver.interfaceChanged(eth("eth0", 2), bench.now, "k:1");
  bench.configure(router("web", 0));
  bench.driver.interfaceChanged(eth("wan0", 2), bench.now, "k:2");
  assert.deepEqual(bench.state("web").router.waitingFor, ["interface eth0: not there"]);
});

Deno.test("driver: tracked interfaces change the priority, or are a fault", () => {
  const bench = new Bench();
  bench.driver.interfaceChanged(eth("eth0", 2), bench.now, "k:1");
  bench.driver.interfaceChanged(eth("eth1", 3, { up: false }), bench.now, "k:2");
  bench.configure(
    router("weighted", 0, { trackers: [{ kind: "interface", name: "eth1", weight: -30 }] }),
    router("hard", 1, { trackers: [{ kind: "interface", name: "eth1", weight: 0 }] }),
  );
  assert.equal(bench.state("weighted").router.contribution, -30);
  assert.equal(bench.state("weighted").router.state, "backup");
  assert.deepEqual(bench.state("hard").router.waitingFor, ["tracked interface eth1: down"]);
  bench.driver.interfaceChanged(eth("eth1", 3), bench.now, "k:3");
  assert.equal(bench.state("weighted").router.contribution, 0);
  assert.equal(bench.state("hard").router.state, "backup");
});

Deno.test("driver: packets are charged to their router, or to the interface", () => {
  const bench = new Bench();
  bench.driver.interfaceChanged(eth("eth0", 2), bench.now, "k:1");
  bench.configure(router("web", 0));
  const [channel] = bench.channels;
  const expired = changed(advert(51, 200), { 8: 254 });
  bench.incoming.push(advert(51, 200), changed(advert(51, 200), { 26: 0 }));
  assert.equal(bench.driver.receive(channel!, 64, Infinity), 2);
  bench.refusedPackets.push(advert(77, 200), expired, new Uint8Array(3));
  // Somebody else's, with a wrong checksum: that is none of our business.
  bench.refusedPackets.push(changed(advert(78, 200), { 26: 0 }));
  // Came before its router did.
  bench.refusedPackets.push(advert(51, 200));
  bench.overflow.push(7);
  assert.equal(bench.driver.sweep(channel!, bench.now, bench.now), true);
  assert.equal(bench.counters.read(0).advertisements_received, 1);
  assert.equal(bench.counters.read(0).dropped.ttl, 1);
  assert.equal(bench.counters.read(0).dropped.checksum, 1);
  assert.equal(bench.counters.read(0).dropped.virtual_router_id, 0);
  bench.overflow.push(5);
  const dropped = { virtual_router_id: 3, truncated: 1, overflow: 12 };
  const where = { namespace: "", name: "eth0", family: "ipv4" };
  assert.deepEqual(bench.driver.describe().interfaces, [{ ...where, dropped }]);
  assert.deepEqual(bench.state("web").router.master, { address: "192.0.2.2", priority: 200 });
});

Deno.test("driver: an unknown id is told at level debug only, a wrong packet as a warning", () => {
  const bench = new Bench();
  bench.driver.interfaceChanged(eth("eth0", 2), bench.now, "k:1");
  bench.configure(router("web", 0));
  const [channel] = bench.channels;
  bench.refusedPackets.push(advert(77, 200), changed(advert(51, 200), { 8: 254 }));
  bench.driver.sweep(channel!, bench.now, bench.now);
  const told = bench.logs.filter(({ message }) => message.startsWith("Advertisement refused"));
  assert.deepEqual(told.map(({ level, message }) => [level, message]), [
    ["debug", "Advertisement refused: virtual_router_id"],
    ["warning", "Advertisement refused: ttl"],
  ]);
});

Deno.test("driver: adverts and refused packets are read in portions, and while there is time", () => {
  const bench = new Bench();
  bench.driver.interfaceChanged(eth("eth0", 2), bench.now, "k:1");
  bench.configure(router("web", 0));
  const [channel] = bench.channels;
  for (let i = 0; i < 140; i++) bench.incoming.push(advert(51, 50));
  assert.equal(bench.driver.receive(channel!, 64, Infinity), 64);
  assert.equal(bench.driver.receive(channel!, 64, bench.now), 32, "one batch");
  assert.equal(bench.driver.receive(channel!, 64, Infinity), 44);
  for (let i = 0; i < 700; i++) bench.refusedPackets.push(advert(77, 50));
  assert.equal(bench.driver.sweep(channel!, bench.now, bench.now), false);
  assert.equal(bench.refusedPackets.length, 700 - 256);
  assert.equal(bench.driver.sweep(channel!, bench.now, Infinity), true);
  assert.deepEqual(bench.driver.describe().interfaces[0]!.dropped, { virtual_router_id: 700 });
});

Deno.test("driver: a flood is one line of log a second, with the number of its packets", () => {
  const bench = new Bench();
  bench.driver.interfaceChanged(eth("eth0", 2), bench.now, "k:1");
  bench.configure(router("web", 0));
  const [channel] = bench.channels;
  for (let second = 0; second < 3; second++) {
    const expired = changed(advert(51, 200), { 8: 1 });
    bench.refusedPackets.push(...Array.from({ length: 1000 }, () => expired));
    bench.driver.sweep(channel!, bench.now, Infinity);
    bench.now += SECOND;
  }
  const lines = bench.logs.filter(({ message }) => message === "Advertisement refused: ttl");
  assert.deepEqual(lines.map(({ properties }) => properties), [
    { source: "192.0.2.2" },
    { source: "192.0.2.2", packets: 1000 },
    { source: "192.0.2.2", packets: 1000 },
  ]);
});

Deno.test("driver: the kernel is told whose adverts to admit, once for each message", () => {
  const bench = new Bench();
  bench.driver.interfaceChanged(eth("eth0", 2), bench.now, "k:1");
  const b = router("b", 1);
  bench.configure(router("a", 0), b);
  bench.configure(router("a", 0), b);
  bench.configure(router("a", 0), { ...b, settings: { ...b.settings, version2: true } });
  bench.configure(router("a", 0));
  assert.deepEqual(bench.served, ["3: 51,52; 2: ", "3: 51,52; 2: 52", "3: 51; 2: "]);
  bench.refuseFilters = true;
  bench.configure(router("a", 0), b);
  bench.refuseFilters = false;
  bench.advance(SECOND);
  assert.deepEqual(bench.served.slice(3), ["3: 51,52; 2: ", "3: 51,52; 2: "], "tried again");
});

Deno.test("driver: sockets that cannot be opened are tried again, and say why", () => {
  const bench = new Bench();
  bench.refuse = true;
  bench.driver.interfaceChanged(eth("eth0", 2), bench.now, "k:1");
  bench.configure(router("web", 0));
  assert.match(bench.state("web").router.waitingFor.join(), /socket on eth0: .*EPERM/);
  bench.refuse = false;
  bench.advance(SECOND);
  assert.equal(bench.state("web").router.state, "backup");
});

Deno.test("driver: a send that fails is counted and logged, and the router goes on", () => {
  const bench = new Bench();
  bench.driver.interfaceChanged(eth("eth0", 2), bench.now, "k:1");
  bench.configure(router("web", 0));
  bench.sendResult = -105;
  bench.advance(5 * SECOND);
  assert.equal(bench.state("web").router.state, "master");
  assert.ok(bench.counters.read(0).send_errors >= 2);
  assert.ok(bench.logs.some(({ message }) => message === "Cannot send advertisement"));
});

Deno.test("driver: an exception costs one router, not its neighbours", () => {
  const bench = new Bench();
  bench.driver.interfaceChanged(eth("eth0", 2), bench.now, "k:1");
  // No encoder takes so many addresses: the first advert throws.
  const broken = router("broken", 0);
  const addresses = Array.from({ length: 300 }, (_, i) => `198.51.100.${i % 256}`);
  bench.configure(
    { ...broken, settings: { ...broken.settings, addresses } },
    router("fine", 1),
  );
  bench.advance(5 * SECOND);
  assert.equal(bench.state("fine").router.state, "master");
  assert.equal(bench.state("broken").router.state, "fault");
  assert.match(bench.state("broken").router.waitingFor.join(), /internal error/);
  assert.equal(bench.words.mastership(0), 0);
  assert.ok(bench.kernel.some((message) => message.type === "drop" && message.router === "broken"));
  assert.ok(bench.logs.some(({ level, message }) => level === "error" && /Internal/.test(message)));
  bench.configure(router("broken", 0), router("fine", 1));
  bench.advance(5 * SECOND);
  assert.equal(bench.state("broken").router.state, "master", "a new configuration mends it");
  bench.sendFault = new Error("on purpose");
  bench.advance(SECOND);
  assert.match(bench.state("broken").router.waitingFor.join(), /on purpose/);
  bench.sendFault = null;
  bench.configure(router("broken", 0), router("fine", 1));
  bench.advance(5 * SECOND);
  assert.equal(bench.state("broken").router.state, "master", "and so does a reload of the same");
});

Deno.test("driver: events and effects go to control with ids and causes", () => {
  const bench = new Bench();
  bench.driver.interfaceChanged(eth("eth0", 2), bench.now, "k:7");
  bench.configure(router("web", 0));
  bench.advance(4 * SECOND);
  const steps = bench.control.filter((message) => message.type === "step");
  const ids = steps.flatMap((one) => [one.id, ...one.effects.map(({ id }) => id)]);
  assert.equal(new Set(ids).size, ids.length, "each id once");
  const election = steps.at(-1)!;
  assert.equal(election.event.type, "timer");
  const armed = steps.flatMap(({ effects }) => effects).find(({ id }) => id === election.cause);
  assert.equal(armed?.effect.type, "set_timer", "the timer's arming is the cause of its expiry");
  const hold = bench.kernel.find(({ type }) => type === "hold");
  assert.equal((hold as { cause: string }).cause, election.id);
  assert.deepEqual(JSON.parse(JSON.stringify(steps)), steps);
});

Deno.test("driver: graceful stop ends a moment after a successor speaks", () => {
  const bench = new Bench();
  bench.driver.interfaceChanged(eth("eth0", 2), bench.now, "k:1");
  bench.configure(router("web", 0));
  bench.advance(4 * SECOND);
  bench.driver.stop(false, bench.now, "c:9");
  assert.equal(bench.driver.isStopped, false);
  assert.equal(bench.sent.at(-1)![22], 0, "priority 0");
  assert.ok(!bench.kernel.some(({ type }) => type === "drop"), "still answering");
  assert.equal(bench.kernel.at(-1)!.type, "hush", "and announcing nothing beside its successor");
  bench.incoming.push(advert(51, 90));
  bench.driver.receive([...bench.channels][0]!, 64, Infinity);
  bench.advance(49_999);
  assert.equal(bench.driver.isStopped, false, "until the successor's addresses are there");
  bench.advance(1);
  assert.equal(bench.driver.isStopped, true);
  assert.equal(bench.kernel.at(-1)!.type, "drop");
});

Deno.test("driver: routers of a dead Worker go on where they were", () => {
  const former = new Bench();
  former.driver.interfaceChanged(eth("eth0", 2), former.now, "k:1");
  former.configure(router("master", 0), router("backup", 1));
  former.advance(3 * SECOND);
  former.incoming.push(advert(52, 200));
  former.driver.receive([...former.channels][0]!, 64, Infinity);
  former.advance(SECOND);
  const snapshot = former.driver.describe().routers.map(({ router }) => structuredClone(router));

  for (const age of [300_000, 10 * SECOND]) {
    const bench = new Bench();
    bench.now = former.now + age;
    bench.driver.resume({ routers: structuredClone(snapshot), silentSince: former.now });
    bench.driver.interfaceChanged(eth("eth0", 2), bench.now, "k:1");
    bench.configure(router("master", 0), router("backup", 1));
    const goesOn = age < 3_609_375;
    assert.equal(bench.state("master").router.state, goesOn ? "master" : "backup");
    assert.equal(bench.sent.length, goesOn ? 1 : 0, "an immediate advert, or none");
    assert.equal(bench.state("backup").router.state, "backup");
    assert.deepEqual(
      bench.kernel.map((message) => `${message.type} ${(message as { router: string }).router}`)
        .sort(),
      goesOn ? ["drop backup", "hold master"] : ["drop backup", "drop master", "drop master"],
    );
  }
});

Deno.test("driver: another interval of the master outlives the Worker, a flood of them does not", () => {
  const bench = new Bench();
  bench.driver.interfaceChanged(eth("eth0", 2), bench.now, "k:1");
  bench.configure(router("web", 0));
  const hear = (interval: number) => {
    bench.incoming.push(advert(51, 200, interval));
    bench.driver.receive([...bench.channels][0]!, 64, Infinity);
  };
  const snapshots = () => bench.control.filter(({ type }) => type === "snapshot");
  bench.advance(SECOND);
  hear(10 * SECOND);
  const last = snapshots().at(-1);
  assert.equal(last?.type === "snapshot" && last.router.masterInterval, 10 * SECOND);
  const before = snapshots().length;
  for (let i = 1; i <= 200; i++) {
    hear(i * 10_000);
    bench.advance(10_000);
  }
  assert.ok(snapshots().length - before <= 2, "at most one a second");
  bench.advance(SECOND);
  hear(10 * SECOND);
  const newest = snapshots().at(-1);
  assert.equal(newest?.type === "snapshot" && newest.router.masterInterval, 10 * SECOND);
});

Deno.test("driver: old news of a dead Worker's routers are not believed at a later reload", () => {
  const former = new Bench();
  former.driver.interfaceChanged(eth("eth0", 2), former.now, "k:1");
  former.configure(router("web", 0));
  former.advance(5 * SECOND);
  const routers = former.driver.describe().routers.map(({ router }) => structuredClone(router));
  const bench = new Bench();
  bench.now = former.now;
  bench.driver.resume({ routers, silentSince: former.now });
  bench.driver.interfaceChanged(eth("eth0", 2), bench.now, "k:1");
  bench.configure(router("other", 1));
  bench.configure(router("other", 1), router("web", 0));
  assert.equal(bench.state("web").router.state, "backup");
});

Deno.test("driver: an IPv6 router waits for a link-local address and has sockets of its own", () => {
  const bench = new Bench();
  const six = router("six", 1);
  const settings = { ...six.settings, family: "ipv6", addresses: ["fe80::10"] } as const;
  bench.driver.interfaceChanged(eth("eth0", 2), bench.now, "k:1");
  bench.configure(router("four", 0), { ...six, settings });
  assert.deepEqual(bench.opened, ["/2/eth0/ipv4", "/2/eth0/ipv6"]);
  assert.deepEqual(bench.state("six").router.waitingFor, [
    "interface eth0: no IPv6 link-local address",
  ]);
  assert.equal(bench.state("four").router.state, "backup");
  bench.driver.interfaceChanged(eth("eth0", 2, { ipv6: ["fe80::1"] }), bench.now, "k:2");
  assert.equal(bench.state("six").router.state, "backup");
  assert.equal(bench.state("six").router.source, "fe80::1");
});

Deno.test("driver: a router waits until its interface is in the group", () => {
  const bench = new Bench();
  bench.driver.interfaceChanged(eth("eth0", 2, { groups: ["ipv6"] }), bench.now, "k:1");
  bench.configure(router("web", 0));
  assert.deepEqual(bench.state("web").router.waitingFor, [
    "interface eth0: not yet in the VRRP group",
  ]);
  bench.driver.interfaceChanged(eth("eth0", 2), bench.now, "k:2");
  assert.equal(bench.state("web").router.state, "backup");
});

Deno.test("driver: an advert counts from when it was read, not from when the loop woke", () => {
  const bench = new Bench();
  bench.driver.interfaceChanged(eth("eth0", 2), bench.now, "k:1");
  bench.configure(router("web", 0));
  const [channel] = bench.channels;
  bench.incoming.push(advert(51, 200));
  bench.heldUp = 5_800;
  bench.driver.receive(channel!, 64, Infinity);
  assert.equal(bench.heap.next - bench.now, 3_609_375);
});

Deno.test("driver: a router waits for its trackers, and each finding reaches who tracks it", () => {
  const bench = new Bench();
  bench.driver.interfaceChanged(eth("eth0", 2), bench.now, "k:1");
  const track = (weight: number) => ({
    trackers: [{ kind: "script", name: "up", weight } as const],
  });
  bench.configure(
    router("weighted", 0, track(-30)),
    router("hard", 1, track(0)),
    router("free", 2),
  );
  const waiting = ["tracked script up: no result yet"];
  assert.deepEqual(bench.state("weighted").router.waitingFor, waiting);
  assert.deepEqual(bench.state("hard").router.waitingFor, waiting);
  // Not in fault: that would be told to programs and people at each start.
  for (const name of ["weighted", "hard"]) assert.equal(bench.state(name).router.state, "init");
  assert.equal(bench.state("free").router.state, "backup");
  const finding = (healthy: boolean) => {
    const tracker = {
      kind: "script" as const,
      namespace: "",
      name: "up",
      healthy,
      reason: "said so",
    };
    bench.driver.trackersFound([{ type: "tracker", id: "c:9", ...tracker } as const], bench.now);
  };
  finding(true);
  assert.equal(bench.state("hard").router.state, "backup");
  finding(false);
  assert.equal(bench.state("weighted").router.contribution, -30);
  assert.deepEqual(bench.state("hard").router.waitingFor, ["tracked script up: said so"]);
  assert.equal(bench.state("free").router.contribution, 0);
});

Deno.test("driver: a tracker that comes with a reload leaves a router at work until it is known", () => {
  const bench = new Bench();
  bench.driver.interfaceChanged(eth("eth0", 2), bench.now, "k:1");
  bench.configure(router("web", 0));
  bench.advance(10 * SECOND);
  assert.equal(bench.state("web").router.state, "master");
  const trackers = [{ kind: "script", name: "up", weight: 0 } as const];
  bench.configure(router("web", 0, { trackers }));
  assert.equal(bench.state("web").router.state, "master");
  assert.equal(bench.state("web").trackers[0]!.reason, "no result yet");
  const tracker = {
    kind: "script" as const,
    namespace: "",
    name: "up",
    healthy: false,
    reason: "no",
  };
  bench.driver.trackersFound([{ type: "tracker", id: "c:9", ...tracker } as const], bench.now);
  assert.equal(bench.state("web").router.state, "fault");
});

Deno.test("driver: an interface's delays count for who speaks on it, but not where it is gone", () => {
  const bench = new Bench();
  bench.driver.interfaceChanged(eth("eth0", 2), bench.now, "k:1");
  const delays = [{
    kind: "interface",
    namespace: "",
    name: "eth0",
    up: SECOND,
    down: SECOND,
  }] as const;
  const message = {
    type: "configure",
    id: "c:1",
    routers: [router("web", 0)],
    groups: [],
    holdUntil: 0,
  } as const;
  bench.driver.configure({ ...message, delays }, bench.now);
  bench.driver.interfaceChanged(eth("eth0", 2, { running: false }), bench.now, "k:2");
  bench.advance(SECOND - 1);
  assert.equal(bench.state("web").router.state, "backup");
  bench.advance(1);
  assert.deepEqual(bench.state("web").router.waitingFor, ["interface eth0: no carrier"]);
  bench.driver.interfaceChanged(eth("eth0", 2), bench.now, "k:3");
  assert.equal(bench.state("web").router.state, "fault");
  bench.advance(SECOND);
  assert.equal(bench.state("web").router.state, "backup");
  const key = { namespace: "", index: 2 };
  bench.driver.interfaceGone({ type: "interface_gone", id: "k:4", key, name: "eth0" });
  assert.equal(bench.state("web").router.state, "fault");
  bench.driver.interfaceChanged(eth("eth0", 7), bench.now, "k:5");
  assert.equal(bench.state("web").router.state, "backup", "another one has no past");
});

Deno.test("driver: a router that does not track its own interface goes on without carrier", () => {
  const bench = new Bench();
  bench.driver.interfaceChanged(eth("eth0", 2), bench.now, "k:1");
  bench.configure(router("web", 0, { trackOwn: false }));
  bench.driver.interfaceChanged(eth("eth0", 2, { up: false, running: false }), bench.now, "k:2");
  assert.equal(bench.state("web").router.state, "backup");
  bench.driver.interfaceChanged(eth("eth0", 2, { up: false, ipv4: [] }), bench.now, "k:3");
  assert.deepEqual(bench.state("web").router.waitingFor, ["interface eth0: no IPv4 address"]);
});

Deno.test("[V7-C8] driver: adverts of a router with a virtual MAC are frames of it, others are not", () => {
  const bench = new Bench();
  const virtual = { virtualInterface: "vrrp.51", sourceMac: "00:00:5e:00:01:33" };
  bench.configure(router("web", 0, virtual), router("plain", 1));
  bench.driver.interfaceChanged(eth("eth0", 2), bench.now, "k:1");
  assert.deepEqual(bench.state("web").router.waitingFor, [
    "interface vrrp.51 of the virtual MAC: not there",
  ]);
  // That it is down is as it should be.
  bench.driver.interfaceChanged(eth("vrrp.51", 3, { up: false }), bench.now, "k:2");
  assert.equal(bench.state("web").router.state, "backup");
  bench.advance(4 * SECOND);
  assert.ok(bench.frames.length > 0 && bench.sent.length > 0);
  for (const frame of bench.frames) {
    assert.equal(frame.subarray(0, 14).toHex(), "01005e000012" + "00005e000133" + "0800");
    assert.equal(frame[14 + 20 + 1], 51);
  }
  assert.ok(bench.sent.every((packet) => packet[20 + 1] === 52));
  assert.deepEqual(bench.opened.filter((one) => one.startsWith("frames")), ["frames /2/ipv4"]);
  // Made again under another index: nothing of it is lost.
  bench.driver.interfaceChanged(eth("vrrp.51", 4), bench.now, "k:3");
  assert.equal(bench.state("web").router.state, "master");
  bench.configure(router("web", 0, { virtualInterface: "vrrp.51" }), router("plain", 1));
  const before = bench.frames.length;
  bench.advance(2 * SECOND);
  assert.equal(bench.frames.length, before, "transmit_on_base");
  bench.driver.interfaceGone({
    type: "interface_gone",
    id: "k:4",
    key: { namespace: "", index: 4 },
    name: "vrrp.51",
  });
  assert.equal(bench.state("web").router.state, "fault");
});

Deno.test("driver: without its packet socket a router waits, and tries again", () => {
  const bench = new Bench();
  bench.refuseFrames = true;
  bench.configure(router("web", 0, { sourceMac: "00:00:5e:00:01:33" }));
  bench.driver.interfaceChanged(eth("eth0", 2), bench.now, "k:1");
  assert.match(bench.state("web").router.waitingFor.join(), /packet socket on eth0: /);
  bench.refuseFrames = false;
  bench.advance(SECOND);
  assert.equal(bench.state("web").router.state, "backup");
});

Deno.test("what control has found counts with the configuration that tells it, also where nothing else is new", () => {
  const bench = new Bench();
  bench.driver.interfaceChanged(eth("eth0", 2), bench.now, "k:1");
  const routers = [router("web", 0, { trackers: [{ kind: "file", name: "n", weight: 1 }] })];
  const found = (value: number) => ({
    kind: "file" as const,
    namespace: "",
    name: "n",
    healthy: true,
    reason: `${value}`,
    value,
  });
  for (const value of [1, 8]) {
    bench.driver.configure({
      type: "configure",
      id: "c:1",
      routers,
      groups: [],
      holdUntil: 0,
      findings: [found(value)],
    }, bench.now);
    assert.equal(bench.state("web").router.contribution, value);
  }
});
