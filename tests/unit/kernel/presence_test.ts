/** Routes and addresses that are looked for, on a model kernel in virtual time. */

import assert from "node:assert/strict";
import { PresenceWatch, type PresenceWorld } from "../../../mod/kernel/presence.ts";
import type { RouteIo, RouteShape } from "../../../mod/kernel/presence_io.ts";
import {
  addRoute,
  ENOENT,
  MessageWriter,
  NLM_F_DUMP_INTR,
  readRoute,
  type RouteRequest,
  splitMessages,
  viewOf,
} from "../../../mod/netlink/mod.ts";
import type { WatchedAddress, WatchedRoute } from "../../../mod/plane/trackers.ts";
import { ModelKernel } from "./model_kernel.ts";
import { answering, endOfDump, errorMessage } from "./model_messages.ts";

const SECOND = 1_000_000;
const DEFAULT: WatchedRoute = {
  kind: "route",
  namespace: "",
  name: "default",
  to: "0.0.0.0",
  prefixLength: 0,
  table: 254,
};
const ADDRESS: WatchedAddress = {
  kind: "address",
  namespace: "",
  name: "own",
  address: "192.0.2.1",
};

type ModelRoute = Omit<RouteRequest, "protocol" | "scope">;

/** A route as the kernel tells it. */
function bytesOf(route: ModelRoute): Uint8Array {
  const writer = new MessageWriter();
  addRoute(writer, 0, { protocol: 4, scope: 0, ...route });
  return writer.finish().slice();
}

class World {
  readonly kernel = new ModelKernel();
  routes: ModelRoute[] = [];
  /** What it tells, and what it does not. */
  shapes: readonly RouteShape[] = [];
  events: (Uint8Array | "overrun")[] = [];
  dumps = 0;
  open = 0;
  /** What the next dumps say besides. */
  interrupted = 0;
  broken = "";
  readonly told: string[] = [];
  readonly logs: string[] = [];
  readonly watch: PresenceWatch;

  constructor() {
    const world: PresenceWorld = {
      now: () => this.kernel.time,
      open: (namespace) => this.kernel.open(namespace),
      identity: (namespace) => this.kernel.identity(namespace),
      openRoutes: (_, shapes) => this.#openRoutes(shapes),
    };
    this.watch = new PresenceWatch(
      world,
      ({ name, healthy, reason }) =>
        this.told.push(`${name}: ${healthy ? "good" : "bad"}, ${reason}`),
      (level, _, message, properties) => this.logs.push(`${level} ${message} ${properties?.found}`),
    );
  }

  #openRoutes(shapes: readonly RouteShape[]): RouteIo {
    if (this.broken !== "") throw new Error(this.broken);
    this.shapes = shapes;
    this.open++;
    const answers: Uint8Array[] = [];
    return {
      send: (bytes) => {
        this.dumps++;
        const [message] = splitMessages(bytes).messages;
        const { sequence } = message!;
        const asked = readRoute(message!);
        assert.ok(asked.ok);
        const { family, table } = asked.value;
        const found = this.routes.filter((route) =>
          (route.destination.includes(":") ? 6 : 4) === family && (route.table ?? 254) === table
        );
        if (found.length === 0) return void answers.push(errorMessage(sequence, ENOENT));
        for (const route of found) answers.push(answering(sequence, bytesOf(route)));
        const end = endOfDump(sequence);
        if (this.interrupted-- > 0) viewOf(end).setUint16(6, NLM_F_DUMP_INTR | 2, true);
        answers.push(end);
      },
      receive: () => answers.shift(),
      event: () => this.events.shift(),
      close: () => void this.open--,
    };
  }

  /** Somebody adds or removes a route; the kernel tells of it. */
  change(change: () => void, about: ModelRoute): void {
    change();
    this.events.push(bytesOf(about));
    this.run(0);
  }

  run(micros: number): void {
    const end = this.kernel.time + micros;
    for (let spins = 0; spins < 10_000; spins++) {
      this.watch.turn();
      const next = Math.max(this.kernel.time, this.watch.deadline);
      if (next > end) break;
      this.kernel.advance(next - this.kernel.time);
    }
    this.kernel.advance(Math.max(0, end - this.kernel.time));
  }

  takeTold(): string[] {
    return this.told.splice(0);
  }
}

Deno.test("an address: on any interface, or on the one that is named", () => {
  const world = new World();
  const [eth0, eth1] = [world.kernel.link("eth0"), world.kernel.link("eth1")];
  world.watch.configure([ADDRESS, { ...ADDRESS, name: "there", interface: "eth1" }, {
    ...ADDRESS,
    name: "nowhere",
    interface: "eth7",
  }]);
  assert.deepEqual(world.takeTold(), [
    "own: bad, no interface has it",
    "there: bad, eth1 does not have it",
    "nowhere: bad, there is no interface eth7",
  ]);
  world.kernel.addByOthers(eth0, "192.0.2.1", 24);
  world.run(0);
  assert.deepEqual(world.takeTold(), [
    "own: good, on eth0",
    "there: bad, eth0 has it, eth1 does not",
    "nowhere: bad, eth0 has it, eth7 does not",
  ]);
  world.kernel.addByOthers(eth1, "192.0.2.1", 32);
  world.run(0);
  assert.deepEqual(world.takeTold(), ["there: good, on eth1"]);
  world.kernel.unlink(eth0);
  world.kernel.removeByOthers(eth1, "192.0.2.1");
  world.run(0);
  assert.deepEqual(world.takeTold().map((line) => line.split(",")[0]), [
    "own: bad",
    "there: bad",
    "nowhere: bad",
  ]);
  assert.equal(world.logs.length, 7);
  assert.equal(world.open, 0, "nobody looks for routes");
});

Deno.test("an address that may not be used is not there", () => {
  const world = new World();
  const eth0 = world.kernel.link("eth0");
  const [tentative, failed] = [0x40, 0x08];
  world.kernel.addByOthers(eth0, "2001:db8::1", 64, { flags: tentative });
  world.watch.configure([{ ...ADDRESS, address: "2001:db8::1" }]);
  world.kernel.changeFlags(eth0, "2001:db8::1", tentative | failed);
  world.run(0);
  world.kernel.changeFlags(eth0, "2001:db8::1", 0);
  world.run(0);
  assert.deepEqual(world.takeTold(), [
    "own: bad, eth0 may not use it yet",
    "own: bad, another host has it on eth0",
    "own: good, on eth0",
  ]);
});

Deno.test("a route: exactly its network and table, its gateway and interface where named", () => {
  const world = new World();
  const [eth0, eth1] = [world.kernel.link("eth0"), world.kernel.link("eth1")];
  world.watch.configure([
    DEFAULT,
    { ...DEFAULT, name: "via", via: "192.0.2.254" },
    { ...DEFAULT, name: "dev", interface: "eth1" },
    { ...DEFAULT, name: "other", table: 100 },
    { ...DEFAULT, name: "net", to: "2001:db8:1::", prefixLength: 48 },
  ]);
  assert.deepEqual(
    world.takeTold().map((line) => line.split(": ")[1]),
    Array(5).fill("bad, there is none"),
  );
  assert.deepEqual(world.shapes, [{ family: 4, prefixLength: 0 }, { family: 6, prefixLength: 48 }]);
  const first = { index: eth0, destination: "0.0.0.0", prefixLength: 0, gateway: "192.0.2.253" };
  world.change(() => world.routes.push(first), first);
  assert.deepEqual(world.takeTold(), [
    "default: good, via 192.0.2.253 dev eth0",
    "via: bad, there is only one via 192.0.2.253 dev eth0",
    "dev: bad, there is only one via 192.0.2.253 dev eth0",
  ]);
  const second = { ...first, index: eth1, gateway: "192.0.2.254", priority: 10 };
  world.change(() => world.routes.push(second), second);
  assert.deepEqual(world.takeTold(), [
    "via: good, via 192.0.2.254 dev eth1",
    "dev: good, via 192.0.2.254 dev eth1",
  ]);
  const elsewhere = { ...first, table: 100 };
  world.change(() => world.routes.push(elsewhere), elsewhere);
  assert.deepEqual(world.takeTold(), ["other: good, via 192.0.2.253 dev eth0"]);
  const net = { index: eth1, destination: "2001:db8:1::", prefixLength: 48 };
  world.change(() => world.routes.push(net), net);
  assert.deepEqual(world.takeTold(), ["net: good, dev eth1"]);
});

Deno.test("routes of no concern make no work; what is told or lost does", () => {
  const world = new World();
  const eth0 = world.kernel.link("eth0");
  const route = { index: eth0, destination: "0.0.0.0", prefixLength: 0 };
  world.routes = [route];
  world.watch.configure([DEFAULT]);
  const { dumps } = world;
  for (let i = 0; i < 100; i++) {
    world.events.push(
      bytesOf({ ...route, table: 100 }),
      bytesOf({ ...route, destination: "10.0.0.0", prefixLength: 8 }),
    );
  }
  world.run(SECOND);
  assert.equal(world.dumps, dumps);
  world.routes = [];
  world.events.push("overrun");
  world.run(0);
  assert.equal(world.dumps, dumps + 1);
  assert.equal(world.told.at(-1), "default: bad, there is none");
});

Deno.test("routes that go in silence: with an interface at once, by themselves within ten seconds", () => {
  const world = new World();
  const eth0 = world.kernel.link("eth0");
  const route = { index: eth0, destination: "0.0.0.0", prefixLength: 0 };
  world.routes = [route];
  world.watch.configure([DEFAULT]);
  world.routes = [];
  world.kernel.changeLink(eth0, { flags: 0 });
  world.run(0);
  assert.equal(world.told.at(-1), "default: bad, there is none");
  world.routes = [route];
  world.run(10 * SECOND);
  assert.equal(world.told.at(-1), "default: good, dev eth0");
  assert.equal(world.dumps, 3);
});

Deno.test("a large table is read in pieces; one that changes meanwhile is read again", () => {
  const world = new World();
  const eth0 = world.kernel.link("eth0");
  const noise = Array.from({ length: 200 }, (_, i) => ({
    index: eth0,
    destination: `198.51.100.${i}`,
    prefixLength: 32,
  }));
  world.routes = [...noise, { index: eth0, destination: "0.0.0.0", prefixLength: 0 }];
  world.interrupted = 1;
  world.watch.configure([DEFAULT]);
  assert.deepEqual(world.told, [], "not before it is known");
  assert.equal(world.watch.deadline, 0, "it goes on at once");
  world.run(SECOND);
  assert.deepEqual([world.told, world.dumps], [["default: good, dev eth0"], 2]);
});

Deno.test("what cannot be looked for is not there, with the reason, and is tried again", () => {
  const world = new World();
  world.broken = "EPERM";
  world.watch.configure([DEFAULT, { ...ADDRESS, namespace: "blue" }]);
  assert.deepEqual(world.takeTold(), [
    "default: bad, cannot be looked for: EPERM",
    'own: bad, cannot be looked for: No namespace "blue" in the model',
  ]);
  world.broken = "";
  world.run(SECOND);
  assert.deepEqual(world.takeTold(), ["default: bad, there is none"]);
});

Deno.test("a reload keeps what is the same; who has heard nothing is told all; sockets are closed", () => {
  const world = new World();
  world.kernel.link("eth0");
  world.watch.configure([DEFAULT]);
  world.watch.configure([DEFAULT]);
  assert.deepEqual([world.told.length, world.open, world.dumps], [1, 1, 1]);
  world.watch.configure([DEFAULT, ADDRESS]);
  assert.deepEqual(world.takeTold().slice(1), ["own: bad, no interface has it"]);
  world.watch.repeat();
  assert.equal(world.takeTold().length, 2);
  world.watch.configure([]);
  assert.deepEqual([world.open, world.watch.deadline], [0, Infinity]);
  world.watch.configure([ADDRESS]);
  assert.deepEqual(world.takeTold(), ["own: bad, no interface has it"]);
  world.watch.close();
});
