/**
 * The demo: one address, two hosts, and what a client sees when one of them is lost.
 *
 * Two hosts and a client are made of network namespaces on one bridge; both hosts run ./halb with
 * the same site.toml, and the client asks for the address a thousand times a second. First the
 * agent on the master is killed (`kill -9`): its kernel keeps answering until the lease ends, and
 * the other host has long taken over by then. Then the agent comes back and takes its place again,
 * and at last the whole host is lost, which is the outage that counts. Everything is taken down at
 * the end, whatever happens.
 *
 * @module
 */

import {
  type HalbAgent,
  halbPath,
  type Host,
  Lab,
  type Lan,
  type Outage,
  type ProbeResult,
  runHalb,
  startHalb,
  startProbe,
} from "../tests/lib/mod.ts";

const ADDRESS = "192.0.2.10";
const SITE = `[[vrrp]]
name = "web"
interface = "eth0"
virtual_router_id = 51
priority = { by_host = { edge-a = 150, edge-b = 100 } }
advertisement_interval = "100ms"
addresses = ["${ADDRESS}/24"]
`;

const started = performance.now();

/** Prints a step with the seconds since the start. */
function say(text: string): void {
  const seconds = ((performance.now() - started) / 1000).toFixed(1).padStart(5);
  console.log(`${seconds} s  ${text}`);
}

function milliseconds(micros: number): string {
  return `${(micros / 1000).toFixed(1)} ms`;
}

function indented(text: string): string {
  return text.trimEnd().split("\n").map((line) => `         ${line}`).join("\n");
}

async function showStatus(agent: HalbAgent): Promise<void> {
  const status = await runHalb(["status", "--control", agent.controlPath]);
  say(`\`halb status\` on ${agent.name}:`);
  console.log(indented(status.stdout || status.stderr));
}

/** What a backup waits for after the last advert, milliseconds. */
async function masterDownInterval(agent: HalbAgent): Promise<number> {
  const router = await agent.router("web");
  const interval = router.sessions[0]?.master_down_interval_ms;
  if (interval === undefined) throw new Error(`${agent.name} has no session for web`);
  return interval;
}

/** Who answered before and after an outage, by name. */
function answeredBy(mac: string | undefined, lan: Lan): string {
  return lan.links.find((link) => link.mac === mac)?.host.name ?? "nobody";
}

function describeOutage(result: ProbeResult, outage: Outage | undefined, lan: Lan): string {
  const names = result.answerers().map(({ mac }) => answeredBy(mac, lan)).join(", then ");
  const gap = outage === undefined
    ? "never left unanswered"
    : outage.ended
    ? `not answered for ${milliseconds(outage.duration)}`
    : `not answered since ${milliseconds(outage.duration)}, and still is not`;
  return `${ADDRESS} was ${gap}; it was answered by ${names}`;
}

async function untilHolds(lab: Lab, host: Host, wanted: boolean, ms: number): Promise<void> {
  const words = `${host.name} ${wanted ? "holds" : "no longer holds"} ${ADDRESS}`;
  await lab.until(words, async () => await host.holds(ADDRESS) === wanted, ms);
}

async function demonstrate(lab: Lab): Promise<void> {
  const [edgeA, edgeB, client] = await lab.hostsNamed("edge-a", "edge-b", "client");
  const lan = await lab.lan("lan", [edgeA, edgeB, client]);
  say("Two hosts, edge-a (192.0.2.1) and edge-b (192.0.2.2), and a client on one LAN");
  say("Both run `halb --config site.toml` with this file:");
  console.log(indented(SITE));
  let a = startHalb(lab, edgeA, SITE, { logLevel: "info" });
  const b = startHalb(lab, edgeB, SITE, { logLevel: "info" });
  await a.untilState("web", "master");
  await b.untilState("web", "backup");
  await untilHolds(lab, edgeA, true, 2000);
  await showStatus(a);
  await showStatus(b);
  const bound = await masterDownInterval(b);

  say("The client asks for the address 1000 times a second");
  let probe = await startProbe(lab, client, ADDRESS);
  await lab.delay(1000);
  say(`kill -9 of halb on edge-a (process ${a.pid})`);
  await a.kill();
  const killed = performance.now();
  await untilHolds(lab, edgeB, true, 5000);
  say("edge-b has taken over");
  await untilHolds(lab, edgeA, false, 10_000);
  const lease = ((performance.now() - killed) / 1000).toFixed(1);
  say(`edge-a's kernel has dropped the address by itself, ${lease} s after the kill: a lease`);
  let result = await probe.stop();
  say(describeOutage(result, result.longest(), lan));

  say("halb starts on edge-a again and, with the higher priority, takes the address back");
  a = startHalb(lab, edgeA, SITE, { logLevel: "info" });
  await a.untilState("web", "master");
  await b.untilState("web", "backup");

  probe = await startProbe(lab, client, ADDRESS);
  await lab.delay(1000);
  say("edge-a is lost: its cable goes and everything on it is killed");
  await edgeA.link(lan).delete();
  await a.kill();
  await b.untilState("web", "master");
  await lab.delay(500);
  result = await probe.stop();
  const outage = result.longest();
  await showStatus(b);
  say(describeOutage(result, outage, lan));
  say(`The protocol lets a backup wait ${bound.toFixed(1)} ms after the last advert`);
  if (outage === undefined || !outage.ended || answeredBy(outage.after, lan) !== "edge-b") {
    throw new Error("edge-b has not taken over as it should");
  }
}

try {
  Deno.statSync(halbPath());
} catch {
  console.error(`There is no ${halbPath()}: run scripts/build first`);
  Deno.exit(1);
}
const lab = await Lab.open();
let failed = false;
try {
  await demonstrate(lab);
} catch (error) {
  failed = true;
  console.error(await lab.report());
  console.error(`The demo failed: ${error instanceof Error ? error.message : error}`);
} finally {
  await lab.close();
  say("Everything is taken down again");
}
Deno.exit(failed ? 1 : 0);
