/**
 * Metrics of virtual and real servers.
 *
 * @module
 */

import type { RealServerStatus, VirtualServerStatus } from "../control/balance_status.ts";
import type { Family, Sample } from "./exposition.ts";
import type { MetricFacts } from "./facts.ts";

const STATES = ["up", "down", "draining"] as const;

/** What the kernel counts of virtual and real servers alike. */
type Traffic = VirtualServerStatus["counters"];

/** Of those that the kernel plane has told of: what is not known yet is no 0. */
function ofServers(of: (server: VirtualServerStatus) => Iterable<Sample>) {
  return function* ({ status }: MetricFacts): Iterable<Sample> {
    for (const server of status.virtual_servers) if (server.since !== null) yield* of(server);
  };
}

/** What the kernel has counted: absent while it was not read, so that nothing falls to 0 and back. */
function counted(samples: (facts: MetricFacts) => Iterable<Sample>) {
  return function* (facts: MetricFacts): Iterable<Sample> {
    if (typeof facts.status.ipvs?.counted_at === "string") yield* samples(facts);
  };
}

/** One number of each virtual server. */
function perServer(value: (server: VirtualServerStatus) => number) {
  return ofServers(function* (server): Iterable<Sample> {
    yield [[server.name], value(server)];
  });
}

function ofRealServers(
  of: (labels: readonly string[], real: RealServerStatus) => Iterable<Sample>,
) {
  return ofServers(function* (server): Iterable<Sample> {
    for (const real of server.real_servers) {
      if (real.since !== null) yield* of([server.name, real.address], real);
    }
  });
}

/** One number of each real server; null: it has none. */
function perRealServer(value: (real: RealServerStatus) => number | null) {
  return ofRealServers(function* (labels, real): Iterable<Sample> {
    const found = value(real);
    if (found !== null) yield [labels, found];
  });
}

function* byDirection(
  labels: readonly string[],
  counters: Traffic,
  unit: "packets" | "bytes",
): Iterable<Sample> {
  yield [[...labels, "in"], counters[`${unit}_in`]];
  yield [[...labels, "out"], counters[`${unit}_out`]];
}

const REAL = ["virtual_server", "real_server"] as const;

export const BALANCE_FAMILIES: readonly Family<MetricFacts>[] = [
  {
    name: "halb_virtual_server_active",
    type: "gauge",
    help:
      "Whether a virtual server is in the kernel's table; one that follows a router need not be.",
    labels: ["name"],
    samples: perServer(({ active }) => Number(active)),
  },
  {
    name: "halb_virtual_server_quorum_met",
    type: "gauge",
    help: "Whether enough real servers of a virtual server are up.",
    labels: ["name"],
    samples: perServer(({ quorum }) => Number(quorum.met)),
  },
  {
    name: "halb_virtual_server_quorum_required",
    type: "gauge",
    help: "Weight that is needed for the quorum.",
    labels: ["name"],
    samples: perServer(({ quorum }) => quorum.required),
  },
  {
    name: "halb_virtual_server_quorum_current",
    type: "gauge",
    help: "Weight of the real servers that are up.",
    labels: ["name"],
    samples: perServer(({ quorum }) => quorum.current),
  },
  {
    name: "halb_virtual_server_sorry_server_active",
    type: "gauge",
    help: "Whether the sorry server serves.",
    labels: ["name"],
    samples: perServer(({ sorry_server_active: active }) => Number(active)),
  },
  {
    name: "halb_virtual_server_transitions_total",
    type: "counter",
    help: "Changes of a virtual server's quorum.",
    labels: ["name"],
    samples: perServer(({ transitions }) => transitions),
  },
  {
    name: "halb_virtual_server_real_servers",
    type: "gauge",
    help: "Real servers of a virtual server, by state.",
    labels: ["name", "state"],
    samples: ofServers(function* ({ name, real_servers: all }) {
      for (const state of STATES) {
        yield [[name, state], all.filter((real) => real.state === state).length];
      }
    }),
  },
  {
    name: "halb_virtual_server_connections_scheduled_total",
    type: "counter",
    help: "Connections that the kernel has given to a real server of this virtual server.",
    labels: ["name"],
    samples: counted(perServer(({ counters }) => counters.connections)),
  },
  {
    name: "halb_virtual_server_packets_total",
    type: "counter",
    help: "Packets of a virtual server as the kernel counts them: in from clients, out to them.",
    labels: ["name", "direction"],
    samples: counted(ofServers(({ name, counters }) => byDirection([name], counters, "packets"))),
  },
  {
    name: "halb_virtual_server_bytes_total",
    type: "counter",
    help: "Bytes of a virtual server as the kernel counts them: in from clients, out to them.",
    labels: ["name", "direction"],
    samples: counted(ofServers(({ name, counters }) => byDirection([name], counters, "bytes"))),
  },
  {
    name: "halb_real_server_up",
    type: "gauge",
    help: "Whether a real server is up; one that is being drained is not.",
    labels: REAL,
    samples: perRealServer(({ state }) => Number(state === "up")),
  },
  {
    name: "halb_real_server_draining",
    type: "gauge",
    help: "Whether a real server is being drained.",
    labels: REAL,
    samples: perRealServer(({ state }) => Number(state === "draining")),
  },
  {
    name: "halb_real_server_weight",
    type: "gauge",
    help: "Configured weight of a real server.",
    labels: REAL,
    samples: perRealServer(({ weight }) => weight),
  },
  {
    name: "halb_real_server_effective_weight",
    type: "gauge",
    help: "Weight of a real server in the kernel's table.",
    labels: REAL,
    samples: perRealServer(({ effective_weight }) => effective_weight),
  },
  {
    name: "halb_real_server_transitions_total",
    type: "counter",
    help: "Changes of a real server's state.",
    labels: REAL,
    samples: perRealServer(({ transitions }) => transitions),
  },
  {
    name: "halb_real_server_connections",
    type: "gauge",
    help: "Connections of a real server that is in the kernel's table, by state.",
    labels: [...REAL, "state"],
    samples: ofRealServers(function* (labels, { counters }) {
      const { active_connections: active, inactive_connections: inactive } = counters;
      if (active !== null) yield [[...labels, "active"], active];
      if (inactive !== null) yield [[...labels, "inactive"], inactive];
    }),
  },
  {
    name: "halb_real_server_connections_scheduled_total",
    type: "counter",
    help: "Connections that the kernel has given to a real server.",
    labels: REAL,
    samples: counted(perRealServer(({ counters }) => counters.connections)),
  },
  {
    name: "halb_real_server_packets_total",
    type: "counter",
    help: "Packets of a real server as the kernel counts them: in from clients, out to them.",
    labels: [...REAL, "direction"],
    samples: counted(
      ofRealServers((labels, { counters }) => byDirection(labels, counters, "packets")),
    ),
  },
  {
    name: "halb_real_server_bytes_total",
    type: "counter",
    help: "Bytes of a real server as the kernel counts them: in from clients, out to them.",
    labels: [...REAL, "direction"],
    samples: counted(
      ofRealServers((labels, { counters }) => byDirection(labels, counters, "bytes")),
    ),
  },
  {
    name: "halb_ipvs_usable",
    type: "gauge",
    help: "Whether there is a table of the kernel's to work on, and all of it is as it should be.",
    labels: [],
    *samples({ status: { ipvs } }) {
      if (ipvs !== null) yield [[], Number(ipvs.trouble === null && ipvs.failures.length === 0)];
    },
  },
  {
    name: "halb_ipvs_repairs_total",
    type: "counter",
    help: "Times that somebody else's change of the kernel's table was put right.",
    labels: [],
    *samples({ status: { ipvs } }) {
      if (ipvs !== null) yield [[], ipvs.repairs];
    },
  },
  {
    name: "halb_ipvs_stale",
    type: "gauge",
    help: "Whether the kernel plane did not answer in time, so that all of this is an old reading.",
    labels: [],
    *samples({ status: { ipvs } }) {
      if (ipvs !== null) yield [[], Number(ipvs.stale)];
    },
  },
  {
    name: "halb_ipvs_sync_daemon_running",
    type: "gauge",
    help: "Whether a daemon that synchronises connections runs, in either role.",
    labels: ["interface", "id"],
    *samples({ status: { ipvs_sync: sync } }) {
      for (const { interface: own, id, role } of sync?.daemons ?? []) {
        yield [[own, id], Number(role !== null)];
      }
    },
  },
];
