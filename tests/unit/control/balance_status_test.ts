/** Virtual servers in the status document, and as text for people. */

import assert from "node:assert/strict";
import {
  balanceTroubles,
  formatVirtualServer,
  formatVirtualServers,
} from "../../../mod/cli/balance_text.ts";
import {
  type BalanceFacts,
  balanceStatus,
  listenText,
} from "../../../mod/control/balance_status.ts";
import {
  balancePlan,
  balanceState,
  realServer,
  report,
  serverReport,
  virtualServer,
} from "./balance_fixtures.ts";

const NOW = Date.parse("2026-01-02T03:04:05.000Z");
const wallTime = (micros: number) => new Date(NOW - 60_000 + micros / 1000).toISOString();
const plain = (text: string) => text;
const SORRY = { ...realServer("192.0.2.99:80").server };

function factsOf(more: Partial<BalanceFacts> = {}): BalanceFacts {
  return {
    plan: balancePlan(virtualServer()),
    state: balanceState(report()),
    stale: false,
    checkOf: () => undefined,
    ...more,
  };
}

const statusOf = (more: Partial<BalanceFacts> = {}) => balanceStatus(factsOf(more), wallTime);

Deno.test("a virtual server in status has what the contract promises", () => {
  const { virtual_servers: [server], ipvs, ipvs_sync } = statusOf();
  const { real_servers, since: _, ...own } = server!;
  assert.deepEqual(own, {
    name: "web-http",
    listen: ["192.0.2.10:80"],
    protocol: "tcp",
    scheduler: "wlc",
    forward: "nat",
    persistence: null,
    active: true,
    follow: [],
    announce: false,
    quorum: { required: 2, hysteresis: 0, current: 20, met: true },
    transitions: 1,
    sorry_server: null,
    sorry_server_active: false,
    list_problem: null,
    counters: { connections: 9, packets_in: 90, packets_out: 80, bytes_in: 9000, bytes_out: 8000 },
  });
  assert.deepEqual(real_servers[0], {
    address: "198.51.100.11:8080",
    forward: "nat",
    weight: 10,
    effective_weight: 10,
    override: null,
    state: "up",
    reason: "no check fails",
    since: wallTime(0),
    transitions: 0,
    drain: null,
    listed: false,
    checks: [],
    counters: {
      active_connections: 3,
      inactive_connections: 1,
      connections: 7,
      packets_in: 70,
      packets_out: 60,
      bytes_in: 7000,
      bytes_out: 6000,
    },
  });
  assert.equal(ipvs?.trouble, null);
  assert.equal(ipvs_sync, null);
});

Deno.test("servers of a list say so", () => {
  const { virtual_servers: [server] } = statusOf({
    listed: new Map([["web-http", new Set(["198.51.100.12:8080"])]]),
  });
  const shown = server!.real_servers.map(({ address, listed }) => [address, listed]);
  assert.deepEqual(shown, [["198.51.100.11:8080", false], ["198.51.100.12:8080", true]]);
});

Deno.test("without IPVS in the configuration there is nothing of it, and nothing is invented", () => {
  const nothing = { virtual_servers: [], ipvs: null, ipvs_sync: null };
  assert.deepEqual(balanceStatus(undefined, wallTime), nothing);
  const { virtual_servers: [server], ipvs } = statusOf({ state: null, stale: true });
  assert.equal(server!.quorum.met, false);
  assert.equal(server!.real_servers[0]!.state, "down");
  assert.match(ipvs!.trouble!, /has not answered/);
});

Deno.test("where it listens is told as the configuration has it", () => {
  const at = { protocol: "tcp", port: 80 } as const;
  assert.equal(listenText({ ...at, address: "2001:db8::10" }), "[2001:db8::10]:80");
  assert.equal(listenText({ ...at, address: "192.0.2.16", prefixLength: 28 }), "192.0.2.16/28:80");
  const range = { ...at, address: "192.0.2.10", last: "192.0.2.20" };
  assert.equal(listenText(range), "192.0.2.10-192.0.2.20:80");
  assert.equal(listenText({ ...at, address: "192.0.2.10", port: 0 }), "192.0.2.10");
  assert.equal(listenText({ family: 6, mark: 7 }), "fwmark 7 ipv6");
});

Deno.test("a sync daemon is told with its role, or that it does not run", () => {
  const daemon = { interface: "eth1", id: 1, maxLength: 0, group: "", port: 0, ttl: 0 };
  const plan = {
    ...balancePlan(),
    syncDaemons: [{ ...daemon, role: { follow: ["web"] } }, {
      ...daemon,
      id: 2,
      role: "backup" as const,
    }],
  };
  const sync = [{ ...daemon, role: "master" as const, maxLength: 1460 }];
  const status = statusOf({ plan, state: { ...balanceState(), sync } });
  const [first, second] = status.ipvs_sync!.daemons;
  assert.equal(first!.role, "master");
  assert.equal(first!.max_length, 1460);
  assert.equal(second!.role, null);
  assert.deepEqual(balanceTroubles(status, NOW), ["the sync daemon 2 on eth1 does not run"]);
});

Deno.test("people see at a glance which servers are out, and why", () => {
  const drain = { since: 0, until: 103_000_000, done: false };
  const servers = [
    serverReport("198.51.100.11:8080", { state: "down", reason: "refused\n", effectiveWeight: 0 }),
    serverReport("198.51.100.12:8080", { override: 3, effectiveWeight: 3 }),
    serverReport("198.51.100.13:8080", { state: "draining", drain, effectiveWeight: 0 }),
  ];
  const quorum = { required: 4, current: 3, met: false };
  const settings = virtualServer({
    quorum: 4,
    sorryServer: { server: SORRY, inhibit: false },
    servers: servers.map(({ name }) => realServer(name)),
  });
  const state = balanceState(report({ servers, quorum, sorryServerActive: true }));
  const status = statusOf({ plan: balancePlan(settings), state });
  assert.deepEqual(balanceTroubles(status, NOW), [
    "web-http has no quorum: 3 of 4; 192.0.2.99:80 answers instead",
    "web-http: 198.51.100.11:8080 is down for 1m: refused\n",
    "web-http: 198.51.100.12:8080: its weight is 3 by order, not 10",
    "web-http: 198.51.100.13:8080 drains for 1m: 3 active and 1 inactive connections are left, " +
    "and at most 43s",
  ]);
  assert.equal(
    formatVirtualServers(status.virtual_servers, NOW, plain),
    "VIRTUAL SERVER  LISTENS        STATE  QUORUM  UP      CONNECTIONS  FOR\n" +
      "web-http        192.0.2.10:80  sorry  3/4     1 of 3  9            1m",
  );
  const text = formatVirtualServer(status.virtual_servers[0]!, NOW, plain);
  assert.match(text, /sorry server +192\.0\.2\.99:80, answers now/);
  assert.match(text, /198\.51\.100\.11:8080 +down +0 of 10 +3 +1 +1m +refused\\n/);
  assert.match(text, /198\.51\.100\.12:8080 +up +3 of 10 \(ordered\)/);
  assert.doesNotMatch(text, /refused\n/);
});

Deno.test("a thousand servers that are out are not a thousand lines", () => {
  const names = Array.from({ length: 1000 }, (_, i) => `198.51.100.1:${i + 1}`);
  const servers = names.map((name) => serverReport(name, { state: "down", reason: "timeout" }));
  const settings = virtualServer({ servers: names.map((name) => realServer(name)) });
  const state = balanceState(report({ servers }));
  const troubles = balanceTroubles(statusOf({ plan: balancePlan(settings), state }), NOW);
  assert.equal(troubles.length, 21);
  assert.equal(troubles.at(-1), "web-http: and 980 more: halb status web-http");
});

Deno.test("what is wrong with the table as a whole comes first", () => {
  const state = {
    ...balanceState(report()),
    trouble: "no module ip_vs",
    failures: ["add tcp 192.0.2.10:80: no such scheduler"],
  };
  assert.deepEqual(balanceTroubles(statusOf({ state, stale: true }), NOW), [
    "IPVS does not work: no module ip_vs",
    "IPVS: the kernel plane is busy; this is how it was",
    "IPVS: add tcp 192.0.2.10:80: no such scheduler",
  ]);
});
