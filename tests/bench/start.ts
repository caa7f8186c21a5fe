/**
 * `start`: from exec to the first advert on the wire, of the first and of the last router.
 *
 * The routers have priority 255: the owner of an address speaks at once, while everybody else has
 * to listen for a master-down interval first, which says nothing about a program. The clock starts
 * before `ip netns exec` and a shell, some 5 ms, for both daemons alike.
 *
 * @module
 */

import { realtimeMicros } from "../../ffi/mod.ts";
import { Lab } from "../lib/mod.ts";
import { type Daemon, DAEMONS, type RouterSpec, start } from "./sites.ts";
import { machine, markdownTable, ms, quantile } from "./statistics.ts";
import { readAdvert, Wire } from "./wire.ts";

const COUNTS = [1, 255];
/** Time to start, milliseconds, and then for each router. */
const LOOK = 1_000;
const LOOK_EACH = 20;

interface Sample {
  readonly first: number;
  readonly last: number;
}

/** @param args `--quick`: one run; `--runs=N`; `--only=halb` */
export async function run(args: readonly string[]): Promise<void> {
  const quick = args.includes("--quick");
  const option = (name: string) =>
    args.find((word) => word.startsWith(`--${name}=`))?.slice(name.length + 3);
  const runs = Number(option("runs") ?? (quick ? 1 : 7));
  const daemons = DAEMONS.filter((daemon) => daemon === (option("only") ?? daemon));
  console.log(`\nstart, ${await machine()}\n`);
  const rows: string[][] = [];
  for (const count of COUNTS) {
    const samples = new Map<Daemon, Sample[]>(daemons.map((daemon) => [daemon, []]));
    for (let i = 0; i < runs; i++) {
      for (const daemon of daemons) samples.get(daemon)!.push(await measure(daemon, count));
    }
    for (const [daemon, list] of samples) {
      const row = [`${count}`, daemon, `${list.length}`];
      for (const key of ["first", "last"] as const) {
        const values = list.map((sample) => sample[key]);
        row.push(ms(quantile(values, 0.5)), ms(Math.max(...values)));
      }
      rows.push(row);
      console.error(row.join("  "));
    }
  }
  const header = ["routers", "daemon", "runs", "first router, median ms", "worst"];
  header.push("last router, median ms", "worst");
  console.log(markdownTable(header, rows));
}

async function measure(daemon: Daemon, count: number): Promise<Sample> {
  const lab = await Lab.open();
  try {
    const [host, other] = await lab.hostsNamed("host", "other");
    const lan = await lab.lan("net", [host, other]);
    const path = `${lab.directory}/wire.pcap`;
    const wire = await Wire.start(lan, "br0", path, "ip proto 112");
    const routers = Array.from({ length: count }, (_, i): RouterSpec => ({
      name: `r${i}`,
      interface: "eth0",
      virtualRouterId: i + 1,
      priority: 255,
      interval: 1_000_000,
      addresses: [`203.0.113.${i}/32`],
    }));
    const began = realtimeMicros();
    start(lab, daemon, host, routers);
    await lab.delay(LOOK + LOOK_EACH * count);
    const firsts = new Map<string, number>();
    for (const frame of await wire.stop()) {
      const advert = readAdvert(frame);
      if (advert !== undefined && !firsts.has(advert.router)) {
        firsts.set(advert.router, frame.time - began);
      }
    }
    if (firsts.size !== count) throw new Error(`${firsts.size} of ${count} routers spoke`);
    const times = [...firsts.values()];
    return { first: Math.min(...times), last: Math.max(...times) };
  } finally {
    await lab.close();
  }
}
