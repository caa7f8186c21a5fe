/** From virtual servers of a site to what the kernel plane is told of them. */

import assert from "node:assert/strict";
import * as v from "valibot";
import { announcedHoldings, planBalance } from "../../../mod/agent/balance_plan.ts";
import { serverUses } from "../../../mod/agent/check_names.ts";
import { planChecks } from "../../../mod/agent/check_plan.ts";
import { balancePlan } from "../../../mod/agent/memory_balance_plan.ts";
import { planSchema } from "../../../mod/agent/memory_schema.ts";
import { siteChanges } from "../../../mod/agent/site_changes.ts";
import { planSite, type SitePlan, Slots } from "../../../mod/agent/site_plan.ts";
import { refuseServers } from "../../../mod/balance/mod.ts";
import { loadValid, router } from "../config/fixtures.ts";

const site = (text: string) => loadValid({ "site.toml": text });

const WEB = `[[virtual_server]]
name = "web-http"
listen = ["192.0.2.10:80", "192.0.2.10:443", "192.0.2.16/31:80"]
scheduler = "mh"
flags = ["mh-port"]
persistence = { timeout = "5m", prefix_length = 24 }
quorum = 2
hysteresis = 1
sorry_server = { address = "192.0.2.99:80", inhibit = true }
on_failure = "weight-zero"
announce = { interface = "lo" }
check = { type = "tcp" }
[[virtual_server.real_server]]
address = "198.51.100.11:8080"
weight = 10
slow_start = "30s"
drain_timeout = "60s"
[[virtual_server.real_server]]
address = "198.51.100.12"
forward = "tunnel"
tunnel = { type = "gue", port = 6080, checksum = "remote" }
check = ["gateway", { type = "http" }, { type = "http", port = 81 }]
require = 2
thresholds = { upper = 100, lower = 80 }
start_down = true
[[check]]
name = "gateway"
type = "ping"
address = "192.0.2.1"
`;

Deno.test("virtual servers as the balancer wants them", () => {
  const plan = planBalance(site(WEB))!;
  const { servers: [web, ...others], ...rest } = plan;
  const [first, second] = serverUses(site(WEB));
  assert.equal(others.length, 0);
  assert.deepEqual(web, {
    name: "web-http",
    listen: [
      { protocol: "tcp", address: "192.0.2.10", port: 80 },
      { protocol: "tcp", address: "192.0.2.10", port: 443 },
      { protocol: "tcp", address: "192.0.2.16", prefixLength: 31, port: 80 },
    ],
    service: {
      scheduler: "mh",
      schedulerFlags: 2,
      onePacket: false,
      persistence: { timeout: 300, netmask: 0xffffff00 },
      engine: "",
    },
    follow: [],
    quorum: 2,
    hysteresis: 1,
    sorryServer: {
      server: {
        address: "192.0.2.99",
        port: 80,
        forward: "nat",
        tunnel: null,
        weight: 1,
        upperThreshold: 0,
        lowerThreshold: 0,
      },
      inhibit: true,
    },
    announce: true,
    servers: [
      {
        name: "198.51.100.11:8080",
        server: {
          address: "198.51.100.11",
          port: 8080,
          forward: "nat",
          tunnel: null,
          weight: 10,
          upperThreshold: 0,
          lowerThreshold: 0,
        },
        checks: first!.ids,
        require: "all",
        onFailure: "weight-zero",
        startDown: false,
        slowStart: 30_000_000,
        drainTimeout: 60_000_000,
      },
      {
        name: "198.51.100.12",
        server: {
          address: "198.51.100.12",
          forward: "tunnel",
          tunnel: { type: "gue", port: 6080, flags: 2 },
          weight: 1,
          upperThreshold: 100,
          lowerThreshold: 80,
        },
        checks: second!.ids,
        require: 2,
        onFailure: "weight-zero",
        startDown: true,
        slowStart: 0,
        drainTimeout: 0,
      },
    ],
  });
  assert.deepEqual(rest, {
    namespace: "",
    announce: [{ server: "web-http", holding: "[announce] web-http" }],
    syncDaemons: [],
    settings: {},
    flush: false,
    onStop: "remove",
  });
});

Deno.test("settings as the kernel writes them, and how often the table is compared", () => {
  const plan = planBalance(site(
    '[ipvs]\ncompare_interval = "10s"\n' +
      "settings = { sync_threshold = [0, 10], sloppy_tcp = true }\n",
  ))!;
  assert.deepEqual(plan.settings, { sync_threshold: "0 10", sloppy_tcp: 1 });
  assert.equal(plan.compareInterval, 10_000_000);
  assert.equal(planBalance(site(WEB))!.compareInterval, undefined);
});

Deno.test("servers of both families, with bits of both, can be told to another process", () => {
  const both = site(
    `[[virtual_server]]
name = "web"
listen = ["192.0.2.10:80", "[2001:db8::10]:80"]
persistence = { prefix_length = 24, ipv6_prefix_length = 64 }
real_server = [{ address = "198.51.100.11" }, { address = "2001:db8:1::11" }]
[ipvs]
settings = { sync_threshold = [0, 10] }
`,
  );
  const plan = planBalance(both)!;
  assert.equal(plan.servers[0]!.service.ipv6Netmask, 64);
  assert.equal(refuseServers(plan.servers), null);
  const copy: unknown = JSON.parse(JSON.stringify(plan));
  assert.deepEqual(v.parse(balancePlan, copy), plan);
});

Deno.test("the balancer takes what is planned", () => {
  const { servers } = planBalance(site(WEB))!;
  assert.equal(refuseServers(servers), null);
});

Deno.test("checks that stand at real servers, with where they ask", () => {
  const shown = serverUses(site(WEB)).map((use) => [
    use.server.address,
    use.server.port,
    use.ids.map((id) => id.replace(/[0-9a-f]{16}$/, "")),
  ]);
  assert.deepEqual(shown, [
    ["198.51.100.11", 8080, ["tcp/198.51.100.11:8080/"]],
    [
      "198.51.100.12",
      80,
      ["gateway", "http/198.51.100.12:80/", "http/198.51.100.12:81/"],
    ],
  ]);
});

Deno.test("each address that is announced is held once, by the balancer, with a lease", () => {
  const [held, ...others] = announcedHoldings(site(`${WEB}[ipvs]\nnamespace = "blue"\n`));
  assert.equal(others.length, 0);
  const { name, namespace, decidedBy, addresses, lease } = held!;
  assert.deepEqual([name, namespace, decidedBy, lease > 0], [
    "[announce] web-http",
    "blue",
    "balancer",
    true,
  ]);
  assert.deepEqual(
    addresses,
    ["192.0.2.10", "192.0.2.16", "192.0.2.17"].map((address) => ({
      address,
      prefixLength: 32,
      interface: "lo",
    })),
  );
  const plan = planSite(site(WEB), new Slots());
  assert.deepEqual(plan.interfaces.map(({ name }) => name), ["lo"]);
  // What VRRP decides is a list of its own.
  assert.deepEqual([plan.holdings.length, plan.announced?.length], [0, 1]);
});

Deno.test("what is marked is one service, its packets a rule each, its addresses announced", () => {
  const marked = site(
    WEB.replace('"192.0.2.10:443"', '"192.0.2.10:8000-8009"')
      .replace('scheduler = "mh"', 'scheduler = "mh"\nmark = 1000'),
  );
  const plan = planBalance(marked)!;
  assert.deepEqual(plan.servers[0]?.listen, [{ family: 4, mark: 1000 }]);
  assert.deepEqual(
    plan.marks?.map(({ address, last, port, lastPort }) => [address, last, port, lastPort]),
    [
      ["192.0.2.10", "192.0.2.10", 80, 80],
      ["192.0.2.10", "192.0.2.10", 8000, 8009],
      ["192.0.2.16", "192.0.2.17", 80, 80],
    ],
  );
  assert.deepEqual(announcedHoldings(marked)[0]?.addresses.map(({ address }) => address), [
    "192.0.2.10",
    "192.0.2.16",
    "192.0.2.17",
  ]);
  const read = v.parse(planSchema, JSON.parse(JSON.stringify(planSite(marked, new Slots()))));
  assert.deepEqual(read.balance?.marks, plan.marks);
});

Deno.test("who follows a router of both families follows both of its sessions", () => {
  const both = router("").replace(
    'addresses = ["192.0.2.10/24"]',
    'addresses = ["192.0.2.10/24", "fe80::10/64"]',
  );
  const plan = planBalance(site(`${both}
[ipvs]
timeouts = { tcp = "15m", udp = "300s" }
sync_daemon = { interface = "eth1", follow = "web", id = 1, max_length = 1472, group = "224.0.0.82", port = 8849, ttl = 2 }
settings = { conn_reuse_mode = 1, expire_nodest_conn = true, pmtu_disc = false }
flush = true
on_stop = "keep"
[[virtual_server]]
name = "b"
fwmark = 7
follow = "web"
[[virtual_server.real_server]]
address = "198.51.100.11"
`))!;
  const held = planSite(site(both), new Slots()).holdings.map(({ name }) => name);
  assert.equal(held.length, 2);
  assert.deepEqual(plan.servers[0]?.follow, held);
  assert.deepEqual(plan.syncDaemons, [{
    role: { follow: held },
    interface: "eth1",
    id: 1,
    maxLength: 1472,
    group: "224.0.0.82",
    port: 8849,
    ttl: 2,
  }]);
  assert.deepEqual(plan.timeouts, { tcp: 900, tcpFin: 0, udp: 300 });
  assert.deepEqual(plan.settings, { conn_reuse_mode: 1, expire_nodest_conn: 1, pmtu_disc: 0 });
  assert.deepEqual([plan.flush, plan.onStop], [true, "keep"]);
});

Deno.test("a daemon that follows nobody is both, or what it says", () => {
  const roles = (more: string) =>
    planBalance(site(`[ipvs]\nsync_daemon = { interface = "eth1"${more} }\n`))!
      .syncDaemons.map(({ role }) => role);
  assert.deepEqual(roles(""), ["master", "backup"]);
  assert.deepEqual(roles(', role = "backup"'), ["backup"]);
});

Deno.test("what is planned survives the way from one process to another, keys in order", () => {
  const text = `${router('track.virtual_servers = ["web-http"]\n')}${WEB}[ipvs]
timeouts = { tcp = "1s" }
sync_daemon = [{ interface = "eth1", role = "master" }, { interface = "eth2", role = "backup" }]
settings = { sync_version = 1 }
`;
  const plan: SitePlan = planSite(site(text), new Slots());
  assert.notEqual(plan.balance, undefined);
  const read = v.parse(planSchema, JSON.parse(JSON.stringify(plan)));
  assert.equal(JSON.stringify(read), JSON.stringify(plan));
  const [{ trackers } = { trackers: [] }] = plan.routers;
  assert.deepEqual(trackers, [{ kind: "virtual_server", name: "web-http", weight: 0 }]);
});

Deno.test("a reload says which virtual server changed", () => {
  const before = site(WEB);
  const after = site(`${WEB.replace("weight = 10", "weight = 11")}[ipvs]\nflush = true\n`);
  assert.deepEqual(siteChanges(before, after), [
    "virtual server web-http: real server 198.51.100.11:8080: weight 10 -> 11",
    "ipvs: added",
  ]);
});

Deno.test("what is marked: one service for each family, the firewall's part, addresses to hold", () => {
  const marked = site(
    '[[virtual_server]]\nname = "all"\nmark = 9\nannounce = { interface = "lo" }\n' +
      'listen = ["192.0.2.10-192.0.2.11:8000-8100", "[2001:db8::10]:0"]\n' +
      '[[virtual_server.real_server]]\naddress = "198.51.100.11"\nforward = "tunnel"\n',
  );
  const plan = planBalance(marked)!;
  assert.deepEqual(plan.servers[0]!.listen, [{ family: 4, mark: 9 }, { family: 6, mark: 9 }]);
  const tcp = { protocol: "tcp", mark: 9 } as const;
  assert.deepEqual(plan.marks, [
    { ...tcp, address: "192.0.2.10", last: "192.0.2.11", port: 8000, lastPort: 8100 },
    { ...tcp, address: "2001:db8::10", last: "2001:db8::10", port: 0, lastPort: 65_535 },
  ]);
  assert.deepEqual(
    announcedHoldings(marked)[0]!.addresses.map(({ address }) => address),
    ["192.0.2.10", "192.0.2.11", "2001:db8::10"],
  );
  assert.equal(planBalance(site(WEB))!.marks, undefined);
  const slots = new Slots();
  const whole = planSite(marked, slots);
  assert.deepEqual(v.parse(planSchema, JSON.parse(JSON.stringify(whole))), whole);
});

Deno.test("via_forwarding: a service with a mark for each real server, and probes that carry it", () => {
  const text = (count: number) =>
    `[ipvs]
namespace = "blue"
forwarding_marks = { first = 1000, count = 16 }
[[virtual_server]]
name = "web"
listen = ["192.0.2.10:80", "[2001:db8::10]:81"]
forward = "direct"
check = [{ type = "tcp" }, { type = "http", via_forwarding = "eth1", tls = {} }, { type = "tcp", via_forwarding = "eth1" }]
[[virtual_server.real_server]]
address = "2001:db8:2::12"
[[virtual_server.real_server]]
address = "198.51.100.13"
forward = "tunnel"
` + Array.from(
      { length: count },
      (_, i) => `[[virtual_server.real_server]]\naddress = "198.51.100.${20 + i}"\n`,
    ).join("");
  const config = site(text(3));
  const plan = planBalance(config)!;
  assert.deepEqual(v.parse(balancePlan, plan), plan, "the next process understands it");
  assert.deepEqual(plan.settings, { "/ipv4/conf/eth1/accept_local": 1 });
  const marks = new Map(
    plan.forwarding!.map(({ listen: [one], servers: [server, ...others] }) => {
      assert.ok(one !== undefined && "mark" in one && others.length === 0);
      assert.ok(one.mark >= 1000 && one.mark < 1016);
      assert.equal(server!.port, undefined);
      assert.equal(one.family, server!.address.includes(":") ? 6 : 4);
      return [server!.address, one.mark];
    }),
  );
  assert.equal(new Set(marks.values()).size, 5, "nobody shares one");
  // Who goes moves nobody else's, in a table that is half empty.
  const fewer = planBalance(site(text(2)))!.forwarding!;
  assert.ok(
    fewer.every((one) =>
      plan.forwarding!.some((other) => JSON.stringify(other) === JSON.stringify(one))
    ),
  );
  const { kernel, control } = planChecks(config);
  const forwarded = kernel.filter(({ end }) => end.towards !== undefined);
  assert.equal(kernel.length, 10);
  assert.equal(forwarded.length, 5);
  assert.equal(control.length, 5);
  for (const { id, end } of forwarded) {
    const { address, port, mark, namespace, towards } = end;
    const six = towards!.address.includes(":");
    assert.deepEqual([address, port], six ? ["2001:db8::10", 81] : ["192.0.2.10", 80]);
    assert.equal(mark, marks.get(towards!.address));
    assert.deepEqual([namespace, towards!.interface], ["blue", "eth1"]);
    assert.ok(id.includes(`@${towards!.address}/`), id);
  }
});
