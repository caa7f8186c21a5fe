/** The rehearsal plays the whole piece: if a change of the plane cuts it short, this tells. */

import assert from "node:assert/strict";
import { rehearse, rehearseCalls } from "../../../mod/kernel/rehearsal.ts";

Deno.test("rehearsal: every act adds, refreshes, announces twice and removes", () => {
  const { requests, frames } = rehearse();
  // Per act: three additions, three removals at least; three addresses × five rounds × two blocks.
  assert.ok(requests >= 20 * 6, `${requests} requests`);
  assert.equal(frames, 20 * 3 * 5 * 2);
});

Deno.test("rehearsal of the calls: what cannot be opened is left to those who need it", () => {
  const kernel = {
    now: () => 0,
    identity: () => "",
    open: () => {
      throw new Error("no sockets here");
    },
  };
  assert.equal(rehearseCalls(kernel), 0);
});
