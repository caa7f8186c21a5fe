/**
 * `failover`: how long after the master's last advert the next one speaks, less the master-down
 * interval that the protocol asks for, and how long a client that pings every millisecond gets no
 * answer. A pair of halb and a pair of keepalived on one bridge, in turn, at the same phases after
 * an advert: at adverts of 1 s an outage varies by a whole second with the phase.
 *
 * @module
 */

import {
  AF_PACKET,
  closeDescriptor,
  Epoll,
  EPOLLIN,
  ETH_P_IP,
  htons,
  inNamespace,
  monotonicMicros,
  openSocket,
  receive,
  SOCK_DGRAM,
} from "../../ffi/mod.ts";
import { masterDownInterval, skewTime } from "../../mod/vrrp/mod.ts";
import {
  type Capture,
  type HalbAgent,
  type Host,
  type Keepalived,
  Lab,
  type Lan,
  startHalb,
  startKeepalived,
  startProbe,
} from "../lib/mod.ts";
import { adverts, takeovers } from "../lib/adverts.ts";
import { machine, markdownTable, ms, quantile } from "./statistics.ts";

type Daemon = "halb" | "keepalived";
type Cause = "host lost" | "kill -9" | "graceful stop";

const DAEMONS: readonly Daemon[] = ["halb", "keepalived"];
const CAUSES: readonly Cause[] = ["host lost", "kill -9", "graceful stop"];
const PHASES = [0.05, 0.25, 0.5, 0.75, 0.95];
const INTERVALS = [10_000, 100_000, 1_000_000];
const BACKUP_PRIORITY = 100;

/** One of the two pairs on the bridge. */
interface Pair {
  readonly daemon: Daemon;
  readonly vip: string;
  readonly virtualRouterId: number;
  readonly master: Host;
  readonly backup: Host;
}

interface Sample {
  /** First advert of the new master, later than the protocol's bound by so many microseconds. */
  readonly beyond: number;
  /** From that advert to the first gratuitous ARP of the new master, microseconds. */
  readonly announced: number;
  /** Longest time without an answer, microseconds. */
  readonly outage: number;
}

/**
 * @param args `--quick`: one phase and short intervals only; `--intervals=10,100`: milliseconds;
 *   `--runs=N`: rounds over the phases; `--only=halb`
 */
export async function run(args: readonly string[]): Promise<void> {
  const quick = args.includes("--quick");
  const option = (name: string) =>
    args.find((word) => word.startsWith(`--${name}=`))?.slice(name.length + 3);
  const asked = option("intervals")?.split(",").map((word) => Number(word) * 1000);
  const intervals = asked ?? (quick ? INTERVALS.slice(0, 2) : INTERVALS);
  const daemons = DAEMONS.filter((daemon) => daemon === (option("only") ?? daemon));
  const phases = quick ? [0.5] : PHASES;
  console.log(`\nfailover, ${await machine()}\n`);
  const rows: string[][] = [];
  for (const interval of intervals) {
    const repeat = Number(option("runs") ?? (quick || interval >= 1_000_000 ? 1 : 2));
    for (const cause of CAUSES) {
      const samples = new Map<Daemon, Sample[]>(daemons.map((daemon) => [daemon, []]));
      for (let i = 0; i < repeat; i++) {
        for (const phase of phases) {
          for (const daemon of daemons) {
            samples.get(daemon)!.push(await measure(daemon, interval, cause, phase));
          }
        }
      }
      for (const [daemon, list] of samples) {
        const beyond = list.map((sample) => sample.beyond);
        const announced = list.map((sample) => sample.announced);
        const outages = list.map((sample) => sample.outage);
        rows.push([
          `${interval / 1000} ms`,
          cause,
          daemon,
          String(list.length),
          ms(quantile(beyond, 0.5)),
          ms(Math.max(...beyond)),
          ms(quantile(announced, 0.5)),
          ms(Math.max(...announced)),
          ms(quantile(outages, 0.5)),
          ms(Math.max(...outages)),
        ]);
        console.error(rows.at(-1)!.join("  "));
      }
    }
  }
  const header = [
    "adverts every",
    "cause",
    "daemon",
    "runs",
    "beyond the bound, median ms",
    "worst",
    "announced after, median ms",
    "worst",
    "client outage, median ms",
    "worst",
  ];
  console.log(markdownTable(header, rows));
}

async function measure(
  daemon: Daemon,
  interval: number,
  cause: Cause,
  phase: number,
): Promise<Sample> {
  const lab = await Lab.open();
  try {
    const [master, backup, client] = await lab.hostsNamed("master", "backup", "client");
    const lan = await lab.lan("net", [master, backup, client]);
    const pair = { daemon, vip: "192.0.2.10", virtualRouterId: 51, master, backup };
    const first = start(lab, pair, master, 150, interval);
    await lab.until("the master holds", () => master.holds(pair.vip), 15_000);
    start(lab, pair, backup, BACKUP_PRIORITY, interval);
    // Long enough for a backup that has just started to have heard the master, and for both
    // programs to have come to rest.
    await lab.delay(1500 + 2 * interval / 1000);
    const capture = await lab.capture(lan, "ip proto 112 or arp");
    const probe = await startProbe(lab, client, pair.vip);
    await lab.delay(200);
    await fail(lab, lan, client, first, cause, interval, phase);
    await lab.until("the backup holds", () => backup.holds(pair.vip), 15_000);
    await lab.delay(300);
    const outage = (await probe.stop()).longest()?.duration ?? 0;
    return { ...await takeover(capture, interval, cause, lan.link(backup).mac), outage };
  } finally {
    await lab.close();
  }
}

function start(
  lab: Lab,
  pair: Pair,
  host: Host,
  priority: number,
  interval: number,
): HalbAgent | Keepalived {
  if (pair.daemon === "keepalived") {
    return startKeepalived(
      lab,
      host,
      `global_defs { vrrp_version 3 }
vrrp_instance web {
  interface eth0
  virtual_router_id ${pair.virtualRouterId}
  priority ${priority}
  advert_int ${interval / 1_000_000}
  virtual_ipaddress { ${pair.vip}/24 }
}
`,
    );
  }
  return startHalb(
    lab,
    host,
    `[[vrrp]]
name = "web"
interface = "eth0"
virtual_router_id = ${pair.virtualRouterId}
priority = ${priority}
advertisement_interval = "${interval / 1000}ms"
addresses = ["${pair.vip}/24"]
`,
    { logLevel: "info" },
  );
}

/** Lets the master fail at the given share of an interval after one of its adverts. */
async function fail(
  lab: Lab,
  lan: Lan,
  client: Host,
  first: HalbAgent | Keepalived,
  cause: Cause,
  interval: number,
  phase: number,
): Promise<void> {
  const socket = inNamespace(
    client.namespace,
    () => openSocket(AF_PACKET, SOCK_DGRAM, htons(ETH_P_IP)),
  );
  try {
    const heard = waitForAdvert(socket, interval);
    sleepUntil(heard + phase * interval);
  } finally {
    closeDescriptor(socket);
  }
  switch (cause) {
    case "host lost":
      await lan.link(first.host).delete();
      await first.kill();
      break;
    case "kill -9":
      await first.kill();
      break;
    case "graceful stop":
      await Promise.race([first.stop(), lab.delay(10_000)]);
  }
}

/** Sleeps until an advert passes. Returns when it did. */
function waitForAdvert(socket: number, interval: number): number {
  const buffer = new Uint8Array(2048);
  const epoll = new Epoll();
  try {
    epoll.add(socket, EPOLLIN, 0);
    const end = monotonicMicros() + 4 * interval + 1_000_000;
    while (receive(socket, buffer, 0) > 0);
    while (monotonicMicros() < end) {
      epoll.wait(1000);
      if (receive(socket, buffer, 0) >= 20 && buffer[9] === 112) return monotonicMicros();
    }
  } finally {
    epoll.close();
  }
  throw new Error("No advert was heard");
}

/** Sleeps until a point in time, without giving other work of this process a chance to be late. */
function sleepUntil(at: number): void {
  const cell = new Int32Array(new SharedArrayBuffer(4));
  const left = at - monotonicMicros();
  if (left > 0) Atomics.wait(cell, 0, 0, left / 1000);
}

/** From the capture: the new master's first advert, less what the protocol makes it wait. */
async function takeover(
  capture: Capture,
  interval: number,
  cause: Cause,
  mac: string,
): Promise<Pick<Sample, "beyond" | "announced">> {
  const change = takeovers(await adverts(capture)).at(-1);
  if (change === undefined) throw new Error("Nobody took over");
  const wait = cause === "graceful stop" && change.lastPriority === 0
    ? skewTime(BACKUP_PRIORITY, interval)
    : masterDownInterval(BACKUP_PRIORITY, interval);
  const announcements = await capture.packets(`arp.isgratuitous && eth.src == ${mac}`);
  const first = announcements.find(({ time }) => time >= change.first);
  if (first === undefined) throw new Error("Nothing was announced");
  return { beyond: change.first - change.lastHeard - wait, announced: first.time - change.first };
}
