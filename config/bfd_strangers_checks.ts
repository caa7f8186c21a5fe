/**
 * What `[bfd_reflector]` and `[bfd_unsolicited]` contradict themselves in.
 *
 * @module
 */

import { checkAuth } from "./bfd_checks.ts";
import type { BfdReflectorConfig, BfdUnsolicitedConfig } from "./bfd_strangers_schema.ts";
import type { Report } from "./finding.ts";
import { clash, Register } from "./router_checks.ts";
import type { CheckedTable } from "./table_lists.ts";
import { descend, shown, type TreeNode, valuePlace } from "./tree.ts";

/** Reports what is wrong with the reflector. */
export function checkReflector(table: CheckedTable<BfdReflectorConfig>, report: Report): void {
  const { config, node } = table;
  if (config.discriminators.length === 0) {
    report({
      place: valuePlace(descend(node, ["discriminators"])),
      message: "A reflector without discriminators answers nobody",
      advice: 'write one, such as `["192.0.2.1"]`, or leave `[bfd_reflector]` out',
    });
  }
  checkTwice(config.discriminators, node, "discriminators", report);
  checkTwice(config.addresses, node, "addresses", report);
  checkTwice(config.interfaces, node, "interfaces", report);
  if (config.min_ttl < 255 && config.allow.length === 0) {
    report({
      place: valuePlace(descend(node, ["min_ttl"])),
      message: "Everybody within reach may ask, under any sender: the answers go to that one",
      advice: "name the networks that may ask in `allow`",
      severity: "warning",
    });
  }
  checkAuth(table, report);
}

/** Reports what is wrong with sessions that others may begin. */
export function checkUnsolicited(table: CheckedTable<BfdUnsolicitedConfig>, report: Report): void {
  const { config, node } = table;
  if (config.interfaces.length === 0) {
    report({
      place: valuePlace(descend(node, ["interfaces"])),
      message: "Without an interface nobody may begin a session (RFC 9468 section 2)",
      advice: 'write one, such as `["eth0"]`, or leave `[bfd_unsolicited]` out',
    });
  }
  checkTwice(config.interfaces, node, "interfaces", report);
  checkAuth(table, report);
}

function checkTwice(
  values: readonly (string | number)[],
  node: TreeNode,
  key: string,
  report: Report,
): void {
  const known = new Register<TreeNode>();
  values.forEach((value, index) => {
    const own = descend(node, [key, index]);
    const what = `${shown(own)} stands twice in \`${key}\``;
    clash(own, known.claim([value], own), what, "leave one out", report);
  });
}
