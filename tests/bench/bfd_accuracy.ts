/**
 * `bfd-accuracy`: how long after its time a daemon says that the path has failed. A cable is cut
 * silently, again and again; what is measured is the time from the last packet that reached the
 * host's interface to the first one that leaves it with state Down and diagnostic 1, less the
 * detection time of RFC 5880 section 6.8.4. The wire is what all daemons have in common: no
 * latency of anybody's log is in it.
 *
 * All daemons run at once, each on a cable of its own, with BIRD at the other end; their cables are
 * cut in turn.
 *
 * @module
 */

import { Lab } from "../lib/mod.ts";
import {
  BFD_DAEMONS,
  type BfdCable,
  bfdCable,
  type BfdDaemon,
  LEAST_INTERVAL,
  type RunningBfd,
  startBfd,
  untilAllUp,
} from "../lib/bfd_daemons.ts";
import { addressKey, type Detection, detections } from "./bfd_wire.ts";
import { machine, markdownTable, ms, quantile } from "./statistics.ts";
import { Wire } from "./wire.ts";

const MULTIPLIER = 3;
/** Sessions on one cable: a cut tells of so many, at moments of their own. */
const SESSIONS = 10;
const CUTS = 200;
const INTERVALS = [10_000, 50_000];
/** KiB of a capture. */
const BUFFER = 8_192;
/** How long a cable stays cut after the detection time, milliseconds. */
const CUT_LONGER = 100;

/** One daemon on its cable. */
interface Place {
  readonly daemon: BfdDaemon;
  readonly cable: BfdCable;
  readonly peer: RunningBfd;
  readonly wire: Wire;
  /** When it was cut and whole again, microseconds since 1970. */
  readonly cuts: { readonly from: number; readonly to: number }[];
}

/**
 * @param args `--quick`: 20 cuts; `--runs=N`: cuts of a session; `--sessions=N`: on one cable;
 *   `--intervals=10,50`: milliseconds; `--only=halb`
 */
export async function run(args: readonly string[]): Promise<void> {
  const quick = args.includes("--quick");
  const option = (name: string) =>
    args.find((word) => word.startsWith(`--${name}=`))?.slice(name.length + 3);
  const runs = Number(option("runs") ?? (quick ? 20 : CUTS));
  const sessions = Number(option("sessions") ?? SESSIONS);
  const asked = option("intervals")?.split(",").map((word) => Number(word) * 1000);
  const daemons = BFD_DAEMONS.filter((daemon) => daemon === (option("only") ?? daemon));
  console.log(`\nbfd-accuracy, ${runs} cuts of a session, ${await machine()}\n`);
  const rows: string[][] = [];
  for (const interval of asked ?? INTERVALS) {
    const able = daemons.filter((daemon) => LEAST_INTERVAL[daemon] <= interval);
    const found = await measure(able, interval, sessions, Math.ceil(runs / sessions));
    for (const [daemon, { right, wrong, missing }] of found) {
      const theory = MULTIPLIER * interval;
      const late = right.map(({ after }) => after - theory);
      rows.push([
        `${interval / 1000} ms × ${MULTIPLIER}`,
        daemon,
        String(late.length),
        ms(quantile(late, 0.5)),
        ms(quantile(late, 0.99)),
        ms(Math.max(...late)),
        ms(Math.min(...late)),
        String(missing),
        String(wrong),
      ]);
      console.error(rows.at(-1)!.join("  "));
    }
  }
  const header = [
    "session",
    "daemon",
    "cuts",
    "beyond the detection time, median ms",
    "p99",
    "worst",
    "earliest",
    "not seen",
    "downs without a cut",
  ];
  console.log(markdownTable(header, rows));
}

interface Found {
  readonly right: readonly Detection[];
  /** Cuts after which a session said nothing while the cable was cut. */
  readonly missing: number;
  /** Falls for silence where nothing was cut. */
  readonly wrong: number;
}

async function measure(
  daemons: readonly BfdDaemon[],
  interval: number,
  sessions: number,
  rounds: number,
): Promise<Map<BfdDaemon, Found>> {
  const lab = await Lab.open();
  try {
    const places: Place[] = [];
    for (const daemon of daemons) {
      const cable = await bfdCable(lab, daemon.toLowerCase(), sessions, interval, MULTIPLIER);
      const [host, other] = cable.hosts;
      await startBfd(lab, daemon, host, cable.sessions[0]);
      const peer = await startBfd(lab, "BIRD", other, cable.sessions[1]);
      await untilAllUp(lab, peer, sessions);
      const path = `${lab.directory}/${daemon}.pcap`;
      const wire = await Wire.start(host, "eth0", path, "udp port 3784", BUFFER);
      places.push({ daemon, cable, peer, wire, cuts: [] });
    }
    for (let round = 0; round < rounds; round++) {
      // At another moment of everybody's intervals each time; polls of the start are over.
      await lab.delay(300 + Math.random() * interval / 1000);
      for (const place of places) await cut(lab, place, interval);
      for (const { peer } of places) await untilAllUp(lab, peer, sessions);
    }
    const found = new Map<BfdDaemon, Found>();
    for (const { daemon, cable, wire, cuts } of places) {
      const own = new Set(cable.sessions[0].map((spec) => addressKey(spec.own)));
      const all = detections(await wire.stop(), (address) => own.has(address));
      const right = all.filter(({ at }) => cuts.some(({ from, to }) => at >= from && at <= to));
      const missing = rounds * sessions - right.length;
      for (const one of all.filter((found) => !right.includes(found))) {
        const healed = cuts.findLast(({ to }) => to <= one.at)?.to ?? NaN;
        const [since, after] = [ms(one.at - healed), ms(one.after)];
        console.error(`${daemon}: Down ${since} ms after a cut was over, silence of ${after} ms`);
      }
      found.set(daemon, { right, missing, wrong: all.length - right.length });
    }
    return found;
  } catch (error) {
    console.error(await lab.report());
    throw error;
  } finally {
    await lab.close();
  }
}

async function cut(lab: Lab, { cable, cuts }: Place, interval: number): Promise<void> {
  const link = cable.lan.link(cable.hosts[0]);
  const from = Date.now() * 1000;
  await link.lose(100);
  await lab.delay(MULTIPLIER * interval / 1000 + CUT_LONGER);
  cuts.push({ from, to: Date.now() * 1000 });
  await link.lose(0);
}
