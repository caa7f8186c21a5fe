/**
 * Two agents of one machine that stand still together, as two guests of one hypervisor do: neither
 * takes the other's silence for a failure. One that does not come back is missed all the same.
 */

import { strict as assert } from "node:assert";
import { bfdCable, halbSessions } from "../lib/bfd_daemons.ts";
import { freezeTogether } from "../lib/freeze.ts";
import { type HalbAgent, type Lab, lab, startHalb } from "../lib/mod.ts";

const INTERVAL = 10_000;
const DETECTION = 3 * INTERVAL;
const FREEZES = 30;
/** Between the two that go on, microseconds; plus what this program itself may be late by. */
const APART = 2_000;
const LATE = 3_000;
/** From the word that one may go on until it does, on a busy machine, microseconds. */
const TOLERANCE = 10_000;

function falls(agent: HalbAgent): string[] {
  return agent.log().split("\n").filter((line) => /bfd\..*: up →/.test(line));
}

async function pair(lab: Lab) {
  const cable = await bfdCable(lab, "net", 2, INTERVAL);
  const agents = cable.hosts.map((host, side) => {
    const site = halbSessions(cable.sessions[side as 0 | 1]);
    return startHalb(lab, host, site, { logLevel: "info" });
  });
  for (const agent of agents) {
    const ups = () => agent.log().match(/bfd\.s\d+: .* → up/g)?.length ?? 0;
    await lab.until("both sessions are up", () => ups() === 2, 15_000);
  }
  // Until the values of Up are agreed on.
  await lab.delay(1_000);
  return { cable, a: agents[0]!, b: agents[1]! };
}

lab("[N25] two agents frozen together for 5 to 200 ms: not one session goes down", async (lab) => {
  const { a, b } = await pair(lab);
  const before = [a, b].map(falls);
  for (let i = 0; i < FREEZES; i++) {
    const length = 5_000 + Math.random() * 195_000;
    const order = [[a.pid], [b.pid]];
    if (Math.random() < 0.5) order.reverse();
    const { apart } = freezeTogether(order, length, Math.random() * APART);
    // This program was not let run in between: the second was silent alone.
    assert.ok(apart < APART + LATE, `${apart} µs apart: this program was held up`);
    await lab.delay(30 + Math.random() * 100);
  }
  assert.deepEqual([a, b].map(falls), before);
});

lab(
  "[N25] one that dies in such a stall is missed within twice the detection time",
  async (lab) => {
    const { cable, a, b } = await pair(lab);
    const address = cable.sessions[0][0]!.own;
    const capture = await lab.capture(cable.hosts[0], `udp and src host ${address}`);
    // It stands still and never goes on; the other one does.
    b.freeze();
    const { to } = freezeTogether([[a.pid]], 100_000, 0);
    await lab.until("a misses b", () => falls(a).length === 2, 2_000);
    const down = (await capture.packets("bfd.sta == 1 && bfd.diag == 1"))[0];
    assert.ok(down !== undefined && down.time > to, "it is said after the stall");
    const after = down.time - to;
    assert.ok(after <= 2 * DETECTION + TOLERANCE, `${after} µs after the stall`);
    console.log(`missed ${after / 1000} ms after the stall of 100 ms`);
  },
);
