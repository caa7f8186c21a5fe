/**
 * Logs of a synchronous plane: records for control to write, and not too many of them. Like records
 * (same category and message) are limited in each window; what was left out is counted and said
 * with the next one.
 *
 * @module
 */

import type { LogRecord } from "./messages.ts";

/** Like records within a window. */
const MOST = 10;
/** Length of a window, microseconds. */
const WINDOW = 10_000_000;
/** Kinds remembered; beyond it the memory is started anew, so that it stays bounded. */
const MOST_KINDS = 1_000;

interface Kind {
  windowStart: number;
  count: number;
  suppressed: number;
}

export class LogLimiter {
  readonly #post: (record: LogRecord) => void;
  readonly #now: () => number;
  readonly #kinds = new Map<string, Kind>();

  constructor(post: (record: LogRecord) => void, now: () => number) {
    this.#post = post;
    this.#now = now;
  }

  log(
    level: LogRecord["level"],
    category: readonly string[],
    message: string,
    properties?: LogRecord["properties"],
  ): void {
    const now = this.#now();
    const key = `${category.join("\0")}\0${message}`;
    let kind = this.#kinds.get(key);
    if (kind === undefined) {
      if (this.#kinds.size >= MOST_KINDS) this.#kinds.clear();
      kind = { windowStart: now, count: 0, suppressed: 0 };
      this.#kinds.set(key, kind);
    }
    if (now - kind.windowStart >= WINDOW) {
      kind.windowStart = now;
      kind.count = 0;
    }
    if (++kind.count > MOST) {
      kind.suppressed++;
      return;
    }
    const record: LogRecord = { type: "log", level, category, message };
    this.#post({
      ...record,
      ...(properties === undefined ? {} : { properties }),
      ...(kind.suppressed === 0 ? {} : { suppressed: kind.suppressed }),
    });
    kind.suppressed = 0;
  }
}
