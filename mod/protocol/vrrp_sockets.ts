/**
 * The sockets that carry VRRP over IPv4 on one interface: one to receive, which joins the group, and
 * one to send, which receives nothing. They serve all virtual routers of that interface.
 *
 * @module
 */

import {
  AF_INET,
  attachDropAll,
  bindToDevice,
  closeDescriptor,
  inNamespace,
  IP_HDRINCL,
  IP_MULTICAST_ALL,
  IP_MULTICAST_LOOP,
  IPPROTO_IP,
  IPPROTO_VRRP,
  joinGroup4,
  MSG_DONTROUTE,
  openSocket,
  receive,
  sendTo,
  setMulticastInterface4,
  setOption,
  SO_PRIORITY,
  SO_RCVBUF,
  SOCK_RAW,
  sockaddrIn,
  SOL_SOCKET,
} from "../../ffi/mod.ts";
import { VRRP_GROUP_IPV4 } from "../vrrp/mod.ts";

/** Bytes the kernel may queue for us; what it does not hold, a late loop does not see. */
const RECEIVE_BUFFER = 1 << 20;
/** TC_PRIO_CONTROL: ahead of bulk traffic in the interface's own queue. */
const PRIORITY_CONTROL = 7;

const GROUP = sockaddrIn(VRRP_GROUP_IPV4, 0);

/** What the driver needs of a pair of sockets; a test brings its own. */
export interface VrrpTransport {
  /** Descriptor that becomes readable. */
  readonly descriptor: number;
  /** One packet with its IP header: its length, or minus errno. Never blocks. */
  receive(buffer: Uint8Array): number;
  /** Sends one packet with its IP header to the group: its length, or minus errno. */
  send(packet: Uint8Array): number;
  close(): void;
}

/** @throws {SystemError} when a socket cannot be had, such as EPERM or ENODEV */
export function openVrrpSockets(
  namespace: string,
  index: number,
  name: string,
): VrrpTransport {
  return inNamespace(namespace, () => {
    const opened: number[] = [];
    try {
      const incoming = openSocket(AF_INET, SOCK_RAW, IPPROTO_VRRP);
      opened.push(incoming);
      bindToDevice(incoming, name);
      setOption(incoming, IPPROTO_IP, IP_MULTICAST_ALL, 0);
      setOption(incoming, SOL_SOCKET, SO_RCVBUF, RECEIVE_BUFFER);
      joinGroup4(incoming, VRRP_GROUP_IPV4, index);
      const outgoing = openSocket(AF_INET, SOCK_RAW, IPPROTO_VRRP);
      opened.push(outgoing);
      attachDropAll(outgoing);
      bindToDevice(outgoing, name);
      setOption(outgoing, IPPROTO_IP, IP_HDRINCL, 1);
      setOption(outgoing, IPPROTO_IP, IP_MULTICAST_LOOP, 0);
      setOption(outgoing, SOL_SOCKET, SO_PRIORITY, PRIORITY_CONTROL);
      setMulticastInterface4(outgoing, index);
      return {
        descriptor: incoming,
        receive: (buffer) => receive(incoming, buffer, 0),
        send: (packet) => sendTo(outgoing, packet, packet.length, GROUP, MSG_DONTROUTE),
        close: () => opened.forEach(closeDescriptor),
      };
    } catch (error) {
      opened.forEach(closeDescriptor);
      throw error;
    }
  });
}
