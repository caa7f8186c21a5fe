/**
 * A master whose uplink is cut silently, with adverts a second apart: the BFD session behind the
 * uplink says so within 30 ms, the master resigns, the other node takes over. Without it nobody
 * would notice at all, since adverts go another way.
 */

import { strict as assert } from "node:assert";
import { adverts, takeovers } from "../lib/adverts.ts";
import { type BfdSpec, halbSessions } from "../lib/bfd_daemons.ts";
import { startBird } from "../lib/bird.ts";
import { lab, startHalb } from "../lib/mod.ts";

const INTERVAL = 10_000;
const DETECTION = 3 * INTERVAL;
/** Priority 253 waits for three 256ths of an interval of 1 s. */
const SKEW = 12_000;
/** A busy machine; without BFD it would be seconds, if ever. */
const TOLERANCE = 300_000;

function router(priority: number, track: string): string {
  return `[[vrrp]]
name = "web"
interface = "eth0"
virtual_router_id = 51
priority = ${priority}
advertisement_interval = "1s"
addresses = ["192.0.2.10/24"]
${track}
`;
}

lab("adverts of 1 s: BFD at 10 ms × 3 moves the master within a fraction of one", async (lab) => {
  const [a, b, r] = await lab.hostsNamed("a", "b", "r");
  const lan = await lab.lan("net", [a, b]);
  const uplink = await lab.lan("uplink", [a, r], { prefix: "198.51.100.0/24" });
  const [own, peer] = [uplink.link(a).address, uplink.link(r).address];
  const timing = { interval: INTERVAL, multiplier: 3 };
  const session: BfdSpec = { name: "uplink", own, peer, interface: "eth1", ...timing };
  const neighbour = `  interface "eth0" { interval 10 ms; multiplier 3; };
  neighbor ${own} dev "eth0" local ${peer};`;
  const bird = await startBird(lab, r, neighbour);
  const track = router(254, 'track = { bfd = ["uplink"] }');
  const first = startHalb(lab, a, `${halbSessions([session])}\n${track}`);
  await bird.untilState(own, "Up");
  await first.untilState("web", "master", 20_000);
  const second = startHalb(lab, b, router(253, ""));
  await second.untilState("web", "backup");
  const packets = await lab.capture(a, `udp and src host ${peer}`, "eth1");
  const capture = await lab.capture(lan, "ip proto 112");
  // A busy machine may have held up one of the three meanwhile.
  await first.untilState("web", "master", 20_000);
  await uplink.link(a).lose(100);
  await second.untilState("web", "master");
  const heard = (await packets.packets("bfd")).at(-1)!;
  const change = takeovers(await adverts(capture)).at(-1);
  assert.ok(change !== undefined && change.lastPriority === 0, "the master says that it goes");
  const after = change.first - heard.time;
  console.log(`the other node spoke ${after / 1000} ms after the last packet of BFD`);
  assert.ok(after >= DETECTION, `${after} µs`);
  assert.ok(after <= DETECTION + SKEW + TOLERANCE, `${after} µs`);
});
