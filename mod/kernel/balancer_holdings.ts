/**
 * Who holds what, as far as the balancer is concerned: virtual servers and sync daemons may follow
 * a virtual router. After a start, what follows one that nobody has decided about yet is left alone
 * for a while, as its addresses are: it may well go on as it was.
 *
 * @module
 */

import type { BalancePlan } from "../plane/balance.ts";
import type { EventId } from "../plane/messages.ts";

/** A holding is held from now on, or no longer. */
export interface Decision {
  readonly holding: string;
  readonly held: boolean;
  readonly cause: EventId;
}

/** How long what follows an undecided router is left alone, microseconds. */
const ADOPTION = 3_000_000;

export class BalancerHoldings {
  /** Last word on each holding. It may come before somebody follows it. */
  readonly #decided = new Map<string, boolean>();
  /** Words that nobody has acted upon. */
  #news: Decision[] = [];
  #adoptedUntil = 0;

  /** Everything begins, or goes on after a rest. */
  begin(now: number): void {
    this.#adoptedUntil = now + ADOPTION;
  }

  /** There are no others any more. */
  keep(names: ReadonlySet<string>): void {
    for (const name of this.#decided.keys()) if (!names.has(name)) this.#decided.delete(name);
  }

  /** Somebody has decided. What follows from it is for `news`: addresses must not wait for it. */
  decide(decision: Decision): void {
    const { holding, held } = decision;
    if (this.#decided.get(holding) === held) return;
    this.#decided.set(holding, held);
    this.#news.push(decision);
  }

  /** Whether there are news. */
  get changed(): boolean {
    return this.#news.length > 0;
  }

  /** What has been decided since the last call. */
  news(): readonly Decision[] {
    const news = this.#news;
    this.#news = [];
    return news;
  }

  /** What has been decided. */
  get decided(): ReadonlyMap<string, boolean> {
    return this.#decided;
  }

  /** Those that are held. */
  get held(): ReadonlySet<string> {
    return new Set([...this.#decided].filter(([, held]) => held).map(([name]) => name));
  }

  /** When it is decided what nobody has decided about. */
  get adoptedUntil(): number {
    return this.#adoptedUntil;
  }

  /** None of these is held, of some that is not known yet, and it is early enough to wait. */
  isUndecided(follow: readonly string[], now: number): boolean {
    return now < this.#adoptedUntil &&
      !follow.some((holding) => this.#decided.get(holding) === true) &&
      follow.some((holding) => !this.#decided.has(holding));
  }

  /** What of a plan follows somebody undecided: a sync daemon (`undecided`), or anything. */
  undecidedOf(
    plan: BalancePlan | undefined,
    now: number,
  ): { readonly undecided: boolean; readonly adopting: boolean } {
    const { servers = [], syncDaemons = [] } = plan ?? {};
    const roles = syncDaemons.flatMap(({ role }) => typeof role === "string" ? [] : [role.follow]);
    const undecided = roles.some((follow) => this.isUndecided(follow, now));
    const adopting = undecided || servers.some(({ follow }) => this.isUndecided(follow, now));
    return { undecided, adopting };
  }
}
