/** The page of metrics: the names that were promised, values out of the status, bounded labels. */

import assert from "node:assert/strict";
import { FAMILIES, renderMetrics } from "../../../mod/metrics/mod.ts";
import { document, master } from "../control/status_fixtures.ts";
import { facts, PRESENT } from "./fixtures.ts";

/** CONTRACT.md section 5: names, and the labels that stand there. */
const PROMISED: Readonly<Record<string, readonly string[]>> = {
  halb_vrrp_state: ["name", "interface", "virtual_router_id", "state"],
  halb_vrrp_transitions_total: [],
  halb_vrrp_advertisements_total: ["family", "direction"],
  halb_vrrp_dropped_total: ["reason"],
  halb_bfd_session_up: [],
  halb_bfd_packets_total: [],
  halb_virtual_server_quorum_met: [],
  halb_real_server_up: [],
  halb_real_server_weight: [],
  halb_real_server_connections: [],
  halb_check_duration_seconds: [],
  halb_timer_lateness_seconds: [],
  halb_reload_total: ["result"],
  halb_build_info: [],
};

/** Lines of a page that are samples. */
function samples(page: string): Map<string, number> {
  const lines = page.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  const all = lines.map((line): [string, number] => {
    const blank = line.lastIndexOf(" ");
    return [line.slice(0, blank), Number(line.slice(blank + 1))];
  });
  assert.equal(new Set(all.map(([series]) => series)).size, all.length, "no series twice");
  return new Map(all);
}

Deno.test("the names and labels of the contract are there", () => {
  const byName = new Map(FAMILIES.map((family) => [family.name, family]));
  assert.equal(byName.size, FAMILIES.length, "no family twice");
  for (const [name, labels] of Object.entries(PROMISED)) {
    const family = byName.get(name);
    assert.ok(family, name);
    for (const label of labels) assert.ok(family.labels.includes(label), `${name}{${label}}`);
    assert.equal(family.type === "histogram", /duration|lateness/.test(name), name);
  }
  assert.deepEqual(byName.get("halb_vrrp_state")!.labels, PROMISED["halb_vrrp_state"]);
});

Deno.test("names, types, units and help are as Prometheus wants them", () => {
  for (const { name, type, help, labels } of FAMILIES) {
    assert.match(name, /^halb_[a-z0-9_]+$/);
    assert.equal(name.endsWith("_total"), type === "counter", name);
    assert.doesNotMatch(name, /_(ms|us|micros|millis|kb|percent)(_|$)/, "base units");
    assert.doesNotMatch(name, /_(sum|count|bucket|created)$/, "suffixes of other types");
    assert.match(help, /^[A-Z][^\n]*\.$/, name);
    for (const label of labels) assert.match(label, /^[a-z_]+$/);
    assert.ok(!labels.includes("le"));
  }
  // In OpenMetrics a counter's family has the name without its suffix.
  const families = FAMILIES.map(({ name }) => name.replace(/_total$/, ""));
  assert.equal(new Set(families).size, families.length);
});

Deno.test("everything that can be measured is, where there is one of everything", () => {
  const page = renderMetrics(facts(), "text");
  for (const { name, type } of FAMILIES) {
    assert.ok(page.includes(`# TYPE ${name} ${type}\n`), name);
    assert.match(page, new RegExp(`^${name}(_count)?[{ ]`, "m"), name);
  }
});

Deno.test("values are those of the status", () => {
  const page = samples(renderMetrics(facts(), "text"));
  const expected: Readonly<Record<string, number>> = {
    'halb_build_info{version="0.1.0"}': 1,
    'halb_agent_info{name="edge-a"}': 1,
    halb_start_time_seconds: PRESENT - 200,
    halb_config_generation: 3,
    'halb_reload_total{result="invalid"}': 1,
    'halb_vrrp_state{name="web",interface="eth0",virtual_router_id="51",state="master"}': 1,
    'halb_vrrp_state{name="web",interface="eth0",virtual_router_id="51",state="backup"}': 0,
    'halb_vrrp_state_since_seconds{name="web"}': PRESENT - 72,
    'halb_vrrp_transitions_total{name="web"}': 2,
    'halb_vrrp_priority{name="web"}': 150,
    'halb_vrrp_effective_priority{name="web"}': 120,
    'halb_vrrp_advertisements_total{name="web",family="ipv4",direction="sent"}': 1,
    'halb_vrrp_advertisements_total{name="web",family="ipv4",direction="received"}': 0,
    'halb_vrrp_dropped_total{name="web",family="ipv4",reason="ttl"}': 1,
    'halb_vrrp_dropped_total{name="web",family="ipv4",reason="checksum"}': 0,
    'halb_vrrp_tracker_healthy{name="web",kind="interface",tracker="eth1"}': 0,
    'halb_vrrp_tracker_contribution{name="web",kind="interface",tracker="eth1"}': -30,
    'halb_vrrp_interface_dropped_total{namespace="",interface="eth0",family="ipv4",reason="ttl"}':
      3,
    'halb_sync_group_state{name="site",state="backup"}': 1,
    'halb_bfd_session_up{name="to-peer",peer="192.0.2.2"}': 1,
    'halb_bfd_session_state{name="to-peer",state="down"}': 0,
    'halb_bfd_packets_total{name="to-peer",direction="received"}': 8,
    'halb_bfd_dropped_total{name="to-peer",reason="ttl"}': 4,
    'halb_bfd_echo_round_trip_seconds{name="to-peer"}': 0.00025,
    'halb_virtual_server_quorum_met{name="web-http"}': 1,
    'halb_virtual_server_real_servers{name="web-http",state="draining"}': 1,
    'halb_virtual_server_bytes_total{name="web-http",direction="in"}': 9000,
    'halb_real_server_up{virtual_server="web-http",real_server="198.51.100.11:8080"}': 1,
    'halb_real_server_up{virtual_server="web-http",real_server="198.51.100.12:8080"}': 0,
    'halb_real_server_connections{virtual_server="web-http",real_server="198.51.100.11:8080",state="active"}':
      3,
    'halb_real_server_packets_total{virtual_server="web-http",real_server="198.51.100.11:8080",direction="out"}':
      60,
    halb_ipvs_repairs_total: 2,
    'halb_ipvs_sync_daemon_running{interface="eth1",id="1"}': 0,
    'halb_check_healthy{type="ping",name="gateway"}': 1,
    'halb_check_results_total{type="ping",name="gateway",result="failed"}': 1,
    'halb_check_results_total{type="ping",name="gateway",result="void"}': 1,
    'halb_check_duration_seconds_bucket{type="ping",name="gateway",le="0.001"}': 0,
    'halb_check_duration_seconds_bucket{type="ping",name="gateway",le="0.0025"}': 1,
    'halb_check_duration_seconds_bucket{type="ping",name="gateway",le="10.0"}': 1,
    'halb_check_duration_seconds_count{type="ping",name="gateway"}': 2,
    'halb_check_duration_seconds_sum{type="ping",name="gateway"}': 20.002,
    'halb_check_duration_seconds_bucket{type="http",name="",le="0.1"}': 1,
    'halb_timer_lateness_seconds_bucket{le="0.000008"}': 1,
    'halb_timer_lateness_seconds_bucket{le="0.000128"}': 2,
    'halb_timer_lateness_seconds_bucket{le="2.097152"}': 3,
    halb_timer_lateness_seconds_count: 3,
    halb_timer_lateness_seconds_sum: 0.003105,
    'halb_fifo_queued{path="/run/halb/notify"}': 3,
    'halb_fifo_dropped_total{path="/run/halb/notify"}': 1,
    halb_log_suppressed_total: 7,
    'halb_http_requests_total{code="401"}': 1,
    halb_process_resident_memory_bytes: 123_456_789,
  };
  for (const [series, value] of Object.entries(expected)) {
    assert.equal(page.get(series), value, series);
  }
  const gone = 'halb_real_server_connections{virtual_server="web-http",' +
    'real_server="198.51.100.12:8080",state="active"}';
  assert.equal(page.get(gone), undefined, "what is in no table has no connections");
});

Deno.test("what the kernel was not asked, or has not told, is absent rather than 0", () => {
  const { status: { ipvs, virtual_servers: [server] } } = facts();
  const uncounted = renderMetrics(facts({ ipvs: { ...ipvs!, counted_at: null } }), "text");
  assert.doesNotMatch(uncounted, /^halb_(virtual|real)_server_(packets|bytes|connections_sch)/m);
  assert.match(uncounted, /^halb_real_server_up\{.*\} 1$/m);
  const real_servers = server!.real_servers.map((real) => ({ ...real, since: null }));
  const half = renderMetrics(facts({ virtual_servers: [{ ...server!, real_servers }] }), "text");
  assert.match(half, /^halb_virtual_server_active/m);
  assert.doesNotMatch(half, /^halb_real_server_/m);
  const untold = facts({ virtual_servers: [{ ...server!, real_servers, since: null }] });
  assert.doesNotMatch(renderMetrics(untold, "text"), /^halb_(virtual|real)_server_/m);
});

Deno.test("buckets grow, and the last is the count", () => {
  for (const format of ["text", "openmetrics"] as const) {
    const lines = [...samples(renderMetrics(facts(), format))];
    let before = 0;
    for (const [series, value] of lines) {
      if (!series.includes('le="')) {
        if (/_count/.test(series)) assert.equal(value, before, series);
        if (!/_sum/.test(series)) before = 0;
        continue;
      }
      assert.ok(value >= before, series);
      before = value;
    }
  }
});

Deno.test("text of strangers and odd names stay within their quotes", () => {
  const evil = 'x"} 1\nhalb_forged{a="\\';
  const page = renderMetrics(facts({ ...document([master(evil)], evil) }), "text");
  assert.doesNotMatch(page, /^halb_forged/m);
  for (const line of page.trimEnd().split("\n")) {
    assert.match(
      line,
      /^(#|halb_[a-z_]+(\{([a-z_]+="([^"\\\n]|\\[\\"n])*",?)*\})? [-+0-9.eInf]+$)/,
    );
  }
});

Deno.test("what cannot happen without authentication makes no series until it does", () => {
  const page = renderMetrics(facts(), "text");
  assert.doesNotMatch(page, /reason="authentication_/);
});

Deno.test("a thousand routers and ten thousand servers are a page of bounded size", () => {
  const { status, ...others } = facts();
  const [router] = status.vrrp;
  const [server] = status.virtual_servers;
  const [real] = server!.real_servers;
  const many = {
    ...others,
    status: {
      ...status,
      vrrp: Array.from({ length: 1_000 }, (_, i) => ({ ...router!, name: `router-${i}` })),
      virtual_servers: Array.from({ length: 10 }, (_, i) => ({
        ...server!,
        name: `server-${i}`,
        real_servers: Array.from({ length: 1_000 }, (_, j) => ({
          ...real!,
          address: `198.51.100.${j % 250}:${8000 + Math.floor(j / 250)}`,
        })),
      })),
    },
  };
  const began = performance.now();
  const page = renderMetrics(many, "text");
  const took = performance.now() - began;
  const lines = page.split("\n").length;
  console.log(`${lines} lines, ${(page.length / 1e6).toFixed(1)} MB, ${took.toFixed(0)} ms`);
  assert.ok(lines < 1_000 * 60 + 10_000 * 12 + 1_000, `${lines} lines`);
});
