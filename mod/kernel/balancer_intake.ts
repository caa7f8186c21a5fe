/**
 * Takes in a configuration of virtual servers in parts: what is heard meanwhile waits for its end,
 * so that it finds all of it or nothing.
 *
 * @module
 */

/** How long it is taken in in one turn, microseconds. */
const LONG = 3_000;

export class BalancerIntake {
  readonly #now: () => number;
  readonly #failed: (error: unknown) => void;
  #steps: Generator<void, void> | null = null;
  readonly #waiting: (() => void)[] = [];

  /** @param failed hears what goes wrong after `begin` has returned */
  constructor(now: () => number, failed: (error: unknown) => void) {
    this.#now = now;
    this.#failed = failed;
  }

  /** Something is being taken in: `goOn` is to be called soon. */
  get isBusy(): boolean {
    return this.#steps !== null;
  }

  /** Begins, after the end of what is being taken in. @throws what goes wrong in the first part */
  begin(steps: Generator<void, void>): void {
    this.finish();
    this.#steps = steps;
    this.#part();
  }

  /** Another part. */
  goOn(): void {
    try {
      this.#part();
    } catch (error) {
      this.#failed(error);
    }
  }

  /** All of it, now. */
  finish(): void {
    while (this.isBusy) this.goOn();
  }

  /** Something is heard: now, or when all is taken in. */
  hear(act: () => void): void {
    if (this.isBusy) this.#waiting.push(act);
    else act();
  }

  #part(): void {
    const steps = this.#steps;
    if (steps === null) return;
    const began = this.#now();
    this.#steps = null;
    try {
      do if (steps.next().done) return; while (this.#now() - began < LONG);
      this.#steps = steps;
    } finally {
      if (this.#steps === null) { for (const act of this.#waiting.splice(0)) this.#act(act); }
    }
  }

  /** What goes wrong with one of those who have waited costs none of the others. */
  #act(act: () => void): void {
    try {
      act();
    } catch (error) {
      this.#failed(error);
    }
  }
}
