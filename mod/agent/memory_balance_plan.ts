/**
 * What is wanted of virtual servers in what one process tells another, see `memory_schema.ts`: keys
 * in the order in which `balance_plan.ts` writes them.
 *
 * @module
 */

import * as v from "valibot";
import { GREATEST_WEIGHT, LARGEST_RANGE } from "../ipvs/mod.ts";
import {
  address,
  interfaceName,
  micros,
  name,
  port,
  text,
  u32,
  vsSettings,
  whole,
} from "./memory_values.ts";

/** More than anybody balances on one host. */
const MOST_SERVERS = LARGEST_RANGE;
const MOST_MARKED = LARGEST_RANGE;
/** Names of what is held for one virtual router. */
const MOST_HOLDINGS = 2;

const protocol = v.picklist(["tcp", "udp", "sctp"]);
const holdings = v.pipe(v.array(name), v.maxLength(MOST_HOLDINGS));

const listen = v.union([
  v.strictObject({
    protocol,
    address,
    last: v.exactOptional(address),
    prefixLength: v.exactOptional(whole(0, 128)),
    port,
  }),
  v.strictObject({ family: v.picklist([4, 6]), mark: whole(1, 0xffff_ffff) }),
]);

const service = v.strictObject({
  scheduler: name,
  schedulerFlags: whole(0, 7),
  onePacket: v.boolean(),
  persistence: v.nullable(v.strictObject({ timeout: u32, netmask: u32 })),
  engine: text,
  ipv6Netmask: v.exactOptional(whole(1, 128)),
});

const tunnel = v.nullable(v.strictObject({
  type: v.picklist(["ipip", "gue", "gre"]),
  port,
  flags: whole(0, 3),
}));

const server = v.strictObject({
  address,
  port: v.exactOptional(port),
  forward: v.picklist(["nat", "tunnel", "direct"]),
  tunnel,
  weight: whole(0, GREATEST_WEIGHT),
  upperThreshold: u32,
  lowerThreshold: u32,
});

const realServer = v.strictObject({
  name,
  server,
  checks: v.array(text),
  require: v.union([v.picklist(["all", "any"]), u32]),
  onFailure: v.picklist(["remove", "weight-zero"]),
  startDown: v.boolean(),
  slowStart: micros,
  drainTimeout: micros,
});

/** What is wanted of one: `VirtualServerSettings`. */
export const virtualServer = v.strictObject({
  name,
  listen: v.pipe(v.array(listen), v.maxLength(LARGEST_RANGE)),
  service,
  follow: holdings,
  quorum: whole(1, 0xffff_ffff),
  hysteresis: u32,
  sorryServer: v.nullable(v.strictObject({ server, inhibit: v.boolean() })),
  announce: v.boolean(),
  servers: v.pipe(v.array(realServer), v.maxLength(MOST_SERVERS)),
});

const markRule = v.strictObject({
  protocol,
  address,
  last: address,
  port,
  lastPort: port,
  mark: whole(1, 0xffff_ffff),
});

export const daemonRole = v.picklist(["master", "backup"]);
/** What a sync daemon has but its role. */
export const daemonSettings = {
  interface: interfaceName,
  id: whole(0, 255),
  maxLength: whole(0, 65_535),
  group: v.union([v.literal(""), address]),
  port,
  ttl: whole(0, 255),
};

const syncDaemon = v.strictObject({
  role: v.union([daemonRole, v.strictObject({ follow: holdings })]),
  ...daemonSettings,
});

/** All of IPVS that is wanted: a `BalancePlan`. */
export const balancePlan = v.strictObject({
  namespace: text,
  servers: v.pipe(v.array(virtualServer), v.maxLength(MOST_SERVERS)),
  announce: v.pipe(
    v.array(v.strictObject({ server: name, holding: name })),
    v.maxLength(MOST_SERVERS),
  ),
  marks: v.exactOptional(v.pipe(v.array(markRule), v.maxLength(MOST_MARKED))),
  forwarding: v.exactOptional(v.pipe(
    v.array(v.strictObject({
      listen: v.pipe(v.array(listen), v.maxLength(1)),
      settings: service,
      servers: v.pipe(v.array(server), v.maxLength(1)),
    })),
    v.maxLength(MOST_SERVERS),
  )),
  timeouts: v.exactOptional(v.strictObject({ tcp: u32, tcpFin: u32, udp: u32 })),
  syncDaemons: v.pipe(v.array(syncDaemon), v.maxLength(2)),
  settings: vsSettings,
  compareInterval: v.exactOptional(micros),
  flush: v.boolean(),
  onStop: v.picklist(["remove", "keep"]),
});
