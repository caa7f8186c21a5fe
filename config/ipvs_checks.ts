/**
 * What the keys of `[ipvs]` contradict each other and the rest of the site in: sync daemons that
 * the kernel has no room for, routers that there are not.
 *
 * @module
 */

import { OTHER, type Report } from "./finding.ts";
import type { IpvsConfig, SyncDaemonConfig } from "./ipvs_schema.ts";
import type { CheckedTable } from "./table_lists.ts";
import { descend, keyPlace, shown, type TreeNode, valuePlace } from "./tree.ts";
import {
  type BalanceSurroundings,
  type CheckedVirtualServer,
  checkFollowed,
  mixesFamilies,
} from "./virtual_server_checks.ts";

/** What one daemon of the kernel does. */
type Role = "master" | "backup";

/** What a table asks for: one that follows a router is either, in turn. */
export function rolesOf({ role, follow }: SyncDaemonConfig): readonly Role[] {
  if (follow !== undefined || role === undefined || role === "both") return ["master", "backup"];
  return [role];
}

function daemonNode(node: TreeNode, index: number): TreeNode {
  const value = descend(node, ["sync_daemon"]);
  return value.kind === "list" ? descend(value, [index]) : value;
}

/** Reports what is wrong with `[ipvs]`. */
export function checkIpvs(
  { config, node }: CheckedTable<IpvsConfig>,
  servers: readonly CheckedVirtualServer[],
  surroundings: BalanceSurroundings,
  report: Report,
): void {
  const taken = new Map<Role, TreeNode>();
  config.sync_daemon.forEach((daemon, index) => {
    const own = daemonNode(node, index);
    checkDaemon(daemon, own, surroundings, report);
    const roles = rolesOf(daemon);
    const first = roles.map((role) => taken.get(role)).find((one) => one !== undefined);
    for (const role of roles) if (!taken.has(role)) taken.set(role, own);
    if (first === undefined) return;
    const twice = roles.find((role) => taken.get(role) === first) ?? "master";
    report({
      place: valuePlace(descend(own, ["interface"])),
      message: `The kernel has one sync daemon that ${
        twice === "master" ? "tells" : "listens"
      }, and it is taken: first at ${OTHER}`,
      advice: 'leave one out, or give one `role = "master"` and the other `role = "backup"`',
      other: valuePlace(descend(first, ["interface"])),
    });
  });
  checkMixture({ config, node }, servers, report);
  checkSettings({ config, node }, report);
}

function checkDaemon(
  { follow, role }: SyncDaemonConfig,
  node: TreeNode,
  surroundings: BalanceSurroundings,
  report: Report,
): void {
  if (follow !== undefined) checkFollowed(follow, descend(node, ["follow"]), surroundings, report);
  if (follow !== undefined && role !== undefined) {
    const place = descend(node, ["role"]);
    report({
      place: keyPlace(place),
      message:
        `\`role = ${shown(place)}\` and \`follow\` (${OTHER}) both say when it tells and when ` +
        "it listens",
      advice: "leave one of the two out",
      other: keyPlace(descend(node, ["follow"])),
    });
  }
}

/** The kernel refuses the one while it has the other (`ip_vs_genl_new_daemon`). */
function checkMixture(
  { config, node }: CheckedTable<IpvsConfig>,
  servers: readonly CheckedVirtualServer[],
  report: Report,
): void {
  const mixed = servers.find(mixesFamilies);
  if (config.sync_daemon.length === 0 || mixed === undefined) return;
  report({
    place: keyPlace(descend(node, ["sync_daemon"])),
    message:
      `The kernel runs no sync daemon beside a virtual server (${OTHER}) whose real servers ` +
      "are of another address family",
    advice: "leave the daemon out, or give that virtual server real servers of its own family",
    other: valuePlace(descend(mixed.node, ["name"])),
  });
}

function checkSettings({ config, node }: CheckedTable<IpvsConfig>, report: Report): void {
  checkThreshold({ config, node }, report);
  const ports = config.settings?.sync_ports;
  if (ports === undefined || (ports & (ports - 1)) === 0) return;
  const place = descend(node, ["settings", "sync_ports"]);
  report({
    place: valuePlace(place),
    message: `Invalid \`settings.sync_ports\`: ${shown(place)} is not a power of two`,
    advice: `write \`${2 ** Math.round(Math.log2(ports))}\` instead`,
  });
}

/** As `proc_do_sync_threshold` of the kernel takes them. */
function checkThreshold({ config, node }: CheckedTable<IpvsConfig>, report: Report): void {
  const both = config.settings?.sync_threshold;
  if (both === undefined) return;
  const [threshold = 0, period = 0, ...more] = both;
  const place = descend(node, ["settings", "sync_threshold"]);
  if (both.length !== 2) {
    report({
      place: valuePlace(place),
      message: `Invalid \`settings.sync_threshold\`: these are ${both.length} numbers, not two`,
      advice: more.length > 0 ? "leave the others out" : "write `[3, 50]`, the kernel's default",
    });
  } else if (period !== 0 && threshold >= period) {
    report({
      place: valuePlace(descend(place, [0])),
      message: `Invalid \`settings.sync_threshold\`: ${threshold} is not less than ${period}`,
      advice: `write \`${period - 1}\` or less`,
    });
  }
}
