/**
 * The pages that HTTP shows. All who ask within a second are given the same: a flood of requests
 * costs the planes one question.
 *
 * @module
 */

import { readText } from "../../ffi/mod.ts";
import type { EventsQuery, HttpPages, ServersPiece } from "../control/http_site.ts";
import { objectOf, overviewOf, serversPage } from "../control/page_rows.ts";
import { OverviewFeed } from "../control/page_feed.ts";
import {
  type ControlCounts,
  type Format,
  type MetricFacts,
  type ProcessFacts,
  renderMetrics,
} from "../metrics/mod.ts";
import type { Knowledge } from "./agent_status.ts";
import { EventPages, type EventSource } from "./http_events.ts";

/** How long an answer is given to others at least, milliseconds. */
const FRESH = 1_000;
/** Where it takes long to make: so many times that. Whoever asks has a tenth of our time at most. */
const SHARE = 10;
/** Of times in /proc, on all of Linux's architectures (USER_HZ). */
const TICKS_PER_SECOND = 100;

/** What they are made of. */
export interface PageSources {
  knowledge(): Promise<Knowledge>;
  counts(): ControlCounts;
  readonly events: EventSource;
}

/** Does something some milliseconds from now. */
export type Later = (act: () => void, ms: number) => void;

function later(act: () => void, ms: number): void {
  Deno.unrefTimer(setTimeout(act, ms));
}

/**
 * Gives the same answer to all who ask while it is made, and for a while after that. Then it is
 * forgotten: of ten thousand servers it is many megabytes.
 */
class Shared<T> {
  readonly #make: () => Promise<T>;
  readonly #later: Later;
  #answer: Promise<T> | null = null;
  /** How long the last one was given to others, milliseconds. */
  fresh = FRESH;

  constructor(make: () => Promise<T>, later: Later) {
    this.#make = make;
    this.#later = later;
  }

  get(): Promise<T> {
    if (this.#answer !== null) return this.#answer;
    const began = performance.now();
    return this.#answer = this.#make().finally(() => {
      this.fresh = Math.max(FRESH, Math.round(SHARE * (performance.now() - began)));
      this.#later(() => this.#answer = null, this.fresh);
    });
  }
}

export class Pages implements HttpPages {
  readonly #facts: Shared<MetricFacts>;
  readonly #events: EventPages;
  readonly #feed: OverviewFeed;
  /** What the feed was told: to remember it would keep all of it, servers and checks. */
  readonly #fed = new WeakSet<MetricFacts>();
  /** What each answer looks like, made when somebody wants it. */
  readonly #pages = new WeakMap<MetricFacts, Map<Format | "status", Uint8Array>>();

  /** @param wait for tests, which have no time */
  constructor(sources: PageSources, wait: Later = later) {
    this.#events = new EventPages(sources.events);
    this.#feed = new OverviewFeed(sources.events.run);
    this.#facts = new Shared(async () => {
      const known = await sources.knowledge();
      return { ...known, counts: sources.counts(), process: readProcess() };
    }, wait);
  }

  async ready(): Promise<void> {
    await this.#facts.get();
  }

  async metrics(format: Format): Promise<Uint8Array> {
    return await this.#page(format, (facts) => renderMetrics(facts, format));
  }

  async status(): Promise<Uint8Array> {
    return await this.#page("status", ({ status }) => `${JSON.stringify(status, null, 2)}\n`);
  }

  async overview(since: string): Promise<Uint8Array> {
    const facts = await this.#facts.get();
    if (!this.#fed.has(facts)) {
      const now = Date.now();
      this.#feed.update(overviewOf(facts.status, now), new Date(now).toISOString());
      this.#fed.add(facts);
    }
    return this.#feed.answer(since, this.#facts.fresh);
  }

  async servers(name: string, piece: ServersPiece): Promise<Uint8Array | undefined> {
    const { status } = await this.#facts.get();
    return encoded(serversPage(status, name, piece));
  }

  async object(type: string, name: string): Promise<Uint8Array | undefined> {
    const { status } = await this.#facts.get();
    return encoded(objectOf(status, type, name));
  }

  async events(query: EventsQuery): Promise<Uint8Array> {
    return await this.#events.page(query);
  }

  async #page(
    what: Format | "status",
    render: (facts: MetricFacts) => string,
  ): Promise<Uint8Array> {
    const facts = await this.#facts.get();
    const pages = this.#pages.get(facts) ?? new Map<Format | "status", Uint8Array>();
    this.#pages.set(facts, pages);
    let page = pages.get(what);
    if (page === undefined) pages.set(what, page = new TextEncoder().encode(render(facts)));
    return page;
  }
}

/** As JSON; undefined: nothing. */
function encoded(data: unknown): Uint8Array | undefined {
  return data === undefined ? undefined : new TextEncoder().encode(`${JSON.stringify(data)}\n`);
}

function readProcess(): ProcessFacts {
  const [, memory = "0"] = /^VmRSS:\s+(\d+) kB$/m.exec(readText("/proc/self/status")) ?? [];
  // Behind the name, which may hold anything: field 3 and those after it (proc(5)).
  const [, rest = ""] = /^.*\) (.*)$/s.exec(readText("/proc/self/stat")) ?? [];
  const fields = rest.split(" ");
  const ticks = Number(fields[11] ?? 0) + Number(fields[12] ?? 0);
  return { residentBytes: Number(memory) * 1024, cpuSeconds: ticks / TICKS_PER_SECOND };
}
