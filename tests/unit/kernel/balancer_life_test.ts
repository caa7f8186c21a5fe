/** The balancer's life: who it follows, what it leaves and adopts, how it rests, what it counts. */

import { strict as assert } from "node:assert";
import type { VirtualServer } from "../../../mod/ipvs/mod.ts";
import { serverOf } from "../../lib/balance.ts";
import { planOf, reals, Rig, SECOND, vip } from "./balancer_rig.ts";

const WEB = vip("web", 10, reals([1, 2]));
const FOLLOWER = vip("web", 10, reals([1, 2]), { follow: ["web"] });
const ROUTERS = { routers: [{ name: "web" }] };
const DAEMON = {
  interface: "eth0",
  id: 7,
  maxLength: 0,
  group: "",
  port: 0,
  ttl: 0,
} as const;

Deno.test("balancer: what follows a router is in the table while that is held", () => {
  const rig = new Rig();
  // The word may come before the configuration that knows of it.
  rig.hold("web");
  rig.configure(planOf([FOLLOWER]), ROUTERS);
  assert.deepEqual(rig.table(), { 10: "1=1 2=1" });
  rig.hold("web", false);
  assert.deepEqual(rig.table(), {});
  rig.check(1, false);
  rig.hold("web");
  assert.deepEqual(rig.table(), { 10: "2=1" });
  const steps = rig.told.filter((one) => one.type === "balance_step")
    .map(({ what }) => what.kind === "active" ? what.active : what.kind);
  assert.deepEqual(steps, [true, "quorum", false, "real_server", true]);
});

Deno.test("balancer: what stays unchanged is left alone, and so is an agent without it", () => {
  const rig = new Rig();
  rig.configure(planOf([FOLLOWER]), ROUTERS);
  rig.hold("web");
  const what = { order: "weight", weight: 7 };
  rig.tell({ type: "order_balance", server: "web", realServer: "198.51.100.1:80", what });
  rig.settle();
  rig.kernel.commands.length = rig.told.length = 0;
  rig.configure("unchanged", ROUTERS);
  rig.run(6 * SECOND);
  assert.deepEqual([rig.kernel.commands, rig.told, rig.messages()], [[], [], []]);
  assert.deepEqual(rig.table(), { 10: "1=7 2=1" });
  const none = new Rig();
  none.configure("unchanged");
  assert.deepEqual([none.balancer.deadline, none.kernel.sockets], [Infinity, 0]);
});

Deno.test("balancer: after a kill what follows is left alone until its router is decided about", () => {
  const first = new Rig();
  first.hold("web");
  first.configure(planOf([FOLLOWER]), ROUTERS);
  const note = first.note();
  assert.deepEqual(note.own, ["tcp 192.0.2.10:80"]);
  const goOn = () => {
    const rig = new Rig(first);
    rig.kernel.commands.length = 0;
    rig.configure(planOf([FOLLOWER]), { ...ROUTERS, balanceNote: note });
    rig.run(2 * SECOND);
    assert.deepEqual(rig.table(), { 10: "1=1 2=1" });
    return rig;
  };
  const master = goOn();
  master.hold("web");
  master.run(10 * SECOND);
  assert.deepEqual(master.kernel.commands, []);
  const nobody = goOn();
  nobody.run(2 * SECOND);
  assert.deepEqual(nobody.table(), {});
  assert.equal(nobody.state().repairs, 0);
});

Deno.test("balancer: what a killed agent made is adopted; what is no longer wanted of it goes", () => {
  const first = new Rig();
  first.configure(planOf([WEB, vip("old", 11, reals([3]))]));
  const { model } = first.kernel;
  const other = { ...WEB.service, key: { family: 4, mark: 9 } as const };
  model.apply({ kind: "add-service", service: other });
  first.kernel.commands.length = 0;
  const second = new Rig(first);
  second.configure(planOf([WEB]), { balanceNote: first.note() });
  assert.deepEqual(first.kernel.commands.map(({ kind }) => kind), ["delete-service"]);
  assert.deepEqual(second.table(), { 10: "1=1 2=1", "mark 9 ipv4": "" });
  assert.deepEqual(second.note().own, ["tcp 192.0.2.10:80"]);
  // A site without virtual servers takes away what is left, and closes everything.
  const third = new Rig(first);
  third.configure(undefined, { balanceNote: second.note() });
  assert.deepEqual(third.table(), { "mark 9 ipv4": "" });
  third.run(SECOND);
  assert.deepEqual(third.note().own, []);
  // Those of the killed ones stay open in this test.
  assert.equal(third.kernel.sockets, 4);
  assert.equal(third.balancer.deadline, Infinity);
  // One that never had any opens none.
  const fourth = new Rig(first);
  fourth.configure(undefined);
  assert.equal(fourth.kernel.sockets, 4);
});

Deno.test("balancer: ways that checks take are services of their own, whatever is held", () => {
  const way = (mark: number, n: number): VirtualServer => ({
    listen: [{ family: 4, mark }],
    settings: WEB.service,
    servers: [serverOf(`198.51.100.${n}`, { forward: "direct" })],
  });
  const rig = new Rig();
  const plan = planOf([FOLLOWER]);
  rig.configure({ ...plan, forwarding: [way(7, 1), way(8, 2)] }, ROUTERS);
  const both = { "mark 7 ipv4": "1=1", "mark 8 ipv4": "2=1" };
  assert.deepEqual(rig.table(), both);
  rig.hold("web");
  rig.check(1, false);
  assert.deepEqual(rig.table(), { 10: "2=1", ...both }, "a server that is down is asked on");
  assert.ok(rig.balancer.leads("mark 7 ipv4") && !rig.balancer.leads("mark 9 ipv4"));
  rig.configure({ ...plan, forwarding: [way(7, 1), { ...way(8, 2), servers: [] }] }, ROUTERS);
  assert.ok(rig.balancer.leads("mark 7 ipv4") && !rig.balancer.leads("mark 8 ipv4"), "to nobody");
  // A reload that takes one away; a kill, after which nobody asks any more.
  rig.configure({ ...plan, forwarding: [way(8, 2)] }, ROUTERS);
  assert.deepEqual(rig.table(), { 10: "2=1", "mark 8 ipv4": "2=1" });
  const note = rig.note();
  assert.deepEqual(note.own, ["mark 8 ipv4", "tcp 192.0.2.10:80"]);
  const next = new Rig(rig);
  next.configure(planOf([WEB]), { balanceNote: note });
  assert.deepEqual(next.table(), { 10: "1=1 2=1" });
  next.balancer.stop(false);
  assert.deepEqual(next.table(), {});
});

Deno.test("balancer: timeouts and settings are noted, then set, and put back at the end", () => {
  const rig = new Rig();
  rig.writes = false;
  const plan = planOf([WEB], {
    timeouts: { tcp: 600, tcpFin: 0, udp: 30 },
    settings: { expire_nodest_conn: 1 },
  });
  rig.configure(plan);
  rig.run(SECOND);
  assert.deepEqual(rig.kernel.timeouts, { tcp: 900, tcpFin: 120, udp: 300 });
  assert.deepEqual(rig.note().originals, {
    timeouts: { tcp: 900, tcpFin: 0, udp: 300 },
    settings: { expire_nodest_conn: 0 },
  });
  // Nobody writes it down: it goes on all the same.
  rig.run(2 * SECOND);
  assert.deepEqual(rig.kernel.timeouts, { tcp: 600, tcpFin: 120, udp: 30 });
  assert.equal(rig.settings.get("expire_nodest_conn"), "1");
  // Killed: the next one knows how it was.
  const next = new Rig(rig);
  next.configure(plan, { balanceNote: rig.note() });
  assert.deepEqual(
    next.note === undefined ? null : next.told.filter((one) => one.type === "balance_note"),
    [],
  );
  // A reload that wants less puts that back.
  next.configure(planOf([WEB], { timeouts: { tcp: 600, tcpFin: 0, udp: 0 } }));
  assert.deepEqual(next.kernel.timeouts, { tcp: 600, tcpFin: 120, udp: 300 });
  assert.equal(next.settings.get("expire_nodest_conn"), "0");
  // Somebody changes it: put right, and told.
  next.kernel.timeouts = { tcp: 5, tcpFin: 120, udp: 299 };
  next.run(6 * SECOND);
  assert.deepEqual(next.kernel.timeouts, { tcp: 600, tcpFin: 120, udp: 299 });
  assert.ok(next.messages().includes("Somebody has changed a setting: puts it right"));
  next.tell({ type: "stop", keep: false });
  assert.deepEqual(next.kernel.timeouts, { tcp: 900, tcpFin: 120, udp: 299 });
  assert.deepEqual(next.note().originals, { timeouts: null, settings: {} });
});

Deno.test("balancer: a setting of an interface that comes late is put back as well", () => {
  const rig = new Rig();
  const [name, path] = ["/ipv4/conf/late/accept_local", "ipv4/conf/late/accept_local"];
  const more = { compareInterval: 60 * SECOND };
  rig.configure(planOf([WEB], { ...more, settings: { [name]: 1 } }));
  rig.run(3 * SECOND);
  rig.settings.set(path, "0");
  rig.run(15 * SECOND);
  assert.equal(rig.settings.get(path), "1");
  assert.deepEqual(rig.note().originals.settings, { [name]: 0 });
  rig.configure(planOf([WEB], more));
  rig.run(3 * SECOND);
  assert.equal(rig.settings.get(path), "0");
});

Deno.test("balancer: a setting of two numbers is set, compared and put back as the kernel writes it", () => {
  const rig = new Rig();
  rig.settings.set("sync_threshold", "3\t50");
  rig.configure(planOf([WEB], { settings: { sync_threshold: "0 10" } }));
  rig.run(3 * SECOND);
  assert.equal(rig.settings.get("sync_threshold"), "0 10");
  assert.deepEqual(rig.note().originals.settings, { sync_threshold: "3 50" });
  // The kernel's own spelling is no change; another value is.
  rig.settings.set("sync_threshold", "0\t10");
  rig.run(10 * SECOND);
  assert.deepEqual([rig.settings.get("sync_threshold"), rig.messages()], ["0\t10", []]);
  rig.settings.set("sync_threshold", "1\t10");
  rig.run(3 * SECOND);
  assert.equal(rig.settings.get("sync_threshold"), "0 10");
  // Killed: the next one puts it back.
  const next = new Rig(rig);
  next.configure(planOf([WEB]), { balanceNote: rig.note() });
  assert.equal(next.settings.get("sync_threshold"), "3 50");
  assert.deepEqual(next.state().failures, []);
});

Deno.test("balancer: a setting that the kernel does not have is named, the rest is set", () => {
  const rig = new Rig();
  rig.configure(planOf([WEB], { settings: { no_such: 1, sloppy_tcp: 1 } }));
  assert.deepEqual(rig.state().failures, ["no_such = 1: this kernel has no such setting"]);
  assert.equal(rig.settings.get("sloppy_tcp"), "1");
  rig.run(30 * SECOND);
  assert.deepEqual(rig.messages(), ["Cannot set"]);
});

Deno.test("balancer: a sync daemon's role follows its router; others' are left alone", () => {
  const rig = new Rig();
  const plan = planOf([], { syncDaemons: [{ ...DAEMON, role: { follow: ["web"] } }] });
  const roles = () => rig.kernel.daemons.map(({ role, interface: name }) => `${role} ${name}`);
  rig.configure(plan, ROUTERS);
  // Nobody knows yet who is master.
  assert.deepEqual(roles(), []);
  rig.hold("web", false);
  assert.deepEqual(roles(), ["backup eth0"]);
  rig.hold("web");
  assert.deepEqual(roles(), ["master eth0"]);
  assert.deepEqual(rig.state().sync.map(({ role, id }) => [role, id]), [["master", 7]]);
  rig.kernel.daemons = [];
  rig.run(6 * SECOND);
  assert.deepEqual(roles(), ["master eth0"]);
  // Refused, say for want of the interface: named, and tried again.
  rig.kernel.refuse = (command) => command === 9 ? 19 : 0;
  rig.hold("web", false);
  assert.match(rig.state().failures.join(), /sync daemon, backup: Cannot start daemon/);
  rig.kernel.refuse = () => 0;
  rig.run(3 * SECOND);
  assert.deepEqual(roles(), ["backup eth0"]);
  rig.kernel.daemons.push({ ...DAEMON, interface: "eth9", role: "master" });
  rig.run(6 * SECOND);
  assert.deepEqual(roles(), ["backup eth0", "master eth9"]);
  rig.tell({ type: "stop", keep: false });
  assert.deepEqual(roles(), ["master eth9"]);
});

Deno.test("balancer: at rest it follows and changes nothing; then it goes on with what there is", () => {
  const first = new Rig();
  first.configure(planOf([WEB]));
  const { memory } = first.state();
  first.tell({ type: "rest", rest: true });
  first.kernel.commands.length = 0;
  const second = new Rig(first, true);
  second.configure(planOf([WEB]), { balanceMemory: memory });
  first.check(1, false);
  second.check(1, false);
  first.run(10 * SECOND);
  second.run(10 * SECOND);
  assert.deepEqual(first.kernel.commands, []);
  assert.equal(second.state().servers[0]!.servers[0]!.state, "down");
  // The first ends: it touches nothing.
  first.tell({ type: "stop", keep: false });
  assert.deepEqual(first.kernel.commands, []);
  second.tell({ type: "rest", rest: false });
  second.settle();
  assert.deepEqual(first.kernel.commands.map(({ kind }) => kind), ["delete-destination"]);
  assert.equal(second.state().repairs, 0);
});

Deno.test("balancer: without virtual servers nothing is ever due, at rest or after it", () => {
  const rig = new Rig();
  for (const resting of [true, false]) {
    rig.balancer.rest(resting);
    rig.hold("web", resting);
    rig.balancer.turn();
    assert.equal(rig.balancer.deadline, Infinity);
  }
});

Deno.test("balancer: the rest may end in the middle of a reading", () => {
  const kernel = new Rig();
  kernel.configure(planOf([WEB, vip("mail", 11, reals([3, 4]))]));
  const { memory } = kernel.state();
  const rig = new Rig(kernel, true);
  // Each look at the clock takes so long that a turn reads one piece.
  rig.slowness = 10_000;
  const balance = planOf([WEB, vip("mail", 11, reals([3, 4]))]);
  rig.tell({ type: "configure", routers: [], interfaces: [], balance, balanceMemory: memory });
  rig.balancer.turn();
  rig.tell({ type: "rest", rest: false });
  kernel.kernel.commands.length = 0;
  rig.slowness = 0;
  rig.settle();
  assert.deepEqual(rig.messages("error"), []);
  assert.deepEqual(kernel.kernel.commands, []);
  assert.deepEqual(rig.table(), { 10: "1=1 2=1", 11: "3=1 4=1" });
});

Deno.test("balancer: a former life's memory goes on without touching the table", () => {
  const first = new Rig();
  first.configure(planOf([WEB]));
  first.tell({
    type: "order_balance",
    server: "web",
    realServer: "198.51.100.1:80",
    what: { order: "weight", weight: 7 },
  });
  first.settle();
  assert.deepEqual(first.table(), { 10: "1=7 2=1" });
  first.check(2, false);
  const { memory } = first.state();
  first.kernel.commands.length = 0;
  const second = new Rig(first);
  second.configure(planOf([WEB]), { balanceMemory: memory });
  second.run(10 * SECOND);
  assert.deepEqual(first.kernel.commands, []);
  assert.deepEqual(
    second.state().servers[0]!.servers.map(({ state, override }) => [state, override]),
    [
      ["up", 7],
      ["down", null],
    ],
  );
});

Deno.test("balancer: on_stop = keep leaves everything as it is, and so does a stop that keeps", () => {
  for (const onStop of ["keep", "remove"] as const) {
    const rig = new Rig();
    const timeouts = { tcp: 600, tcpFin: 0, udp: 0 };
    rig.configure(planOf([WEB], { onStop, timeouts }));
    rig.tell({ type: "stop", keep: onStop === "remove" });
    assert.deepEqual(rig.table(), { 10: "1=1 2=1" });
    assert.equal(rig.kernel.timeouts.tcp, 600);
    assert.deepEqual(rig.note().own, ["tcp 192.0.2.10:80"]);
  }
});

Deno.test("balancer: addresses are announced when the service is there, and dropped before it goes", () => {
  const rig = new Rig();
  const announced = vip("web", 10, reals([1]), { announce: true });
  const announce = [{ server: "web", holding: "announce web" }];
  rig.kernel.unloaded = true;
  rig.configure(planOf([announced], { announce }));
  assert.deepEqual(rig.holdings, []);
  rig.kernel.load();
  rig.run(SECOND);
  assert.deepEqual(rig.holdings, ["hold announce web"]);
  rig.check(1, false);
  assert.deepEqual(rig.holdings, ["hold announce web", "drop announce web"]);
  rig.check(1, true);
  rig.kernel.before = () => rig.holdings.push("command");
  rig.configure(planOf([]));
  assert.deepEqual(rig.holdings.slice(2), ["hold announce web", "drop announce web", "command"]);
});

Deno.test("balancer: counters are read once a second at most, however many ask", () => {
  const rig = new Rig();
  rig.configure(planOf([WEB]));
  rig.run(SECOND);
  const { reads } = rig.kernel;
  for (let i = 0; i < 10; i++) {
    const state = rig.state();
    assert.ok(state.countedAt !== undefined && state.at - state.countedAt < SECOND);
    assert.deepEqual(state.servers[0]!.servers[0]!.connections, { active: 0, inactive: 0 });
    rig.run(SECOND / 10);
  }
  assert.ok(rig.kernel.reads - reads <= 2, `${rig.kernel.reads - reads} readings`);
  const before = rig.kernel.reads;
  rig.state(false);
  assert.equal(rig.kernel.reads, before);
});

Deno.test("balancer: who asks for memory again and again waits twenty times as long as it takes", () => {
  const rig = new Rig();
  rig.configure(planOf([WEB]));
  rig.slowness = 1_000;
  const ask = () => rig.tell({ type: "query_balance", counters: false });
  const answers = () => rig.told.filter(({ type }) => type === "balance_state").length;
  ask();
  rig.balancer.turn();
  assert.equal(answers(), 1);
  ask();
  rig.balancer.turn();
  assert.equal(answers(), 1);
  const wait = rig.balancer.deadline - rig.now;
  // It looks at the clock three times.
  assert.ok(wait > 0 && wait <= 60_000, `${wait}`);
  rig.now += wait;
  rig.balancer.turn();
  assert.equal(answers(), 2);
});

Deno.test("balancer: an answer about thousands comes in parts, and begins anew where they change", () => {
  const rig = new Rig();
  const many = (n: number) =>
    vip(
      `v${n}`,
      n,
      Array.from({ length: 200 }, (_, i) => reals([i + 1])[0]!),
    );
  const servers = Array.from({ length: 5 }, (_, i) => many(i + 1));
  rig.configure(planOf(servers));
  const whole = rig.state();
  // A look at the clock takes three milliseconds: two slices of 128 in a turn.
  rig.slowness = 3_000;
  rig.told.length = 0;
  const turns = () => {
    for (let turns = 1;; turns++) {
      rig.balancer.turn();
      if (rig.told.some(({ type }) => type === "balance_state")) return turns;
      assert.ok(turns < 100);
    }
  };
  rig.tell({ type: "query_balance", counters: false });
  assert.ok(turns() > 3);
  const { servers: again, memory } = rig.last("balance_state");
  const plain = (one: typeof again) =>
    one.map(({ name, servers }) => [name, servers.map(({ name, state }) => [name, state])]);
  assert.deepEqual(plain(again), plain(whole.servers));
  assert.deepEqual(memory.servers, whole.memory.servers);
  assert.deepEqual(memory.own, whole.memory.own);
  // A reload in the middle: nothing of what is gone is told.
  rig.now += 10 * SECOND;
  rig.told.length = 0;
  rig.tell({ type: "query_balance", counters: false });
  rig.balancer.turn();
  rig.balancer.turn();
  assert.ok(!rig.told.some(({ type }) => type === "balance_state"));
  rig.tell({
    type: "configure",
    routers: [],
    interfaces: [],
    balance: planOf([...servers.slice(3), many(9)]),
  });
  turns();
  assert.deepEqual(
    rig.last("balance_state").servers.map(({ name, servers }) => [name, servers.length]),
    [
      ["v4", 200],
      ["v5", 200],
      ["v9", 200],
    ],
  );
  // Two who ask at once have one answer.
  rig.now += 10 * SECOND;
  rig.told.length = 0;
  rig.tell({ type: "query_balance", counters: false });
  rig.tell({ type: "query_balance", counters: false });
  turns();
  const states = rig.told.filter((one) => one.type === "balance_state");
  assert.deepEqual(states.map(({ servers }) => servers.length), [3, 3]);
  assert.notEqual(states[0]!.cause, states[1]!.cause);
});

Deno.test("balancer: what is held is heeded in its own turn: an address that is taken over does not wait", () => {
  const rig = new Rig();
  rig.hold("web", false);
  rig.configure(planOf([{ ...WEB, follow: ["web"] }]), { routers: [{ name: "web" }] });
  rig.told.length = 0;
  rig.tell({ type: "hold", router: "web", cause: "", epoch: 1 });
  assert.deepEqual([rig.told.length, rig.balancer.deadline], [0, 0]);
  rig.settle();
  assert.deepEqual(rig.table(), { 10: "1=1 2=1" });
  // Said and unsaid before it turns: both are heeded, in order.
  rig.tell({ type: "drop", router: "web", cause: "" });
  rig.tell({ type: "hold", router: "web", cause: "", epoch: 2 });
  rig.settle();
  assert.deepEqual(rig.table(), { 10: "1=1 2=1" });
  // And before a configuration.
  rig.tell({ type: "drop", router: "web", cause: "" });
  rig.configure(planOf([{ ...WEB, follow: ["web"] }]), { routers: [{ name: "web" }] });
  assert.deepEqual(rig.table(), {});
});

Deno.test("balancer: a drain ends when the kernel says that nothing is left", () => {
  const rig = new Rig();
  rig.configure(planOf([WEB]));
  const order = (what: object) =>
    rig.tell({ type: "order_balance", server: "web", realServer: "198.51.100.1:80", what });
  order({ order: "drain", timeout: 0 });
  rig.settle();
  assert.equal(rig.last("balance_ordered").refused, null);
  assert.deepEqual(rig.table(), { 10: "1=0 2=1" });
  rig.run(4 * SECOND);
  assert.deepEqual(rig.table(), { 10: "2=1" });
  assert.deepEqual(rig.last("balance_step").what, {
    kind: "drained",
    realServer: "198.51.100.1:80",
    connections: 0,
  });
  order({ order: "undrain" });
  rig.settle();
  assert.deepEqual(rig.table(), { 10: "1=1 2=1" });
  order({ order: "undrain" });
  assert.match(rig.last("balance_ordered").refused ?? "", /is not draining/);
});

Deno.test("balancer: another namespace, or another one behind its name", () => {
  const rig = new Rig();
  rig.configure(planOf([WEB]));
  rig.configure(planOf([WEB], { namespace: "blue" }));
  assert.deepEqual(rig.table(), { 10: "1=1 2=1" });
  assert.equal(rig.note().namespace, "blue");
  assert.equal(rig.kernel.sockets, 2);
  // A new namespace is empty.
  for (const { service } of [...rig.kernel.model.table.values()]) {
    rig.kernel.model.apply({ kind: "delete-service", service: service.key });
  }
  rig.move();
  rig.run(2 * SECOND);
  assert.deepEqual(rig.table(), { 10: "1=1 2=1" });
});

Deno.test("balancer: nonsense is refused and logged, and what there was goes on", () => {
  const rig = new Rig();
  rig.configure(planOf([WEB]));
  rig.configure(planOf([vip("web", 10, reals([1]), { quorum: 0 })]));
  assert.deepEqual(rig.messages("error"), ["Cannot carry out message"]);
  rig.run(6 * SECOND);
  assert.deepEqual(rig.table(), { 10: "1=1 2=1" });
});
