/**
 * `cost`: what it takes of the machine to be master and to be backup of many virtual routers, and
 * whether the adverts are on time: processor time, memory and context switches of the whole
 * program over the same stretch of time on both sides, and the longest gap between two adverts of
 * one router as the wire shows it.
 *
 * 255 routers are on one interface. 1000 are on 1000 macvlans, since an id is one of 255 (see
 * tests/lib/macvlans.ts); keepalived gets these as plain interfaces, without `use_vmac`.
 *
 * @module
 */

import { type Host, Lab, type LabProcess, type Lan } from "../lib/mod.ts";
import { isMacvlanOf, macvlanPairs } from "../lib/macvlans.ts";
import { type Daemon, DAEMONS, type RouterSpec, start } from "./sites.ts";
import { machine, markdownTable } from "./statistics.ts";
import { memory, type Rates, rates, totals } from "./usage.ts";
import { type Frame, regularity, Wire } from "./wire.ts";

/** One load. */
interface Load {
  readonly name: string;
  readonly routers: number;
  /** Microseconds. */
  readonly interval: number;
  /** Each on a macvlan of its own. */
  readonly macvlans: boolean;
}

const LOADS: readonly Load[] = [
  { name: "1 router, 1 s", routers: 1, interval: 1_000_000, macvlans: false },
  { name: "255 routers, 100 ms", routers: 255, interval: 100_000, macvlans: false },
  {
    name: "1000 routers on 1000 interfaces, 100 ms",
    routers: 1000,
    interval: 100_000,
    macvlans: true,
  },
];

/** What one side took. */
interface Side extends Rates {
  readonly memory: number;
}

interface Result {
  readonly master: Side;
  readonly backup: Side;
  /** Longest gap between two adverts, less the interval: microseconds. */
  readonly late: number;
}

/**
 * @param args `--quick`: 5 s and no more than 255 routers; `--seconds=N`; `--only=halb`; `--routers=1000`;
 *   `--lease=off`, `--auth=hmac` for halb
 */
export async function run(args: readonly string[]): Promise<void> {
  const quick = args.includes("--quick");
  const option = (name: string) =>
    args.find((word) => word.startsWith(`--${name}=`))?.slice(name.length + 3);
  const seconds = Number(option("seconds") ?? (quick ? 5 : 20));
  const routers = option("routers");
  const loads = LOADS.filter((load) =>
    routers === undefined ? !quick || load.routers < 1000 : load.routers === Number(routers)
  );
  const daemons = DAEMONS.filter((daemon) => daemon === (option("only") ?? daemon));
  console.log(`\ncost over ${seconds} s, ${await machine()}\n`);
  const rows: string[][] = [];
  for (const load of loads) {
    for (const daemon of daemons) {
      const more = {
        ...(option("lease") === undefined ? {} : { lease: option("lease")! }),
        ...(option("auth") === "hmac" ? { auth: "hmac" } as const : {}),
      };
      const result = await measure(load, daemon, seconds, more);
      for (const role of ["master", "backup"] as const) {
        const side = result[role];
        rows.push([
          load.name,
          role,
          daemon,
          `${side.cpu.toFixed(1)} %`,
          `${(side.memory / 1024).toFixed(1)}`,
          side.switches.toFixed(0),
          role === "master" ? (result.late / 1000).toFixed(1) : "",
        ]);
        console.error(rows.at(-1)!.join("  "));
      }
    }
  }
  const header = [
    "load",
    "role",
    "daemon",
    "CPU, of one core",
    "PSS, MiB",
    "context switches a second",
    "latest advert, ms",
  ];
  console.log(markdownTable(header, rows));
}

async function measure(
  load: Load,
  daemon: Daemon,
  seconds: number,
  more: Pick<RouterSpec, "lease" | "auth">,
): Promise<Result> {
  const lab = await Lab.open();
  try {
    const [a, b] = await lab.hostsNamed("a", "b");
    const { lans, specs, isMaster } = await interfaces(lab, load, a, b);
    const spec = (priority: number) => specs.map((one) => ({ ...one, priority, ...more }));
    const master = start(lab, daemon, a, spec(150));
    // keepalived needs many seconds for a thousand interfaces.
    await untilHeld(lab, a, load.routers);
    const backup = start(lab, daemon, b, spec(100));
    await untilSettled(lab, backup);
    const before = [totals(master.pid), totals(backup.pid)] as const;
    await lab.delay(seconds * 1000);
    const after = [totals(master.pid), totals(backup.pid)] as const;
    const side = (i: 0 | 1, pid: number) => ({
      ...rates(before[i], after[i]),
      memory: memory(pid),
    });
    const sides = { master: side(0, master.pid), backup: side(1, backup.pid) };
    // Only now: who writes thousands of packets a second down takes part of what is measured.
    const frames = await capture(lab, lans, Math.max(3, seconds / 4));
    const seen = regularity(frames, () => true);
    const masters = regularity(frames, isMaster);
    if (seen.routers !== load.routers || masters.routers !== load.routers) {
      throw new Error(`${masters.routers} routers spoke on the master, ${seen.routers} in all`);
    }
    return { ...sides, late: masters.worstGap - load.interval };
  } finally {
    await lab.close();
  }
}

async function interfaces(
  lab: Lab,
  load: Load,
  a: Host,
  b: Host,
): Promise<{
  lans: readonly Lan[];
  specs: Omit<RouterSpec, "priority">[];
  isMaster: (mac: string) => boolean;
}> {
  const { routers, interval } = load;
  const networks = ["203.0.113", "198.51.100", "192.0.2"];
  // The same address may be on several interfaces: there are not a thousand in these networks.
  const addressOf = (i: number) => `${networks[Math.floor(i / 240) % 3]}.${i % 240 + 10}/32`;
  if (load.macvlans) {
    const pairs = await macvlanPairs(lab, a, b, routers);
    const specs = pairs.interfaces.map((name, i) => ({
      name: `r${i}`,
      interface: name,
      virtualRouterId: pairs.virtualRouterId(i),
      interval,
      addresses: [addressOf(i)],
    }));
    return { lans: pairs.lans, specs, isMaster: (mac) => isMacvlanOf(1, mac) };
  }
  const lan = await lab.lan("net", [a, b]);
  const specs = Array.from({ length: routers }, (_, i) => ({
    name: `r${i}`,
    interface: "eth0",
    virtualRouterId: i + 1,
    interval,
    addresses: [addressOf(i)],
  }));
  return { lans: [lan], specs, isMaster: (mac) => mac === lan.link(a).mac };
}

/** Waits until a host that held no virtual address has so many. */
async function untilHeld(lab: Lab, host: Host, count: number): Promise<void> {
  const held = async () => (await host.addresses()).filter(isHeld).length;
  await lab.until(`${count} addresses are held`, async () => await held() >= count, 60_000, 200);
}

/** Virtual addresses start at 10 in their networks, the hosts' own are below. */
function isHeld({ family, address }: { family: string; address: string }): boolean {
  return family === "inet" && !address.startsWith("127.") && Number(address.split(".")[3]) >= 10;
}

/** Waits until a program has done what it does at its start. */
async function untilSettled(lab: Lab, process: LabProcess): Promise<void> {
  let before = totals(process.pid);
  let last = Infinity;
  await lab.until(
    "the program is at rest",
    () => {
      const now = totals(process.pid);
      const { cpu } = rates(before, now);
      before = now;
      const steady = Math.abs(cpu - last) < 2 && cpu < 90;
      last = cpu;
      return steady;
    },
    60_000,
    2000,
  );
}

async function capture(lab: Lab, lans: readonly Lan[], seconds: number): Promise<Frame[]> {
  const wires = await Promise.all(
    lans.map((lan, i) => Wire.start(lan, "br0", `${lab.directory}/wire${i}.pcap`, "ip proto 112")),
  );
  await lab.delay(seconds * 1000);
  const frames = await Promise.all(wires.map((wire) => wire.stop()));
  return frames.flat().sort((one, other) => one.time - other.time);
}
