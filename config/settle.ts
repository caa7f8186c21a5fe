/**
 * What the schema's strict tables cannot say well: a key that nobody knows gets the nearest known
 * one, another program's word is translated. All of them are reported, where valibot would stop at
 * the first, and then taken out of the tree. Text from the environment or a file becomes a number or truth value where the
 * schema wants one.
 *
 * @module
 */

import type { Report } from "./finding.ts";
import { entriesOf, itemOf, type Schema, typesOf } from "./introspect.ts";
import { nearest } from "./nearest.ts";
import { foreignKey } from "./foreign.ts";
import { SITE_SCHEMA } from "./schema.ts";
import { FAILED, keyPlace, type TableNode, type TreeNode, writeKey } from "./tree.ts";

/** Keys of one table that make no sense for all of its kind, and what such a table is. */
const OWN_KEYS: Readonly<Record<string, { readonly one: string; readonly keys: string }>> = {
  vrrp: {
    one: "one router",
    keys: "name virtual_router_id addresses excluded_addresses routes rules",
  },
  bfd: { one: "one session", keys: "name peer seamless" },
  check: { one: "one check", keys: "name" },
  virtual_server: {
    one: "one virtual server",
    keys: "name listen mark fwmark family servers_file real_server",
  },
};

/** The table of the file that takes `key`, in its brackets; undefined where none or several do. */
function home(key: string, file: Schema): string | undefined {
  const places: string[] = [];
  for (const [name, schema] of entriesOf(file) ?? new Map<string, Schema>()) {
    const item = itemOf(schema);
    if (entriesOf(item ?? schema)?.has(key)) {
      places.push(item === undefined ? `[${name}]` : `[[${name}]]`);
    }
  }
  return places.length === 1 ? places[0] : undefined;
}

/** How the user sees a table: `[agent.log]`, `[[vrrp]]`, the top level. */
function titleOf(table: string, file: Schema): string {
  if (table === "") return "the top level";
  const schema = entriesOf(file)?.get(table);
  if (schema !== undefined && itemOf(schema) !== undefined) return `\`[[${table}]]\``;
  if (table === "virtual_server.real_server") return `\`[[${table}]]\``;
  const inner = /^(?:vrrp|bfd|check|virtual_server(?:\.real_server)?)\.(.+)/.exec(table)?.[1];
  return `\`${inner ?? `[${table}]`}\``;
}

/** What to do about a key that is not known, and which key may be meant. */
function advise(
  key: string,
  table: string,
  known: readonly string[],
  file: Schema,
): { advice: string; meant?: string } {
  // Keepalived's words are for site.toml, and so are substitutions.
  const isSite = file === SITE_SCHEMA;
  const foreign = isSite ? foreignKey(table, key) : undefined;
  if (foreign !== undefined) {
    const meant = known.find((one) => foreign.startsWith(`write \`${one}`));
    return { advice: foreign, ...(meant === undefined ? {} : { meant }) };
  }
  if (isSite && (key === "by_host" || key === "env" || key === "file")) {
    return { advice: `\`${key}\` counts only as a table's sole key, \`default\` aside` };
  }
  const meant = nearest(key, known);
  if (meant !== undefined) {
    return { advice: `did you mean \`${meant}\`? write \`${meant}\` instead`, meant };
  }
  const elsewhere = home(key, file);
  return {
    advice: elsewhere !== undefined && elsewhere !== `[${table}]`
      ? `\`${key}\` belongs into \`${elsewhere}\``
      : `known here: ${known.join(", ")}`,
  };
}

/** Reports a key that the schema does not have; gives the known key that may be meant. */
function reportKey(
  key: string,
  entry: TreeNode,
  table: string,
  known: readonly string[],
  report: Report,
  file: Schema,
): string | undefined {
  const place = keyPlace(entry);
  // The defaults of a table take the words of that table.
  const inDefaults = table.startsWith("defaults.");
  const words = inDefaults ? table.slice("defaults.".length) : table;
  const own = inDefaults ? OWN_KEYS[words] : undefined;
  if (own?.keys.split(" ").includes(key)) {
    const message = `\`${key}\` belongs to ${own.one}: it has no default`;
    report({ place, message, advice: `give it in each \`[[${words}]]\`` });
    return undefined;
  }
  const { advice, meant } = advise(key, words, known, file);
  report({ place, message: `Unknown key \`${writeKey(key)}\` in ${titleOf(table, file)}`, advice });
  return meant;
}

/** Numbers and truth values out of the text of a file or variable. */
function coerce(node: TreeNode, schema: Schema): void {
  if (node.kind !== "scalar" || node.secret === undefined || typeof node.value !== "string") return;
  const types = typesOf(schema);
  if (types.includes("string") || types.includes("picklist")) return;
  const text = node.value.trim();
  if (types.includes("number") && /^[+-]?[0-9]{1,15}$/.test(text)) node.value = Number(text);
  if (types.includes("boolean") && /^(true|false)$/.test(text)) node.value = text === "true";
}

/**
 * Reports and removes the keys below `node` that `schema` does not have.
 *
 * @param table The dotted name of the table, without list positions; empty: the top level.
 * @param file The schema of the file as a whole.
 */
export function settle(
  node: TreeNode,
  schema: Schema,
  table: string,
  report: Report,
  file: Schema = SITE_SCHEMA,
): void {
  coerce(node, schema);
  if (node.kind === "list") {
    const item = itemOf(schema);
    if (item === undefined) return;
    for (const entry of node.items) settle(entry, item, table, report, file);
    return;
  }
  if (node.kind === "table") settleTable(node, schema, table, report, file);
}

function settleTable(
  node: TableNode,
  schema: Schema,
  table: string,
  report: Report,
  file: Schema,
): void {
  const known = entriesOf(schema);
  if (known === undefined) return;
  for (const [key, entry] of [...node.entries]) {
    const inner = known.get(key);
    if (inner === undefined) {
      node.entries.delete(key);
      const meant = reportKey(key, entry, table, [...known.keys()], report, file);
      // A key that is merely misspelt must not be called missing as well.
      if (meant !== undefined && !node.entries.has(meant)) {
        const { source, path, keyPath } = entry;
        node.entries.set(meant, { source, path, keyPath, kind: "scalar", value: FAILED });
      }
    } else settle(entry, inner, table === "" ? key : `${table}.${key}`, report, file);
  }
}
