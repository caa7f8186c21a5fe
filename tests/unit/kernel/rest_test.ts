/** A kernel plane at rest: another process does the work, before us or after us. */

import { strict as assert } from "node:assert";
import { HALB_PROTOCOL } from "../../../mod/netlink/mod.ts";
import { held, Rig, router } from "./rig.ts";

const SECOND = 1_000_000;
const VIP = "192.0.2.10";
const OTHER = "192.0.2.11";

function rest(rig: Rig, rest: boolean): void {
  rig.plane.handle({ type: "rest", id: "c:rest", rest });
  rig.plane.turn();
}

/** Takes up a mastership that somebody else began. */
function resume(rig: Rig, name: string, epoch: number, heldSince = 0, slot = 0): void {
  rig.words.setMastership(slot, epoch);
  const hold = { type: "hold", id: "p:9", cause: "p:8", router: name, epoch } as const;
  rig.plane.handle({ ...hold, heldSince });
  rig.plane.turn();
}

function usual(): { rig: Rig; eth0: number } {
  const rig = new Rig();
  const eth0 = rig.kernel.link("eth0");
  rig.kernel.addByOthers(eth0, "192.0.2.1", 24);
  rig.configure([router("web", [`${VIP}/24`])]);
  return { rig, eth0 };
}

Deno.test("at rest nothing is added, refreshed, removed or announced; afterwards all of it", () => {
  const { rig, eth0 } = usual();
  rig.hold("web");
  rest(rig, true);
  rig.kernel.journal.splice(0);
  const sent = rig.kernel.frames.length;
  rig.announce("web");
  rig.run(2 * SECOND);
  assert.equal(rig.kernel.journal.join(), "");
  assert.equal(rig.kernel.frames.length, sent);
  assert.equal(rig.plane.deadline > rig.kernel.time, true, "it sleeps");
  rest(rig, false);
  rig.run(SECOND / 10);
  assert.deepEqual(rig.kernel.journal.map((line) => line.split(" ")[0]), ["replace"]);
  rig.drop("web");
  assert.equal(rig.kernel.has(eth0, VIP), undefined);
});

Deno.test("what was decided at rest is done afterwards", () => {
  const { rig, eth0 } = usual();
  rig.hold("web");
  rest(rig, true);
  rig.drop("web");
  assert.notEqual(rig.kernel.has(eth0, VIP), undefined);
  rest(rig, false);
  assert.equal(rig.kernel.has(eth0, VIP), undefined);
});

Deno.test("a lease that ended at rest is taken anew", () => {
  const { rig, eth0 } = usual();
  rig.hold("web");
  rest(rig, true);
  rig.run(4 * SECOND);
  assert.equal(rig.kernel.has(eth0, VIP), undefined);
  rest(rig, false);
  rig.run(SECOND / 10);
  assert.notEqual(rig.kernel.has(eth0, VIP), undefined);
});

Deno.test("another process takes over at rest, and goes on: no removal, no announcement", () => {
  const { rig, eth0 } = usual();
  rig.hold("web", 7);
  const frames = rig.kernel.frames.length;
  rig.restart(true);
  rig.kernel.journal.splice(0);
  rig.configure([router("web", [`${VIP}/24`])]);
  rig.run(2 * SECOND);
  resume(rig, "web", 7);
  assert.equal(rig.kernel.journal.join(), "", "still at rest");
  rest(rig, false);
  rig.run(30 * SECOND);
  assert.ok(rig.kernel.journal.length > 20);
  assert.ok(rig.kernel.journal.every((line) => line.startsWith("replace")), "refreshed only");
  assert.equal(rig.kernel.has(eth0, VIP)?.protocol, HALB_PROTOCOL);
  assert.equal(rig.kernel.frames.length, frames);
  assert.deepEqual(rig.report("web").present, [VIP]);
});

Deno.test("a mastership that was young is announced once more when the delay is over", () => {
  for (const [since, more] of [[2, 1], [8, 0]] as const) {
    const { rig } = usual();
    rig.run(10 * SECOND);
    rig.hold("web", 7);
    rig.restart(true);
    const plan = { repeat: 1, delay: 5 * SECOND, refresh: 0, refreshRepeat: 0, interval: 0 };
    rig.configure([router("web", [`${VIP}/24`], { announce: plan })]);
    const frames = rig.kernel.frames.length;
    resume(rig, "web", 7, rig.kernel.time - since * SECOND);
    rest(rig, false);
    rig.run(2.9 * SECOND);
    assert.equal(rig.kernel.frames.length, frames);
    rig.run(SECOND);
    assert.equal(rig.kernel.frames.length, frames + more);
  }
});

Deno.test("an address that was missing is added and announced, the one that was there is not", () => {
  const rig = new Rig();
  const eth0 = rig.kernel.link("eth0");
  rig.kernel.addByOthers(eth0, "192.0.2.1", 24);
  rig.configure([router("web", [`${VIP}/24`])]);
  rig.hold("web", 7);
  rig.restart(true);
  rig.configure([router("web", [`${VIP}/24`, `${OTHER}/24`])]);
  const frames = rig.kernel.frames.length;
  resume(rig, "web", 7);
  rest(rig, false);
  rig.run(SECOND / 10);
  assert.notEqual(rig.kernel.has(eth0, OTHER), undefined);
  assert.equal(rig.kernel.frames.length, frames + 1);
});

Deno.test("nobody decides after the take-over: what is ours goes when its time is up", () => {
  const { rig, eth0 } = usual();
  rig.kernel.addByOthers(eth0, OTHER, 32, { protocol: HALB_PROTOCOL });
  rig.restart(true);
  rig.configure([router("web", [held(`${OTHER}/32`)])]);
  rig.run(10 * SECOND);
  assert.notEqual(rig.kernel.has(eth0, OTHER), undefined);
  rest(rig, false);
  rig.run(2 * SECOND);
  assert.notEqual(rig.kernel.has(eth0, OTHER), undefined, "the clock starts now");
  rig.run(2 * SECOND);
  assert.equal(rig.kernel.has(eth0, OTHER), undefined);
});

Deno.test("what another one left while we rested, and nobody has configured, is removed", () => {
  const { rig, eth0 } = usual();
  rest(rig, true);
  rig.kernel.addByOthers(eth0, OTHER, 32, { protocol: HALB_PROTOCOL });
  rig.run(SECOND);
  assert.notEqual(rig.kernel.has(eth0, OTHER), undefined);
  rest(rig, false);
  assert.equal(rig.kernel.has(eth0, OTHER), undefined);
});
