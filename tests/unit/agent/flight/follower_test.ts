/** Who follows events: all of them in order, and the number of those that were missed. */

import assert from "node:assert/strict";
import { Follower, type FollowerLine } from "../../../../mod/agent/flight/follower.ts";
import type { FlightEvent } from "../../../../mod/events/mod.ts";

function event(seq: number, type: FlightEvent["type"] = "vrrp"): FlightEvent {
  const time = "2026-11-22T07:00:00.000Z";
  const about = { type, name: "web", level: "info", event: "transition" } as const;
  return { time, run: "1-a", seq, ...about, text: "", cause: null };
}

/** A reader that reads when it is told to. */
function reader() {
  const read: FollowerLine[] = [];
  let open = Promise.withResolvers<void>();
  return {
    read,
    gone: false,
    let(): void {
      open.resolve();
    },
    stop(): void {
      open = Promise.withResolvers();
    },
    async write(line: FollowerLine): Promise<void> {
      await open.promise;
      if (this.gone) throw new Error("gone");
      read.push(line);
    },
  };
}

const seqsOf = (lines: readonly FollowerLine[]) =>
  lines.map((line) => "lost" in line ? `lost ${line.lost}` : line.seq);

Deno.test("a follower is told what it asks for, in order, up to the end", async () => {
  const one = reader();
  const follower = new Follower({ types: ["vrrp"] }, (line) => one.write(line as FollowerLine));
  one.let();
  const told = follower.tell(() => {});
  follower.push(event(1));
  follower.push(event(2, "bfd"));
  await new Promise((resolve) => setTimeout(resolve, 0));
  follower.push(event(3));
  follower.push(event(4));
  follower.end();
  await told;
  assert.deepEqual(seqsOf(one.read), [1, 3, 4]);
});

Deno.test("one that does not read loses the oldest, and is told how many", async () => {
  const one = reader();
  const follower = new Follower({}, (line) => one.write(line as FollowerLine));
  const told = follower.tell(() => {});
  for (let seq = 1; seq <= 5_000; seq++) follower.push(event(seq));
  one.let();
  follower.end();
  await told;
  const lines = seqsOf(one.read);
  const lost = lines.filter((line) => typeof line === "string")
    .reduce((sum, line) => sum + Number(String(line).slice(5)), 0);
  assert.equal(lost + lines.filter((line) => typeof line === "number").length, 5_000);
  assert.ok(lines.length < 1_010);
  assert.equal(lines.at(-1), 5_000);
});

Deno.test("what was told in the first answer is not told again", async () => {
  const one = reader();
  const follower = new Follower({}, (line) => one.write(line as FollowerLine));
  for (let seq = 1; seq <= 5; seq++) follower.push(event(seq));
  follower.skip("1-a", 3);
  one.let();
  follower.end();
  await follower.tell(() => {});
  assert.deepEqual(seqsOf(one.read), [4, 5]);
});

Deno.test("one that is gone ends it", async () => {
  const one = reader();
  const follower = new Follower({}, (line) => one.write(line as FollowerLine));
  const told = follower.tell(() => {});
  one.gone = true;
  one.let();
  follower.push(event(1));
  await told;
  assert.deepEqual(one.read, []);
});

Deno.test("one that does not read its first answer is left, too", async () => {
  const one = reader();
  const follower = new Follower({}, (line) => one.write(line as FollowerLine), 1);
  await new Promise<void>((resolve, reject) => {
    follower.say({ ok: true }, () => {
      one.gone = true;
      one.let();
      resolve();
    }).then(() => reject(new Error("nobody was left")), () => {});
  });
  assert.deepEqual(one.read, []);
});
