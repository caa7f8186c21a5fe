/**
 * Lists of tables at the top of a site.toml, such as `[[vrrp]]`: taken apart so that one item which
 * is wrong does not hide the others.
 *
 * @module
 */

import type { Report } from "./finding.ts";
import { validate } from "./issues.ts";
import { nameAdvice } from "./nearest.ts";
import type * as v from "valibot";
import { FAILED, shown, type TableNode, type TreeNode, valuePlace } from "./tree.ts";

/**
 * The tables of the list `key`; reports what is no table, and a list that is none.
 *
 * @param several what there may be several of, such as `virtual routers`; absent: its name says it
 */
export function listedTables(
  root: TableNode,
  key: string,
  several: string | undefined,
  report: Report,
): TableNode[] {
  const list = root.entries.get(key);
  if (list === undefined || (list.kind === "scalar" && list.value === FAILED)) return [];
  if (list.kind !== "list") {
    report({
      place: valuePlace(list),
      message: `\`${key}\` is a list of tables` +
        (several === undefined ? "" : `: there may be several ${several}`),
      advice: `write \`[[${key}]]\` instead`,
    });
    return list.kind === "table" ? [list] : [];
  }
  return list.items.filter((item): item is TableNode => {
    if (item.kind === "table") return true;
    if (item.kind !== "scalar" || item.value !== FAILED) {
      const message = `${shown(item)} is not a table: \`${key}\` is a list of tables`;
      report({
        place: valuePlace(item),
        message,
        advice: `write \`[[${key}]]\` and its keys below`,
      });
    }
    return false;
  });
}

/** What stands in the list `key`, whatever it is; nothing where there is no list. */
export function itemsOf(root: TableNode, key: string): readonly TreeNode[] {
  const list = root.entries.get(key);
  return list?.kind === "list" ? list.items : [];
}

/** Names in the list of tables `key`, whatever else is wrong with these. */
export function namesIn(root: TableNode, key: string): string[] {
  return itemsOf(root, key).flatMap((table) => {
    const name = table.kind === "table" ? table.entries.get("name") : undefined;
    return name?.kind === "scalar" && typeof name.value === "string" ? [name.value] : [];
  });
}

/**
 * Reports a name that no table of a list has, and the nearest that one has.
 *
 * @param node where the name is written
 * @param known names in the list `key`
 */
export function reportUnknown(
  key: string,
  name: string,
  node: TreeNode,
  known: readonly string[],
  report: Report,
): void {
  report({
    place: valuePlace(node),
    message: `There is no \`[[${key}]]\` with the name ${shown(node)}`,
    advice: nameAdvice(name, known, `add a \`[[${key}]]\` with that name`),
  });
}

/** The list `key` with what `listedTables` has left of it, for who looks at the whole tree next. */
export function keepTables(root: TableNode, key: string, items: TreeNode[]): void {
  const path = [key];
  root.entries.set(key, { source: root.source, path, keyPath: path, kind: "list", items });
}

/** A validated table with the tree it came from. */
export interface CheckedTable<T> {
  readonly config: T;
  readonly node: TreeNode;
}

/** The tables of a list that `schema` accepts; what is wrong with the others is reported. */
export function validTables<T>(
  root: TableNode,
  key: string,
  schema: v.GenericSchema<unknown, T>,
  report: Report,
): CheckedTable<T>[] {
  return itemsOf(root, key).flatMap((node) => {
    const config = validate(node, schema, report);
    return config === undefined ? [] : [{ config, node }];
  });
}
