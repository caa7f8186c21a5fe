/** BFD sessions in site.toml: what is accepted, what it means, what is refused with which words. */

import assert from "node:assert/strict";
import { longestKey } from "../../../config/bfd_auth_schema.ts";
import { type BfdConfig, minimumTtl } from "../../../config/mod.ts";
import { AUTHENTICATION_TYPES, longestSecret } from "../../../mod/bfd/mod.ts";
import { load, loadValid, problemsOf, router } from "./fixtures.ts";

const ENDS = 'name = "to-peer"\npeer = "192.0.2.2"\n';
const SINGLE = `[[bfd]]\n${ENDS}interface = "eth0"\n`;

function sessions(text: string, options: Parameters<typeof loadValid>[1] = {}) {
  return loadValid({ "site.toml": text, "bfd.key": "hex:00ff\n" }, options).bfd;
}

/** The only session of a valid file. */
function session(more: string, options: Parameters<typeof loadValid>[1] = {}): BfdConfig {
  const [one, ...others] = sessions(SINGLE + more, options);
  assert.equal(others.length, 0);
  return one!;
}

/** Place and words of what is wrong, warnings too. */
function wrong(text: string): string[] {
  const result = load({ "site.toml": text });
  const problems = result.ok ? result.warnings : result.problems;
  return problems.map(({ line, column, severity, message, suggestion }) =>
    `${line}:${column} ${severity}: ${message} | ${suggestion ?? ""}`
  );
}

/** That several hops want authentication has a test of its own. */
function isOther(words: string): boolean {
  return !words.includes("over several hops without `auth`");
}

Deno.test("[B5881-3] a session alone is a site, active, with the values of the contract where nobody gives any", () => {
  assert.deepEqual(session(""), {
    name: "to-peer",
    peer: "192.0.2.2",
    interface: "eth0",
    transmit_interval: 300_000,
    receive_interval: 300_000,
    detect_multiplier: 3,
    multihop: false,
    passive: false,
    demand: null,
    admin_down_is_failure: true,
    stall_grace: true,
    weight: 0,
    reverse: false,
  });
});

Deno.test("all keys written out", () => {
  const [one] = sessions(`[[bfd]]
name = "far"
peer = "2001:DB8:0::2"
source = "2001:db8::1"
interface = "eth0"
vrf = "blue"
namespace = "red"
transmit_interval = "3.3ms"
receive_interval = "10s"
detect_multiplier = 255
multihop = true
min_ttl = 250
padded_pdu_size = 1472
passive = true
demand = { poll_interval = "2s" }
admin_down_is_failure = false
damping = { threshold = 2, hold = "1s" }
stall_grace = false
weight = -20
reverse = true
`);
  assert.deepEqual(one, {
    name: "far",
    peer: "2001:db8::2",
    source: "2001:db8::1",
    interface: "eth0",
    vrf: "blue",
    namespace: "red",
    transmit_interval: 3_300,
    receive_interval: 10_000_000,
    detect_multiplier: 255,
    multihop: true,
    min_ttl: 250,
    padded_pdu_size: 1472,
    passive: true,
    demand: { poll_interval: 2_000_000 },
    admin_down_is_failure: false,
    damping: { threshold: 2, window: 60_000_000, hold: 1_000_000, longest: 60_000_000 },
    stall_grace: false,
    weight: -20,
    reverse: true,
  });
});

Deno.test("[B5883-5] the least TTL is 255 over one hop, over several 254 or what is said", () => {
  assert.equal(minimumTtl(session("")), 255);
  assert.equal(minimumTtl(session("multihop = true\n")), 254);
  assert.equal(minimumTtl(session("multihop = true\nmin_ttl = 1\n")), 1);
  // A default is for the sessions that it can serve.
  const [one] = sessions(`[defaults.bfd]\nmin_ttl = 250\n${SINGLE}`);
  assert.equal(minimumTtl(one!), 255);
});

Deno.test("defaults for all, by_host for each, demand as a truth value", () => {
  const text = `[defaults.bfd]
interface = "eth0"
transmit_interval = "50ms"
demand = true
damping = { threshold = 5 }
[[bfd]]
name = "a"
peer = { by_host = { edge-a = "192.0.2.2", edge-b = "192.0.2.1" } }
[[bfd]]
name = "b"
peer = "192.0.2.3"
transmit_interval = "100ms"
demand = false
damping = { threshold = 1 }
`;
  const read = (hostname: string) =>
    sessions(text, { hostname }).map((one) => [
      one.peer,
      one.transmit_interval,
      one.demand?.poll_interval ?? null,
      one.damping?.threshold,
    ]);
  assert.deepEqual(read("edge-a"), [
    ["192.0.2.2", 50_000, 1_000_000, 5],
    ["192.0.2.3", 100_000, null, 1],
  ]);
  assert.equal(read("edge-b")[0]?.[0], "192.0.2.1");
});

// ===== what contradicts itself ===================================================================

/** Lines behind a valid session, from line 5 on, and what is said of them. */
const WRONG: readonly (readonly [string, RegExp])[] = [
  ['transmit_interval = "3.2ms"', /^5:21 error: .*"3.2ms" is not between 3.3ms and 1h.*"3.3ms"/],
  ['receive_interval = "2h"', /^5:20 error: .*"2h" is not between 3.3ms and 1h/],
  ["detect_multiplier = 0", /^5:21 error: .*0 is not a whole number from 1 to 255.*`1`/],
  ["detect_multiplier = 1", /^5:21 warning: .*a single lost packet .*`3` instead/],
  ["min_ttl = 254", /^5:1 error: `min_ttl` is for `multihop`: over one hop .* 255/],
  ['source = "2001:db8::1"', /^5:10 error: `source` and `peer` \(site.toml:3:8\) are of two fam/],
  ['source = "192.0.2.2"', /^5:10 error: .*the same address: a session has two ends/],
  ['source = "127.0.0.1"', /^5:10 error: .*a loopback address/],
  ["damping = { hold = '10s', longest = '5s' }", /^5:20 error: `damping.hold` of "10s" is longer/],
  ["demand = { poll_interval = '1ms' }", /^5:28 error: .*between 100ms and 1h/],
  ["echo = {}", /^5:1 error: `echo` says neither that echo packets are sent nor that they are/],
  ["echo = { transmit_interval = '3ms' }", /^5:30 error: .*"3ms" is not between 3.3ms and 1h/],
  ["echo = { transmit_interval = '20ms' }\nmultihop = true", /^5:1 error: .*RFC 5883 section 3/],
  [
    "echo = { unaffiliated = true, receive_interval = '20ms' }",
    /^5:31 error: `echo.receive_interval` means nothing with `unaffiliated`/,
  ],
  [
    "echo = { unaffiliated = true }\ndemand = true",
    /^6:1 error: `demand` means nothing with `echo.unaffiliated` \(site.toml:5:10\): the peer only/,
  ],
  ["padded_pdu_size = 23", /^5:19 error: .*23 is not a whole number from 24 to 65487/],
  [
    "echo = { unaffiliated = true }\npadded_pdu_size = 1400",
    /^6:1 error: `padded_pdu_size` means nothing with `echo.unaffiliated` \(site.toml:5:10\)/,
  ],
  // Words of others.
  ['neighbor_ip = "192.0.2.2"', /^5:1 error: Unknown key .*write `peer` instead/],
  ['source_ip = "192.0.2.1"', /^5:1 error: Unknown key .*write `source` instead/],
  ["min_tx = 50", /^5:1 error: .*write `transmit_interval = "50ms"` instead/],
  ["min_rx = 50", /^5:1 error: .*write `receive_interval = "50ms"` instead/],
  ["multiplier = 5", /^5:1 error: .*write `detect_multiplier = 3` instead/],
  ["idle_tx = 1000", /^5:1 error: .*leave it out: a session that is not up sends once a second/],
  ["max_hops = 2", /^5:1 error: .*write `min_ttl = 254` instead/],
  ["hoplimit = 255", /^5:1 error: .*leave it out: packets leave with 255/],
  ["transmit-interval = 50", /^5:1 error: .*write `transmit_interval` instead/],
  ["slow_interval = '1s'", /^5:1 error: .*leave it out/],
  ["detect_multiplyer = 3", /^5:1 error: .*did you mean `detect_multiplier`/],
];

for (const [text, words] of WRONG) {
  Deno.test(`a session with ${text.split("\n")[0]} is told of`, () => {
    const found = wrong(`${SINGLE}${text}\n`).filter(isOther);
    assert.equal(found.length, 1, JSON.stringify(found));
    assert.match(found[0]!, words);
  });
}

Deno.test("[B5883-2] echo: intervals each way, unaffiliated; a default for several hops is none", () => {
  assert.deepEqual(session("echo = { transmit_interval = '20ms' }\n").echo, {
    transmit_interval: 20_000,
    unaffiliated: false,
  });
  assert.deepEqual(session("echo = { unaffiliated = true }\n").echo, { unaffiliated: true });
  const text = `[defaults.bfd]\necho = { receive_interval = "50ms" }\n`;
  assert.deepEqual(sessions(`${text}${SINGLE}multihop = true\n`)[0]?.multihop, true);
});

Deno.test("echo with a link-local peer: doubted, and refused where the peer only forwards", () => {
  const local = `[[bfd]]\nname = "x"\npeer = "fe80::2"\ninterface = "eth0"\n`;
  const [doubt] = wrong(`${local}echo = { transmit_interval = "20ms" }\n`);
  assert.match(
    doubt!,
    /^3:8 warning: "fe80::2" is link-local, .* come back from another halb only/,
  );
  const [error] = wrong(`${local}echo = { unaffiliated = true }\n`);
  assert.match(error!, /^3:8 error: "fe80::2" is link-local, .* needs a global one/);
});

Deno.test("an unaffiliated session may run beside an ordinary one with the same peer", () => {
  const beside = SINGLE.replace("to-peer", "beside");
  assert.equal(sessions(`${SINGLE}${beside}echo = { unaffiliated = true }\n`).length, 2);
});

Deno.test("a session over one hop needs its interface, one over several does not", () => {
  const [found, ...others] = problemsOf({ "site.toml": `[[bfd]]\n${ENDS}` });
  assert.deepEqual(others, []);
  assert.deepEqual(found, [
    "site.toml:3:1",
    "peer",
    "The key `interface` is missing: a session over one hop belongs to an interface (RFC 5881 section 3)",
    'add `interface = "eth0"`, or `multihop = true` for a peer behind a router',
  ]);
  assert.equal(sessions(`[[bfd]]\n${ENDS}multihop = true\n`)[0]?.interface, undefined);
});

Deno.test("link-local peers have an interface and no routers between", () => {
  const text = '[[bfd]]\nname = "l"\npeer = "fe80::2"\ninterface = "eth0"\n';
  assert.equal(sessions(text)[0]?.peer, "fe80::2");
  assert.match(wrong(`${text}multihop = true\n`)[0]!, /^3:8 error: "fe80::2" is link-local/);
  assert.match(
    wrong(`${text}source = "2001:db8::1"\n`)[0]!,
    /^5:10 warning: Of `source` and `peer` \(site.toml:3:8\) one is link-local/,
  );
});

Deno.test("[B5881-4] [B5883-3] two sessions whose first packets look alike are refused, others not", () => {
  const two = (first: string, second: string) =>
    wrong(`[[bfd]]\n${ENDS}${first}\n[[bfd]]\n${ENDS.replace("to-peer", "b")}${second}\n`)
      .filter(isOther);
  const clash = /^\d+:8 error: Two sessions with "192.0.2.2" run between the same ends.*:3:8/;
  assert.match(two('interface = "eth0"', 'interface = "eth0"').join(), clash);
  // Over one hop the source does not tell them apart.
  assert.match(
    two('interface = "eth0"', 'interface = "eth0"\nsource = "192.0.2.1"').join(),
    clash,
  );
  assert.match(two("multihop = true", 'multihop = true\nsource = "192.0.2.1"').join(), clash);
  assert.deepEqual(two('interface = "eth0"', 'interface = "eth1"'), []);
  assert.deepEqual(two('interface = "eth0"', "multihop = true"), []);
  assert.deepEqual(two('interface = "eth0"', 'interface = "eth0"\nnamespace = "blue"'), []);
  assert.deepEqual(
    two('multihop = true\nsource = "192.0.2.1"', 'multihop = true\nsource = "192.0.2.9"'),
    [],
  );
  const names = wrong(`${SINGLE}${SINGLE.replace("2.2", "2.3")}`);
  assert.match(names[0]!, /^6:8 error: Two `\[\[bfd\]\]` have the name "to-peer": first at/);
});

Deno.test("several hops without authentication are warned of", () => {
  const far = `[[bfd]]\n${ENDS}multihop = true\n`;
  assert.match(wrong(far).join(), /^4:12 warning: .*several hops without `auth`.*\| add `auth`/);
  const auth = 'auth = { type = "simple", keys = [{ id = 1, secret_file = "bfd.key" }] }\n';
  const result = load({ "site.toml": far + auth, "bfd.key": "hex:00ff\n" });
  const problems = result.ok ? result.warnings : result.problems;
  assert.ok(problems.every(({ message }) => isOther(message)), JSON.stringify(problems));
  assert.deepEqual(wrong(SINGLE), []);
});

Deno.test("short intervals want a real-time thread", () => {
  const text = (policy: string, time: string) =>
    `[agent.realtime]\npolicy = "${policy}"\n${SINGLE}receive_interval = "${time}"\n`;
  assert.deepEqual(wrong(text("fifo", "3.3ms")), []);
  assert.deepEqual(wrong(text("other", "50ms")), []);
  assert.match(
    wrong(text("other", "49ms"))[0]!,
    /^7:20 warning: An interval of "49ms" needs a real-time thread.*\(site.toml:2:10\) is "other"/,
  );
});

Deno.test("[defaults.bfd] has no keys of one session", () => {
  assert.match(
    wrong(`[defaults.bfd]\npeer = "192.0.2.2"\n${SINGLE}`)[0]!,
    /^2:1 error: `peer` belongs to one session: it has no default \| give it in each `\[\[bfd\]\]`/,
  );
});

Deno.test("nothing at all, and lists that are none", () => {
  assert.match(wrong("bfd = []\n")[0]!, /There is nothing to do/);
  assert.match(wrong("[bfd]\nname = 'x'\n")[0]!, /`bfd` is a list of tables.*\[\[bfd\]\]/);
  assert.match(wrong(`bfd_instance = {}\n${SINGLE}`)[0]!, /write `\[\[bfd\]\]` with a `name`/);
});

// ===== authentication ============================================================================

Deno.test("[B7A-12] all types of RFC 5880 are there, with the longest keys that they take", () => {
  for (const type of AUTHENTICATION_TYPES) {
    assert.equal(longestKey(type), longestSecret(type), type);
    const key = "k".repeat(longestKey(type));
    const auth = session(`auth = { type = "${type}", keys = [{ id = 0, key = "${key}" }] }\n`).auth;
    assert.equal(auth?.type, type);
    assert.equal(auth.keys?.[0]?.key.length, key.length);
    assert.equal(auth.construction, "rfc5880");
  }
});

Deno.test("[B7A-8] [B7A-11] several keys, as text, in hexadecimal, from a file and a variable", () => {
  const auth = session(
    'auth = { type = "keyed-sha1", keys = [{ id = 255, key = "text" }, { id = 2, ' +
      'key = "hex:00ff00" }, { id = 3, key = { file = "bfd.key" } }, { id = 4, ' +
      'key = { env = "K" } }] }\n',
    { variables: { K: "four" } },
  ).auth;
  assert.deepEqual(auth?.keys?.map(({ id, key }) => [id, key.length]), [
    [255, 4],
    [2, 3],
    [3, 2],
    [4, 4],
  ]);
  assert.doesNotMatch(JSON.stringify(auth) + Deno.inspect(auth), /text|four|\b255, 0\b/);
});

const SECRET = "nobody may see this!";
const AUTH: readonly (readonly [string, RegExp])[] = [
  ['type = "keyed-md5"', /Authentication of type "keyed-md5" needs at least one key/],
  ['type = "simple", keys = []', /needs at least one key/],
  [`type = "keyed-md5", keys = [{ id = 1, key = "${SECRET}" }]`, /has 20 bytes.* room for 16/],
  [`type = "simple", keys = [{ id = 1, key = "${SECRET}" }]`, /has 20 bytes.* room for 16/],
  [`type = "keyed-sha1", keys = [{ id = 1, key = "${SECRET}!" }]`, /1 to 20 bytes.*has 21/],
  [`type = "keyed-sha1", keys = [{ id = 1, key = "" }]`, /1 to 20 bytes.*has 0/],
  [`type = "keyed-sha1", keys = [{ id = 256, key = "${SECRET}" }]`, /256 is not .* from 0 to 255/],
  [`type = "keyed-sha1", keys = [{ id = 1, key = "hex:zz" }]`, /pairs of hexadecimal digits/],
  [
    `type = "keyed-sha1", keys = [{ id = 1, key = "${SECRET}" }, { id = 1, key = "b" }]`,
    /Two keys have the id 1/,
  ],
  [
    'type = "keyed-md5", construction = "frr-hmac", keys = [{ id = 1, key = "a" }]',
    /`construction = "frr-hmac"` is for the types "keyed-sha1" and "meticulous-keyed-sha1"/,
  ],
  ['type = "sha1", keys = [{ id = 1, key = "a" }]', /"sha1" is not one of "none", "simple"/],
  ['keys = [{ id = 1, key = "a" }]', /`auth.type` is missing/],
];

for (const [auth, words] of AUTH) {
  Deno.test(`authentication with ${auth.replace(SECRET, "…")} is refused`, () => {
    const found = wrong(`${SINGLE}auth = { ${auth} }\n`);
    assert.equal(found.length, 1, JSON.stringify(found));
    assert.match(found[0]!, words);
    assert.ok(
      !JSON.stringify(load({ "site.toml": `${SINGLE}auth = { ${auth} }\n` }))
        .includes(SECRET),
    );
  });
}

Deno.test("frr-hmac has its explicit name, and `none` takes a default away", () => {
  const auth = 'auth = { type = "meticulous-keyed-sha1", construction = "frr-hmac", ' +
    'keys = [{ id = 1, key = "a" }] }\n';
  assert.equal(session(auth).auth?.construction, "frr-hmac");
  const [one] = sessions(`[defaults.bfd]\n${auth}${SINGLE}auth = { type = "none" }\n`);
  assert.equal(one?.auth?.type, "none");
});

// ===== who tracks it =============================================================================

Deno.test("[B5882-5] routers and groups share sessions by name; one that nobody tracks is no mistake", () => {
  const site = loadValid({
    "site.toml": `${router('track = { bfd = ["to-peer"] }\n')}${SINGLE}`,
  });
  assert.deepEqual(site.vrrp[0]?.track.bfd, [{ name: "to-peer" }]);
  const other = loadValid({
    "site.toml": `${router('track.bfd = [{ name = "to-peer", weight = -5, reverse = true }]\n')}` +
      SINGLE,
  });
  assert.deepEqual(other.vrrp[0]?.track.bfd, [{ name: "to-peer", weight: -5, reverse: true }]);
  assert.deepEqual(wrong(router("") + SINGLE), []);
});

Deno.test("a session that is tracked and not there, or tracked twice", () => {
  assert.deepEqual(wrong(`${router('track.bfd = ["to-pear"]\n')}${SINGLE}`), [
    '6:14 error: There is no `[[bfd]]` with the name "to-pear" | write `"to-peer"` instead',
  ]);
  assert.match(
    wrong(`${router('track.bfd = ["to-peer", { name = "to-peer" }]\n')}${SINGLE}`)[0]!,
    /^6:34 error: The BFD session "to-peer" is tracked twice: first at site.toml:6:14/,
  );
  assert.match(
    wrong(`${router('track_bfd = ["to-peer"]\n')}${SINGLE}`)[0]!,
    /^6:1 error: Unknown key `track_bfd`.*write `track = \{ bfd = \["to-peer"\] \}` instead/,
  );
});

Deno.test("who is told: programs, FIFOs and mail of a session, by defaults too", () => {
  const { notifications } = loadValid({
    "site.toml": `[defaults.bfd.notify]\ndown = ["/bin/false"]\n${SINGLE}` +
      'notify = { up = ["/bin/true"], admin_down = ["/bin/true", "x"], any = ["/bin/echo"], ' +
      'user = "alice", timeout = "5s", fifo = "/run/a", json_fifo = "/run/b" }\n',
  });
  assert.deepEqual(notifications.sessions, ["to-peer"]);
  const [one, ...others] = notifications.targets;
  assert.deepEqual(others, []);
  assert.deepEqual([one?.type, one?.name, one?.user.name, one?.timeout], [
    "BFD",
    "to-peer",
    "alice",
    5_000_000,
  ]);
  assert.deepEqual([one?.up, one?.down, one?.admin_down, one?.any, one?.fifo, one?.json_fifo], [
    ["/bin/true"],
    ["/bin/false"],
    ["/bin/true", "x"],
    ["/bin/echo"],
    "/run/a",
    "/run/b",
  ]);
  assert.match(
    wrong(`${SINGLE}notify = { mail = true }\n`)[0]!,
    /^5:12 error: `notify.mail` without a table `\[mail\]`/,
  );
  assert.match(wrong(`${SINGLE}notify = { master = ["/bin/true"] }\n`)[0]!, /Unknown key `master`/);
});
