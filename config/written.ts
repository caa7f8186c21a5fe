/**
 * The keys that somebody has written in a site.toml, includes and `by_host` resolved: for what must
 * say of each key what becomes of it.
 *
 * @module
 */

import type { Finding } from "./finding.ts";
import { readSources } from "./include.ts";
import { type LoadOptions } from "./load.ts";
import { locate } from "./locate.ts";
import { mergeTables } from "./merge.ts";
import type { Problem } from "./problem.ts";
import { hideSecrets } from "./secrets.ts";
import { substitute } from "./substitute.ts";
import { harvest, keyPlace, type TreeNode } from "./tree.ts";

/** What is said of a key; `undefined`: nothing, its own keys are looked at. */
export type Judge = (
  key: string,
  value: unknown,
) => { readonly message: string; readonly advice?: string } | undefined;

/**
 * Asks `judge` of each written key, from the top down, and returns what it says with file and line.
 * A key is named by its path: `vrrp.garp.repeat`, without `defaults` in front and places in lists.
 */
export function judgeWritten(path: string, options: LoadOptions, judge: Judge): Problem[] {
  const { sources, tables } = readSources(path, options, () => {});
  const name = options.name ?? options.hostname;
  const resolved = tables.map((table) =>
    hideSecrets(substitute(table, { ...options, name }, () => {}))
  );
  const root = mergeTables(resolved, () => {});
  const findings: Finding[] = [];
  const walk = (node: TreeNode, key: string) => {
    if (node.kind === "list") node.items.forEach((item) => walk(item, key));
    else if (node.kind === "table") {
      for (const [own, inner] of node.entries) {
        const full = key === "" || key === "defaults" ? own : `${key}.${own}`;
        const said = full === "defaults" ? undefined : judge(full, harvest(inner));
        if (said !== undefined) findings.push({ place: keyPlace(inner), ...said });
        else walk(inner, full);
      }
    }
  };
  if (root !== undefined) walk(root, "");
  return locate(findings, sources);
}
