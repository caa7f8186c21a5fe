/**
 * What happens again and again is told once, and then counted: a peer with a wrong key sends an
 * advert each second, and a recording that is full of them tells nothing else. And nobody outside
 * may push out of the recording what happened before: past a budget, events are counted only. Pure.
 *
 * @module
 */

import type { EventDraft } from "./event.ts";

/** After the first one of a kind, so long until the next line about it, microseconds. */
const FIRST_WINDOW = 60_000_000;
/** Each line is followed by twice the time, up to this. */
const LAST_WINDOW = 600_000_000;
/** Kinds that are remembered; the others are one kind. */
const MOST_KINDS = 500;
/** Names whose budget is remembered. */
const MOST_BUCKETS = 5_000;

/** Events about one name that come at once, and so many a second after that. */
const NAME_BURST = 100;
const NAME_RATE = 1;
/** The same of all servers and checks together, of which there may be ten thousand. */
const SERVER_BURST = 1_000;
const SERVER_RATE = 20;

interface Kind {
  newest: EventDraft;
  /** When that happened. */
  at: number;
  count: number;
  window: number;
  /** When the next line about it is due. */
  until: number;
}

interface Bucket {
  left: number;
  at: number;
}

/** An event that may come often. */
export interface Repeated extends EventDraft {
  /** So many like it stand behind it: 1 or more. */
  readonly count: number;
}

/** Events that were counted. */
export interface Counted extends EventDraft {
  /** When the newest of them happened: what is told late did not happen late. */
  readonly at: number;
}

export class Folder {
  readonly #kinds = new Map<string, Kind>();
  readonly #buckets = new Map<string, Bucket>();
  readonly #servers: Bucket = { left: SERVER_BURST, at: 0 };

  /**
   * Events that are told or counted.
   *
   * @param at when it happened
   * @returns what to write now; undefined: it is counted
   */
  repeated(draft: Repeated, now: number, at = now): EventDraft | undefined {
    const { kind, event } = this.#kindOf(draft);
    const known = this.#kinds.get(kind);
    if (known === undefined) {
      const [count, window] = [0, FIRST_WINDOW];
      this.#kinds.set(kind, { newest: event, at, count, window, until: now + window });
      return event.count === 1 ? withoutCount(event) : event;
    }
    known.newest = event;
    known.at = at;
    known.count += event.count;
    return undefined;
  }

  /** An event of its own, unless there are too many of its name. @returns as `repeated` does */
  single(event: EventDraft, now: number): EventDraft | undefined {
    const { type, name } = event;
    const serves = type === "real_server" || type === "check" || type === "virtual_server";
    const hasRoom = take(this.#bucketOf(`${type} ${name}`, now), NAME_BURST, NAME_RATE, now) &&
      (!serves || take(this.#servers, SERVER_BURST, SERVER_RATE, now));
    if (hasRoom) return event;
    const text = serves
      ? "more happened to servers and checks than is recorded"
      : "more happened than is recorded";
    const about = serves ? { type: "virtual_server" as const, name: null } : { type, name };
    const left = { ...about, level: "warning" as const, event: "left_out", text, cause: null };
    return this.repeated({ ...left, count: 1 }, now);
  }

  /** Counts whose time has come. @param all at the end: now, whatever their time is */
  due(now: number, all = false): Counted[] {
    const told: Counted[] = [];
    for (const [key, kind] of this.#kinds) {
      if (!all && kind.until > now) continue;
      const { newest, count, at } = kind;
      if (count === 0) {
        this.#kinds.delete(key);
        continue;
      }
      told.push({ ...newest, count, at });
      kind.count = 0;
      kind.window = Math.min(LAST_WINDOW, 2 * kind.window);
      kind.until = now + kind.window;
    }
    return told;
  }

  /** What it is counted as; where there are too many kinds, as one that blames nobody. */
  #kindOf(event: Repeated): { kind: string; event: Repeated } {
    const { type, name, level, count } = event;
    const kind = `${type}\0${name}\0${event.event}\0${event.text}`;
    if (this.#kinds.has(kind) || this.#kinds.size < MOST_KINDS) return { kind, event };
    const text = "more kinds of events than are told apart";
    const others = { type, name: null, level, event: "others", text, cause: null, count };
    return { kind: `${type}\0others`, event: others };
  }

  #bucketOf(name: string, now: number): Bucket {
    let bucket = this.#buckets.get(name);
    if (bucket === undefined) {
      // The one that was quiet longest: who speaks on and on is not forgotten beside many others.
      if (this.#buckets.size >= MOST_BUCKETS) {
        this.#buckets.delete(this.#buckets.keys().next().value!);
      }
      bucket = { left: NAME_BURST, at: now };
    } else this.#buckets.delete(name);
    this.#buckets.set(name, bucket);
    return bucket;
  }
}

/** Takes one event's room out of a bucket. Returns whether there was some. */
function take(bucket: Bucket, burst: number, rate: number, now: number): boolean {
  const earned = (now - bucket.at) / 1e6 * rate;
  bucket.left = Math.min(burst, bucket.left + earned);
  bucket.at = now;
  if (bucket.left < 1) return false;
  bucket.left--;
  return true;
}

function withoutCount({ count: _, ...event }: Repeated): EventDraft {
  return event;
}
