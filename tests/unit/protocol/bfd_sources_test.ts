/** How much is read of a session's own socket, over loopback. */

import assert from "node:assert/strict";
import {
  AF_INET,
  bindSocket,
  bindSymbols,
  closeDescriptor,
  connectSocket,
  getSocketName,
  openSocket,
  sendTo,
  SOCK_DGRAM,
  sockaddrIn,
} from "../../../ffi/mod.ts";
import type { BfdEntry } from "../../../mod/protocol/bfd_entry.ts";
import { HearingSource } from "../../../mod/protocol/bfd_sources.ts";

// Deno 2.5 would count a library that a test loads as a leak.
bindSymbols();

/** A session's socket and its peer; `got`: the first byte of each packet that was read. */
function pair() {
  const [own, peer] = [openSocket(AF_INET, SOCK_DGRAM, 0), openSocket(AF_INET, SOCK_DGRAM, 0)];
  for (const fd of [own, peer]) bindSocket(fd, sockaddrIn("127.0.0.1", 0));
  connectSocket(own, getSocketName(peer));
  const got: number[] = [];
  const source = new HearingSource(own, {} as BfdEntry, {
    heard: (_, bytes, length) => {
      got.push(length === 0 ? -1 : bytes[0]!);
      return true;
    },
    discover: () => assert.fail("it is no discovery"),
    rest: () => assert.fail("nor does it rest"),
  });
  const address = getSocketName(own);
  return {
    source,
    got,
    send: (...packets: readonly (readonly number[])[]) => {
      for (const bytes of packets) {
        assert.equal(sendTo(peer, Uint8Array.from(bytes), bytes.length, address, 0), bytes.length);
      }
    },
    close: () => [own, peer].forEach(closeDescriptor),
  };
}

Deno.test("a session's socket: as a rule one packet is read and not asked for a second", () => {
  const { source, got, send, close } = pair();
  assert.equal(source.read(64, 1_000_000, Infinity), 0);
  send([1], [2]);
  assert.equal(source.read(64, 1_010_000, Infinity), 1);
  assert.equal(source.read(64, 1_020_000, Infinity), 1);
  assert.equal(source.read(64, 1_030_000, Infinity), 0);
  send([], new Array<number>(600).fill(3));
  for (const now of [1_040_000, 1_050_000]) assert.equal(source.read(64, now, Infinity), 1);
  assert.deepEqual(got, [1, 2, -1, 3], "empty, and longer than there is room for");
  close();
});

Deno.test("a session's socket: a flood that is read once in a gap is read all at once", () => {
  const { source, got, send, close } = pair();
  const burst = Array.from({ length: 40 }, (_, i) => [i]);
  send(...burst);
  let now = 1_000_000;
  assert.equal(source.read(64, now, Infinity), 1);
  assert.equal(source.read(64, now += 1_124, Infinity), 39);
  // As long as it goes on, nothing is left over.
  for (let i = 0; i < 5; i++) {
    send(...burst);
    assert.equal(source.read(64, now += 1_024, Infinity), 40);
  }
  assert.equal(got.length, 240);
  send(...burst, ...burst);
  assert.equal(source.read(64, now += 1_024, Infinity), 64, "its budget: the loop comes again");
  assert.equal(source.readAll(64, now, Infinity), 16);
  close();
});
