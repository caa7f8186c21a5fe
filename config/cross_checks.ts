/**
 * What no single key can be wrong about: names and router ids given twice, an address that two
 * routers would hold, values that contradict each other. The places are those of the values that
 * collide, and the message names the other one.
 *
 * @module
 */

import { OTHER, type Report } from "./finding.ts";
import type { VrrpConfig } from "./schema.ts";
import { descend, keyPlace, shown, type TreeNode, valuePlace } from "./tree.ts";
import { formatDuration } from "./duration.ts";

/** A router that passed the schema, with the tree it came from. */
export interface CheckedRouter {
  readonly config: VrrpConfig;
  readonly node: TreeNode;
}

/** Remembers who came first under a name. */
class Register {
  readonly #first = new Map<string, TreeNode>();

  /** The node that took `name` before; undefined: `node` has it now. */
  claim(name: readonly unknown[], node: TreeNode): TreeNode | undefined {
    const key = JSON.stringify(name);
    const known = this.#first.get(key);
    if (known === undefined) this.#first.set(key, node);
    return known;
  }
}

/** The node of an address item: the string, or `address` in its table. */
function addressNode(router: TreeNode, index: number): TreeNode {
  const item = descend(router, ["addresses", index]);
  return item.kind === "table" ? descend(item, ["address"]) : item;
}

/** Reports that `node` repeats what `first`, if there is one, has already. */
function clash(
  node: TreeNode,
  first: TreeNode | undefined,
  what: string,
  advice: string,
  report: Report,
): void {
  if (first === undefined) return;
  const message = `${what}: first at ${OTHER}`;
  report({ place: valuePlace(node), message, advice, other: valuePlace(first) });
}

/** What is the same in two routers but must not be. */
function checkTwice(routers: readonly CheckedRouter[], report: Report): void {
  const names = new Register();
  const ids = new Register();
  const addresses = new Register();
  for (const { config, node } of routers) {
    const name = descend(node, ["name"]);
    clash(
      name,
      names.claim([config.name], name),
      `Two virtual routers have the name ${shown(name)}`,
      "give each router a name of its own",
      report,
    );
    const id = descend(node, ["virtual_router_id"]);
    clash(
      id,
      ids.claim([config.interface, config.virtual_router_id], id),
      `Two virtual routers on ${shown(descend(node, ["interface"]))} have the id ${shown(id)}`,
      "give each router on a LAN an id of its own, from 1 to 255",
      report,
    );
    config.addresses.forEach((address, index) => {
      const own = addressNode(node, index);
      clash(
        own,
        addresses.claim([address.interface, address.address], own),
        `The address ${shown(own)} is held twice on one interface`,
        "leave out one of the two",
        report,
      );
    });
  }
}

/** Whether a source or tracker of one router contradicts its other keys. */
function checkRouter({ config, node }: CheckedRouter, report: Report): void {
  if (config.source !== undefined) {
    const index = config.addresses.findIndex(({ address }) => address === config.source);
    if (index >= 0 && config.priority !== 255) {
      const source = descend(node, ["source"]);
      report({
        place: valuePlace(source),
        message: `Invalid \`source\`: ${
          shown(source)
        } is a virtual address of this router (${OTHER})`,
        advice: "write the node's own address, or leave the key out",
        other: valuePlace(addressNode(node, index)),
      });
    }
  }
  const tracked = new Register();
  config.track.interfaces.forEach(({ name }, index) => {
    const item = descend(node, ["track", "interfaces", index]);
    const own = item.kind === "table" ? descend(item, ["name"]) : item;
    clash(
      own,
      tracked.claim([name], own),
      `The interface ${shown(own)} is tracked twice`,
      "leave out one of the two",
      report,
    );
  });
  if (config.priority === 255 && !config.preempt) {
    report({
      place: keyPlace(descend(node, ["preempt"])),
      message: "`preempt = false` has no effect at priority 255: the owner always preempts",
      advice: "leave the key out, or give a priority below 255",
      severity: "warning",
    });
  }
  const three = 3 * config.advertisement_interval;
  if (typeof config.address_lease === "number" && config.address_lease * 1_000_000 < three) {
    const lease = descend(node, ["address_lease"]);
    report({
      place: valuePlace(lease),
      message: `An \`address_lease\` of ${shown(lease)} ends before a backup takes over, ` +
        `after more than ${formatDuration(three)}: should the agent hang, nobody answers meanwhile`,
      advice: 'write `"auto"` instead',
      severity: "warning",
    });
  }
}

/** Reports what the routers of a site contradict each other and themselves in. */
export function crossCheck(routers: readonly CheckedRouter[], report: Report): void {
  checkTwice(routers, report);
  for (const router of routers) checkRouter(router, report);
}
