/**
 * The keys of the schema by their dotted names, for tests that look at all of them.
 *
 * @module
 */

import { entriesOf, itemOf, type Schema } from "../../../config/introspect.ts";

/** Every key of the schema with its dotted name; a list's items have the name of the list. */
export function* schemaKeys(
  schema: Schema,
  above: readonly string[] = [],
): Generator<[string, Schema]> {
  for (const [key, inner] of entriesOf(schema) ?? []) {
    const path = [...above, key];
    yield [path.join("."), inner];
    yield* schemaKeys(inner, path);
    const item = itemOf(inner);
    if (item !== undefined) yield* schemaKeys(item, path);
  }
}
