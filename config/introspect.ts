/**
 * Looking into the schema: which keys a table takes, what its lists hold, which words document
 * it. valibot keeps all of this as plain properties; this module is the only one that relies on
 * their names.
 *
 * @module
 */

import * as v from "valibot";
import type { DocMetadata } from "./fields.ts";

/** Any schema. */
export type Schema = v.GenericSchema;

/** The properties of valibot's schemas that are looked at. */
interface Shape {
  readonly type: string;
  readonly wrapped?: Schema;
  readonly entries?: Readonly<Record<string, Schema>>;
  readonly item?: Schema;
  readonly options?: readonly unknown[];
  readonly default?: unknown;
  readonly pipe?: readonly Schema[];
}

function shape(schema: Schema): Shape {
  return schema as unknown as Shape;
}

/** The schema inside `optional` and `exactOptional`. */
export function unwrap(schema: Schema): Schema {
  const { wrapped } = shape(schema);
  return wrapped === undefined ? schema : unwrap(wrapped);
}

/** The alternatives of a union; any other schema is its own only alternative. */
function alternatives(schema: Schema): readonly Schema[] {
  const inner = shape(unwrap(schema));
  return inner.type === "union" ? (inner.options as readonly Schema[]) : [unwrap(schema)];
}

/** The keys of a table and their schemas; undefined where the schema takes no table. */
export function entriesOf(schema: Schema): ReadonlyMap<string, Schema> | undefined {
  for (const alternative of alternatives(schema)) {
    const { entries } = shape(alternative);
    if (entries !== undefined) return new Map(Object.entries(entries));
  }
  return undefined;
}

/** The schema of a list's items; undefined where the schema takes no list. */
export function itemOf(schema: Schema): Schema | undefined {
  for (const alternative of alternatives(schema)) {
    const { item } = shape(alternative);
    if (item !== undefined) return item;
  }
  return undefined;
}

/** The type of what is written: `string`, `number`, `boolean`, `picklist`, `array`, `table`. */
export function typesOf(schema: Schema): readonly string[] {
  return alternatives(schema).map((alternative) => {
    const { type } = shape(alternative);
    return type === "strict_object" ? "table" : type;
  });
}

/** The words of a picklist; empty for other schemas. */
export function wordsOf(schema: Schema): readonly string[] {
  const inner = shape(unwrap(schema));
  return inner.type === "picklist" ? (inner.options as readonly string[]) : [];
}

/** The default as it would be written; undefined where there is none. */
export function defaultOf(schema: Schema): unknown {
  return shape(schema).default;
}

/** Whether the key must be given. */
export function isRequired(schema: Schema): boolean {
  const { type } = shape(schema);
  return type !== "optional" && type !== "exact_optional";
}

/** What `documented` noted; undefined where nobody did. */
export function docOf(schema: Schema): DocMetadata & { description: string } | undefined {
  const inner = unwrap(schema);
  for (const part of [inner, ...(shape(inner).pipe ?? [])]) {
    if (shape(part).pipe === undefined) continue;
    const description = v.getDescription(part);
    const metadata = v.getMetadata(part) as Partial<DocMetadata>;
    if (description !== undefined && metadata.kind !== undefined) {
      return { ...(metadata as DocMetadata), description };
    }
  }
  return undefined;
}

/** The schema at the end of `path`, or undefined. */
export function schemaAt(root: Schema, path: readonly unknown[]): Schema | undefined {
  let current: Schema | undefined = root;
  for (const step of path) {
    if (current === undefined) return undefined;
    current = typeof step === "number" ? itemOf(current) : entriesOf(current)?.get(String(step));
  }
  return current;
}
