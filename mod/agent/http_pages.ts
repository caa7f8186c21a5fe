/**
 * The pages that HTTP shows. All who ask within a second are given the same: a flood of requests
 * costs the planes one question.
 *
 * @module
 */

import { readText } from "../../ffi/mod.ts";
import type { HttpPages } from "../control/http_site.ts";
import {
  type ControlCounts,
  type Format,
  type MetricFacts,
  type ProcessFacts,
  renderMetrics,
} from "../metrics/mod.ts";
import type { Knowledge } from "./agent_status.ts";

/** How long an answer is given to others, milliseconds. */
const FRESH = 1_000;
/** Of times in /proc, on all of Linux's architectures (USER_HZ). */
const TICKS_PER_SECOND = 100;

/** What they are made of. */
export interface PageSources {
  knowledge(): Promise<Knowledge>;
  counts(): ControlCounts;
  readonly who: HttpPages["who"];
}

/** Asks `make` when what it said last is older than `FRESH`; those who come meanwhile wait for it. */
class Shared<T> {
  readonly #make: () => Promise<T>;
  readonly #now: () => number;
  #last: { readonly answer: Promise<T>; at: number } | null = null;

  constructor(make: () => Promise<T>, now: () => number) {
    this.#make = make;
    this.#now = now;
  }

  get(): Promise<T> {
    if (this.#last !== null && this.#now() - this.#last.at < FRESH) return this.#last.answer;
    const last = { answer: this.#make(), at: Infinity };
    // Its age counts from its end: one that takes seconds is not asked for again beside itself.
    last.answer.then(() => last.at = this.#now(), () => last.at = this.#now());
    this.#last = last;
    return last.answer;
  }
}

export class Pages implements HttpPages {
  readonly who: HttpPages["who"];
  readonly #facts: Shared<MetricFacts>;
  /** What each answer looks like, made when somebody wants it. */
  readonly #pages = new WeakMap<MetricFacts, Map<Format | "status", Uint8Array>>();

  /** @param now milliseconds on any clock that only goes forward */
  constructor(sources: PageSources, now: () => number = () => performance.now()) {
    this.who = sources.who;
    this.#facts = new Shared(async () => {
      const known = await sources.knowledge();
      return { ...known, counts: sources.counts(), process: readProcess() };
    }, now);
  }

  async metrics(format: Format): Promise<Uint8Array> {
    return await this.#page(format, (facts) => renderMetrics(facts, format));
  }

  async status(): Promise<Uint8Array> {
    return await this.#page("status", ({ status }) => `${JSON.stringify(status, null, 2)}\n`);
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

function readProcess(): ProcessFacts {
  const [, memory = "0"] = /^VmRSS:\s+(\d+) kB$/m.exec(readText("/proc/self/status")) ?? [];
  // Behind the name, which may hold anything: field 3 and those after it (proc(5)).
  const [, rest = ""] = /^.*\) (.*)$/s.exec(readText("/proc/self/stat")) ?? [];
  const fields = rest.split(" ");
  const ticks = Number(fields[11] ?? 0) + Number(fields[12] ?? 0);
  return { residentBytes: Number(memory) * 1024, cpuSeconds: ticks / TICKS_PER_SECOND };
}
