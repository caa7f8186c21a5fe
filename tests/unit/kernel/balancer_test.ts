/** The balancer with a model kernel in virtual time: what it programs, and what may go wrong. */

import { strict as assert } from "node:assert";
import { planOf, reals, Rig, SECOND, vip } from "./balancer_rig.ts";

const WEB = vip("web", 10, reals([1, 2]));

Deno.test("balancer: a plan is programmed, verdicts move servers, the end leaves nothing", () => {
  const rig = new Rig();
  rig.configure(planOf([WEB, vip("mail", 11, reals([3], {}, 5))]));
  assert.deepEqual(rig.table(), { 10: "1=1 2=1", 11: "3=5" });
  rig.check(2, false);
  assert.deepEqual(rig.table(), { 10: "1=1", 11: "3=5" });
  rig.check(1, false);
  assert.deepEqual(rig.findings.map(({ name, healthy }) => [name, healthy]), [
    ["web", true],
    ["mail", true],
    ["web", false],
  ]);
  rig.check(1, true);
  rig.check(2, true);
  assert.deepEqual(rig.table(), { 10: "1=1 2=1", 11: "3=5" });
  rig.findings.length = 0;
  rig.balancer.repeat();
  assert.deepEqual(rig.findings.map(({ name, healthy }) => [name, healthy]), [
    ["web", true],
    ["mail", true],
  ]);
  rig.tell({ type: "stop", keep: false });
  rig.balancer.close();
  assert.deepEqual(rig.table(), {});
  assert.deepEqual(rig.note(), {
    namespace: "",
    own: [],
    originals: { timeouts: null, settings: {} },
    daemons: [],
  });
  assert.equal(rig.kernel.sockets, 0);
});

Deno.test("balancer: a verdict is one command; a reload that changes one server of many is one", () => {
  const rig = new Rig();
  const numbers = Array.from({ length: 250 }, (_, i) => i + 1);
  const plan = (changed: number) =>
    planOf(
      [1, 2, 3, 4].map((n) =>
        vip(
          `v${n}`,
          n,
          reals(numbers).map((real) =>
            n === 3 && real.name === "198.51.100.77:80"
              ? { ...real, server: { ...real.server, weight: changed } }
              : real
          ),
        )
      ),
    );
  rig.configure(plan(1));
  assert.equal(rig.kernel.commands.length, 1004);
  rig.kernel.commands.length = 0;
  rig.configure(plan(9));
  assert.deepEqual(rig.kernel.commands.map(({ kind }) => kind), ["set-destination"]);
  rig.check(1, false);
  assert.equal(rig.kernel.commands.length, 5);
});

Deno.test("balancer: how often the table is compared is the operator's, and bounded by its cost", () => {
  const rig = new Rig();
  const reads = () => {
    const { reads } = rig.kernel;
    rig.kernel.reads = 0;
    return reads;
  };
  rig.configure(planOf([WEB], { compareInterval: 10 * SECOND }));
  const service = [...rig.kernel.model.table.values()][0]!.service.key;
  const spoil = () => {
    const [first] = [...rig.kernel.destinations(service).values()];
    rig.kernel.model.apply({
      kind: "set-destination",
      service,
      destination: { ...first!, weight: 9 },
    });
  };
  spoil();
  reads();
  rig.run(9 * SECOND);
  assert.deepEqual([reads(), rig.state(false).repairs], [0, 0]);
  rig.run(2 * SECOND);
  assert.equal(rig.state(false).repairs, 1);
  rig.configure(planOf([WEB], { compareInterval: SECOND }));
  spoil();
  rig.run(1.1 * SECOND);
  assert.equal(rig.state(false).repairs, 2);
  // A look at the clock takes 100 ms: one comparison, which looks several times, is a whole second.
  rig.slowness = 100_000;
  rig.run(3 * SECOND);
  rig.slowness = 0;
  spoil();
  reads();
  rig.run(15 * SECOND);
  assert.equal(rig.state(false).repairs, 2);
  // Services alone are looked at all the same: a table that was emptied is filled within seconds.
  assert.ok(reads() >= 10);
  rig.kernel.model.apply({ kind: "delete-service", service });
  rig.run(1.1 * SECOND);
  assert.deepEqual(rig.table(), { 10: "1=1 2=1" });
  assert.equal(rig.state(false).repairs, 3);
});

Deno.test("balancer: without a load balancer it says so once, looks again, and then works", () => {
  const rig = new Rig();
  rig.kernel.unloaded = true;
  rig.configure(planOf([WEB]));
  assert.match(rig.state().trouble ?? "", /modprobe ip_vs/);
  assert.equal(rig.state().servers[0]!.active, true);
  rig.run(20 * SECOND);
  assert.deepEqual(rig.messages("error"), ["Cannot work on the table of virtual servers"]);
  rig.kernel.load();
  rig.run(3 * SECOND);
  assert.deepEqual(rig.table(), { 10: "1=1 2=1" });
  assert.equal(rig.state().trouble, null);
  assert.equal(rig.state().repairs, 0);
});

Deno.test("balancer: a module unloaded and loaded again under way is a repair", () => {
  const rig = new Rig();
  const settings = { expire_nodest_conn: 1 };
  const timeouts = { tcp: 600, tcpFin: 0, udp: 0 };
  rig.configure(planOf([WEB], { settings, timeouts }));
  assert.equal(rig.kernel.timeouts.tcp, 600);
  rig.kernel.unload();
  rig.settings.set("expire_nodest_conn", "0");
  rig.run(6 * SECOND);
  assert.match(rig.state().trouble ?? "", /modprobe ip_vs/);
  rig.kernel.load();
  rig.run(4 * SECOND);
  const state = rig.state();
  assert.deepEqual(rig.table(), { 10: "1=1 2=1" });
  assert.deepEqual([state.trouble, state.repairs], [null, 1]);
  assert.equal(rig.kernel.timeouts.tcp, 600);
  assert.equal(rig.settings.get("expire_nodest_conn"), "1");
  // At once, within one look, too: the family has another number.
  rig.kernel.unload();
  rig.kernel.load();
  rig.check(2, false);
  rig.run(SECOND);
  assert.deepEqual(rig.table(), { 10: "1=1" });
  assert.deepEqual([rig.state().trouble, rig.state().repairs], [null, 2]);
});

Deno.test("balancer: what others change is put right within two seconds, counted once", () => {
  const rig = new Rig();
  rig.configure(planOf([WEB]));
  const { model } = rig.kernel;
  const [service] = [...model.table.values()].map(({ service }) => service.key);
  assert.ok(service !== undefined);
  const [first] = [...rig.kernel.destinations(service).values()];
  const disturbances = [
    () => void model.apply({ kind: "delete-service", service }),
    () => void model.apply({ kind: "delete-destination", service, destination: first!.key }),
    () =>
      void model.apply({ kind: "set-destination", service, destination: { ...first!, weight: 9 } }),
    () =>
      void model.apply({
        kind: "add-destination",
        service,
        destination: { ...first!, key: { ...first!.key, address: "198.51.100.9" } },
      }),
  ];
  for (const [i, disturb] of disturbances.entries()) {
    disturb();
    rig.run(2.1 * SECOND);
    assert.deepEqual(rig.table(), { 10: "1=1 2=1" });
    assert.equal(rig.state().repairs, i + 1);
  }
  // Somebody else's service is none of our business.
  const other = { ...service, port: 81 };
  model.apply({ kind: "add-service", service: { ...WEB.service, key: other } });
  rig.run(6 * SECOND);
  assert.equal(model.table.size, 2);
  assert.equal(rig.state().repairs, disturbances.length);
  rig.configure(planOf([WEB], { flush: true }));
  assert.equal(model.table.size, 1);
  model.apply({ kind: "add-service", service: { ...WEB.service, key: other } });
  rig.run(6 * SECOND);
  assert.equal(model.table.size, 1);
});

Deno.test("balancer: what others changed is noticed at a command of ours, too", () => {
  const rig = new Rig();
  rig.configure(planOf([WEB]));
  for (const { service } of [...rig.kernel.model.table.values()]) {
    rig.kernel.model.apply({ kind: "delete-service", service: service.key });
  }
  rig.check(2, false);
  assert.deepEqual(rig.table(), { 10: "1=1" });
  assert.equal(rig.state().repairs, 1);
  assert.deepEqual(rig.messages(), ["Somebody has changed the table: puts it right"]);
});

Deno.test("balancer: a quiet table costs one reading in two seconds, a slow one less", () => {
  const rig = new Rig();
  rig.configure(planOf([WEB]));
  const before = rig.kernel.listings;
  rig.run(60 * SECOND);
  assert.equal(rig.kernel.listings - before, 30);
  rig.slowness = 150_000;
  rig.run(60 * SECOND);
  const slow = rig.kernel.listings - before - 30;
  assert.ok(slow <= 4, `${slow} readings`);
});

Deno.test("balancer: what the kernel refuses is named, tried again later and later, the rest works", () => {
  const rig = new Rig();
  const service = { ...WEB.service, scheduler: "twos" };
  rig.configure(planOf([vip("bad", 12, reals([5]), { service }), WEB]));
  assert.deepEqual(rig.table(), { 10: "1=1 2=1" });
  const [failure] = rig.state().failures;
  assert.match(failure ?? "", /no scheduler "twos" \(module ip_vs_twos\)/);
  const attempts = () => rig.kernel.commands.filter(({ kind }) => kind === "add-service").length;
  const before = attempts();
  rig.run(60 * SECOND);
  // After 1, 2, 4, 8, 16 seconds: 5 in the first 31, and one more half a minute later at most.
  assert.ok(attempts() - before >= 5 && attempts() - before <= 7, `${attempts() - before}`);
  assert.deepEqual(rig.messages(), ["The kernel refuses"]);
  assert.equal(rig.state().repairs, 0);
  rig.kernel.schedulers.add("twos");
  rig.run(31 * SECOND);
  assert.deepEqual(rig.table(), { 10: "1=1 2=1", 12: "5=1" });
  assert.deepEqual(rig.state().failures, []);
});

Deno.test("balancer: lost and broken answers, and a kernel short of memory, end with the wanted table", () => {
  for (const fault of ["lost", "half", 12] as const) {
    const rig = new Rig();
    let count = 0;
    rig.kernel.fault = () => count++ % 3 === 1 && count < 30 ? fault : undefined;
    rig.configure(planOf([WEB, vip("mail", 11, reals([3, 4, 5, 6]))]));
    rig.run(60 * SECOND);
    assert.deepEqual(rig.table(), { 10: "1=1 2=1", 11: "3=1 4=1 5=1 6=1" }, `${fault}`);
    assert.deepEqual(rig.state().failures, []);
  }
});

Deno.test("balancer: silence is trouble, told once; when the kernel speaks again all is done", () => {
  const rig = new Rig();
  rig.kernel.silent = true;
  rig.configure(planOf([WEB]));
  assert.match(rig.state().trouble ?? "", /Cannot read the kernel's table/);
  rig.run(30 * SECOND);
  assert.equal(rig.messages("error").length, 1);
  rig.kernel.silent = false;
  rig.run(4 * SECOND);
  assert.deepEqual(rig.table(), { 10: "1=1 2=1" });
  // In the middle of its life, with commands to be sent.
  rig.kernel.silent = true;
  rig.run(6 * SECOND);
  rig.check(1, false);
  rig.kernel.silent = false;
  rig.run(4 * SECOND);
  assert.deepEqual(rig.table(), { 10: "2=1" });
  assert.equal(rig.kernel.sockets, 2);
});

Deno.test("balancer: long work is done in parts, and verdicts come in between", () => {
  const rig = new Rig();
  rig.slowness = 2_000;
  const numbers = Array.from({ length: 250 }, (_, i) => i + 1);
  rig.tell({
    type: "configure",
    routers: [],
    interfaces: [],
    balance: planOf([1, 2, 3, 4].map((n) => vip(`v${n}`, n, reals(numbers)))),
  });
  let turns = 0;
  while (rig.kernel.commands.length < 500) {
    rig.balancer.turn();
    turns++;
  }
  assert.ok(turns >= 3, `${turns} turns`);
  assert.ok(rig.kernel.commands.length < 1004);
  assert.ok(rig.balancer.deadline <= rig.now);
  rig.tell({ type: "check", check: "check 250", health: "down", reason: "", weight: null });
  rig.slowness = 0;
  rig.settle();
  assert.ok(Object.values(rig.table()).every((servers) => servers.split(" ").length === 249));
  rig.run(20 * SECOND);
  assert.equal(rig.state().repairs, 0);
});
