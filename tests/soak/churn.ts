/**
 * Two agents and one accident after another: killed, stopped, frozen, cut off. Whatever happened,
 * afterwards one is master, holds the address alone, and a client reaches it.
 *
 * @module
 */

import assert from "node:assert/strict";
import { HolderWatch } from "../lib/holders.ts";
import { type HalbAgent, type Host, Lab, type Lan, startHalb } from "../lib/mod.ts";
import { Random, wantedSeed } from "../lib/random.ts";

const VIP = "192.0.2.10";
const SITE = `[[vrrp]]
name = "web"
interface = "eth0"
virtual_router_id = 51
priority = { by_host = { a = 150, b = 100 } }
advertisement_interval = "100ms"
addresses = ["${VIP}/24"]
`;

/** Lease of three seconds and what DESIGN.md allows beyond it, milliseconds. */
const HOLD_BOUND = 4500;

const ACCIDENTS = ["kill", "stop", "freeze", "cut", "silence"] as const;

export async function run(seconds: number): Promise<void> {
  const seed = wantedSeed() ?? Date.now() % 1_000_000;
  const random = new Random(seed);
  console.log(`HALB_SEED=${seed}`);
  const lab = await Lab.open();
  const counts: Record<string, number> = {};
  try {
    const hosts = await lab.hostsNamed("a", "b", "client");
    const lan = await lab.lan("net", hosts);
    const agents = new Map<Host, HalbAgent>();
    const pair = [hosts[0], hosts[1]];
    for (const host of pair) agents.set(host, startHalb(lab, host, SITE, { logLevel: "info" }));
    await settle(lab, pair, agents, hosts[2]);
    const end = Date.now() + seconds * 1000;
    while (Date.now() < end) {
      const accident = random.pick(ACCIDENTS);
      const host = random.pick(pair);
      counts[accident] = (counts[accident] ?? 0) + 1;
      const watch = await HolderWatch.start(VIP, pair);
      await suffer(lab, lan, host, agents, accident, random);
      // A master that nobody could hear does not know that it was replaced meanwhile: it announces
      // nothing, and the client has to find out by itself that its neighbour entry is stale.
      await settle(lab, pair, agents, hosts[2], accident === "silence" ? 20_000 : 3000);
      if (accident !== "silence") {
        const overlap = watch.longestOverlap();
        assert.ok(overlap <= HOLD_BOUND, `${accident}: two holders for ${overlap} ms`);
      }
      await watch.stop();
    }
    console.log(JSON.stringify(counts));
  } catch (error) {
    console.error(await lab.report());
    throw error;
  } finally {
    await lab.close();
  }
}

async function suffer(
  lab: Lab,
  lan: Lan,
  host: Host,
  agents: Map<Host, HalbAgent>,
  accident: typeof ACCIDENTS[number],
  random: Random,
): Promise<void> {
  const agent = agents.get(host)!;
  const link = lan.link(host);
  const pause = () => lab.delay(random.int(50, 2000));
  switch (accident) {
    case "kill":
    case "stop":
      if (accident === "kill") await agent.kill();
      else assert.equal((await agent.stop()).code, 0, agent.log());
      await pause();
      agents.set(host, startHalb(lab, host, SITE, { logLevel: "info" }));
      break;
    case "freeze":
      agent.freeze();
      await pause();
      agent.thaw();
      break;
    case "cut":
      await link.cut();
      await pause();
      await link.restore();
      break;
    case "silence":
      await link.lose(100);
      await pause();
      await link.lose(0);
  }
}

/** In the end a is master, b is not, and the client is answered by a. */
async function settle(
  lab: Lab,
  [a, b]: Host[],
  agents: Map<Host, HalbAgent>,
  client: Host,
  reach = 3000,
): Promise<void> {
  await agents.get(a!)!.untilState("web", "master", 10_000);
  await agents.get(b!)!.untilState("web", "backup", 10_000);
  await lab.until("a alone holds the address", async () => {
    return await a!.holds(VIP) && !await b!.holds(VIP);
  }, HOLD_BOUND + 1000);
  await lab.until("the client reaches it", async () => {
    return (await client.tryExec(["ping", "-c", "1", "-W", "1", VIP])).code === 0;
  }, reach);
}
