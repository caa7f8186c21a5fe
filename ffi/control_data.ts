/**
 * Control data to send along with a packet: from which address, through which interface.
 *
 * Built once and passed to every send. Several pieces are joined by `joinControl`.
 *
 * @module
 */

import {
  IP_PKTINFO,
  IP_TTL,
  IPPROTO_IP,
  IPPROTO_IPV6,
  IPV6_HOPLIMIT,
  IPV6_PKTINFO,
} from "./constants.ts";
import { CMSG_DATA, CMSG_LEVEL, CMSG_TYPE, controlSpace } from "./layout.ts";

/** One control message, padded so that another may follow it. */
export function controlMessage(level: number, type: number, data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(controlSpace(data.length));
  const view = new DataView(bytes.buffer);
  view.setUint32(0, CMSG_DATA + data.length, true);
  view.setInt32(CMSG_LEVEL, level, true);
  view.setInt32(CMSG_TYPE, type, true);
  bytes.set(data, CMSG_DATA);
  return bytes;
}

/** Several control messages as one piece of control data. */
export function joinControl(...messages: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(messages.reduce((sum, message) => sum + message.length, 0));
  let offset = 0;
  for (const message of messages) {
    bytes.set(message, offset);
    offset += message.length;
  }
  return bytes;
}

/** IP_PKTINFO: send through this interface (0: as routed), from this 4-byte address if given. */
export function packetInfo4(ifindex: number, source?: Uint8Array): Uint8Array {
  // struct in_pktinfo: interface index, local address, destination (ignored on the way out).
  const data = new Uint8Array(12);
  new DataView(data.buffer).setInt32(0, ifindex, true);
  if (source !== undefined) data.set(source.subarray(0, 4), 4);
  return controlMessage(IPPROTO_IP, IP_PKTINFO, data);
}

/** IPV6_PKTINFO: send through this interface (0: as routed), from this 16-byte address if given. */
export function packetInfo6(ifindex: number, source?: Uint8Array): Uint8Array {
  // struct in6_pktinfo: address, interface index.
  const data = new Uint8Array(20);
  if (source !== undefined) data.set(source.subarray(0, 16), 0);
  new DataView(data.buffer).setUint32(16, ifindex, true);
  return controlMessage(IPPROTO_IPV6, IPV6_PKTINFO, data);
}

/** IP_TTL for one packet, 1 to 255. */
export function timeToLive4(ttl: number): Uint8Array {
  return controlMessage(IPPROTO_IP, IP_TTL, new Uint8Array(Int32Array.of(ttl).buffer));
}

/** IPV6_HOPLIMIT for one packet, 0 to 255. */
export function hopLimit6(limit: number): Uint8Array {
  return controlMessage(IPPROTO_IPV6, IPV6_HOPLIMIT, new Uint8Array(Int32Array.of(limit).buffer));
}
