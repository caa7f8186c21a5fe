/**
 * Events over HTTP. Who looks on asks for what is new, which is in memory; what was before is read
 * from the recording once for all who ask within some seconds, however many they are.
 *
 * @module
 */

import type { EventsQuery } from "../control/http_site.ts";
import type { FlightEvent } from "../events/mod.ts";

/** Events of one answer at most, and of what is read from the recording. */
const MOST = 1_000;
/** How long what was read is given to others: its file has many megabytes. Milliseconds. */
const FRESH = 10_000;
/** Answers that are kept for others who know as much. */
const MOST_ANSWERS = 16;

/** Whoever records events. */
export interface EventSource {
  /** Names the process among others of the recording. */
  readonly run: string;
  /** The newest of this process, oldest first. */
  readonly recent: readonly FlightEvent[];
  query(
    query: { readonly last: number },
  ): Promise<{ readonly events: readonly FlightEvent[]; readonly problem: string | null }>;
}

/** What is answered. */
interface EventsPage {
  /** To be given as `after` next time. */
  readonly next: string;
  /** All that the asker shall know; false: what came after what it knows. */
  readonly whole: boolean;
  /** No event that was asked for is missing. */
  readonly complete: boolean;
  /** Why former events cannot be read; null: nothing is wrong. */
  readonly problem: string | null;
  /** Oldest first. */
  readonly events: readonly FlightEvent[];
}

export class EventPages {
  readonly #source: EventSource;
  readonly #now: () => number;
  #history: { readonly until: number; readonly answer: ReturnType<EventSource["query"]> } | null =
    null;
  /** Of the newest event of this process: its answers by what was asked. */
  #answers = { seq: -1, by: new Map<string, Uint8Array>() };

  /** @param now milliseconds, for tests */
  constructor(source: EventSource, now: () => number = () => performance.now()) {
    this.#source = source;
    this.#now = now;
  }

  async page({ last, since, after }: EventsQuery): Promise<Uint8Array> {
    const newer = after === null ? undefined : this.#newer(after);
    if (newer !== undefined) return newer;
    const { events, problem } = await this.#all();
    const newest = events.findLast(({ run }) => run === this.#source.run)?.seq ?? 0;
    const found = since === null ? events : events.filter(({ time }) => Date.parse(time) >= since);
    const shown = last === 0 ? [] : found.slice(-last);
    const [oldest] = events;
    const reached = since !== null && oldest !== undefined && Date.parse(oldest.time) < since;
    return encode({
      next: this.#after(newest),
      whole: true,
      complete: shown.length === found.length && (events.length < MOST || reached),
      problem,
      events: shown,
    });
  }

  /** What came after an event of this process; undefined: it is not known any more. */
  #newer(after: string): Uint8Array | undefined {
    const { run, recent } = this.#source;
    const colon = after.lastIndexOf(":");
    const [seen, first, last] = [
      Number(after.slice(colon + 1)),
      recent[0]?.seq,
      recent.at(-1)?.seq,
    ];
    if (after.slice(0, colon) !== run || !Number.isSafeInteger(seen)) return undefined;
    if (seen < (first ?? 1) - 1 || seen > (last ?? 0)) return undefined;
    if (this.#answers.seq !== (last ?? 0)) this.#answers = { seq: last ?? 0, by: new Map() };
    const { by } = this.#answers;
    const key = String(seen);
    let answer = by.get(key);
    if (answer === undefined) {
      const found = recent.filter(({ seq }) => seq > seen);
      const events = found.slice(-MOST);
      const complete = events.length === found.length;
      answer = encode({
        next: this.#after(last ?? 0),
        whole: false,
        complete,
        problem: null,
        events,
      });
      if (by.size < MOST_ANSWERS) by.set(key, answer);
    }
    return answer;
  }

  /** What was recorded when it was read last, and what has come since. */
  async #all(): ReturnType<EventSource["query"]> {
    if (this.#history === null || this.#now() >= this.#history.until) {
      const answer = this.#source.query({ last: MOST });
      this.#history = { until: this.#now() + FRESH, answer };
    }
    const { events, problem } = await this.#history.answer;
    const { run, recent } = this.#source;
    const seen = events.findLast((event) => event.run === run)?.seq ?? 0;
    const more = recent.filter(({ seq }) => seq > seen);
    return { events: [...events, ...more].slice(-MOST), problem };
  }

  #after(seq: number): string {
    return `${this.#source.run}:${seq}`;
  }
}

function encode(page: EventsPage): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify(page)}\n`);
}
