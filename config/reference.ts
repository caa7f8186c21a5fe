/**
 * What site.toml may say, section by section, out of the schema: for the reference and the manual
 * page.
 *
 * Not part of `mod.ts`: nothing that runs needs it.
 *
 * @module
 */

import {
  defaultOf,
  docOf,
  entriesOf,
  isRequired,
  itemOf,
  type Schema,
  typesOf,
  wordsOf,
} from "./introspect.ts";
import { SITE_SCHEMA } from "./schema.ts";
import { tomlText } from "./tree.ts";

/** A key of a table. */
export interface KeyReference {
  readonly name: string;
  /** In words, with an article: `a duration`. */
  readonly kind: string;
  /** What it means, with unit, range and example. */
  readonly text: string;
  readonly required: boolean;
  /** As it would be written; null: none, or nothing that is worth a word. */
  readonly preset: string | null;
  /** The section that has its keys; null: it is no table. */
  readonly section: string | null;
}

/** A table. */
export interface SectionReference {
  /** `agent`, `vrrp.track`. */
  readonly path: string;
  /** As it stands in a file: `[agent]`, `[[vrrp]]`. */
  readonly title: string;
  readonly text: string;
  readonly keys: readonly KeyReference[];
}

/** All sections, those of a table behind it. */
export function reference(): SectionReference[] {
  const walk = new Walk();
  walk.table(SITE_SCHEMA as unknown as Schema, "", "the file itself", "Keys before all tables.");
  return walk.sections;
}

class Walk {
  readonly sections: SectionReference[] = [];
  /** Where the keys of a table stand already. */
  readonly #known = new Map<string, string>();

  /** A table and what is in it; tables that are the same stand once. */
  table(schema: Schema, path: string, title: string, text: string): void {
    const keys: KeyReference[] = [];
    const at = this.sections.length;
    for (const [name, value] of entriesOf(schema) ?? []) {
      const inner = path === "" ? name : `${path}.${name}`;
      const doc = docOf(value);
      const preset = defaultOf(value);
      keys.push({
        name,
        kind: doc?.kind ?? "a table",
        text: doc?.description ?? "",
        required: isRequired(value),
        preset: isWorthAWord(preset) ? tomlText(preset) : null,
        section: this.#inner(value, inner, doc?.description ?? ""),
      });
    }
    this.sections.splice(at, 0, { path, title, text, keys });
  }

  /** The section of the keys of a value; null: it has none. */
  #inner(schema: Schema, path: string, text: string): string | null {
    const item = itemOf(schema);
    // They take what the tables take that they are for.
    if (path.startsWith("defaults.")) return path.slice("defaults.".length);
    const own = entriesOf(schema) === undefined ? item : schema;
    const entries = own === undefined ? undefined : entriesOf(own);
    if (own === undefined || entries === undefined) return null;
    const print = printOf(own);
    const known = this.#known.get(print);
    if (known !== undefined) return known;
    this.#known.set(print, path);
    const title = own === item ? `[[${path}]]` : `[${path}]`;
    this.table(own, path, title, text);
    return path;
  }
}

/** What two tables are the same by. */
function printOf(schema: Schema): string {
  const keys = [...entriesOf(schema) ?? []].map(([name, value]) => [
    name,
    docOf(value)?.description,
    typesOf(value),
    wordsOf(value),
    isRequired(value),
  ]);
  return JSON.stringify(keys);
}

function isWorthAWord(preset: unknown): boolean {
  if (preset === undefined || preset === null) return false;
  if (Array.isArray(preset)) return preset.length > 0;
  return typeof preset !== "object" || Object.keys(preset).length > 0;
}
