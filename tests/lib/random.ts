/**
 * Chance for tests: seeded, so that a failure can be had again. A failing test names its seed, and
 * HALB_SEED in the environment runs that one alone.
 *
 * @module
 */

/** Seeded numbers, the same on every machine: a 32-bit xorshift generator. */
export class Random {
  #state: number;

  constructor(seed: number) {
    // Neighbouring seeds must not begin alike, and zero is the one state that never leaves itself.
    this.#state = (Math.imul(seed ^ 0x5bd1e995, 0x9e3779b1) >>> 0) || 1;
    for (let i = 0; i < 8; i++) this.next();
  }

  /** A number in [0, 1). */
  next(): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x >>> 0;
    return this.#state / 0x100000000;
  }

  /** A whole number from `low` to `high`, both included. */
  int(low: number, high: number): number {
    return low + Math.floor(this.next() * (high - low + 1));
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.int(0, list.length - 1)]!;
  }
}

/** The seed that the environment asks for. @throws {RangeError} when it is no whole number */
export function wantedSeed(): number | undefined {
  const text = Deno.env.get("HALB_SEED");
  if (text === undefined || text === "") return undefined;
  const seed = Number(text);
  if (!Number.isSafeInteger(seed)) throw new RangeError(`HALB_SEED is "${text}", not a number`);
  return seed;
}

/** Runs `body` for `count` seeds, or for the wanted one alone; a failure names the seed. */
export function forSeeds(count: number, body: (random: Random, seed: number) => void): void {
  const wanted = wantedSeed();
  const first = wanted ?? 1;
  const last = wanted ?? count;
  for (let seed = first; seed <= last; seed++) {
    try {
      body(new Random(seed), seed);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new Error(`Failed with HALB_SEED=${seed}: ${why}`, { cause: error });
    }
  }
}
