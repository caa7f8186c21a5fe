/**
 * Several files become one site: tables are merged key by key, lists are joined in the order of
 * the files, and a scalar that two files give is refused with both places, for no order of files
 * could tell which one is meant.
 *
 * @module
 */

import { OTHER, type Report } from "./finding.ts";
import { keyPlace, type TableNode, type TreeNode, writeKey } from "./tree.ts";

/** Adds `more` to `table`, in place. */
function mergeInto(table: TableNode, more: TableNode, names: string[], report: Report): void {
  for (const [key, node] of more.entries) {
    const known = table.entries.get(key);
    const path = [...names, key];
    if (known === undefined) table.entries.set(key, node);
    else if (known.kind === "list" && node.kind === "list") known.items.push(...node.items);
    else if (known.kind === "table" && node.kind === "table") mergeInto(known, node, path, report);
    else {
      report({
        place: keyPlace(node),
        message: `\`${path.map(writeKey).join(".")}\` is given twice: first at ${OTHER}`,
        advice: "leave out one of the two",
        other: keyPlace(known),
      });
    }
  }
}

/** One table of all of `tables`, which are used up. */
export function mergeTables(tables: readonly TableNode[], report: Report): TableNode | undefined {
  const [first, ...others] = tables;
  if (first === undefined) return undefined;
  for (const other of others) mergeInto(first, other, [], report);
  return first;
}

/** The node at `keys` of the first table that has it. */
export function firstOf(
  tables: readonly TableNode[],
  keys: readonly string[],
): TreeNode | undefined {
  for (const table of tables) {
    let node: TreeNode | undefined = table;
    for (const key of keys) node = node?.kind === "table" ? node.entries.get(key) : undefined;
    if (node !== undefined) return node;
  }
  return undefined;
}
