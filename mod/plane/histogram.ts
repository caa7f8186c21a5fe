/**
 * A histogram of durations in microseconds with fixed buckets, four to each power of two: cheap
 * enough for every wake-up of a loop, exact enough for a percentile within a fifth.
 *
 * @module
 */

const BUCKETS_PER_DOUBLING = 4;
const DOUBLINGS = 26;

/** Serialisable content: counts by bucket, and the largest value seen. */
export interface HistogramData {
  readonly counts: readonly number[];
  readonly total: number;
  /** Microseconds. */
  readonly max: number;
  /** Of all values, microseconds. */
  readonly sum: number;
}

/** Upper bound of bucket `index`, microseconds. */
export function bucketBound(index: number): number {
  return Math.round(2 ** (index / BUCKETS_PER_DOUBLING));
}

export class Histogram {
  readonly #counts = new Float64Array(BUCKETS_PER_DOUBLING * DOUBLINGS);
  #total = 0;
  #max = 0;
  #sum = 0;

  /** Notes one duration, microseconds; less than one counts as one. */
  record(micros: number): void {
    const index = micros <= 1 ? 0 : Math.ceil(Math.log2(micros) * BUCKETS_PER_DOUBLING);
    const last = this.#counts.length - 1;
    const bucket = index < last ? index : last;
    this.#counts[bucket] = this.#counts[bucket]! + 1;
    this.#total++;
    this.#sum += micros;
    if (micros > this.#max) this.#max = micros;
  }

  data(): HistogramData {
    const counts = Array.from(this.#counts);
    return { counts, total: this.#total, max: this.#max, sum: this.#sum };
  }
}

/** The bound below which `share` (0 to 1) of the values lie; 0 where there are none. */
export function percentile(data: HistogramData, share: number): number {
  let seen = 0;
  for (let i = 0; i < data.counts.length; i++) {
    seen += data.counts[i]!;
    if (seen > 0 && seen >= share * data.total) return Math.min(bucketBound(i), data.max);
  }
  return data.max;
}
