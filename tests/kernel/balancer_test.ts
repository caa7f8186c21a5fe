/** The balancer on a real kernel: few commands, and what others do to its table. */

import assert from "node:assert/strict";
import { planOf, reals, Rig, vip } from "./balancer_rig.ts";
import { inside, saved, unloadIpvs, withNamespaces } from "./lib.ts";

const SERVERS = ["198.51.100.1", "198.51.100.2", "198.51.100.3"];

function balancerTest(name: string, body: () => void): void {
  Deno.test(name, () => withNamespaces(["d"], body));
}

balancerTest("balancer: a plan becomes the kernel's table, and leaves nothing at the end", () => {
  const rig = new Rig();
  rig.configure(planOf([vip("web", "192.0.2.10", reals(SERVERS))]));
  assert.equal(saved().length, 4);
  const state = rig.state();
  assert.equal(state.trouble, null);
  assert.deepEqual(state.failures, []);
  assert.deepEqual(state.servers.map(({ name, active }) => [name, active]), [["web", true]]);
  assert.deepEqual(
    state.servers[0]!.servers.map(({ connections }) => connections),
    SERVERS.map(() => ({ active: 0, inactive: 0 })),
  );
  rig.stop();
  assert.deepEqual(saved(), []);
});

balancerTest("balancer: ipvsadm -C and other changes are put right, once each, and told", () => {
  const rig = new Rig();
  rig.configure(planOf([vip("web", "192.0.2.10", reals(SERVERS))]));
  const table = saved();
  const disturb = (line: string) => {
    const { repairs } = rig.state();
    inside("d", line);
    rig.until("it is repaired", () => rig.state().repairs > repairs);
    rig.settle();
    assert.deepEqual(saved(), table, line);
  };
  disturb("ipvsadm -C");
  disturb("ipvsadm -d -t 192.0.2.10:80 -r 198.51.100.2:80");
  disturb("ipvsadm -e -t 192.0.2.10:80 -r 198.51.100.2:80 -m -w 7");
  rig.stop();
});

balancerTest(
  "balancer: ipvsadm -C and the module unloaded under way: loaded again, all put back",
  () => {
    const rig = new Rig();
    const settings = { expire_nodest_conn: 1 };
    const timeouts = { tcp: 600, tcpFin: 0, udp: 0 };
    rig.configure(planOf([vip("web", "192.0.2.10", reals(SERVERS))], { settings, timeouts }));
    const setting = () => inside("d", "sysctl -n net.ipv4.vs.expire_nodest_conn").trim();
    const timeout = () => inside("d", "ipvsadm -l --timeout").trim();
    rig.until("settings are set", () => setting() === "1");
    assert.match(timeout(), /: 600 120 300$/);
    const table = saved();
    inside("d", "ipvsadm -C");
    unloadIpvs();
    assert.throws(() => Deno.statSync("/proc/net/ip_vs"));
    rig.until("the table is back", () => {
      const { repairs, trouble } = rig.state();
      return repairs === 1 && trouble === null;
    });
    rig.until("settings are set again", () => setting() === "1");
    rig.settle();
    assert.deepEqual(saved(), table);
    assert.match(timeout(), /: 600 120 300$/);
    assert.ok(rig.messages().includes("Works on the kernel's table of virtual servers again"));
    rig.stop();
    assert.deepEqual(saved(), []);
    assert.equal(setting(), "0");
    assert.match(timeout(), /: 900 120 300$/);
  },
);

balancerTest(
  "balancer: who comes after a kill puts timeouts and settings back as they were",
  () => {
    const killed = new Rig();
    inside("d", "ipvsadm --set 800 0 0");
    const plan = planOf([vip("web", "192.0.2.10", reals(SERVERS))], {
      settings: { sloppy_tcp: 1 },
      timeouts: { tcp: 600, tcpFin: 0, udp: 0 },
    });
    killed.configure(plan);
    const setting = () => inside("d", "sysctl -n net.ipv4.vs.sloppy_tcp").trim();
    killed.until("it is set", () => setting() === "1");
    const balanceNote = killed.note()!;
    killed.balancer.close();
    const next = new Rig();
    next.configure(planOf([]), { balanceNote });
    next.settle();
    assert.deepEqual(saved(), []);
    next.until("it is put back", () => setting() === "0");
    assert.match(inside("d", "ipvsadm -l --timeout"), /: 800 120 300/);
    next.stop();
  },
);

balancerTest("balancer: a sync daemon of each role follows its router", () => {
  inside("d", "ip link add mc0 type dummy");
  inside("d", "ip address add 192.0.2.1/24 dev mc0");
  inside("d", "ip link set mc0 up multicast on");
  const rig = new Rig();
  const role = { follow: ["web"] };
  const syncDaemons = [{ interface: "mc0", id: 7, maxLength: 0, group: "", port: 0, ttl: 0, role }];
  const daemons = () =>
    inside("d", "ipvsadm -l --daemon").trim().split("\n").map((line) =>
      /^\s*(\w+) sync daemon \(mcast=mc0, syncid=7/.exec(line)?.[1] ?? line
    );
  const hold = (type: "hold" | "drop") => rig.tell({ type, router: "web", cause: "", epoch: 1 });
  hold("drop");
  rig.configure(planOf([], { syncDaemons }), { routers: [{ name: "web" }] });
  assert.deepEqual(daemons(), ["backup"]);
  hold("hold");
  rig.settle();
  assert.deepEqual(daemons(), ["master"]);
  assert.deepEqual(rig.state().sync.map((one) => [one.role, one.interface, one.id]), [
    ["master", "mc0", 7],
  ]);
  rig.stop();
  assert.deepEqual(daemons(), [""]);
});

balancerTest(
  "balancer: 10,000 servers: in parts, a reload of one is one command, looks are cheap",
  () => {
    const rig = new Rig();
    const plan = (weight: number) =>
      planOf(Array.from({ length: 100 }, (_, i) => {
        const names = Array.from({ length: 100 }, (_, j) => `198.51.${i}.${j + 1}`);
        const servers = reals(names).map((real) =>
          real.name === "198.51.42.51" ? { ...real, server: { ...real.server, weight } } : real
        );
        return vip(`v${i}`, `192.0.2.${i + 1}`, servers);
      }));
    rig.configure(plan(1));
    assert.equal(saved().length, 10_100);
    const programming = rig.longest;
    rig.commands = rig.longest = 0;
    rig.configure(plan(9));
    assert.equal(rig.commands, 1);
    assert.match(inside("d", "ipvsadm -Ln"), /198\.51\.42\.51:80 +Masq +9 /);
    const reload = rig.longest;
    rig.longest = 0;
    const began = performance.now();
    const { servers } = rig.state();
    assert.equal(servers.length, 100);
    console.log(JSON.stringify({
      longest_turn_ms: { programming, reload, counting: rig.longest },
      counting_ms: performance.now() - began,
    }));
    rig.stop();
  },
);
