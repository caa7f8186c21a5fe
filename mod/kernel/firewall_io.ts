/**
 * The way to nftables in one network namespace.
 *
 * @module
 */

import {
  EAGAIN,
  ENOBUFS,
  inNamespace,
  NETLINK_NETFILTER,
  NetlinkSocket,
  setOption,
  SO_SNDBUF,
  SO_SNDBUFFORCE,
  SOL_SOCKET,
  SystemError,
} from "../../ffi/mod.ts";
import type { FirewallIo } from "./io.ts";
import { DATAGRAM_LENGTH } from "./requester.ts";

/** A batch is one datagram, whatever it holds. */
const BATCH_BUFFER = 4 * 1024 * 1024;

/** Opens a socket to nftables; empty: in the agent's own namespace. @throws {SystemError} */
export function openFirewall(namespace: string): FirewallIo {
  const socket = inNamespace(namespace, () => new NetlinkSocket(NETLINK_NETFILTER));
  enlarge(socket.fd);
  const buffer = new Uint8Array(DATAGRAM_LENGTH);
  return {
    send: (bytes) => socket.send(bytes),
    receive: () => receiveAnswer(socket, buffer),
    close: () => socket.close(),
  };
}

/** A copy of the next datagram of answers. */
export function receiveAnswer(socket: NetlinkSocket, buffer: Uint8Array): Uint8Array | undefined {
  const length = socket.receive(buffer);
  if (length === -EAGAIN || length === -ENOBUFS) return undefined;
  if (length < 0) throw new SystemError("recvfrom", -length, "netlink answers");
  return buffer.slice(0, length);
}

function enlarge(fd: number): void {
  for (const option of [SO_SNDBUFFORCE, SO_SNDBUF]) {
    try {
      setOption(fd, SOL_SOCKET, option, BATCH_BUFFER);
      return;
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
    }
  }
}
