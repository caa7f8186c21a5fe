/** Addresses, routes and rules in site.toml: what they resolve to, and what is refused, where. */

import assert from "node:assert/strict";
import { heldRoute, heldRule, heldStatics } from "../../../mod/agent/held_objects.ts";
import { loadValid, problemsOf } from "./fixtures.ts";

/** A router with more keys, from line 6 on. */
function router(more: string): string {
  return `[[vrrp]]
name = "web"
interface = "eth0"
virtual_router_id = 51
addresses = ["192.0.2.10/24"]
${more}`;
}

const routes = (...lines: string[]) => router(`routes = [\n${lines.join(",\n")}\n]`);
const rules = (...lines: string[]) => router(`rules = [\n${lines.join(",\n")}\n]`);

Deno.test("routes resolve to what the kernel counts in", () => {
  const site = loadValid({
    "site.toml": routes(
      '{ to = "default", via = "192.0.2.1" }',
      '{ to = "default", via = "2001:DB8::1", table = "local", metric = 0 }',
      '{ to = "198.51.100.1", interface = "eth1", realms = "1/2", rtt = "30ms", rttvar = "5ms", rto_min = "40ms", lock = ["mtu"], mtu = 1400, quickack = false, features = ["ecn"] }',
      '{ to = "198.51.100.0/24", nexthops = [{ via = "192.0.2.1" }, { interface = "eth1", weight = 256 }] }',
    ),
  });
  assert.deepEqual(site.vrrp[0]!.routes.map(heldRoute), [
    { to: "0.0.0.0/0", type: "unicast", table: 254, hops: [{ via: "192.0.2.1" }] },
    { to: "::/0", type: "unicast", table: 255, metric: 0, hops: [{ via: "2001:db8::1" }] },
    {
      to: "198.51.100.1/32",
      type: "unicast",
      table: 254,
      hops: [{ interface: "eth1" }],
      metrics: {
        lock: 0x2004,
        mtu: 1400,
        rtt: 240,
        rttvar: 20,
        features: 1,
        rto_min: 40,
        quickack: 0,
      },
      realms: 0x10002,
    },
    {
      to: "198.51.100.0/24",
      type: "unicast",
      table: 254,
      hops: [{ via: "192.0.2.1" }, { interface: "eth1", weight: 256 }],
    },
  ]);
});

Deno.test("rules resolve with their family", () => {
  const site = loadValid({
    "site.toml": rules(
      '{ from = "all", to = "2001:db8::/32", table = 100, priority = 1 }',
      '{ priority = 2, family = "ipv6", action = "prohibit", not = true }',
      '{ priority = 3, ip_protocol = "udp", destination_port = 53, uid_range = "0-99", table = "main" }',
    ),
  });
  assert.deepEqual(site.vrrp[0]!.rules.map(heldRule), [
    { family: 6, priority: 1, action: "table", table: 100, to: "2001:db8::/32" },
    { family: 6, priority: 2, action: "prohibit", not: true },
    {
      family: 4,
      priority: 3,
      action: "table",
      table: 254,
      uids: [0, 99],
      ipProtocol: 17,
      destinationPorts: [53, 53],
    },
  ]);
});

Deno.test("addresses keep what is said of them; static ones are held for ever", () => {
  const site = loadValid({
    "site.toml": router(
      `excluded_addresses = ["2001:db8::10", { address = "198.51.100.1", interface = "eth1", peer = "198.51.100.2", scope = "host" }]
[static]
addresses = [{ address = "2001:db8::1/64", interface = "lo" }, { address = "2001:db8::2", interface = "lo", preferred = false }]
`,
    ),
  });
  assert.deepEqual(site.vrrp[0]!.excluded_addresses, [
    { address: "2001:db8::10", prefix_length: 128, interface: "eth0" },
    {
      address: "198.51.100.1",
      prefix_length: 32,
      interface: "eth1",
      peer: "198.51.100.2",
      scope: 254,
    },
  ]);
  const statics = heldStatics(site.static, "");
  assert.equal(statics?.always, true);
  assert.deepEqual(statics?.addresses, [
    { address: "2001:db8::1", prefixLength: 64, interface: "lo", preferred: true },
    { address: "2001:db8::2", prefixLength: 128, interface: "lo" },
  ]);
  assert.equal(heldStatics({ addresses: [], routes: [], rules: [] }, ""), undefined);
});

/** Name, site, place, a part of the message, a part of the advice. */
const BROKEN: readonly (readonly [string, string, string, RegExp, RegExp])[] = [
  [
    "host bits in a network",
    routes('{ to = "198.51.100.7/24", via = "192.0.2.1" }'),
    "site.toml:7:8",
    /is not a network/,
    /198\.51\.100\.0\/24/,
  ],
  [
    "a gateway of the other family",
    routes('{ to = "198.51.100.0/24", via = "2001:db8::1" }'),
    "site.toml:7:33",
    /"2001:db8::1" is not IPv4/,
    /write an IPv4 address/,
  ],
  [
    "a source of the other family",
    routes('{ to = "2001:db8::/32", via = "2001:db8::1", source = "192.0.2.10" }'),
    "site.toml:7:55",
    /`source`: "192\.0\.2\.10" is not IPv6/,
    /write an IPv6 address/,
  ],
  [
    "a link-local gateway without interface",
    routes('{ to = "2001:db8::/32", via = "fe80::1" }'),
    "site.toml:7:31",
    /on every interface/,
    /add `interface/,
  ],
  [
    "onlink without interface",
    routes('{ to = "198.51.100.0/24", via = "203.0.113.1", onlink = true }'),
    "site.toml:7:57",
    /`onlink` needs/,
    /add `interface/,
  ],
  [
    "a route that leads nowhere",
    routes('{ to = "198.51.100.0/24" }'),
    "site.toml:7:8",
    /leads nowhere/,
    /add `via`/,
  ],
  [
    "a blackhole with a gateway",
    routes('{ to = "198.51.100.0/24", type = "blackhole", via = "192.0.2.1" }'),
    "site.toml:7:47",
    /`via` has no place/,
    /leave the key out/,
  ],
  [
    "a gateway beside next hops",
    routes(
      '{ to = "198.51.100.0/24", via = "192.0.2.1", nexthops = [{ via = "192.0.2.1" }, { via = "192.0.2.2" }] }',
    ),
    "site.toml:7:27",
    /each next hop has its own/,
    /leave the key out/,
  ],
  [
    "a route given twice",
    routes(
      '{ to = "198.51.100.0/24", via = "192.0.2.1" }',
      '{ to = "198.51.100.0/24", via = "192.0.2.1" }',
    ),
    "site.toml:8:8",
    /is given twice: first at site.toml:7:8/,
    /leave out one/,
  ],
  [
    "two routes of one network, table and metric",
    routes(
      '{ to = "198.51.100.0/24", via = "192.0.2.1" }',
      '{ to = "198.51.100.0/24", via = "192.0.2.2" }',
    ),
    "site.toml:8:8",
    /another one at site.toml:7:8, of the same table and metric/,
    /another `metric`/,
  ],
  [
    "a router's route and another one of [static]",
    routes('{ to = "198.51.100.0/24", via = "192.0.2.1" }') +
    '\n[static]\nroutes = [{ to = "198.51.100.0/24", via = "192.0.2.2" }]\n',
    "site.toml:10:18",
    /another one at site.toml:7:8/,
    /another `metric`/,
  ],
  [
    "a scope of IPv6",
    routes('{ to = "2001:db8::/32", via = "2001:db8::1", scope = "link" }'),
    "site.toml:7:46",
    /IPv4 routes only/,
    /leave the key out/,
  ],
  [
    "a lock without a metric",
    routes('{ to = "198.51.100.0/24", via = "192.0.2.1", lock = ["mtu"] }'),
    "site.toml:7:54",
    /`mtu` is locked and has no value/,
    /give `mtu`/,
  ],
  [
    "labels without MPLS",
    routes('{ to = "198.51.100.0/24", interface = "eth0", encap = { type = "ip", labels = [1] } }'),
    "site.toml:7:79",
    /`labels` are for MPLS/,
    /leave the key out/,
  ],
  ["a rule without a table", rules("{ priority = 5 }"), "site.toml:7:1", /needs a `table`/, /add/],
  [
    "a rule without a priority",
    rules("{ table = 5 }"),
    "site.toml:7:1",
    /The key `rules\.priority` is missing/,
    /add `priority/,
  ],
  [
    "a rule that goes back",
    rules('{ priority = 5, action = "goto", goto = 4 }'),
    "site.toml:7:34",
    /rules go on only/,
    /above 5/,
  ],
  [
    "a rule of two families",
    rules('{ priority = 5, table = 7, from = "192.0.2.0/24", to = "2001:db8::/32" }'),
    "site.toml:7:56",
    /is not IPv4, as `from`/,
    /two rules/,
  ],
  [
    "a table beside another action",
    rules('{ priority = 5, table = 7, action = "prohibit" }'),
    "site.toml:7:17",
    /`table` has no place/,
    /leave the key out/,
  ],
  [
    "a mask without a mark",
    rules("{ priority = 5, table = 7, fwmask = 1 }"),
    "site.toml:7:28",
    /`fwmask` without `fwmark`/,
    /add `fwmark/,
  ],
  [
    "an address twice, once excluded",
    router('excluded_addresses = ["192.0.2.10/24"]'),
    "site.toml:6:23",
    /held twice on one interface/,
    /leave out one/,
  ],
  [
    "a label of IPv6",
    router('excluded_addresses = [{ address = "2001:db8::10", label = "eth0:x" }]'),
    "site.toml:6:59",
    /labels of IPv4 addresses only/,
    /leave the key out/,
  ],
  [
    "a preferred IPv4 address",
    router('excluded_addresses = [{ address = "198.51.100.1", preferred = true }]'),
    "site.toml:6:63",
    /it is for IPv6/,
    /leave the key out/,
  ],
  [
    "a peer of the other family",
    router('excluded_addresses = [{ address = "198.51.100.1", peer = "2001:db8::1" }]'),
    "site.toml:6:58",
    /is not IPv4, as the address is/,
    /write an IPv4 address/,
  ],
  [
    "a static address without interface",
    router('[static]\naddresses = [{ address = "198.51.100.1" }]'),
    "site.toml:7:14",
    /`addresses\.interface` is missing/,
    /add `interface/,
  ],
  [
    "a default for what belongs to one router",
    `${router("")}[defaults.vrrp]\nroutes = []\n`,
    "site.toml:7:1",
    /belongs to one router/,
    /in each/,
  ],
];

for (const [name, text, place, message, advice] of BROKEN) {
  Deno.test(`refused: ${name}`, () => {
    const problems = problemsOf({ "site.toml": text });
    assert.equal(problems.length, 1, JSON.stringify(problems));
    const [where, , what, how] = problems[0]!;
    assert.equal(where, place);
    assert.match(what ?? "", message);
    assert.match(how ?? "", advice);
  });
}

Deno.test("two routers may share what is the same", () => {
  const shared = '{ to = "198.51.100.0/24", via = "192.0.2.1" }';
  const other = routes(shared).replace('"web"', '"lan"').replace("51", "52").replace(
    ".10/",
    ".20/",
  );
  assert.equal(loadValid({ "site.toml": `${routes(shared)}\n${other}` }).vrrp.length, 2);
});
