/**
 * Sockets: opening, options, and the two calls a packet takes.
 *
 * Every socket is close-on-exec and non-blocking: waiting is epoll's business. Setting up throws a
 * SystemError; `sendTo` and `receive`, which run for every packet, return a count or minus errno
 * and allocate nothing.
 *
 * @module
 */

import { opened } from "./descriptor.ts";
import {
  AF_UNIX,
  SO_BINDTODEVICE,
  SO_MEMINFO,
  SO_PEERCRED,
  SO_RCVBUF,
  SO_RCVBUFFORCE,
  SOL_SOCKET,
} from "./constants.ts";
import { check, countOrErrno, EAGAIN, EINPROGRESS, SystemError } from "./errors.ts";
import { SOCKADDR_STORAGE } from "./sockaddr.ts";
import { cString, lastErrno, libc } from "./symbols.ts";

const SOCK_CLOEXEC = 0x80000;
const SOCK_NONBLOCK = 0x800;
const SHUT_WR = 1;

/** Longest interface name, without the terminating zero. */
const MAX_INTERFACE_NAME = 15;

const word = new Int32Array(new ArrayBuffer(4));
const length = new Uint32Array(new ArrayBuffer(4));

/**
 * Opens a socket, close-on-exec and non-blocking. For AF_PACKET the protocol is an EtherType in
 * network order (`htons(ETH_P_ARP)`), or 0 to receive nothing.
 */
export function openSocket(domain: number, type: number, protocol: number): number {
  const fd = libc.socket(domain, type | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
  return opened("socket", fd);
}

/** Opens two connected AF_UNIX sockets, close-on-exec and non-blocking. */
export function openSocketPair(type: number): [number, number] {
  const pair = new Int32Array(new ArrayBuffer(8));
  check("socketpair", libc.socketpair(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair));
  return [opened("socketpair", pair[0] ?? -1), opened("socketpair", pair[1] ?? -1)];
}

/** Sets a socket option: a number as a C `int`, bytes as they are. */
export function setOption(
  fd: number,
  level: number,
  name: number,
  value: number | Uint8Array,
): void {
  let result: number;
  if (typeof value === "number") {
    word[0] = value;
    result = libc.setsockopt(fd, level, name, word, 4);
  } else {
    result = libc.setsockopt(fd, level, name, value, value.length);
  }
  if (result < 0) throw new SystemError("setsockopt", lastErrno(), `level ${level} option ${name}`);
}

/** Reads a socket option that is a C `int`. */
export function getOption(fd: number, level: number, name: number): number {
  word[0] = 0;
  length[0] = 4;
  const result = libc.getsockopt(fd, level, name, word, length);
  check("getsockopt", result, `level ${level} option ${name}`);
  return word[0] ?? 0;
}

/** Reads a socket option of any form; `size`: most bytes it may have. */
export function getOptionBytes(fd: number, level: number, name: number, size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  length[0] = size;
  const result = libc.getsockopt(fd, level, name, bytes, length);
  check("getsockopt", result, `level ${level} option ${name}`);
  return bytes.subarray(0, length[0]);
}

/** Word of SO_MEMINFO that counts what was dropped, SK_MEMINFO_DROPS, and the size of all words. */
const MEMINFO_DROPS = 8;
const MEMINFO_SIZE = 36;

/**
 * Packets that were lost because this socket's queue was full, since it was opened, modulo 2³².
 * What its filter refuses is not among them.
 */
export function queueDrops(fd: number): number {
  const words = getOptionBytes(fd, SOL_SOCKET, SO_MEMINFO, MEMINFO_SIZE);
  return new DataView(words.buffer).getUint32(MEMINFO_DROPS * 4, true);
}

/** Bytes that may wait in the socket's queue; past the system's limit where we are allowed to. */
export function setReceiveBuffer(fd: number, bytes: number): void {
  word[0] = bytes;
  // Without CAP_NET_ADMIN net.core.rmem_max is the limit, silently.
  if (libc.setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, word, 4) === 0) return;
  setOption(fd, SOL_SOCKET, SO_RCVBUF, bytes);
}

/** Binds to a local address (`sockaddrIn` …). */
export function bindSocket(fd: number, sockaddr: Uint8Array): void {
  check("bind", libc.bind(fd, sockaddr, sockaddr.length));
}

/**
 * Connects. Returns true when the socket is connected, false when that is on its way: then wait
 * for EPOLLOUT and read SO_ERROR.
 */
export function connectSocket(fd: number, sockaddr: Uint8Array): boolean {
  if (libc.connect(fd, sockaddr, sockaddr.length) === 0) return true;
  const errno = lastErrno();
  if (errno === EINPROGRESS) return false;
  throw new SystemError("connect", errno);
}

/** Lets others connect to it. @param backlog connections that may wait to be accepted */
export function listenSocket(fd: number, backlog: number): void {
  check("listen", libc.listen(fd, backlog));
}

/** The next connection that waits, close-on-exec and non-blocking; undefined: none does. */
export function acceptSocket(fd: number): number | undefined {
  const accepted = libc.accept4(fd, null, null, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (accepted < 0 && lastErrno() === EAGAIN) return undefined;
  return opened("accept4", accepted);
}

/** Lets only this interface's packets in and out (SO_BINDTODEVICE). Needs CAP_NET_RAW. */
export function bindToDevice(fd: number, interfaceName: string): void {
  const name = cString(interfaceName);
  if (name.length < 2 || name.length > MAX_INTERFACE_NAME + 1) {
    throw new RangeError(`Not an interface name: ${JSON.stringify(interfaceName)}`);
  }
  const result = libc.setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, name.length);
  check("setsockopt", result, `SO_BINDTODEVICE ${interfaceName}`);
}

/** The local address a socket is bound to, as sockaddr bytes. */
export function getSocketName(fd: number): Uint8Array {
  const bytes = new Uint8Array(SOCKADDR_STORAGE);
  length[0] = bytes.length;
  check("getsockname", libc.getsockname(fd, bytes, length));
  return bytes.subarray(0, length[0]);
}

/** The address a connected socket speaks to, as sockaddr bytes. */
export function getPeerName(fd: number): Uint8Array {
  const bytes = new Uint8Array(SOCKADDR_STORAGE);
  length[0] = bytes.length;
  check("getpeername", libc.getpeername(fd, bytes, length));
  return bytes.subarray(0, length[0]);
}

/**
 * Who made the other end of a connected AF_UNIX stream, or listened there: process and user as this
 * process sees them.
 */
export function peerCredentials(fd: number): { readonly pid: number; readonly uid: number } {
  // struct ucred: process, user, group.
  const { buffer, byteOffset } = getOptionBytes(fd, SOL_SOCKET, SO_PEERCRED, 12);
  const view = new DataView(buffer, byteOffset);
  return { pid: view.getInt32(0, true), uid: view.getUint32(4, true) };
}

/** Tells the peer that no more will be sent (SHUT_WR); nothing where it is gone already. */
export function endSending(fd: number): void {
  libc.shutdown(fd, SHUT_WR);
}

/**
 * Sends the first `length` bytes, to `sockaddr` or, when that is null, to the connected peer.
 * Returns the bytes sent or minus errno.
 */
export function sendTo(
  fd: number,
  bytes: Uint8Array,
  length: number,
  sockaddr: Uint8Array | null,
  flags: number,
): number {
  // The kernel would read past the end of the array.
  if (!(length >= 0 && length <= bytes.length)) {
    throw new RangeError(`Cannot send ${length} of ${bytes.length} bytes`);
  }
  const size = sockaddr === null ? 0 : sockaddr.length;
  return countOrErrno(libc.sendto(fd, bytes, length, flags, sockaddr, size));
}

/**
 * Receives into `buffer`. Returns the bytes received or minus errno (-EAGAIN: nothing there). With
 * MSG_TRUNC it returns the packet's whole length, which may exceed the buffer's.
 */
export function receive(fd: number, buffer: Uint8Array, flags: number): number {
  return countOrErrno(libc.recv(fd, buffer, buffer.length, flags));
}

/**
 * Throws away what is queued in a socket, at most `limit` packets. Returns how many there were.
 */
export function drainSocket(fd: number, limit = 100_000): number {
  const buffer = new Uint8Array(1);
  let count = 0;
  while (count < limit && libc.recv(fd, buffer, 1, 0) >= 0) count++;
  return count;
}
