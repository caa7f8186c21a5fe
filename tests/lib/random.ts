/**
 * Chance for tests: seeded, so that a failure can be had again. A failing test names its seed, and
 * HALB_SEED in the environment runs that one alone.
 *
 * @module
 */

import { Random } from "../../mod/simulate/random.ts";

export { Random };

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
