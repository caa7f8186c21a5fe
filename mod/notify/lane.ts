/**
 * One thing after the other: what comes while something is under way waits, and where several wait
 * only the newest of each kind does.
 *
 * @module
 */

export class Lane<T> {
  readonly #work: (item: T) => Promise<void>;
  readonly #kindOf: (item: T) => string;
  readonly #superseded: (item: T) => void;
  readonly #waiting: T[] = [];
  #idle: Promise<void> | null = null;

  /**
   * @param work never rejects
   * @param kindOf items of one kind supersede each other
   * @param superseded is told of items that nobody works on any more
   */
  constructor(
    work: (item: T) => Promise<void>,
    kindOf: (item: T) => string,
    superseded: (item: T) => void,
  ) {
    this.#work = work;
    this.#kindOf = kindOf;
    this.#superseded = superseded;
  }

  push(item: T): void {
    const kind = this.#kindOf(item);
    const older = this.#waiting.findIndex((other) => this.#kindOf(other) === kind);
    if (older >= 0) { for (const gone of this.#waiting.splice(older, 1)) this.#superseded(gone); }
    this.#waiting.push(item);
    this.#idle ??= this.#run();
  }

  /** Resolves when nothing is under way and nothing waits. */
  get idle(): Promise<void> {
    return this.#idle ?? Promise.resolve();
  }

  async #run(): Promise<void> {
    for (let item = this.#waiting.shift(); item !== undefined; item = this.#waiting.shift()) {
      await this.#work(item);
    }
    this.#idle = null;
  }
}
