/** Filters on what leaves an interface, beside the bytes that `tc` (iproute2 6.1) sends. */

import { strict as assert } from "node:assert";
import {
  addEgressFilter,
  addEgressHook,
  MessageWriter,
  splitMessages,
} from "../../../mod/netlink/mod.ts";

const NESTED = 0x8000;

Deno.test("an egress filter is asked for as tc does", () => {
  const writer = new MessageWriter();
  addEgressHook(writer, 1, 3);
  addEgressFilter(writer, 2, {
    index: 3,
    etherType: 0x86dd,
    priority: 1,
    program: Uint8Array.of(6, 0, 0, 0, 0xff, 0xff, 0xff, 0xff),
  });
  const { messages, problem } = splitMessages(writer.finish().slice());
  assert.equal(problem, undefined);
  const [hook, filter] = messages;
  assert.equal(hook!.type, 36);
  // `clsact`, padded to four bytes.
  assert.equal(
    hook!.payload.toHex(),
    "000000000300000000" + "00fffff1ffffff00000000" + "0b000100636c7361637400" + "00",
  );
  assert.equal(filter!.type, 44);
  // tc leaves out the flag that says what the nesting says anyway.
  const payload = filter!.payload.slice();
  const view = new DataView(payload.buffer);
  assert.equal(view.getUint16(30, true) & ~NESTED, 2);
  view.setUint16(30, 2, true);
  assert.equal(
    payload.toHex(),
    "000000000300000001000000f3ffffff86dd0100" + "0800010062706600" + "20000200" +
      "06000400010000000c00050006000000ffffffff0800080001000000",
  );
});
