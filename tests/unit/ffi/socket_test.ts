import assert from "node:assert/strict";
import {
  AF_INET,
  bindSocket,
  bindSymbols,
  bindToDevice,
  closeDescriptor,
  connectSocket,
  drainSocket,
  EAGAIN,
  ECONNREFUSED,
  EMSGSIZE,
  getOption,
  getOptionBytes,
  getSocketName,
  interfaceIndex,
  interfaceName,
  IP_MULTICAST_ALL,
  IP_MULTICAST_LOOP,
  IP_MULTICAST_TTL,
  IPPROTO_IP,
  joinGroup4,
  leaveGroup4,
  MSG_TRUNC,
  openSocket,
  openSocketPair,
  receive,
  sendTo,
  setMulticastInterface4,
  setOption,
  SO_LINGER,
  SO_TYPE,
  SOCK_DGRAM,
  SOCK_STREAM,
  sockaddrIn,
  sockaddrPort,
  SOL_SOCKET,
} from "../../../ffi/mod.ts";

// Deno 2.5 would count a library that a test loads as a leak.
bindSymbols();

/** A UDP socket on loopback and its address. */
function loopback(): { readonly fd: number; readonly address: Uint8Array } {
  const fd = openSocket(AF_INET, SOCK_DGRAM, 0);
  bindSocket(fd, sockaddrIn("127.0.0.1", 0));
  return { fd, address: getSocketName(fd) };
}

Deno.test("a datagram goes out and comes in; then there is nothing", () => {
  const { fd, address } = loopback();
  try {
    const buffer = new Uint8Array(16);
    assert.equal(sendTo(fd, Uint8Array.of(1, 2, 3, 4), 3, address, 0), 3);
    assert.equal(receive(fd, buffer, 0), 3);
    assert.deepEqual([...buffer.subarray(0, 4)], [1, 2, 3, 0]);
    assert.equal(receive(fd, buffer, 0), -EAGAIN);
  } finally {
    closeDescriptor(fd);
  }
});

Deno.test("views into larger arrays are sent from where they begin", () => {
  const { fd, address } = loopback();
  try {
    const large = Uint8Array.from({ length: 100 }, (_, index) => index);
    assert.equal(sendTo(fd, large.subarray(40, 44), 2, address, 0), 2);
    const target = new Uint8Array(10);
    assert.equal(receive(fd, target.subarray(5), 0), 2);
    assert.deepEqual([...target], [0, 0, 0, 0, 0, 40, 41, 0, 0, 0]);
  } finally {
    closeDescriptor(fd);
  }
});

Deno.test("MSG_TRUNC tells the whole length; the buffer's end is respected", () => {
  const { fd, address } = loopback();
  try {
    const memory = new Uint8Array(16).fill(0xee);
    sendTo(fd, new Uint8Array(9), 9, address, 0);
    assert.equal(receive(fd, memory.subarray(0, 4), MSG_TRUNC), 9);
    assert.deepEqual([...memory.subarray(0, 6)], [0, 0, 0, 0, 0xee, 0xee]);
  } finally {
    closeDescriptor(fd);
  }
});

Deno.test("failures of a send are numbers, wrong lengths are programming errors", () => {
  const { fd, address } = loopback();
  try {
    assert.equal(sendTo(fd, new Uint8Array(70_000), 70_000, address, 0), -EMSGSIZE);
    for (const length of [-1, 5, NaN]) {
      assert.throws(() => sendTo(fd, new Uint8Array(4), length, address, 0), RangeError);
    }
  } finally {
    closeDescriptor(fd);
  }
});

Deno.test("a connected socket sends without an address and hears that nobody listens", () => {
  const target = loopback();
  const { fd } = loopback();
  try {
    assert.equal(connectSocket(fd, target.address), true);
    assert.equal(sendTo(fd, Uint8Array.of(1), 1, null, 0), 1);
    assert.equal(receive(target.fd, new Uint8Array(4), 0), 1);
    closeDescriptor(target.fd);
    sendTo(fd, Uint8Array.of(1), 1, null, 0);
    assert.equal(receive(fd, new Uint8Array(4), 0), -ECONNREFUSED);
  } finally {
    closeDescriptor(fd);
  }
});

Deno.test("a TCP connect that must wait says so instead of throwing", () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const fd = openSocket(AF_INET, SOCK_STREAM, 0);
  try {
    assert.equal(typeof connectSocket(fd, sockaddrIn("127.0.0.1", listener.addr.port)), "boolean");
  } finally {
    closeDescriptor(fd);
    listener.close();
  }
});

Deno.test("options: numbers, bytes, and what the kernel says of unknown ones", () => {
  const { fd } = loopback();
  try {
    setOption(fd, IPPROTO_IP, IP_MULTICAST_TTL, 255);
    assert.equal(getOption(fd, IPPROTO_IP, IP_MULTICAST_TTL), 255);
    setOption(fd, IPPROTO_IP, IP_MULTICAST_ALL, 0);
    assert.equal(getOption(fd, IPPROTO_IP, IP_MULTICAST_ALL), 0);
    setOption(fd, IPPROTO_IP, IP_MULTICAST_LOOP, 0);
    assert.equal(getOption(fd, IPPROTO_IP, IP_MULTICAST_LOOP), 0);
    assert.equal(getOption(fd, SOL_SOCKET, SO_TYPE), SOCK_DGRAM);
    setOption(fd, SOL_SOCKET, SO_LINGER, new Uint8Array(Int32Array.of(1, 7).buffer));
    assert.deepEqual([...getOptionBytes(fd, SOL_SOCKET, SO_LINGER, 8)], [1, 0, 0, 0, 7, 0, 0, 0]);
    assert.throws(() => setOption(fd, SOL_SOCKET, 9999, 1), {
      message: "setsockopt level 1 option 9999: Protocol not available (ENOPROTOOPT)",
    });
    assert.throws(() => getOption(fd, SOL_SOCKET, 9999), { call: "getsockopt" });
  } finally {
    closeDescriptor(fd);
  }
});

Deno.test("group memberships by interface index", () => {
  const { fd } = loopback();
  try {
    const index = interfaceIndex("lo");
    joinGroup4(fd, "224.0.0.18", index);
    assert.throws(() => joinGroup4(fd, "224.0.0.18", index), { code: "EADDRINUSE" });
    leaveGroup4(fd, "224.0.0.18", index);
    assert.throws(() => leaveGroup4(fd, "224.0.0.18", index), { code: "EADDRNOTAVAIL" });
    assert.throws(() => joinGroup4(fd, "224.0.0.18", 99_999), { code: "ENODEV" });
    setMulticastInterface4(fd, index);
  } finally {
    closeDescriptor(fd);
  }
});

Deno.test("multicast on loopback reaches the member", () => {
  const receiver = openSocket(AF_INET, SOCK_DGRAM, 0);
  const sender = openSocket(AF_INET, SOCK_DGRAM, 0);
  try {
    const index = interfaceIndex("lo");
    bindSocket(receiver, sockaddrIn("0.0.0.0", 0));
    joinGroup4(receiver, "233.252.0.18", index);
    setMulticastInterface4(sender, index);
    const group = sockaddrIn("233.252.0.18", sockaddrPort(getSocketName(receiver)));
    assert.equal(sendTo(sender, Uint8Array.of(42), 1, group, 0), 1);
    const buffer = new Uint8Array(4);
    assert.equal(receive(receiver, buffer, 0), 1);
    assert.equal(buffer[0], 42);
  } finally {
    closeDescriptor(receiver);
    closeDescriptor(sender);
  }
});

Deno.test("descriptors are close-on-exec and non-blocking", () => {
  const { fd } = loopback();
  try {
    const info = Deno.readTextFileSync(`/proc/self/fdinfo/${fd}`);
    const flags = parseInt(/^flags:\s+([0-7]+)$/m.exec(info)?.[1] ?? "0", 8);
    assert.equal(flags & 0o2004000, 0o2004000);
  } finally {
    closeDescriptor(fd);
  }
});

Deno.test("draining counts what was queued", () => {
  const [left, right] = openSocketPair(SOCK_DGRAM);
  try {
    for (let round = 0; round < 5; round++) sendTo(left, new Uint8Array(30), 30, null, 0);
    assert.equal(drainSocket(right, 3), 3);
    assert.equal(drainSocket(right), 2);
    assert.equal(drainSocket(right), 0);
  } finally {
    closeDescriptor(left);
    closeDescriptor(right);
  }
});

Deno.test("interface names and indices", () => {
  const index = interfaceIndex("lo");
  assert.ok(index > 0);
  assert.equal(interfaceName(index), "lo");
  assert.equal(interfaceIndex("no-such-if"), 0);
  assert.equal(interfaceIndex("a-name-much-too-long-for-an-interface"), 0);
  assert.equal(interfaceName(99_999), "");
  assert.throws(() => interfaceIndex("lo\0x"), RangeError);
  assert.throws(() => bindToDevice(-1, "a-name-too-long-x"), /Not an interface name/);
  assert.throws(() => bindToDevice(-1, ""), RangeError);
});
