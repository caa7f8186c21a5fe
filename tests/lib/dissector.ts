/**
 * Packets before somebody else's dissector: they go into a capture file, and tshark says what it
 * reads. No traffic, no privilege.
 *
 * @module
 */

import { ok } from "node:assert/strict";
import { parseIp } from "../../mod/ip/mod.ts";

/** LINKTYPE_RAW: a packet begins with its IP header, of either family. */
const LINKTYPE_RAW = 101;

function pcap(packets: readonly Uint8Array[]): Uint8Array {
  const length = packets.reduce((sum, packet) => sum + 16 + packet.length, 24);
  const file = new Uint8Array(length);
  const view = new DataView(file.buffer);
  // Magic, version 2.4, zone, accuracy, longest packet, link type; little-endian throughout.
  view.setUint32(0, 0xa1b2c3d4, true);
  view.setUint16(4, 2, true);
  view.setUint16(6, 4, true);
  view.setUint32(16, 65_535, true);
  view.setUint32(20, LINKTYPE_RAW, true);
  let at = 24;
  for (const [i, packet] of packets.entries()) {
    view.setUint32(at, i, true); // seconds
    view.setUint32(at + 8, packet.length, true);
    view.setUint32(at + 12, packet.length, true);
    file.set(packet, at + 16);
    at += 16 + packet.length;
  }
  return file;
}

/** Fills the IP header checksum, as the kernel does for a socket with IP_HDRINCL. */
export function finished(packet: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(packet);
  let sum = 0;
  for (let i = 0; i < 20; i += 2) sum += copy[i]! * 256 + copy[i + 1]!;
  sum = 65_535 - (sum % 65_535);
  copy[10] = sum >> 8;
  copy[11] = sum & 255;
  return copy;
}

/** Puts an IPv6 header before a message, as the kernel does: class 0xc0, hop limit 255. */
export function withIpv6Header(
  message: Uint8Array,
  source: string,
  destination: string,
): Uint8Array {
  const packet = new Uint8Array(40 + message.length);
  packet.set([0x6c, 0, 0, 0, message.length >> 8, message.length & 255, 112, 255]);
  packet.set(parseIp(source)!, 8);
  packet.set(parseIp(destination)!, 24);
  packet.set(message, 40);
  return packet;
}

export type Tree = { readonly [key: string]: unknown };

/**
 * What tshark makes of the packets: one tree of layers for each.
 *
 * @param messageOnly take the checksum of version 3 over IPv4 for one without pseudo header
 */
export async function dissect(
  packets: readonly Uint8Array[],
  messageOnly: boolean,
): Promise<Tree[]> {
  const path = await Deno.makeTempFile({ suffix: ".pcap" });
  try {
    await Deno.writeFile(path, pcap(packets));
    const args = ["-r", path, "-T", "json", "--no-duplicate-keys", "-o", "ip.check_checksum:TRUE"];
    args.push("-o", `vrrp.v3_checksum_as_in_v2:${messageOnly ? "TRUE" : "FALSE"}`);
    const result = await new Deno.Command("tshark", { args, stderr: "piped" }).output();
    const text = new TextDecoder();
    ok(result.success, `tshark failed: ${text.decode(result.stderr)}`);
    const parsed = JSON.parse(text.decode(result.stdout)) as { _source: { layers: Tree } }[];
    return parsed.map((packet) => packet._source.layers);
  } finally {
    await Deno.remove(path);
  }
}

/** The first value of a field, wherever in the tree it stands. */
export function find(tree: unknown, name: string): unknown {
  if (tree === null || typeof tree !== "object") return undefined;
  for (const [key, value] of Object.entries(tree)) {
    if (key === name) return value;
    const inside = find(value, name);
    if (inside !== undefined) return inside;
  }
  return undefined;
}
