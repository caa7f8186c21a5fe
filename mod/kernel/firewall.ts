/**
 * Batches of nftables: sent in one piece, of which the kernel does all or nothing.
 *
 * @module
 */

import {
  describeAcknowledgement,
  EOPNOTSUPP,
  MessageWriter,
  NLMSG_ERROR,
  readAcknowledgement,
  splitMessages,
} from "../netlink/mod.ts";
import type { FirewallIo } from "./io.ts";

const EINVAL = 22;

/**
 * Sends a batch.
 *
 * @param encode writes it, and returns the sequence numbers that are acknowledged
 * @returns why the kernel did nothing of it; empty: it did all
 * @throws where the socket is of no use
 */
export function sendBatch(
  socket: FirewallIo,
  encode: (writer: MessageWriter) => readonly number[],
): string {
  const writer = new MessageWriter(4096);
  const expected = new Set(encode(writer));
  socket.send(writer.finish());
  let refusal = "";
  for (let bytes = socket.receive(); bytes !== undefined; bytes = socket.receive()) {
    for (const message of splitMessages(bytes).messages) {
      if (message.type !== NLMSG_ERROR) continue;
      const read = readAcknowledgement(message);
      if (!read.ok) continue;
      expected.delete(read.value.sequence);
      if (read.value.errno === 0 || refusal !== "") continue;
      const { errno } = read.value;
      const hint = errno === EOPNOTSUPP || errno === EINVAL
        ? " (needs nf_tables of Linux 5.12 or newer)"
        : "";
      refusal = `nftables: ${describeAcknowledgement(read.value)}${hint}`;
    }
  }
  if (refusal === "" && expected.size > 0) return "nftables: the kernel did not answer";
  return refusal;
}
