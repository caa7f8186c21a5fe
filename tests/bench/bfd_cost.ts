/**
 * `bfd-cost`: what sessions take of the processor: of the daemon alone, with BIRD at the other end
 * of the cable for all of them, one after the other. Packets are counted on the wire, after the
 * time has been taken, since who writes down thousands of them takes part of what is measured.
 *
 * @module
 */

import { Lab } from "../lib/mod.ts";
import {
  BFD_DAEMONS,
  bfdCable,
  type BfdDaemon,
  LEAST_INTERVAL,
  startBfd,
  untilAllUp,
} from "../lib/bfd_daemons.ts";
import { addressKey, readControl } from "./bfd_wire.ts";
import { machine, markdownTable } from "./statistics.ts";
import { memory, type Rates, rates, totals } from "./usage.ts";
import { Wire } from "./wire.ts";

interface Load {
  readonly sessions: number;
  /** Microseconds. */
  readonly interval: number;
}

const LOADS: readonly Load[] = [
  { sessions: 1, interval: 50_000 },
  { sessions: 100, interval: 50_000 },
  { sessions: 500, interval: 50_000 },
  { sessions: 100, interval: 10_000 },
];

interface Result extends Rates {
  /** Packets a second, in and out. */
  readonly packets: number;
  /** KiB. */
  readonly memory: number;
  /** Sessions that were up at the end, as the peer says. */
  readonly up: number;
}

/**
 * @param args `--quick`: 5 s, no more than 100 sessions; `--seconds=N`; `--only=halb`;
 *   `--sessions=100`
 */
export async function run(args: readonly string[]): Promise<void> {
  const quick = args.includes("--quick");
  const option = (name: string) =>
    args.find((word) => word.startsWith(`--${name}=`))?.slice(name.length + 3);
  const seconds = Number(option("seconds") ?? (quick ? 5 : 20));
  const sessions = option("sessions");
  const loads = LOADS.filter((load) =>
    sessions === undefined ? !quick || load.sessions <= 100 : load.sessions === Number(sessions)
  );
  const daemons = BFD_DAEMONS.filter((daemon) => daemon === (option("only") ?? daemon));
  console.log(`\nbfd-cost over ${seconds} s, ${await machine()}\n`);
  const rows: string[][] = [];
  for (const load of loads) {
    for (const daemon of daemons.filter((one) => LEAST_INTERVAL[one] <= load.interval)) {
      rows.push([
        `${load.sessions} at ${load.interval / 1000} ms`,
        daemon,
        ...await cells(load, daemon, seconds),
      ]);
      console.error(rows.at(-1)!.join("  "));
    }
  }
  const header = [
    "sessions",
    "daemon",
    "CPU, of one core",
    "packets a second",
    "µs a packet",
    "context switches a second",
    "PSS, MiB",
    "up at the end",
  ];
  console.log(markdownTable(header, rows));
}

async function cells(load: Load, daemon: BfdDaemon, seconds: number): Promise<string[]> {
  const lab = await Lab.open();
  try {
    const result = await measure(lab, load, daemon, seconds);
    const { cpu, packets } = result;
    return [
      `${cpu.toFixed(1)} %`,
      packets.toFixed(0),
      (cpu / 100 * 1_000_000 / packets).toFixed(1),
      result.switches.toFixed(0),
      (result.memory / 1024).toFixed(1),
      `${result.up}`,
    ];
  } catch (error) {
    // One that cannot do it at all must not keep the others from being measured.
    console.error(`${daemon}: ${error instanceof Error ? error.message : error}`);
    return ["failed", "", "", "", "", ""];
  } finally {
    await lab.close();
  }
}

async function measure(
  lab: Lab,
  { sessions, interval }: Load,
  daemon: BfdDaemon,
  seconds: number,
): Promise<Result> {
  const cable = await bfdCable(lab, "cable", sessions, interval);
  const [host, other] = cable.hosts;
  const tested = await startBfd(lab, daemon, host, cable.sessions[0]);
  const peer = await startBfd(lab, "BIRD", other, cable.sessions[1]);
  await untilAllUp(lab, peer, sessions, 60_000);
  // Programs that compile themselves while they run have done most of it by then.
  await lab.delay(5_000);
  const before = totals(tested.pid);
  await lab.delay(seconds * 1000);
  const used = rates(before, totals(tested.pid));
  const up = await peer.countUp();
  const own = new Set(cable.sessions[0].map((spec) => addressKey(spec.own)));
  const wire = await Wire.start(host, "eth0", `${lab.directory}/wire.pcap`, "udp port 3784");
  await lab.delay(2_000);
  const frames = (await wire.stop()).map(readControl).filter((packet) => packet !== undefined);
  const span = (frames.at(-1)!.time - frames[0]!.time) / 1_000_000;
  if (!frames.some(({ source }) => own.has(source))) throw new Error("It sends nothing");
  return { ...used, packets: frames.length / span, memory: memory(tested.pid), up };
}
