/**
 * One description of virtual routers, for halb and for keepalived alike.
 *
 * @module
 */

import { type Host, type Lab, type LabProcess, startHalb, startKeepalived } from "../lib/mod.ts";

export type Daemon = "halb" | "keepalived";
export const DAEMONS: readonly Daemon[] = ["halb", "keepalived"];

/** One virtual router. */
export interface RouterSpec {
  readonly name: string;
  readonly interface: string;
  readonly virtualRouterId: number;
  readonly priority: number;
  /** Microseconds. */
  readonly interval: number;
  /** With prefix lengths. */
  readonly addresses: readonly string[];
  /** keepalived only: held, but not in the adverts. */
  readonly excluded?: readonly string[];
  /** halb only; `auto` unless given. */
  readonly lease?: string;
  /** halb only; `none` unless given. */
  readonly auth?: "hmac";
}

/** How to start a daemon. */
export interface StartOptions {
  /** Announcements of each address at once; 5 unless given, as both do. */
  readonly repeat?: number;
  /** Seconds until the second block of announcements; 5 unless given. */
  readonly delay?: number;
}

/** Starts a daemon with these routers. */
export function start(
  lab: Lab,
  daemon: Daemon,
  host: Host,
  routers: readonly RouterSpec[],
  options: StartOptions = {},
): LabProcess {
  if (daemon === "halb") {
    const site = halbSite(routers, options);
    return startHalb(lab, host, site, { logLevel: "warning" }).process;
  }
  const conf = keepalivedConf(routers, options);
  return startKeepalived(lab, host, conf, { quiet: true }).process;
}

/** A key is as good as any other here. */
const SIGNED = `auth = { type = "hmac", keys = [{ id = 1, key = "hex:${"5a".repeat(32)}" }] }\n`;

/** As site.toml. */
export function halbSite(routers: readonly RouterSpec[], options: StartOptions = {}): string {
  const garp = `garp = { repeat = ${options.repeat ?? 5}, delay = "${options.delay ?? 5}s" }`;
  return routers.map((router) => {
    const lease = router.lease === undefined ? "" : `address_lease = "${router.lease}"\n`;
    return `[[vrrp]]
name = "${router.name}"
interface = "${router.interface}"
virtual_router_id = ${router.virtualRouterId}
priority = ${router.priority}
advertisement_interval = "${router.interval / 1000}ms"
addresses = ${JSON.stringify(router.addresses)}
${router.auth === undefined ? "" : SIGNED}${lease}${garp}
`;
  }).join("\n");
}

/** As keepalived.conf. */
export function keepalivedConf(routers: readonly RouterSpec[], options: StartOptions = {}): string {
  const { repeat = 5, delay = 5 } = options;
  const blocks = routers.map((router) => {
    const { excluded = [] } = router;
    const more = excluded.length === 0
      ? ""
      : `\n  virtual_ipaddress_excluded {\n    ${excluded.join("\n    ")}\n  }`;
    return `vrrp_instance ${router.name} {
  interface ${router.interface}
  virtual_router_id ${router.virtualRouterId}
  priority ${router.priority}
  advert_int ${router.interval / 1_000_000}
  virtual_ipaddress {
    ${router.addresses.join("\n    ")}
  }${more}
}
`;
  });
  return `global_defs {
  vrrp_version 3
  vrrp_garp_master_repeat ${repeat}
  vrrp_garp_master_delay ${delay}
}
${blocks.join("\n")}`;
}
