/**
 * Metrics of virtual routers and sync groups.
 *
 * @module
 */

import type { RouterStatus } from "../control/status.ts";
import type { Family, Sample } from "./exposition.ts";
import { type MetricFacts, oneHot, seconds } from "./facts.ts";

const STATES = ["init", "backup", "master", "fault"] as const;

type SessionStatus = RouterStatus["sessions"][number];

function ofRouters(of: (router: RouterStatus) => Iterable<Sample>) {
  return function* ({ status }: MetricFacts): Iterable<Sample> {
    for (const router of status.vrrp) yield* of(router);
  };
}

/** One number of each router. */
function perRouter(value: (router: RouterStatus) => number | null) {
  return ofRouters(function* (router): Iterable<Sample> {
    const found = value(router);
    if (found !== null) yield [[router.name], found];
  });
}

function ofSessions(of: (router: RouterStatus, session: SessionStatus) => Iterable<Sample>) {
  return ofRouters(function* (router): Iterable<Sample> {
    for (const session of router.sessions) yield* of(router, session);
  });
}

/** Counters of one word, by direction. */
function byDirection(count: "advertisements" | "priority_zero") {
  return ofSessions(function* ({ name }, { family, counters }): Iterable<Sample> {
    yield [[name, family, "sent"], counters[`${count}_sent`]];
    yield [[name, family, "received"], counters[`${count}_received`]];
  });
}

export const VRRP_FAMILIES: readonly Family<MetricFacts>[] = [
  {
    name: "halb_vrrp_state",
    type: "gauge",
    help: "State of a virtual router: 1 for the present one, 0 for the others.",
    labels: ["name", "interface", "virtual_router_id", "state"],
    samples: ofRouters((router) => {
      const { name, interface: own, virtual_router_id, state } = router;
      return oneHot([name, own, virtual_router_id], STATES, state);
    }),
  },
  {
    name: "halb_vrrp_transitions_total",
    type: "counter",
    help: "Changes of state of a virtual router.",
    labels: ["name"],
    samples: perRouter(({ transitions }) => transitions),
  },
  {
    name: "halb_vrrp_state_since_seconds",
    type: "gauge",
    help: "When a virtual router came into its state, seconds since 1970.",
    labels: ["name"],
    samples: perRouter(({ since }) => seconds(since)),
  },
  {
    name: "halb_vrrp_priority",
    type: "gauge",
    help: "Configured priority of a virtual router, 1 to 255.",
    labels: ["name"],
    samples: perRouter(({ priority }) => priority),
  },
  {
    name: "halb_vrrp_effective_priority",
    type: "gauge",
    help: "Priority that a virtual router advertises: with its trackers, a release or a claim.",
    labels: ["name"],
    samples: perRouter(({ effective_priority }) => effective_priority),
  },
  {
    name: "halb_vrrp_advertisements_total",
    type: "counter",
    help: "Adverts sent, and adverts received and believed.",
    labels: ["name", "family", "direction"],
    samples: byDirection("advertisements"),
  },
  {
    name: "halb_vrrp_priority_zero_total",
    type: "counter",
    help: "Adverts of priority 0: a master resigns.",
    labels: ["name", "family", "direction"],
    samples: byDirection("priority_zero"),
  },
  {
    name: "halb_vrrp_dropped_total",
    type: "counter",
    help: "Adverts that were not believed, by reason.",
    labels: ["name", "family", "reason"],
    samples: ofSessions(function* ({ name }, { family, counters, authentication }) {
      for (const [reason, count] of Object.entries(counters.dropped)) {
        const about = reason.startsWith("authentication_");
        // What cannot happen without authentication makes no series.
        if (count > 0 || !about || authentication !== null) yield [[name, family, reason], count];
      }
    }),
  },
  {
    name: "halb_vrrp_send_errors_total",
    type: "counter",
    help: "Adverts that the kernel did not take.",
    labels: ["name", "family"],
    samples: ofSessions(function* ({ name }, { family, counters }) {
      yield [[name, family], counters.send_errors];
    }),
  },
  {
    name: "halb_vrrp_stall_graces_total",
    type: "counter",
    help: "Times that a silent master was given time, because this process had stood still itself.",
    labels: ["name", "family"],
    samples: ofSessions(function* ({ name }, { family, counters }) {
      yield [[name, family], counters.stall_graces];
    }),
  },
  {
    name: "halb_vrrp_master_down_interval_seconds",
    type: "gauge",
    help: "How long a backup waits for an advert before it takes over.",
    labels: ["name", "family"],
    samples: ofSessions(function* ({ name }, { family, master_down_interval_ms: interval }) {
      yield [[name, family], interval / 1000];
    }),
  },
  {
    name: "halb_vrrp_tracker_healthy",
    type: "gauge",
    help: "Whether what a virtual router tracks is healthy.",
    labels: ["name", "kind", "tracker"],
    samples: ofRouters(function* ({ name, trackers }) {
      for (const one of trackers) yield [[name, one.kind, one.name], Number(one.healthy)];
    }),
  },
  {
    name: "halb_vrrp_tracker_contribution",
    type: "gauge",
    help: "What a tracker adds to the priority now.",
    labels: ["name", "kind", "tracker"],
    samples: ofRouters(function* ({ name, trackers }) {
      for (const one of trackers) yield [[name, one.kind, one.name], one.contribution];
    }),
  },
  {
    name: "halb_vrrp_addresses_held",
    type: "gauge",
    help: "Virtual addresses that are on this host now.",
    labels: ["name"],
    samples: perRouter(({ addresses_held }) => addresses_held.length),
  },
  {
    name: "halb_vrrp_addresses_failed",
    type: "gauge",
    help: "Virtual addresses that the kernel does not take.",
    labels: ["name"],
    samples: perRouter(({ addresses_failed }) => addresses_failed.length),
  },
  {
    name: "halb_vrrp_duplicate_holders",
    type: "gauge",
    help: "Others that hold an address of this virtual router.",
    labels: ["name"],
    samples: perRouter(({ duplicate_holders }) => duplicate_holders.length),
  },
  {
    name: "halb_vrrp_repairs_total",
    type: "counter",
    help: "Addresses, routes and rules that somebody else removed, and that were put back.",
    labels: ["name"],
    samples: perRouter(({ repairs }) => repairs),
  },
  {
    name: "halb_vrrp_announcements_total",
    type: "counter",
    help: "Gratuitous ARP packets and unsolicited neighbour advertisements sent.",
    labels: ["name"],
    samples: perRouter(({ announcements }) => announcements),
  },
  {
    name: "halb_vrrp_interface_dropped_total",
    type: "counter",
    help: "Adverts on an interface that no virtual router could be charged with, by reason.",
    labels: ["namespace", "interface", "family", "reason"],
    *samples({ status }) {
      for (const { namespace = "", name, family, dropped } of status.interfaces) {
        for (const [reason, count] of Object.entries(dropped)) {
          yield [[namespace, name, family, reason], count];
        }
      }
    },
  },
  {
    name: "halb_sync_group_state",
    type: "gauge",
    help: "State of a sync group: 1 for the present one, 0 for the others.",
    labels: ["name", "state"],
    *samples({ status }) {
      for (const { name, state } of status.sync_groups) yield* oneHot([name], STATES, state);
    },
  },
];
