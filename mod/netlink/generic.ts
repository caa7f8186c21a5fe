/**
 * Generic netlink: one protocol for many families, whose numbers the kernel gives out when their
 * module is loaded (libnl's `genl_ctrl_resolve` asks for them). Such a message has the family's
 * number as its type and four bytes before its attributes.
 *
 *      0               1               2               3
 *     +---------------+---------------+-----------------------------+
 *     |    command    |    version    |              0              |
 *     +---------------+---------------+-----------------------------+
 *
 * @module
 */

import { type Attributes, readAttributes } from "./attribute.ts";
import type { Decoded, MessageWriter, NetlinkMessage } from "./frame.ts";

const GENERIC_HEADER_LENGTH = 4;

/** What a message of a generic family begins with. */
export interface GenericHeader {
  readonly command: number;
  readonly version: number;
  readonly attributes: Attributes;
}

/** Begins a message of a generic family; attributes and `end` follow. */
export function beginGeneric(
  writer: MessageWriter,
  family: number,
  flags: number,
  sequence: number,
  command: number,
  version: number,
): MessageWriter {
  return writer.begin(family, flags, sequence).u8(command).u8(version).u16(0);
}

/** Reads the header and the attributes behind it. */
export function readGenericHeader(message: NetlinkMessage): Decoded<GenericHeader> {
  const { payload } = message;
  if (payload.length < GENERIC_HEADER_LENGTH) {
    return { ok: false, reason: `Cannot read generic header: ${payload.length} bytes, need 4` };
  }
  const attributes = readAttributes(payload, GENERIC_HEADER_LENGTH);
  if (!attributes.ok) return attributes;
  const [command = 0, version = 0] = payload;
  return { ok: true, value: { command, version, attributes: attributes.value } };
}
