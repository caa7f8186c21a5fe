/**
 * Ways to lose a master, each as it is done to real agents and as the script of a simulation says
 * it: what `simulate_test.ts` compares.
 *
 * @module
 */

import { realtimeMicros } from "../../ffi/mod.ts";
import { LINK_TOLD, STOP_TOLD } from "../../mod/simulate/delays.ts";
import type { HalbAgent, Host, Lab, Lan } from "../lib/mod.ts";

/** Agents that run, and their cables. */
export interface Scene {
  readonly lab: Lab;
  /** By the name of their host. */
  readonly hosts: Readonly<Record<string, Host>>;
  readonly agents: Readonly<Record<string, HalbAgent>>;
  readonly lans: readonly Lan[];
}

/** One comparison. */
export interface Scenario {
  readonly name: string;
  /** Text of a node's file. @param directory a place for what it names */
  readonly site: (node: string, directory: string) => string;
  /** Networks in order: 192.0.2.0/24 on everybody's eth0, then 198.51.100.0/24. */
  readonly networks: readonly (readonly string[])[];
  /** Who has the address before, and after. */
  readonly former: string;
  readonly successor: string;
  /** Watched, one on each network. */
  readonly addresses: readonly string[];
  readonly family: "ipv4" | "ipv6";
  /** Of adverts, microseconds. */
  readonly interval: number;
  /** When it fails: share of an interval after an advert of the former master. */
  readonly phase: number;
  /** The former master's host answers for the address as long as it holds it. */
  readonly answers: boolean;
  /** A BFD session of the former master that decides, and its detection time in microseconds. */
  readonly session?: { readonly name: string; readonly detection: number };
  /**
   * After how long the agent of a knows of it in the simulation, microseconds; absent: it knows
   * nothing, or nothing hangs on when it does.
   */
  readonly told?: number;
  /** What was done before, so long ago that it no longer matters. */
  readonly before?: (scene: Scene) => Promise<void>;
  /** Lets it fail; gives the moment, microseconds since 1970. */
  readonly fail: (scene: Scene) => Promise<number>;
  /** The same in the script: keys of `[[event]]`. */
  readonly event: string;
  readonly eventBefore?: string;
}

const MILLISECOND = 1000;

/** What a router's table says beside the common. */
interface RouterOptions {
  readonly interval: number;
  readonly priorities?: readonly [a: number, b: number];
  readonly version?: 2 | 3;
  readonly addresses?: readonly string[];
  readonly more?: string;
}

/** A router `web` on eth0. */
function web({ interval, priorities = [150, 100], version = 3, ...rest }: RouterOptions): string {
  const addresses = rest.addresses ?? ["192.0.2.10/24"];
  return `[[vrrp]]
name = "web"
interface = "eth0"
virtual_router_id = 51
version = ${version}
priority = { by_host = { a = ${priorities[0]}, b = ${priorities[1]} } }
advertisement_interval = "${interval / 1000}ms"
addresses = ${JSON.stringify(addresses)}
${rest.more ?? ""}
`;
}

const PAIR = {
  networks: [["a", "b"]],
  former: "a",
  successor: "b",
  addresses: ["192.0.2.10"],
  family: "ipv4",
} as const;

/** As a machine that loses its power: nothing of it is on the wire any more. */
async function powerOff({ hosts, agents, lans }: Scene): Promise<number> {
  await lans[0]!.link(hosts.a!).delete();
  const at = realtimeMicros();
  await agents.a!.kill();
  return at;
}

/** The tracked file of a; b has none. @param more lines of its table */
function maintenance(node: string, directory: string, more = ""): string {
  return node !== "a" ? "" : `[[track_file]]
name = "maintenance"
path = "${directory}/maintenance"
${more}
`;
}

async function writeNumber({ lab }: Scene, number: number): Promise<number> {
  // Put in place whole: an empty file would be waited on.
  const path = `${lab.directory}/maintenance`;
  await Deno.writeTextFile(`${path}.new`, `${number}\n`);
  const at = realtimeMicros();
  Deno.renameSync(`${path}.new`, path);
  return at;
}

function tracking(node: string): string {
  return node === "a" ? 'track = { files = ["maintenance"] }\n' : "";
}

/** The session between a and the router r. */
function uplink(node: string): string {
  const [own, peer] = node === "a" ? [1, 2] : [2, 1];
  return node === "b" ? "" : `[[bfd]]
name = "uplink"
peer = "198.51.100.${peer}"
source = "198.51.100.${own}"
interface = "eth1"
transmit_interval = "50ms"
receive_interval = "50ms"
detect_multiplier = 3
`;
}

export const SCENARIOS: readonly Scenario[] = [
  {
    ...PAIR,
    name: "power lost 10 % after an advert, every 1 s",
    site: () => web({ interval: 1000 * MILLISECOND }),
    interval: 1000 * MILLISECOND,
    phase: 0.1,
    answers: false,
    fail: powerOff,
    event: 'power_off = "a"',
  },
  {
    ...PAIR,
    name: "power lost 50 % after an advert, every 300 ms, a backup of priority 20",
    site: () => web({ interval: 300 * MILLISECOND, priorities: [250, 20] }),
    interval: 300 * MILLISECOND,
    phase: 0.5,
    answers: false,
    fail: powerOff,
    event: 'power_off = "a"',
  },
  {
    ...PAIR,
    name: "power lost 90 % after an advert, version 2, every 1 s",
    site: () => web({ interval: 1000 * MILLISECOND, version: 2 }),
    interval: 1000 * MILLISECOND,
    phase: 0.9,
    answers: false,
    fail: powerOff,
    event: 'power_off = "a"',
  },
  {
    ...PAIR,
    name: "kill -9, adverts every 500 ms",
    site: () => web({ interval: 500 * MILLISECOND }),
    interval: 500 * MILLISECOND,
    phase: 0.5,
    answers: true,
    async fail({ agents }) {
      const at = realtimeMicros();
      await agents.a!.kill();
      return at;
    },
    event: 'kill = "a"',
  },
  {
    ...PAIR,
    name: "a process that stands still, adverts every 400 ms",
    site: () => web({ interval: 400 * MILLISECOND }),
    interval: 400 * MILLISECOND,
    phase: 0.3,
    answers: true,
    fail({ agents }) {
      const at = realtimeMicros();
      agents.a!.freeze();
      return Promise.resolve(at);
    },
    event: 'stall = { node = "a", for = "20s" }',
  },
  {
    ...PAIR,
    name: "graceful stop, adverts every 1 s",
    site: () => web({ interval: 1000 * MILLISECOND }),
    interval: 1000 * MILLISECOND,
    phase: 0.5,
    answers: true,
    fail({ agents }) {
      const at = realtimeMicros();
      agents.a!.process.signal("SIGTERM");
      return Promise.resolve(at);
    },
    event: 'stop = "a"',
    told: STOP_TOLD,
  },
  {
    ...PAIR,
    name: "a tracked file takes the priority below the backup's, adverts every 300 ms",
    site: (node, directory) =>
      maintenance(node, directory) + web({ interval: 300 * MILLISECOND, more: tracking(node) }),
    interval: 300 * MILLISECOND,
    phase: 0.5,
    answers: true,
    fail: (scene) => writeNumber(scene, -100),
    event: 'number = { file = "a:maintenance", value = -100 }',
    told: 0,
  },
  {
    ...PAIR,
    name: "carrier lost, IPv6, adverts every 500 ms",
    site: () => web({ interval: 500 * MILLISECOND, addresses: ["fe80::10/64", "2001:db8::10/64"] }),
    addresses: ["2001:db8::10"],
    family: "ipv6",
    interval: 500 * MILLISECOND,
    phase: 0.5,
    answers: false,
    async fail({ hosts, lans }) {
      await lans[0]!.link(hosts.a!).cut();
      return realtimeMicros();
    },
    event: 'link_down = "a:eth0"',
  },
  {
    ...PAIR,
    name: "cut off silently, adverts every 100 ms",
    site: () => web({ interval: 100 * MILLISECOND }),
    interval: 100 * MILLISECOND,
    phase: 0.5,
    answers: false,
    async fail({ hosts, lans }) {
      await lans[0]!.link(hosts.a!).lose(100);
      return realtimeMicros();
    },
    event: 'cut = ["a:eth0"]',
  },
  {
    ...PAIR,
    name: "back after a fault, with preempt_delay",
    site: (node, directory) =>
      maintenance(node, directory, "weight = 0") +
      web({
        interval: 200 * MILLISECOND,
        more: `${tracking(node)}preempt_delay = "1500ms"`,
      }),
    former: "b",
    successor: "a",
    interval: 200 * MILLISECOND,
    phase: 0.5,
    answers: true,
    async before(scene) {
      await writeNumber(scene, 1);
    },
    fail: (scene) => writeNumber(scene, 0),
    event: 'number = { file = "a:maintenance", value = 0 }',
    told: 0,
    eventBefore: 'number = { file = "a:maintenance", value = 1 }',
  },
  {
    ...PAIR,
    name: "a sync group, one of whose two links is cut, adverts every 250 ms",
    site: () =>
      ["web", "lan"].map((name, i) =>
        web({
          interval: 250 * MILLISECOND,
          addresses: [["192.0.2.10/24"], ["198.51.100.10/24"]][i]!,
        }).replace('name = "web"', `name = "${name}"`).replace("eth0", `eth${i}`)
      ).join("") + '[[sync_group]]\nname = "site"\nmembers = ["web", "lan"]\n',
    told: LINK_TOLD,
    networks: [["a", "b"], ["a", "b"]],
    addresses: ["192.0.2.10", "198.51.100.10"],
    interval: 250 * MILLISECOND,
    phase: 0.5,
    answers: false,
    async fail({ hosts, lans }) {
      await lans[0]!.link(hosts.a!).cut();
      return realtimeMicros();
    },
    event: 'link_down = "a:eth0"',
  },
  {
    ...PAIR,
    name: "the uplink is cut silently, BFD of 50 ms × 3, adverts every 1 s",
    networks: [["a", "b", "r"], ["a", "r"]],
    site: (node) =>
      uplink(node) + (node === "r" ? "" : web({
        interval: 1000 * MILLISECOND,
        more: node === "a" ? 'track = { bfd = ["uplink"] }' : "",
      })),
    interval: 1000 * MILLISECOND,
    phase: 0.5,
    answers: true,
    session: { name: "uplink", detection: 150 * MILLISECOND },
    async fail({ hosts, lans }) {
      await lans[1]!.link(hosts.a!).lose(100);
      return realtimeMicros();
    },
    event: 'bfd_cut = "a:uplink"',
  },
];
