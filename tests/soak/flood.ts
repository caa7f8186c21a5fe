/**
 * The hostile wire for a while: 50,000 malformed and 50,000 well-formed foreign packets a second
 * from one host of the LAN while a master and a backup do their work at adverts of 100 ms. Nobody
 * changes state, every packet that arrived is in the counters or in the kernel's count of what the
 * queues did not hold, adverts are on time but for stalls of the machine, memory is flat, and the log stays short.
 *
 * Then as many packets as the machine gives, and a flood of valid adverts of a lower priority for
 * the very router: the agent goes on, on time.
 *
 * @module
 */

import assert from "node:assert/strict";
import { adverts } from "../lib/adverts.ts";
import {
  arrivals,
  countArrivals,
  expected,
  flood,
  type FloodKind,
  inTurn,
  malformed,
  plausible,
  wellFormed,
} from "../lib/flood.ts";
import { type HalbAgent, type Host, Lab, startHalb } from "../lib/mod.ts";
import { stalledWithin, witnessStalls } from "../lib/stalls.ts";
import { counted, routerOf } from "../lab/agent_helpers.ts";
import { privateMemory, realtimeSeconds } from "./load.ts";

const SITE = `[[vrrp]]
name = "web"
interface = "eth0"
virtual_router_id = 51
priority = { by_host = { a = 150, b = 100 } }
advertisement_interval = "100ms"
addresses = ["192.0.2.10/24"]
`;
const INTERVAL = 100_000;
const MASTER = "192.0.2.1";

/** Packets a second that the rule asks for; half of them malformed. */
const RATE = 100_000;
/** Growth that a heap may show between two collections, KiB. */
const GROWTH = 16 * 1024;
/** How late an advert may be, microseconds. */
const LATE = 2_000;
/** Lines about refusals: one for each reason and second, and the limiter's ten in ten seconds. */
const LINES_A_SECOND = 8;

/** Two agents and somebody who wishes them ill. */
class Scene {
  readonly agents: HalbAgent[] = [];

  constructor(
    readonly lab: Lab,
    readonly hosts: readonly [Host, Host, Host],
    readonly lan: Awaited<ReturnType<Lab["lan"]>>,
  ) {}

  /** Sends, prints what that did to the agents, and sees to it that it did nothing bad. */
  async attack(
    name: string,
    kinds: readonly FloodKind[],
    speed: { readonly rate: number; readonly seconds: number },
  ): Promise<void> {
    const { lab, agents } = this;
    const [, , attacker] = this.hosts;
    const witness = await witnessStalls(lab, attacker);
    const capture = await lab.capture(this.lan, `src host ${MASTER} and ip proto 112`);
    const states = await Promise.all(agents.map((agent) => routerOf(agent, "web")));
    const before = agents.map(({ pid }) => realtimeSeconds(pid));
    const { sent, seconds } = await flood(lab, attacker, this.lan, kinds, speed);
    const stalls = await witness.end();
    const cpu = agents.map(({ pid }, i) => (realtimeSeconds(pid) - before[i]!) / seconds);
    const packets = sent.reduce((sum, count) => sum + count);
    const rate = Math.round(packets / seconds);
    const times = (await adverts(capture)).map(({ time }) => time);
    const late = times.slice(1).map((time, i) => time - times[i]! - INTERVAL);
    const worst = late.toSorted((x, y) => y - x).slice(0, 5);
    const shares = cpu.map((share) => `${(100 * share).toFixed(1)} %`).join(" and ");
    console.log(`${name}: ${packets} packets, ${rate} a second; protocol threads ${shares}`);
    console.log(
      `  latest of ${late.length} adverts: ${worst.map((us) => us / 1000).join(", ")} ms`,
    );
    if (speed.rate > 0) assert.ok(rate >= 0.5 * speed.rate, `only ${rate} packets a second`);
    late.forEach((micros, i) => {
      if (micros <= LATE) return;
      const due = times[i]! + INTERVAL;
      // What held up a thread of a higher priority held up this one.
      const explained = stalledWithin(stalls, due - LATE, due + micros, LATE / 2);
      console.log(`  ${micros} µs late, ${explained ? "while" : "and no"} processor stood still`);
      assert.ok(explained, `an advert was ${micros} µs late: ${JSON.stringify(stalls)}`);
    });
    for (const [i, agent] of agents.entries()) {
      const after = await routerOf(agent, "web");
      assert.equal(after.state, states[i]!.state, agent.name);
      assert.equal(after.transitions, states[i]!.transitions, agent.name);
    }
  }
}

export async function run(seconds: number): Promise<void> {
  const lab = await Lab.open();
  try {
    const hosts = await lab.hostsNamed("a", "b", "attacker");
    const scene = new Scene(lab, hosts, await lab.lan("net", hosts));
    const kinds = inTurn(malformed("ipv4", 51, 77), wellFormed("ipv4", 77));
    for (const host of hosts.slice(0, 2)) await countArrivals(host, kinds);
    for (const [host, state] of [[hosts[0], "master"], [hosts[1], "backup"]] as const) {
      const agent = startHalb(lab, host, SITE, { logLevel: "info" });
      await agent.untilState("web", state);
      scene.agents.push(agent);
    }
    const { agents } = scene;
    // The heap grows until its first full collection: what counts is what comes after.
    const quarter = seconds / 4;
    await scene.attack("first", kinds, { rate: RATE, seconds: quarter });
    const before = agents.map(({ pid }) => privateMemory(pid));
    await scene.attack("then", kinds, { rate: RATE, seconds: 2 * quarter });
    const after = agents.map(({ pid }) => privateMemory(pid));
    console.log(`memory: ${before.join(", ")} KiB, then ${after.join(", ")} KiB`);
    after.forEach((now, i) => {
      assert.ok(now - before[i]! < GROWTH, `memory grew from ${before[i]} to ${now} KiB`);
    });
    for (const [i, agent] of agents.entries()) {
      const wanted = expected(kinds, await arrivals(hosts[i]!, kinds));
      const found = await counted(agent);
      const { "interface.overflow": overflow = 0, ...byReason } = found;
      const sum = (counts: Record<string, number>) =>
        Object.values(counts).reduce((total, count) => total + count, 0);
      console.log(`${agent.name}: ${sum(wanted)} arrived, ${sum(byReason)} read, ${overflow} lost`);
      // While one queue is full, newer kernels count against it what goes to the other one, too.
      assert.ok(sum(found) >= sum(wanted), JSON.stringify([found, wanted]));
      for (const [reason, count] of Object.entries(byReason)) {
        assert.ok(count <= wanted[reason]!, `${reason}: ${count} of ${wanted[reason]}`);
        if (overflow === 0) assert.equal(count, wanted[reason], reason);
      }
      const lines = agent.log().match(/Advertisement refused/g)!.length;
      console.log(`${agent.name}: ${lines} lines of log`);
      assert.ok(lines <= LINES_A_SECOND * seconds, agent.log());
    }
    const short = Math.min(quarter / 2, 10);
    await scene.attack("as many as can be", kinds, { rate: 0, seconds: short });
    // Valid adverts, that the master answers, at most once in 5 ms: no gap is longer, many shorter.
    const own = [plausible("ipv4", 51, 50)];
    await scene.attack("own id", own, { rate: 20_000, seconds: short });
    await scene.attack("own id, as many as can be", own, { rate: 0, seconds: short });
  } catch (error) {
    console.error(await lab.report());
    throw error;
  } finally {
    await lab.close();
  }
}
