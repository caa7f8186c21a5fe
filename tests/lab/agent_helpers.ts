/**
 * What the labs of the whole agent share: a pair of agents on one LAN, faults on request, and what
 * the kernel says of a process.
 *
 * @module
 */

import { ask } from "../../mod/control/client.ts";
import type { RouterStatus, Status } from "../../mod/control/status.ts";
import type { SeenAdvert } from "../lib/adverts.ts";
import {
  type Capture,
  type HalbAgent,
  type HalbOptions,
  type Host,
  type Lab,
  type Lan,
  startHalb,
} from "../lib/mod.ts";

export const VIP = "192.0.2.10";
/** Allows `inject`. */
export const FAULTS: HalbOptions = { env: { HALB_FAULT_INJECTION: "1" } };

/** A site of one router, `web`, on eth0. @param more lines of its table */
export function webSite(interval: string, more = ""): string {
  return `[[vrrp]]
name = "web"
interface = "eth0"
virtual_router_id = 51
priority = { by_host = { a = 150, b = 100 } }
advertisement_interval = "${interval}"
addresses = ["${VIP}/24"]
${more}
`;
}

/** Agents on the hosts `a` and `b` of one LAN; a is master. */
export interface Pair {
  readonly a: HalbAgent;
  readonly b: HalbAgent;
  readonly hosts: readonly [Host, Host];
  readonly lan: Lan;
  readonly capture: Capture;
}

/** Starts them, and waits until they know who is who. */
export async function startPair(lab: Lab, site: string, options: HalbOptions = {}): Promise<Pair> {
  const hosts = await lab.hostsNamed("a", "b");
  const lan = await lab.lan("net", hosts);
  const capture = await lab.capture(lan, "ip proto 112 or arp");
  const a = startHalb(lab, hosts[0], site, options);
  await a.untilState("web", "master");
  const b = startHalb(lab, hosts[1], site, options);
  await b.untilState("web", "backup");
  await lab.until("a holds the address", () => hosts[0].holds(VIP), 2000);
  return { a, b, hosts, lan, capture };
}

/** The whole status, asked without starting a program. */
export async function statusOf(agent: HalbAgent): Promise<Status> {
  return await ask(agent.controlPath, { command: "status" }) as Status;
}

/** One router of it. @throws where there is none of that name */
export async function routerOf(agent: HalbAgent, name: string): Promise<RouterStatus> {
  const router = (await statusOf(agent)).vrrp.find((candidate) => candidate.name === name);
  if (router === undefined) throw new Error(`No virtual router ${name} in the status`);
  return router;
}

/**
 * What an agent has refused, as `router.REASON` and `interface.REASON`; zeros are left out. It must
 * have one router.
 */
export async function counted(agent: HalbAgent): Promise<Record<string, number>> {
  const { vrrp, interfaces } = await statusOf(agent);
  const router = vrrp.flatMap(({ sessions }) => Object.entries(sessions[0]!.counters.dropped));
  const whole = interfaces.flatMap(({ dropped }) => Object.entries(dropped));
  const named = [
    ...router.map(([reason, count]) => [`router.${reason}`, count] as const),
    ...whole.map(([reason, count]) => [`interface.${reason}`, count] as const),
  ];
  return Object.fromEntries(named.filter(([, count]) => count > 0));
}

/** Makes a plane fail. The agent must have been started with `FAULTS`. */
export async function inject(
  agent: HalbAgent,
  plane: "protocol" | "kernel" | "control",
  fault: "throw" | "hang" | "wait" | "set_clock",
  durationMs = 0,
): Promise<void> {
  await ask(agent.controlPath, {
    command: "inject_fault",
    plane,
    fault,
    duration_ms: durationMs,
  });
}

/** Waits for the n-th occurrence of a text in an agent's log. */
export async function untilLogged(
  lab: Lab,
  agent: HalbAgent,
  text: string,
  times = 1,
  timeoutMs = 5000,
): Promise<void> {
  await lab.until(
    `${agent.name} logs "${text}" ${times} times`,
    () => agent.log().split(text).length - 1 >= times,
    timeoutMs,
  );
}

/** How many descriptors a process has open. */
export function descriptors(pid: number): number {
  return [...Deno.readDirSync(`/proc/${pid}/fd`)].length;
}

/**
 * How many it has open once that has not changed for 1.5 s: a router that has become master opens
 * some later, as those that listen for duplicate holders of its addresses.
 */
export async function settledDescriptors(lab: Lab, pid: number): Promise<number> {
  let count = descriptors(pid);
  let unchanged = 0;
  await lab.until("descriptors unchanged for 1.5 s", async () => {
    await lab.delay(100);
    const now = descriptors(pid);
    unchanged = now === count ? unchanged + 1 : 0;
    count = now;
    return unchanged >= 15;
  }, 10_000);
  return count;
}

/** Thread ids of a process. */
export function threads(pid: number): number[] {
  return [...Deno.readDirSync(`/proc/${pid}/task`)].map(({ name }) => Number(name));
}

/** Times between the adverts of one source, microseconds. */
export function gaps(seen: readonly SeenAdvert[], source: string): number[] {
  const times = seen.filter((advert) => advert.source === source).map(({ time }) => time);
  return times.slice(1).map((time, i) => time - times[i]!);
}

/** The longest of them. @throws where there are fewer than two adverts */
export function longestGap(seen: readonly SeenAdvert[], source: string): number {
  const all = gaps(seen, source);
  if (all.length === 0) throw new Error(`${source} sent fewer than two adverts`);
  return Math.max(...all);
}

/** Who holds two addresses that one router or group moves together. */
export function holding(vips: readonly [string, string]) {
  const held = (host: Host) => Promise.all(vips.map((vip) => host.holds(vip)));
  const holdsBoth = async (host: Host): Promise<boolean> => (await held(host)).every(Boolean);
  const holdsNone = async (host: Host): Promise<boolean> => !(await held(host)).some(Boolean);
  const untilMaster = async (lab: Lab, master: Host, other: Host): Promise<void> => {
    await lab.until(`${master.name} holds both`, () => holdsBoth(master), 15_000);
    await lab.until(`${other.name} holds none`, () => holdsNone(other), 15_000);
  };
  return { holdsBoth, holdsNone, untilMaster };
}

/** Ends the process that has taken over from the one the lab has started, which the lab ends. */
export async function endSuccessor(
  lab: Lab,
  agent: HalbAgent,
  signal: Deno.Signal = "SIGTERM",
): Promise<void> {
  const { pid } = await statusOf(agent);
  await lab.until("the agent that took over ends", () => {
    try {
      Deno.kill(pid, signal);
      return false;
    } catch {
      return true;
    }
  }, 10_000);
}
