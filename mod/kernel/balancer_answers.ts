/**
 * Questions about virtual servers, and their answers: what the machine knows, with what the kernel
 * has counted. Counters are read once a second at most, however often somebody asks.
 *
 * @module
 */

import { type Balance, rememberBalance, reportBalance } from "../balance/mod.ts";
import type { BalanceState, QueryBalance } from "../plane/balance.ts";
import type { EventId } from "../plane/messages.ts";
import type { BalancerCounts } from "./balancer_counts.ts";
import type { BalancerSurroundings } from "./balancer_surroundings.ts";
import type { BalancerTable } from "./balancer_table.ts";

/** Counters so old are good enough for another answer, microseconds. */
const FRESH = 1_000_000;

/** Between answers about memory alone, how many times as long as one takes. */
const SHARE = 20;

/** Whom it is about. */
export interface Answering {
  readonly table: BalancerTable | undefined;
  readonly surroundings: BalancerSurroundings | undefined;
}

export class BalancerAnswers {
  readonly #machine: Balance;
  #questions: QueryBalance[] = [];
  #counts: { readonly counts: BalancerCounts; readonly at: number } | undefined;
  /** What control asks after each step is not answered before: thousands of servers take long. */
  #quietUntil = 0;

  constructor(machine: Balance) {
    this.#machine = machine;
  }

  /** When `answer` should be called though nothing happened. */
  get deadline(): number {
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

  /** Answers those that wait for nothing. */
  answer(
    clock: () => number,
    id: () => EventId,
    who: Answering,
    tell: (state: BalanceState) => void,
  ): void {
    if (this.#questions.length === 0) return;
    const now = clock();
    const counts = this.#fresh(now);
    // Who cannot count need not be waited for.
    const all = counts !== undefined || who.table === undefined || who.table.trouble !== null;
    const quiet = now < this.#quietUntil;
    const ready = this.#questions.filter((one) => isAboutMemory(one) ? !quiet : all);
    if (ready.length === 0) return;
    this.#questions = this.#questions.filter((one) => !ready.includes(one));
    const state = this.#state(now, counts, who);
    for (const { id: cause } of ready) tell({ ...state, id: id(), cause });
    const end = clock();
    this.#quietUntil = end + (end - now) * SHARE;
  }

  #fresh(now: number): { readonly counts: BalancerCounts; readonly at: number } | undefined {
    return this.#counts !== undefined && now - this.#counts.at < FRESH ? this.#counts : undefined;
  }

  #state(
    now: number,
    counts: { readonly counts: BalancerCounts; readonly at: number } | undefined,
    { table, surroundings }: Answering,
  ): Omit<BalanceState, "id" | "cause"> {
    const own = [...table?.own ?? []];
    const originals = surroundings?.originals;
    return {
      type: "balance_state",
      at: now,
      servers: reportBalance(this.#machine, now, counts?.counts),
      failures: [...table?.failures ?? [], ...surroundings?.failures ?? []],
      repairs: (table?.repairs ?? 0) + (surroundings?.repairs ?? 0),
      trouble: table?.trouble ?? null,
      sync: surroundings?.daemons ?? [],
      ...(counts === undefined ? {} : { countedAt: counts.at }),
      pending: table?.pending ?? 0,
      memory: {
        ...rememberBalance(this.#machine),
        own,
        ...(originals === undefined ? {} : { originals }),
      },
    };
  }
}

function isAboutMemory({ counters }: QueryBalance): boolean {
  return counters === false;
}
