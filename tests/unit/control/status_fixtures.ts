/** A status document from hand-made state. */

import {
  buildStatus,
  type RouterFacts,
  type Status,
  type WaitingReloads,
} from "../../../mod/control/status.ts";
import { Counters } from "../../../mod/plane/counters.ts";
import { Histogram } from "../../../mod/plane/histogram.ts";
import type { ProtocolState } from "../../../mod/plane/state.ts";
import {
  createRouter,
  type Router,
  type RouterSettings,
  USUAL_ELECTION,
} from "../../../mod/vrrp/mod.ts";

export const NOW = Date.parse("2026-01-02T03:04:05.000Z");

/** Reloads of an agent that runs what is in its file. */
export const NOTHING_WAITS: WaitingReloads = {
  confirmation: null,
  scheduled: null,
  rolled_back: null,
  differs: false,
};

export function wallTime(micros: number): string {
  return new Date(NOW + micros / 1000).toISOString();
}

export function settings(name: string): RouterSettings {
  return {
    name,
    version: 3,
    family: "ipv4",
    version2: false,
    virtualRouterId: 51,
    priority: 150,
    advertisementInterval: 100_000,
    addresses: ["192.0.2.10"],
    preempt: true,
    ...USUAL_ELECTION,
    checksum: "auto",
  };
}

/** A router that has been master for 72 s. */
export function master(name: string): Router {
  const router = createRouter(settings(name), -100_000_000);
  return {
    ...router,
    state: "master",
    since: -72_000_000,
    transitions: 2,
    source: "192.0.2.1",
    contribution: -30,
  };
}

export function document(routers: readonly Router[], interfaceName = "eth0"): Status {
  const lateness = new Histogram();
  for (let i = 0; i < 99; i++) lateness.record(20);
  lateness.record(1200);
  const state: ProtocolState = {
    trackers: [],
    type: "state",
    id: "p:9",
    cause: "c:1",
    at: 0,
    routers: routers.map((router) => ({
      router,
      interface: interfaceName,
      settings: router.settings,
      name: router.settings.name,
      group: null,
      trackers: [
        {
          name: "eth1",
          kind: "interface",
          healthy: false,
          contribution: -30,
          reason: "down",
          fault: false,
        },
      ],
    })),
    groups: [],
    lateness: lateness.data(),
    stalls: [{ at: -1_000_000, length: 4_100 }],
    interfaces: [{ namespace: "", name: interfaceName, family: "ipv4", dropped: { ttl: 3 } }],
    scheduling: { policy: "fifo", priority: 50 },
  };
  const counters = new Counters();
  counters.add(0, "advertisements_sent");
  counters.add(0, "dropped.ttl");
  const factsOf = (name: string): RouterFacts => ({
    holding: {
      name,
      slot: 0,
      namespace: "",
      addresses: [{ address: "192.0.2.10", prefixLength: 24, interface: interfaceName }],
      lease: 3,
      announce: { repeat: 5, delay: 0, refresh: 0, refreshRepeat: 1, interval: 0 },
    },
    report: {
      type: "addresses",
      id: "k:1",
      cause: "p:1",
      router: name,
      wanted: true,
      present: ["192.0.2.10"],
      failed: [],
      repairs: 1,
      announcements: 5,
    },
    counters: counters.read(0),
  });
  const agent = {
    version: "0.1.0",
    pid: 7,
    name: "edge-a",
    instance: "blue",
    protocol_number: 112,
    started: wallTime(-200_000_000),
    generation: 3,
    config: {
      path: "site.toml",
      loaded: wallTime(0),
      sha256: "00",
      last_reload: null,
      ...NOTHING_WAITS,
    },
    notifications: { fifos: [], mail: null },
    http: null,
    log: { level: "info" as const, levels: {}, ordered: [], targets: [] },
    snmp: null,
  };
  return buildStatus(agent, state, factsOf, wallTime);
}
