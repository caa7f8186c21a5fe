/** Hosts for the BFD labs with real peers: a and b on one LAN, and two hops apart through r. */

import type { Host, Lab, Lan } from "../lib/mod.ts";

/** Our address and the peer's, over several hops. */
export const FAR = [["198.51.100.1", "203.0.113.1"], ["2001:db8:a::1", "2001:db8:b::1"]] as const;

export interface TwoHops {
  /** a and r. */
  readonly left: Lan;
  /** b and r. */
  readonly right: Lan;
}

/** Joins a and b by a router r, both families. */
export async function twoHops(lab: Lab, a: Host, r: Host, b: Host): Promise<TwoHops> {
  await r.sysctl("net.ipv4.ip_forward", "1");
  await r.sysctl("net.ipv6.conf.all.forwarding", "1");
  const left = await lab.lan("left", [a, r], {
    prefix: null,
    addresses: {
      [a.name]: ["198.51.100.1/24", "2001:db8:a::1/64"],
      [r.name]: ["198.51.100.254/24", "2001:db8:a::fe/64"],
    },
  });
  const right = await lab.lan("right", [b, r], {
    prefix: null,
    addresses: {
      [b.name]: ["203.0.113.1/24", "2001:db8:b::1/64"],
      [r.name]: ["203.0.113.254/24", "2001:db8:b::fe/64"],
    },
  });
  await a.exec(["ip", "route", "add", "203.0.113.0/24", "via", "198.51.100.254"]);
  await b.exec(["ip", "route", "add", "198.51.100.0/24", "via", "203.0.113.254"]);
  await a.exec(["ip", "-6", "route", "add", "2001:db8:b::/64", "via", "2001:db8:a::fe"]);
  await b.exec(["ip", "-6", "route", "add", "2001:db8:a::/64", "via", "2001:db8:b::fe"]);
  return { left, right };
}

/** One LAN with addresses of both families, `192.0.2.1` and `2001:db8:1::1` first, and link-local. */
export function bothFamilies(lab: Lab, hosts: readonly Host[]): Promise<Lan> {
  const of = (n: number) => [`192.0.2.${n}/24`, `2001:db8:1::${n}/64`, `fe80::a:${n}/64`];
  const addresses = Object.fromEntries(hosts.map(({ name }, i) => [name, of(i + 1)]));
  return lab.lan("net", hosts, { prefix: null, addresses });
}
