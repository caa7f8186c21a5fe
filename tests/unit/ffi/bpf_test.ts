import assert from "node:assert/strict";
import {
  assemble,
  attachDropAll,
  attachFilter,
  bindSymbols,
  bpf,
  closeDescriptor,
  detachFilter,
  EAGAIN,
  openSocketPair,
  receive,
  sendTo,
  SOCK_DGRAM,
} from "../../../ffi/mod.ts";

// Deno 2.5 would count a library that a test loads as a leak.
bindSymbols();

/** Which of the packets a program lets through. */
function accepted(program: Uint8Array, packets: readonly Uint8Array[]): number[] {
  const [left, right] = openSocketPair(SOCK_DGRAM);
  const buffer = new Uint8Array(256);
  const through: number[] = [];
  try {
    attachFilter(right, program);
    for (const [index, packet] of packets.entries()) {
      sendTo(left, packet, packet.length, null, 0);
      if (receive(right, buffer, 0) >= 0) through.push(index);
      assert.equal(receive(right, buffer, 0), -EAGAIN);
    }
  } finally {
    closeDescriptor(left);
    closeDescriptor(right);
  }
  return through;
}

Deno.test("assembles to the bytes of struct sock_filter", () => {
  const program = assemble([
    bpf.loadHeaderLength(0),
    bpf.loadByteIndexed(1),
    bpf.jumpEqual(51, "yes", "no"),
    bpf.label("no"),
    bpf.drop(),
    bpf.label("yes"),
    bpf.accept(),
  ]);
  assert.deepEqual(
    [...program],
    [
      ...[0xb1, 0, 0, 0, 0, 0, 0, 0],
      ...[0x50, 0, 0, 0, 1, 0, 0, 0],
      ...[0x15, 0, 1, 0, 51, 0, 0, 0],
      ...[0x06, 0, 0, 0, 0, 0, 0, 0],
      ...[0x06, 0, 0, 0, 0, 0, 4, 0],
    ],
  );
});

Deno.test("a VRRP-like filter: TTL, version and virtual router ids", () => {
  const program = assemble([
    bpf.loadByte(8),
    bpf.jumpEqual(255, 0, "drop"),
    bpf.loadHeaderLength(0),
    bpf.loadByteIndexed(0),
    bpf.shiftRight(4),
    bpf.jumpEqual(3, 0, "drop"),
    bpf.loadByteIndexed(1),
    bpf.jumpEqual(51, "accept", 0),
    bpf.jumpEqual(52, "accept", "drop"),
    bpf.label("accept"),
    bpf.accept(),
    bpf.label("drop"),
    bpf.drop(),
  ]);
  const packet = (words: number, ttl: number, version: number, id: number): Uint8Array => {
    const bytes = new Uint8Array(words * 4 + 8);
    bytes.set([0x40 | words, 0, 0, 0, 0, 0, 0, 0, ttl, 112]);
    bytes.set([(version << 4) | 1, id], words * 4);
    return bytes;
  };
  const packets = [
    packet(5, 255, 3, 51),
    packet(5, 254, 3, 51),
    packet(5, 255, 2, 51),
    packet(5, 255, 3, 53),
    packet(8, 255, 3, 52),
    // Ends before the fields: a load beyond the end drops it.
    packet(5, 255, 3, 51).subarray(0, 20),
    packet(5, 255, 3, 51).subarray(0, 4),
  ];
  assert.deepEqual(accepted(program, packets), [0, 4]);
});

Deno.test("loads of half and word, masks, lengths, comparisons", () => {
  const packets = [
    Uint8Array.of(0x12, 0x34, 0x56, 0x78),
    Uint8Array.of(0x12, 0x34, 0x56, 0x79),
    Uint8Array.of(0xff, 0, 0, 0, 0),
  ];
  const run = (...program: Parameters<typeof assemble>[0]): number[] =>
    accepted(assemble([...program, bpf.drop(), bpf.accept()]), packets);
  assert.deepEqual(run(bpf.loadWord(0), bpf.jumpEqual(0x12345678, 1, 0)), [0]);
  assert.deepEqual(run(bpf.loadHalf(1), bpf.jumpEqual(0x3456, 1, 0)), [0, 1]);
  assert.deepEqual(run(bpf.loadByte(3), bpf.jumpSet(1, 1, 0)), [1]);
  assert.deepEqual(run(bpf.loadByte(3), bpf.and(0x0f), bpf.jumpEqual(9, 1, 0)), [1]);
  assert.deepEqual(run(bpf.loadLength(), bpf.jumpGreater(4, 1, 0)), [2]);
  assert.deepEqual(run(bpf.loadLength(), bpf.jumpGreaterOrEqual(4, 1, 0)), [0, 1, 2]);
  // Unsigned: 0xff000000 is the greatest.
  assert.deepEqual(run(bpf.loadWord(0), bpf.jumpGreater(0x8000_0000, 1, 0)), [2]);
  assert.deepEqual(run(bpf.loadIndex(2), bpf.loadHalfIndexed(0), bpf.jumpEqual(0, 1, 0)), [2]);
  assert.deepEqual(
    run(bpf.loadConstant(1), bpf.moveToIndex(), bpf.loadByteIndexed(0), bpf.jumpEqual(0, 1, 0)),
    [2],
  );
  assert.deepEqual(run(bpf.loadIndex(0), bpf.loadWordIndexed(0), bpf.jumpSet(1, 1, 0)), [1]);
  assert.deepEqual(run(bpf.jump(1)), [0, 1, 2]);
  // Arithmetic and memory.
  const four = [bpf.loadConstant(4), bpf.store(3), bpf.loadConstant(0)];
  assert.deepEqual(run(...four, bpf.loadCell(3), bpf.jumpEqual(4, 1, 0)), [0, 1, 2]);
  assert.deepEqual(
    run(
      ...four,
      bpf.loadIndexCell(3),
      bpf.loadLength(),
      bpf.subtractIndex(),
      bpf.jumpEqual(1, 1, 0),
    ),
    [2],
  );
  assert.deepEqual(
    run(...four, bpf.loadIndexCell(3), bpf.loadByte(0), bpf.jumpGreaterOrEqualIndex(1, 0)),
    [0, 1, 2],
  );
  assert.deepEqual(
    run(bpf.loadIndex(0x79), bpf.loadByte(3), bpf.jumpGreaterOrEqualIndex(1, 0)),
    [1],
  );
  assert.deepEqual(
    run(
      ...four,
      bpf.loadIndexCell(3),
      bpf.loadByte(0),
      bpf.shiftRightByIndex(),
      bpf.jumpEqual(15, 1, 0),
    ),
    [2],
  );
  assert.deepEqual(
    run(bpf.loadByte(3), bpf.shiftLeft(2), bpf.add(8), bpf.jumpEqual(0x78 * 4 + 8, 1, 0)),
    [0],
  );
});

Deno.test("keeping some bytes cuts the packet", () => {
  const [left, right] = openSocketPair(SOCK_DGRAM);
  try {
    attachFilter(right, assemble([bpf.returnBytes(2)]));
    sendTo(left, Uint8Array.of(1, 2, 3, 4), 4, null, 0);
    assert.equal(receive(right, new Uint8Array(8), 0), 2);
    attachDropAll(right);
    sendTo(left, Uint8Array.of(1), 1, null, 0);
    assert.equal(receive(right, new Uint8Array(8), 0), -EAGAIN);
    detachFilter(right);
    sendTo(left, Uint8Array.of(1, 2, 3, 4), 4, null, 0);
    assert.equal(receive(right, new Uint8Array(8), 0), 4);
  } finally {
    closeDescriptor(left);
    closeDescriptor(right);
  }
});

Deno.test("an unconditional jump may be long, a conditional one may not", () => {
  const filler = Array.from({ length: 300 }, () => bpf.loadConstant(0));
  const program = assemble([
    bpf.jump("end"),
    ...filler,
    bpf.drop(),
    bpf.label("end"),
    bpf.accept(),
  ]);
  assert.deepEqual(accepted(program, [Uint8Array.of(1)]), [0]);
  assert.throws(
    () => assemble([bpf.jumpEqual(1, "end", 0), ...filler, bpf.label("end"), bpf.accept()]),
    /skips more than 255/,
  );
});

Deno.test("programs that the kernel would refuse are refused with the reason", () => {
  assert.throws(() => assemble([]), /1 to 4096 instructions, not 0/);
  assert.throws(() => assemble([bpf.loadByte(0)]), /must end with accept or drop/);
  assert.throws(() => assemble([bpf.jump("nowhere"), bpf.drop()]), /No label "nowhere"/);
  assert.throws(() => assemble([bpf.label("a"), bpf.label("a"), bpf.drop()]), /"a" stands twice/);
  assert.throws(
    () => assemble([bpf.label("a"), bpf.loadByte(0), bpf.jump("a"), bpf.drop()]),
    /forward/,
  );
  assert.throws(() => assemble([bpf.jumpEqual(1, 0, 1), bpf.drop()]), /leads to 2/);
  assert.throws(() => assemble([bpf.jump("end"), bpf.drop(), bpf.label("end")]), RangeError);
});
