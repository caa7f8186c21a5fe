/**
 * Many interfaces for many virtual routers: pairs of macvlans on two hosts that share one cable.
 *
 * Macvlans in bridge mode would not do: every advert is for a group that all of them are in, so
 * the kernel would give each host a thousand copies of each of a thousand adverts. In source mode
 * a macvlan takes only frames from hardware addresses on its list, found by a hash, and here that
 * list is its partner on the other host: a thousand pairs are as good as a thousand cables.
 * A cable carries 250 of them, so that each has a virtual router id of its own on it: keepalived
 * takes two macvlans of one interface for the same network.
 *
 * @module
 */

import type { Lab } from "./lab.ts";
import type { Host, Lan } from "./network.ts";

/** Macvlans over one cable. */
const PER_CABLE = 250;

/** Two hosts with many pairs of interfaces. */
export interface MacvlanPairs {
  /** The same on both hosts: `m0`, `m1`, … */
  readonly interfaces: readonly string[];
  /** The cables under them. */
  readonly lans: readonly Lan[];
  /** Virtual router id of each interface. */
  virtualRouterId(interfaceNumber: number): number;
}

/** Makes the pairs; each interface has an IPv4 address, IPv6 is off on both hosts. */
export async function macvlanPairs(
  lab: Lab,
  a: Host,
  b: Host,
  count: number,
): Promise<MacvlanPairs> {
  for (const host of [a, b]) {
    // A link-local address on each would tell all others of its groups, one by one.
    await host.sysctl("net.ipv6.conf.all.disable_ipv6", "1");
    await host.sysctl("net.ipv6.conf.default.disable_ipv6", "1");
  }
  const lans: Lan[] = [];
  while (lans.length * PER_CABLE < count) {
    lans.push(await lab.lan(`cable${lans.length}`, [a, b], { prefix: null }));
  }
  await Promise.all([make(a, 1, 2, count), make(b, 2, 1, count)]);
  return {
    interfaces: Array.from({ length: count }, (_, i) => `m${i}`),
    lans,
    virtualRouterId: (i) => i % PER_CABLE + 1,
  };
}

/** Whether a hardware address is one of the macvlans of that host: 1 or 2. */
export function isMacvlanOf(host: 1 | 2, mac: string): boolean {
  return mac.startsWith(`02:00:00:0${host}:`);
}

async function make(host: Host, own: 1 | 2, peer: 1 | 2, count: number): Promise<void> {
  const lines: string[] = [];
  for (let i = 0; i < count; i++) {
    const parent = `eth${Math.floor(i / PER_CABLE)}`;
    lines.push(
      `link add m${i} link ${parent} address ${macOf(own, i)} type macvlan mode source`,
      `link set m${i} type macvlan macaddr add ${macOf(peer, i)}`,
      `address add 198.51.100.${own}/32 dev m${i}`,
      `link set m${i} up`,
    );
  }
  await host.exec(["ip", "-batch", "-"], { input: lines.join("\n") });
}

function macOf(host: number, number: number): string {
  const bytes = [0x02, 0, 0, host, number >> 8, number & 0xff];
  return bytes.map((byte) => byte.toString(16).padStart(2, "0")).join(":");
}
