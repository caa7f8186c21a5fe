/**
 * One description of BFD sessions for halb, BIRD, FRR's bfdd and keepalived alike, and a cable with
 * as many pairs of addresses as there are sessions: what measures or torments all of them in the
 * same way.
 *
 * All run under a real-time priority, halb under its own: at 10 ms × 3 another program's time slice
 * is a failure, and it is not the system's scheduler that is to be compared.
 *
 * @module
 */

import { startBfdd } from "./bfdd.ts";
import { type Bird, startBird } from "./bird.ts";
import { startHalb, startKeepalived } from "./daemons.ts";
import type { Lab } from "./lab.ts";
import type { Host, Lan } from "./network.ts";
import type { LabProcess } from "./process.ts";

export type BfdDaemon = "halb" | "BIRD" | "bfdd" | "keepalived";
export const BFD_DAEMONS: readonly BfdDaemon[] = ["halb", "BIRD", "bfdd", "keepalived"];

/** Least interval that a daemon takes, microseconds. bfdd's is a limit of its command line. */
export const LEAST_INTERVAL: Readonly<Record<BfdDaemon, number>> = {
  halb: 3_300,
  BIRD: 1_000,
  bfdd: 10_000,
  keepalived: 1_000,
};

/** One session over one hop. */
export interface BfdSpec {
  readonly name: string;
  readonly own: string;
  readonly peer: string;
  readonly interface: string;
  /** Of sending and receiving, microseconds. */
  readonly interval: number;
  readonly multiplier: number;
}

/** A daemon with sessions. */
export interface RunningBfd {
  readonly daemon: BfdDaemon;
  /** The process whose sessions they are, with its children. */
  readonly pid: number;
  /** How many of its sessions are up, as it says itself; keepalived does not say. */
  countUp(): Promise<number>;
  log(): string;
  freeze(): void;
  thaw(): void;
}

/** Starts a daemon with these sessions; `more` is added to what halb or keepalived reads. */
export async function startBfd(
  lab: Lab,
  daemon: BfdDaemon,
  host: Host,
  sessions: readonly BfdSpec[],
  more = "",
): Promise<RunningBfd> {
  switch (daemon) {
    case "halb": {
      const site = `${halbSessions(sessions)}\n${more}`;
      const agent = startHalb(lab, host, site, { logLevel: "info" });
      const countUp = async () => {
        const { bfd } = await agent.status() as unknown as { bfd: { state: string }[] };
        return bfd.filter(({ state }) => state === "up").length;
      };
      return running(daemon, agent.process, countUp);
    }
    case "BIRD": {
      const bird = await startBird(lab, host, birdSessions(sessions));
      return running(daemon, bird.process, () => birdUp(bird));
    }
    case "bfdd": {
      const bfdd = await startBfdd(lab, host, bfddSessions(sessions));
      const countUp = async () => {
        const text = await bfdd.command("show bfd peers json");
        const peers = JSON.parse(text.slice(text.indexOf("["))) as { status: string }[];
        return peers.filter(({ status }) => status === "up").length;
      };
      return running(daemon, bfdd.process, countUp);
    }
    case "keepalived": {
      const conf = `${keepalivedSessions(sessions)}\n${more}`;
      const within = ["chrt", "-f", "40"];
      const { process } = startKeepalived(lab, host, conf, { quiet: true, within });
      return running(daemon, process, () => Promise.reject(new Error("keepalived does not say")));
    }
  }
}

function running(
  daemon: BfdDaemon,
  process: LabProcess,
  countUp: () => Promise<number>,
): RunningBfd {
  return {
    daemon,
    pid: process.pid,
    countUp,
    log: () => process.log(),
    freeze: () => process.freeze(),
    thaw: () => process.thaw(),
  };
}

async function birdUp(bird: Bird): Promise<number> {
  const text = await bird.command("show bfd sessions");
  return text.split("\n").filter((line) => / Up /.test(line)).length;
}

/** As site.toml. */
export function halbSessions(sessions: readonly BfdSpec[]): string {
  return sessions.map(({ name, own, peer, interface: on, interval, multiplier }) =>
    `[[bfd]]
name = "${name}"
peer = "${peer}"
source = "${own}"
interface = "${on}"
transmit_interval = "${interval / 1000}ms"
receive_interval = "${interval / 1000}ms"
detect_multiplier = ${multiplier}
`
  ).join("\n");
}

/** As text inside of `protocol bfd { … }`; its intervals belong to the interface. */
export function birdSessions(sessions: readonly BfdSpec[]): string {
  const interfaces = new Map(sessions.map((session) => [session.interface, session]));
  const timing = [...interfaces].map(([name, { interval, multiplier }]) =>
    `  interface "${name}" { interval ${interval} us; multiplier ${multiplier}; };`
  );
  const neighbours = sessions.map(({ own, peer, interface: on }) =>
    `  neighbor ${peer} dev "${on}" local ${own};`
  );
  return [...timing, ...neighbours].join("\n");
}

/** As bfdd.conf. */
export function bfddSessions(sessions: readonly BfdSpec[]): string {
  const peers = sessions.map(({ own, peer, interface: on, interval, multiplier }) =>
    ` peer ${peer} local-address ${own} interface ${on}
  detect-multiplier ${multiplier}
  receive-interval ${interval / 1000}
  transmit-interval ${interval / 1000}
`
  );
  return `bfd\n${peers.join("")}`;
}

/** As keepalived.conf. */
export function keepalivedSessions(sessions: readonly BfdSpec[]): string {
  return sessions.map(({ name, own, peer, interval, multiplier }) =>
    `bfd_instance ${name} {
  neighbor_ip ${peer}
  source_ip ${own}
  min_rx ${interval / 1000}
  min_tx ${interval / 1000}
  multiplier ${multiplier}
  ${peer.includes(":") ? "hoplimit 255" : ""}
}
`
  ).join("\n");
}

/** Two hosts and the sessions between them, from either side. */
export interface BfdCable {
  readonly lan: Lan;
  readonly hosts: readonly [Host, Host];
  readonly sessions: readonly [readonly BfdSpec[], readonly BfdSpec[]];
}

/** Most sessions over IPv4 on one cable: a network of 254 addresses serves both ends. */
const MOST_IPV4 = 120;

/**
 * A cable with a pair of addresses for each session, over IPv6 where there are many. Neighbours are
 * known for good: nobody resolves an address while time is taken.
 */
export async function bfdCable(
  lab: Lab,
  name: string,
  count: number,
  interval: number,
  multiplier = 3,
): Promise<BfdCable> {
  const hosts = await lab.hostsNamed(`${name}-a`, `${name}-b`);
  const lan = await lab.lan(name, hosts, { prefix: null });
  const ipv4 = count <= MOST_IPV4;
  const address = (side: number, i: number) =>
    ipv4
      ? `198.51.100.${side * MOST_IPV4 + i + 1}`
      : `2001:db8::${side + 1}:${(i + 1).toString(16)}`;
  const length = ipv4 ? 24 : 64;
  const numbers = Array.from({ length: count }, (_, i) => i);
  for (const [side, host] of hosts.entries()) {
    const other = lan.link(hosts[1 - side]!).mac;
    const lines = numbers.flatMap((i) => [
      `address add ${address(side, i)}/${length} dev eth0${ipv4 ? "" : " nodad"}`,
      `neighbour add ${address(1 - side, i)} lladdr ${other} dev eth0 nud permanent`,
    ]);
    await host.exec(["ip", "-batch", "-"], { input: lines.join("\n") });
  }
  const specs = (side: number) =>
    numbers.map((i) => ({
      name: `s${i}`,
      own: address(side, i),
      peer: address(1 - side, i),
      interface: "eth0",
      interval,
      multiplier,
    }));
  return { lan, hosts, sessions: [specs(0), specs(1)] };
}

/** Waits until so many sessions are up as BIRD, the peer of all, sees them. */
export async function untilAllUp(
  lab: Lab,
  peer: RunningBfd,
  count: number,
  timeoutMs = 30_000,
): Promise<void> {
  await lab.until(
    `${count} sessions are up`,
    async () => {
      const up = await peer.countUp();
      if (up === count) return true;
      throw new Error(`${up} are`);
    },
    timeoutMs,
    100,
  );
}
