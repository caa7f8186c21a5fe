/**
 * What a site.toml may say in a later version. What this version does not act upon is refused by
 * name: silently accepting it would be a promise, and calling it unknown would send the user looking
 * for a typing error.
 *
 * @module
 */

import manifest from "../deno.json" with { type: "json" };

/** The version of halb, such as `0.1.0`. */
export const RELEASE: string = manifest.version;

/** Says that `what` comes later. */
export function notYet(what: string): string {
  return `${what} is planned, but not in halb ${RELEASE}`;
}
