/**
 * Ends connections whose descriptors the runtime keeps to itself.
 *
 * @module
 */

import { formatIpv4 } from "./address.ts";
import { AF_INET, AF_INET6 } from "./constants.ts";
import { listNames } from "./file.ts";
import {
  SOCKADDR_STORAGE,
  sockaddrAddress,
  sockaddrFamily,
  sockaddrIn,
  sockaddrIn6,
  sockaddrPort,
} from "./sockaddr.ts";
import { libc } from "./symbols.ts";

const SHUT_RDWR = 2;
/** Before an IPv4 address that is written as one of IPv6: `::ffff:0:0/96`. */
const MAPPED = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];

/** One end of a connection of TCP. */
export interface TcpEnd {
  readonly hostname: string;
  readonly port: number;
}

const scratch = new Uint8Array(new ArrayBuffer(SOCKADDR_STORAGE));
const length = new Uint32Array(new ArrayBuffer(4));

/** Address and port, alike for all ways to write an address; empty: it has none. */
function nameOf(sockaddr: Uint8Array): string {
  const family = sockaddrFamily(sockaddr);
  if (family !== AF_INET && family !== AF_INET6) return "";
  const mapped = family === AF_INET6 && MAPPED.every((byte, i) => sockaddr[8 + i] === byte);
  const address = mapped ? formatIpv4(sockaddr, 20) : sockaddrAddress(sockaddr);
  return `${address} ${sockaddrPort(sockaddr)}`;
}

function endName({ hostname, port }: TcpEnd): string {
  return nameOf(hostname.includes(":") ? sockaddrIn6(hostname, port) : sockaddrIn(hostname, port));
}

function nameBy(
  ask: (fd: number, sockaddr: Uint8Array, length: Uint32Array) => number,
  fd: number,
): string {
  length[0] = scratch.length;
  return ask(fd, scratch, length) < 0 ? "" : nameOf(scratch);
}

/**
 * Ends the connection of TCP between these two, in both directions, whoever holds its descriptor:
 * reads find its end from now on, writes fail. What the kernel has to send is sent. Only for a
 * connection that this thread's runtime has open: nobody else closes its descriptor meanwhile.
 *
 * @returns whether this process has it
 */
export function hangUp(local: TcpEnd, remote: TcpEnd): boolean {
  const [ours, theirs] = [endName(local), endName(remote)];
  for (const name of listNames("/proc/self/fd")) {
    const fd = /^\d+$/.test(name) ? Number(name) : -1;
    if (fd < 0 || nameBy(libc.getpeername, fd) !== theirs) continue;
    if (nameBy(libc.getsockname, fd) !== ours) continue;
    libc.shutdown(fd, SHUT_RDWR);
    return true;
  }
  return false;
}
