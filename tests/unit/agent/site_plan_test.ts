/** From a site's configuration to what the planes are told. */

import assert from "node:assert/strict";
import { USERS } from "../config/fixtures.ts";
import { type LoadOptions, loadSite, type SiteConfig } from "../../../config/mod.ts";
import { planSite, Slots } from "../../../mod/agent/site_plan.ts";
import { USUAL_ELECTION } from "../../../mod/vrrp/mod.ts";

/** The site of a text that must be valid. */
function siteOf(text: string): SiteConfig {
  const options: LoadOptions = {
    hostname: "edge-a",
    environment: () => undefined,
    users: USERS,
    readText: () => text,
    listDirectory: () => [],
  };
  const result = loadSite("site.toml", options);
  assert.deepEqual(result.ok ? [] : result.problems, []);
  assert.ok(result.ok);
  return result.site;
}

/** A `[[vrrp]]` with these keys. */
function router(name: string, id: number, addresses: string, more = ""): string {
  return `[[vrrp]]\nname = "${name}"\ninterface = "eth0"\nvirtual_router_id = ${id}\n` +
    `addresses = [${addresses}]\n${more}`;
}

Deno.test("both planes are told the same of a router, each in its own words", () => {
  const text = router(
    "web",
    51,
    '"192.0.2.10/24", { address = "203.0.113.10", interface = "eth1", label = "eth1:web" }',
    'priority = 150\nadvertisement_interval = "100ms"\nsource = "192.0.2.1"\npreempt = false\n' +
      'checksum = "rfc5798"\naddress_lease = "7s"\n' +
      'garp = { repeat = 2, delay = "1s", refresh = "9s", refresh_repeat = 3, interval = "1ms", ' +
      'neighbour_interval = "2ms", lower_priority_repeat = 1, lower_priority_delay = "0s", ' +
      'form = "both", other_interfaces_refresh = "30s" }\n' +
      'track = { interfaces = ["eth1", { name = "eth2", weight = -10 }] }\n' +
      '[[garp_group]]\ninterfaces = ["eth0", "eth1"]\ninterval = "5ms"\n',
  );
  assert.deepEqual(planSite(siteOf(text), new Slots()), {
    routers: [{
      slot: 0,
      namespace: "",
      interface: "eth0",
      source: "192.0.2.1",
      trackers: [
        { kind: "interface", name: "eth1", weight: 0 },
        { kind: "interface", name: "eth2", weight: -10 },
      ],
      settings: {
        name: "web",
        version: 3,
        family: "ipv4",
        version2: false,
        virtualRouterId: 51,
        priority: 150,
        advertisementInterval: 100_000,
        addresses: ["192.0.2.10", "203.0.113.10"],
        preempt: false,
        ...USUAL_ELECTION,
        checksum: "rfc5798",
      },
    }],
    groups: [],
    holdings: [{
      name: "web",
      slot: 0,
      namespace: "",
      addresses: [
        { address: "192.0.2.10", prefixLength: 24, interface: "eth0" },
        { address: "203.0.113.10", prefixLength: 32, interface: "eth1", label: "eth1:web" },
      ],
      lease: 7,
      announce: {
        repeat: 2,
        delay: 1_000_000,
        refresh: 9_000_000,
        refreshRepeat: 3,
        interval: 1_000,
        neighbourInterval: 2_000,
        lowerPriority: { repeat: 1, delay: 0 },
        form: "both",
        elsewhere: { home: "eth0", refresh: 30_000_000 },
      },
    }],
    interfaces: [
      { namespace: "", name: "eth0", groups: ["ipv4"] },
      { namespace: "", name: "eth1", groups: [] },
      { namespace: "", name: "eth2", groups: [] },
    ],
    announceGroups: [
      { namespace: "", interfaces: ["eth0", "eth1"], interval: 5_000, neighbourInterval: 5_000 },
    ],
    delays: [],
    presences: [],
  });
});

Deno.test("version and family decide by which rules a router runs", () => {
  const text = router("web6", 51, '"FE80::10", "2001:db8:0::10/64"', 'source = "fe80:0::1"\n') +
    router("web4", 51, '"192.0.2.10"', "v2_compatibility = true\n") +
    router("old", 52, '"192.0.2.11"', 'version = 2\nadvertisement_interval = "3s"\n');
  const { routers, holdings } = planSite(siteOf(text), new Slots());
  assert.deepEqual(
    routers.map(({ source, settings }) => [
      settings.family,
      settings.version,
      settings.version2,
      settings.addresses,
      source,
    ]),
    [
      ["ipv6", 3, false, ["fe80::10", "2001:db8::10"], "fe80::1"],
      ["ipv4", 3, true, ["192.0.2.10"], undefined],
      ["ipv4", 2, false, ["192.0.2.11"], undefined],
    ],
  );
  assert.deepEqual(holdings[0]?.addresses, [
    { address: "fe80::10", prefixLength: 128, interface: "eth0" },
    { address: "2001:db8::10", prefixLength: 64, interface: "eth0" },
  ]);
});

Deno.test("a router keeps its row as long as it exists, and a free row is used again", () => {
  const slots = new Slots();
  const [web, lan, dmz] = ["web", "lan", "dmz"].map((name, index) =>
    router(name, 51 + index, `"192.0.2.${10 + index}"`)
  );
  const rows = (...texts: (string | undefined)[]) => {
    const plan = planSite(siteOf(texts.join("")), slots);
    assert.deepEqual(plan.holdings.map(({ slot }) => slot), plan.routers.map(({ slot }) => slot));
    return plan.routers.map(({ slot }) => slot);
  };
  assert.deepEqual(rows(web, lan), [0, 1]);
  assert.deepEqual(rows(lan, web), [1, 0]);
  assert.deepEqual(slots.keep(new Set(["lan"])), [0]);
  assert.deepEqual(rows(dmz, lan), [0, 1]);
});

Deno.test("what a sync group tracks counts for each member, and not twice", () => {
  const [web, lan] = ["web", "lan"].map((name, i) =>
    `[[vrrp]]
name = "${name}"
interface = "eth${i}"
virtual_router_id = 5${i}
addresses = ["192.0.2.1${i}/24"]
track = { interfaces = ["eth7"] }
`
  );
  const group = `[[sync_group]]
name = "site"
members = ["web", "lan"]
need = "any"
track = { interfaces = ["eth7", { name = "eth9", weight = -10 }] }
`;
  const { routers, groups, interfaces } = planSite(siteOf(`${web}${lan}${group}`), new Slots());
  assert.deepEqual(groups, [{ name: "site", members: ["web", "lan"], need: "any" }]);
  for (const { trackers } of routers) {
    assert.deepEqual(trackers, [
      { kind: "interface", name: "eth7", weight: 0 },
      { kind: "interface", name: "eth9", weight: -10 },
    ]);
  }
  assert.ok(interfaces.some(({ name }) => name === "eth9"));
});

Deno.test("a virtual MAC: its interface carries what is on the router's own, and adverts have it", () => {
  const text = router(
    "web",
    51,
    '"192.0.2.10/24", { address = "203.0.113.10", interface = "eth1" }',
    "virtual_mac = true\n",
  ) + router("base", 52, '"192.0.2.11"', "virtual_mac = { transmit_on_base = true }\n") +
    router("six", 53, '"fe80::10"', 'virtual_mac = { type = "ipvlan", interface = "own" }\n')
      .replace('"eth0"', '"eth2"');
  const plan = planSite(siteOf(text), new Slots());
  assert.deepEqual(
    plan.routers.map(({ virtualInterface, sourceMac }) => [virtualInterface, sourceMac]),
    [["vrrp.51", "00:00:5e:00:01:33"], ["vrrp.52", undefined], ["own", undefined]],
  );
  assert.deepEqual(plan.holdings.map(({ virtualLinks }) => virtualLinks), [
    [{ name: "vrrp.51", base: "eth0", type: "macvlan", mac: "00:00:5e:00:01:33" }],
    [{ name: "vrrp.52", base: "eth0", type: "macvlan", mac: "00:00:5e:00:01:34" }],
    [{ name: "own", base: "eth2", type: "ipvlan" }],
  ]);
  assert.deepEqual(
    plan.holdings.map(({ addresses }) => addresses.map((held) => held.interface)),
    [["vrrp.51", "eth1"], ["vrrp.52"], ["own"]],
  );
  const groups = new Map(plan.interfaces.map((one) => [one.name, one.groups]));
  assert.deepEqual([...groups.keys()].sort(), [
    "eth0",
    "eth1",
    "eth2",
    "own",
    "vrrp.51",
    "vrrp.52",
  ]);
  assert.deepEqual(groups.get("vrrp.51"), [], "adverts are heard on the base");
});

Deno.test("a virtual MAC of both families: one for each, in the announcement group of their base", () => {
  const both = '"192.0.2.10/24", "fe80::10/64", "2001:db8::10/64"';
  const group = '[[garp_group]]\ninterfaces = ["eth0"]\ninterval = "1ms"\n';
  const plan = planSite(
    siteOf(group + router("web", 51, both, "virtual_mac = true\n")),
    new Slots(),
  );
  assert.deepEqual(
    plan.routers.map(({ virtualInterface, sourceMac }) => [virtualInterface, sourceMac]),
    [["vrrp.51", "00:00:5e:00:01:33"], ["vrrp6.51", "00:00:5e:00:02:33"]],
  );
  assert.deepEqual(
    plan.holdings.map(({ addresses }) => addresses.map((held) => held.interface)),
    [["vrrp.51"], ["vrrp6.51", "vrrp6.51"]],
  );
  assert.deepEqual(plan.announceGroups?.map(({ interfaces }) => interfaces), [
    ["eth0", "vrrp.51", "vrrp6.51"],
  ]);
});

Deno.test("a router of both families is two on the wire, and one in its groups", () => {
  const text = `[[vrrp]]
name = "web"
interface = "eth0"
virtual_router_id = 51
source = "fe80::1"
addresses = ["192.0.2.10/24", "fe80::10", "2001:db8::10/64"]
excluded_addresses = ["2001:db8::11/64"]
[[vrrp]]
name = "lan"
interface = "eth1"
virtual_router_id = 52
addresses = ["198.51.100.10/24"]
`;
  const alone = planSite(siteOf(text), new Slots());
  assert.deepEqual(alone.groups, [{
    name: "web",
    members: ["web", "web/ipv6"],
    need: "all",
    sessions: [["web", "web/ipv6"]],
  }]);
  assert.deepEqual(
    alone.routers.map(({ router, settings, source }) => [
      router,
      settings.name,
      settings.family,
      settings.addresses,
      source,
    ]),
    [
      ["web", "web", "ipv4", ["192.0.2.10"], undefined],
      ["web", "web/ipv6", "ipv6", ["fe80::10", "2001:db8::10"], "fe80::1"],
      [undefined, "lan", "ipv4", ["198.51.100.10"], undefined],
    ],
  );
  assert.deepEqual(alone.holdings.map(({ addresses }) => addresses.map((one) => one.address)), [
    ["192.0.2.10"],
    ["fe80::10", "2001:db8::10", "2001:db8::11"],
    ["198.51.100.10"],
  ]);
  assert.deepEqual(alone.interfaces[0]?.groups, ["ipv4", "ipv6"]);
  const group = '[[sync_group]]\nname = "site"\nmembers = ["lan", "web"]\n';
  const together = planSite(siteOf(text + group), new Slots());
  assert.deepEqual(together.groups, [{
    name: "site",
    members: ["lan", "web", "web/ipv6"],
    need: "all",
    sessions: [["web", "web/ipv6"]],
  }]);
});
