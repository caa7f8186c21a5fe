/** Virtual servers as planned and as reported. */

import type { RealServerSettings, VirtualServerSettings } from "../../../mod/balance/settings.ts";
import type {
  BalancePlan,
  BalanceState,
  RealServerReport,
  VirtualServerReport,
} from "../../../mod/plane/balance.ts";
import { planOf, realServerOf, serverOf, virtualServerOf } from "../../lib/balance.ts";

export function realServer(
  name: string,
  more: Partial<RealServerSettings> = {},
): RealServerSettings {
  const [address = "", port] = name.split(":");
  return realServerOf(name, serverOf(address, { port: Number(port), weight: 10 }), more);
}

export function virtualServer(more: Partial<VirtualServerSettings> = {}): VirtualServerSettings {
  const servers = [realServer("198.51.100.11:8080"), realServer("198.51.100.12:8080")];
  return virtualServerOf("web-http", "192.0.2.10", servers, { quorum: 2, ...more });
}

export function balancePlan(...servers: readonly VirtualServerSettings[]): BalancePlan {
  return planOf(servers);
}

export function serverReport(
  name: string,
  more: Partial<RealServerReport> = {},
): RealServerReport {
  return {
    name,
    weight: 10,
    effectiveWeight: 10,
    override: null,
    state: "up",
    reason: "no check fails",
    since: 0,
    transitions: 0,
    drain: null,
    connections: { active: 3, inactive: 1 },
    counters: { connections: 7, packetsIn: 70, packetsOut: 60, bytesIn: 7000, bytesOut: 6000 },
    ...more,
  };
}

export function report(more: Partial<VirtualServerReport> = {}): VirtualServerReport {
  return {
    name: "web-http",
    active: true,
    quorum: { required: 2, current: 20, met: true },
    sorryServerActive: false,
    since: 0,
    transitions: 1,
    counters: { connections: 9, packetsIn: 90, packetsOut: 80, bytesIn: 9000, bytesOut: 8000 },
    servers: [serverReport("198.51.100.11:8080"), serverReport("198.51.100.12:8080")],
    ...more,
  };
}

export function balanceState(...servers: readonly VirtualServerReport[]): BalanceState {
  return {
    type: "balance_state",
    id: "t:1",
    cause: "c:1",
    at: 0,
    servers,
    failures: [],
    repairs: 0,
    trouble: null,
    sync: [],
    memory: { servers: [], checks: [], own: [] },
  };
}
