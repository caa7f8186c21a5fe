import assert from "node:assert/strict";
import {
  AF_INET,
  AF_INET6,
  BareReceiver,
  BatchReceiver,
  BatchSender,
  bindSocket,
  bindSymbols,
  closeDescriptor,
  EAGAIN,
  EMSGSIZE,
  formatIpv4,
  getSocketName,
  hopLimit6,
  interfaceIndex,
  IP_PKTINFO,
  IP_RECVTTL,
  IPPROTO_IP,
  IPPROTO_IPV6,
  IPV6_RECVHOPLIMIT,
  IPV6_RECVPKTINFO,
  joinControl,
  MessageReceiver,
  MessageSender,
  MSG_CTRUNC,
  MSG_TRUNC,
  openSocket,
  openSocketPair,
  packetInfo4,
  packetInfo6,
  parseIpv4,
  sendTo,
  setOption,
  SOCK_DGRAM,
  sockaddrAddress,
  sockaddrIn,
  sockaddrIn6,
  sockaddrPort,
  timeToLive4,
} from "../../../ffi/mod.ts";

// Deno 2.5 would count a library that a test loads as a leak.
bindSymbols();

const LOOPBACK = interfaceIndex("lo");

/** Two UDP sockets on loopback, the second with packet information on. */
function pair(work: (sender: number, receiver: number, address: Uint8Array) => void): void {
  const sender = openSocket(AF_INET, SOCK_DGRAM, 0);
  const receiver = openSocket(AF_INET, SOCK_DGRAM, 0);
  try {
    bindSocket(receiver, sockaddrIn("0.0.0.0", 0));
    setOption(receiver, IPPROTO_IP, IP_PKTINFO, 1);
    setOption(receiver, IPPROTO_IP, IP_RECVTTL, 1);
    const port = sockaddrPort(getSocketName(receiver));
    work(sender, receiver, sockaddrIn("127.0.0.1", port));
  } finally {
    closeDescriptor(sender);
    closeDescriptor(receiver);
  }
}

Deno.test("recvmsg tells source, interface, destination and TTL", () => {
  pair((sender, receiver, address) => {
    const control = joinControl(packetInfo4(0, parseIpv4("127.0.0.9")), timeToLive4(77));
    const out = new MessageSender(16);
    assert.equal(out.send(sender, Uint8Array.of(1, 2, 3, 4), 3, address, control), 3);
    const received = new MessageReceiver(16);
    assert.equal(received.receive(receiver), 3);
    assert.deepEqual([...received.payload.subarray(0, received.length)], [1, 2, 3]);
    const source = received.source.subarray(0, received.sourceLength);
    assert.deepEqual([source.length, sockaddrAddress(source)], [16, "127.0.0.9"]);
    assert.deepEqual([received.interfaceIndex, received.hopLimit], [LOOPBACK, 77]);
    const at = received.findControl(IPPROTO_IP, IP_PKTINFO);
    assert.equal(formatIpv4(received.control, at + 8), "127.0.0.1");
    assert.equal(received.flags, 0);
    assert.equal(received.findControl(IPPROTO_IP, 99), -1);
    assert.equal(received.controlInt32(99, 99), undefined);
    assert.equal([...received.controlMessages()].length, 2);
    assert.equal(received.receive(receiver), -EAGAIN);
    assert.equal(received.length, 0);
  });
});

Deno.test("without control data the TTL is the default again", () => {
  pair((sender, receiver, address) => {
    const out = new MessageSender(16);
    const received = new MessageReceiver(16);
    out.send(sender, Uint8Array.of(1), 1, address, timeToLive4(77));
    out.send(sender, Uint8Array.of(1), 1, address);
    received.receive(receiver);
    assert.equal(received.hopLimit, 77);
    received.receive(receiver);
    assert.equal(received.hopLimit, 64);
  });
});

Deno.test("recvmsg on IPv6: interface and hop limit", () => {
  const sender = openSocket(AF_INET6, SOCK_DGRAM, 0);
  const receiver = openSocket(AF_INET6, SOCK_DGRAM, 0);
  try {
    bindSocket(receiver, sockaddrIn6("::1", 0));
    setOption(receiver, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
    setOption(receiver, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1);
    const address = sockaddrIn6("::1", sockaddrPort(getSocketName(receiver)));
    const control = joinControl(packetInfo6(LOOPBACK), hopLimit6(255));
    assert.equal(new MessageSender(16).send(sender, Uint8Array.of(5), 1, address, control), 1);
    const received = new MessageReceiver(16);
    assert.equal(received.receive(receiver), 1);
    assert.deepEqual([received.interfaceIndex, received.hopLimit], [LOOPBACK, 255]);
  } finally {
    closeDescriptor(sender);
    closeDescriptor(receiver);
  }
});

Deno.test("what was cut off is flagged, packet and control data alike", () => {
  pair((sender, receiver, address) => {
    const received = new MessageReceiver(2, 8);
    new MessageSender(16).send(sender, Uint8Array.of(1, 2, 3), 3, address);
    assert.equal(received.receive(receiver), 2);
    assert.equal(received.flags & (MSG_TRUNC | MSG_CTRUNC), MSG_TRUNC | MSG_CTRUNC);
    assert.equal(received.interfaceIndex, 0);
    assert.equal(received.hopLimit, -1);
    assert.deepEqual([...received.controlMessages()], []);
  });
});

Deno.test("a sender refuses what does not fit its buffers", () => {
  const sender = new MessageSender(4, 16);
  assert.throws(() => sender.send(-1, new Uint8Array(5), 5, null), /buffer of 4/);
  assert.throws(() => sender.send(-1, new Uint8Array(3), 4, null), RangeError);
  assert.throws(
    () => sender.send(-1, new Uint8Array(3), 3, null, packetInfo4(1)),
    /not fit into 16/,
  );
});

Deno.test("a batch goes out in one call and comes in in one, each packet with its own data", () => {
  pair((sender, receiver, address) => {
    const out = new BatchSender(8, 16);
    for (let index = 0; index < 8; index++) {
      const bytes = new Uint8Array(index + 1).fill(index);
      assert.equal(out.add(bytes, bytes.length, address, timeToLive4(100 + index)), true);
    }
    assert.equal(out.add(Uint8Array.of(1), 1, address), false);
    assert.equal(out.pending, 8);
    assert.equal(out.send(sender), 8);
    assert.equal(out.pending, 0);
    assert.equal(out.send(sender), 0);

    const batch = new BatchReceiver(16, 16);
    assert.equal(batch.receive(receiver, 0, 3), 3);
    assert.equal(batch.receive(receiver), 5);
    for (let index = 0; index < 5; index++) {
      assert.equal(batch.length(index), index + 4);
      assert.equal(batch.payload(index)[0], index + 3);
      assert.equal(batch.hopLimit(index), 103 + index);
      assert.equal(batch.interfaceIndex(index), LOOPBACK);
      assert.equal(batch.flags(index), 0);
      assert.equal(batch.sourceLength(index), 16);
      assert.equal(sockaddrAddress(batch.source(index)), "127.0.0.1");
      assert.equal([...batch.controlMessages(index)].length, 2);
    }
    assert.throws(() => batch.payload(5), /No packet 5 in a batch of 5/);
    assert.equal(batch.receive(receiver), -EAGAIN);
    assert.throws(() => batch.payload(0), RangeError);
  });
});

Deno.test("a batch reused many times keeps its buffers whole", () => {
  pair((sender, receiver, address) => {
    const out = new BatchSender(32, 64);
    const batch = new BatchReceiver(32, 64);
    for (let round = 0; round < 200; round++) {
      for (let index = 0; index < 32; index++) out.add(Uint8Array.of(round, index), 2, address);
      assert.equal(out.send(sender), 32);
      assert.equal(batch.receive(receiver), 32);
      for (let index = 0; index < 32; index++) {
        assert.equal(batch.length(index), 2);
        assert.deepEqual([...batch.payload(index).subarray(0, 2)], [round, index]);
        assert.equal(batch.interfaceIndex(index), LOOPBACK);
      }
    }
  });
});

Deno.test("a batch stuck at a packet goes on after it is skipped", () => {
  const [left, right] = openSocketPair(SOCK_DGRAM);
  try {
    const out = new BatchSender(3, 400_000);
    out.add(Uint8Array.of(1), 1, null);
    // Larger than the socket's send buffer: refused.
    out.add(new Uint8Array(400_000), 400_000, null);
    out.add(Uint8Array.of(3), 1, null);
    assert.equal(out.send(left), 1);
    assert.equal(out.send(left), -EMSGSIZE);
    assert.equal(out.pending, 2);
    out.skip();
    assert.equal(out.send(left), 1);
    assert.equal(out.pending, 0);
    const batch = new BatchReceiver(4, 16);
    assert.equal(batch.receive(right), 2);
    assert.deepEqual([batch.payload(0)[0], batch.payload(1)[0]], [1, 3]);
    out.add(Uint8Array.of(9), 1, null);
    out.clear();
    assert.equal(out.send(left), 0);
  } finally {
    closeDescriptor(left);
    closeDescriptor(right);
  }
});

Deno.test("a batch has at least one place", () => {
  assert.throws(() => new BatchReceiver(0), /1 to 1024 packets, not 0/);
  assert.throws(() => new BatchSender(1025), RangeError);
});

Deno.test("a bare receiver takes a batch again and again, and tells lengths past its buffers", () => {
  const [left, right] = openSocketPair(SOCK_DGRAM);
  try {
    const batch = new BareReceiver(4, 2);
    for (let round = 0; round < 3; round++) {
      for (let i = 1; i <= 6; i++) sendTo(left, new Uint8Array(i).fill(i), i, null, 0);
      assert.equal(batch.receive(right), 4);
      assert.deepEqual([0, 1, 2, 3].map((i) => batch.length(i)), [1, 2, 3, 4]);
      assert.deepEqual([...batch.payload(3)], [4, 4]);
      assert.equal(batch.receive(right, 1), 1);
      assert.equal(batch.length(0), 5);
      assert.equal(batch.receive(right), 1);
      assert.equal(batch.receive(right), -EAGAIN);
    }
  } finally {
    closeDescriptor(left);
    closeDescriptor(right);
  }
  assert.throws(() => new BareReceiver(0, 1), /1 to 1024 packets, not 0/);
});
