/**
 * Two agents with three sessions, and somebody on their LAN who wishes the first of them ill: what
 * the lab of floods and its soak share.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { realtimeSeconds } from "../soak/load.ts";
import { BfdAgent } from "./bfd_agent.ts";
import { countBfd, countedBy, lastOf, Ledger, type SeenPacket } from "./bfd_flood.ts";
import type { BfdSpec } from "./bfd_site.ts";
import { flood, type FloodKind } from "./flood.ts";
import type { Lab } from "./lab.ts";

/** Packets a second that the rule asks for. */
export const RATE = 100_000;
const KEYS = [{ id: 7, secret: "hush hush" }];

/** Addresses of a and b, and how their session authenticates. */
const SESSIONS = [
  { name: "plain", ends: ["192.0.2.1", "192.0.2.2"] },
  { name: "keyed", ends: ["192.0.2.11", "192.0.2.12"], type: "keyed-sha1" },
  { name: "meticulous", ends: ["192.0.2.21", "192.0.2.22"], type: "meticulous-keyed-sha1" },
] as const;

function specs(side: 0 | 1): BfdSpec[] {
  return SESSIONS.map((session) => ({
    name: session.name,
    source: session.ends[side],
    peer: session.ends[1 - side]!,
    transmit: 50,
    receive: 50,
    ...("type" in session ? { auth: { type: session.type, keys: KEYS } } : {}),
  }));
}

/** Everybody is up. */
export async function floodScene(lab: Lab) {
  const [a, b, attacker] = await lab.hostsNamed("a", "b", "attacker");
  const of = (side: 0 | 1) => SESSIONS.map(({ ends }) => `${ends[side]}/24`);
  const addresses = { a: of(0), b: of(1), attacker: ["192.0.2.99/24"] };
  const lan = await lab.lan("net", [a, b, attacker], { prefix: null, addresses });
  const left = new BfdAgent(lab, a, specs(0));
  await lab.until("a listens", async () => {
    const rows = await left.rows();
    return rows.length > 0 && rows.every(({ waiting_for: [first] }) => /^a packet/.test(first!));
  }, 15_000);
  // As long as nobody speaks to it.
  await countBfd(a);
  const ledger = new Ledger(a, left);
  await ledger.open(lab);
  const right = new BfdAgent(lab, b, specs(1));
  await left.untilAll(true);
  await right.untilAll(true);
  const seen = async (name: string): Promise<SeenPacket> => {
    const capture = await lab.capture(lan, "udp port 3784");
    await lab.delay(300);
    return lastOf(capture, SESSIONS.find((one) => one.name === name)!.ends[1]);
  };
  return { a, attacker, lan, ledger, left, right, seen };
}

export type FloodScene = Awaited<ReturnType<typeof floodScene>>;

/**
 * Floods, and sees to it that nobody goes down and everything is counted. Returns what was counted
 * meanwhile, by reason.
 *
 * @param rate packets a second; 0: as many as possible
 */
export async function attack(
  lab: Lab,
  { attacker, lan, ledger, left, right }: FloodScene,
  kinds: readonly FloodKind[],
  seconds = 3,
  rate = RATE,
): Promise<Record<string, number>> {
  const before = [await left.transitions(), await right.transitions()];
  const was = await countedBy(left);
  const cpu = realtimeSeconds(left.agent.pid);
  const { sent } = await flood(lab, attacker, lan, kinds, { rate, seconds });
  const share = (realtimeSeconds(left.agent.pid) - cpu) / seconds;
  const sum = await ledger.balance(lab);
  const count = sent.reduce((total, one) => total + one);
  console.log(`${count} sent, protocol thread ${(100 * share).toFixed(0)} %: ${sum}`);
  assert.deepEqual([await left.transitions(), await right.transitions()], before);
  for (const { state } of await left.rows()) assert.equal(state, "up");
  const counts = await countedBy(left);
  return Object.fromEntries(
    Object.entries(counts).map(([reason, total]) => [reason, total - (was[reason] ?? 0)]),
  );
}
