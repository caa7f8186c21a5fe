/**
 * `halb schema`: the JSON Schema of site.toml, for editors and generators.
 *
 * @module
 */

import { jsonSchema } from "../../config/json_schema.ts";

/** The JSON Schema (draft 7) as indented text. */
export function schemaCommand(): string {
  return JSON.stringify(jsonSchema(), null, 2);
}
