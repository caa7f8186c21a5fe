/**
 * Hostile packets on BFD's port, 100,000 a second: sessions stay up, every packet that arrived is in
 * the counters, and timers go on. The soak `bfd_flood` does the same for longer.
 */

import { strict as assert } from "node:assert";
import { forgeries, impostors, replay, strangers } from "../lib/bfd_flood.ts";
import { attack, floodScene, RATE } from "../lib/bfd_flood_scene.ts";
import { flood } from "../lib/flood.ts";
import { lab } from "../lib/mod.ts";

lab("100,000 packets a second of strangers: counted, and no session notices", async (lab) => {
  const here = await floodScene(lab);
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
  const here = await floodScene(lab);
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
    const here = await floodScene(lab);
    const { lan, attacker, a } = here;
    const [from, to] = [lan.link(attacker), lan.link(a)];
    const forged = await attack(lab, here, forgeries(from, to, await here.seen("keyed")));
    assert(forged["authentication_digest"]! > 0, JSON.stringify(forged));
    const replayed = await attack(lab, here, [replay(from, to, await here.seen("meticulous"))]);
    assert(replayed["authentication_sequence"]! > 0, JSON.stringify(replayed));
  },
);
