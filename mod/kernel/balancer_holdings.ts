/**
 * Who holds what, as far as the balancer is concerned: virtual servers and sync daemons may follow
 * a virtual router. After a start, what follows one that nobody has decided about yet is left alone
 * for a while, as its addresses are: it may well go on as it was.
 *
 * @module
 */

/** How long what follows an undecided router is left alone, microseconds. */
const ADOPTION = 3_000_000;

export class BalancerHoldings {
  /** Last word on each holding. It may come before somebody follows it. */
  readonly #decided = new Map<string, boolean>();
  #adoptedUntil = 0;

  /** Everything begins, or goes on after a rest. */
  begin(now: number): void {
    this.#adoptedUntil = now + ADOPTION;
  }

  /** There are no others any more. */
  keep(names: ReadonlySet<string>): void {
    for (const name of this.#decided.keys()) if (!names.has(name)) this.#decided.delete(name);
  }

  /** @returns whether that is news */
  decide(holding: string, held: boolean): boolean {
    if (this.#decided.get(holding) === held) return false;
    this.#decided.set(holding, held);
    return true;
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
}
