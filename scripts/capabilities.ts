/**
 * Prints the table of docs/capabilities.md, as `config/capability_needs.ts` has it.
 *
 * @module
 */

import { type Feature, FEATURES } from "../config/mod.ts";

/** Its rows, a list of cells each. */
export function capabilityRows(): string[][] {
  return Object.values(FEATURES).map(({ what, keys, capabilities, without }: Feature) => [
    what,
    keys,
    capabilities.map((one) => `\`${one.toUpperCase()}\``).join(", "),
    without,
  ]);
}

if (import.meta.main) {
  for (const row of capabilityRows()) console.log(`| ${row.join(" | ")} |`);
}
