/**
 * What real servers say of their health checks that these cannot do: more of them required than
 * there are, keys that wait for the verdict of none; and named checks that nobody uses.
 *
 * @module
 */

import type { Report } from "./finding.ts";
import type { NamedCheckConfig } from "./check_uses.ts";
import type { GroupTrackConfig } from "./track_table.ts";
import type { CheckedTable } from "./table_lists.ts";
import { descend, keyPlace, type TreeNode, valuePlace } from "./tree.ts";
import type { VirtualServerConfig } from "./virtual_server_schema.ts";

function isWritten(node: TreeNode, key: string): boolean {
  return node.kind === "table" && node.entries.has(key);
}

/** Reports what the keys about health of a virtual server's real servers come to nothing. */
export function checkHealth(
  { config, node }: CheckedTable<VirtualServerConfig>,
  report: Report,
): void {
  const said = new Set<TreeNode>();
  const once = (place: TreeNode, finding: Parameters<Report>[0]): void => {
    if (!said.has(place)) report(finding);
    said.add(place);
  };
  config.real_server.forEach(({ check, require, start_down }, index) => {
    const server = descend(node, ["real_server", index]);
    const where = (key: string): TreeNode | undefined => {
      const holder = [server, node].find((one) => isWritten(one, key));
      const value = holder === undefined ? undefined : descend(holder, [key]);
      // A default is for those that it can serve.
      return value?.path[0] === "virtual_server" ? value : undefined;
    };
    const required = where("require");
    if (typeof require === "number" && require > check.length && required !== undefined) {
      once(required, {
        place: valuePlace(required),
        message: `\`require = ${require}\`, and the real server has ` +
          `${check.length === 1 ? "1 check" : `${check.length} checks`}: it would never be up`,
        advice: check.length === 0 ? "add `check`" : `write \`${check.length}\` or less`,
      });
    }
    const down = where("start_down");
    if (start_down && check.length === 0 && down !== undefined) {
      once(down, {
        place: keyPlace(down),
        message: "`start_down` waits for checks, and the real server has none",
        advice: "add `check`, or leave the key out",
      });
    }
  });
}

/** Who may use a named check by `track`. */
type Tracking = CheckedTable<{ readonly track: GroupTrackConfig }>;

/** Reports named checks that no real server has and no router tracks: all of them, at the first. */
export function reportUnusedChecks(
  checks: readonly CheckedTable<NamedCheckConfig>[],
  servers: readonly CheckedTable<VirtualServerConfig>[],
  tracking: readonly Tracking[],
  report: Report,
): void {
  const used = new Set<string>();
  for (const { config } of tracking) {
    for (const { name } of config.track.checks) used.add(name);
  }
  for (const { config } of servers) {
    const listed = config.servers_file === undefined ? [] : [config.listed];
    for (const { check } of [...config.real_server, ...listed]) {
      for (const use of check) if ("name" in use) used.add(use.name);
    }
  }
  const unused = checks.filter(({ config: { name } }) => !used.has(name));
  const [first] = unused;
  if (first === undefined) return;
  const names = unused.map(({ config: { name } }) => `"${name}"`).join(", ");
  const [what, it] = unused.length === 1 ? ["the check", "it"] : ["these checks:", "them"];
  report({
    place: valuePlace(descend(first.node, ["name"])),
    message: `Nobody uses ${what} ${names}`,
    advice: `name ${it} in \`check\` of a server or in \`track.checks\` of a router, or take ` +
      `${it} out`,
    severity: "warning",
  });
}
