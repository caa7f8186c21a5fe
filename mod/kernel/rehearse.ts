/**
 * A rehearsal of the takeover. What has never run is interpreted, several times slower than what
 * has; a takeover is rare, and the first one is the one that counts. So after each configuration
 * the codecs are run once over the configured addresses, into nothing.
 *
 * @module
 */

import { parseIp } from "../ip/mod.ts";
import { MessageWriter, readAcknowledgement, readAddress, splitMessages } from "../netlink/mod.ts";
import type { KernelRouter } from "../plane/messages.ts";
import { gratuitousArp } from "./announce.ts";
import { encodeOperation } from "./operation.ts";

/** More addresses than this teach the compiler nothing new. */
const MOST = 1000;
const MAC = "02:00:00:00:00:01";

/** Encodes and reads what a takeover of these routers would. Returns the bytes it made. */
export function rehearse(routers: readonly KernelRouter[]): number {
  const writer = new MessageWriter(64 * 1024);
  let left = MOST;
  let bytes = 0;
  for (const { name, lease, addresses } of routers) {
    for (const { address } of addresses.slice(0, left)) {
      if (parseIp(address) === undefined) continue;
      left--;
      encodeOperation(writer, 1, { type: "add_address", router: name, index: 1, address, lease });
      if (!address.includes(":")) bytes += gratuitousArp(address, MAC).length;
    }
  }
  for (const message of splitMessages(writer.finish()).messages) {
    const read = readAddress(message);
    // Of the wrong type, which is found out after the header: enough of a rehearsal.
    const answer = readAcknowledgement(message);
    bytes += Number(read.ok) + Number(answer.ok);
  }
  return bytes + writer.length;
}
