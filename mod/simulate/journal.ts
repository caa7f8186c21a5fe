/**
 * Writes down who held what when, and in what state everything was, as spans.
 *
 * @module
 */

import type { Micros } from "../vrrp/mod.ts";
import type {
  FailureReport,
  Holding,
  ServerSpan,
  SessionSpan,
  Span,
  StateSpan,
  TrackerSpan,
} from "./report.ts";

/** A value over time for each key: a new one ends the span of the one before. */
class Track<T extends object> {
  readonly #open = new Map<string, { from: Micros; value: T }>();
  readonly #closed = new Map<string, (Span & T)[]>();

  /** @param value null: nothing from now on */
  set(key: string, value: T | null, now: Micros): void {
    const open = this.#open.get(key);
    if (open !== undefined) {
      if (value !== null && same(open.value, value)) return;
      this.#close(key, open, now);
      this.#open.delete(key);
    }
    if (value !== null) this.#open.set(key, { from: now, value });
  }

  #close(key: string, { from, value }: { from: Micros; value: T }, to: Micros): void {
    // What was so for no time at all was never seen.
    if (to <= from) return;
    const list = this.#closed.get(key) ?? [];
    this.#closed.set(key, list);
    const last = list.at(-1);
    if (last !== undefined && last.to === from && same(last, value)) {
      list[list.length - 1] = { ...last, to };
    } else list.push({ ...value, from, to });
  }

  /** All spans by key in the order of their names, each by time; those that are open end. */
  end(at: Micros): (Span & T)[] {
    for (const [key, open] of this.#open) this.#close(key, open, at);
    this.#open.clear();
    const keys = [...this.#closed.keys()].sort();
    return keys.flatMap((key) => this.#closed.get(key)!);
  }
}

/** Whether all that `wanted` has stands in `known`. */
function same(known: object, wanted: object): boolean {
  const values = known as Record<string, unknown>;
  return Object.entries(wanted).every(([key, value]) => values[key] === value);
}

/** What is said of a thing while it lasts. */
type Of<T extends Span> = Omit<T, keyof Span>;

export class Journal {
  readonly holdings = new Track<Of<Holding>>();
  readonly states = new Track<Of<StateSpan>>();
  readonly sessions = new Track<Of<SessionSpan>>();
  readonly trackers = new Track<Of<TrackerSpan>>();
  readonly servers = new Track<Of<ServerSpan>>();
  readonly running = new Track<{ readonly node: string }>();
  readonly stalled = new Track<{ readonly node: string }>();
  readonly off = new Track<{ readonly node: string }>();
  readonly failures: FailureReport[] = [];
}
