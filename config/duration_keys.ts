/**
 * Which keys of a site are durations: a site that was read has microseconds there, and whoever shows
 * them writes what a user would.
 *
 * @module
 */

import { DURATION_KIND } from "./fields.ts";
import { docOf, schemaAt } from "./introspect.ts";
import { SITE_SCHEMA } from "./schema.ts";

/** @param path keys from the top of a site, numbers for items of lists: `["vrrp", 0, "garp"]` */
export function isDurationAt(path: readonly (string | number)[]): boolean {
  const schema = schemaAt(SITE_SCHEMA, path);
  return schema !== undefined && docOf(schema)?.kind === DURATION_KIND;
}
