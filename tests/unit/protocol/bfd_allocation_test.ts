/** What a BFD packet leaves behind on the heap. Alone in its file: other tests spoil the compiler. */

import assert from "node:assert/strict";
import { emptyControlPacket } from "../../../mod/bfd/mod.ts";
import { BfdBench, bfdSession, MS } from "./bfd_fixtures.ts";

Deno.test("BFD driver: a packet in or out allocates nothing but a number or two", () => {
  const bench = new BfdBench();
  bench.keeps = false;
  bench.configure([bfdSession("one")]);
  bench.up("one");
  const entry = bench.entry("one");
  entry.sender!.send = (_, length) => length;
  const packet = {
    ...emptyControlPacket(),
    state: "up" as const,
    detectMultiplier: 3,
    myDiscriminator: 99,
    yourDiscriminator: entry.session.localDiscriminator,
    desiredMinTx: 50 * MS,
    requiredMinRx: 50 * MS,
  };
  const event = { type: "packet" as const, packet };
  const exchange = (packets: number): void => {
    for (let i = 0; i < packets; i++) {
      bench.now += 20 * MS;
      if (bench.heap.next <= bench.now) bench.heap.fire(bench.now, 10);
      entry.apply(event, bench.now);
    }
  };
  exchange(200_000);
  const grown: number[] = [];
  for (let round = 0; round < 15; round++) {
    const before = Deno.memoryUsage().heapUsed;
    exchange(20_000);
    grown.push((Deno.memoryUsage().heapUsed - before) / 20_000);
  }
  // Once in a while the collector runs in between.
  const median = grown.sort((a, b) => a - b)[7]!;
  assert(median < 64, `${median} bytes a packet`);
  assert.equal(entry.session.state, "up");
});
