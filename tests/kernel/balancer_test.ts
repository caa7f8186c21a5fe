/** The balancer on a real kernel: few commands, and what others do to its table. */

import assert from "node:assert/strict";
import { planOf, reals, Rig, vip } from "./balancer_rig.ts";
import { inside, saved, withNamespaces } from "./lib.ts";

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
