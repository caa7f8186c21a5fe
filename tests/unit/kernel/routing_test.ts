/** The routing book: shared objects, repairs, refusals, gates, adoption; in virtual time. */

import { strict as assert } from "node:assert";
import {
  addRoute,
  IFF_UP,
  MessageWriter,
  type RouteRequest,
  splitMessages,
  viewOf,
} from "../../../mod/netlink/mod.ts";
import { Gate, gateFor } from "../../../mod/kernel/gate.ts";
import { type LeasedRouter, newRouter } from "../../../mod/kernel/leased.ts";
import { encodeOperation } from "../../../mod/kernel/operation.ts";
import { RoutingBook } from "../../../mod/kernel/routing.ts";
import type { RoutingOperation } from "../../../mod/kernel/routing_operation.ts";
import { NamespaceView } from "../../../mod/kernel/view.ts";
import type { HeldRoute, HeldRule, KernelRouter } from "../../../mod/plane/messages.ts";
import { SharedWords } from "../../../mod/plane/shared.ts";

const SECOND = 1_000_000;
const OUR_PORT = 7;
const OTHER_PORT = 8;
const EEXIST = 17;
const ENETUNREACH = 101;
const announce = { repeat: 0, delay: 0, refresh: 0, refreshRepeat: 0, interval: 0 };

function route(to: string, more: Partial<HeldRoute> = {}): HeldRoute {
  return { to, type: "unicast", table: 254, hops: [{ interface: "eth0" }], ...more };
}

function rule(priority: number, more: Partial<HeldRule> = {}): HeldRule {
  return { family: 4, priority, action: "table", table: 100, ...more };
}

const LAN = route("198.51.100.0/24");

/** A book, its kernel, and routers whose masters are what `hold` says. */
class Bench {
  readonly view = new NamespaceView();
  readonly words = new SharedWords();
  readonly changed: string[] = [];
  readonly book = new RoutingBook(this.view, {
    changed: ({ router }) => this.changed.push(router.name),
  });
  readonly routers = new Map<string, LeasedRouter>();
  now = 100 * SECOND;
  /** What was done, in words of `ip`. */
  readonly journal: string[] = [];
  /** Errno of the next operation of a type. */
  readonly refusals = new Map<RoutingOperation["type"], number>();

  constructor(...routers: Partial<KernelRouter>[]) {
    this.view.putLink(link("eth0", 2));
    this.book.see([]);
    this.configure(...routers);
  }

  configure(...routers: Partial<KernelRouter>[]): void {
    const names = new Set(routers.map(({ name = "web" }) => name));
    for (const name of this.routers.keys()) if (!names.has(name)) this.routers.delete(name);
    routers.forEach((partial, slot) => {
      const router = {
        name: "web",
        slot,
        namespace: "",
        addresses: [],
        lease: 3,
        announce,
        ...partial,
      };
      const known = this.routers.get(router.name) ??
        newRouter(router, gateFor(router, this.words), this.now + 3 * SECOND);
      known.router = router;
      this.routers.set(router.name, known);
    });
    this.book.configure(this.routers.values());
  }

  hold(name: string): void {
    const router = this.routers.get(name)!;
    this.words.setMastership(router.router.slot, 1);
    router.wanted = router.decided = true;
    router.gate.told(1, this.now);
    this.book.touch();
  }

  drop(name: string): void {
    const router = this.routers.get(name)!;
    this.words.setMastership(router.router.slot, 0);
    router.wanted = false;
    router.decided = true;
    this.book.touch();
  }

  /** Time goes on; the protocol plane beats. */
  pass(micros: number, beats = true): void {
    this.now += micros;
    if (beats) this.words.beatProtocol(this.now);
  }

  /** Plans and does, until nothing is left. Returns what was done. */
  settle(): string[] {
    const from = this.journal.length;
    for (let round = 0; round < 20; round++) {
      const removals = this.book.removals(this.now, 500);
      const operations = removals.length > 0 ? removals : this.book.additions(this.now, 500);
      if (operations.length === 0) return this.journal.slice(from);
      for (const operation of operations) this.#do(operation);
    }
    throw new Error(`It does not settle: ${this.journal.slice(from).join(", ")}`);
  }

  /** Somebody removes, or adds, what an operation of this form would. */
  byOthers(operation: RoutingOperation, port = OTHER_PORT): void {
    this.book.take(this.#notification(operation, port), OUR_PORT, this.now);
  }

  /** The same for what is there as `text`. */
  removed(text: string, port = OTHER_PORT): void {
    const held = [...this.routers.values()].flatMap(({ router }) => [
      ...(router.routes ?? []).map((one) => ({ type: "drop_route", route: one }) as const),
      ...(router.rules ?? []).map((one) => ({ type: "drop_rule", rule: one }) as const),
    ]);
    const found = held.find((one) =>
      text.startsWith("rule") ? one.type === "drop_rule" : one.type === "drop_route"
    );
    assert(found);
    this.byOthers({ ...found, router: "", key: "", text }, port);
  }

  #do(operation: RoutingOperation): void {
    const errno = this.refusals.get(operation.type) ?? 0;
    this.refusals.delete(operation.type);
    const mode = operation.type === "put_route" ? `${operation.mode} ` : "";
    this.journal.push(`${operation.type}: ${mode}${operation.text}${errno ? ` = ${errno}` : ""}`);
    const failure = errno === 0 ? undefined : `errno ${errno}`;
    this.book.settle(operation, failure, errno, this.now);
    if (errno === 0) this.byOthers(operation, OUR_PORT);
  }

  #notification(operation: RoutingOperation, port: number) {
    const writer = new MessageWriter();
    encodeOperation(writer, 0, operation);
    const bytes = writer.finish().slice();
    viewOf(bytes).setUint32(12, port, true);
    return splitMessages(bytes).messages[0]!;
  }
}

function link(name: string, index: number) {
  const known = { family: 0, hardwareType: 1, up: true, running: true, mac: "", mtu: 1500 };
  const made = { group: 0, parent: 0, master: 0, kind: "", alias: "" };
  return { ...known, ...made, name, index, flags: IFF_UP };
}

const held = (bench: Bench, name = "web") => bench.book.report(bench.routers.get(name)!);

Deno.test("routes and rules come with mastership and go with it", () => {
  const bench = new Bench({ routes: [LAN], rules: [rule(1000)] });
  assert.deepEqual(bench.settle(), []);
  bench.hold("web");
  assert.deepEqual(bench.settle(), [
    "put_route: create 198.51.100.0/24 dev eth0",
    "add_rule: 1000: from all lookup 100",
  ]);
  assert.deepEqual(held(bench), {
    routes: { present: ["198.51.100.0/24 dev eth0"], failed: [] },
    rules: { present: ["1000: from all lookup 100"], failed: [] },
  });
  bench.drop("web");
  assert.deepEqual(bench.settle(), [
    "drop_route: 198.51.100.0/24 dev eth0",
    "drop_rule: 1000: from all lookup 100",
  ]);
});

Deno.test("what two routers share goes with the last of them", () => {
  const bench = new Bench({ name: "a", routes: [LAN] }, { name: "b", routes: [LAN] });
  bench.hold("a");
  bench.hold("b");
  assert.equal(bench.settle().length, 1);
  bench.drop("a");
  assert.deepEqual(bench.settle(), []);
  bench.drop("b");
  assert.deepEqual(bench.settle(), ["drop_route: 198.51.100.0/24 dev eth0"]);
});

Deno.test("what moves from router to router stays where it is", () => {
  const bench = new Bench({ name: "a", routes: [LAN], rules: [rule(5)] }, { name: "b" });
  bench.hold("a");
  bench.hold("b");
  bench.settle();
  bench.configure({ name: "a" }, { name: "b", routes: [LAN], rules: [rule(5)] });
  assert.deepEqual(bench.settle(), []);
  assert.equal(held(bench, "b").routes?.present.length, 1);
});

Deno.test("a route that looks different is replaced in place", () => {
  const bench = new Bench({ routes: [LAN] });
  bench.hold("web");
  bench.settle();
  bench.configure({ routes: [{ ...LAN, metrics: { mtu: 1400 } }] });
  assert.deepEqual(bench.settle(), ["put_route: replace 198.51.100.0/24 dev eth0"]);
});

Deno.test("two routers that disagree about a route: the first has it, the other is told", () => {
  const other = { ...LAN, hops: [{ via: "192.0.2.1" }] };
  const bench = new Bench({ name: "a", routes: [LAN] }, { name: "b", routes: [other] });
  bench.hold("a");
  bench.hold("b");
  bench.settle();
  assert.match(held(bench, "b").routes?.failed[0]?.reason ?? "", /^a has another route/);
});

Deno.test("what somebody removes is put back at once, then with growing waits", () => {
  const bench = new Bench({ routes: [LAN] });
  bench.hold("web");
  bench.settle();
  bench.removed("route");
  assert.deepEqual(bench.settle(), ["put_route: create 198.51.100.0/24 dev eth0"]);
  assert.equal(bench.book.repairs("web"), 1);
  bench.pass(1000);
  bench.removed("route");
  assert.deepEqual(bench.settle(), []);
  assert(bench.book.deadline > bench.now);
  bench.pass(100_000);
  assert.equal(bench.settle().length, 1);
  assert.equal(bench.book.repairs("web"), 2);
});

Deno.test("what the kernel takes itself comes back and is no repair", () => {
  const bench = new Bench({ routes: [LAN] });
  bench.hold("web");
  bench.settle();
  bench.book.verify();
  assert.equal(bench.book.stale, true);
  bench.book.see([]);
  assert.equal(bench.settle().length, 1);
  bench.removed("route", 0);
  assert.equal(bench.settle().length, 1);
  assert.equal(bench.book.repairs("web"), 0);
});

Deno.test("tables are read again for what may have gone, not for every interface of the host", () => {
  const bench = new Bench({ routes: [LAN] });
  bench.book.verify(2);
  assert.equal(bench.book.stale, false, "nothing is held");
  bench.hold("web");
  bench.settle();
  const told = (more: Partial<RouteRequest>) => {
    const writer = new MessageWriter();
    const to = { destination: "198.51.100.0", prefixLength: 24, protocol: 112, scope: 0 };
    addRoute(writer, 0, { ...to, index: 2, ...more });
    bench.book.see(splitMessages(writer.finish()).messages);
  };
  told({});
  bench.book.verify(77);
  assert.equal(bench.book.stale, false, "not by this one");
  bench.book.verify(2);
  assert.equal(bench.book.stale, true);
  told({ source: "192.0.2.10" });
  bench.book.verify(77);
  assert.equal(bench.book.stale, true, "its source may be there");
});

Deno.test("a refusal is told once, tried again with growing waits, and at a change of an interface", () => {
  const bench = new Bench({ routes: [LAN] });
  bench.hold("web");
  bench.refusals.set("put_route", ENETUNREACH);
  assert.equal(bench.settle().length, 1);
  assert.equal(held(bench).routes?.failed[0]?.reason, "errno 101");
  bench.pass(99_000);
  assert.deepEqual(bench.settle(), []);
  bench.refusals.set("put_route", ENETUNREACH);
  bench.pass(1_000);
  assert.equal(bench.settle().length, 1);
  bench.book.verify();
  bench.book.see([]);
  assert.deepEqual(bench.settle(), ["put_route: create 198.51.100.0/24 dev eth0"]);
  assert.deepEqual(held(bench).routes?.failed, []);
});

Deno.test("another route of the host is left alone, and named", () => {
  const bench = new Bench({ routes: [LAN] });
  bench.hold("web");
  bench.refusals.set("put_route", EEXIST);
  bench.settle();
  assert.equal(bench.book.stale, true, "it might have been one of ours");
  bench.book.see([]);
  assert.match(held(bench).routes?.failed[0]?.reason ?? "", /^The host has another route/);
});

Deno.test("the same rule of the host will do, until the host removes it", () => {
  const bench = new Bench({ rules: [rule(5)] });
  bench.hold("web");
  bench.refusals.set("add_rule", EEXIST);
  assert.equal(bench.settle().length, 1);
  assert.equal(held(bench).rules?.present.length, 1);
  const writer = new MessageWriter();
  encodeOperation(writer, 0, {
    type: "drop_rule",
    router: "",
    key: "",
    text: "",
    rule: rule(5),
  });
  const bytes = writer.finish().slice();
  // FRA_PROTOCOL of somebody else.
  bytes[bytes.findIndex((byte, i) => byte === 21 && bytes[i + 1] === 0) + 2] = 3;
  bench.book.take(splitMessages(bytes).messages[0]!, OUR_PORT, bench.now);
  assert.deepEqual(bench.settle(), ["add_rule: 5: from all lookup 100"]);
});

Deno.test("a missing interface is named, and the route comes with it", () => {
  const bench = new Bench({
    routes: [route("198.51.100.0/24", { hops: [{ interface: "eth1" }] })],
  });
  bench.hold("web");
  assert.deepEqual(bench.settle(), []);
  assert.equal(held(bench).routes?.failed[0]?.reason, "Interface eth1 does not exist");
  bench.view.putLink(link("eth1", 3));
  bench.book.verify();
  bench.book.see([]);
  assert.equal(bench.settle().length, 1);
});

Deno.test("leftovers of ours go at once, what is configured waits for a decision", () => {
  const bench = new Bench({ routes: [LAN] });
  const add = (to: string) =>
    bench.byOthers({
      type: "put_route",
      router: "",
      key: "",
      text: "",
      mode: "create",
      route: { ...route(to), hops: [{ interface: 2 }] },
    });
  add("198.51.100.0/24");
  add("203.0.113.0/24");
  assert.deepEqual(bench.settle(), ["drop_route: 203.0.113.0/24"]);
  bench.pass(3 * SECOND);
  assert(bench.book.deadline <= bench.now);
  assert.deepEqual(bench.settle(), ["drop_route: 198.51.100.0/24 dev eth0"]);
});

Deno.test("what a former process left is adopted by replacing it with itself", () => {
  const bench = new Bench({ routes: [LAN] });
  bench.byOthers({
    type: "put_route",
    router: "",
    key: "",
    text: "",
    mode: "create",
    route: { ...LAN, hops: [{ interface: 2 }] },
  });
  bench.hold("web");
  assert.deepEqual(bench.settle(), ["put_route: replace 198.51.100.0/24 dev eth0"]);
});

Deno.test("a protocol plane that hangs for a lease loses routes as it loses addresses", () => {
  const bench = new Bench({ routes: [LAN] });
  bench.hold("web");
  bench.settle();
  for (let i = 0; i < 10; i++) {
    bench.pass(SECOND);
    assert.deepEqual(bench.settle(), []);
  }
  let removed: string[] = [];
  for (let i = 0; i < 8 && removed.length === 0; i++) {
    bench.pass(SECOND / 2, false);
    removed = bench.settle();
  }
  assert.deepEqual(removed, ["drop_route: 198.51.100.0/24 dev eth0"]);
  for (let i = 0; i < 4; i++) bench.pass(SECOND / 10);
  bench.book.touch();
  assert.equal(bench.settle().length, 1, "and has them again when it goes on");
});

Deno.test("without a gate it is held whatever the protocol plane does", () => {
  const bench = new Bench({ routes: [LAN], always: true, lease: 0 });
  const router = bench.routers.get("web")!;
  assert(router.gate instanceof Gate);
  router.wanted = router.decided = true;
  bench.book.touch();
  assert.equal(bench.settle().length, 1);
  bench.pass(100 * SECOND, false);
  assert.deepEqual(bench.settle(), []);
});
