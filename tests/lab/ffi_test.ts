/**
 * ffi/ where it needs root: namespaces, raw and packet sockets, real-time scheduling.
 *
 * Two namespaces of our own joined by a veth pair, 192.0.2.1 and 192.0.2.2; deleted at the end of
 * each test, whatever happens.
 */

import assert from "node:assert/strict";
import {
  AF_INET,
  AF_PACKET,
  assemble,
  attachDropAll,
  attachFilter,
  BatchSender,
  bindSocket,
  bindSymbols,
  bindToDevice,
  bpf,
  closeDescriptor,
  EAGAIN,
  effectiveCapabilities,
  ENETDOWN,
  Epoll,
  EPOLLIN,
  ETH_P_ARP,
  getScheduler,
  htons,
  inNamespace,
  interfaceIndex,
  IP_HDRINCL,
  IP_MULTICAST_ALL,
  IP_MULTICAST_LOOP,
  IP_MULTICAST_TTL,
  IP_PKTINFO,
  IPPROTO_IP,
  IPPROTO_VRRP,
  joinGroup4,
  MessageReceiver,
  monotonicMicros,
  NETLINK_ROUTE,
  NetlinkSocket,
  openSocket,
  packetInfo4,
  parseIpv4,
  receive,
  sendTo,
  setMulticastInterface4,
  setOption,
  SOCK_DGRAM,
  SOCK_RAW,
  sockaddrAddress,
  sockaddrIn,
  sockaddrLl,
} from "../../ffi/mod.ts";

// Deno 2.5 would count a library that a test loads as a leak.
bindSymbols();

function ip(...args: string[]): void {
  const { success, stderr } = new Deno.Command("ip", { args }).outputSync();
  if (!success) throw new Error(`ip ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
}

/** Until then the kernel drops what is sent: it learns a moment later that there is carrier. */
function untilUp(namespace: string): void {
  const end = monotonicMicros() + 5_000_000;
  while (monotonicMicros() < end) {
    const { stdout } = new Deno.Command("ip", {
      args: ["-n", namespace, "-j", "link", "show", "dev", "eth0"],
    }).outputSync();
    if (JSON.parse(new TextDecoder().decode(stdout))[0].operstate === "UP") return;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
  }
  throw new Error(`eth0 of ${namespace} is not up`);
}

interface Pair {
  readonly left: string;
  readonly right: string;
  /** Interface index of each end, in its namespace. */
  readonly leftIndex: number;
  readonly rightIndex: number;
}

function withPair(work: (pair: Pair) => void): void {
  const left = `halb-ffi-a${Deno.pid}`;
  const right = `halb-ffi-b${Deno.pid}`;
  try {
    ip("netns", "add", left);
    ip("netns", "add", right);
    ip("-n", left, "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", right);
    for (const [namespace, address] of [[left, "192.0.2.1/24"], [right, "192.0.2.2/24"]] as const) {
      ip("-n", namespace, "address", "add", address, "dev", "eth0");
      ip("-n", namespace, "link", "set", "eth0", "up");
    }
    for (const namespace of [left, right]) untilUp(namespace);
    const leftIndex = inNamespace(left, () => interfaceIndex("eth0"));
    const rightIndex = inNamespace(right, () => interfaceIndex("eth0"));
    work({ left, right, leftIndex, rightIndex });
  } finally {
    for (const name of [left, right]) {
      new Deno.Command("ip", { args: ["netns", "del", name], stderr: "null" }).outputSync();
    }
  }
}

/** Waits up to a second until something can be read. */
function readable(fd: number, timeoutMs = 1000): boolean {
  const epoll = new Epoll(1);
  try {
    epoll.add(fd, EPOLLIN, 0);
    return epoll.wait(timeoutMs) === 1;
  } finally {
    epoll.close();
  }
}

function currentNamespace(): string {
  return Deno.readLinkSync("/proc/thread-self/ns/net");
}

Deno.test("a namespace is entered for the work and always left", () => {
  withPair(({ left, right, leftIndex }) => {
    const own = currentNamespace();
    assert.notEqual(inNamespace(left, currentNamespace), own);
    assert.equal(currentNamespace(), own);
    assert.throws(() =>
      inNamespace(left, () => {
        throw new Error("inside");
      }), /inside/);
    assert.equal(currentNamespace(), own);
    assert.throws(() => inNamespace(left, () => Promise.resolve(1)), TypeError);
    assert.equal(currentNamespace(), own);
    inNamespace(left, () => {
      const there = currentNamespace();
      assert.notEqual(inNamespace(right, currentNamespace), there);
      assert.equal(inNamespace("", currentNamespace), there);
      assert.equal(currentNamespace(), there);
    });
    assert.equal(currentNamespace(), own);
    assert.ok(leftIndex > 0);
  });
});

Deno.test("a namespace leaves no descriptor behind, also when the work throws", () => {
  withPair(({ left }) => {
    const count = (): number => [...Deno.readDirSync("/proc/self/fd")].length;
    const before = count();
    for (let round = 0; round < 20; round++) {
      inNamespace(left, () => 1);
      assert.throws(() =>
        inNamespace(left, () => {
          throw new Error("inside");
        })
      );
    }
    assert.equal(count(), before);
  });
});

/** A raw VRRP socket like the protocol plane's. */
function vrrpSocket(namespace: string, ifindex: number): number {
  return inNamespace(namespace, () => {
    const fd = openSocket(AF_INET, SOCK_RAW, IPPROTO_VRRP);
    bindToDevice(fd, "eth0");
    setOption(fd, IPPROTO_IP, IP_MULTICAST_ALL, 0);
    setOption(fd, IPPROTO_IP, IP_MULTICAST_LOOP, 0);
    setOption(fd, IPPROTO_IP, IP_PKTINFO, 1);
    setMulticastInterface4(fd, ifindex);
    joinGroup4(fd, "224.0.0.18", ifindex);
    return fd;
  });
}

Deno.test("adverts cross a veth pair; a filter drops those with the wrong TTL in the kernel", () => {
  withPair(({ left, right, leftIndex, rightIndex }) => {
    const sender = vrrpSocket(left, leftIndex);
    const receiver = vrrpSocket(right, rightIndex);
    try {
      attachFilter(
        receiver,
        assemble([
          bpf.loadByte(8),
          bpf.jumpEqual(255, 0, "drop"),
          bpf.loadHeaderLength(0),
          bpf.loadByteIndexed(1),
          bpf.jumpEqual(51, 0, "drop"),
          bpf.accept(),
          bpf.label("drop"),
          bpf.drop(),
        ]),
      );
      const group = sockaddrIn("224.0.0.18", 0);
      const batch = new BatchSender(4, 64);
      const control = packetInfo4(leftIndex, parseIpv4("192.0.2.1"));
      for (const [ttl, id] of [[254, 51], [255, 52], [255, 51]] as const) {
        setOption(sender, IPPROTO_IP, IP_MULTICAST_TTL, ttl);
        batch.add(Uint8Array.of(0x31, id, 100, 1, 0, 0, 0, 0), 8, group, control);
        assert.equal(batch.send(sender), 1);
      }
      assert.ok(readable(receiver));
      const message = new MessageReceiver(1500);
      assert.equal(message.receive(receiver), 28);
      assert.deepEqual([message.payload[8], message.payload[21]], [255, 51]);
      assert.equal(message.interfaceIndex, rightIndex);
      assert.equal(sockaddrAddress(message.source.subarray(0, message.sourceLength)), "192.0.2.1");
      assert.equal(message.receive(receiver), -EAGAIN);
      attachDropAll(receiver);
      assert.equal(sendTo(sender, Uint8Array.of(0x31, 51, 0, 1, 0, 0, 0, 0), 8, group, 0), 8);
      assert.equal(readable(receiver, 50), false);
      ip("-n", left, "link", "set", "eth0", "down");
      const errno = sendTo(sender, Uint8Array.of(0x31, 51, 0, 1, 0, 0, 0, 0), 8, group, 0);
      assert.ok(errno < 0, `a send through a dead interface returned ${errno}`);
    } finally {
      closeDescriptor(sender);
      closeDescriptor(receiver);
    }
  });
});

Deno.test("a packet with its own IP header keeps source and TTL", () => {
  withPair(({ left, right, leftIndex, rightIndex }) => {
    const sender = vrrpSocket(left, leftIndex);
    const receiver = vrrpSocket(right, rightIndex);
    try {
      setOption(sender, IPPROTO_IP, IP_HDRINCL, 1);
      const packet = new Uint8Array(28);
      packet.set([0x45, 0xc0, 0, 28, 0, 1, 0, 0, 255, 112, 0, 0]);
      packet.set(parseIpv4("192.0.2.77"), 12);
      packet.set(parseIpv4("224.0.0.18"), 16);
      assert.equal(sendTo(sender, packet, 28, sockaddrIn("224.0.0.18", 0), 0), 28);
      assert.ok(readable(receiver));
      const buffer = new Uint8Array(100);
      assert.equal(receive(receiver, buffer, 0), 28);
      assert.deepEqual([buffer[1], buffer[8], buffer[15]], [0xc0, 255, 77]);
    } finally {
      closeDescriptor(sender);
      closeDescriptor(receiver);
    }
  });
});

Deno.test("gratuitous ARP by packet socket reaches the other end", () => {
  withPair(({ left, right, leftIndex, rightIndex }) => {
    const open = (protocol: number) => (): number => openSocket(AF_PACKET, SOCK_DGRAM, protocol);
    const sender = inNamespace(left, open(0));
    const receiver = inNamespace(right, open(htons(ETH_P_ARP)));
    try {
      bindSocket(receiver, sockaddrLl(rightIndex, ETH_P_ARP));
      const frame = new Uint8Array(28);
      frame.set([0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 1]);
      frame.set(parseIpv4("192.0.2.10"), 14);
      frame.set(parseIpv4("192.0.2.10"), 24);
      const everybody = sockaddrLl(leftIndex, ETH_P_ARP, new Uint8Array(6).fill(0xff));
      assert.equal(sendTo(sender, frame, 28, everybody, 0), 28);
      assert.ok(readable(receiver));
      const buffer = new Uint8Array(100);
      assert.equal(receive(receiver, buffer, 0), 28);
      assert.deepEqual([...buffer.subarray(0, 28)], [...frame]);
      ip("-n", left, "link", "set", "eth0", "down");
      assert.equal(sendTo(sender, frame, 28, everybody, 0), -ENETDOWN);
    } finally {
      closeDescriptor(sender);
      closeDescriptor(receiver);
    }
  });
});

Deno.test("a socket may join 20 groups, not 21: memberships need helper sockets", () => {
  withPair(({ left, leftIndex }) => {
    const fd = inNamespace(left, () => openSocket(AF_INET, SOCK_DGRAM, 0));
    try {
      for (let host = 1; host <= 20; host++) joinGroup4(fd, `233.252.0.${host}`, leftIndex);
      assert.throws(() => joinGroup4(fd, "233.252.0.21", leftIndex), { code: "ENOBUFS" });
    } finally {
      closeDescriptor(fd);
    }
  });
});

Deno.test("a netlink socket opened in a namespace hears of that namespace's links", () => {
  withPair(({ left, leftIndex }) => {
    const RTNLGRP_LINK = 1;
    const RTM_NEWLINK = 16;
    const socket = inNamespace(left, () => new NetlinkSocket(NETLINK_ROUTE, [RTNLGRP_LINK]));
    try {
      const buffer = new Uint8Array(65536);
      // The kernel may have something to tell of the links that have just come up.
      for (let heard = 0; heard !== -EAGAIN;) {
        heard = socket.receive(buffer);
        assert.ok(heard > 0 || heard === -EAGAIN, `error ${heard}`);
      }
      ip("-n", left, "link", "set", "eth0", "down");
      assert.ok(readable(socket.fd));
      assert.ok(socket.receive(buffer) > 32);
      const view = new DataView(buffer.buffer);
      assert.deepEqual([view.getUint16(4, true), view.getInt32(20, true)], [
        RTM_NEWLINK,
        leftIndex,
      ]);
    } finally {
      socket.close();
    }
  });
});

Deno.test("real-time scheduling set in a Worker is that Worker's alone", async () => {
  const before = getScheduler();
  assert.notEqual(before.policy, "fifo");
  const worker = new Worker(new URL("./ffi_realtime_worker.ts", import.meta.url), {
    type: "module",
  });
  try {
    const inside = await new Promise((resolve, reject) => {
      worker.onmessage = (event) => resolve(event.data);
      worker.onerror = (event) => reject(new Error(event.message));
    });
    assert.deepEqual(inside, { policy: "fifo", priority: 50, resetOnFork: true });
    assert.deepEqual(getScheduler(), before);
  } finally {
    worker.terminate();
  }
});

Deno.test("capabilities taken away are seen to be gone, in both halves of the mask", () => {
  const child = new URL("./ffi_capabilities_child.ts", import.meta.url).pathname;
  const output = new Deno.Command("setpriv", {
    args: [
      "--bounding-set=-net_raw,-checkpoint_restore",
      ...[Deno.execPath(), "run", "--quiet", "--no-check", "--allow-all"],
      child,
    ],
  }).outputSync();
  assert.equal(output.code, 0, new TextDecoder().decode(output.stderr));
  const names: string[] = JSON.parse(new TextDecoder().decode(output.stdout));
  const before = effectiveCapabilities();
  const gone = new Set(["cap_net_raw", "cap_checkpoint_restore"]);
  assert.deepEqual(new Set(names), new Set([...before].filter((name) => !gone.has(name))));
  assert.ok(names.includes("cap_net_admin") && before.has("cap_checkpoint_restore"));
});
