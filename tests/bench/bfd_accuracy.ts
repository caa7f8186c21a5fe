/**
 * `bfd-accuracy`: how long after its time a daemon says that the path has failed. A cable is cut
 * silently, again and again; what is measured is the time from the last packet that reached the
 * host's interface to the first one that leaves it with state Down and diagnostic 1, less the
 * detection time of RFC 5880 section 6.8.4. The wire is what all daemons have in common: no
 * latency of anybody's log is in it.
 *
 * All daemons run at once, each on a cable of its own, with BIRD at the other end; their cables are
 * cut in turn. A witness on each processor notes when the machine let nobody run: cuts during whose
 * detection that was so are counted apart, and a fall without a cut is said to be whose it was.
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
import { stalledWithin, witnessStalls } from "../lib/stalls.ts";
import type { Stall } from "../lib/stall_main.ts";
import { MACHINE_STALL, type Stillness, stillness } from "./bfd_stillness.ts";
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
  /** At the daemon's end, and at BIRD's. */
  readonly wires: readonly [Wire, Wire];
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
    for (const [daemon, { right, calm, wrong, missing }] of found) {
      const theory = MULTIPLIER * interval;
      const late = right.map(({ after }) => after - theory);
      const calmLate = calm.map(({ after }) => after - theory);
      rows.push([
        `${interval / 1000} ms × ${MULTIPLIER}`,
        daemon,
        String(late.length),
        ms(quantile(late, 0.5)),
        ms(quantile(late, 0.99)),
        ms(Math.max(...late)),
        ms(Math.min(...late)),
        String(calm.length),
        ms(quantile(calmLate, 0.99)),
        ms(Math.max(...calmLate)),
        String(missing),
        blame(wrong),
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
    "cuts without a stall of the machine",
    "p99",
    "worst",
    "not seen",
    "downs without a cut, and who stood still",
  ];
  console.log(markdownTable(header, rows));
}

interface Found {
  readonly right: readonly Detection[];
  /** Those of them during which the machine let everybody run. */
  readonly calm: readonly Detection[];
  /** Cuts after which a session said nothing while the cable was cut. */
  readonly missing: number;
  /** Falls for silence where nothing was cut. */
  readonly wrong: readonly Stillness[];
}

/** Such as `10: 10 peer`. */
function blame(wrong: readonly Stillness[]): string {
  if (wrong.length === 0) return "0";
  const by = Map.groupBy(wrong, ({ culprit }) => culprit);
  return `${wrong.length}: ` + [...by].map(([who, { length }]) => `${length} ${who}`).join(", ");
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
    const [aside] = await lab.hostsNamed("witness");
    const witness = await witnessStalls(lab, aside!);
    for (const daemon of daemons) {
      const cable = await bfdCable(lab, daemon.toLowerCase(), sessions, interval, MULTIPLIER);
      const [host, other] = cable.hosts;
      await startBfd(lab, daemon, host, cable.sessions[0]);
      const peer = await startBfd(lab, "BIRD", other, cable.sessions[1]);
      await untilAllUp(lab, peer, sessions);
      const capture = (at: typeof host) =>
        Wire.start(at, "eth0", `${lab.directory}/${at.name}.pcap`, "udp port 3784", BUFFER);
      const wires = [await capture(host), await capture(other)] as const;
      places.push({ daemon, cable, peer, wires, cuts: [] });
    }
    for (let round = 0; round < rounds; round++) {
      // At another moment of everybody's intervals each time; polls of the start are over.
      await lab.delay(300 + Math.random() * interval / 1000);
      for (const place of places) await cut(lab, place, interval);
      for (const { peer } of places) await untilAllUp(lab, peer, sessions);
    }
    const stalls = await witness.end();
    const found = new Map<BfdDaemon, Found>();
    for (const place of places) found.set(place.daemon, await judge(place, stalls, rounds));
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

/** What one cable's captures say, and on standard error each fall without a cut. */
async function judge(
  { daemon, cable, wires, cuts }: Place,
  stalls: readonly Stall[],
  rounds: number,
): Promise<Found> {
  const addresses = new Set(cable.sessions[0].map((spec) => addressKey(spec.own)));
  const isOwn = (address: string) => addresses.has(address);
  const [own, far] = [await wires[0].stop(), await wires[1].stop()];
  const all = detections(own, isOwn);
  const right = all.filter(({ at }) => cuts.some(({ from, to }) => at >= from && at <= to));
  const calm = right.filter(({ at, after }) => {
    return !stalledWithin(stalls, at - after, at, MACHINE_STALL);
  });
  const wrong: Stillness[] = [];
  for (const one of all.filter((found) => !right.includes(found))) {
    const found = stillness(one, own, far, isOwn, stalls);
    wrong.push(found);
    const healed = cuts.findLast(({ to }) => to <= one.at)?.to ?? NaN;
    console.error(
      `${daemon}: Down ${ms(one.at - healed)} ms after a cut was over, silence of ${
        ms(one.after)
      } ms; longest gap at the other end ${ms(found.peerGap)}, at its own ${
        ms(found.ownGap)
      }, stall ${ms(found.stall)}: ${found.culprit}`,
    );
  }
  return { right, calm, wrong, missing: rounds * cable.sessions[0].length - right.length };
}
