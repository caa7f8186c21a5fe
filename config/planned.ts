/**
 * What a site.toml may say in a later version. A key from the contract that this version does not
 * act upon is refused by name: silently accepting it would be a promise, and calling it unknown
 * would send the user looking for a typing error. When a key starts to work, its line here goes.
 *
 * @module
 */

import manifest from "../deno.json" with { type: "json" };
import { ownWord } from "./foreign.ts";

/** The version of halb, such as `0.1.0`. */
export const RELEASE: string = manifest.version;

/** Says that `what` comes later. */
export function notYet(what: string): string {
  return `${what} is planned, but not in halb ${RELEASE}`;
}

/**
 * Keys to come, by the table they belong to: `""` is the top level, `vrrp` each `[[vrrp]]`. The
 * value is how the key is named to the user.
 */
const PLANNED: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  agent: {
    http: "`agent.http`",
  },
};

/** How a key to come is named to the user; undefined where `key` is not one. */
export function plannedKey(table: string, key: string): string | undefined {
  return ownWord(PLANNED[table], key);
}

/** Keys to come in a table, for suggestions. */
export function plannedKeys(table: string): readonly string[] {
  return Object.keys(PLANNED[table] ?? {});
}
