/**
 * Do the structure layouts fit the kernel that runs?
 *
 * A wrong offset does not fail, it misreads. So each structure is sent through the kernel in a way
 * whose outcome is known beforehand: a 64-bit token through epoll, a time through a timerfd,
 * credentials as control data through a socket pair, an address through bind and getsockname. It
 * needs no privilege and no network and takes a few milliseconds. Run at start-up on a machine
 * type that nobody has tried yet, and by the tests on every machine.
 *
 * @module
 */

import { assemble, attachFilter, bpf } from "./bpf.ts";
import { BatchReceiver, BatchSender } from "./batch.ts";
import { boottimeMicros, monotonicMicros, realtimeMicros } from "./clock.ts";
import {
  AF_INET,
  AF_NETLINK,
  IP_FREEBIND,
  IPPROTO_IP,
  NETLINK_ROUTE,
  SCM_CREDENTIALS,
  SO_PASSCRED,
  SO_PEERCRED,
  SOCK_DGRAM,
  SOCK_RAW,
  SOL_SOCKET,
} from "./constants.ts";
import { controlMessage } from "./control_data.ts";
import { closeDescriptor } from "./descriptor.ts";
import { Epoll, EPOLLIN, EPOLLOUT } from "./epoll.ts";
import { EAGAIN } from "./errors.ts";
import { EventFd } from "./eventfd.ts";
import { MessageReceiver, MessageSender } from "./message.ts";
import { getrlimit, RLIMIT_NOFILE } from "./process.ts";
import { getAffinity, getScheduler } from "./scheduling.ts";
import {
  sockaddrAddress,
  sockaddrFamily,
  sockaddrIn,
  sockaddrNl,
  sockaddrPort,
} from "./sockaddr.ts";
import {
  bindSocket,
  getOptionBytes,
  getSocketName,
  openSocket,
  openSocketPair,
  receive,
  sendTo,
  setOption,
} from "./socket.ts";
import { TimerFd } from "./timerfd.ts";

/** Differs in every byte, so that a shifted or cut token is seen. */
const TOKEN = 0x1b_2c3d_4e5f_60;

type Complain = (what: string, expected: unknown, got: unknown) => void;

function verifyClocks(complain: Complain): void {
  const drift = Math.abs(realtimeMicros() / 1000 - Date.now());
  if (drift > 1000) {
    complain("timespec: wall clock", "Date.now() within 1000 ms", `${drift} ms off`);
  }
  const before = monotonicMicros();
  const after = monotonicMicros();
  if (!(after >= before && after - before < 1_000_000)) {
    complain("timespec: monotonic clock", "a step of less than a second", after - before);
  }
  if (boottimeMicros() < before) complain("timespec: boot clock", `at least ${before}`, "less");
}

function verifyEpoll(complain: Complain): void {
  const epoll = new Epoll(4);
  const first = new EventFd();
  const second = new EventFd();
  try {
    // Two events in one call: the second is misread when the stride is wrong.
    epoll.add(first.fd, EPOLLOUT, TOKEN);
    epoll.add(second.fd, EPOLLOUT, TOKEN - 1);
    const count = epoll.wait(0);
    if (count !== 2) complain("epoll_event: events", 2, count);
    const tokens = [epoll.token(0), epoll.token(1)].sort((a, b) => b - a);
    if (tokens[0] !== TOKEN || tokens[1] !== TOKEN - 1) {
      complain("epoll_event: tokens", `${TOKEN}, ${TOKEN - 1}`, tokens.join(", "));
    }
    if (epoll.events(0) !== EPOLLOUT || epoll.events(1) !== EPOLLOUT) {
      complain("epoll_event: mask", EPOLLOUT, `${epoll.events(0)}, ${epoll.events(1)}`);
    }
  } finally {
    first.close();
    second.close();
    epoll.close();
  }
}

function verifyTimer(complain: Complain): void {
  const epoll = new Epoll(1);
  const timer = new TimerFd();
  try {
    epoll.add(timer.fd, EPOLLIN, 1);
    const due = monotonicMicros() + 1500;
    timer.armAt(due);
    if (epoll.wait(1000) !== 1) complain("itimerspec: expiry", "within a second", "none");
    const early = due - monotonicMicros();
    if (early > 0) complain("itimerspec: expiry", "not before its time", `${early} µs early`);
  } finally {
    timer.close();
    epoll.close();
  }
}

function verifyMessages(complain: Complain): void {
  const [left, right] = openSocketPair(SOCK_DGRAM);
  try {
    setOption(right, SOL_SOCKET, SO_PASSCRED, 1);
    // struct ucred: process, user, group.
    const credentials = getOptionBytes(left, SOL_SOCKET, SO_PEERCRED, 12);
    const process = new DataView(credentials.buffer).getInt32(0, true);
    if (process !== Deno.pid) complain("ucred: process", Deno.pid, process);
    const control = controlMessage(SOL_SOCKET, SCM_CREDENTIALS, credentials);

    const sent = new MessageSender(64, 64).send(left, Uint8Array.of(1, 2, 3), 3, null, control);
    if (sent !== 3) complain("msghdr: sendmsg", 3, sent);
    const receiver = new MessageReceiver(64, 128);
    const length = receiver.receive(right);
    if (length !== 3) complain("msghdr: recvmsg", 3, length);
    const [message, another] = [...receiver.controlMessages()];
    if (message?.data.join() !== credentials.join() || another !== undefined) {
      complain("cmsghdr: credentials", credentials, message?.data);
    }

    const batch = new BatchSender(2, 64, 64);
    batch.add(Uint8Array.of(4, 5), 2, null, control);
    batch.add(Uint8Array.of(6), 1, null, control);
    const many = batch.send(left);
    if (many !== 2) complain("mmsghdr: sendmmsg", 2, many);
    const received = new BatchReceiver(4, 64, 128);
    const count = received.receive(right);
    if (count !== 2) return complain("mmsghdr: recvmmsg", 2, count);
    const lengths = `${received.length(0)}, ${received.length(1)}`;
    if (lengths !== "2, 1") complain("mmsghdr: lengths", "2, 1", lengths);
    for (const [index, first] of [4, 6].entries()) {
      const byte = received.payload(index)[0];
      if (byte !== first) complain(`mmsghdr: payload ${index}`, first, byte);
      const sender = received.controlInt32(index, SOL_SOCKET, SCM_CREDENTIALS);
      if (sender !== Deno.pid) complain(`mmsghdr: control data ${index}`, Deno.pid, sender);
    }
  } finally {
    closeDescriptor(left);
    closeDescriptor(right);
  }
}

function verifyFilter(complain: Complain): void {
  const [left, right] = openSocketPair(SOCK_DGRAM);
  try {
    const onlySeven = [bpf.loadByte(0), bpf.jumpEqual(7, 0, "drop"), bpf.accept()];
    attachFilter(right, assemble([...onlySeven, bpf.label("drop"), bpf.drop()]));
    // The kernel answers EPERM or nothing at all to a datagram that the filter drops.
    sendTo(left, Uint8Array.of(8), 1, null, 0);
    sendTo(left, Uint8Array.of(7), 1, null, 0);
    const buffer = new Uint8Array(4);
    const length = receive(right, buffer, 0);
    if (length !== 1 || buffer[0] !== 7) complain("sock_filter: accepted byte", 7, buffer[0]);
    const rest = receive(right, buffer, 0);
    if (rest !== -EAGAIN) complain("sock_filter: packets left", "none", rest);
  } finally {
    closeDescriptor(left);
    closeDescriptor(right);
  }
}

function verifyAddresses(complain: Complain): void {
  const udp = openSocket(AF_INET, SOCK_DGRAM, 0);
  try {
    // Binds to an address that the host need not have.
    setOption(udp, IPPROTO_IP, IP_FREEBIND, 1);
    bindSocket(udp, sockaddrIn("192.0.2.77", 0));
    const name = getSocketName(udp);
    const address = sockaddrFamily(name) === AF_INET ? sockaddrAddress(name) : "another family";
    if (address !== "192.0.2.77") complain("sockaddr_in: address", "192.0.2.77", address);
    if (sockaddrPort(name) === 0) complain("sockaddr_in: port", "a number", 0);
  } finally {
    closeDescriptor(udp);
  }
  const netlink = openSocket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
  try {
    bindSocket(netlink, sockaddrNl(0, 0));
    const name = getSocketName(netlink);
    if (name.length !== 12) complain("sockaddr_nl: size", 12, name.length);
    const port = new DataView(name.buffer).getUint32(4, true);
    if (port === 0) complain("sockaddr_nl: port id", "a number", 0);
  } finally {
    closeDescriptor(netlink);
  }
}

function verifyThread(complain: Complain): void {
  const { policy, priority } = getScheduler();
  const wanted = policy === "fifo" || policy === "rr" ? "1 to 99" : "0";
  const fits = wanted === "0" ? priority === 0 : priority >= 1 && priority <= 99;
  if (!fits) complain("sched_param: priority", wanted, priority);
  if (getAffinity().length === 0) complain("cpu_set_t", "at least one processor", "none");
  const { soft, hard } = getrlimit(RLIMIT_NOFILE);
  if (!(soft > 0 && soft <= hard)) complain("rlimit", `soft at most hard`, `${soft}, ${hard}`);
}

/**
 * Checks the layouts. Returns what does not fit, one sentence each; empty when all is right. Throws
 * SystemError when the kernel refuses a call altogether.
 */
export function verifyLayouts(): string[] {
  const mismatches: string[] = [];
  const complain: Complain = (what, expected, got) => {
    mismatches.push(`${what}: expected ${expected}, got ${got}`);
  };
  verifyClocks(complain);
  verifyEpoll(complain);
  verifyTimer(complain);
  verifyMessages(complain);
  verifyFilter(complain);
  verifyAddresses(complain);
  verifyThread(complain);
  return mismatches;
}
