/**
 * `checks`: what health checks take of the processor: so many servers (nginx, a port each), each
 * asked once a second, by tcp and by http, beside a BFD session at 10 ms × 3 and adverts of 100 ms in
 * the same process. Processor time is halb's own, the kernel's work for its sockets included; what is
 * counted are probes that have ended. With `--guest` beside keepalived, which checks nothing without
 * IPVS in the kernel.
 *
 * @module
 */

import { ask } from "../../mod/control/client.ts";
import type { Status } from "../../mod/control/status.ts";
import { Lab, startHalb } from "../lib/mod.ts";
import { startNginx } from "../lab/check_helpers.ts";
import { bfdSite } from "../lib/bfd_site.ts";
import { runInGuest } from "./guest.ts";
import { machine, markdownTable } from "./statistics.ts";
import { memory, rates, totals } from "./usage.ts";

type Kind = "tcp" | "http" | "mixed";

interface Load {
  readonly servers: number;
  readonly kind: Kind;
}

const LOADS: readonly Load[] = [
  { servers: 100, kind: "tcp" },
  { servers: 100, kind: "http" },
  { servers: 1000, kind: "tcp" },
  { servers: 1000, kind: "http" },
  { servers: 5000, kind: "tcp" },
  { servers: 6000, kind: "mixed" },
];
const FIRST_PORT = 10_000;

/** @param args `--quick`: 5 s; `--seconds=N`; `--servers=N`; `--guest`: beside keepalived */
export async function run(args: readonly string[]): Promise<void> {
  if (args.includes("--guest")) return await runInGuest("checks_guest.ts", args, 600);
  const option = (name: string) =>
    args.find((word) => word.startsWith(`--${name}=`))?.slice(name.length + 3);
  const seconds = Number(option("seconds") ?? (args.includes("--quick") ? 5 : 20));
  const loads = LOADS.filter(({ servers }) => servers === Number(option("servers") ?? servers));
  console.log(`\nchecks over ${seconds} s, ${await machine()}\n`);
  const rows: string[][] = [];
  for (const load of loads) {
    rows.push(await measure(load, seconds));
    console.error(rows.at(-1)!.join("  "));
  }
  const header = [
    "servers",
    "CPU, of one core",
    "probes a second",
    "µs a probe",
    "failed",
    "late, µs: median, p99, most",
    "adverts late, µs: p99",
    "BFD fell",
    "PSS, MiB",
  ];
  console.log(markdownTable(header, rows));
}

/** Of `mixed` every sixth is http: 5,000 and 1,000. */
function typeOf(kind: Kind, index: number): string {
  return kind === "mixed" ? index % 6 === 0 ? "http" : "tcp" : kind;
}

function siteOf({ servers, kind }: Load): string {
  const checks = Array.from(
    { length: servers },
    (_, i) =>
      `[[check]]\nname = "c${i}"\ntype = "${typeOf(kind, i)}"\naddress = "192.0.2.2"\n` +
      `port = ${FIRST_PORT + i}\n`,
  );
  const names = Array.from({ length: servers }, (_, i) => `{ name = "c${i}", weight = 1 }`);
  return `[defaults.check]
interval = "1s"
timeout = "1s"
[[vrrp]]
name = "web"
interface = "eth0"
virtual_router_id = 51
advertisement_interval = "100ms"
addresses = ["192.0.2.10/24"]
track.checks = [${names.slice(0, 200).join(", ")}]
${checks.join("")}
${sessionWith("192.0.2.2")}`;
}

/** A session at 10 ms × 3. */
function sessionWith(peer: string): string {
  return bfdSite([{ name: "peer", peer, transmit: 10, receive: 10 }]);
}

/** Probes that have ended, and those of them that failed. */
function count({ checks }: Status): { ended: number; failed: number } {
  const sum = (of: (one: Status["checks"][number]) => number) =>
    checks.reduce((all, one) => all + of(one), 0);
  const failed = sum(({ counters }) => counters.failed);
  return { ended: failed + sum(({ counters }) => counters.passed), failed };
}

async function measure(load: Load, seconds: number): Promise<string[]> {
  const lab = await Lab.open();
  try {
    const [own, server] = await lab.hostsNamed("a", "server");
    await lab.lan("net", [own, server]);
    const last = FIRST_PORT + load.servers - 1;
    const http = `server { listen ${FIRST_PORT}-${last}; return 200 "ok"; }`;
    await startNginx(lab, server, http, [FIRST_PORT, last], "worker_connections 32768;");
    startHalb(lab, server, sessionWith("192.0.2.1"));
    const agent = startHalb(lab, own, siteOf(load));
    const status = async () => await ask(agent.controlPath, { command: "status" }) as Status;
    await lab.until("every check is known", async () => {
      const { checks } = await status();
      return checks.length === load.servers && checks.every(({ healthy }) => healthy !== null);
    }, 60_000);
    const isUp = async () => (await status()).bfd[0]?.state === "up";
    await lab.until("the session is up", isUp, 30_000);
    await lab.delay(3_000);
    const first = await status();
    const before = { ...count(first), used: totals(agent.process.pid) };
    await lab.delay(seconds * 1000);
    const used = totals(agent.process.pid);
    const after = await status();
    const { cpu } = rates(before.used, used);
    const { ended, failed } = count(after);
    const span = (used.at - before.used.at) / 1_000_000;
    const probes = (ended - before.ended) / span;
    const late = after.probe_lateness_us!;
    return [
      `${load.servers} ${load.kind}`,
      `${cpu.toFixed(1)} %`,
      probes.toFixed(0),
      (cpu / 100 * 1_000_000 / probes).toFixed(0),
      `${failed - before.failed}`,
      `${late.p50}, ${late.p99}, ${late.max}`,
      `${after.realtime.timer_lateness_us.p99}`,
      `${after.bfd[0]!.transitions - first.bfd[0]!.transitions}`,
      (memory(agent.process.pid) / 1024).toFixed(1),
    ];
  } finally {
    await lab.close();
  }
}
