/**
 * Links: RTM_GETLINK, RTM_NEWLINK, RTM_DELLINK.
 *
 *      0               1               2               3
 *     +---------------+---------------+-----------------------------+
 *     |    family     |       0       |        hardware type        |
 *     +---------------+---------------+-----------------------------+
 *     |                       interface index                       |
 *     +-------------------------------------------------------------+
 *     |                    flags (IFF_UP, …)                        |
 *     +-------------------------------------------------------------+
 *     |                         change mask                         |
 *     +-------------------------------------------------------------+
 *
 * @module
 */

import { readAttributes, readText, readU32 } from "./attribute.ts";
import {
  AF_UNSPEC,
  IFF_RUNNING,
  IFF_UP,
  NLM_F_DUMP,
  NLM_F_REQUEST,
  RTM_GETLINK,
} from "./constants.ts";
import { type Decoded, type MessageWriter, type NetlinkMessage, viewOf } from "./frame.ts";

const LINK_HEADER_LENGTH = 16;
const IFLA_ADDRESS = 1;
const IFLA_IFNAME = 3;
const IFLA_MTU = 4;

/** One network interface as the kernel reports it. */
export interface Link {
  /**
   * AF_UNSPEC for the link itself. Bridges report their ports with a family of their own: a
   * RTM_DELLINK of that kind says that the port has left the bridge, not that it is gone.
   */
  readonly family: number;
  /** 1 or more. */
  readonly index: number;
  readonly name: string;
  /** ARPHRD_…: 1 Ethernet, 772 loopback. */
  readonly hardwareType: number;
  /** IFF_… */
  readonly flags: number;
  readonly up: boolean;
  /** There is carrier and the device is operational. */
  readonly running: boolean;
  /** `aa:bb:cc:dd:ee:ff`; empty: the device has none. */
  readonly mac: string;
  /** Bytes; 0 where the kernel did not say. */
  readonly mtu: number;
}

/** Reads the payload of RTM_NEWLINK or RTM_DELLINK. */
export function readLink(message: NetlinkMessage): Decoded<Link> {
  const { payload } = message;
  if (payload.length < LINK_HEADER_LENGTH) {
    return { ok: false, reason: `Cannot read link: ${payload.length} bytes, need 16` };
  }
  const view = viewOf(payload);
  const index = view.getInt32(4, true);
  if (index < 1) return { ok: false, reason: `Cannot read link: index is ${index}` };
  const attributes = readAttributes(payload, LINK_HEADER_LENGTH);
  if (!attributes.ok) return attributes;
  const name = readText(attributes.value, IFLA_IFNAME);
  if (name === undefined || name === "") {
    return { ok: false, reason: `Cannot read link ${index}: it has no name` };
  }
  const flags = view.getUint32(8, true);
  return {
    ok: true,
    value: {
      family: payload[0] ?? 0,
      index,
      name,
      hardwareType: view.getUint16(2, true),
      flags,
      up: (flags & IFF_UP) !== 0,
      running: (flags & IFF_RUNNING) !== 0,
      mac: formatMac(attributes.value.get(IFLA_ADDRESS)),
      mtu: readU32(attributes.value, IFLA_MTU) ?? 0,
    },
  };
}

/** Appends a request for all links. */
export function requestLinks(writer: MessageWriter, sequence: number): void {
  writer.begin(RTM_GETLINK, NLM_F_REQUEST | NLM_F_DUMP, sequence);
  writer.u8(AF_UNSPEC).u8(0).u16(0).u32(0).u32(0).u32(0).end();
}

/** Six bytes as text; loopback's all-zero address counts as none. */
function formatMac(bytes: Uint8Array | undefined): string {
  if (bytes === undefined || bytes.every((byte) => byte === 0)) return "";
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(":");
}
