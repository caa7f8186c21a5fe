/**
 * Logs, and not too many of them: like records (same category and message) are limited in each
 * window, wherever others stand between them. What is left out is counted, and said in a line of its
 * own when the window is over. Of level debug there is a limit for all kinds together, too: who looks
 * closely must not hold up what is looked at.
 *
 * @module
 */

import type { LogRecord } from "./log_record.ts";

/** Like records within a window. */
const MOST = 10;
/** Length of a window, microseconds. */
const WINDOW = 10_000_000;
/** Kinds remembered; beyond it the memory is started anew, so that it stays bounded. */
const MOST_KINDS = 1_000;
/** Records of level debug within a second. */
const MOST_DEBUG = 200;
const SECOND = 1_000_000;
/** Lines about what was left out that are said at once: a plane has no more than a moment. */
const AT_ONCE = 16;

interface Kind {
  readonly level: LogRecord["level"];
  readonly category: readonly string[];
  readonly message: string;
  /** Of the newest. */
  properties: LogRecord["properties"];
  windowStart: number;
  count: number;
  suppressed: number;
}

export class LogLimiter {
  readonly #post: (record: LogRecord) => void;
  readonly #now: () => number;
  readonly #kinds = new Map<string, Kind>();
  /** Kinds of which something was left out that nobody has been told of. */
  readonly #owing = new Set<Kind>();
  /** When the next of them is to be told; `Infinity`: there is none. */
  #nextTelling = Infinity;
  readonly #debug = { windowStart: 0, count: 0 };

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
      if (this.#kinds.size >= MOST_KINDS) this.#forget();
      kind = { level, category, message, properties, windowStart: now, count: 0, suppressed: 0 };
      this.#kinds.set(key, kind);
    }
    if (now - kind.windowStart >= WINDOW) {
      if (kind.suppressed > 0) this.#tell(kind, now);
      kind.windowStart = now;
      kind.count = 0;
    }
    if (++kind.count > MOST || (level === "debug" && this.#isTooMuch(now))) {
      kind.suppressed++;
      kind.properties = properties;
      this.#owing.add(kind);
      this.#nextTelling = Math.min(this.#nextTelling, kind.windowStart + WINDOW);
      return;
    }
    const record: LogRecord = { type: "log", level, category, message };
    this.#post(properties === undefined ? record : { ...record, properties });
  }

  /** Says what was left out in windows that are over. Costs nothing where nothing was. */
  tellDue(now = this.#now()): void {
    if (now < this.#nextTelling) return;
    this.#nextTelling = Infinity;
    let told = 0;
    for (const kind of this.#owing) {
      if (now - kind.windowStart >= WINDOW && told++ < AT_ONCE) this.#tell(kind, now);
      else this.#nextTelling = Math.min(this.#nextTelling, kind.windowStart + WINDOW);
    }
  }

  #tell(kind: Kind, now: number): void {
    const { level, category, message, properties, suppressed } = kind;
    this.#owing.delete(kind);
    kind.suppressed = 0;
    const seconds = Math.max(1, Math.round((now - kind.windowStart) / SECOND));
    this.#post({
      type: "log",
      level,
      category,
      message,
      ...(properties === undefined ? {} : { properties }),
      suppressed,
      repeated: { seconds },
    });
  }

  #isTooMuch(now: number): boolean {
    if (now - this.#debug.windowStart >= SECOND) {
      this.#debug.windowStart = now;
      this.#debug.count = 0;
    }
    return ++this.#debug.count > MOST_DEBUG;
  }

  /** Those that are owed are told in time, unless somebody makes up kinds without end. */
  #forget(): void {
    this.#kinds.clear();
    if (this.#owing.size >= MOST_KINDS) this.#owing.clear();
  }
}
