/** The status in short: what a row tells, and what is wrong with what it tells of. */

import assert from "node:assert/strict";
import { objectOf, overviewOf, type Row, serversPage } from "../../../mod/control/page_rows.ts";
import { facts } from "../metrics/fixtures.ts";

const { status } = facts();
const NOW = Date.parse(status.vrrp[0]!.since);
type Status = typeof status;
type Router = Status["vrrp"][number];

function rowsOf(more: Partial<Status>) {
  return overviewOf({ ...status, ...more }, NOW);
}

const texts = ({ wrong }: Row) => wrong.map(({ level, text }) => `${level}: ${text}`);

function routerWith(more: Partial<Router>): Row {
  return rowsOf({ vrrp: [{ ...status.vrrp[0]!, trackers: [], ...more }] }).rows.vrrp[0]!;
}

Deno.test("each thing of the status has a row, by its name", () => {
  const { agent, rows } = overviewOf(status, NOW);
  assert.equal(agent.name, status.name);
  assert.deepEqual(rows.vrrp.map(({ name }) => name), status.vrrp.map(({ name }) => name));
  assert.deepEqual(rows.bfd.map(({ name }) => name), status.bfd.map(({ name }) => name));
  const pools = status.virtual_servers.map(({ name }) => name);
  assert.deepEqual(rows.virtual_server.map(({ name }) => name), pools);
  assert.equal(rows.check.length, status.checks.length);
});

Deno.test("a row is the same after another advert: nothing of it has happened", () => {
  const [router] = status.vrrp;
  const heard = (second: number) => {
    const last_heard = new Date(NOW + second * 1000).toISOString();
    const peers = [{ address: "192.0.2.2", last_heard, priority: 100, checksum: null }];
    const sessions = router!.sessions.map((one) => ({
      ...one,
      peers: peers as unknown as typeof one.peers,
      counters: { ...one.counters, advertisements_received: second },
    }));
    const at = NOW + second * 1000 + 200;
    return JSON.stringify(
      overviewOf({ ...status, vrrp: [{ ...router!, sessions }] }, at).rows.vrrp,
    );
  };
  assert.equal(heard(1), heard(60));
  const silent = overviewOf(
    { ...status, vrrp: [JSON.parse(JSON.stringify(router))] },
    NOW + 3_600_000,
  ).rows.vrrp[0]! as Row & { sessions: { peers: { silent_since: string | null }[] }[] };
  const peers = silent.sessions.flatMap(({ peers }) => peers);
  assert.ok(peers.every(({ silent_since }) => silent_since !== null));
});

Deno.test("who says something each twenty seconds is not silent in between", () => {
  const peers = [{ address: "192.0.2.2", last_heard: status.vrrp[0]!.since, priority: 100 }];
  const sessions = status.vrrp[0]!.sessions.map((one) => ({ ...one, peers }));
  const silent = (advertisement_interval_ms: number, seconds: number) => {
    const router = { ...status.vrrp[0]!, advertisement_interval_ms, sessions } as unknown as Router;
    const [row] = overviewOf({ ...status, vrrp: [router] }, NOW + seconds * 1000).rows.vrrp;
    const [session] = row!.sessions as { peers: { silent_since: string | null }[] }[];
    return session!.peers[0]!.silent_since !== null;
  };
  assert.deepEqual([9, 11].map((seconds) => silent(1_000, seconds)), [false, true]);
  assert.deepEqual([19, 59, 61].map((seconds) => silent(20_000, seconds)), [false, false, true]);
});

Deno.test("what is wrong with the agent itself, and what waits", () => {
  const of = (more: Partial<Status["config"]>) =>
    texts(rowsOf({ config: { ...status.config, last_reload: null, ...more } }).agent);
  const none = { confirmation: null, scheduled: null, rolled_back: null, differs: null };
  const before = of(none);
  const last = (result: string) => ({ last_reload: { at: "", result, changes: 1 } });
  const more = (config: Partial<Status["config"]>) =>
    of({ ...none, ...config }).filter((text) => !before.includes(text));
  assert.deepEqual(more(last("applied")), []);
  assert.deepEqual(more(last("invalid")), ["warning: the last reload was not applied: invalid"]);
  const reason = "it was not confirmed";
  assert.deepEqual(
    more({ ...last("rolled_back"), rolled_back: { at: "", reason }, differs: true }),
    [
      "warning: what is in the file was taken back (it was not confirmed): halb plan shows it",
    ],
  );
  assert.deepEqual(more({ differs: true }), [
    "notice: what is in the file is not what runs: halb plan shows it",
  ]);
  const until = "2026-05-01T12:10:00Z";
  const row = (in_ms: number) =>
    more({
      confirmation: { until, in_ms, within_ms: 600_000 },
      scheduled: { at: until, in_ms, confirm_within_ms: null },
    });
  assert.deepEqual(row(1000), [
    `warning: the configuration is taken back at ${until}, unless: halb reload --confirm`,
    `notice: a reload is scheduled for ${until}`,
  ]);
  assert.deepEqual(row(1000), row(999), "what counts down makes no new row");
  const target = { target: "journald", trouble: "nobody reads", lost: 1 };
  const log = { ...status.log, targets: [target] };
  assert.ok(texts(rowsOf({ log }).agent).includes("warning: log to journald: nobody reads"));
});

Deno.test("what is wrong with a router", () => {
  assert.deepEqual(texts(routerWith({})), []);
  assert.deepEqual(texts(routerWith({ state: "fault", waiting_for: ["eth0 to be up"] })), [
    "error: in fault: waits for eth0 to be up",
  ]);
  assert.deepEqual(
    texts(routerWith({
      duplicate_holders: [{ address: "192.0.2.10", mac: "02:00:00:00:00:01", since: "" }],
      addresses_failed: [{ address: "192.0.2.11", reason: "no room" }],
      virtual_mac_problem: "no macvlan",
      override: { kind: "release", until: null },
    })),
    [
      "error: 02:00:00:00:00:01 holds 192.0.2.10, too",
      "error: cannot hold 192.0.2.11: no room",
      "error: virtual MAC: no macvlan",
      "notice: by command: release",
    ],
  );
});

Deno.test("what is wrong with sessions, pools and checks", () => {
  const [session] = status.bfd;
  const bfd = ["down", "admin-down"].map((state) => ({ ...session!, state, waiting_for: ["x"] }));
  assert.deepEqual(
    rowsOf({ bfd: bfd as Status["bfd"] }).rows.bfd.map((row) => row.wrong[0]!.level),
    [
      "error",
      "notice",
    ],
  );
  const [pool] = status.virtual_servers;
  const [server] = pool!.real_servers;
  const real_servers = Array.from({ length: 6 }, (_, i) => {
    return { ...server!, address: `198.51.100.${i}:80`, state: "down" as const, reason: "silent" };
  });
  const lost = {
    ...pool!,
    quorum: { ...pool!.quorum, required: 2, current: 0, met: false },
    real_servers,
  };
  const [row] = rowsOf({ virtual_servers: [lost] }).rows.virtual_server;
  assert.deepEqual(texts(row!), [
    "error: quorum is lost: 0 of 2 needed",
    ...[0, 1, 2, 3].map((i) => `warning: 198.51.100.${i}:80 is down: silent`),
    "warning: 2 more servers are down",
  ]);
  assert.deepEqual(row!.servers, { up: 0, draining: 0, all: 6 });
});

Deno.test("servers come in pieces, those in trouble first, and are found by their address", () => {
  const [pool] = status.virtual_servers;
  const [server] = pool!.real_servers;
  const states = ["up", "down", "draining"] as const;
  const real_servers = Array.from({ length: 900 }, (_, i) => {
    return { ...server!, address: `198.51.100.${i}:80`, state: states[i % 3]! };
  });
  const many = { ...status, virtual_servers: [{ ...pool!, real_servers }] };
  const page = serversPage(many, pool!.name, { offset: 0, find: "" })!;
  assert.deepEqual([page.count, page.servers.length], [900, 200]);
  assert.ok(page.servers.every(({ state }) => state === "down"));
  const last = serversPage(many, pool!.name, { offset: 899, find: "" })!;
  assert.deepEqual(last.servers.map(({ state }) => state), ["up"]);
  const found = serversPage(many, pool!.name, { offset: 0, find: ".77:" })!;
  assert.deepEqual(found.servers.map(({ address }) => address), ["198.51.100.77:80"]);
  assert.deepEqual(serversPage(many, pool!.name, { offset: 5000, find: "" })!.servers, []);
  assert.equal(serversPage(many, "gone", { offset: 0, find: "" }), undefined);
  assert.equal(real_servers[0]!.state, "up", "the status itself is not sorted");
});

Deno.test("one thing: all that the status says of it, a pool without its servers", () => {
  assert.equal(objectOf(status, "vrrp", "web"), status.vrrp[0]);
  const { name } = status.virtual_servers[0]!;
  const pool = objectOf(status, "virtual_server", name) as Record<string, unknown>;
  assert.deepEqual([pool.name, "real_servers" in pool], [name, false]);
  const agent = objectOf(status, "agent", "") as Record<string, unknown>;
  assert.deepEqual([agent.name, "vrrp" in agent], [status.name, false]);
  for (const kind of ["group", "bfd", "check", "__proto__", ""]) {
    assert.equal(objectOf(status, kind, "gone"), undefined);
  }
});
