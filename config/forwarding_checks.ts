/**
 * What checks with `via_forwarding` cannot do, or contradict: named checks, ways that lead past the
 * load balancer, keys that the way decides, marks that somebody else has.
 *
 * @module
 */

import type { CheckConfig, CheckedServer, CheckUseConfig, NamedCheckConfig } from "./check_uses.ts";
import { OTHER, type Report } from "./finding.ts";
import { markRange, wayOf } from "./forwarding.ts";
import { familyOf } from "./ip.ts";
import type { IpvsConfig } from "./ipvs_schema.ts";
import { itemAt } from "./service_overlaps.ts";
import type { CheckedTable } from "./table_lists.ts";
import { descend, keyPlace, type TreeNode, valuePlace } from "./tree.ts";
import type { VirtualServerConfig } from "./virtual_server_schema.ts";

/**
 * Reports what one check with `via_forwarding` cannot do. Returns whether there is such a way.
 *
 * @param server absent: it has a name
 */
export function checkForwarding(
  check: CheckConfig,
  node: TreeNode,
  server: CheckedServer | undefined,
  report: Report,
): boolean {
  const { via_forwarding, bind_address, bind_port } = check;
  if (via_forwarding === undefined) return true;
  const own = descend(node, ["via_forwarding"]);
  const via = server?.via ?? "a check with a name stands at no real server";
  if (typeof via === "string") {
    report({
      place: keyPlace(own),
      message: `\`via_forwarding\` asks one real server as its clients do, and ${via}`,
      advice: "leave it out",
    });
    return false;
  }
  for (const key of ["address", "mark", "namespace"] as const) {
    if (check[key] === undefined) continue;
    report({
      place: keyPlace(descend(node, [key])),
      message: `\`${key}\` beside \`via_forwarding\` (${OTHER}), which asks the virtual address, ` +
        "with a mark of its own, where the load balancer is",
      advice: "leave out one of the two",
      other: keyPlace(own),
    });
  }
  if (bind_port !== undefined) {
    report({
      place: keyPlace(descend(node, ["bind_port"])),
      message: `\`bind_port\` beside \`via_forwarding\` (${OTHER}): the kernel remembers a ` +
        "connection for a while after its end, and what comes from the same port would go to the " +
        "real server that was asked before",
      advice: "leave out one of the two",
      other: keyPlace(own),
    });
  }
  if (bind_address === via.address) {
    report({
      place: valuePlace(descend(node, ["bind_address"])),
      message: "From the virtual address itself no answer would come back here",
      advice: "write another address of this host",
    });
  }
  if (bind_address !== undefined || familyOf(via.address) === familyOf(via.server)) return true;
  report({
    place: keyPlace(own),
    message: `Which address to ask ${via.address} from cannot be told: the tunnel leads over the ` +
      "other family",
    advice: "add `bind_address`, an address of this host that is no virtual one",
  });
  return true;
}

/** The ways of checks of a virtual server's real servers. */
export function waysOf({ config }: CheckedTable<VirtualServerConfig>): string[] {
  const probes = (check: readonly CheckUseConfig[]) =>
    check.some((use) => "type" in use && use.via_forwarding !== undefined);
  return config.real_server.flatMap(({ address: { address }, check, ...real }) => {
    const way = probes(check) ? wayOf(config, { ...real, address }) : "";
    return typeof way === "string" ? [] : [way.key];
  });
}

/** Reports marks of such checks that others have, too, and too few of them. */
export function checkForwardingMarks(
  servers: readonly CheckedTable<VirtualServerConfig>[],
  checks: readonly CheckedTable<NamedCheckConfig>[],
  ipvs: CheckedTable<IpvsConfig> | undefined,
  report: Report,
): void {
  const ways = new Set(servers.flatMap(waysOf));
  if (ways.size === 0) return;
  const [first, last] = markRange(ipvs?.config);
  const range = ipvs === undefined ? undefined : descend(ipvs.node, ["forwarding_marks"]);
  const written = ipvs?.config.forwarding_marks === undefined ? undefined : range;
  const taken = (mark: number | undefined, place: TreeNode): void => {
    if (mark === undefined || mark < first || mark > last) return;
    report({
      place: valuePlace(place),
      message: `The mark ${mark} is one of those of checks with \`via_forwarding\`, ${first} to ` +
        `${last}${written === undefined ? "" : ` (${OTHER})`}`,
      advice: "write another one, or give `ipvs.forwarding_marks`",
      ...(written === undefined ? {} : { other: keyPlace(written) }),
    });
  };
  for (const { config, node } of servers) {
    taken(config.mark, descend(node, ["mark"]));
    config.fwmark.forEach((mark, index) => taken(mark, itemAt(node, "fwmark", index)));
    for (const { check } of config.real_server) {
      for (const use of check) if ("type" in use) taken(use.mark, descend(node, ["check"]));
    }
  }
  for (const { config, node } of checks) taken(config.mark, descend(node, ["mark"]));
  if (last > 0xffff_ffff && written !== undefined) {
    report({
      place: keyPlace(written),
      message: `The marks ${first} to ${last} do not fit into 32 bits`,
      advice: "write a lower `first`",
    });
  }
  if (ways.size <= last - first + 1 || written === undefined) return;
  report({
    place: keyPlace(written),
    message: `${ways.size} real servers are asked with \`via_forwarding\`, and there are ` +
      `${last - first + 1} marks for them`,
    advice: `write \`count = ${ways.size}\` or more`,
  });
}
