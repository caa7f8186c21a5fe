/** BFD sessions of our own beside FRR's bfdd. */

import { strict as assert } from "node:assert";
import { type Bfdd, startBfdd } from "../lib/bfdd.ts";
import { type Host, type Lab, lab } from "../lib/mod.ts";
import { bfdConfig, Sessions, silences } from "./bfd_helpers.ts";

const PEER = "peer 192.0.2.1 interface eth0";

function bfddText(ms: number, more: readonly string[] = []): string {
  const lines = [`receive-interval ${ms}`, `transmit-interval ${ms}`, ...more];
  return `bfd\n ${PEER}\n${lines.map((line) => `  ${line}\n`).join("")}`;
}

async function withBfdd(lab: Lab, ms: number, more: readonly string[] = []) {
  const [a, b] = await lab.hostsNamed("a", "b");
  const lan = await lab.lan("net", [a, b]);
  const bfdd = await startBfdd(lab, b, bfddText(ms, more));
  const ours = new Sessions(lab);
  const settings = { transmitInterval: ms * 1000, receiveInterval: ms * 1000 };
  ours.set(bfdConfig(a, "192.0.2.2", settings));
  await ours.until("to-peer", "up");
  await bfdd.untilStatus("192.0.2.1", "up");
  return { a, b, lan, bfdd, ours };
}

/** Both know the other's values and go by them. */
async function agreed(lab: Lab, bfdd: Bfdd, ours: Sessions, mine: number, theirs: number) {
  await lab.until(`ours is ${mine} ms, bfdd's ${theirs} ms`, async () => {
    const { session } = await ours.session("to-peer");
    const peer = await bfdd.peer("192.0.2.1");
    const found = [
      session.polling,
      session.desiredMinTxUsed / 1000,
      session.remote.desiredMinTx / 1000,
      peer["remote-transmit-interval"],
    ];
    if (found.join() === [false, mine, theirs, mine].join()) return true;
    throw new Error(found.join());
  }, 10_000);
}

for (const ms of [50, 10]) {
  lab(`bfdd at ${ms} ms × 3: up, agreed, no packet refused, a cut link seen`, async (lab) => {
    const { lan, b, bfdd, ours } = await withBfdd(lab, ms);
    await agreed(lab, bfdd, ours, ms, ms);
    const capture = await lab.capture(lan, "udp");
    const before = ours.falls("to-peer").length;
    await lab.delay(2000);
    assert.deepEqual((await ours.session("to-peer")).dropped, {});
    const falls = ours.falls("to-peer").slice(before);
    const silent = await silences(capture, 3000 * ms);
    assert.ok(falls.length <= silent, `${falls.length} falls, ${silent} silences`);
    await lan.link(b).lose(100);
    const down = await ours.until("to-peer", "down", 2000);
    assert.deepEqual([down.cause, down.from], ["detection_expired", "up"]);
    await lan.link(b).lose(0);
    await ours.until("to-peer", "up");
    await bfdd.untilStatus("192.0.2.1", "up");
  });
}

lab(
  "[N26] [N8] bfdd: intervals change under way, both ways, and nothing goes down",
  async (lab) => {
    const { bfdd, ours } = await withBfdd(lab, 50);
    await agreed(lab, bfdd, ours, 50, 50);
    for (const ms of [20, 200, 1500, 50]) {
      ours.configure("to-peer", { transmitInterval: ms * 1000 });
      await agreed(lab, bfdd, ours, ms, 50);
    }
    for (const ms of [20, 400]) {
      await bfdd.configure(PEER, `transmit-interval ${ms}`);
      await agreed(lab, bfdd, ours, 50, ms);
    }
    assert.deepEqual(ours.falls("to-peer"), []);
  },
);

lab("[N5] bfdd and ours tell each other when they are taken down", async (lab) => {
  const { bfdd, ours } = await withBfdd(lab, 50);
  await bfdd.configure(PEER, "shutdown");
  assert.equal((await ours.until("to-peer", "down", 2000)).cause, "neighbour_admin_down");
  await bfdd.configure(PEER, "no shutdown");
  await ours.until("to-peer", "up");
  await bfdd.untilStatus("192.0.2.1", "up");
  ours.apply("to-peer", { type: "admin", down: true });
  await bfdd.untilStatus("192.0.2.1", "down", 1000);
  ours.apply("to-peer", { type: "admin", down: false });
  await ours.until("to-peer", "up");
  await bfdd.untilStatus("192.0.2.1", "up");
});

lab("bfdd that is passive, and ours that is", async (lab) => {
  const { a, bfdd, ours } = await withBfdd(lab, 50, ["passive-mode"]);
  ours.remove("to-peer");
  await bfdd.untilStatus("192.0.2.1", "down");
  await bfdd.configure(PEER, "no passive-mode");
  ours.set(bfdConfig(a, "192.0.2.2", { name: "quiet", passive: true }));
  await ours.until("quiet", "up");
});

lab("[B5883-1] bfdd over several hops", async (lab) => {
  const [a, r, b] = await lab.hostsNamed("a", "r", "b");
  await r.sysctl("net.ipv4.ip_forward", "1");
  await lab.lan("left", [a, r]);
  await lab.lan("right", [b, r], { prefix: "198.51.100.0/24" });
  const route = (host: Host, to: string, via: string) =>
    host.exec(["ip", "route", "add", to, "via", via]);
  await route(a, "198.51.100.0/24", "192.0.2.2");
  await route(b, "192.0.2.0/24", "198.51.100.2");
  const peer = "peer 192.0.2.1 multihop local-address 198.51.100.1";
  const bfdd = await startBfdd(lab, b, `bfd\n ${peer}\n  minimum-ttl 254\n`);
  const ours = new Sessions(lab);
  const ends = { multihop: true, interface: "", minimumTtl: 254, source: "192.0.2.1" };
  ours.set(bfdConfig(a, "198.51.100.1", {}, ends));
  await ours.until("to-peer", "up");
  await bfdd.untilStatus("192.0.2.1", "up");
  await lab.delay(1000);
  assert.deepEqual((await ours.session("to-peer")).dropped, {});
});
