/**
 * `view`: what it takes to look at a large agent, and what looking takes from it: 1,000 virtual
 * routers that are master and 10,000 real servers in 100 virtual servers, by the status page in a
 * real Chromium, by `halb watch` in a real terminal, by `halb status` and by `/metrics`. Adverts
 * are heard meanwhile: the longest gap says whether looking makes any late.
 *
 * The kernel has no IPVS here: servers are known, judged and shown, and stand in no table.
 *
 * @module
 */

import { type HalbAgent, halbPath, type Host, Lab, startHalb, until } from "../lib/mod.ts";
import { Browser } from "../lib/browser.ts";
import { isMacvlanOf, type MacvlanPairs, macvlanPairs } from "../lib/macvlans.ts";
import { Terminal } from "../lib/terminal.ts";
import { halbSite, type RouterSpec } from "./sites.ts";
import { machine, markdownTable } from "./statistics.ts";
import { rates, totals } from "./usage.ts";
import { regularity, Wire } from "./wire.ts";

/** Microseconds. */
const INTERVAL = 1_000_000;
const SERVERS_OF_A_POOL = 100;
const URL = "http://127.0.0.1:9650";
/** Until somebody who has come has seen all, milliseconds. */
const PATIENCE = 60_000;

/** What one way to look showed. */
interface Row {
  readonly way: string;
  /** Until everything was shown, milliseconds. */
  readonly first?: number;
  readonly bytes?: number;
  readonly cpu?: number;
  readonly late?: number;
  readonly more?: string;
}

/** @param args `--quick`: a tenth of it, for 5 s; `--routers=N`, `--servers=N`, `--seconds=N` */
export async function run(args: readonly string[]): Promise<void> {
  const option = (name: string, otherwise: number) =>
    Number(args.find((word) => word.startsWith(`--${name}=`))?.split("=")[1] ?? otherwise);
  const quick = args.includes("--quick");
  const routers = option("routers", quick ? 100 : 1_000);
  const servers = option("servers", quick ? 1_000 : 10_000);
  const seconds = option("seconds", quick ? 5 : 20);
  console.log(`\nview: ${routers} routers, ${servers} servers, ${seconds} s, ${await machine()}\n`);
  const lab = await Lab.open();
  try {
    const [a, b] = await lab.hostsNamed("a", "b");
    const pairs = await macvlanPairs(lab, a, b, routers);
    const agent = startHalb(lab, a, site(pairs, servers), { logLevel: "warning" });
    await untilMaster(agent, routers);
    const scene: Scene = { lab, host: a, agent, pairs, seconds, routers, servers };
    const rows: Row[] = [];
    for (const measure of [nobody, page, watch, status, json, metrics]) {
      rows.push(await measure(scene));
      console.error(cells(rows.at(-1)!).join("  "));
    }
    const header = [
      "looked at by",
      "all is shown after, ms",
      "bytes",
      "agent's CPU, of one core",
      "latest advert, ms",
      "",
    ];
    console.log(markdownTable(header, rows.map(cells)));
  } finally {
    await lab.close();
  }
}

interface Scene {
  readonly lab: Lab;
  readonly host: Host;
  readonly agent: HalbAgent;
  readonly pairs: MacvlanPairs;
  readonly seconds: number;
  readonly routers: number;
  readonly servers: number;
}

function cells({ way, first, bytes, cpu, late, more = "" }: Row): string[] {
  return [
    way,
    first?.toFixed(0) ?? "",
    bytes === undefined ? "" : `${(bytes / 1000).toFixed(0)} k`,
    cpu === undefined ? "" : `${cpu.toFixed(1)} %`,
    late === undefined ? "" : (late / 1000).toFixed(1),
    more,
  ];
}

function site(pairs: MacvlanPairs, servers: number): string {
  const networks = ["203.0.113", "198.51.100", "192.0.2"];
  const address = (i: number) => `${networks[Math.floor(i / 240) % 3]}.${i % 240 + 10}`;
  const routers = pairs.interfaces.map((name, i): RouterSpec => ({
    name: `r${i}`,
    interface: name,
    virtualRouterId: pairs.virtualRouterId(i),
    priority: 150,
    interval: INTERVAL,
    addresses: [`${address(i)}/32`],
  }));
  const pools = Array.from({ length: Math.ceil(servers / SERVERS_OF_A_POOL) }, (_, pool) => {
    const own = Array.from({ length: SERVERS_OF_A_POOL }, (_, i) => {
      return `{ address = "198.51.100.${i + 1}:${8000 + pool}" }`;
    });
    return `[[virtual_server]]
name = "pool-${pool}"
listen = "192.0.2.80:${8000 + pool}"
real_server = [${own.join(", ")}]
`;
  });
  return `[agent]
http = { listen = "127.0.0.1:9650" }
${halbSite(routers, { repeat: 1, delay: 0 })}
${pools.join("\n")}`;
}

async function untilMaster(agent: HalbAgent, routers: number): Promise<void> {
  await until(
    "all are masters",
    async () => {
      const { vrrp } = await agent.status();
      return vrrp.filter(({ state }) => state === "master").length === routers;
    },
    PATIENCE,
    500,
  );
}

/** Processor time of the agent and its latest advert for so long. */
async function observed({ lab, agent, pairs, seconds }: Scene): Promise<Pick<Row, "cpu" | "late">> {
  const [lan] = pairs.lans;
  const wire = await Wire.start(lan!, "br0", `${lab.directory}/${files++}.pcap`, "ip proto 112");
  const before = totals(agent.pid);
  await lab.delay(seconds * 1_000);
  const { cpu } = rates(before, totals(agent.pid));
  const { worstGap } = regularity(await wire.stop(), (sender) => isMacvlanOf(1, sender));
  return { cpu, late: worstGap - INTERVAL };
}
let files = 0;

async function nobody(scene: Scene): Promise<Row> {
  return { way: "nobody", ...await observed(scene) };
}

async function page(scene: Scene): Promise<Row> {
  const { lab, host, servers } = scene;
  const profile = `${lab.directory}/chromium`;
  // What else works on the machine is not measured: it waits for the browser.
  const wrapper = [...host.prefix(), "chrt", "--rr", "1"];
  const browser = await Browser.start({ wrapper, profile });
  try {
    await browser.look({ width: 1280, height: 900 });
    // From the first instruction of the document on.
    await browser.send("Page.addScriptToEvaluateOnNewDocument", {
      source: `window.long = [];
        new PerformanceObserver((list) => {
          for (const { startTime, duration } of list.getEntries()) {
            window.long.push([Math.round(startTime), Math.round(duration)]);
          }
        }).observe({ type: "longtask", buffered: true });`,
    });
    const began = performance.now();
    await browser.open(`${URL}/`);
    const glance = "document.getElementById('glance').innerText";
    await browser.until("all is shown", `${glance}.includes('of ${servers}')`, PATIENCE);
    const first = performance.now() - began;
    const sizes = "performance.getEntriesByType('resource').map((one) => one.transferSize)";
    const bytes = await browser.evaluate<number>(`Math.max(...${sizes})`);
    // What a first view takes is told apart from what all the others take.
    const settled = await browser.evaluate<number>("performance.now()");
    const seen = await observed(scene);
    const long = await browser.evaluate<[number, number][]>("window.long");
    const opening = long.filter(([start]) => start < settled).map(([, took]) => took);
    const later = long.filter(([start]) => start >= settled).map(([, took]) => took);
    const said = (list: number[]) => list.length === 0 ? "none" : list.join(", ");
    const more = `tasks over 50 ms: opening ${said(opening)}; then ${said(later)}`;
    return { way: "status page", first, bytes, ...seen, more };
  } finally {
    await browser.close();
  }
}

async function watch(scene: Scene): Promise<Row> {
  const { lab, host, agent, routers } = scene;
  const began = performance.now();
  const argv = [halbPath(), "watch", "--control", agent.controlPath];
  const terminal = new Terminal(lab, host.prefix(), argv);
  await terminal.until("all is shown", new RegExp(`${routers} routers`), PATIENCE);
  const first = performance.now() - began;
  const seen = await observed(scene);
  // A key is answered at once, whatever else is to be drawn.
  const pressed = performance.now();
  await terminal.keys("/r99\r");
  await terminal.until("the filter", /filter: r99$/m);
  const key = performance.now() - pressed;
  await terminal.hangUp();
  return { way: "`halb watch`", first, ...seen, more: `a filter: ${key.toFixed(0)} ms` };
}

/** A command, or a request, once. */
async function once(scene: Scene, way: string, argv: readonly string[]): Promise<Row> {
  const before = totals(scene.agent.pid);
  const began = performance.now();
  const text = await scene.host.exec(argv);
  const first = performance.now() - began;
  const used = totals(scene.agent.pid).cpu - before.cpu;
  const more = `agent: ${(used / 1000).toFixed(0)} ms of CPU`;
  return { way, first, bytes: new TextEncoder().encode(text).length, more };
}

function status(scene: Scene): Promise<Row> {
  return once(scene, "`halb status`", command(scene));
}

function json(scene: Scene): Promise<Row> {
  return once(scene, "`halb status --json`", [...command(scene), "--json"]);
}

function command({ agent }: Scene): string[] {
  return [halbPath(), "status", "--control", agent.controlPath];
}

function metrics(scene: Scene): Promise<Row> {
  const script = `import sys, urllib.request
sys.stdout.write(urllib.request.urlopen("${URL}/metrics").read().decode())`;
  return once(scene, "`/metrics`", ["/usr/bin/python3", "-c", script]);
}
