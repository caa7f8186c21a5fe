/**
 * Sessions that end on purpose: BIRD is told for a whole detection time (RFC 5880 section 6.8.16), so
 * that a packet which is lost makes no failure of it.
 */

import { strict as assert } from "node:assert";
import { BfdAgent } from "../lib/bfd_agent.ts";
import type { BfdSpec } from "../lib/bfd_site.ts";
import { seenBfd } from "../lib/bfd_wire.ts";
import { startBird } from "../lib/bird.ts";
import { type Host, lab } from "../lib/mod.ts";

const INTERVAL = 50;
const DETECTION = 3 * INTERVAL;
const [OURS, THEIRS] = ["192.0.2.1", "192.0.2.2"];
/** RFC 5880 section 4.1. */
const [EXPIRED, NEIGHBOUR_DOWN, ADMIN_DOWN] = [1, 3, 7];

/** The next packet that says AdminDown is lost, and no further one. */
async function loseNext(host: Host): Promise<void> {
  const rule = "udp dport 3784 @th,72,2 0 numgen inc mod 1000 0 drop";
  const chain = `chain in {\n type filter hook input priority 0;\n ${rule}\n }`;
  await host.exec(["nft", "-f", "-"], {
    input: `flush ruleset\ntable inet lose {\n ${chain}\n}\n`,
  });
}

lab(
  "[B16-1] [N5] removed, taken down, stopped: BIRD is told for a detection time, and misses no path",
  async (lab) => {
    const [a, b] = await lab.hostsNamed("a", "b");
    await lab.lan("net", [a, b]);
    const bird = await startBird(
      lab,
      b,
      `  interface "eth0" { interval ${INTERVAL} ms; multiplier 3; idle tx interval 1 s; };
  neighbor ${OURS} dev "eth0" local ${THEIRS};`,
    );
    const session = {
      name: "path",
      peer: THEIRS,
      source: OURS,
      transmit: INTERVAL,
      receive: INTERVAL,
    };
    const idle: BfdSpec = { name: "idle", peer: "192.0.2.9", source: OURS };
    const capture = await lab.capture(a, "udp", "any");
    const ours = new BfdAgent(lab, a, [session, idle]);
    const endings: (readonly [end: () => Promise<unknown>, again: () => Promise<unknown>])[] = [
      [() => ours.reload([idle]), () => ours.reload([session, idle])],
      [() => ours.down("path"), () => ours.up("path")],
      [() => ours.agent.stop(), () => Promise.resolve()],
    ];
    for (const [end, again] of endings) {
      await ours.untilState("path", "up");
      await bird.untilState(OURS, "Up");
      await loseNext(b);
      await end();
      await bird.untilState(OURS, "Down");
      // Until all has been said: a session of the same name takes the place of one that says farewell.
      await lab.delay(DETECTION);
      await again();
    }
    const seen = await seenBfd(capture);
    // From each last Up of ours to what is said next: that is one ending.
    const own = seen.filter(({ from }) => from === OURS);
    const told = own.filter(({ state }, i) => state === "admin-down" && own[i - 1]?.state === "up")
      .map((first) => {
        const said = own.slice(own.indexOf(first));
        const end = said.findIndex(({ state, myDiscriminator }) =>
          state !== "admin-down" || myDiscriminator !== first.myDiscriminator
        );
        return end < 0 ? said : said.slice(0, end);
      });
    assert.equal(told.length, endings.length);
    for (const packets of told) {
      assert(packets.every(({ diagnostic }) => diagnostic === ADMIN_DOWN));
      const after = packets.map(({ time }) => (time - packets[0]!.time) / 1000);
      const within = after.filter((ms) => ms <= DETECTION);
      // 75 to 100 % of the interval between them.
      assert(within.length >= 3 && within.at(-1)! >= DETECTION - 2 * INTERVAL, `${after} ms`);
    }
    const fallen = seen.filter(({ from, state, diagnostic }) =>
      from === THEIRS && state === "down" && diagnostic !== 0
    );
    assert(fallen.some(({ diagnostic }) => diagnostic === NEIGHBOUR_DOWN));
    assert.deepEqual(fallen.filter(({ diagnostic }) => diagnostic === EXPIRED), []);
  },
);
