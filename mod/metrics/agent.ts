/**
 * Metrics of health checks and of the agent itself.
 *
 * @module
 */

import { DURATION_BOUNDS } from "../plane/check_tally.ts";
import type { Family, HistogramSample, Sample } from "./exposition.ts";
import { latenessSample, type MetricFacts, seconds } from "./facts.ts";

/** Buckets in seconds. */
const DURATIONS = DURATION_BOUNDS.map((micros) => micros / 1e6);

function durationSample({ durations, results, sum }: MetricFacts["checks"][number]) {
  let seen = 0;
  return {
    bounds: DURATIONS,
    cumulative: durations.map((count) => seen += count),
    sum: sum / 1e6,
    count: results.passed + results.failed,
  } satisfies HistogramSample;
}

export const CHECK_FAMILIES: readonly Family<MetricFacts>[] = [
  {
    name: "halb_check_healthy",
    type: "gauge",
    help: "Whether a check with a name is healthy; absent while nothing is known.",
    labels: ["type", "name"],
    *samples({ status }) {
      for (const { name, type, healthy } of status.checks) {
        if (name !== null && healthy !== null) yield [[type, name], Number(healthy)];
      }
    },
  },
  {
    name: "halb_check_transitions_total",
    type: "counter",
    help: "Changes of the health of a check with a name.",
    labels: ["type", "name"],
    *samples({ status }) {
      for (const { name, type, transitions } of status.checks) {
        if (name !== null) yield [[type, name], transitions];
      }
    },
  },
  {
    name: "halb_check_duration_seconds",
    type: "histogram",
    help: "How long probes took; those of checks without a name together, by type.",
    labels: ["type", "name"],
    *samples({ checks }) {
      for (const one of checks) yield [[one.type, one.name], durationSample(one)];
    },
  },
  {
    name: "halb_check_results_total",
    type: "counter",
    help: "How probes ended; void: this process stood still, so that nothing is known.",
    labels: ["type", "name", "result"],
    *samples({ checks }) {
      for (const { type, name, results } of checks) {
        for (const [result, count] of Object.entries(results)) yield [[type, name, result], count];
      }
    },
  },
  {
    name: "halb_probe_lateness_seconds",
    type: "histogram",
    help: "From when a probe over a socket was due until it began.",
    labels: [],
    *samples({ probeLateness }) {
      if (probeLateness !== null) yield [[], latenessSample(probeLateness)];
    },
  },
];

function* byKey(counts: Readonly<Record<string, number>>): Iterable<Sample> {
  for (const [key, count] of Object.entries(counts)) yield [[key], count];
}

function ofFifos(value: (fifo: { held: number; lost: number }) => number) {
  return function* ({ status }: MetricFacts): Iterable<Sample> {
    for (const fifo of status.notifications.fifos) yield [[fifo.path], value(fifo)];
  };
}

function ofMail(value: "sent" | "waiting" | "failures" | "lost") {
  return function* ({ status: { notifications: { mail } } }: MetricFacts): Iterable<Sample> {
    if (mail !== null) yield [[], mail[value]];
  };
}

export const AGENT_FAMILIES: readonly Family<MetricFacts>[] = [
  {
    name: "halb_build_info",
    type: "gauge",
    help: "Always 1; which halb this is.",
    labels: ["version"],
    samples: ({ status }) => [[[status.version], 1]],
  },
  {
    name: "halb_agent_info",
    type: "gauge",
    help: "Always 1; the name of this node.",
    labels: ["name"],
    samples: ({ status }) => [[[status.name], 1]],
  },
  {
    name: "halb_agent_instance_info",
    type: "gauge",
    help:
      "Always 1; which of several agents on its host this is. Not there for one without a name.",
    // `instance` is what Prometheus calls the address that it asks.
    labels: ["agent_instance"],
    samples: ({ status }) => status.instance === null ? [] : [[[status.instance], 1]],
  },
  {
    name: "halb_start_time_seconds",
    type: "gauge",
    help: "When this process started, seconds since 1970.",
    labels: [],
    samples: ({ status }) => [[[], seconds(status.started)]],
  },
  {
    name: "halb_config_generation",
    type: "gauge",
    help: "Configurations that this process has applied.",
    labels: [],
    samples: ({ status }) => [[[], status.generation]],
  },
  {
    name: "halb_config_loaded_time_seconds",
    type: "gauge",
    help: "When the present configuration was applied, seconds since 1970.",
    labels: [],
    samples: ({ status }) => [[[], seconds(status.config.loaded)]],
  },
  {
    name: "halb_config_last_reload_successful",
    type: "gauge",
    help: "Whether the last reload was applied; 1 where there was none.",
    labels: [],
    samples({ status: { config: { last_reload: last } } }) {
      return [[[], Number(last === null || last.result === "applied")]];
    },
  },
  {
    name: "halb_reload_total",
    type: "counter",
    help: "Reloads by result.",
    labels: ["result"],
    samples: ({ counts }) => byKey(counts.reloads),
  },
  {
    name: "halb_timer_lateness_seconds",
    type: "histogram",
    help: "How late the protocol thread woke up for its timers.",
    labels: [],
    samples: ({ lateness }) => [[[], latenessSample(lateness)]],
  },
  {
    name: "halb_fifo_queued",
    type: "gauge",
    help: "Events that wait for the reader of a FIFO.",
    labels: ["path"],
    samples: ofFifos(({ held }) => held),
  },
  {
    name: "halb_fifo_dropped_total",
    type: "counter",
    help: "Events that went because nobody read the FIFO.",
    labels: ["path"],
    samples: ofFifos(({ lost }) => lost),
  },
  {
    name: "halb_mail_sent_total",
    type: "counter",
    help: "Mails that the server has taken.",
    labels: [],
    samples: ofMail("sent"),
  },
  {
    name: "halb_mail_waiting",
    type: "gauge",
    help: "Mails and changes that wait to be sent.",
    labels: [],
    samples: ofMail("waiting"),
  },
  {
    name: "halb_mail_failures_total",
    type: "counter",
    help: "Attempts to send a mail that failed.",
    labels: [],
    samples: ofMail("failures"),
  },
  {
    name: "halb_mail_dropped_total",
    type: "counter",
    help: "Mails that were given up.",
    labels: [],
    samples: ofMail("lost"),
  },
  {
    name: "halb_log_records_total",
    type: "counter",
    help: "Log records by level, also those below the level that is written.",
    labels: ["level"],
    samples: ({ counts }) => byKey(counts.logRecords),
  },
  {
    name: "halb_log_suppressed_total",
    type: "counter",
    help: "Log lines that were left out because there were too many like them.",
    labels: [],
    samples: ({ counts }) => [[[], counts.logSuppressed]],
  },
  {
    name: "halb_http_requests_total",
    type: "counter",
    help: "Requests to this page and its neighbours, by the status code of the answer.",
    labels: ["code"],
    samples: ({ counts }) => byKey(counts.requests),
  },
  {
    name: "halb_clients_dropped_total",
    type: "counter",
    help: "Clients that were let go: they neither asked nor read, or others waited behind them.",
    labels: ["server"],
    samples: ({ counts }) => byKey(counts.droppedClients),
  },
  {
    name: "halb_process_resident_memory_bytes",
    type: "gauge",
    help: "Memory of this process that is in RAM.",
    labels: [],
    samples: ({ process }) => [[[], process.residentBytes]],
  },
  {
    name: "halb_process_cpu_seconds_total",
    type: "counter",
    help: "Processor time of this process, all threads, user and system.",
    labels: [],
    samples: ({ process }) => [[[], process.cpuSeconds]],
  },
];
