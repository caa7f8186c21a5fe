/**
 * The benchmark `checks` inside the guest: halb and keepalived, one after the other, check the same
 * real servers of a virtual server once a second. The guest has one processor, so that what the
 * servers do is taken from nobody's time but the clock's. Probes are connections that the servers'
 * kernel has accepted, counted in the same way for both.
 *
 * @module
 */

import { startNginx } from "../lab/check_helpers.ts";
import {
  type HalbAgent,
  type Host,
  type Keepalived,
  Lab,
  startHalb,
  startKeepalived,
} from "../lib/mod.ts";
import { machine, markdownTable } from "./statistics.ts";
import { memory, rates, totals } from "./usage.ts";

type Kind = "tcp" | "http";
type Daemon = "halb" | "keepalived";

const KINDS: readonly Kind[] = ["tcp", "http"];
const DAEMONS: readonly Daemon[] = ["halb", "keepalived"];
const FIRST_PORT = 10_000;
/** Programs that compile themselves while they run have done most of it by then, milliseconds. */
const SETTLE = 8_000;

const args = Deno.args;
const option = (name: string) =>
  args.find((word) => word.startsWith(`--${name}=`))?.slice(name.length + 3);
const seconds = Number(option("seconds") ?? (args.includes("--quick") ? 5 : 20));
const counts = (option("servers") ?? "10,100,500").split(",").map(Number);

const ports = (servers: number) => Array.from({ length: servers }, (_, i) => FIRST_PORT + i);

function site(servers: number, kind: Kind): string {
  const check = `check = { type = "${kind}", interval = "1s", timeout = "1s" }`;
  const real = ports(servers).map((port) => `  { address = "192.0.2.2:${port}" },`);
  return `[[virtual_server]]
name = "v"
listen = "198.51.100.1:80"
scheduler = "wlc"
${check}
real_server = [
${real.join("\n")}
]
`;
}

function keepalivedConf(servers: number, kind: Kind): string {
  const check = kind === "tcp"
    ? "TCP_CHECK {\n      connect_timeout 1\n    }"
    : "HTTP_GET {\n      url {\n        path /\n        status_code 200\n      }\n" +
      "      connect_timeout 1\n    }";
  const real = ports(servers).map((port) =>
    `  real_server 192.0.2.2 ${port} {\n    weight 1\n    ${check}\n  }`
  );
  return `virtual_server 198.51.100.1 80 {
  delay_loop 1
  lvs_sched wlc
  lvs_method NAT
  protocol TCP
${real.join("\n")}
}
`;
}

/** Connections that a host's kernel has accepted since its namespace is there. */
async function accepted(host: Host): Promise<number> {
  const lines = (await host.exec(["cat", "/proc/net/snmp"])).split("\n");
  const [names, values] = lines.filter((line) => line.startsWith("Tcp:"));
  return Number(values!.split(" ")[names!.split(" ").indexOf("PassiveOpens")]);
}

function start(lab: Lab, host: Host, daemon: Daemon, servers: number, kind: Kind) {
  const started: HalbAgent | Keepalived = daemon === "halb"
    ? startHalb(lab, host, site(servers, kind), { logLevel: "warning" })
    : startKeepalived(lab, host, keepalivedConf(servers, kind), { quiet: true });
  return started;
}

async function measure(servers: number, kind: Kind, daemon: Daemon): Promise<string[]> {
  const lab = await Lab.open();
  try {
    const [own, server] = await lab.hostsNamed("a", "server");
    await lab.lan("net", [own, server]);
    const last = FIRST_PORT + servers - 1;
    const http = `server { listen ${FIRST_PORT}-${last}; return 200 "ok"; }`;
    await startNginx(lab, server, http, [FIRST_PORT, last], "worker_connections 8192;");
    const before = await accepted(server);
    const { pid } = start(lab, own, daemon, servers, kind);
    await lab.until("each server was asked three times", async () => {
      return await accepted(server) - before > servers * 3;
    }, 60_000);
    await lab.delay(SETTLE);
    const [first, used] = [await accepted(server), totals(pid)];
    await lab.delay(seconds * 1000);
    const [end, after] = [await accepted(server), totals(pid)];
    const span = (after.at - used.at) / 1_000_000;
    const probes = (end - first) / span;
    const { cpu, switches } = rates(used, after);
    return [
      `${servers} ${kind}`,
      daemon,
      `${cpu.toFixed(1)} %`,
      probes.toFixed(0),
      (cpu / 100 * 1_000_000 / probes).toFixed(0),
      switches.toFixed(0),
      (memory(pid) / 1024).toFixed(1),
    ];
  } finally {
    await lab.close();
  }
}

console.log(`\nchecks over ${seconds} s, in the guest: ${await machine()}\n`);
const rows: string[][] = [];
for (const kind of KINDS) {
  for (const servers of counts) {
    for (const daemon of DAEMONS.filter((one) => one === (option("only") ?? one))) {
      rows.push(await measure(servers, kind, daemon));
      console.error(rows.at(-1)!.join("  "));
    }
  }
}
const header = ["servers", "daemon", "CPU", "probes a second", "µs a probe"];
header.push("context switches a second", "PSS, MiB");
console.log(markdownTable(header, rows));
Deno.exit(0);
