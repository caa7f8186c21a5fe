/**
 * What `virtual_mac` contradicts: interfaces that several routers would make, names that the host
 * has for something else, kinds that the kernel does not put beside each other.
 *
 * @module
 */

import { OTHER, type Report } from "./finding.ts";
import { type CheckedRouter, clash, Register } from "./router_checks.ts";
import { hasBothFamilies } from "./schema.ts";
import { familiesOf } from "./transport_checks.ts";
import { descend, keyPlace, shown, type TreeNode, valuePlace } from "./tree.ts";
import {
  virtualInterfaceName,
  virtualMacAddress,
  type VirtualMacConfig,
} from "./virtual_mac_schema.ts";

interface VirtualRouter extends CheckedRouter {
  readonly virtual: VirtualMacConfig;
  /** Where it is configured. */
  readonly place: TreeNode;
}

/** Interfaces that the site takes for the host's own, and where. */
function hostInterfaces(routers: readonly CheckedRouter[]): Map<string, TreeNode> {
  const found = new Map<string, TreeNode>();
  for (const { config, node } of routers) {
    const note = (name: string, node: TreeNode) => {
      const key = `${config.namespace ?? ""}/${name}`;
      if (!found.has(key)) found.set(key, node);
    };
    note(config.interface, descend(node, ["interface"]));
    config.track.interfaces.forEach(({ name }, index) => {
      const item = descend(node, ["track", "interfaces", index]);
      note(name, item.kind === "table" ? descend(item, ["name"]) : item);
    });
    config.addresses.forEach((address, index) => {
      if (address.interface === config.interface) return;
      note(address.interface, descend(node, ["addresses", index, "interface"]));
    });
  }
  return found;
}

/** Whatever one router with a virtual MAC can be wrong about. */
function checkOne({ config, node, virtual, place }: VirtualRouter, report: Report): void {
  if (virtual.type === "ipvlan") {
    if (virtual.mac !== undefined) {
      report({
        place: keyPlace(descend(place, ["mac"])),
        message: "An ipvlan has the hardware address of the interface it lies upon: `mac` is for " +
          "a macvlan",
        advice: 'leave `mac` out, or write `type = "macvlan"`',
      });
    }
    if (virtual.transmit_on_base) {
      report({
        place: keyPlace(descend(place, ["transmit_on_base"])),
        message: "`transmit_on_base` has no effect with an ipvlan: there is one hardware address",
        advice: "leave the key out",
        severity: "warning",
      });
    }
  }
  // What is given for one of them cannot be that of the other.
  const given = hasBothFamilies(config) ? (["interface", "mac"] as const) : [];
  for (const key of given.filter((key) => virtual[key] !== undefined)) {
    report({
      place: keyPlace(descend(place, [key])),
      message:
        `A router of both families has a virtual MAC for each of them: \`${key}\` is for one`,
      advice: `leave \`${key}\` out, or give each family a router and put both into a sync group`,
    });
  }
  if (config.priority === 255 && virtual.type === "macvlan") {
    report({
      place: keyPlace(place),
      message: "`virtual_mac` at priority 255: where the host has the addresses itself, it " +
        "answers for them with its own hardware address as well",
      advice: `let halb alone hold the addresses, also here, with a priority below 255 (${OTHER})`,
      severity: "warning",
      other: valuePlace(descend(node, ["priority"])),
    });
  }
}

/** Reports what the virtual MACs of a site contradict each other and the rest in. */
export function checkVirtualMacs(routers: readonly CheckedRouter[], report: Report): void {
  const hosts = hostInterfaces(routers);
  const names = new Register<TreeNode>();
  const macs = new Register<TreeNode>();
  const kinds = new Map<string, VirtualRouter>();
  for (const router of routers) {
    const virtual = virtualRouter(router);
    if (virtual === undefined) continue;
    const { config, place } = virtual;
    const { namespace = "" } = config;
    const base = `${namespace}/${config.interface}`;
    checkOne(virtual, report);
    for (const [name, mac] of interfacesOf(virtual)) {
      const taken = hosts.get(`${namespace}/${name}`);
      if (taken !== undefined) {
        report({
          place: valuePlace(place),
          message: `The virtual MAC's interface \`${name}\` is one that halb makes, and that is ` +
            `down while another node is master: it cannot be used at ${OTHER}`,
          advice: "name the interface that it lies upon there, or give this one another name",
          other: valuePlace(taken),
        });
      }
      clash(
        place,
        names.claim([namespace, name], place),
        `Two virtual routers would have the interface \`${name}\``,
        'give each a name of its own: `virtual_mac = { interface = "…" }`',
        report,
      );
      if (mac === undefined) continue;
      clash(
        place,
        macs.claim([namespace, config.interface, mac], place),
        `Two virtual routers on one interface would have the hardware address ${mac}`,
        "give each router an address of its own",
        report,
      );
    }
    const first = kinds.get(base);
    if (first === undefined) kinds.set(base, virtual);
    else if (first.virtual.type !== virtual.virtual.type) {
      report({
        place: valuePlace(place),
        message: `The kernel puts macvlans and ipvlans on ${
          shown(descend(virtual.node, ["interface"]))
        } one or the other, not both: another kind is at ${OTHER}`,
        advice: "write the same `type` for all routers on one interface",
        other: valuePlace(first.place),
      });
    }
  }
}

function virtualRouter(router: CheckedRouter): VirtualRouter | undefined {
  const { config, node } = router;
  const virtual = config.virtual_mac;
  if (virtual === false) return undefined;
  return { ...router, virtual, place: descend(node, ["virtual_mac"]) };
}

/** Names and hardware addresses, one for each family; what is given for one counts once. */
function interfacesOf({ config, virtual }: VirtualRouter): Map<string, string | undefined> {
  const { virtual_router_id: id } = config;
  return new Map(
    familiesOf(config).map((family) => [
      virtualInterfaceName(virtual, id, family),
      virtualMacAddress(virtual, id, family),
    ]),
  );
}
