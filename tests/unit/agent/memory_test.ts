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
import { planSite, Slots } from "../../../mod/agent/site_plan.ts";
import type { TrackerMemory } from "../../../mod/plane/trackers.ts";
import { createRouter, step } from "../../../mod/vrrp/mod.ts";
import { forSeeds } from "../../lib/random.ts";

const SECOND = 1_000_000;
const START = 1000 * SECOND;

/** Every key that a router may have. */
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

/** An agent with a master that has heard a peer, a backup, and one that waits. */
function document(): AgentDocument {
  const options: LoadOptions = {
    hostname: "edge-a",
    environment: () => undefined,
    users: USERS,
    readText: () => SITE,
    listDirectory: () => [],
  };
  const loaded = loadSite("site.toml", options);
  assert.ok(loaded.ok);
  const plan = planSite(loaded.site, new Slots());
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
  const memory = { routers, silentSince: START + SECOND, trackers, counters };
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
