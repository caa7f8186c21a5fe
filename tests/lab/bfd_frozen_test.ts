/**
 * Two agents of one machine that stand still together, as two guests of one hypervisor do: neither
 * takes the other's silence for a failure. One that does not come back is missed all the same.
 */

import { strict as assert } from "node:assert";
import { bfdCable, halbSessions } from "../lib/bfd_daemons.ts";
import { freezeTogether } from "../lib/freeze.ts";
import { type HalbAgent, type Lab, lab, startHalb } from "../lib/mod.ts";
import { statusOf } from "./agent_helpers.ts";

const SESSIONS = 2;
const INTERVAL = 10_000;
const DETECTION = 3 * INTERVAL;
const FREEZES = 30;
/** Between the two that go on, microseconds; plus what this program itself may be late by. */
const APART = 2_000;
const LATE = 3_000;
/** From the word that one may go on until it does, microseconds: a longer one is a standstill. */
const TOLERANCE = 20_000;

/** Lines that tell of falls. What an agent has noticed is logged when its status has come. */
async function falls(agent: HalbAgent): Promise<string[]> {
  await statusOf(agent);
  return agent.log().split("\n").filter((line) => /bfd\..*: up →/.test(line));
}

/** Both sessions of each are up, as far as its log tells. */
async function untilUp(lab: Lab, agents: readonly HalbAgent[]): Promise<void> {
  for (const agent of agents) {
    await lab.until("both sessions are up", () => {
      const last = ["s0", "s1"].map((name) =>
        agent.log().match(new RegExp(`bfd\\.${name}: .* → (\\S+)`, "g"))?.at(-1)
      );
      return last.every((line) => line?.endsWith("→ up"));
    }, 15_000);
  }
}

async function pair(lab: Lab) {
  const cable = await bfdCable(lab, "net", SESSIONS, INTERVAL);
  const agents = cable.hosts.map((host, side) => {
    const site = halbSessions(cable.sessions[side as 0 | 1]);
    return startHalb(lab, host, site, { logLevel: "info" });
  });
  await untilUp(lab, agents);
  // Until the values of Up are agreed on.
  await lab.delay(1_000);
  return { cable, a: agents[0]!, b: agents[1]! };
}

lab("[N25] two agents frozen together for 5 to 200 ms: not one session goes down", async (lab) => {
  const { a, b } = await pair(lab);
  for (let done = 0, tries = 0; done < FREEZES; tries++) {
    assert.ok(tries < 3 * FREEZES, "this program was held up again and again");
    const before = await Promise.all([a, b].map(falls));
    const length = 5_000 + Math.random() * 195_000;
    const order = [[a.pid], [b.pid]];
    if (Math.random() < 0.5) order.reverse();
    const { apart } = freezeTogether(order, length, Math.random() * APART);
    await lab.delay(50 + Math.random() * 100);
    // This program was not let run in between: the second was silent alone, and rightly missed.
    if (apart >= APART + LATE) {
      await Promise.all([a, b].map(statusOf));
      await untilUp(lab, [a, b]);
      continue;
    }
    assert.deepEqual(
      await Promise.all([a, b].map(falls)),
      before,
      `after ${length} µs, ${apart} µs apart`,
    );
    done++;
  }
});

lab(
  "[N25] one that dies in such a stall is missed within twice the detection time",
  async (lab) => {
    const { cable, a, b } = await pair(lab);
    const address = cable.sessions[0][0]!.own;
    const capture = await lab.capture(cable.hosts[0], `udp and src host ${address}`);
    // It stands still and never goes on; the other one does.
    const { to } = freezeTogether([[a.pid]], 100_000, 0, [b.pid]);
    await lab.until("a misses b", async () => (await falls(a)).length === SESSIONS, 2_000);
    const down = (await capture.packets("bfd.sta == 1 && bfd.diag == 1"))[0];
    assert.ok(down !== undefined && down.time > to, "it is said after the stall");
    const after = down.time - to;
    assert.ok(after <= 2 * DETECTION + TOLERANCE, `${after} µs after the stall`);
    console.log(`missed ${after / 1000} ms after the stall of 100 ms`);
  },
);
