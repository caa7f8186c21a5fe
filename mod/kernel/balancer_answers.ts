/**
 * Questions about virtual servers, and their answers: what the machine knows, with what the kernel
 * has counted. Counters are read once a second at most, however often somebody asks. An answer about
 * thousands of servers is made and told in parts.
 *
 * @module
 */

import { type Balance, type BalanceSlice, sliceBalance } from "../balance/mod.ts";
import type { BalancePart, BalanceState, QueryBalance } from "../plane/balance.ts";
import type { EventId } from "../plane/messages.ts";
import type { BalancerCounts } from "./balancer_counts.ts";
import type { BalancerSurroundings } from "./balancer_surroundings.ts";
import type { BalancerTable } from "./balancer_table.ts";

/** Counters so old are good enough for another answer, microseconds. */
const FRESH = 1_000_000;

/** Between answers about memory alone, how many times as long as one takes. */
const SHARE = 20;

/** Real servers between two looks at the clock: a millisecond or two. */
const SLICE = 128;
/** After so long a call ends, and the next one goes on: others have work to do, microseconds. */
const LONG = 5_000;

/** Whom it is about. */
export interface Answering {
  readonly table: BalancerTable | undefined;
  readonly surroundings: BalancerSurroundings | undefined;
}

/** An answer under way. */
interface Report {
  /** Ids of the questions. */
  readonly causes: readonly EventId[];
  readonly counts: Counted | undefined;
  slices: Generator<BalanceSlice, void>;
  /** Of the machine when the slices began. */
  revision: number;
  /** How many were told. */
  parts: number;
  /** The next one, which is the last where there is none behind it. */
  ready: BalanceSlice | undefined;
  /** How long it has taken, microseconds. */
  took: number;
}

interface Counted {
  readonly counts: BalancerCounts;
  readonly at: number;
}

export class BalancerAnswers {
  readonly #machine: Balance;
  #questions: QueryBalance[] = [];
  #report: Report | undefined;
  #counts: Counted | undefined;
  /** What control asks after each step is not answered before: thousands of servers take long. */
  #quietUntil = 0;

  constructor(machine: Balance) {
    this.#machine = machine;
  }

  /** When `answer` should be called though nothing happened. */
  get deadline(): number {
    if (this.#report !== undefined) return 0;
    return this.#questions.some(isAboutMemory) ? this.#quietUntil : Infinity;
  }

  /** @returns whether counters have to be read for it */
  ask(question: QueryBalance, now: number): boolean {
    this.#questions.push(question);
    return question.counters !== false && this.#fresh(now) === undefined;
  }

  /** All counters were read. */
  counted(counts: BalancerCounts, now: number): void {
    this.#counts = { counts, at: now };
  }

  /** What was counted is of another table. */
  forget(): void {
    this.#counts = undefined;
  }

  /** Answers those that wait for nothing; what takes long is done in parts. */
  answer(
    clock: () => number,
    id: () => EventId,
    who: Answering,
    tell: (message: BalancePart | BalanceState) => void,
  ): void {
    const began = clock();
    const report = this.#report ??= this.#begin(began, who);
    if (report === undefined) return;
    const done = this.#goOn(report, began, clock, id, who, tell);
    const end = clock();
    report.took += end - began;
    if (!done) return;
    this.#report = undefined;
    this.#quietUntil = end + report.took * SHARE;
  }

  #begin(now: number, who: Answering): Report | undefined {
    if (this.#questions.length === 0) return undefined;
    const counts = this.#fresh(now);
    // Who cannot count need not be waited for.
    const all = counts !== undefined || who.table === undefined || who.table.trouble !== null;
    const quiet = now < this.#quietUntil;
    const ready = this.#questions.filter((one) => isAboutMemory(one) ? !quiet : all);
    if (ready.length === 0) return undefined;
    this.#questions = this.#questions.filter((one) => !ready.includes(one));
    const causes = ready.map(({ id }) => id);
    return { causes, counts, ...this.#slices(now, counts), took: 0 };
  }

  #slices(
    now: number,
    counts: Counted | undefined,
  ): Pick<Report, "slices" | "revision" | "parts" | "ready"> {
    const slices = sliceBalance(this.#machine, now, counts?.counts, SLICE);
    return { slices, revision: this.#machine.revision, parts: 0, ready: undefined };
  }

  /** @returns whether all is told */
  #goOn(
    report: Report,
    began: number,
    clock: () => number,
    id: () => EventId,
    who: Answering,
    tell: (message: BalancePart | BalanceState) => void,
  ): boolean {
    // What was told may be of servers that are gone.
    if (report.revision !== this.#machine.revision) {
      Object.assign(report, this.#slices(began, report.counts));
    }
    const [cause = ""] = report.causes;
    for (;;) {
      const { value: next } = report.slices.next();
      const { ready } = report;
      if (ready !== undefined && next === undefined) {
        const state = this.#state(clock(), report, ready, who);
        for (const cause of report.causes) tell({ ...state, id: id(), cause });
        return true;
      }
      if (ready !== undefined) {
        tell({ type: "balance_part", id: id(), cause, first: report.parts++ === 0, ...ready });
      }
      report.ready = next ?? undefined;
      if (clock() - began >= LONG) return false;
    }
  }

  #fresh(now: number): Counted | undefined {
    return this.#counts !== undefined && now - this.#counts.at < FRESH ? this.#counts : undefined;
  }

  #state(
    now: number,
    { counts, parts }: Report,
    { servers, memory }: BalanceSlice,
    { table, surroundings }: Answering,
  ): Omit<BalanceState, "id" | "cause"> {
    const own = [...table?.own ?? []];
    const originals = surroundings?.originals;
    return {
      type: "balance_state",
      at: now,
      ...(parts === 0 ? {} : { parts }),
      servers,
      failures: [...table?.failures ?? [], ...surroundings?.failures ?? []],
      repairs: (table?.repairs ?? 0) + (surroundings?.repairs ?? 0),
      trouble: table?.trouble ?? null,
      sync: surroundings?.daemons ?? [],
      ...(counts === undefined ? {} : { countedAt: counts.at }),
      pending: table?.pending ?? 0,
      memory: { ...memory, own, ...(originals === undefined ? {} : { originals }) },
    };
  }
}

function isAboutMemory({ counters }: QueryBalance): boolean {
  return counters === false;
}
