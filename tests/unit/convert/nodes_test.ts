/** One file for several nodes: what `@id` lines decide becomes `by_host`. */

import assert from "node:assert/strict";
import { conversion, instance } from "./fixtures.ts";

Deno.test("two nodes: priorities, sources, peers and names of interfaces by host", () => {
  const result = conversion(`global_defs {
  @main router_id one
  @backup router_id two
}
@main $IF=eth0
@backup $IF=eth5
vrrp_instance VI {
  interface $IF
  virtual_router_id 51
  @main priority 150
  @backup priority 100
  @main unicast_src_ip 192.0.2.1
  @backup unicast_src_ip 192.0.2.2
  unicast_peer {
    @^main 192.0.2.1
    @^backup 192.0.2.2
  }
  virtual_ipaddress {
    192.0.2.10/24
  }
}
`);
  const [main, backup] = [result.site("main").vrrp[0], result.site("backup").vrrp[0]];
  assert.deepEqual([main?.interface, main?.priority, main?.source], ["eth0", 150, "192.0.2.1"]);
  assert.deepEqual([backup?.interface, backup?.priority, backup?.source], [
    "eth5",
    100,
    "192.0.2.2",
  ]);
  assert.ok(result.text.includes("priority = { by_host = { main = 150, backup = 100 } }"));
  assert.deepEqual(result.verdicts("router_id"), ["approximated"]);
});

Deno.test("one id tells one host from all others", () => {
  const result = conversion(instance("@main nopreempt\n@^main down_timer_adverts 5"));
  assert.deepEqual(result.ids, ["main"]);
  const of = (host: string) => {
    const [vrrp] = result.site(host).vrrp;
    return [vrrp?.preempt, vrrp?.down_timer_adverts];
  };
  assert.deepEqual(of("main"), [false, 3]);
  assert.deepEqual(of("any-other"), [true, 5]);
});

Deno.test("an instance, a server or a table that only one node has", () => {
  const result = conversion(`${instance("")}
@b vrrp_instance only {
@b   interface eth1
@b   virtual_router_id 9
@b   virtual_ipaddress {
@b     198.51.100.9/24
@b   }
@b }
@a static_ipaddress {
@a   192.0.2.77/24 dev eth0
@a }
`);
  assert.deepEqual(result.site("a").vrrp.map(({ name }) => name), ["VI_1"]);
  assert.deepEqual(result.site("b").vrrp.map(({ name }) => name), ["VI_1", "only"]);
  assert.deepEqual(
    ["a", "b"].map((host) => result.site(host).static.addresses.length),
    [1, 0],
  );
});

Deno.test("a key whose absence no value means: the router differs as a whole", () => {
  const result = conversion(
    instance("@a unicast_peer {\n@a 192.0.2.2\n@a }\n@b mcast_src_ip 192.0.2.2"),
  );
  assert.deepEqual(
    ["a", "b"].map((host) => result.site(host).vrrp[0]?.unicast !== undefined),
    [true, false],
  );
});

Deno.test("real servers and their weights by host", () => {
  const result = conversion(`virtual_server 192.0.2.10 80 {
  lvs_sched rr
  protocol TCP
  real_server 198.51.100.1 80 {
    @a weight 5
    @b weight 1
  }
}
`);
  assert.deepEqual(
    ["a", "b"].map((host) => result.site(host).virtual_server[0]?.real_server[0]?.weight),
    [5, 1],
  );
});

Deno.test("an id may name another one, and ids may be words that objects have", () => {
  const result = conversion(
    instance("@a $X=@toString priority 7\n@a $X\n@toString down_timer_adverts 4"),
  );
  assert.deepEqual(result.ids, ["a", "toString"]);
  assert.equal(result.site("toString").vrrp[0]?.down_timer_adverts, 4);
  assert.equal(result.site("a").vrrp[0]?.down_timer_adverts, 3);
});

Deno.test("more ids than a conversion takes: those that are left out are told of", () => {
  const lines = (count: number) =>
    Array.from({ length: count }, (_, index) => `@n${index} priority ${index + 1}`).join("\n");
  const result = conversion(instance(lines(65)));
  assert.equal(result.ids.length, 64);
  assert.deepEqual(result.verdicts("@"), ["dropped"]);
  assert.deepEqual(conversion(instance(lines(64))).verdicts("@"), []);
});
