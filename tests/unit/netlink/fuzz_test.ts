/** Hostile bytes: readers refuse them with a reason and never throw. */

import { strict as assert } from "node:assert";
import {
  addAddress,
  addRoute,
  DumpReader,
  MessageWriter,
  readAcknowledgement,
  readAddress,
  readLink,
  readRoute,
  readSettings,
  restoreRoute,
  splitMessages,
} from "../../../mod/netlink/mod.ts";

const SEED = 0x68616c62;

/** A small generator whose seed is printed with a failure. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

function sample(): Uint8Array {
  const writer = new MessageWriter();
  addAddress(writer, 1, { index: 2, address: "192.0.2.1", prefixLength: 24, label: "a" }, "create");
  addAddress(writer, 1, { index: 2, address: "2001:db8::1", prefixLength: 64, valid: 9 }, "create");
  addRoute(writer, 1, {
    index: 2,
    destination: "0.0.0.0",
    prefixLength: 0,
    gateway: "192.0.2.254",
    protocol: 3,
    scope: 0,
  });
  writer.begin(16, 2, 1).u8(0).u8(0).u16(1).u32(3).u32(1).u32(0).attributeText(3, "eth0");
  writer.attribute(1, new Uint8Array(6)).attributeU32(4, 1500).end();
  writer.begin(24, 2, 1).u8(2).u8(0).u8(0).u8(0).u8(254).u8(3).u8(0).u8(1).u32(0);
  writer.attribute(9, Uint8Array.of(8, 0, 0, 0, 4, 0, 0, 0)).end();
  writer.begin(80, 0, 1).u8(10).u8(0).u8(0).u8(0).attributeU32(1, 3).attributeU32(2, 1).end();
  writer.begin(2, 0x200, 1).u32(-17 >>> 0).u32(16).u16(20).u16(5).u32(1).u32(0);
  writer.attributeText(1, "no").end();
  return writer.finish().slice();
}

Deno.test("20,000 random or damaged buffers: no reader throws", () => {
  const random = generator(SEED);
  const whole = sample();
  const readers = [readLink, readAddress, readRoute, readSettings, readAcknowledgement];
  let refused = 0;
  let accepted = 0;
  for (let round = 0; round < 20_000; round++) {
    let bytes: Uint8Array;
    if (round % 2 === 0) {
      bytes = whole.slice(0, 1 + Math.floor(random() * whole.length));
      const hits = 1 + Math.floor(random() * 8);
      for (let i = 0; i < hits; i++) {
        bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256);
      }
    } else {
      bytes = Uint8Array.from(
        { length: Math.floor(random() * 200) },
        () => random() < 0.5 ? 0 : Math.floor(random() * 256),
      );
      // Half of the random ones get a header that fits, so that the payload is looked at.
      if (bytes.length > 16 && random() < 0.5) bytes.set([bytes.length, 0, 0, 0]);
    }
    try {
      new DumpReader(1).feed(bytes);
      for (const message of splitMessages(bytes).messages) {
        for (const read of readers) {
          const result = read(message);
          if (result.ok) accepted++;
          else {
            refused++;
            assert(result.reason.length > 0);
          }
        }
        const route = readRoute(message);
        if (route.ok) restoreRoute(new MessageWriter(), 1, route.value);
      }
    } catch (error) {
      assert.fail(`Seed ${SEED}, round ${round}, ${bytes.length} bytes: ${error}`);
    }
  }
  assert(refused > 1000 && accepted > 1000, `${refused} refused, ${accepted} accepted`);
});
