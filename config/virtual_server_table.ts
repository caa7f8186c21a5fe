/**
 * Virtual and real servers of a site as values of the load balancer's table (`mod/ipvs`): for the
 * checks of what the kernel would refuse, and for the plan.
 *
 * @module
 */

import {
  type Listen,
  netmaskOf,
  type RealServer,
  type ServiceSettings,
  type Tunnel,
  TUNNEL_CHECKSUM,
  TUNNEL_REMOTE_CHECKSUM,
  wholeNetmask,
} from "../mod/ipvs/mod.ts";
import { familyOf } from "./ip.ts";
import { addressesOf, portsOf } from "./mark_fields.ts";
import type { RealServerConfig, TunnelConfig } from "./real_server_schema.ts";
import {
  SCHEDULER_FLAGS,
  type SorryServerConfig,
  type VirtualServerConfig,
} from "./virtual_server_schema.ts";

const SECOND = 1_000_000;

/** The families of its services, that of the first one first. */
export function serviceFamilies(
  { listen, fwmark, family }: Pick<VirtualServerConfig, "listen" | "fwmark" | "family">,
): ("ipv4" | "ipv6")[] {
  const all = [...listen.map(({ address }) => familyOf(address)), ...fwmark.map(() => family)];
  return [...new Set(all)];
}

/**
 * Where it listens, one for each item of `listen`, then one for each mark; with a mark of its own,
 * that one for each family.
 */
export function listenOf(
  { listen, fwmark, family, mark, protocol }: VirtualServerConfig,
): Listen[] {
  if (mark !== undefined) {
    return serviceFamilies({ listen, fwmark: [], family })
      .map((each): Listen => ({ family: each === "ipv6" ? 6 : 4, mark }));
  }
  return [
    ...listen.map(({ address, last, prefix_length: prefixLength, port }): Listen => ({
      protocol,
      address,
      ...(last === undefined ? {} : { last }),
      ...(prefixLength === undefined ? {} : { prefixLength }),
      port,
    })),
    ...fwmark.map((mark): Listen => ({ family: family === "ipv6" ? 6 : 4, mark })),
  ];
}

/** Packets that get the mark of a virtual server. */
export interface MarkedPackets {
  readonly protocol: VirtualServerConfig["protocol"];
  readonly address: string;
  /** The same as `address` for one. */
  readonly last: string;
  readonly port: number;
  /** The same as `port` for one. */
  readonly lastPort: number;
  readonly mark: number;
}

/** What the firewall marks for a virtual server. */
export function marksOf({ listen, mark, protocol }: VirtualServerConfig): MarkedPackets[] {
  if (mark === undefined) return [];
  return listen.map((each) => {
    const { first: address, last } = addressesOf(each);
    const [port, lastPort] = portsOf(each);
    return { protocol, address, last, port, lastPort, mark };
  });
}

/** Settings of each of its services. */
export function serviceOf(config: VirtualServerConfig): ServiceSettings {
  const { scheduler, flags, persistence } = config;
  // A default is for the virtual servers that it can serve.
  const own = flags.filter((flag) => flag.startsWith("flag-") || flag.startsWith(`${scheduler}-`));
  const datagrams = config.listen.length === 0 || config.protocol === "udp";
  const families = serviceFamilies(config);
  const family = families.includes("ipv4") ? 4 : 6;
  const { prefix_length: common, ipv6_prefix_length: ipv6 } = persistence ?? {};
  const length = family === 6 ? ipv6 ?? common : common;
  return {
    scheduler,
    schedulerFlags: own.reduce((bits, flag) => bits | SCHEDULER_FLAGS[flag], 0),
    onePacket: config.one_packet && datagrams,
    persistence: persistence === null ? null : {
      timeout: persistence.timeout / SECOND,
      netmask: length === undefined ? wholeNetmask(family) : netmaskOf(family, length),
    },
    engine: persistence?.engine ?? "",
    ...(persistence === null || families.length < 2
      ? {}
      : { ipv6Netmask: ipv6 ?? wholeNetmask(6) }),
  };
}

const CHECKSUMS = { none: 0, full: TUNNEL_CHECKSUM, remote: TUNNEL_REMOTE_CHECKSUM } as const;

function tunnel({ type, port = 0, checksum }: TunnelConfig): Tunnel {
  return { type, port, flags: CHECKSUMS[checksum] };
}

function destination(
  { address: { address, port }, forward, tunnel: way }: Pick<
    RealServerConfig,
    "address" | "forward" | "tunnel"
  >,
): Pick<RealServer, "address" | "port" | "forward" | "tunnel"> {
  return {
    address,
    ...(port === undefined ? {} : { port }),
    forward,
    tunnel: way === undefined ? null : tunnel(way),
  };
}

/** A real server with its configured weight. */
export function realServerOf(server: RealServerConfig): RealServer {
  return {
    ...destination(server),
    weight: server.weight,
    upperThreshold: server.thresholds.upper,
    lowerThreshold: server.thresholds.lower,
  };
}

/** A sorry server takes whatever comes. */
export function sorryServerOf(server: SorryServerConfig): RealServer {
  return { ...destination(server), weight: 1, upperThreshold: 0, lowerThreshold: 0 };
}
