/** The filter that drops what a former master says of groups, on a real kernel's interpreter. */

import assert from "node:assert/strict";
import {
  attachFilter,
  bindSymbols,
  closeDescriptor,
  openSocketPair,
  receive,
  sendTo,
  SOCK_DGRAM,
} from "../../../ffi/mod.ts";
import { leaveFilter } from "../../../mod/kernel/leave_filter.ts";

// Deno 2.5 would count a library that a test loads as a leak.
bindSymbols();

/** An MLDv2 report whose records have these types. */
function report(types: readonly number[], type = 143): Uint8Array<ArrayBuffer> {
  const frame = new Uint8Array(70 + 20 * types.length);
  frame.set([0x33, 0x33, 0, 0, 0, 0x16, 0, 0, 0x5e, 0, 2, 51, 0x86, 0xdd, 0x60]);
  frame[21] = 1;
  frame.set([58, 0, 5, 2, 0, 0, 1, 0, type], 54);
  frame[69] = types.length;
  types.forEach((one, index) => frame[70 + 20 * index] = one);
  return frame;
}

Deno.test("leaving a group is not said, joining one is, and all else passes", () => {
  const other = report([3]);
  other[54] = 17;
  const plain = report([3]);
  plain[20] = 58;
  const cases: [name: string, frame: Uint8Array<ArrayBuffer>, dropped: boolean][] = [
    ["left", report([3]), true],
    ["several left", report([3, 3, 3]), true],
    ["joined", report([4]), false],
    ["an answer to a query", report([2, 2]), false],
    ["one left, another joined", report([3, 4]), false],
    ["version 1, done", report([], 132), true],
    ["version 1, report", report([], 131), false],
    ["not ICMPv6", other, false],
    ["a neighbour advertisement", plain, false],
  ];
  const [left, right] = openSocketPair(SOCK_DGRAM);
  const buffer = new Uint8Array(2048);
  try {
    attachFilter(right, leaveFilter());
    for (const [name, frame, dropped] of cases) {
      sendTo(left, frame, frame.length, null, 0);
      // A socket takes the answer for a length: all of it, or the two bytes that TC_ACT_SHOT is.
      assert.equal(receive(right, buffer, 0), dropped ? 2 : frame.length, name);
    }
  } finally {
    closeDescriptor(left);
    closeDescriptor(right);
  }
});
