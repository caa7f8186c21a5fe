/**
 * BFD sessions of the agent beside keepalived's. It has neither authentication nor, in this version
 * (2.2.7), several hops; over IPv6 it sends with hop limit 64 unless it is told `hoplimit 255`.
 */

import { strict as assert } from "node:assert";
import { BfdAgent } from "../lib/bfd_agent.ts";
import type { BfdSpec } from "../lib/bfd_site.ts";
import { seenBfd } from "../lib/bfd_wire.ts";
import { type Keepalived, lab, startKeepalived } from "../lib/mod.ts";
import { bothFamilies } from "./bfd_topology.ts";

const SPECS: readonly BfdSpec[] = [
  { name: "v4", peer: "192.0.2.2", source: "192.0.2.1" },
  { name: "v6", peer: "2001:db8:1::2", source: "2001:db8:1::1" },
  { name: "low", peer: "2001:db8:1::9", source: "2001:db8:1::1" },
];

/** keepalived's configuration. @param more lines of `v4` and `v6` @param ms its intervals */
function conf(more = "", ms = 100): string {
  const instance = (name: string, peer: string, source: string, lines: string) =>
    `bfd_instance ${name} {
  neighbor_ip ${peer}
  source_ip ${source}
  min_rx ${ms}
  min_tx ${ms}
  multiplier 3
${lines}
}
`;
  // Without the limit its real-time process is killed where the machine is busy.
  return `global_defs {
  bfd_rt_priority 40
  bfd_rlimit_rttime 5000000
}
` + instance("v4", "192.0.2.1", "192.0.2.2", more) +
    instance("v6", "2001:db8:1::1", "2001:db8:1::2", `  hoplimit 255\n${more}`) +
    instance("low", "2001:db8:1::1", "2001:db8:1::9", "");
}

/** How often keepalived has told that a session came into a state. */
function entered(keepalived: Keepalived, name: string, state: "Up" | "Down"): number {
  return keepalived.log().split(`(${name}) Entering ${state} state`).length - 1;
}

lab(
  "[N1] [N8] [N26] keepalived: both families, hop limit 64 refused, intervals, passive, restarts",
  async (lab) => {
    const [a, b] = await lab.hostsNamed("a", "b");
    const lan = await bothFamilies(lab, [a, b]);
    await b.exec(["ip", "address", "add", "2001:db8:1::9/64", "dev", "eth0"]);
    let keepalived = startKeepalived(lab, b, conf());
    const capture = await lab.capture(lan, "udp");
    let ours = new BfdAgent(lab, a, SPECS);
    const both = async (state: "up" | "down") => {
      for (const name of ["v4", "v6"]) await ours.untilState(name, state, 15_000);
    };
    const agreed = (detection: number, transmit: number) =>
      lab.until(
        `${detection} ms of silence and ${transmit} ms between packets`,
        async () => {
          for (const name of ["v4", "v6"]) {
            const row = await ours.row(name);
            const found = [row.detection_time_ms, row.transmit_interval_ms];
            assert.deepEqual(found, [detection, transmit], JSON.stringify(row));
          }
          return true;
        },
        10_000,
        50,
      );
    await both("up");
    for (const name of ["v4", "v6"]) {
      await lab.until(
        `keepalived says ${name} is up`,
        () => entered(keepalived, name, "Up") > 0,
        5000,
      );
    }
    await agreed(300, 100);
    const before = await ours.transitions();
    for (const transmit of [400, 1500, 100]) {
      await ours.reload(SPECS.map((spec) => ({ ...spec, transmit })));
      await agreed(300, transmit);
    }
    for (const name of ["v4", "v6"]) {
      const { counters, transitions } = await ours.row(name);
      assert.deepEqual([counters.dropped, transitions], [{}, before[name]], name);
    }
    await lab.until("hop limit 64 is refused", async () => {
      const { state, counters } = await ours.row("low");
      assert.deepEqual([state, counters.packets_received], ["down", 0]);
      return (counters.dropped["ttl"] ?? 0) > 1;
    }, 10_000);
    // A cut; keepalived that goes without a word, and comes back; either side passive.
    await lan.link(b).lose(100);
    await both("down");
    assert.equal((await ours.row("v4")).diagnostic, "control-expiry");
    await lan.link(b).lose(0);
    await both("up");
    await keepalived.stop();
    await both("down");
    keepalived = startKeepalived(lab, b, conf("  passive"));
    await both("up");
    await keepalived.stop();
    await both("down");
    await ours.reload(SPECS.map((spec) => ({ ...spec, passive: true })));
    keepalived = startKeepalived(lab, b, conf());
    await both("up");
    // It takes AdminDown for what it is.
    const known = entered(keepalived, "v4", "Down");
    await ours.down("v4");
    await lab.until(
      "keepalived knows",
      () => entered(keepalived, "v4", "Down") > known,
      5000,
    );
    await ours.up("v4");
    await both("up");
    // Ours is stopped, and starts again.
    const downs = entered(keepalived, "v4", "Down");
    await ours.agent.stop();
    await lab.until(
      "keepalived was told",
      () => entered(keepalived, "v4", "Down") > downs,
      5000,
    );
    ours = new BfdAgent(lab, a, SPECS);
    await both("up");
    const seen = await seenBfd(capture);
    const refused = seen.filter(({ from }) => from === "2001:db8:1::9");
    assert(refused.length > 1 && refused.every(({ ttl }) => ttl === 64));
    for (const { name, source } of SPECS.slice(0, 2)) {
      const own = seen.filter(({ from }) => from === source);
      assert(own.length > 20 && own.every(({ ttl }) => ttl === 255), name);
      assert(own.some(({ poll }) => poll), name);
    }
  },
);
