/** Virtual routers that follow BFD sessions, with BIRD and with FRR's bfdd on the other end. */

import { strict as assert } from "node:assert";
import { BfdAgent } from "../lib/bfd_agent.ts";
import { bfdSite } from "../lib/bfd_site.ts";
import { startBfdd } from "../lib/bfdd.ts";
import { startBird } from "../lib/bird.ts";
import { lab, startHalb } from "../lib/mod.ts";
import { untilLogged } from "./agent_helpers.ts";

function router(name: string, id: number, track = ""): string {
  return `[[vrrp]]
name = "${name}"
interface = "eth0"
virtual_router_id = ${id}
priority = { by_host = { a = 150, b = 100 } }
advertisement_interval = "1s"
addresses = ["192.0.2.${id}/24"]
track = { bfd = [${track}] }
`;
}

const GROUP = ["left", "right"];

/** A router that a down session takes out, one that it makes worse, a group that it takes out. */
function site(own: string, peer: string): string {
  return bfdSite(
    [{ name: "to-peer", peer, source: own }],
    router("out", 51, '"to-peer"') +
      router("worse", 52, '{ name = "to-peer", weight = -100 }') +
      GROUP.map((name, i) => router(name, 53 + i)).join("") +
      `[[sync_group]]\nname = "both"\nmembers = ${JSON.stringify(GROUP)}\n` +
      `track = { bfd = ["to-peer"] }\n`,
  );
}

lab(
  "VRRP follows a session with BIRD: out of the election, worse in it, and back",
  async (lab) => {
    const [a, b, p, q] = await lab.hostsNamed("a", "b", "p", "q");
    const lan = await lab.lan("net", [a, b, p, q]);
    const bird = (own: string, peer: string) =>
      `  interface "eth0" { interval 100 ms; multiplier 3; idle tx interval 1 s; };
  neighbor ${peer} dev "eth0" local ${own};`;
    await startBird(lab, p, bird("192.0.2.3", "192.0.2.1"));
    await startBird(lab, q, bird("192.0.2.4", "192.0.2.2"));
    const first = startHalb(lab, a, site("192.0.2.1", "192.0.2.3"));
    const all = ["out", "worse", ...GROUP];
    for (const name of all) await first.untilState(name, "master");
    const second = startHalb(lab, b, site("192.0.2.2", "192.0.2.4"));
    for (const name of all) await second.untilState(name, "backup");
    const capture = await lab.capture(lan, "ip proto 112");
    // Only a's peer is cut off: its own link is whole, and so are the adverts.
    await lan.link(p).lose(100);
    for (const name of ["out", ...GROUP]) {
      await first.untilState(name, "fault");
      await second.untilState(name, "master");
    }
    await first.untilState("worse", "backup");
    await second.untilState("worse", "master");
    await untilLogged(lab, first, "to-peer");
    assert.equal((await first.router("worse")).effective_priority, 50);
    const [tracker] = (await first.router("out")).trackers;
    assert.deepEqual([tracker!.kind, tracker!.name, tracker!.healthy], ["bfd", "to-peer", false]);
    await lan.link(p).lose(0);
    for (const name of all) {
      await first.untilState(name, "master", 20_000);
      await second.untilState(name, "backup");
    }
    assert.equal((await first.router("worse")).effective_priority, 150);
    // With adverts a second apart nobody waited for a silence: a said that it goes.
    const seen = await capture.packets("vrrp", ["ip.src", "vrrp.virt_rtr_id", "vrrp.prio"]);
    for (const id of [51, 52, 53, 54]) {
      const own = seen.map(({ fields }) => fields).filter((one) =>
        Number(one["vrrp.virt_rtr_id"]) === id
      );
      const turn = own.findIndex((one) => one["ip.src"] === "192.0.2.2");
      const before = own[turn - 1]!;
      assert.equal(before["ip.src"], "192.0.2.1");
      assert.equal(Number(before["vrrp.prio"]), id === 52 ? 50 : 0);
    }
  },
);

lab(
  "[B5882-2] bfdd is shut down: a failure for a router, or none, as the session says",
  async (lab) => {
    const [a, b] = await lab.hostsNamed("a", "b");
    await lab.lan("net", [a, b]);
    await lab.lan("other", [a, b], { prefix: "198.51.100.0/24" });
    const peers = ["peer 192.0.2.1 interface eth0", "peer 198.51.100.1 interface eth1"];
    const times = "  transmit-interval 100\n  receive-interval 100\n !\n";
    const bfdd = await startBfdd(
      lab,
      b,
      `bfd\n${peers.map((one) => ` ${one}\n${times}`).join("")}`,
    );
    const ours = new BfdAgent(lab, a, [
      { name: "strict", peer: "192.0.2.2" },
      {
        name: "calm",
        peer: "198.51.100.2",
        interface: "eth1",
        more: "admin_down_is_failure = false",
      },
    ], router("one", 51, '"strict"') + router("two", 52, '"calm"'));
    await ours.untilAll(true);
    for (const name of ["one", "two"]) await ours.agent.untilState(name, "master");
    const { transitions } = await ours.agent.router("two");
    for (const peer of peers) await bfdd.configure(peer, "shutdown");
    await ours.untilAll(false);
    await ours.agent.untilState("one", "fault");
    assert.equal((await ours.row("calm")).diagnostic, "neighbor-down");
    assert.equal((await ours.agent.router("two")).state, "master");
    for (const peer of peers) await bfdd.configure(peer, "no shutdown");
    await ours.untilAll(true);
    await ours.agent.untilState("one", "master");
    assert.equal((await ours.agent.router("two")).transitions, transitions, "it never went");
    // Silence is a failure for either.
    for (const link of a.links) await link.lose(100);
    for (const name of ["one", "two"]) await ours.agent.untilState(name, "fault");
    for (const link of a.links) await link.lose(0);
    for (const name of ["one", "two"]) await ours.agent.untilState(name, "master");
  },
);
