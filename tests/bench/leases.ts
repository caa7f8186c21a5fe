/**
 * `leases`: what a thousand leased addresses cost those who listen to the kernel. Each refresh of a
 * lease is broadcast as if the address were new; a lease of 3 s is refreshed each second. zebra and
 * BIRD run beside an agent that is master of all of them, first with leases, then without.
 *
 * @module
 */

import { type Host, Lab, type LabProcess } from "../lib/mod.ts";
import { type RouterSpec, start } from "./sites.ts";
import { machine, markdownTable } from "./statistics.ts";
import { rates, totals } from "./usage.ts";

interface Load {
  readonly name: string;
  readonly family: 4 | 6;
  readonly routers: number;
  /** Of each router. */
  readonly addresses: number;
}

/** The networks for documentation have no thousand IPv4 addresses. */
const LOADS: readonly Load[] = [
  { name: "750 IPv4", family: 4, routers: 3, addresses: 250 },
  { name: "1000 IPv6", family: 6, routers: 20, addresses: 50 },
];
const LEASES = ["3s", "off"];

const BIRD = `router id 192.0.2.1;
protocol device { scan time 10; }
protocol direct { ipv4; ipv6; }
protocol kernel { ipv4 { export none; }; }
protocol kernel { ipv6 { export none; }; }
`;

/** @param args `--quick`: 5 s; `--seconds=N` */
export async function run(args: readonly string[]): Promise<void> {
  const quick = args.includes("--quick");
  const asked = args.find((word) => word.startsWith("--seconds="))?.slice(10);
  const seconds = Number(asked ?? (quick ? 5 : 20));
  console.log(`\nleases over ${seconds} s, ${await machine()}\n`);
  const rows: string[][] = [];
  for (const load of LOADS) {
    for (const lease of LEASES) {
      const used = await measure(load, lease, seconds);
      const percent = used.map((cpu) => `${cpu.toFixed(1)} %`);
      rows.push([load.name, lease === "off" ? "none" : lease.replace("s", " s"), ...percent]);
      console.error(rows.at(-1)!.join("  "));
    }
  }
  console.log(markdownTable(["addresses", "lease", "halb", "zebra", "BIRD"], rows));
}

/** Percent of a core that halb, zebra and BIRD used. */
async function measure(load: Load, lease: string, seconds: number): Promise<number[]> {
  const lab = await Lab.open();
  try {
    const [host, other] = await lab.hostsNamed("host", "other");
    await lab.lan("net", [host, other], load.family === 4 ? {} : { prefix: null });
    const beside = [startZebra(lab, host), startBird(lab, host)];
    const agent = start(lab, "halb", host, routersOf(load, lease), { repeat: 1, delay: 0 });
    const count = load.routers * load.addresses;
    await lab.until(
      `${count} addresses are held`,
      async () => {
        return (await host.addresses()).filter((one) => one.prefixLength >= 32).length >= count;
      },
      30_000,
      200,
    );
    await lab.delay(4000);
    const all = [agent, ...beside];
    for (const one of all) {
      if (!one.running) throw new Error(`${one.name} has ended: ${one.log()}`);
    }
    const before = all.map(({ pid }) => totals(pid));
    await lab.delay(seconds * 1000);
    return all.map(({ pid }, i) => rates(before[i]!, totals(pid)).cpu);
  } finally {
    await lab.close();
  }
}

function routersOf({ family, routers, addresses }: Load, lease: string): RouterSpec[] {
  const networks = ["198.51.100", "203.0.113", "192.0.2"];
  const addressOf = (router: number, i: number) => {
    if (family === 4) return `${networks[router]}.${i + 3}/32`;
    const number = (router * addresses + i + 1).toString(16);
    return i === 0 ? `fe80::5:${number}/128` : `2001:db8:1::${number}/128`;
  };
  return Array.from({ length: routers }, (_, router) => ({
    name: `r${router}`,
    interface: "eth0",
    virtualRouterId: router + 1,
    priority: 150,
    interval: 1_000_000,
    lease,
    addresses: Array.from({ length: addresses }, (_, i) => addressOf(router, i)),
  }));
}

/** It gives up root for the user `frr`, so that its directory is not the lab's private one. */
function startZebra(lab: Lab, host: Host): LabProcess {
  const directory = Deno.makeTempDirSync({ prefix: `halb-${Deno.pid}-zebra-` });
  lab.atEnd(() => Deno.remove(directory, { recursive: true }));
  Deno.writeTextFileSync(`${directory}/zebra.conf`, "");
  Deno.chmodSync(directory, 0o777);
  return host.spawn([
    "/usr/lib/frr/zebra",
    ...["-u", "frr", "-g", "frr", "-i", `${directory}/zebra.pid`],
    ...["-z", `${directory}/zserv`, "--vty_socket", directory],
    ...["-f", `${directory}/zebra.conf`, "--log", "stdout"],
  ], { name: "zebra" });
}

function startBird(lab: Lab, host: Host): LabProcess {
  const path = `${lab.directory}/bird.conf`;
  Deno.writeTextFileSync(path, BIRD);
  return host.spawn(["bird", "-f", "-c", path, "-s", `${lab.directory}/bird.sock`], {
    name: "bird",
  });
}
