/** The rehearsals: that they really go through what they are to make quick. */

import assert from "node:assert/strict";
import { monotonicMicros } from "../../../ffi/mod.ts";
import { rehearseBfd } from "../../../mod/protocol/bfd_rehearsal.ts";
import { PaperRouter, rehearse } from "../../../mod/protocol/rehearsal.ts";

Deno.test("BFD's rehearsal takes a master down by a session's silence, in each life", () => {
  const began = monotonicMicros();
  const faults = rehearseBfd();
  console.log(`${faults} lives in ${monotonicMicros() - began} µs`);
  assert.equal(faults, 40);
});

Deno.test("VRRP's rehearsal leaves nothing armed behind", () => {
  rehearse();
  const router = new PaperRouter();
  router.configure([]);
  assert.notEqual(router.heap.size, 0);
  router.configure(null);
  assert.equal(router.heap.size, 0);
});
