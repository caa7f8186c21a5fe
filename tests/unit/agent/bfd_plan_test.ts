/** From the sessions of a site to what the protocol plane is told of them, and what it is not. */

import assert from "node:assert/strict";
import { bfdCredentialsOf, planBfd, refusalOf, wipeBfd } from "../../../mod/agent/bfd_plan.ts";
import { siteChanges } from "../../../mod/agent/site_changes.ts";
import { planSite, Slots } from "../../../mod/agent/site_plan.ts";
import { loadValid } from "../config/fixtures.ts";

const siteOf = (text: string) => loadValid({ "site.toml": text });

const SESSION = '[[bfd]]\nname = "to-peer"\npeer = "192.0.2.2"\ninterface = "eth0"\n';
const KEYED = `${SESSION}auth = { type = "keyed-sha1", construction = "frr-hmac", ` +
  'keys = [{ id = 7, key = "one" }, { id = 0, key = "hex:00ff" }] }\n';

Deno.test("a session over one hop, with what nobody has said", () => {
  assert.deepEqual(planBfd(siteOf(SESSION)), {
    sessions: [{
      path: {
        namespace: "",
        family: "ipv4",
        peer: "192.0.2.2",
        source: "",
        interface: "eth0",
        multihop: false,
        minimumTtl: 255,
      },
      settings: {
        name: "to-peer",
        transmitInterval: 300_000,
        receiveInterval: 300_000,
        detectMultiplier: 3,
        passive: false,
        demand: null,
        echoReceiveInterval: 0,
        authentication: null,
        stallGrace: true,
      },
    }],
  });
});

Deno.test("echoes arrive; what means nothing to a session does not", () => {
  const planned = (more: string, before = "") => {
    const { settings, echo } = planBfd(siteOf(before + SESSION + more))!.sessions[0]!;
    const { echoReceiveInterval, unaffiliated, passive, demand } = settings;
    return [echo, echoReceiveInterval, unaffiliated, passive, demand];
  };
  const both = 'echo = { transmit_interval = "20ms", receive_interval = "30ms" }\n';
  assert.deepEqual(planned(both), [{ transmitInterval: 20_000 }, 30_000, undefined, false, null]);
  const receive = 'echo = { receive_interval = "30ms" }\n';
  assert.deepEqual(planned(receive), [undefined, 30_000, undefined, false, null]);
  const defaults = `[defaults.bfd]\n${both}`;
  const none = [undefined, 0, undefined, false, null];
  assert.deepEqual(planned("multihop = true\n", defaults), none);
  const asked = "[defaults.bfd]\npassive = true\ndemand = true\n";
  assert.deepEqual(planned("echo = { unaffiliated = true }\n", asked), [
    undefined,
    0,
    true,
    false,
    null,
  ]);
});

Deno.test("every key arrives", () => {
  const plan = planBfd(siteOf(`[[bfd]]
name = "far"
peer = "2001:db8::2"
source = "2001:db8::1"
interface = "eth0"
vrf = "blue"
namespace = "red"
transmit_interval = "3.3ms"
receive_interval = "10s"
detect_multiplier = 5
multihop = true
min_ttl = 250
passive = true
demand = { poll_interval = "2s" }
admin_down_is_failure = false
damping = { threshold = 2, window = "10s", hold = "1s", longest = "3s" }
stall_grace = false
auth = { type = "simple", keys = [{ id = 1, key = "a" }] }
`));
  assert.deepEqual(plan?.sessions, [{
    path: {
      namespace: "red",
      family: "ipv6",
      peer: "2001:db8::2",
      source: "2001:db8::1",
      interface: "eth0",
      vrf: "blue",
      multihop: true,
      minimumTtl: 250,
    },
    settings: {
      name: "far",
      transmitInterval: 3_300,
      receiveInterval: 10_000_000,
      detectMultiplier: 5,
      passive: true,
      demand: { pollInterval: 2_000_000 },
      echoReceiveInterval: 0,
      authentication: null,
      stallGrace: false,
    },
    authentication: "simple",
    damping: { threshold: 2, window: 10_000_000, hold: 1_000_000, longest: 3_000_000 },
    adminDownIsFailure: false,
  }]);
});

Deno.test("keys travel beside the plan, in their order, and can be wiped", () => {
  const site = siteOf(KEYED);
  const plan = planSite(site, new Slots());
  assert.equal(plan.bfd?.sessions[0]?.authentication, "keyed-sha1");
  assert.doesNotMatch(JSON.stringify(plan), /111,110,101|one/);
  const credentials = bfdCredentialsOf(site);
  assert.deepEqual(credentials, [{
    session: "to-peer",
    authentication: {
      type: "keyed-sha1",
      construction: "frr-hmac",
      keys: [{ id: 7, secret: [111, 110, 101] }, { id: 0, secret: [0, 255] }],
    },
  }]);
  wipeBfd(credentials);
  assert.deepEqual(credentials[0]?.authentication.keys.map(({ secret }) => secret), [
    [0, 0, 0],
    [0, 0],
  ]);
  // They were copies.
  assert.deepEqual(bfdCredentialsOf(site)[0]?.authentication.keys[0]?.secret, [111, 110, 101]);
  const none = '[defaults.bfd.auth]\ntype = "simple"\nkeys = [{ id = 1, key = "a" }]\n' +
    `${SESSION}auth = { type = "none" }\n`;
  assert.deepEqual(bfdCredentialsOf(siteOf(none)), []);
  assert.equal(planBfd(siteOf(none))?.sessions[0]?.authentication, undefined);
});

Deno.test("interfaces of sessions are watched, those of routers once; trackers name sessions", () => {
  const router = '[[vrrp]]\nname = "web"\ninterface = "eth0"\nvirtual_router_id = 51\n' +
    'addresses = ["192.0.2.10/24"]\n' +
    'track.bfd = ["to-peer", { name = "far", weight = -5 }, "third"]\n';
  const more = '[[bfd]]\nname = "far"\npeer = "198.51.100.2"\nmultihop = true\nvrf = "blue"\n' +
    '[[bfd]]\nname = "third"\npeer = "192.0.2.3"\ninterface = "eth1"\nnamespace = "red"\n' +
    "weight = 20\nreverse = true\n";
  const plan = planSite(siteOf(router + SESSION + more), new Slots());
  assert.deepEqual(plan.interfaces, [
    { namespace: "", name: "eth0", groups: ["ipv4"] },
    { namespace: "", name: "blue", groups: [] },
    { namespace: "red", name: "eth1", groups: [] },
  ]);
  assert.deepEqual(plan.routers[0]?.trackers, [
    { kind: "bfd", name: "to-peer", weight: 0 },
    { kind: "bfd", name: "far", weight: -5 },
    { kind: "bfd", name: "third", weight: 20, reverse: true },
  ]);
});

Deno.test("a site of sessions alone has a plan; without sessions it says nothing of BFD", () => {
  const plan = planSite(siteOf(SESSION), new Slots());
  assert.deepEqual([plan.routers, plan.holdings, plan.groups], [[], [], []]);
  const router = '[[vrrp]]\nname = "web"\ninterface = "eth0"\nvirtual_router_id = 51\n' +
    'addresses = ["192.0.2.10/24"]\n';
  assert.equal("bfd" in planSite(siteOf(router), new Slots()), false);
});

Deno.test("a reload says what became of sessions", () => {
  const changes = (before: string, after: string) => siteChanges(siteOf(before), siteOf(after));
  const second = SESSION.replace("to-peer", "b").replace("2.2", "2.3");
  assert.deepEqual(changes(SESSION, SESSION), []);
  assert.deepEqual(changes(SESSION, SESSION + second), ["BFD session b: added"]);
  assert.deepEqual(changes(SESSION + second, SESSION), ["BFD session b: removed"]);
  assert.deepEqual(changes(SESSION, `${SESSION}detect_multiplier = 5\n`), [
    "BFD session to-peer: detect_multiplier 3 -> 5",
  ]);
});

Deno.test("a command for a session that is not there names the one that may be meant", () => {
  const no = "there is no such BFD session";
  assert.equal(
    refusalOf("to-pear", true, no, ["to-peer", "b"]),
    "Cannot take to-pear down: there is no such BFD session; is to-peer meant?",
  );
  assert.equal(
    refusalOf("zebra", false, no, ["to-peer", "b"]),
    "Cannot let zebra up: there is no such BFD session; there are to-peer, b",
  );
  assert.equal(refusalOf("x", true, no, []), `Cannot take x down: ${no}: none is configured`);
  assert.equal(refusalOf("b", true, "it broke", ["b"]), "Cannot take b down: it broke");
  const many = Array.from({ length: 21 }, (_, i) => `s${i}`);
  assert.match(refusalOf("zebra", true, no, many), /s18, s19, …$/);
});

Deno.test("what a sync group tracks of BFD counts for each member", () => {
  const router = (name: string, id: number) =>
    `[[vrrp]]\nname = "${name}"\ninterface = "eth0"\nvirtual_router_id = ${id}\n` +
    `addresses = ["192.0.2.${id}/24"]\n`;
  const group =
    '[[sync_group]]\nname = "site"\nmembers = ["web", "lan"]\ntrack.bfd = ["to-peer"]\n';
  const site = siteOf(router("web", 51) + router("lan", 52) + group + SESSION);
  const { routers } = planSite(site, new Slots());
  assert.deepEqual(routers.map(({ trackers }) => trackers), [
    [{ kind: "bfd", name: "to-peer", weight: 0 }],
    [{ kind: "bfd", name: "to-peer", weight: 0 }],
  ]);
});
