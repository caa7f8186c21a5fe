/**
 * `reload`: 500 routers at adverts of 100 ms, and a reload that changes five of them. What the wire
 * shows of the other 495: the longest gap between two adverts of one router, and how many adverts
 * are missing, around the reload and in as long a time without one. The backup beside it counts
 * masters that it took for dead.
 *
 * @module
 */

import { type Host, Lab, type Lan, startHalb, startKeepalived } from "../lib/mod.ts";
import { type Daemon, DAEMONS, halbSite, keepalivedConf, type RouterSpec } from "./sites.ts";
import { machine, markdownTable } from "./statistics.ts";
import { type Frame, readAdvert, Wire } from "./wire.ts";

const ROUTERS_PER_LAN = 250;
const LANS = 2;
const CHANGED = 5;
/** Microseconds. */
const INTERVAL = 100_000;
/** Capture before, and after the reload, milliseconds. */
const STRETCH = 4_000;
const ROUNDS = 3;

interface Outcome {
  /** Adverts that the unchanged routers did not send. */
  readonly missed: number;
  /** Longest gap between two adverts of one of them, less the interval, microseconds. */
  readonly late: number;
}

/** @param args `--only=halb` or `--only=keepalived` */
export async function run(args: readonly string[]): Promise<void> {
  const only = args.find((word) => word.startsWith("--only="))?.slice("--only=".length);
  const routers = LANS * ROUTERS_PER_LAN;
  console.log(`\nreload of ${routers} routers, ${CHANGED} changed, ${await machine()}\n`);
  const rows: string[][] = [];
  for (const daemon of DAEMONS) {
    if (only !== undefined && only !== daemon) continue;
    for (const [when, outcome] of await measure(daemon)) {
      rows.push([daemon, when, String(outcome.missed), (outcome.late / 1000).toFixed(1)]);
      console.error(rows.at(-1)!.join("  "));
    }
  }
  const header = ["daemon", "when", "adverts missed by the other 495", "latest of them, ms"];
  console.log(markdownTable(header, rows));
}

function specs(changed: boolean): RouterSpec[] {
  return Array.from({ length: LANS * ROUTERS_PER_LAN }, (_, i) => {
    const id = i % ROUTERS_PER_LAN + 1;
    return {
      name: `r${i}`,
      interface: `eth${Math.floor(i / ROUTERS_PER_LAN)}`,
      virtualRouterId: id,
      // A reload moves the priority of a few; all stay masters.
      priority: changed && isChanged(i) ? 160 : 150,
      interval: INTERVAL,
      addresses: [`${i < ROUTERS_PER_LAN ? "203.0.113" : "198.51.100"}.${id + 3}/32`],
    };
  });
}

/** The changed ones are spread over both networks. */
function isChanged(i: number): boolean {
  return i % (LANS * ROUTERS_PER_LAN / CHANGED) === 7;
}

async function measure(daemon: Daemon): Promise<[string, Outcome][]> {
  const lab = await Lab.open();
  try {
    const [a, b] = await lab.hostsNamed("a", "b");
    const lans: Lan[] = [];
    for (let i = 0; i < LANS; i++) lans.push(await lab.lan(`net${i}`, [a, b]));
    const start = (host: Host, priority: number) => {
      const routers = specs(false).map((one) => ({ ...one, priority }));
      return daemon === "halb"
        ? startHalb(lab, host, halbSite(routers), { logLevel: "warning" })
        : startKeepalived(lab, host, keepalivedConf(routers), { quiet: true });
    };
    const master = start(a, 150);
    const held = async () => {
      const all = await Promise.all([a.addresses("eth0"), a.addresses("eth1")]);
      return all.flat().filter(({ address }) => /^(203|198)/.test(address)).length;
    };
    await lab.until("all are master", async () => await held() >= 500, 60_000, 200);
    start(b, 100);
    // Second announcements and the peer's start are over.
    await lab.delay(12_000);
    const outcomes: [string, Outcome][] = [];
    for (let round = 1; round <= ROUNDS; round++) {
      outcomes.push([`no reload ${round}`, await stretch(lab, lans, () => {})]);
      const routers = specs(round % 2 === 1);
      const text = daemon === "halb" ? halbSite(routers) : keepalivedConf(routers);
      outcomes.push([`reload ${round}`, await stretch(lab, lans, () => master.reload(text))]);
    }
    return outcomes;
  } finally {
    await lab.close();
  }
}

/** Captures around what is done in the middle of it. */
async function stretch(lab: Lab, lans: readonly Lan[], act: () => void): Promise<Outcome> {
  const wires = await Promise.all(lans.map((lan, i) => {
    return Wire.start(lan, "br0", `${lab.directory}/wire${i}.pcap`, "ip proto 112");
  }));
  await lab.delay(STRETCH / 4);
  act();
  await lab.delay(STRETCH);
  const captured = await Promise.all(wires.map((wire) => wire.stop()));
  return captured.map((frames, lan) => judge(frames, lan)).reduce((one, other) => ({
    missed: one.missed + other.missed,
    late: Math.max(one.late, other.late),
  }));
}

function judge(frames: readonly Frame[], lan: number): Outcome {
  const last = new Map<number, number>();
  let missed = 0;
  let late = 0;
  for (const frame of frames) {
    const advert = readAdvert(frame);
    if (advert === undefined) continue;
    const id = Number(advert.router.split(" ")[1]);
    if (isChanged(lan * ROUTERS_PER_LAN + id - 1)) continue;
    const before = last.get(id);
    if (before !== undefined) {
      const gap = frame.time - before;
      late = Math.max(late, gap - INTERVAL);
      missed += Math.max(0, Math.round(gap / INTERVAL) - 1);
    }
    last.set(id, frame.time);
  }
  const expected = ROUTERS_PER_LAN - CHANGED / LANS;
  if (last.size < Math.floor(expected)) throw new Error(`Only ${last.size} routers spoke`);
  return { missed, late };
}
