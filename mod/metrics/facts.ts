/**
 * What metrics are made of: the status document, and what is too much for it.
 *
 * @module
 */

import type { Status } from "../control/status.ts";
import type { CheckCount } from "../plane/check_tally.ts";
import { bucketBound, type HistogramData } from "../plane/histogram.ts";
import type { HistogramSample } from "./exposition.ts";

/** The process as the kernel counts it. */
export interface ProcessFacts {
  readonly residentBytes: number;
  /** All threads, user and system. */
  readonly cpuSeconds: number;
}

/** Counts that control itself keeps. */
export interface ControlCounts {
  /** By result. */
  readonly reloads: Readonly<Record<string, number>>;
  /** By level. */
  readonly logRecords: Readonly<Record<string, number>>;
  readonly logSuppressed: number;
  /** Answers by status code. */
  readonly requests: Readonly<Record<string, number>>;
  /** Clients that were let go, by `control` and `http`. */
  readonly droppedClients: Readonly<Record<string, number>>;
}

/** All that is measured at one moment. */
export interface MetricFacts {
  readonly status: Status;
  /** Of the protocol plane's timers, microseconds. */
  readonly lateness: HistogramData;
  /** Of probes over sockets; null: there are none. */
  readonly probeLateness: HistogramData | null;
  readonly checks: readonly CheckCount[];
  readonly counts: ControlCounts;
  readonly process: ProcessFacts;
}

/** Buckets of lateness: from 8 µs to 2.1 s, each twice the one before. */
const FIRST_DOUBLING = 3;
const LAST_DOUBLING = 21;
const BUCKETS_PER_DOUBLING = 4;

/** A histogram of the planes' in seconds. */
export function latenessSample({ counts, total, sum }: HistogramData): HistogramSample {
  const bounds: number[] = [];
  const cumulative: number[] = [];
  let seen = 0;
  counts.forEach((count, i) => {
    seen += count;
    const doubling = i / BUCKETS_PER_DOUBLING;
    if (!Number.isInteger(doubling) || doubling < FIRST_DOUBLING || doubling > LAST_DOUBLING) {
      return;
    }
    bounds.push(bucketBound(i) / 1e6);
    cumulative.push(seen);
  });
  return { bounds, cumulative, sum: sum / 1e6, count: total };
}

/** Seconds since 1970 of a time in RFC 3339. */
export function seconds(time: string): number {
  return Date.parse(time) / 1000;
}

/** A state among others: 1 for the present one, 0 for each of the rest. */
export function* oneHot(
  labels: readonly (string | number)[],
  states: readonly string[],
  present: string,
): Iterable<readonly [readonly (string | number)[], number]> {
  for (const state of states) yield [[...labels, state], state === present ? 1 : 0];
}
