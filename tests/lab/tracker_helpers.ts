/**
 * What the labs of trackers share: scripts and files that every user can read, and the two nodes of
 * one router with what differs between them.
 *
 * @module
 */

import {
  type Capture,
  type HalbAgent,
  type Host,
  type Keepalived,
  type Lab,
  type Lan,
  startHalb,
  startKeepalived,
} from "../lib/mod.ts";
import { routerOf, webSite } from "./agent_helpers.ts";

/** Writes a shell script that others can run and only we can write. Returns its path. */
export function script(lab: Lab, name: string, text: string): string {
  Deno.chmodSync(lab.directory, 0o755);
  const path = `${lab.directory}/${name}`;
  Deno.writeTextFileSync(path, `#!/bin/sh\n${text}\n`);
  Deno.chmodSync(path, 0o755);
  return path;
}

/** A file that says whether a script succeeds. */
export interface Switch {
  readonly path: string;
  on(): void;
  off(): void;
}

/** A script that succeeds while its file is there, and the file. It is there. */
export function switchedScript(lab: Lab, name: string): { command: string; ok: Switch } {
  const path = `${lab.directory}/${name}.ok`;
  const ok = {
    path,
    on: () => Deno.writeTextFileSync(path, ""),
    off: () => Deno.removeSync(path),
  };
  ok.on();
  return { command: script(lab, name, `test -e ${path} || { echo no such luck; exit 3; }`), ok };
}

/** A site of one router, `web`, with trackers before it. */
export function trackedSite(trackers: string, track: string, more = ""): string {
  return `${trackers}\n${webSite("100ms", `track = ${track}\n${more}`)}`;
}

/** keepalived with one router of the same id. @param trackers blocks before the instance */
export function keepalivedConf(priority: number, trackers: string, track: string): string {
  return `global_defs {
  vrrp_version 3
  script_user root
}
${trackers}
vrrp_instance web {
  interface eth0
  virtual_router_id 51
  state BACKUP
  priority ${priority}
  advert_int 0.1
  ${track}
  virtual_ipaddress {
    192.0.2.10/24
  }
}
`;
}

/** halb on host `a`, priority 150, and keepalived beside it. */
export interface Mixed {
  readonly halb: HalbAgent;
  readonly keepalived: Keepalived;
  readonly hosts: readonly [Host, Host];
  readonly lan: Lan;
  readonly capture: Capture;
}

/**
 * Words that start a program in the network namespace of the test itself: the kernel tells of
 * processes there alone.
 */
export const OUTSIDE: readonly string[] = ["nsenter", `--net=/proc/${Deno.pid}/ns/net`];

/**
 * Starts keepalived and then halb.
 *
 * @param outside both run in the test's namespace, and have their routers in those of the hosts
 * @param state what halb becomes
 */
export async function startMixed(
  lab: Lab,
  site: string,
  conf: string,
  outside = false,
  state: "master" | "backup" = "master",
): Promise<Mixed> {
  const hosts = await lab.hostsNamed("a", "k");
  const lan = await lab.lan("net", hosts);
  const capture = await lab.capture(lan, "ip proto 112");
  const options = outside ? { within: OUTSIDE } : {};
  const [{ namespace: own }, { namespace: other }] = hosts;
  const keepalived = startKeepalived(
    lab,
    hosts[1],
    outside ? `net_namespace ${other}\n${conf}` : conf,
    options,
  );
  const halb = startHalb(
    lab,
    hosts[0],
    outside ? `${site}\nnamespace = "${own}"\n` : site,
    options,
  );
  await halb.untilState("web", state);
  return { halb, keepalived, hosts, lan, capture };
}

/** Waits until the router's one tracker is as wanted, and it stands so. */
export async function untilTracked(
  lab: Lab,
  agent: HalbAgent,
  wanted: { state?: string; priority?: number; reason?: string; healthy?: boolean },
): Promise<void> {
  await lab.until(`web is ${JSON.stringify(wanted)}`, async () => {
    const router = await routerOf(agent, "web");
    const [tracker] = router.trackers;
    const now = {
      state: router.state,
      priority: router.effective_priority,
      reason: tracker?.reason,
      healthy: tracker?.healthy,
    };
    for (const [key, value] of Object.entries(wanted)) {
      if (now[key as keyof typeof now] !== value) throw new Error(JSON.stringify(now));
    }
    return true;
  }, 10_000);
}
