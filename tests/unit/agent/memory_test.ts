/** What one process tells another: it survives the way, and nothing else is believed. */

import assert from "node:assert/strict";
import { USERS } from "../config/fixtures.ts";
import { type LoadOptions, loadSite } from "../../../config/mod.ts";
import {
  type AgentDocument,
  FORMAT,
  parseJson,
  readDocument,
  readMemory,
  RefusedDocument,
  stillValid,
} from "../../../mod/agent/memory.ts";
import { planSite, type SitePlan, Slots } from "../../../mod/agent/site_plan.ts";
import type { GroupMemory } from "../../../mod/plane/groups.ts";
import type { TrackerMemory } from "../../../mod/plane/trackers.ts";
import { createRouter, step } from "../../../mod/vrrp/mod.ts";
import { forSeeds } from "../../lib/random.ts";
import { changed } from "../notify/bfd_fixtures.ts";

const SECOND = 1_000_000;
const START = 1000 * SECOND;

/** All kinds of trackers, versions and families. */
const SITE = `
[[vrrp]]
name = "web"
interface = "eth0"
virtual_router_id = 51
priority = 150
advertisement_interval = "100ms"
source = "192.0.2.1"
addresses = ["192.0.2.10/24", { address = "203.0.113.10", interface = "eth1", label = "eth1:web" }]
address_lease = "7s"
track = { own_interface = false, interfaces = ["eth1", { name = "eth2", weight = -10 }], scripts = ["uplink"], files = ["load"] }

[[vrrp]]
name = "six"
interface = "eth0"
virtual_router_id = 52
addresses = ["fe80::10/64", "2001:db8::10/64"]
virtual_mac = true

[[vrrp]]
name = "old"
interface = "eth1"
version = 2
virtual_router_id = 53
addresses = ["198.51.100.10/24"]
virtual_mac = { type = "ipvlan", interface = "own" }
promote_secondaries = true

[[track_interface]]
name = "eth1"
down_delay = "50ms"

[[track_script]]
name = "uplink"
command = ["/bin/true"]
reverse = true

[[track_file]]
name = "load"
path = "/etc/load"
weight = -1000

[[track_route]]
name = "default"
to = "0.0.0.0/0"
via = "192.0.2.254"
interface = "eth0"
table = 100

[[track_address]]
name = "own"
address = "198.51.100.1"
interface = "eth1"
up_delay = "1s"
`;

/** Every other key that ends in a plan. */
const EVERYTHING = `
[[garp_group]]
interfaces = ["eth0", "eth1"]
interval = "1ms"
neighbour_interval = "2ms"

[[vrrp]]
name = "group"
interface = "eth0"
virtual_router_id = 61
multicast_group = "224.0.0.118"
addresses = ["192.0.2.11/24", { address = "198.51.100.1", peer = "198.51.100.2", interface = "eth1" }]
excluded_addresses = [{ address = "203.0.113.1", broadcast = "203.0.113.255", scope = "link" }, { address = "2001:db8::1/64", preferred = true }]
accept = false
preempt_delay = "3s"
down_timer_adverts = 4
answer_lower_priority = false
advertise_before_yielding = false
garp = { repeat = 3, delay = "2s", refresh = "60s", refresh_repeat = 2, interval = "1ms", neighbour_interval = "2ms", lower_priority_repeat = 1, lower_priority_delay = "1s", form = "both", other_interfaces_refresh = "30s" }
routes = [
  { to = "0.0.0.0/0", via = "192.0.2.254", interface = "eth0", onlink = true, table = 100, metric = 5, tos = 16, scope = "link", source = "192.0.2.11", mtu = 1400, advmss = 1300, rtt = "100ms", rttvar = "50ms", rto_min = "200ms", window = 1000, hoplimit = 64, initcwnd = 10, initrwnd = 10, features = ["ecn"], quickack = true, fastopen_no_cookie = true, congctl = "reno", lock = ["mtu"], realms = "1/2" },
  { to = "203.0.113.128/25", nexthops = [{ via = "192.0.2.253", interface = "eth0", weight = 2 }, { via = "192.0.2.252", interface = "eth0", weight = 3, realms = "1/2" }] },
  { to = "198.51.100.128/25", type = "blackhole" },
  { to = "2001:db8:1::/48", via = "fe80::1", interface = "eth0", pref = "high" },
  { to = "198.51.100.64/26", via = "192.0.2.254", encap = { type = "mpls", labels = [100, 200] } },
]
rules = [
  { from = "203.0.113.0/24", to = "198.51.100.0/24", iif = "eth0", oif = "eth1", fwmark = 7, fwmask = 255, table = 100, priority = 1000, ip_protocol = "tcp", source_port = "1000-2000", destination_port = 443, uid_range = "0-10", tos = 16, suppress_prefix_length = 0 },
  { from = "203.0.113.0/24", not = true, priority = 1001, action = "goto", goto = 2000 },
]
track = { interfaces = [{ name = "eth1", weight = -10, reverse = true }] }

[[vrrp]]
name = "unicast"
interface = "eth0"
virtual_router_id = 62
vrf = "blue"
addresses = ["192.0.2.12/24"]
source = "192.0.2.1"
unicast = { peers = ["192.0.2.1", "192.0.2.2", { address = "192.0.2.3", min_ttl = 254, max_ttl = 255 }], ttl = 255, check_source = false }

[[vrrp]]
name = "mac"
interface = "eth1"
virtual_router_id = 63
addresses = ["fe80::10/64", "2001:db8::10/64"]
virtual_mac = { interface = "vrrp.63", mac = "02:00:00:00:00:63", transmit_on_base = true, type = "macvlan" }

[[vrrp]]
name = "space"
interface = "eth2"
namespace = "red"
virtual_router_id = 64
addresses = ["192.0.2.14/24"]
virtual_mac = true

[[sync_group]]
name = "site"
members = ["group", "mac"]
need = 1
track = { files = [{ name = "load", weight = 2147483647 }] }

[[track_file]]
name = "load"
path = "/etc/load"

[[bfd]]
name = "one-hop"
peer = "192.0.2.2"
source = "192.0.2.1"
interface = "eth0"
vrf = "blue"
namespace = "red"
transmit_interval = "3.3ms"
receive_interval = "10ms"
demand = { poll_interval = "2s" }
auth = { type = "keyed-sha1", keys = [{ id = 1, key = "hex:0011" }] }
damping = { threshold = 2, window = "30s", hold = "1s", longest = "30s" }
admin_down_is_failure = false
stall_grace = false

[[bfd]]
name = "far"
peer = "2001:db8::2"
multihop = true
min_ttl = 250
passive = true

[[bfd]]
name = "asks"
peer = "192.0.2.3"
interface = "eth0"
seamless = { remote_discriminator = 7 }

[bfd_reflector]
discriminators = [5]
addresses = ["192.0.2.1"]
interfaces = ["eth0"]
allow = ["192.0.2.0/24"]
auth = { type = "keyed-sha1", keys = [{ id = 1, key = "hex:0011" }] }

[bfd_unsolicited]
interfaces = ["eth1"]
allow = ["198.51.100.0/24"]
limit = 5

[static]
addresses = [{ address = "203.0.113.77/32", interface = "eth0" }]
routes = [{ to = "203.0.113.64/26", via = "192.0.2.254" }]
rules = [{ from = "203.0.113.64/26", table = 7, priority = 99 }]
`;

function planOf(site: string): SitePlan {
  const options: LoadOptions = {
    hostname: "edge-a",
    environment: () => undefined,
    users: USERS,
    readText: () => site,
    listDirectory: () => [],
  };
  const loaded = loadSite("site.toml", options);
  assert.ok(loaded.ok);
  return planSite(loaded.site, new Slots());
}

/** An agent with a master that has heard a peer, a backup, and one that waits. */
function document(): AgentDocument {
  const plan = planOf(SITE);
  const [web, six, old] = plan.routers.map(({ settings }) => createRouter(settings, START));
  const healthy = { type: "health", waitingFor: [], contribution: -10 } as const;
  step(web!, { ...healthy, source: "192.0.2.1" }, START);
  step(web!, { type: "timer", generation: web!.generation }, web!.timer!.at);
  step(web!, {
    type: "advertisement",
    advertisement: {
      version: 3,
      source: "192.0.2.2",
      virtualRouterId: 51,
      priority: 100,
      interval: 200_000,
      addresses: ["192.0.2.99"],
      checksum: "rfc5798",
    },
  }, START + SECOND);
  step(six!, { ...healthy, source: "fe80::1" }, START);
  step(old!, { ...healthy, waitingFor: ["interface eth1: down"], source: null }, START);
  assert.deepEqual([web!.state, six!.state, old!.state], ["master", "backup", "fault"]);
  assert.ok(web!.peers.length > 0 && Object.keys(web!.complained).length > 0);
  const counters = { web: { advertisements_sent: 4, "dropped.ttl": 1 } };
  const up = { healthy: true, reason: "up" };
  const down = { healthy: false, reason: "down" };
  const thing = { namespace: "", name: "eth1" };
  const trackers: TrackerMemory[] = [
    { kind: "interface", ...thing, believed: up, pending: { finding: down, at: START } },
    { kind: "file", ...thing, believed: up, pending: null, value: -3 },
  ];
  const routers = [web!, six!, old!];
  const memory = {
    routers,
    silentSince: START + SECOND,
    trackers,
    counters,
    unread: ["/run/notify"],
  };
  return { format: FORMAT, version: "1.2.3", pid: 7, boot: "here", plan, memory };
}

Deno.test("a document arrives as it was sent, to the order of its keys", () => {
  const sent = document();
  const text = JSON.stringify(sent);
  const read = readDocument(parseJson(text), "here");
  assert.deepEqual(read, sent);
  // What was read is compared with a new plan as text.
  assert.equal(JSON.stringify(read), text);
  assert.deepEqual(readMemory(parseJson(JSON.stringify(sent.memory)), sent.plan), sent.memory);
});

Deno.test("a plan arrives with everything that can be in one, to the order of its keys", () => {
  const plan = planOf(EVERYTHING);
  const routers = plan.routers.map(({ settings }) => createRouter(settings, START));
  // The largest that a file can say must not keep a process from handing over.
  const contribution = 0x7fff_ffff;
  const healthy = { type: "health", waitingFor: [], source: "192.0.2.1", contribution } as const;
  for (const router of routers) step(router, healthy, START);
  const settings = plan.groups[0]!;
  const members = settings.members.map((name) => {
    const health = { type: "health", waitingFor: [], source: "192.0.2.1", contribution } as const;
    return { name, health, expired: true, rival: { since: START, last: START } };
  });
  const group: GroupMemory = {
    settings,
    state: "backup",
    since: START,
    override: "release",
    until: START,
    members,
  };
  const head = { format: FORMAT, version: "1.2.3", pid: 7, boot: "here", plan };
  const memory = { routers, groups: [group], silentSince: START, trackers: [], counters: {} };
  const text = JSON.stringify({ ...head, memory });
  assert.equal(JSON.stringify(readDocument(parseJson(text), "here")), text);
  const young = stillValid(readDocument(parseJson(text), "here"), START + SECOND);
  assert.equal(JSON.stringify(young), text, "and nobody is too old");
});

Deno.test("other formats, other boots and nonsense are refused in words", () => {
  const good = document();
  const [web, ...others] = good.memory.routers;
  const memory = (changes: object) => ({
    ...good,
    memory: { ...good.memory, routers: [{ ...web, ...changes }, ...others] },
  });
  const cases: [unknown, RegExp][] = [
    [null, /^it is no memory of halb$/],
    ["x", /^it is no memory/],
    [{}, /^it is no memory/],
    [{ ...good, format: 1 }, /^its format is 1, and this version reads 2$/],
    [{ ...good, format: { toString: 1 } }, /^its format is {"toString":1}, and/],
    [{ ...good, boot: "there" }, /^it is from before the last boot$/],
    [{ ...good, pid: 0 }, /^"pid" is wrong/],
    [{ ...good, more: 1 }, /^"more" is wrong/],
    [{ ...good, memory: undefined }, /^"memory" is wrong/],
    [memory({ state: "owner" }), /^"memory.routers.0.state" is wrong/],
    [memory({ lastSent: -1 }), /^"memory.routers.0.lastSent" is wrong/],
    [memory({ since: 1.5 }), /^"memory.routers.0.since" is wrong/],
    [memory({ source: "localhost" }), /^"memory.routers.0.source" is wrong/],
    [memory({ timer: { name: "advertisement" } }), /^"memory.routers.0.timer.generation" is wrong/],
    [memory({ timer: undefined }), /^"memory.routers.0.timer" is wrong/],
    [memory({ complained: { everything: 1 } }), /^"memory.routers.0.complained.everything" is/],
    [{ ...good, plan: { ...good.plan, holdings: [] } }, /^its two lists of routers differ$/],
    [
      {
        ...good,
        plan: { ...good.plan, holdings: good.plan.holdings.map((one) => ({ ...one, slot: 0 })) },
      },
      /^its two lists of routers differ$/,
    ],
  ];
  for (const [data, expected] of cases) {
    assert.throws(() => readDocument(data, "here"), (error) => {
      assert.ok(error instanceof RefusedDocument);
      assert.match(error.message, expected);
      return true;
    });
  }
  assert.throws(() => parseJson("{"), { message: "it is not JSON" });
});

Deno.test("memories of routers that are not planned are left out", () => {
  const { plan, memory } = document();
  const fewer = {
    ...plan,
    routers: plan.routers.slice(1),
    holdings: plan.holdings.slice(1),
  };
  const names = readMemory(memory, fewer).routers.map(({ settings }) => settings.name);
  assert.deepEqual(names, ["six", "old"]);
});

Deno.test("who was silent for longer than its master-down interval begins anew", () => {
  const { silentSince } = document().memory;
  const names = (now: number) => {
    const { plan, memory } = stillValid(document(), now);
    const planned = plan.routers.map(({ settings }) => settings.name);
    assert.deepEqual(memory.routers.map(({ settings }) => settings.name), planned);
    assert.deepEqual(plan.holdings.map(({ name }) => name), planned);
    return planned;
  };
  assert.deepEqual(names(silentSince + 340_000), ["web", "six", "old"]);
  // web: three intervals of 100 ms and a skew of (256 - 140) / 256 of one.
  assert.deepEqual(names(silentSince + 345_313), ["six", "old"]);
  assert.deepEqual(names(silentSince + 5 * SECOND), []);
});

Deno.test("BFD sessions go on that are up and that the other side has not given up", () => {
  const { silentSince } = document().memory;
  const up = changed("up", ["init", "up", "handshake"]).memory;
  // Ours: three packets, which the other side takes every 100 ms at most.
  const settled = {
    ...up,
    session: {
      ...up.session,
      desiredMinTx: 50_000,
      desiredMinTxUsed: 50_000,
      remote: { ...up.session.remote, requiredMinRx: 100_000 },
    },
  };
  const bfd = [
    settled,
    changed("down", ["up", "down", "detection_expired"]).memory,
    changed("taken-down", ["up", "admin_down", "admin_down"]).memory,
  ];
  const names = (now: number) =>
    stillValid({ ...document(), memory: { ...document().memory, bfd } }, now)
      .memory.bfd?.map(({ session }) => session.settings.name);
  assert.deepEqual(names(silentSince + 299_999), ["up"]);
  assert.deepEqual(names(silentSince + 300_000), []);
  assert.equal(stillValid(document(), silentSince).memory.bfd, undefined);
});

Deno.test("a document with any byte changed is read or refused, nothing else", () => {
  const text = JSON.stringify(document());
  let refused = 0;
  forSeeds(300, (random) => {
    const characters = [...text];
    for (let i = random.int(1, 3); i > 0; i--) {
      const at = random.int(0, characters.length - 1);
      characters[at] = random.pick([
        '"',
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "0",
        "-",
        "e",
        "9",
        "n",
        "",
      ]);
    }
    try {
      readDocument(parseJson(characters.join("")), "here");
    } catch (error) {
      assert.ok(error instanceof RefusedDocument, String(error));
      refused++;
    }
  });
  if (Deno.env.get("HALB_SEED") === undefined) assert.ok(refused > 200, `${refused}`);
});
