/**
 * `bfd-failover`: a master loses its uplink, not its LAN. It tracks a session of 10 ms × 3 to a
 * router behind the uplink; adverts are a second apart, so that nothing else explains the speed.
 * From the last packet of that session that reached the master's interface to its advert of
 * priority 0, and to the first advert of the other node.
 *
 * @module
 */

import { type BfdSpec, halbSessions, keepalivedSessions } from "../lib/bfd_daemons.ts";
import { startBird } from "../lib/bird.ts";
import { type Host, Lab, type Lan, startHalb, startKeepalived } from "../lib/mod.ts";
import { readControl } from "./bfd_wire.ts";
import { type Daemon, DAEMONS, halbSite, keepalivedConf, type RouterSpec } from "./sites.ts";
import { machine, markdownTable, ms, quantile } from "./statistics.ts";
import { readAdvert, Wire } from "./wire.ts";

const BFD_INTERVAL = 10_000;
const MULTIPLIER = 3;
const RUNS = 10;
/** So that the backup's skew is small against what is measured: 12 ms. */
const PRIORITIES = [254, 253] as const;
const SKEW = (256 - PRIORITIES[1]) / 256 * 1_000_000;
/** KiB: a small capture holds nobody up when it begins. */
const BUFFER = 2_048;
const VIP = "192.0.2.10";

interface Sample {
  /** Microseconds from the last packet of BFD. */
  readonly resigned: number;
  readonly takenOver: number;
}

/** @param args `--quick`: 3 runs; `--runs=N`; `--only=halb` */
export async function run(args: readonly string[]): Promise<void> {
  const option = (name: string) =>
    args.find((word) => word.startsWith(`--${name}=`))?.slice(name.length + 3);
  const runs = Number(option("runs") ?? (args.includes("--quick") ? 3 : RUNS));
  const daemons = DAEMONS.filter((daemon) => daemon === (option("only") ?? daemon));
  console.log(`\nbfd-failover, ${runs} runs, ${await machine()}\n`);
  const bound = MULTIPLIER * BFD_INTERVAL;
  const rows: string[][] = [];
  for (const daemon of daemons) {
    const samples: Sample[] = [];
    for (let tries = 0; samples.length < runs; tries++) {
      if (tries > 3 * runs) throw new Error(`${daemon} is seldom master when its uplink is cut`);
      const sample = await measure(daemon);
      if (sample !== undefined) samples.push(sample);
    }
    const resigned = samples.map((sample) => sample.resigned - bound);
    const takenOver = samples.map((sample) => sample.takenOver);
    rows.push([
      daemon,
      String(runs),
      ms(quantile(resigned, 0.5)),
      ms(Math.max(...resigned)),
      ms(quantile(takenOver, 0.5)),
      ms(Math.max(...takenOver)),
      ms(quantile(takenOver, 0.5) - bound - SKEW),
    ]);
    console.error(rows.at(-1)!.join("  "));
  }
  const header = [
    "daemon",
    "runs",
    "resigned after the detection time, median ms",
    "worst",
    "other node spoke after the last packet, median ms",
    "worst",
    "beyond detection time and skew, median ms",
  ];
  console.log(markdownTable(header, rows));
}

/** @returns undefined where it had resigned before: a busy machine holds up its peer */
async function measure(daemon: Daemon): Promise<Sample | undefined> {
  const lab = await Lab.open();
  try {
    const [a, b, router] = await lab.hostsNamed("a", "b", "router");
    const net = await lab.lan("net", [a, b]);
    const uplink = await lab.lan("uplink", [a, router], { prefix: "198.51.100.0/24" });
    const [own, peer] = [uplink.link(a).address, uplink.link(router).address];
    const session = { name: "uplink", own, peer, interface: "eth1", interval: BFD_INTERVAL };
    const bird = await startBird(
      lab,
      router,
      `interface "eth0" { interval ${BFD_INTERVAL} us; multiplier ${MULTIPLIER}; };
  neighbor ${own} dev "eth0" local ${peer};`,
    );
    start(lab, daemon, a, 0, { ...session, multiplier: MULTIPLIER });
    await bird.untilState(own, "Up");
    await lab.until("the master holds", () => a.holds(VIP), 15_000);
    start(lab, daemon, b, 1);
    // Long enough for both programs to have come to rest, at any moment between two adverts.
    await lab.delay(2_000 + Math.random() * 1_000);
    return await cut(lab, a, net, uplink);
  } catch (error) {
    console.error(await lab.report());
    throw error;
  } finally {
    await lab.close();
  }
}

async function cut(lab: Lab, a: Host, net: Lan, uplink: Lan): Promise<Sample | undefined> {
  const adverts = await Wire.start(net, "br0", `${lab.directory}/net.pcap`, "ip proto 112", BUFFER);
  const bfd = await Wire.start(a, "eth1", `${lab.directory}/uplink.pcap`, "udp port 3784", BUFFER);
  await lab.delay(500);
  await uplink.link(a).lose(100);
  await lab.delay(4_000);
  const peer = uplink.links[1]!.address;
  const heard = (await bfd.stop()).map(readControl).findLast((one) => one?.source === peer);
  const seen = await adverts.stop();
  const first = (priority: number) => seen.find((one) => readAdvert(one)?.priority === priority);
  const [resigned, takenOver] = [first(0), first(PRIORITIES[1])];
  if (heard === undefined || resigned === undefined || takenOver === undefined) return undefined;
  if (resigned.time < heard.time) return undefined;
  return { resigned: resigned.time - heard.time, takenOver: takenOver.time - heard.time };
}

function start(lab: Lab, daemon: Daemon, host: Host, node: 0 | 1, session?: BfdSpec): void {
  const routers: RouterSpec[] = [{
    name: "web",
    interface: "eth0",
    virtualRouterId: 51,
    priority: PRIORITIES[node],
    interval: 1_000_000,
    addresses: [`${VIP}/24`],
  }];
  if (daemon === "halb") {
    const track = session === undefined ? "" : 'track = { bfd = ["uplink"] }\n';
    const sessions = session === undefined ? "" : halbSessions([session]);
    startHalb(lab, host, `${sessions}\n${halbSite(routers)}${track}`, { logLevel: "info" });
    return;
  }
  const track = session === undefined ? "" : "  track_bfd {\n    uplink\n  }\n";
  const sessions = session === undefined ? "" : keepalivedSessions([session]);
  const conf = keepalivedConf(routers).replace("  virtual_ipaddress {", `${track}$&`);
  startKeepalived(lab, host, conf.replace("vrrp_instance", `${sessions}\n$&`), {
    quiet: true,
    within: ["chrt", "-f", "40"],
  });
}
