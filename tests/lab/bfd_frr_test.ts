/** BFD sessions of the agent beside FRR's bfdd. This version of it (8.4) has no authentication. */

import { strict as assert } from "node:assert";
import { BfdAgent } from "../lib/bfd_agent.ts";
import type { BfdRow, BfdSpec } from "../lib/bfd_site.ts";
import { seenBfd } from "../lib/bfd_wire.ts";
import { type Bfdd, startBfdd } from "../lib/bfdd.ts";
import { type Lab, lab } from "../lib/mod.ts";
import { bothFamilies, FAR, twoHops } from "./bfd_topology.ts";

/** Our session, and the line by which bfdd knows its peer. */
interface Pair {
  readonly spec: BfdSpec;
  readonly line: string;
}

const NEAR = "peer 192.0.2.1 local-address 192.0.2.2 interface eth0";

const PAIRS: readonly Pair[] = [
  { spec: { name: "near4", peer: "192.0.2.2", source: "192.0.2.1" }, line: NEAR },
  {
    spec: { name: "near6", peer: "2001:db8:1::2", source: "2001:db8:1::1" },
    line: "peer 2001:db8:1::1 local-address 2001:db8:1::2 interface eth0",
  },
  {
    spec: { name: "link-local", peer: "fe80::a:2", source: "fe80::a:1" },
    line: "peer fe80::a:1 local-address fe80::a:2 interface eth0",
  },
  ...FAR.map(([mine, theirs]) => ({
    spec: {
      name: `far-${mine}`,
      peer: theirs,
      source: mine,
      multihop: true,
      minimumTtl: 254,
    },
    line: `peer ${mine} multihop local-address ${theirs}`,
  })),
];

const SPECS = PAIRS.map(({ spec }) => spec);
/** What bfdd is told of every peer; one router is between the far ones. */
const PROFILE = `bfd
 profile usual
  transmit-interval 100
  receive-interval 100
  minimum-ttl 254
 !
`;

function bfddText(more = ""): string {
  return PROFILE + PAIRS.map(({ line }) => ` ${line}\n  profile usual\n${more} !\n`).join("");
}

async function withBfdd(lab: Lab) {
  const [a, r, b] = await lab.hostsNamed("a", "r", "b");
  const net = await bothFamilies(lab, [a, b]);
  const { left, right } = await twoHops(lab, a, r, b);
  const bfdd = await startBfdd(lab, b, bfddText());
  const capture = await lab.capture(a, "udp", "any");
  const ours = new BfdAgent(lab, a, SPECS);
  await untilAll(lab, ours, bfdd, true);
  return { a, b, lans: [net, left, right], bfdd, capture, ours };
}

async function untilAll(lab: Lab, ours: BfdAgent, bfdd: Bfdd, up: boolean): Promise<void> {
  await ours.untilAll(up);
  await lab.until(
    `all are ${up ? "up" : "down"} for bfdd`,
    async () => {
      const wrong = (await bfdd.peers()).filter(({ status }) => (status === "up") !== up);
      if (wrong.length === 0) return true;
      throw new Error(JSON.stringify(wrong));
    },
    15_000,
    50,
  );
}

async function agreed(lab: Lab, ours: BfdAgent, ms: number): Promise<void> {
  await lab.until(
    `all take ${ms} ms of silence for a failure`,
    async () => {
      for (const row of await ours.rows()) {
        assert.equal(row.detection_time_ms, ms, JSON.stringify(row));
      }
      return true;
    },
    10_000,
    50,
  );
}

lab(
  "[B5883-1] [B5883-5] [N8] [N26] bfdd, every form at once: agreed, another profile, a cut",
  async (lab) => {
    const { lans, bfdd, capture, ours } = await withBfdd(lab);
    await agreed(lab, ours, 300);
    const before = await ours.transitions();
    // Its profile changes under way, and ours do: slower, slower than a second, back.
    await bfdd.command("configure terminal", "bfd", "profile usual", "transmit-interval 400");
    await agreed(lab, ours, 1200);
    await bfdd.command("configure terminal", "bfd", "profile usual", "transmit-interval 100");
    await agreed(lab, ours, 300);
    for (const transmit of [1500, 100]) {
      await ours.reload(SPECS.map((spec) => ({ ...spec, transmit })));
      await lab.until(
        `bfdd knows ${transmit} ms`,
        async () => {
          for (const peer of await bfdd.peers()) {
            assert.equal(peer["remote-transmit-interval"], transmit);
          }
          for (const row of await ours.rows()) assert.equal(row.transmit_interval_ms, transmit);
          return true;
        },
        10_000,
        50,
      );
    }
    assert.deepEqual(await ours.transitions(), before, "nothing moved");
    for (const { name, counters } of await ours.rows()) {
      assert.deepEqual(counters.dropped, {}, name);
    }
    for (const lan of lans) await lan.links[0]!.lose(100);
    await untilAll(lab, ours, bfdd, false);
    for (const { name, diagnostic } of await ours.rows()) {
      assert.equal(diagnostic, "control-expiry", name);
    }
    for (const lan of lans) await lan.links[0]!.lose(0);
    await untilAll(lab, ours, bfdd, true);
    const seen = await seenBfd(capture);
    for (const { name, peer, source, multihop } of SPECS) {
      const mine = seen.filter(({ from }) => from === source);
      const theirs = seen.filter(({ from }) => from === peer);
      assert(mine.length > 10 && theirs.length > 10, name);
      const port = multihop ? 4784 : 3784;
      assert(mine.every((one) => one.ttl === 255 && one.port === port), name);
      assert(theirs.every(({ ttl }) => ttl === (multihop ? 254 : 255)), name);
      for (const own of [mine, theirs]) {
        assert(own.some(({ poll }) => poll) && own.some(({ final }) => final), name);
      }
    }
  },
);

lab("[N5] [N9] bfdd: shut down, passive, restarted, too far away: on either side", async (lab) => {
  const started = await withBfdd(lab);
  const { a, b, capture } = started;
  let { bfdd, ours } = started;
  const both = async (state: BfdRow["state"], theirs: string) => {
    await ours.untilState("near4", state);
    await bfdd.untilStatus("192.0.2.1", theirs);
  };
  const { transitions } = await ours.row("near6");
  await bfdd.configure(NEAR, "shutdown");
  await ours.untilState("near4", "down", 2000);
  assert.equal((await ours.row("near4")).diagnostic, "neighbor-down");
  await bfdd.configure(NEAR, "no shutdown");
  await both("up", "up");
  await ours.down("near4");
  await both("admin-down", "down");
  await ours.up("near4");
  await both("up", "up");
  assert.equal((await ours.row("near6")).transitions, transitions, "the others do not mind");
  // Somebody who allows no hop between hears nothing.
  const strict = SPECS.map((spec) => spec.multihop ? { ...spec, minimumTtl: 255 } : spec);
  await ours.reload(strict);
  const far = SPECS.filter(({ multihop }) => multihop);
  for (const { name } of far) {
    await lab.until(
      `${name} refuses`,
      async () => {
        const { state, counters } = await ours.row(name);
        return state === "down" && (counters.dropped["ttl"] ?? 0) > 2;
      },
      10_000,
      50,
    );
  }
  await ours.reload(SPECS);
  await untilAll(lab, ours, bfdd, true);
  // Ours is killed, then stopped, and starts again.
  await ours.agent.kill();
  await bfdd.untilStatus("192.0.2.1", "down");
  ours = new BfdAgent(lab, a, SPECS);
  await untilAll(lab, ours, bfdd, true);
  await ours.agent.stop();
  for (const { peer, status } of await bfdd.peers()) assert.equal(status, "down", peer);
  ours = new BfdAgent(lab, a, SPECS);
  await untilAll(lab, ours, bfdd, true);
  // Both start anew where one side becomes passive: whoever is up does not care.
  await bfdd.stop();
  await ours.untilAll(false);
  bfdd = await startBfdd(lab, b, bfddText("  passive-mode\n"));
  await untilAll(lab, ours, bfdd, true);
  await bfdd.stop();
  await ours.untilAll(false);
  await ours.reload(SPECS.map((spec) => ({ ...spec, passive: true })));
  bfdd = await startBfdd(lab, b, bfddText());
  await untilAll(lab, ours, bfdd, true);
  assert((await seenBfd(capture)).length > 100);
});
