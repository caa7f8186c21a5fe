/**
 * What sync groups can be wrong about: members that do not exist, that are in two groups, or that
 * cannot be master together.
 *
 * @module
 */

import { OTHER, type Report } from "./finding.ts";
import type { SyncGroupConfig } from "./group_schema.ts";
import { nearest } from "./nearest.ts";
import { type CheckedRouter, clash, Register } from "./router_checks.ts";
import { descend, shown, type TreeNode, valuePlace } from "./tree.ts";

/** A group that passed the schema, with the tree it came from. */
export interface CheckedGroup {
  readonly config: SyncGroupConfig;
  readonly node: TreeNode;
}

/** Reports what the groups of a site contradict each other, their routers and themselves in. */
export function checkGroups(
  groups: readonly CheckedGroup[],
  routers: readonly CheckedRouter[],
  report: Report,
): void {
  const byName = new Map(routers.map((router) => [router.config.name, router]));
  const names = new Register<TreeNode>();
  const members = new Register<TreeNode>();
  for (const { config, node } of groups) {
    const name = descend(node, ["name"]);
    const advice = "give each a name of its own";
    clash(
      name,
      names.claim([config.name], name),
      `Two sync groups have the name ${shown(name)}`,
      advice,
      report,
    );
    const namesake = byName.get(config.name);
    const other = namesake === undefined ? undefined : descend(namesake.node, ["name"]);
    const both = `A sync group and a virtual router have the name ${shown(name)}`;
    clash(name, other, both, `${advice}: \`halb release\` takes either`, report);
    config.members.forEach((member, index) => {
      const own = descend(node, ["members", index]);
      const what = `The virtual router ${shown(own)} is in a sync group twice`;
      const first = members.claim([member], own);
      clash(own, first, what, "leave it out in one of the two places", report);
      if (!byName.has(member)) reportUnknown(own, member, [...byName.keys()], report);
    });
    checkNeed({ config, node }, report);
    checkOwners({ config, node }, byName, report);
  }
}

function reportUnknown(
  own: TreeNode,
  member: string,
  known: readonly string[],
  report: Report,
): void {
  const meant = nearest(member, known);
  report({
    place: valuePlace(own),
    message: `There is no virtual router ${shown(own)}`,
    advice: meant === undefined
      ? `known here: ${known.slice(0, 20).join(", ")}`
      : `did you mean \`${meant}\`? write \`"${meant}"\` instead`,
  });
}

/** Whether the group can ever have as many members without fault as it needs. */
function checkNeed({ config, node }: CheckedGroup, report: Report): void {
  const { members, need } = config;
  const list = descend(node, ["members"]);
  if (members.length === 0) {
    const message = "A sync group needs members: this one has none";
    report({ place: valuePlace(list), message, advice: "name virtual routers, or take it out" });
    return;
  }
  if (typeof need === "number" && need > members.length) {
    const given = descend(node, ["need"]);
    report({
      place: valuePlace(given),
      message: `Invalid \`need\`: ${shown(given)} is more than the ${members.length} members ` +
        `(${OTHER})`,
      advice: 'write `"all"` instead',
      other: valuePlace(list),
    });
  }
  if (members.length > 1) return;
  report({
    place: valuePlace(list),
    message: "A sync group of one member has no effect: it moves alone anyway",
    advice: "name the others, too, or take the group out",
    severity: "warning",
  });
}

/** An owner never yields: nobody can be master or backup together with it. */
function checkOwners(
  { config, node }: CheckedGroup,
  routers: ReadonlyMap<string, CheckedRouter>,
  report: Report,
): void {
  const priorities = config.members.map((name) => routers.get(name)?.config.priority);
  const owner = priorities.indexOf(255);
  const other = priorities.findIndex((priority) => priority !== undefined && priority !== 255);
  if (owner < 0 || other < 0) return;
  const member = descend(node, ["members", owner]);
  const priority = routers.get(config.members[owner]!)!.node;
  report({
    place: valuePlace(member),
    message: `The virtual router ${shown(member)} owns its addresses (priority 255 at ${OTHER}) ` +
      `and cannot yield with the others of its sync group, such as ` +
      `${shown(descend(node, ["members", other]))}`,
    advice: "give it a priority below 255, or take it out of the group",
    other: valuePlace(descend(priority, ["priority"])),
  });
}
