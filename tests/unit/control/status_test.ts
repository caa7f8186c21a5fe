/** The status document of CONTRACT.md section 3 from hand-made state, and its text for people. */

import assert from "node:assert/strict";
import { formatRouter, formatStatus } from "../../../mod/cli/status_text.ts";
import type { Status } from "../../../mod/control/status.ts";
import { createRouter, type Router } from "../../../mod/vrrp/mod.ts";
import { document, master, NOW, settings, wallTime } from "./status_fixtures.ts";

const ESCAPE = "\x1b";

Deno.test("the document has the names that were promised", () => {
  const status = document([master("web")]);
  assert.equal(status.generation, 3);
  assert.deepEqual(status.config.last_reload, null);
  const [web] = status.vrrp;
  const { sessions: [session], ...router } = web!;
  const { name, state, since, transitions, priority, effective_priority, virtual_router_id } =
    router;
  assert.deepEqual(
    { name, state, since, transitions, priority, effective_priority, virtual_router_id },
    {
      name: "web",
      state: "master",
      since: "2026-01-02T03:02:53.000Z",
      transitions: 2,
      priority: 150,
      effective_priority: 120,
      virtual_router_id: 51,
    },
  );
  assert.equal(router.version, 3);
  assert.equal(router.interface, "eth0");
  assert.equal(router.advertisement_interval_ms, 100);
  assert.deepEqual(router.addresses, ["192.0.2.10/24"]);
  assert.equal(router.address_lease_ms, 3000);
  assert.deepEqual(router.waiting_for, []);
  assert.equal(router.trackers[0]?.contribution, -30);
  assert.equal(session!.family, "ipv4");
  assert.deepEqual(session!.master, { address: "192.0.2.1", priority: 120 });
  // 3 × 100 ms + (256 − 120) × 100 ms / 256
  assert.equal(session!.master_down_interval_ms, 353.125);
  assert.equal(session!.counters.advertisements_sent, 1);
  assert.equal(session!.counters.dropped.ttl, 1);
  assert.equal(status.realtime.policy, "fifo");
  assert.ok(status.realtime.timer_lateness_us.p50 <= 24);
  assert.equal(status.realtime.timer_lateness_us.max, 1200);
  assert.deepEqual(status.realtime.stalls.map(({ late_us }) => late_us), [4_100]);
  assert.deepEqual(JSON.parse(JSON.stringify(status)), status, "it is plain JSON");
});

Deno.test("a backup shows the master that it hears", () => {
  const backup: Router = {
    ...master("web"),
    state: "backup",
    master: { address: "192.0.2.2", priority: 200 },
  };
  const [session] = document([backup]).vrrp[0]!.sessions;
  assert.deepEqual(session!.master, { address: "192.0.2.2", priority: 200 });
});

Deno.test("the table without colours", () => {
  const text = formatStatus(document([master("web"), master("a-longer-name")]), NOW, false);
  assert.deepEqual(text.split("\n"), [
    "halb 0.1.0, edge-a, up 3m 20s, configuration 3 from site.toml",
    "",
    "ROUTER         INTERFACE  ID  STATE   PRIORITY   FOR     MASTER     ADDRESSES",
    "web            eth0       51  master  120 (150)  1m 12s  this node  192.0.2.10/24",
    "a-longer-name  eth0       51  master  120 (150)  1m 12s  this node  192.0.2.10/24",
    "",
    "web tracks interface eth1: down (-30)",
    "a-longer-name tracks interface eth1: down (-30)",
  ]);
});

Deno.test("colours add codes and nothing else, and mark the state alone", () => {
  // An interface whose name is that of a state.
  const status = document([master("master")], "master");
  const plain = formatStatus(status, NOW, false);
  const coloured = formatStatus(status, NOW, true);
  // deno-lint-ignore no-control-regex
  assert.equal(coloured.replace(/\x1b\[\d+m/g, ""), plain);
  const row = coloured.split("\n")[3]!;
  assert.equal(row.split(ESCAPE).length, 3, "one colour, on and off");
  assert.match(row, /^master {2}master {5}51 {2}\S+32mmaster\S+0m {2}120/);
});

Deno.test("hostile text cannot move the cursor nor forge a line", () => {
  const evil = `w${ESCAPE}[2Jeb\n\u009b31m\u2028x`;
  const status = document([{
    ...master(evil),
    state: "fault",
    waitingFor: [`interface ${evil}: down`],
  }], evil);
  for (const text of [formatStatus(status, NOW, false), formatRouter(status.vrrp[0]!, NOW)]) {
    // deno-lint-ignore no-control-regex
    assert.doesNotMatch(text, /[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029]/);
    assert.ok(text.includes("w\\u001b[2Jeb\\n\\u009b31m\\u2028x"));
  }
  const lines = formatStatus(status, NOW, false).split("\n");
  assert.equal(lines.length, 7);
  assert.match(lines[5]!, /waits for: interface w/);
});

Deno.test("everything about one router", () => {
  const text = formatRouter(document([master("web")]).vrrp[0]!, NOW);
  for (
    const expected of [
      /^virtual router +web \(id 51 on eth0\)$/m,
      /^state +master for 1m 12s$/m,
      /^held here +192\.0\.2\.10$/m,
      /^lease +3 s$/m,
      /^advertisements sent +1$/m,
      /^refused +ttl 1$/m,
      /^repairs +1$/m,
    ]
  ) assert.match(text, expected);
});

Deno.test("a backup that waits to preempt says how long it will, and why", () => {
  const router: Router = {
    ...createRouter({ ...settings("web"), preemptDelay: 30_000_000 }, 0),
    state: "backup",
    source: "192.0.2.1",
    master: { address: "192.0.2.2", priority: 100 },
    preemptAt: 12_340_000,
  };
  const status = document([router, master("other")]);
  assert.deepEqual(status.vrrp.map(({ takeover }) => takeover), [
    { in_ms: 12_340, reason: "preempt_delay" },
    null,
  ]);
  assert.equal(status.vrrp[0]!.preempt_delay_ms, 30_000);
  const words = "web would become master in 12.3 s (preempt_delay)";
  assert.ok(formatStatus(status, NOW, false).split("\n").includes(words));
  const text = formatRouter(status.vrrp[0]!, NOW);
  assert.ok(text.includes(words));
  assert.match(text, /preempt +yes, 30 s after it is healthy/);
});

Deno.test("what an operator must see to is said to people, too, and each family by itself", () => {
  const status = document([master("web")]);
  const [one] = status.vrrp;
  const [session] = one!.sessions;
  const authentication: Status["vrrp"][number]["sessions"][number]["authentication"] = {
    type: "hmac",
    mode: "enforce",
    active_key: 2,
    keys: [1, 2],
    anti_replay: "time",
    time_window_ms: 5000,
    senders: [],
    alarm: "the clock is behind",
  };
  const router = {
    ...one!,
    accept_problem: "no nftables here",
    duplicate_holders: [{ address: "192.0.2.10", mac: "02:00:00:00:00:09", since: wallTime(0) }],
    sessions: [{ ...session!, authentication }, { ...session!, family: "ipv6" as const }],
  };
  const troubles = [
    "web authenticates IPv4 adverts: the clock is behind",
    "web takes packets to its addresses: no nftables here",
    "web holds 192.0.2.10, and so does 02:00:00:00:00:09",
  ];
  const table = formatStatus({ ...status, vrrp: [router] }, NOW, false).split("\n");
  const text = formatRouter(router, NOW);
  for (const trouble of troubles) {
    assert.ok(table.includes(trouble), table.join("\n"));
    assert.ok(text.split("\n").includes(trouble));
  }
  assert.match(text, /^IPv4 authentication +hmac \(enforce\), signs with key 2, believes 1 too$/m);
  assert.match(text, /^IPv4 source +192\.0\.2\.1$/m);
  assert.match(text, /^IPv6 source +192\.0\.2\.1$/m);
});

Deno.test("people hear why nobody is answered over HTTP", () => {
  const status = document([master("web")]);
  const http = { listen: "192.0.2.1:9650", tls: false, token: true, trouble: "in use" };
  const lines = (http: Status["http"]) => formatStatus({ ...status, http }, NOW, false).split("\n");
  assert.ok(lines(http).includes("nobody is answered at 192.0.2.1:9650: in use"));
  assert.deepEqual(lines({ ...http, trouble: null }), lines(null));
});
