/** Two directors between a client and three real servers; each side's gateway is a virtual router. */

import { type Host, type Lab, type Lan } from "../lib/mod.ts";
import { Exchange } from "./exchange.ts";

/** Of the real servers. */
export const PORT = 8080;
/** Where the clients ask. */
export const VIP = "192.0.2.10";

/**
 * The virtual routers `front` and `back`, master together; `a` is the better one.
 *
 * @param more lines of `front`'s table
 */
export function routersText(interval: string, more = ""): string {
  return `[defaults.vrrp]
priority = { by_host = { a = 150, b = 100 } }
advertisement_interval = "${interval}"

[[vrrp]]
name = "front"
interface = "eth0"
virtual_router_id = 51
addresses = ["${VIP}/24"]
${more}

[[vrrp]]
name = "back"
interface = "eth1"
virtual_router_id = 52
addresses = ["198.51.100.1/24"]

[[sync_group]]
name = "director"
members = ["front", "back"]
`;
}

export interface Directors {
  readonly client: Host;
  readonly a: Host;
  readonly b: Host;
  readonly servers: readonly [Host, Host, Host];
  readonly front: Lan;
  readonly back: Lan;
  /** What the client asks, and the real servers answer. */
  readonly exchange: Exchange;
}

/** Hosts, cables and routes; `exchange` is to be closed. */
export async function twoDirectors(lab: Lab): Promise<Directors> {
  const hosts = await lab.hostsNamed("c", "a", "b", "r1", "r2", "r3");
  const [client, a, b, ...servers] = hosts;
  const front = await lab.lan("front", [client, a, b]);
  const back = await lab.lan("back", [a, b, ...servers], {
    prefix: null,
    addresses: {
      a: ["198.51.100.2/24"],
      b: ["198.51.100.3/24"],
      r1: ["198.51.100.11/24"],
      r2: ["198.51.100.12/24"],
      r3: ["198.51.100.13/24"],
    },
  });
  for (const host of [a, b]) await host.sysctl("net.ipv4.ip_forward", "1");
  for (const host of servers) {
    await host.exec(["ip", "route", "add", "192.0.2.0/24", "via", "198.51.100.1"]);
  }
  const namespaces = new Map(hosts.map((host) => [host.name, host.namespace]));
  const exchange = new Exchange({
    wire: "tcp",
    family: 4,
    port: PORT,
    namespace: (host) => namespaces.get(host)!,
  });
  return { client, a, b, servers, front, back, exchange };
}
