/**
 * Addresses, routes and rules in what one process tells another, see `memory_schema.ts`: keys in
 * the order in which `held_objects.ts` writes them.
 *
 * @module
 */

import * as v from "valibot";
import { ROUTE_METRICS, ROUTE_TYPES, RULE_ACTIONS } from "../netlink/mod.ts";
import { address, interfaceName, u32, whole } from "./memory_values.ts";

const byte = whole(0, 255);
const network = v.pipe(v.string(), v.regex(/^[0-9a-f.:]{2,45}\/[0-9]{1,3}$/, "no network"));
const yes = v.literal(true);
const range = v.tuple([u32, u32]);

export const heldAddress = v.strictObject({
  address,
  prefixLength: whole(0, 128),
  interface: interfaceName,
  label: v.exactOptional(interfaceName),
  excluded: v.exactOptional(yes),
  scope: v.exactOptional(byte),
  peer: v.exactOptional(address),
  broadcast: v.exactOptional(address),
  preferred: v.exactOptional(yes),
});

const encapsulation = v.union([
  v.strictObject({
    type: v.literal("mpls"),
    labels: v.array(u32),
    ttl: v.exactOptional(byte),
  }),
  v.strictObject({
    type: v.picklist(["ip", "ip6"]),
    id: v.exactOptional(u32),
    destination: v.exactOptional(address),
    source: v.exactOptional(address),
    ttl: v.exactOptional(byte),
    tos: v.exactOptional(byte),
  }),
]);

const hop = v.strictObject({
  interface: v.exactOptional(interfaceName),
  via: v.exactOptional(address),
  weight: v.exactOptional(whole(1, 256)),
  onlink: v.exactOptional(yes),
  realms: v.exactOptional(u32),
  encapsulation: v.exactOptional(encapsulation),
});

function names<T extends Readonly<Record<string, number>>>(words: T) {
  return Object.keys(words) as [keyof T & string, ...(keyof T & string)[]];
}

const METRICS = names(ROUTE_METRICS).filter((name) => name !== "congctl");

export const heldRoute = v.strictObject({
  to: network,
  type: v.picklist(names(ROUTE_TYPES)),
  table: u32,
  metric: v.exactOptional(u32),
  tos: v.exactOptional(byte),
  scope: v.exactOptional(byte),
  source: v.exactOptional(address),
  hops: v.array(hop),
  metrics: v.exactOptional(v.record(v.picklist(METRICS), u32)),
  congestion: v.exactOptional(interfaceName),
  realms: v.exactOptional(u32),
  preference: v.exactOptional(v.picklist(["low", "medium", "high"])),
});

export const heldRule = v.strictObject({
  family: v.picklist([4, 6]),
  priority: u32,
  action: v.picklist(names(RULE_ACTIONS)),
  table: v.exactOptional(u32),
  goto: v.exactOptional(u32),
  not: v.exactOptional(yes),
  from: v.exactOptional(network),
  to: v.exactOptional(network),
  iif: v.exactOptional(interfaceName),
  oif: v.exactOptional(interfaceName),
  tos: v.exactOptional(byte),
  fwmark: v.exactOptional(u32),
  fwmask: v.exactOptional(u32),
  realms: v.exactOptional(u32),
  uids: v.exactOptional(range),
  l3mdev: v.exactOptional(yes),
  ipProtocol: v.exactOptional(byte),
  sourcePorts: v.exactOptional(range),
  destinationPorts: v.exactOptional(range),
  suppressPrefixLength: v.exactOptional(u32),
  suppressGroup: v.exactOptional(u32),
  tunnelId: v.exactOptional(u32),
});
