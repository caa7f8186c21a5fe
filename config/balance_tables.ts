/**
 * `[ipvs]` and `[[virtual_server]]` out of the tree of a site, checked.
 *
 * @module
 */

import type { Report } from "./finding.ts";
import { checkIpvs } from "./ipvs_checks.ts";
import { IPVS_SCHEMA, type IpvsConfig } from "./ipvs_schema.ts";
import { validate } from "./issues.ts";
import type { NotifyingTable } from "./notify_checks.ts";
import { realServerTarget } from "./notify_checks.ts";
import { endpointText } from "./listen_fields.ts";
import { descend, overlay, type TableNode, type TreeNode } from "./tree.ts";
import {
  type BalanceSurroundings,
  type CheckedVirtualServer,
  checkVirtualServers,
} from "./virtual_server_checks.ts";
import { resolveVirtualServer, VIRTUAL_SERVER_SCHEMA } from "./virtual_server_schema.ts";

/** All that a site says about the kernel's load balancer. */
export interface BalanceTables {
  /** Absent: there is no `[ipvs]`. */
  readonly ipvs?: { readonly config: IpvsConfig; readonly node: TreeNode };
  readonly servers: readonly CheckedVirtualServer[];
}

/**
 * The tables that pass the schema; what does not is reported.
 *
 * @param ipvs the table `[ipvs]`, where there is one
 * @param common `[defaults.virtual_server]`, where there is one
 */
export function readBalance(
  root: TableNode,
  ipvs: TableNode | undefined,
  common: TreeNode | undefined,
  report: Report,
): BalanceTables {
  const config = ipvs === undefined ? undefined : validate(ipvs, IPVS_SCHEMA, report);
  const list = root.entries.get("virtual_server");
  const items = list?.kind === "list" ? list.items : [];
  const servers = items.flatMap((item): CheckedVirtualServer[] => {
    const node = overlay(common, item);
    const written = validate(node, VIRTUAL_SERVER_SCHEMA, report);
    return written === undefined ? [] : [{ config: resolveVirtualServer(written), node }];
  });
  return {
    ...(config === undefined || ipvs === undefined ? {} : { ipvs: { config, node: ipvs } }),
    servers,
  };
}

/** Reports what these tables contradict themselves and the rest of the site in. */
export function checkBalance(
  { ipvs, servers }: BalanceTables,
  routers: Pick<BalanceSurroundings, "routers" | "routerNames">,
  report: Report,
): void {
  const surroundings = { ...routers, namespace: ipvs?.config.namespace ?? "" };
  checkVirtualServers(servers, surroundings, report);
  if (ipvs !== undefined) checkIpvs(ipvs, servers, surroundings, report);
}

/** Virtual and real servers as tables with a `notify`. */
export function notifyingServers(servers: readonly CheckedVirtualServer[]): NotifyingTable[] {
  return servers.flatMap(({ config, node }): NotifyingTable[] => [
    { type: "VS", config, node },
    ...config.real_server.map(({ address, notify }, index): NotifyingTable => ({
      type: "RS",
      config: {
        name: realServerTarget(config.name, endpointText(address)),
        ...(notify === undefined ? {} : { notify }),
      },
      node: descend(node, ["real_server", index]),
    })),
  ]);
}
