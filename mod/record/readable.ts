/**
 * Segments as the recorder has them, made readable.
 *
 * @module
 */

import type { RawSegment, Segment } from "./types.ts";

/** Segments of one machine, in order. */
export function readable(all: readonly RawSegment[]): Segment[] {
  return all.map((raw, i): Segment => {
    const { kind, name, number, goesOn, memory, inputs, decisions, at, input, decision, chance } =
      raw;
    return {
      kind,
      name,
      follows: goesOn && all[i - 1]?.number === number - 1,
      memory: JSON.parse(memory),
      inputs,
      decisions: decisions as readonly unknown[][],
      begin: at[0]!,
      steps: Array.from(
        at,
        (time, step) => [step === 0 ? 0 : time - at[step - 1]!, input[step]!, decision[step]!],
      ),
      ...(chance === undefined ? {} : { chance: [...chance] }),
    };
  });
}
