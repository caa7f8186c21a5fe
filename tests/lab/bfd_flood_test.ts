/**
 * Hostile packets on BFD's port, 100,000 a second: sessions stay up, every packet that arrived is in
 * the counters, and timers go on. The soak `bfd_flood` does the same for longer.
 */

import { strict as assert } from "node:assert";
import { BfdAgent } from "../lib/bfd_agent.ts";
import {
  countBfd,
  countedBy,
  forgeries,
  impostors,
  lastOf,
  Ledger,
  replay,
  type SeenPacket,
  strangers,
} from "../lib/bfd_flood.ts";
import type { BfdSpec } from "../lib/bfd_site.ts";
import { flood, type FloodKind } from "../lib/flood.ts";
import { type Lab, lab } from "../lib/mod.ts";
import { realtimeSeconds } from "../soak/load.ts";

const RATE = 100_000;
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

async function scene(lab: Lab) {
  const [a, b, attacker] = await lab.hostsNamed("a", "b", "attacker");
  const of = (side: 0 | 1) => SESSIONS.map(({ ends }) => `${ends[side]}/24`);
  const addresses = { a: of(0), b: of(1), attacker: ["192.0.2.99/24"] };
  const lan = await lab.lan("net", [a, b, attacker], { prefix: null, addresses });
  const left = new BfdAgent(lab, a, specs(0));
  const right = new BfdAgent(lab, b, specs(1));
  await left.untilAll(true);
  await right.untilAll(true);
  await countBfd(a);
  const ledger = new Ledger(a, left);
  await ledger.open(lab);
  const seen = async (name: string): Promise<SeenPacket> => {
    const capture = await lab.capture(lan, "udp port 3784");
    await lab.delay(300);
    return lastOf(capture, SESSIONS.find((one) => one.name === name)!.ends[1]);
  };
  return { a, attacker, lan, ledger, left, right, seen };
}

type Scene = Awaited<ReturnType<typeof scene>>;

/** Floods, and sees to it that nobody goes down and everything is counted. */
async function attack(
  lab: Lab,
  { attacker, lan, ledger, left, right }: Scene,
  kinds: readonly FloodKind[],
  seconds = 3,
): Promise<Record<string, number>> {
  const before = [await left.transitions(), await right.transitions()];
  const was = await countedBy(left);
  const cpu = realtimeSeconds(left.agent.pid);
  const { sent } = await flood(lab, attacker, lan, kinds, { rate: RATE, seconds });
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

lab("100,000 packets a second of strangers: counted, and no session notices", async (lab) => {
  const here = await scene(lab);
  const { lan, attacker, a } = here;
  const kinds = strangers(lan.link(attacker), lan.link(a));
  const found = await attack(lab, here, kinds);
  for (const reason of ["unknown_session", "ttl", "version", "detect_multiplier", "truncated"]) {
    assert(found[reason]! > 0, `${reason}: ${JSON.stringify(found)}`);
  }
  // While it lasts, a session that begins is heard all the same.
  const flooding = flood(lab, attacker, lan, kinds, { rate: RATE, seconds: 4 });
  await here.right.down("plain");
  await here.left.untilState("plain", "down");
  await here.right.up("plain");
  await here.left.untilState("plain", "up");
  await flooding;
});

lab("100,000 packets a second in the peer's name: TTL, discriminators, keys", async (lab) => {
  const here = await scene(lab);
  const { lan, attacker, a, left } = here;
  const kinds = impostors(lan.link(attacker), lan.link(a), await here.seen("keyed"));
  // The kernel refuses what has another TTL, and we are not even woken.
  const [low] = kinds;
  const found = await attack(lab, here, [low!], 2);
  const { dropped } = (await left.row("keyed")).counters;
  assert(found["ttl"]! > 0.5 * 2 * RATE, JSON.stringify(found));
  assert.equal(dropped["ttl"], found["ttl"]);
  const all = await attack(lab, here, kinds);
  for (const reason of ["unknown_session", "authentication_missing", "authentication_key"]) {
    assert(all[reason]! > 0, `${reason}: ${JSON.stringify(all)}`);
  }
});

lab(
  "[B7A-9] 100,000 forged digests or replays a second: the session stays up, timers go on",
  async (lab) => {
    const here = await scene(lab);
    const { lan, attacker, a } = here;
    const [from, to] = [lan.link(attacker), lan.link(a)];
    const forged = await attack(lab, here, forgeries(from, to, await here.seen("keyed")));
    assert(forged["authentication_digest"]! > 0, JSON.stringify(forged));
    const replayed = await attack(lab, here, [replay(from, to, await here.seen("meticulous"))]);
    assert(replayed["authentication_sequence"]! > 0, JSON.stringify(replayed));
  },
);
