/**
 * A netlink socket: datagrams to and from the kernel. What is in them is `mod/netlink`'s business.
 *
 * Extended acknowledgements are on, so that a refusal carries the kernel's own sentence. Datagrams
 * that did not come from the kernel are thrown away: any process may send to our port id if it is
 * privileged, and none of them is a source of truth.
 *
 * @module
 */

import {
  AF_NETLINK,
  MSG_TRUNC,
  NETLINK_ADD_MEMBERSHIP,
  NETLINK_DROP_MEMBERSHIP,
  NETLINK_EXT_ACK,
  SO_RCVBUF,
  SO_RCVBUFFORCE,
  SOCK_RAW,
  SOL_NETLINK,
  SOL_SOCKET,
} from "./constants.ts";
import { closeDescriptor } from "./descriptor.ts";
import { EINTR, EMSGSIZE, EPERM, SystemError } from "./errors.ts";
import { sockaddrNl } from "./sockaddr.ts";
import { bindSocket, getOption, getSocketName, openSocket, setOption } from "./socket.ts";
import { lastErrno, libc } from "./symbols.ts";

const KERNEL = sockaddrNl(0, 0);

/** A bound, non-blocking netlink socket with extended acknowledgements. */
export class NetlinkSocket {
  readonly fd: number;
  /** Our address on netlink, chosen by the kernel; requests carry it. */
  readonly portId: number;
  readonly #source = new Uint32Array(new ArrayBuffer(12));
  readonly #sourceLength = new Uint32Array(new ArrayBuffer(4));
  #datagramLength = 0;

  /** `protocol`: NETLINK_ROUTE or NETLINK_GENERIC; `groups`: numbers of multicast groups to join. */
  constructor(protocol: number, groups: readonly number[] = []) {
    this.fd = openSocket(AF_NETLINK, SOCK_RAW, protocol);
    try {
      setOption(this.fd, SOL_NETLINK, NETLINK_EXT_ACK, 1);
      bindSocket(this.fd, KERNEL);
      for (const group of groups) this.joinGroup(group);
      const name = getSocketName(this.fd);
      this.portId = new DataView(name.buffer).getUint32(4, true);
    } catch (error) {
      closeDescriptor(this.fd);
      throw error;
    }
  }

  /** Sends one datagram, which may hold many requests, to the kernel. */
  send(bytes: Uint8Array): void {
    for (;;) {
      const sent = libc.sendto(this.fd, bytes, bytes.length, 0, KERNEL, KERNEL.length);
      if (sent >= 0) return;
      const errno = lastErrno();
      if (errno !== EINTR) throw new SystemError("sendto", errno, `netlink, ${bytes.length} bytes`);
    }
  }

  /**
   * Receives one datagram. Returns its length or minus errno: -EAGAIN when nothing is there,
   * -ENOBUFS when notifications were lost, -EMSGSIZE when the datagram did not fit and is lost
   * (`datagramLength` then tells what it needed).
   */
  receive(buffer: Uint8Array): number {
    for (;;) {
      this.#sourceLength[0] = 12;
      const count = libc.recvfrom(
        this.fd,
        buffer,
        buffer.length,
        MSG_TRUNC,
        this.#source,
        this.#sourceLength,
      );
      if (count < 0) {
        const errno = lastErrno();
        if (errno === EINTR) continue;
        return -errno;
      }
      // Word 1 is the sender's port id; the kernel's is 0.
      if (this.#source[1] !== 0) continue;
      this.#datagramLength = count;
      return count > buffer.length ? -EMSGSIZE : count;
    }
  }

  /** Whole length of the last datagram received, bytes; more than the buffer's when cut off. */
  get datagramLength(): number {
    return this.#datagramLength;
  }

  /** Joins a multicast group by its number (RTNLGRP_…). */
  joinGroup(group: number): void {
    setOption(this.fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, group);
  }

  leaveGroup(group: number): void {
    setOption(this.fd, SOL_NETLINK, NETLINK_DROP_MEMBERSHIP, group);
  }

  /**
   * Asks for a receive buffer of so many bytes, beyond net.core.rmem_max where CAP_NET_ADMIN
   * allows. Returns the size that the kernel grants, which counts its own overhead (twice as much).
   */
  setReceiveBuffer(bytes: number): number {
    try {
      setOption(this.fd, SOL_SOCKET, SO_RCVBUFFORCE, bytes);
    } catch (error) {
      if (!(error instanceof SystemError && error.errno === EPERM)) throw error;
      setOption(this.fd, SOL_SOCKET, SO_RCVBUF, bytes);
    }
    return getOption(this.fd, SOL_SOCKET, SO_RCVBUF);
  }

  close(): void {
    closeDescriptor(this.fd);
  }
}
