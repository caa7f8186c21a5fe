/** What is found on a host for a site: each finding on a host that has it, and on none that has not. */

import assert from "node:assert/strict";
import { diagnose, diagnoseBare } from "../../../mod/host/diagnose.ts";
import type { HostFinding } from "../../../mod/host/finding.ts";
import { modulesOf, questionsOf } from "../../../mod/host/questions.ts";
import type {
  HostReading,
  InterfaceReading,
  ModuleState,
  NamespaceReading,
} from "../../../mod/host/readings.ts";
import { loadValid } from "../config/fixtures.ts";

const SITE = `
[[vrrp]]
name = "web"
interface = "eth0"
virtual_router_id = 51
addresses = ["192.0.2.10/24"]
[[vrrp]]
name = "six"
interface = "eth0"
virtual_router_id = 52
addresses = ["fe80::10/64", "2001:db8::10/64"]
[[bfd]]
name = "peer"
peer = "192.0.2.9"
interface = "eth0"
source = "192.0.2.1"
[[virtual_server]]
name = "http"
listen = "192.0.2.10:80"
follow = "web"
[[virtual_server.real_server]]
address = "198.51.100.11:8080"
[[virtual_server]]
name = "dr"
listen = "192.0.2.11:80"
scheduler = "mh"
persistence = true
[[virtual_server.real_server]]
address = "198.51.100.12"
forward = "direct"
[[virtual_server.real_server]]
address = "203.0.113.5"
forward = "tunnel"
[static]
addresses = [{ address = "192.0.2.11/32", interface = "eth0" }]
`;

function link(name: string, more: Partial<InterfaceReading> = {}): InterfaceReading {
  return {
    name,
    index: 2,
    up: true,
    running: true,
    multicast: true,
    loopback: false,
    mtu: 1500,
    mac: "02:00:00:00:00:01",
    manager: null,
    addresses: [],
    ...more,
  };
}

function has(address: string, prefixLength: number, protocol = 0) {
  return { address, prefixLength, protocol };
}

const ETH0 = [has("192.0.2.1", 24), has("fe80::1", 64), has("2001:db8::1", 64)];
const ETH1 = [has("198.51.100.1", 24)];

function route(network: string, prefixLength: number, name: string, gateway: string | null = null) {
  return { network, prefixLength, interface: name, gateway, metric: 0 };
}

const GOOD: NamespaceReading = {
  interfaces: [
    link("lo", { loopback: true }),
    link("eth0", { addresses: ETH0 }),
    link("eth1", { addresses: ETH1 }),
  ],
  routes: [
    route("192.0.2.0", 24, "eth0"),
    route("198.51.100.0", 24, "eth1"),
    route("0.0.0.0", 0, "eth0", "192.0.2.254"),
  ],
  settings: new Map([["net.ipv4.ip_forward", "1"], ["net.ipv4.vs.conntrack", "0"]]),
  ports: [],
  ruleset: { nftables: [] },
  ipvs: true,
};

function hostOf(
  namespace: Partial<NamespaceReading> = {},
  more: Partial<HostReading> = {},
  modules: Readonly<Record<string, ModuleState>> = {},
): HostReading {
  const names = [...modulesOf(loadValid({ "site.toml": SITE })).keys()];
  return {
    kernel: "6.1.0",
    modules: new Map(names.map((name) => [name, modules[name] ?? "loaded"])),
    capabilities: new Set(["cap_net_admin", "cap_net_raw", "cap_sys_nice"]),
    clockSynchronised: true,
    libnl: { origin: "host" },
    daemons: [],
    namespaces: new Map([["", { ...GOOD, ...namespace }]]),
    ...more,
  };
}

function foundIn(host: HostReading, text = SITE): HostFinding[] {
  return diagnose(loadValid({ "site.toml": text }), host);
}

/** Codes of errors and warnings. */
function codes(findings: readonly HostFinding[]): string[] {
  return findings.filter(({ gravity }) => gravity !== "advice").map(({ code }) => code);
}

const eth0 = (more: Partial<InterfaceReading>) => ({
  interfaces: [link("eth0", { addresses: ETH0, ...more }), link("eth1", { addresses: ETH1 })],
});
const setting = (name: string, value: string) => ({
  settings: new Map([...GOOD.settings, [name, value]]),
});
const filter = (...rules: readonly unknown[]) => ({
  ruleset: {
    nftables: [
      { chain: { family: "inet", table: "filter", name: "input", hook: "input", policy: "drop" } },
      { chain: { family: "inet", table: "filter", name: "peers" } },
      ...rules.map((expr) => ({
        rule: { family: "inet", table: "filter", chain: "input", expr },
      })),
      {
        rule: {
          family: "inet",
          table: "filter",
          chain: "peers",
          expr: [{ accept: null }],
        },
      },
    ],
  },
});
const equal = (left: unknown, right: unknown) => ({ match: { op: "==", left, right } });
const l4proto = { meta: { key: "l4proto" } };
const dport = { payload: { protocol: "udp", field: "dport" } };
const state = { ct: { key: "state" } };
const ACCEPT = { accept: null };
const DROP = { drop: null };
/** The same behind a policy that accepts. */
const open = (...rules: readonly unknown[]) =>
  JSON.parse(JSON.stringify(filter(...rules)).replace('"policy":"drop"', '"policy":"accept"'));
const daddr = { payload: { protocol: "ip", field: "daddr" } };

/** What is wrong, the host that has it, the codes that say so. */
const CASES: readonly [string, HostReading, readonly string[]][] = [
  ["nothing", hostOf(), []],
  ["no privilege", hostOf({}, { capabilities: new Set(["cap_net_raw", "cap_sys_nice"]) }), [
    "privilege",
  ]],
  ["keepalived", hostOf({}, { daemons: ["keepalived (pid 7)"] }), ["other-daemon"]],
  ["BIRD alone, which speaks BFD", hostOf({}, { daemons: ["bird (pid 7)"] }), []],
  ["no interface", hostOf({ interfaces: [link("eth1", { addresses: ETH1 })] }), [
    "interface-missing",
    "interface-missing",
    "interface-missing",
    "source-missing",
  ]],
  ["a link without carrier", hostOf(eth0({ running: false })), [
    "interface-down",
    "interface-down",
    "interface-down",
  ]],
  ["no multicast", hostOf(eth0({ multicast: false })), ["no-multicast", "no-multicast"]],
  ["no address to send from", hostOf(eth0({ addresses: [has("192.0.2.1", 24)] })), ["no-source"]],
  ["IPv6 is off", hostOf(setting("net.ipv6.conf.eth0.disable_ipv6", "1")), ["ipv6-disabled"]],
  [
    "an address that somebody has configured",
    hostOf(eth0({ addresses: [...ETH0, has("192.0.2.10", 24)] })),
    ["address-configured"],
  ],
  [
    "an address that halb holds",
    hostOf(eth0({ addresses: [...ETH0, has("192.0.2.10", 32, 112)] })),
    [],
  ],
  ["BFD's port is taken", hostOf({ ports: [{ port: 3784, owner: "bfdd (pid 9)" }] }), [
    "port-taken",
  ]],
  ["halb has BFD's port", hostOf({ ports: [{ port: 3784, owner: "halb (pid 9)" }] }), []],
  ["a firewall that drops everything", hostOf(filter()), ["firewall", "firewall", "firewall"]],
  [
    "a firewall that lets VRRP in",
    hostOf(filter(
      [{ match: { op: "in", left: state, right: ["established", "related"] } }, ACCEPT],
      [equal({ meta: { key: "iifname" } }, "lo"), ACCEPT],
      [equal({ payload: { protocol: "tcp", field: "dport" } }, 22), ACCEPT],
      [equal(l4proto, { set: ["icmp", "vrrp"] }), ACCEPT],
    )),
    ["firewall"],
  ],
  [
    "a firewall that lets all in by a chain, or by ports",
    hostOf(filter(
      [equal(l4proto, 112), { jump: { target: "peers" } }],
      [equal(dport, { set: [{ range: [3784, 3785] }] }), ACCEPT],
    )),
    [],
  ],
  ["a firewall that lets everything in", hostOf(open()), []],
  [
    "rules that drop VRRP, to the group or behind a count",
    hostOf(open([{ counter: {} }, equal(l4proto, 112), DROP])),
    ["firewall", "firewall"],
  ],
  [
    "a rule that drops a network of multicast",
    hostOf(open([equal(daddr, { prefix: { addr: "224.0.0.0", len: 4 } }), DROP])),
    ["firewall"],
  ],
  ["a rule that drops BFD", hostOf(open([equal(dport, 3784), { reject: {} }])), ["firewall"]],
  [
    "rules that drop others, some, or what was accepted before",
    hostOf(open(
      [equal(dport, 3785), DROP],
      [equal(l4proto, 112), { limit: { rate: 10 } }, DROP],
      [equal({ payload: { protocol: "ip", field: "saddr" } }, "192.0.2.66"), DROP],
      [equal(daddr, "224.0.0.1"), DROP],
      [equal(l4proto, "vrrp"), ACCEPT],
      [equal(l4proto, "vrrp"), DROP],
    )),
    [],
  ],
  [
    "rules that drop what may have left the chain before",
    hostOf(open(
      [equal(l4proto, "vrrp"), { return: null }],
      [equal(dport, 3784), { limit: { rate: 10 } }, { goto: { target: "nothing" } }],
      [{ drop: null }],
    )),
    [],
  ],
  [
    "a rule that leaves it to a program",
    hostOf(open([equal(l4proto, "vrrp"), { queue: null }], [equal(l4proto, "vrrp"), DROP])),
    [],
  ],
  ["an MTU too small for IPv6", hostOf(eth0({ mtu: 1000 })), ["mtu"]],
  ["an MTU too small for an advert", hostOf(eth0({ mtu: 30 })), ["mtu", "mtu"]],
  ["an interface that networkd has", hostOf(eth0({ manager: "systemd-networkd" })), []],
  ["a set of which nothing is known", hostOf(filter([equal(l4proto, "@allowed"), ACCEPT])), []],
  ["no library", hostOf({}, { libnl: { problem: "Cannot load libnl-3.so.200" } }), ["libnl"]],
  ["no module", hostOf({ ipvs: false }, {}, { ip_vs: "absent" }), ["module-missing"]],
  ["no scheduler", hostOf({}, {}, { ip_vs_mh: "absent" }), ["module-missing"]],
  ["a module to be loaded", hostOf({}, {}, { ip_vs: "available", ip_vs_mh: "available" }), []],
  ["a container that cannot see", hostOf({ ipvs: false }, {}, { ip_vs: "unknown" }), [
    "module-unknown",
  ]],
  ["a container with IPVS", hostOf({}, {}, { ip_vs: "unknown", ip_vs_mh: "unknown" }), []],
  ["no forwarding", hostOf(setting("net.ipv4.ip_forward", "0")), ["no-forwarding"]],
  [
    "servers behind a router",
    hostOf({
      routes: [
        route("192.0.2.0", 24, "eth0"),
        route("198.51.100.0", 24, "eth0", "192.0.2.7"),
        route("203.0.113.0", 24, "eth0", "192.0.2.7"),
      ],
    }),
    ["direct-through-router", "nat-through-router"],
  ],
  [
    "no way to a server",
    hostOf({ routes: [route("192.0.2.0", 24, "eth0"), route("198.51.100.0", 24, "eth1")] }),
    ["no-route"],
  ],
  [
    "SNAT that passes IPVS by",
    hostOf({
      ruleset: { nftables: [{ rule: { expr: [{ masquerade: null }] } }] },
    }),
    ["snat-without-conntrack"],
  ],
  [
    "SNAT that counts",
    hostOf({
      ...setting("net.ipv4.vs.conntrack", "1"),
      ruleset: { nftables: [{ rule: { expr: [{ masquerade: null }] } }] },
    }),
    [],
  ],
  ["the namespace is gone", hostOf({}, { namespaces: new Map([["", null]]) }), [
    "namespace-missing",
    "namespace-missing",
    "namespace-missing",
    "namespace-missing",
  ]],
];

for (const [title, host, expected] of CASES) {
  Deno.test(`doctor: ${title}`, () => {
    assert.deepEqual(codes(foundIn(host)).sort(), [...expected].sort());
  });
}

Deno.test("doctor: NAT servers in the network of the virtual address", () => {
  const text = SITE.replace("198.51.100.11:8080", "192.0.2.200:8080");
  const found = foundIn(hostOf(), text).find(({ code }) => code === "nat-same-network");
  assert.match(found!.message, /192\.0\.2\.200 and 192\.0\.2\.10 are both in 192\.0\.2\.0\/24/);
});

Deno.test("doctor: an address that nobody holds, one that another router holds", () => {
  const gone = SITE.replace('addresses = ["192.0.2.10/24"]', 'addresses = ["192.0.2.99/24"]');
  const [found, ...more] = foundIn(hostOf(), gone).filter(({ gravity }) => gravity !== "advice");
  assert.equal(found?.code, "address-nobody-holds");
  assert.match(found.message, /192\.0\.2\.10 by the router "web"/);
  assert.deepEqual(more, []);
  const local = { ...GOOD, routes: [...GOOD.routes, route("192.0.2.8", 29, "lo")] };
  const host = hostOf({}, { namespaces: new Map([["", local]]) });
  assert.deepEqual(codes(foundIn(host, gone)), [], "a route to the loopback holds a network");
});

Deno.test("doctor: advice for real servers, one piece for each way, and no more than that", () => {
  const findings = foundIn(hostOf());
  assert.deepEqual(
    findings.map(({ code, subject }) => `${code} ${subject}`),
    [
      "real-servers-nat virtual server http",
      "real-servers-direct virtual server dr",
      "real-servers-ipip virtual server dr",
    ],
  );
  assert.match(findings[1]!.advice, /arp_ignore=1 .*arp_announce=2/);
  assert.match(findings[2]!.advice, /all\.rp_filter=0.*tunl0\.rp_filter=0/);
});

Deno.test("doctor: strict reverse paths and old connections are advice", () => {
  const host = hostOf({
    settings: new Map([
      ...GOOD.settings,
      ["net.ipv4.conf.all.rp_filter", "1"],
      ["net.ipv4.vs.expire_nodest_conn", "0"],
    ]),
  });
  const advice = foundIn(host).map(({ code }) => code);
  assert.ok(advice.includes("rp-filter") && advice.includes("expire-nodest-conn"), advice.join());
  const set = `${SITE}[ipvs]\nsettings = { expire_nodest_conn = true }\n`;
  assert.ok(!foundIn(host, set).some(({ code }) => code === "expire-nodest-conn"));
});

Deno.test("doctor: answers to checks by the load balancer's way must be let in", () => {
  const asking = (name: string) =>
    SITE.replace('scheduler = "mh"\n', `$&check = { type = "tcp", via_forwarding = "${name}" }\n`);
  const found = (name: string, filter: string) => {
    const settings = new Map([...GOOD.settings, [`net.ipv4.conf.${name}.rp_filter`, filter]]);
    const of = ["interface-missing", "probe-rp-filter"];
    return foundIn(hostOf({ settings }), asking(name))
      .map(({ code }) => code).filter((code) => of.includes(code));
  };
  assert.deepEqual(found("eth1", "2"), []);
  // The virtual address is on eth0.
  assert.deepEqual(found("eth0", "1"), []);
  assert.deepEqual(found("eth1", "1"), ["probe-rp-filter", "probe-rp-filter"]);
  assert.deepEqual(found("eth9", "1"), ["interface-missing", "interface-missing"]);
});

Deno.test("doctor: who configures an interface, and what to tell it", () => {
  for (
    const [manager, advice] of [["systemd-networkd", /KeepConfig/], ["NetworkManager", /eth0/]]
  ) {
    const found = foundIn(hostOf(eth0({ manager: manager as string })));
    const [one, ...more] = found.filter(({ code }) => code === "managed-interface");
    assert.match(one!.advice, advice as RegExp);
    assert.deepEqual(more, [], "once, however many routers there are");
  }
});

Deno.test("doctor: signed adverts want a clock that somebody keeps", () => {
  const auth =
    'auth = { type = "hmac", keys = [{ id = 1, key = "a key of thirty-two characters !" }] }';
  const text = SITE.replace('[[vrrp]]\nname = "six"', `${auth}\n$&`);
  const loose = hostOf({}, { clockSynchronised: false });
  assert.deepEqual(codes(foundIn(loose, text)), ["clock-unsynchronised"]);
  assert.deepEqual(codes(foundIn(loose)), []);
  assert.deepEqual(codes(foundIn(hostOf({}, { clockSynchronised: null }), text)), []);
});

Deno.test("doctor: what is to be read: namespaces, modules, ports", () => {
  const text = `${SITE}[agent]\nnamespace = "blue"\n[ipvs]\nnamespace = "red"\n`;
  const { modules, namespaces } = questionsOf(loadValid({ "site.toml": text }));
  assert.deepEqual(modules, ["ip_vs", "ip_vs_wlc", "ip_vs_mh"]);
  assert.deepEqual(namespaces, [
    { name: "", actual: "blue", ports: [3784] },
    { name: "red", actual: "red", ports: [] },
  ]);
});

Deno.test("doctor: without a site, what any would stumble over", () => {
  assert.deepEqual(diagnoseBare(hostOf()), []);
  const bad = hostOf({ ipvs: false, ports: [{ port: 4784, owner: "bird (pid 3)" }] }, {
    daemons: ["keepalived (pid 7)", "halb (pid 8)"],
    libnl: { problem: "Cannot load libnl-3.so.200" },
  }, { ip_vs: "absent" });
  assert.deepEqual(diagnoseBare(bad).map(({ code }) => code), [
    "port-taken",
    "other-daemon",
    "libnl",
    "module-missing",
  ]);
  assert.deepEqual(diagnoseBare(bad)[2], {
    code: "libnl",
    gravity: "warning",
    subject: "",
    message: "Cannot load libnl-3.so.200",
    advice: "install the packages, or take a build that carries libnl; VRRP and BFD need none",
  });
});
