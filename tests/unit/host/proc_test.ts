/** Texts of /proc and lists of modules, as kernels and distributions write them. */

import assert from "node:assert/strict";
import { moduleStates, readRoutes4, readRoutes6 } from "../../../mod/host/proc.ts";
import { type NamespaceReading, routeTo } from "../../../mod/host/readings.ts";

const ROUTE = `Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth0\t00000000\tFE0200C0\t0003\t0\t0\t100\t00000000\t0\t0\t0
eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
eth1\t006433C6\t00000000\t0001\t0\t0\t0\t00F0FFFF\t0\t0\t0
eth1\t000200C0\t010200C0\t0003\t0\t0\t50\t00FFFFFF\t0\t0\t0
*\t007100CB\t00000000\t0201\t0\t0\t0\t00FFFFFF\t0\t0\t0
eth9\tnonsense
`;

const ROUTE6 =
  `20010db8000000000000000000000000 40 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000001 00000000 00000001     eth0
00000000000000000000000000000000 00 00000000000000000000000000000000 00 fe800000000000000000000000000001 00000400 00000001 00000000 00000003     eth0
00000000000000000000000000000000 00 00000000000000000000000000000000 00 00000000000000000000000000000000 ffffffff 00000001 00000000 00200200       lo
`;

Deno.test("routes of IPv4: networks, gateways, no rejections", () => {
  assert.deepEqual(readRoutes4(ROUTE), [
    {
      network: "0.0.0.0",
      prefixLength: 0,
      interface: "eth0",
      gateway: "192.0.2.254",
      metric: 100,
    },
    { network: "192.0.2.0", prefixLength: 24, interface: "eth0", gateway: null, metric: 0 },
    { network: "198.51.100.0", prefixLength: 20, interface: "eth1", gateway: null, metric: 0 },
    { network: "192.0.2.0", prefixLength: 24, interface: "eth1", gateway: "192.0.2.1", metric: 50 },
  ]);
  assert.deepEqual(readRoutes4(""), []);
});

Deno.test("routes of IPv6", () => {
  assert.deepEqual(readRoutes6(ROUTE6), [
    { network: "2001:db8::", prefixLength: 64, interface: "eth0", gateway: null, metric: 256 },
    { network: "::", prefixLength: 0, interface: "eth0", gateway: "fe80::1", metric: 1024 },
  ]);
});

Deno.test("the longest prefix, then the least metric", () => {
  const namespace = {
    routes: [...readRoutes4(ROUTE), ...readRoutes6(ROUTE6)],
  } as unknown as NamespaceReading;
  const via = (address: string) => {
    const found = routeTo(namespace, address);
    return found === undefined ? undefined : `${found.interface} ${found.gateway}`;
  };
  assert.equal(via("192.0.2.9"), "eth0 null");
  assert.equal(via("203.0.113.1"), "eth0 192.0.2.254");
  assert.equal(via("2001:db8::5"), "eth0 null");
  assert.equal(via("2001:db8:1::5"), "eth0 fe80::1");
  assert.equal(via("nonsense"), undefined);
});

Deno.test("modules: loaded, built in, to be had, absent; nothing is known without lists", () => {
  const lists = {
    loaded: "ip_vs 163840 0 - Live 0x0000000000000000\n",
    builtin: "kernel/net/netfilter/nf_tables.ko\n",
    available:
      "kernel/net/netfilter/ipvs/ip_vs_wlc.ko.xz: kernel/net/netfilter/ipvs/ip_vs.ko.xz\n" +
      "kernel/net/netfilter/ipvs/ip-vs-x.ko:\n",
  };
  const names = ["ip_vs", "nf_tables", "ip_vs_wlc", "ip_vs_x", "ip_vs_twos"];
  assert.deepEqual(
    [...moduleStates(lists, names).values()],
    ["loaded", "built-in", "available", "available", "absent"],
  );
  const none = { loaded: "", builtin: null, available: null };
  assert.equal(moduleStates(none, ["ip_vs"]).get("ip_vs"), "unknown");
});
