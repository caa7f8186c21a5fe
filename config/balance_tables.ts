/**
 * `[ipvs]` and `[[virtual_server]]` out of the tree of a site, checked.
 *
 * @module
 */

import { endpointText } from "../mod/ip/mod.ts";
import { type CheckSurroundings, readUses } from "./check_checks.ts";
import {
  type CheckedServer,
  type CheckUseConfig,
  liftsWeight,
  type NamedCheckConfig,
  withCheckDefaults,
} from "./check_uses.ts";
import type { Finding, Report } from "./finding.ts";
import { wayOf } from "./forwarding.ts";
import { checkForwardingMarks } from "./forwarding_checks.ts";
import { checkIpvs } from "./ipvs_checks.ts";
import { IPVS_SCHEMA, type IpvsConfig } from "./ipvs_schema.ts";
import { validate } from "./issues.ts";
import { type NotifyingTable, realServerTarget } from "./notify_checks.ts";
import { tunnelOf } from "./real_server_schema.ts";
import { type CheckedTable, itemsOf } from "./table_lists.ts";
import { descend, overlay, type TableNode, type TreeNode } from "./tree.ts";
import {
  type BalanceSurroundings,
  type CheckedVirtualServer,
  checkVirtualServers,
} from "./virtual_server_checks.ts";
import {
  resolveVirtualServer,
  VIRTUAL_SERVER_SCHEMA,
  type WrittenVirtualServer,
} from "./virtual_server_schema.ts";

/** All that a site says about the kernel's load balancer. */
export interface BalanceTables {
  /** Absent: there is no `[ipvs]`. */
  readonly ipvs?: { readonly config: IpvsConfig; readonly node: TreeNode };
  readonly servers: readonly CheckedVirtualServer[];
}

/** What lies under the tables of virtual servers. */
export interface BalanceDefaults {
  /** `[defaults.virtual_server]`, where there is one. */
  readonly server: TreeNode | undefined;
  /** `[defaults.check]`, where there is one. */
  readonly check: TreeNode | undefined;
}

/**
 * The tables that pass the schema; what does not is reported.
 *
 * @param ipvs the table `[ipvs]`, where there is one
 */
export function readBalance(
  root: TableNode,
  ipvs: TableNode | undefined,
  defaults: BalanceDefaults,
  surroundings: CheckSurroundings,
  report: Report,
): BalanceTables {
  const config = ipvs === undefined ? undefined : validate(ipvs, IPVS_SCHEMA, report);
  const servers = itemsOf(root, "virtual_server").flatMap((item): CheckedVirtualServer[] => {
    const node = layUnder(defaults, item);
    const written = validate(node, VIRTUAL_SERVER_SCHEMA, report);
    if (written === undefined) return [];
    const { checks, listed } = readChecksOf(written, node, surroundings, report);
    return [{ config: resolveVirtualServer(written, checks, listed), node }];
  });
  return {
    ...(config === undefined || ipvs === undefined ? {} : { ipvs: { config, node: ipvs } }),
    servers,
  };
}

/** A virtual server over its defaults, and each of its checks over those of checks. */
function layUnder({ server, check }: BalanceDefaults, item: TreeNode): TreeNode {
  const own = item.kind === "table" && item.entries.has("check");
  // A list or table of checks replaces the one that would be inherited as a whole.
  return withChecks(overlay(own ? without(server, "check") : server, item), check);
}

function without(node: TreeNode | undefined, key: string): TreeNode | undefined {
  if (node?.kind !== "table") return node;
  return { ...node, entries: new Map([...node.entries].filter(([name]) => name !== key)) };
}

function withChecks(node: TreeNode, common: TreeNode | undefined): TreeNode {
  if (node.kind !== "table") return node;
  const entries = new Map(node.entries);
  const check = entries.get("check");
  if (check !== undefined) entries.set("check", withCheckDefaults(common, check));
  const servers = entries.get("real_server");
  if (servers?.kind === "list") {
    const items = servers.items.map((server) => withChecks(server, common));
    entries.set("real_server", { ...servers, items });
  }
  return { ...node, entries };
}

/**
 * The checks of each real server: its own, or those of its virtual server, which servers of a list
 * have too.
 */
function readChecksOf(
  virtual: WrittenVirtualServer,
  node: TreeNode,
  surroundings: CheckSurroundings,
  report: Report,
): { readonly checks: CheckUseConfig[][]; readonly listed: CheckUseConfig[] } {
  const { listen, family, check, real_server, servers_file: file, forward } = virtual;
  // What all of them inherit is wrong once.
  const said = new Set<string>();
  const once = (finding: Finding): void => {
    const { source, ...where } = finding.place;
    const key = JSON.stringify([source.name, where, finding.message]);
    if (!said.has(key)) report(finding);
    said.add(key);
  };
  const checks = real_server.map((real, index) => {
    const { address: { address, port }, check: own } = real;
    const written = own ?? check ?? [];
    const holder = own === undefined ? node : descend(node, ["real_server", index]);
    const way = real.forward ?? forward;
    const via = wayOf(virtual, {
      address,
      forward: way,
      ...tunnelOf(way, real.tunnel, virtual.tunnel),
    });
    const server: CheckedServer = { address, port: port ?? listen[0]?.port ?? 0, via };
    return readUses(written, descend(holder, ["check"]), server, surroundings, once);
  });
  // Which addresses a list will hold, nobody knows: what is wrong of any is wrong of this one.
  const { address = family === "ipv6" ? "2001:db8::1" : "192.0.2.1", port = 0 } = listen[0] ?? {};
  const sample = { address, port, via: wayOf(virtual, { address, forward }) };
  const say = file === undefined ? () => {} : once;
  const listed = readUses(check ?? [], descend(node, ["check"]), sample, surroundings, say);
  return { checks, listed };
}

/** Reports what these tables contradict themselves and the rest of the site in. */
export function checkBalance(
  { ipvs, servers }: BalanceTables,
  around: Omit<BalanceSurroundings, "namespace" | "lifting">,
  checks: readonly CheckedTable<NamedCheckConfig>[],
  report: Report,
): void {
  const lifting = checks.flatMap(({ config }) => liftsWeight(config) ? config.name : []);
  const surroundings = {
    ...around,
    namespace: ipvs?.config.namespace ?? "",
    lifting: new Set(lifting),
  };
  checkVirtualServers(servers, surroundings, report);
  checkForwardingMarks(servers, checks, ipvs, report);
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
