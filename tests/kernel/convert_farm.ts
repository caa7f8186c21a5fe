/**
 * Real servers for the configurations that `convert_ipvs_test.ts` tries: one namespace that is
 * every address of the networks for documentation, and answers on some ports.
 *
 *     director d0 ── 198.51.100.10 ──┐
 *     director d1 ── 198.51.100.11 ──┤  each by a cable of its own, so that virtual routers
 *     …                              │  of different directors do not hear each other
 *                                   farm: 192.0.2.0/24, 203.0.113.0/24, 2001:db8::/32
 *                                   203.0.113.240/28 and 2001:db8:dead::/48 are refused
 *
 * @module
 */

import { type Host, until } from "../lib/mod.ts";
import { ipBatch, run, setting } from "./lib.ts";

/** The farm's namespace. */
export const FARM = "farm";

/** A director with its cable into the farm. */
export interface Director {
  readonly name: string;
  /** IPv4 address of its eth0. */
  readonly address: string;
}

/** Cables between the farm and directors, whose namespaces are there already. */
export function wire(names: readonly string[]): Director[] {
  setting(FARM, "net/ipv4/ip_forward", 1);
  setting(FARM, "net/ipv6/conf/all/forwarding", 1);
  const far = [
    "address add 198.51.100.1/32 dev lo",
    "address add 2001:db8:ffff::1/128 dev lo",
    "route add local 192.0.2.0/24 dev lo table main",
    "route add local 203.0.113.0/24 dev lo table main",
    "route add prohibit 203.0.113.240/28",
    "route add local 2001:db8::/32 dev lo table main",
    "route add prohibit 2001:db8:dead::/48",
  ];
  const near = new Map<string, string[]>();
  const directors = names.map((name, i) => {
    const address = `198.51.100.${10 + i}`;
    far.push(
      `link add name p-${name} type veth peer name eth0 netns ${name}`,
      `link set p-${name} up`,
      `address add fe80::1/64 dev p-${name} nodad`,
      `route add ${address} dev p-${name}`,
      `route add 2001:db8:ffff::${10 + i} dev p-${name}`,
    );
    const lines = [
      "link set eth0 up",
      `address add ${address}/32 dev eth0`,
      `address add 2001:db8:ffff::${10 + i}/128 dev eth0 nodad`,
      "route add 198.51.100.1 dev eth0",
      "route add default via 198.51.100.1",
      "route add default via fe80::1 dev eth0",
    ];
    for (const [spare, own] of [["eth1", "198.51.100.129/25"], ["eth2", "203.0.113.225/28"]]) {
      lines.push(
        `link add ${spare} type veth peer name peer-${spare}`,
        `link set ${spare} up`,
        `link set peer-${spare} up`,
        `address add ${own} dev ${spare}`,
      );
    }
    near.set(name, lines);
    return { name, address };
  });
  ipBatch(FARM, far);
  for (const [name, lines] of near) {
    for (const which of ["all", "default"]) {
      setting(name, `net/ipv6/conf/${which}/accept_dad`, 0);
      setting(name, `net/ipv4/conf/${which}/rp_filter`, 0);
    }
    ipBatch(name, lines);
    // What PING_CHECK needs, which keepalived would set itself.
    setting(name, "net/ipv4/ping_group_range", "0 2147483647");
  }
  return directors;
}

/** Starts the servers. @param host the farm */
export async function startFarm(host: Host, directory: string): Promise<void> {
  const [key, certificate] = [`${directory}/farm.key`, `${directory}/farm.pem`];
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  const subject = ["-subj", "/CN=farm", "-days", "30"];
  run("openssl", "req", "-x509", ...curve, ...subject, "-keyout", key, "-out", certificate);
  const script = new URL("convert_farm_main.ts", import.meta.url).pathname;
  const argv = [Deno.execPath(), "run", "-A", "--no-check", script, key, certificate];
  const farm = host.spawn(argv, { name: "farm" });
  await until("the farm's servers listen", () => farm.log().includes("ready"), 30_000, 100);
}
