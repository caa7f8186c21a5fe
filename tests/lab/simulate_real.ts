/**
 * One way to lose a master, done to real agents and measured on the wire.
 *
 * @module
 */

import {
  AF_PACKET,
  closeDescriptor,
  ETH_P_IP,
  ETH_P_IPV6,
  htons,
  inNamespace,
  monotonicMicros,
  openSocket,
  realtimeMicros,
  receive,
  SOCK_DGRAM,
} from "../../ffi/mod.ts";
import { ask } from "../../mod/control/client.ts";
import type { Status } from "../../mod/control/status.ts";
import { ADDED } from "../../mod/simulate/delays.ts";
import {
  type Capture,
  delay,
  execute,
  type HalbAgent,
  type Host,
  type Lab,
  type Lan,
  startHalb,
  until,
} from "../lib/mod.ts";
import { HolderWatch } from "../lib/holders.ts";
import { standstills } from "../lib/witness.ts";
import type { Scenario, Scene } from "./simulate_scenarios.ts";

/** How one address fared; microseconds. */
export interface Fared {
  /** From the failure until the successor's first advert. */
  readonly takeover: number;
  /** From that until it announced the address. */
  readonly announced: number;
  /** For how long it answered nowhere. */
  readonly outage: number;
  /** For how long both had it. */
  readonly double: number;
}

/** What was measured; microseconds. */
export interface Measured {
  /** From the former master's last advert until the failure. */
  readonly phase: number;
  /** From the last BFD packet that it heard until the failure; absent: no session decides. */
  readonly heard?: number;
  readonly fared: readonly Fared[];
  /**
   * The longest that an agent, the machine or the lab itself was late by meanwhile, as they say: where
   * either may come of.
   */
  readonly late: Readonly<Record<"takeover" | "outage", number>>;
}

/** Files and addresses of the nodes, for the simulation. */
export interface Nodes {
  readonly files: Readonly<Record<string, string>>;
  readonly addresses: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;
}

/** How long anything may take until it is seen, milliseconds: all agents start at once. */
const PATIENCE = 60_000;
/** So long a processor stands still before it is noted, microseconds. */
export const NOTABLE = 2_000;
/** Who was late so long before the failure may have sent the last advert late, microseconds. */
const WINDOW = 500_000;
/** Less than the shortest time between two packets of BFD, microseconds. */
const BEFORE_NEXT = 20_000;
/** So long before an advert is due it has surely not left, microseconds. */
const BEFORE_ADVERT = 5_000;
const FILTER = "ip proto 112 or arp or ip6 proto 112 or icmp6 or udp port 3784";

/** Real agents that wait for their accident. */
export class Reality {
  readonly nodes: Nodes;
  readonly lab: Lab;
  readonly #scenario: Scenario;
  readonly #scene: Scene;
  readonly #captures: Capture[] = [];
  readonly #watches: HolderWatch[] = [];
  /** When its last seconds before the failure began, CLOCK_MONOTONIC. */
  #began = 0;
  /** When that was begun, and when it was done, since 1970. */
  #begun = 0;
  #failed = 0;

  private constructor(lab: Lab, scenario: Scenario, scene: Scene, nodes: Nodes) {
    this.lab = lab;
    this.#scenario = scenario;
    this.#scene = scene;
    this.nodes = nodes;
  }

  /** Starts the agents, and returns when the former master has been so for some adverts. */
  static async start(lab: Lab, scenario: Scenario): Promise<Reality> {
    const names = [...new Set(scenario.networks.flat())];
    const made = await Promise.all(names.map((name) => lab.host(name)));
    const hosts = Object.fromEntries(made.map((host) => [host.name, host] as const));
    const lans = [];
    for (const [i, members] of scenario.networks.entries()) {
      const prefix = ["192.0.2.0/24", "198.51.100.0/24"][i]!;
      const on = members.map((name) => hosts[name]!);
      lans.push(await lab.lan(`net${i}`, on, { prefix }));
    }
    const agents = Object.fromEntries(names.map((name) => {
      const site = scenario.site(name, lab.directory);
      return [name, startHalb(lab, hosts[name]!, site, { logLevel: "info" })] as const;
    }));
    const scene: Scene = { lab, hosts, agents, lans };
    const reality = new Reality(lab, scenario, scene, {
      files: Object.fromEntries(names.map((name) => [name, agents[name]!.configPath])),
      addresses: Object.fromEntries(
        await Promise.all(made.map(async (host) => {
          const held = await ownAddresses(host, scenario.site(host.name, lab.directory));
          return [host.name, held] as const;
        })),
      ),
    });
    await reality.#until("a is master", { a: "master", b: "backup" });
    if (scenario.before !== undefined) await scenario.before(scene);
    await reality.#untilReady();
    const both = [hosts[scenario.former]!, hosts[scenario.successor]!];
    for (const [i, lan] of lans.entries()) {
      // What the cut takes away has passed the bridge: what counts is what reached the host.
      const own = i > 0 && scenario.session !== undefined;
      const capture = own ? lab.capture(both[0]!, FILTER, `eth${i}`) : lab.capture(lan, FILTER);
      reality.#captures.push(await capture);
    }
    for (const address of scenario.addresses) {
      reality.#watches.push(await HolderWatch.start(address, both));
    }
    return reality;
  }

  async #untilReady(): Promise<void> {
    const { former, successor, before } = this.#scenario;
    const waiting = before === undefined ? "backup" : "fault";
    await this.#until("the former is master", { [former]: "master", [successor]: waiting });
  }

  async #until(what: string, states: Readonly<Record<string, string>>): Promise<void> {
    await this.lab.until(
      what,
      async () => {
        for (const [name, state] of Object.entries(states)) {
          const { vrrp, bfd } = await statusOf(this.#scene.agents[name]!);
          if (vrrp.some((router) => router.state !== state)) return false;
          if (bfd.some((session) => session.state !== "up")) return false;
        }
        return true;
      },
      PATIENCE,
      50,
    );
  }

  /** Lets it happen, and waits until the successor has the addresses. */
  async happen(): Promise<void> {
    const scenario = this.#scenario;
    await this.#untilReady(); // A busy machine may have moved something since.
    this.#began = monotonicMicros();
    await this.#awaitPhase();
    this.#begun = realtimeMicros();
    this.#failed = await scenario.fail(this.#scene);
    await this.lab.until(
      "the successor holds, and the former does not",
      () => {
        return this.#watches.every((watch) => {
          const held = watch.holdings();
          const left = held.some(({ host, to }) => host === scenario.former && to !== Infinity);
          // Whom nobody can reach may hold it as long as it likes.
          const taken = held.some(({ host }) => host === scenario.successor);
          return taken && (left || !scenario.answers);
        });
      },
      PATIENCE,
      50,
    );
    await delay(200);
  }

  /** What was seen of it. Ends the captures. */
  async measure(): Promise<Measured> {
    const { former, successor, addresses, answers, session, told, interval } = this.#scenario;
    const { hosts, lans, agents } = this.#scene;
    const since = this.#failed - WINDOW;
    const both = [former, successor].map((name) => agents[name]!);
    const late = Math.max(
      0,
      ...standstills(this.#began, NOTABLE).map(([, length]) => length),
      ...await Promise.all(both.map((agent) => latenessSince(agent, since))),
      told === undefined ? 0 : toldAt(agents.a!, this.#begun) - this.#failed - told,
    );
    const added = Math.max(...both.map((agent) => addedLateSince(agent, since)));
    const own = (lan: Lan, name: string) => lan.link(hosts[name]!);
    const seen = await Promise.all(this.#captures.map(framesOf));
    const lastOf = (frames: readonly Frame[], until: number, what: string) => {
      const found = frames.findLast(({ time }) => time <= until);
      if (found === undefined) throw new Error(`There was no ${what} before the failure`);
      return found.time;
    };
    const bfd = (frame: Frame) => frame.text.includes(`> ${own(lans[1]!, former).address}.3784:`);
    const lastHeard = session === undefined
      ? Infinity
      : lastOf(seen[1]!.filter(bfd), this.#failed, "BFD packet");
    // Cutting takes a while, and it is the last packet that was heard from which all is counted: any
    // moment until the next one would have come is as good as the one at which the lab was done.
    const cut = Math.min(this.#failed, lastHeard + BEFORE_NEXT);
    const { mac } = own(lans[0]!, former);
    const last = lastOf(seen[0]!.filter((frame) => isAdvert(frame, mac)), cut, "advert");
    const failed = Math.min(cut, last + interval - BEFORE_ADVERT);
    // An advert that left while the lab was still cutting may have been heard, or not.
    const doubtful = last >= this.#begun ? failed - this.#begun : 0;
    const fared = addresses.map((address, i) => {
      const { mac } = own(lans[i]!, successor);
      const after = seen[i]!.filter(({ time, from }) => time > failed && from === mac);
      const spoke = after.find((frame) => isAdvert(frame, mac))?.time;
      const announced = after.find((frame) => isAnnouncement(frame, address))?.time;
      if (spoke === undefined || announced === undefined) {
        throw new Error(`${successor} did not speak for ${address}`);
      }
      const held = this.#watches[i]!.holdings();
      const left = held.findLast(({ host }) => host === former)!.to * 1000;
      const taken = held.find(({ host, to }) => host === successor && to * 1000 > failed)!.from;
      // The monitor tells of it when it is let run; what is announced has been there before.
      const present = Math.min(announced, taken * 1000);
      // The second network of a group is whole: there the host answers while it has the address.
      const until = answers || i > 0 ? Math.max(left, failed) : failed;
      return {
        takeover: spoke - failed,
        announced: announced - spoke,
        outage: Math.max(0, present - until),
        double: Math.max(0, until - present),
      };
    });
    const heard = session === undefined ? {} : { heard: failed - lastHeard };
    const takeover = Math.max(late, doubtful);
    return {
      phase: failed - last,
      ...heard,
      fared,
      late: { takeover, outage: Math.max(takeover, added) },
    };
  }

  /** Waits for an advert, and then for the given share of an interval. */
  async #awaitPhase(): Promise<void> {
    const { family, interval, phase } = this.#scenario;
    const namespace = this.#scene.lans[0]!.namespace;
    const type = family === "ipv4" ? ETH_P_IP : ETH_P_IPV6;
    const protocolAt = family === "ipv4" ? 9 : 6;
    const socket = inNamespace(namespace, () => openSocket(AF_PACKET, SOCK_DGRAM, htons(type)));
    const buffer = new Uint8Array(2048);
    try {
      const end = monotonicMicros() + 4 * interval + 1_000_000;
      while (receive(socket, buffer, 0) > 0);
      for (;;) {
        const length = receive(socket, buffer, 0);
        if (length > 20 && buffer[protocolAt] === 112) break;
        if (monotonicMicros() > end) throw new Error("No advert was heard");
        if (length <= 0) await delay(1);
      }
    } finally {
      closeDescriptor(socket);
    }
    await delay(phase * interval / 1000);
  }
}

/** The host's own addresses, on the interfaces that its site names. */
async function ownAddresses(host: Host, site: string): Promise<Record<string, string[]>> {
  const held: Record<string, string[]> = {};
  for (const link of host.links) {
    if (!site.includes(`"${link.interface}"`)) continue;
    const linkLocal = await linkLocalOf(host, link.interface);
    held[link.interface] = [...link.addresses, linkLocal];
  }
  return held;
}

async function linkLocalOf(host: Host, name: string): Promise<string> {
  return await until("a link-local address", async () => {
    const all = await host.addresses(name);
    return all.find((one) => one.scope === "link" && !one.flags.includes("tentative"))?.address;
  }, 5000);
}

async function statusOf(agent: HalbAgent): Promise<Status> {
  return await ask(agent.controlPath, { command: "status" }) as Status;
}

/** How late an agent's protocol loop was at most since then, microseconds; 0: it says nothing. */
async function latenessSince(agent: HalbAgent, since: number): Promise<number> {
  if (!agent.process.running) return 0;
  const asked = Promise.race([statusOf(agent), delay(500)]);
  const status = await asked.catch(() => undefined);
  if (status === undefined) return 0; // It has been stopped: that is what is measured.
  const stalls = (status.realtime as { stalls?: { at: string; late_us: number }[] }).stalls ?? [];
  const later = stalls.filter(({ at, late_us }) => Date.parse(at) * 1000 + late_us >= since);
  return Math.max(0, ...later.map(({ late_us }) => late_us));
}

/** What an agent has recorded of its virtual routers since then; who has ended has left it, too. */
function eventsSince(agent: HalbAgent, since: number) {
  const lines = Deno.readTextFileSync(`${agent.stateDirectory}/events.jsonl`).split("\n");
  return lines.filter((line) => line.endsWith("}")).map((line) =>
    JSON.parse(line) as {
      readonly time: string;
      readonly type: string;
      readonly details?: { readonly known_after_ms?: number };
    }
  ).filter(({ time, type }) => type === "vrrp" && Date.parse(time) * 1000 >= since);
}

/** How late its kernel plane was with an address, against what is simulated; microseconds. */
function addedLateSince(agent: HalbAgent, since: number): number {
  const delays = eventsSince(agent, since).map(({ details }) => details?.known_after_ms ?? 0);
  return Math.max(0, ...delays) * 1000 - ADDED;
}

/** When it did something about what was done to it from then on; 0: it never did. */
function toldAt(agent: HalbAgent, begun: number): number {
  // Times of events are whole milliseconds.
  const [first] = eventsSince(agent, begun - 1000);
  return first === undefined ? 0 : Date.parse(first.time) * 1000;
}

/** A frame as tcpdump prints it, which is ten times as quick as tshark; time since 1970, µs. */
interface Frame {
  readonly time: number;
  readonly from: string;
  readonly text: string;
}

/** All that was captured. Ends the capture. */
async function framesOf(capture: Capture): Promise<Frame[]> {
  await capture.stop();
  const text = await execute(["tcpdump", "-tt", "-n", "-e", "-r", capture.path]);
  return text.split("\n").flatMap((line) => {
    const match = /^(\d+)\.(\d{6}) ([0-9a-f:]{17}) > \S+ (.*)$/.exec(line);
    if (match === null) return [];
    const [, seconds, micros, from, text] = match;
    return [{ time: Number(seconds) * 1e6 + Number(micros), from: from!, text: text! }];
  });
}

/** Whether it is an advert of this host, and no last word of priority 0. */
function isAdvert({ from, text }: Frame, mac: string): boolean {
  return from === mac && /VRRPv[23], Advertisement/.test(text) && !/, prio 0,/.test(text);
}

/** A gratuitous ARP, or an unsolicited neighbour advertisement. */
function isAnnouncement({ text }: Frame, address: string): boolean {
  return address.includes(":")
    ? text.includes(`neighbor advertisement`) && text.includes(`tgt is ${address},`)
    : new RegExp(`who-has ${address} .*tell ${address},|Reply ${address} is-at`).test(text);
}
