/**
 * Metrics of BFD sessions.
 *
 * @module
 */

import type { SessionStatus } from "../control/bfd_status.ts";
import type { Family, Sample } from "./exposition.ts";
import { type MetricFacts, oneHot, seconds } from "./facts.ts";

/** As RFC 9127 names them. */
const STATES = ["admin-down", "down", "init", "up"] as const;

function ofSessions(of: (session: SessionStatus) => Iterable<Sample>) {
  return function* ({ status }: MetricFacts): Iterable<Sample> {
    for (const session of status.bfd) yield* of(session);
  };
}

/** One number of each session; null: it has none. */
function perSession(value: (session: SessionStatus) => number | null) {
  return ofSessions(function* (session): Iterable<Sample> {
    const found = value(session);
    if (found !== null) yield [[session.name], found];
  });
}

function* byReason(
  labels: readonly string[],
  counts: Readonly<Record<string, number>>,
): Iterable<Sample> {
  for (const [reason, count] of Object.entries(counts)) yield [[...labels, reason], count];
}

export const BFD_FAMILIES: readonly Family<MetricFacts>[] = [
  {
    name: "halb_bfd_session_up",
    type: "gauge",
    help: "Whether a BFD session is up.",
    labels: ["name", "peer"],
    samples: ofSessions(function* ({ name, peer, state }) {
      yield [[name, peer], Number(state === "up")];
    }),
  },
  {
    name: "halb_bfd_session_state",
    type: "gauge",
    help: "State of a BFD session: 1 for the present one, 0 for the others.",
    labels: ["name", "state"],
    samples: ofSessions(({ name, state }) => oneHot([name], STATES, state)),
  },
  {
    name: "halb_bfd_transitions_total",
    type: "counter",
    help: "Changes of state of a BFD session.",
    labels: ["name"],
    samples: perSession(({ transitions }) => transitions),
  },
  {
    name: "halb_bfd_state_since_seconds",
    type: "gauge",
    help: "When a BFD session came into its state, seconds since 1970.",
    labels: ["name"],
    samples: perSession(({ since }) => seconds(since)),
  },
  {
    name: "halb_bfd_packets_total",
    type: "counter",
    help: "Control packets sent, and control packets received and believed.",
    labels: ["name", "direction"],
    samples: ofSessions(function* ({ name, counters }) {
      yield [[name, "sent"], counters.packets_sent];
      yield [[name, "received"], counters.packets_received];
    }),
  },
  {
    name: "halb_bfd_dropped_total",
    type: "counter",
    help: "Control packets of a session that were not believed, by reason.",
    labels: ["name", "reason"],
    samples: ofSessions(({ name, counters }) => byReason([name], counters.dropped)),
  },
  {
    name: "halb_bfd_send_errors_total",
    type: "counter",
    help: "Control packets that the kernel did not take.",
    labels: ["name"],
    samples: perSession(({ counters }) => counters.send_errors),
  },
  {
    name: "halb_bfd_stall_graces_total",
    type: "counter",
    help: "Times that a silent peer was given time, because this process had stood still itself.",
    labels: ["name"],
    samples: perSession(({ counters }) => counters.stall_graces),
  },
  {
    name: "halb_bfd_transmit_interval_seconds",
    type: "gauge",
    help: "Between two control packets of ours, as agreed now.",
    labels: ["name"],
    samples: perSession(({ transmit_interval_ms: interval }) => interval / 1000),
  },
  {
    name: "halb_bfd_detection_time_seconds",
    type: "gauge",
    help: "How long the peer may be silent, as agreed now.",
    labels: ["name"],
    samples: perSession(({ detection_time_ms: time }) => time === null ? null : time / 1000),
  },
  {
    name: "halb_bfd_echo_round_trip_seconds",
    type: "gauge",
    help: "Round trip of echo packets, smoothed.",
    labels: ["name"],
    samples: perSession(({ echo }) => echo?.rtt_ms == null ? null : echo.rtt_ms / 1000),
  },
  {
    name: "halb_bfd_echo_packets_total",
    type: "counter",
    help: "Echo packets: ours that were sent and came back, the peer's that we have sent back.",
    labels: ["name", "direction"],
    samples: ofSessions(function* ({ name, echo }) {
      if (echo === null) return;
      yield [[name, "sent"], echo.sent];
      yield [[name, "returned"], echo.returned];
      yield [[name, "reflected"], echo.reflected];
    }),
  },
  {
    name: "halb_bfd_unmatched_dropped_total",
    type: "counter",
    help: "Packets to the ports of BFD that no session could be charged with, by reason.",
    labels: ["reason"],
    samples: ({ status }) => byReason([], status.bfd_dropped),
  },
  {
    name: "halb_bfd_reflector_packets_total",
    type: "counter",
    help: "Packets of the reflector of Seamless BFD.",
    labels: ["direction"],
    *samples({ status: { bfd_reflector: reflector } }) {
      if (reflector === null) return;
      yield [["received"], reflector.counters.packets_received];
      yield [["sent"], reflector.counters.packets_sent];
    },
  },
  {
    name: "halb_bfd_unsolicited_sessions",
    type: "gauge",
    help: "BFD sessions that others have begun.",
    labels: [],
    *samples({ status: { bfd_unsolicited: unsolicited } }) {
      if (unsolicited !== null) yield [[], unsolicited.sessions];
    },
  },
];
