/**
 * Settings of interfaces, as the kernel itself tells them: RTM_GETNETCONF, RTM_NEWNETCONF,
 * RTM_DELNETCONF. Of interest here is whether an interface forwards IPv6, which a neighbour
 * advertisement must say truly. The kernel notifies of every change, so nobody has to read
 * /proc/sys, which belongs to the namespace of the process and not to that of a socket.
 *
 *      0
 *     +---------------+
 *     |    family     |  and three bytes of padding
 *     +---------------+
 *
 * @module
 */

import { readAttributes, readU32 } from "./attribute.ts";
import { AF_INET6, NLM_F_DUMP, NLM_F_REQUEST, RTM_GETNETCONF } from "./constants.ts";
import type { Decoded, MessageWriter, NetlinkMessage } from "./frame.ts";

const NETCONF_HEADER_LENGTH = 4;
const NETCONFA_IFINDEX = 1;
const NETCONFA_FORWARDING = 2;

/** Settings of one interface in one family. */
export interface InterfaceSettings {
  /** AF_INET6 or another family. */
  readonly family: number;
  /** Interface index; -1: the setting `all`, -2: `default`. */
  readonly index: number;
  /** Whether packets are forwarded; undefined: not said, as in a report of another change. */
  readonly forwarding: boolean | undefined;
}

/** Reads the payload of RTM_NEWNETCONF or RTM_DELNETCONF. */
export function readSettings(message: NetlinkMessage): Decoded<InterfaceSettings> {
  const { payload } = message;
  if (payload.length < NETCONF_HEADER_LENGTH) {
    return { ok: false, reason: `Cannot read settings: ${payload.length} bytes, need 4` };
  }
  const attributes = readAttributes(payload, NETCONF_HEADER_LENGTH);
  if (!attributes.ok) return attributes;
  const index = readU32(attributes.value, NETCONFA_IFINDEX);
  if (index === undefined) return { ok: false, reason: "Cannot read settings: no interface" };
  const forwarding = readU32(attributes.value, NETCONFA_FORWARDING);
  return {
    ok: true,
    value: {
      family: payload[0] ?? 0,
      index: index | 0,
      forwarding: forwarding === undefined ? undefined : forwarding !== 0,
    },
  };
}

/** Appends a request for the IPv6 settings of all interfaces. */
export function requestIpv6Settings(writer: MessageWriter, sequence: number): void {
  writer.begin(RTM_GETNETCONF, NLM_F_REQUEST | NLM_F_DUMP, sequence);
  writer.u8(AF_INET6).u8(0).u8(0).u8(0).end();
}
