/** All that metrics are made of: one of everything that has any. */

import { createSession, type Session } from "../../../mod/bfd/mod.ts";
import { balanceStatus } from "../../../mod/control/balance_status.ts";
import { checkStatus } from "../../../mod/control/check_status.ts";
import { reflectorStatus, sessionStatus } from "../../../mod/control/bfd_status.ts";
import type { MetricFacts } from "../../../mod/metrics/mod.ts";
import { CheckTally } from "../../../mod/plane/check_tally.ts";
import { Histogram } from "../../../mod/plane/histogram.ts";
import { bfdSettings } from "../../lib/bfd_settings.ts";
import {
  balancePlan,
  balanceState,
  report,
  serverReport,
  virtualServer,
} from "../control/balance_fixtures.ts";
import { reportOf } from "../control/bfd_status_fixtures.ts";
import { document, master, NOW, wallTime } from "../control/status_fixtures.ts";

/** Lateness of three timers: 5 µs, 100 µs, 3 ms. */
export function lateness() {
  const histogram = new Histogram();
  for (const micros of [5, 100, 3000]) histogram.record(micros);
  return histogram.data();
}

/** Two probes that passed after 2 ms and 70 ms, one that failed after 20 s, one void. */
function tally() {
  const checks = new CheckTally();
  checks.record("gateway", "ping", "passed", 2_000);
  checks.record("gateway", "ping", "failed", 20_000_000);
  checks.record("gateway", "ping", "void", 9);
  checks.record("http/198.51.100.11:8080/0123456789abcdef", "http", "passed", 70_000);
  return checks.data();
}

function session() {
  const made = createSession(bfdSettings({}), { discriminator: 11, sequence: 1 }, -5_000_000);
  const up: Session = { ...made, state: "up", transitions: 3, remoteDiscriminator: 22 };
  const report = reportOf(up, {
    stallGraces: 1,
    dropped: { ttl: 4 },
    echo: {
      active: true,
      sent: 30,
      returned: 29,
      reflected: 5,
      forwarded: 0,
      sendErrors: 0,
      dropped: {},
      roundTrip: { last: 200, least: 150, most: 900, smoothed: 250 },
    },
  });
  return sessionStatus(report, { wallTime, reasonOf: () => undefined });
}

/** @param more what is to be otherwise in the status */
export function facts(more: Partial<MetricFacts["status"]> = {}): MetricFacts {
  const plan = {
    ...balancePlan(virtualServer()),
    syncDaemons: [{ role: "master", interface: "eth1", id: 1 }],
  } as unknown as ReturnType<typeof balancePlan>;
  const real = [
    serverReport("198.51.100.11:8080"),
    serverReport("198.51.100.12:8080", { state: "draining", connections: null, counters: null }),
  ];
  const state = { ...balanceState(report({ servers: real })), repairs: 2, countedAt: 0 };
  const gateway = {
    check: "gateway",
    health: "up",
    reason: "",
    since: 0,
    transitions: 6,
    last: null,
    lastError: null,
    held: null,
    flapping: false,
    weight: null,
    passed: 1,
    failed: 1,
    voided: 1,
  } as const;
  const identity = { id: "gateway", type: "ping", named: true, asked: "192.0.2.1" };
  return {
    status: {
      ...document([master("web")]),
      sync_groups: [{
        name: "site",
        state: "backup",
        since: wallTime(0),
        need: "all",
        members: ["web"],
        override: null,
      }],
      bfd: [session()],
      bfd_dropped: { unknown_session: 12 },
      bfd_reflector: reflectorStatus({
        waitingFor: [],
        packetsReceived: 4,
        packetsSent: 3,
        sendErrors: 0,
        pauses: 0,
        dropped: {},
      }),
      bfd_unsolicited: { waiting_for: [], sessions: 2, limit: 10, refused: {} },
      ...balanceStatus({ plan, state, stale: false }, wallTime),
      checks: [checkStatus({ ...identity, report: gateway }, [], wallTime)],
      notifications: {
        fifos: [{ path: "/run/halb/notify", held: 3, lost: 1, format: "text" }],
        mail: { sent: 5, waiting: 1, failures: 2, lost: 0 },
      },
      ...more,
    },
    lateness: lateness(),
    probeLateness: lateness(),
    checks: tally(),
    counts: {
      reloads: { applied: 2, invalid: 1, failed: 0 },
      logRecords: { debug: 0, info: 9, warning: 1, error: 0 },
      logSuppressed: 7,
      requests: { 200: 3, 401: 1 },
      droppedClients: { control: 2, http: 5 },
    },
    process: { residentBytes: 123_456_789, cpuSeconds: 1.5 },
  };
}

/** Seconds since 1970 of the fixtures' present. */
export const PRESENT = NOW / 1000;
