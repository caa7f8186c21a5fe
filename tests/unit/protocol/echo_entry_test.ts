/** Echoes beside a session: defects of ours, and whose echoes are sent back how often. */

import assert from "node:assert/strict";
import type { SessionEvent } from "../../../mod/bfd/mod.ts";
import { EchoEntry } from "../../../mod/protocol/echo_entry.ts";
import { EchoLimit } from "../../../mod/protocol/echo_limit.ts";
import type { EchoLink } from "../../../mod/protocol/echo_link.ts";
import { TimerHeap } from "../../../mod/protocol/timer_heap.ts";
import { benchIn } from "../bfd/fixtures.ts";

const MS = 1_000;

function frameFrom(last: number): Uint8Array {
  const frame = new Uint8Array(64);
  frame.set([2, 0, 0, 0, 1, last], 6);
  return frame;
}

/** How many of `count` echoes, one each `every`, are admitted. */
function admitted(limit: EchoLimit, frame: Uint8Array, count: number, every: number, from = 0) {
  let taken = 0;
  for (let i = 0; i < count; i++) if (limit.admits(frame, null, from + i * every)) taken++;
  return taken;
}

Deno.test("echo limit: as many as the interval allows with its jitter, and a few at once", () => {
  const limit = new EchoLimit();
  assert.equal(limit.admits(frameFrom(1), null, 0), false, "nothing was promised");
  limit.interval = 10 * MS;
  assert.equal(admitted(limit, frameFrom(1), 1_000, 7_500), 1_000);
  const flood = admitted(limit, frameFrom(1), 100_000, 10, 10_000_000);
  assert.ok(flood >= 133 && flood <= 140, `${flood} in a second`);
});

Deno.test("echo limit: who forges the peer's address uses up his own, and its places go to nobody", () => {
  const limit = new EchoLimit();
  limit.interval = 10 * MS;
  let peer = 0;
  let forged = 0;
  for (let now = 0; now < 2_000_000; now += 100) {
    // The peer was first; then come floods from ever other addresses.
    if (now % 10_000 === 0 && limit.admits(frameFrom(1), null, now)) peer++;
    if (now > 0 && limit.admits(frameFrom(2 + (now / 100) % 100), null, now)) forged++;
  }
  assert.equal(peer, 200);
  assert.ok(forged < 3 * (2_000 / 7.5 + 5), `${forged} forged`);
});

Deno.test("echo limit: one that has answered for the peer has a place in any case", () => {
  const limit = new EchoLimit();
  limit.interval = 10 * MS;
  for (let last = 2; last < 12; last++) limit.admits(frameFrom(last), null, 0);
  assert.equal(limit.admits(frameFrom(1), null, 1), false);
  const known = frameFrom(1).slice(6, 12);
  assert.equal(limit.admits(frameFrom(1), known, 1), true);
});

Deno.test("a defect in an echo's timer breaks the session, not the plane", () => {
  const heap = new TimerHeap();
  const { session } = benchIn("up");
  const broken: string[] = [];
  let fails = false;
  const link = {
    mac: new Uint8Array(6),
    add: () => {},
    delete: () => {},
    send: (_: Uint8Array, length: number) => {
      if (fails) throw new Error("boom");
      return length;
    },
  } as unknown as EchoLink;
  const owner = {
    session,
    apply: (_: SessionEvent) => {},
    notice: () => {},
    confirmed: () => {},
    broke: (error: unknown) => void broken.push((error as Error).message),
  };
  session.remote.requiredMinEchoRx = 20 * MS;
  const settings = { transmitInterval: 20 * MS, detectMultiplier: 3 };
  const ends = { family: "ipv4", own: "192.0.2.1", peer: "192.0.2.2" } as const;
  const entry = new EchoEntry(owner, settings as never, ends, link, { heap, random: () => 0.5 });
  entry.follow(0);
  assert.equal(heap.size, 1, "the neighbour is asked");
  fails = true;
  heap.fire(2_000_000, 10);
  assert.deepEqual(broken, ["boom"]);
  entry.end();
  assert.equal(heap.size, 0);
});
