import assert from "node:assert/strict";
import {
  bindSymbols,
  EAGAIN,
  EINVAL,
  EMSGSIZE,
  Epoll,
  EPOLLIN,
  NETLINK_GET_STRICT_CHK,
  NETLINK_ROUTE,
  NetlinkSocket,
  setOption,
  SOL_NETLINK,
} from "../../../ffi/mod.ts";

// Deno 2.5 would count a library that a test loads as a leak.
bindSymbols();

const RTM_GETLINK = 18;
const NLM_F_REQUEST = 0x001;
const NLM_F_ACK = 0x004;
const NLM_F_DUMP = 0x300;
const NLM_F_ACK_TLVS = 0x200;
const NLMSG_ERROR = 2;
const RTM_NEWLINK = 16;

/** A request for links: header of 16 bytes and ifinfomsg of 16. */
function linkRequest(flags: number, sequence: number, index: number): Uint8Array {
  const bytes = new Uint8Array(32);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 32, true);
  view.setUint16(4, RTM_GETLINK, true);
  view.setUint16(6, NLM_F_REQUEST | flags, true);
  view.setUint32(8, sequence, true);
  view.setInt32(20, index, true);
  return bytes;
}

Deno.test("netlink: a request is answered to our port with our sequence number", () => {
  const socket = new NetlinkSocket(NETLINK_ROUTE);
  const other = new NetlinkSocket(NETLINK_ROUTE);
  try {
    assert.ok(socket.portId > 0 && socket.portId !== other.portId);
    const buffer = new Uint8Array(32768);
    assert.equal(socket.receive(buffer), -EAGAIN);
    socket.send(linkRequest(0, 4711, 1));
    const count = socket.receive(buffer);
    const view = new DataView(buffer.buffer);
    assert.equal(view.getUint32(0, true), count);
    assert.equal(view.getUint16(4, true), RTM_NEWLINK);
    assert.equal(view.getUint32(8, true), 4711);
    assert.equal(view.getUint32(12, true), socket.portId);
    assert.equal(socket.receive(buffer), -EAGAIN);
  } finally {
    socket.close();
    other.close();
  }
});

Deno.test("netlink: a refusal carries the kernel's own words", () => {
  const socket = new NetlinkSocket(NETLINK_ROUTE);
  try {
    setOption(socket.fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, 1);
    const request = linkRequest(NLM_F_ACK, 1, 1);
    // ifi_type is not for the asker to set.
    request[18] = 7;
    socket.send(request);
    const buffer = new Uint8Array(4096);
    const count = socket.receive(buffer);
    const answer = new DataView(buffer.buffer);
    assert.equal(answer.getUint16(4, true), NLMSG_ERROR);
    assert.equal(answer.getInt32(16, true), -EINVAL);
    assert.equal(answer.getUint16(6, true) & NLM_F_ACK_TLVS, NLM_F_ACK_TLVS);
    const text = new TextDecoder().decode(buffer.subarray(0, count));
    assert.match(text, /Invalid values in header/);
  } finally {
    socket.close();
  }
});

Deno.test("netlink: a datagram that does not fit is reported with the room it needs", () => {
  const socket = new NetlinkSocket(NETLINK_ROUTE);
  try {
    socket.send(linkRequest(0, 1, 1));
    const memory = new Uint8Array(128).fill(0xee);
    assert.equal(socket.receive(memory.subarray(0, 64)), -EMSGSIZE);
    assert.ok(socket.datagramLength > 64);
    assert.equal(memory[64], 0xee);
    const buffer = new Uint8Array(socket.datagramLength);
    socket.send(linkRequest(0, 2, 1));
    assert.equal(socket.receive(buffer), buffer.length);
  } finally {
    socket.close();
  }
});

Deno.test("netlink: readable in epoll; groups by number; buffers as large as asked", () => {
  const socket = new NetlinkSocket(NETLINK_ROUTE, [1, 5]);
  const epoll = new Epoll();
  try {
    epoll.add(socket.fd, EPOLLIN, 1);
    assert.equal(epoll.wait(0), 0);
    socket.send(linkRequest(NLM_F_DUMP, 1, 0));
    assert.equal(epoll.wait(1000), 1);
    socket.leaveGroup(5);
    assert.throws(() => socket.joinGroup(9999), { code: "EINVAL", call: "setsockopt" });
    // The kernel counts its overhead: twice as much as was asked for.
    assert.equal(socket.setReceiveBuffer(100_000), 200_000);
  } finally {
    epoll.close();
    socket.close();
  }
});

Deno.test("netlink: an unknown protocol leaves no descriptor behind", () => {
  const open = (): number => [...Deno.readDirSync("/proc/self/fd")].length;
  const before = open();
  // Other files' tests open and close some of this process meanwhile, but never so many.
  for (let i = 0; i < 200; i++) {
    assert.throws(() => new NetlinkSocket(99), { call: "socket" });
    assert.throws(() => new NetlinkSocket(NETLINK_ROUTE, [9999]), { call: "setsockopt" });
  }
  assert.ok(open() - before < 100, `${open() - before} more are open`);
});
