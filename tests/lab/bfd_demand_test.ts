/** Demand mode (RFC 5880 section 6.6) between two agents, and what BIRD and bfdd make of it. */

import { strict as assert } from "node:assert";
import { BfdAgent } from "../lib/bfd_agent.ts";
import { startBfdd } from "../lib/bfdd.ts";
import { startBird } from "../lib/bird.ts";
import { type SeenBfd, seenBfd } from "../lib/bfd_wire.ts";
import { lab } from "../lib/mod.ts";

function session(peer: string, demand: boolean): string {
  return `[[bfd]]
name = "to-peer"
peer = "${peer}"
interface = "eth0"
transmit_interval = "100ms"
receive_interval = "100ms"
detect_multiplier = 8
${demand ? 'demand = { poll_interval = "500ms" }' : ""}
`;
}

const OURS = "192.0.2.1";
const THEIRS = "192.0.2.2";
const WATCHED = 4_000;

/** Packets that neither ask nor answer: those that demand mode spares. */
function periodic(seen: readonly SeenBfd[], from: string): number {
  return seen.filter((one) => one.from === from && !one.poll && !one.final).length;
}

for (const both of [false, true]) {
  const title = both ? "both sides demand: polls and answers alone" : "one side demands silence";
  lab(`[B7-7] [B7-8] [B4-2] ${title}; a cut is seen at the next look`, async (lab) => {
    const [a, b] = await lab.hostsNamed("a", "b");
    const lan = await lab.lan("net", [a, b]);
    const here = new BfdAgent(lab, a, [], session(THEIRS, true));
    const there = new BfdAgent(lab, b, [], session(OURS, both));
    await here.untilAll(true);
    await there.untilAll(true);
    await lab.until("the demand is heard", async () => {
      const heard = [await there.row("to-peer"), await here.row("to-peer")];
      return heard[0]!.remote.demand && heard[1]!.remote.demand === both;
    }, 5000);
    // What was sent before both knew is over.
    await lab.delay(1000);
    const capture = await lab.capture(lan, "udp");
    await lab.delay(WATCHED);
    const seen = await seenBfd(capture);
    const asked = seen.filter(({ from, poll }) => from === OURS && poll).length;
    const answered = seen.filter(({ from, final }) => from === THEIRS && final).length;
    console.log(
      `${asked} polls, ${answered} answers, periodic: ${periodic(seen, OURS)} of ours, ` +
        `${periodic(seen, THEIRS)} of theirs`,
    );
    assert(asked >= 3 && answered >= 3, "it looks after the path");
    assert.equal(periodic(seen, THEIRS), 0, "the other side is silent");
    if (both) assert.equal(periodic(seen, OURS), 0, "and so are we");
    else assert(periodic(seen, OURS) >= 20, "nobody has asked us to be silent");
    for (const one of seen) {
      assert.equal(one.demand, both || one.from === OURS, JSON.stringify(one));
      assert.equal(one.state, "up");
    }
    await lan.link(b).lose(100);
    await here.untilState("to-peer", "down", 5000);
    assert.equal((await here.row("to-peer")).diagnostic, "control-expiry");
    await there.untilState("to-peer", "down", 5000);
    await lan.link(b).lose(0);
    await here.untilAll(true);
    await there.untilAll(true);
  });
}

lab("[B7-8] BIRD and bfdd asked to be silent: up all the same, a cut is seen", async (lab) => {
  for (const daemon of ["BIRD", "bfdd"]) {
    const [a, b] = await lab.hostsNamed(`a-${daemon}`, `b-${daemon}`);
    const lan = await lab.lan(`net-${daemon}`, [a, b]);
    const here = new BfdAgent(lab, a, [], session(THEIRS, true));
    if (daemon === "BIRD") {
      await startBird(
        lab,
        b,
        `
  interface "eth0" { interval 100 ms; multiplier 4; };
  neighbor ${OURS} dev "eth0" local ${THEIRS};
`,
      );
    } else {
      const lines = ["receive-interval 100", "transmit-interval 100", "detect-multiplier 4"];
      const text = lines.map((line) => `  ${line}\n`).join("");
      await startBfdd(lab, b, `bfd\n peer ${OURS} interface eth0\n${text}`);
    }
    await here.untilAll(true, 20_000);
    await lab.delay(1000);
    const { transitions } = await here.row("to-peer");
    const capture = await lab.capture(lan, "udp");
    await lab.delay(WATCHED);
    const seen = await seenBfd(capture);
    const spared = periodic(seen, THEIRS) === 0 ? "honours demand" : "does not honour demand";
    console.log(`${daemon} ${spared}: ${periodic(seen, THEIRS)} periodic packets in 4 s`);
    assert.equal((await here.row("to-peer")).transitions, transitions);
    const polls = seen.filter(({ from, poll }) => from === OURS && poll).length;
    const finals = seen.filter(({ from, final }) => from === THEIRS && final).length;
    assert(polls >= 3 && finals >= 3, `${polls} polls, ${finals} answers`);
    await lan.link(b).lose(100);
    await here.untilState("to-peer", "down", 5000);
  }
});
