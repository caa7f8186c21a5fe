/**
 * What must be set on the real servers themselves, which nobody can see from here: one piece of
 * advice for each way of forwarding.
 *
 * @module
 */

import { type SiteConfig } from "../../config/mod.ts";
import { type HostFinding, listed } from "./finding.ts";

type Real = SiteConfig["virtual_server"][number]["real_server"][number];

const QUIET = "sysctl -w net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.all.arp_announce=2";
const HOLD = "ip address add ADDRESS/32 dev lo (IPv6: /128, nodad)";

/** What a tunnel needs at its end. */
const TUNNELS: Readonly<Record<NonNullable<Real["tunnel"]>["type"], string>> = {
  ipip: "modprobe ipip; ip link set tunl0 up; sysctl -w net.ipv4.conf.all.rp_filter=0 " +
    "net.ipv4.conf.tunl0.rp_filter=0 " +
    "(servers reached over IPv6: modprobe ip6_tunnel, ip6tnl0)",
  gre: "modprobe ip_gre; ip link add gre1 type gre local SERVER remote any; ip link set gre1 up; " +
    "sysctl -w net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.gre1.rp_filter=0",
  gue:
    "modprobe fou; ip fou add port PORT gue; ip link add gue1 type ipip local SERVER remote any " +
    "encap gue encap-sport auto; ip link set gue1 up; " +
    "sysctl -w net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.gue1.rp_filter=0",
};

/** Advice for whoever sets up the real servers. */
export function serverAdvice(site: Pick<SiteConfig, "virtual_server">): HostFinding[] {
  const ways = new Map<string, string[]>();
  for (const { name, real_server } of site.virtual_server) {
    for (const { forward, tunnel } of real_server) {
      const way = forward === "tunnel" ? tunnel?.type ?? "ipip" : forward;
      const known = ways.get(way) ?? [];
      if (!known.includes(name)) ways.set(way, [...known, name]);
    }
  }
  return [...ways].map(([way, names]) => ({
    code: `real-servers-${way}`,
    gravity: "advice",
    subject: `virtual server ${listed(names)}`,
    ...adviceOf(way),
  }));
}

function adviceOf(way: string): Pick<HostFinding, "message" | "advice"> {
  if (way === "nat") {
    return {
      message: "With NAT each real server sends its answers through this host",
      advice: "on each of them: ip route replace default via THIS-HOST (a virtual address of the " +
        "inner network, where there are several directors)",
    };
  }
  if (way === "direct") {
    return {
      message: "With direct routing each real server has the virtual addresses itself, and keeps " +
        "silent about them",
      advice: `on each of them: ${QUIET}; then ${HOLD}`,
    };
  }
  return {
    message: `With tunnels (${way}) each real server unwraps packets, and has the virtual ` +
      "addresses itself, silently",
    advice:
      `on each of them: ${TUNNELS[way as keyof typeof TUNNELS]}; ${QUIET}; then ${HOLD}; the ` +
      "path's MTU has to leave room for the outer header, or clients' MSS has to be less",
  };
}
