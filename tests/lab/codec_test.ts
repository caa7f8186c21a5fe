/**
 * A codec is right when somebody else's dissector says so: adverts go into a capture file, and
 * tshark must read the same values, find each checksum good under the rule it was made by (and bad
 * under the other), and have nothing to complain about. No traffic, no privilege.
 */

import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { encodeAdvertisement, type OutgoingAdvertisement } from "../../mod/vrrp/mod.ts";

/** LINKTYPE_RAW: a packet begins with its IP header. */
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
function finished(packet: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(packet);
  let sum = 0;
  for (let i = 0; i < 20; i += 2) sum += copy[i]! * 256 + copy[i + 1]!;
  sum = 65_535 - (sum % 65_535);
  copy[10] = sum >> 8;
  copy[11] = sum & 255;
  return copy;
}

type Tree = { readonly [key: string]: unknown };

/** What tshark makes of the packets: one tree of layers for each. */
async function dissect(packets: readonly Uint8Array[], messageOnly: boolean): Promise<Tree[]> {
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
function find(tree: unknown, name: string): unknown {
  if (tree === null || typeof tree !== "object") return undefined;
  for (const [key, value] of Object.entries(tree)) {
    if (key === name) return value;
    const inside = find(value, name);
    if (inside !== undefined) return inside;
  }
  return undefined;
}

function adverts(checksum: "rfc9568" | "rfc5798"): OutgoingAdvertisement[] {
  const many = Array.from({ length: 20 }, (_, i) => `203.0.113.${i + 1}`);
  const all = Array.from({ length: 255 }, (_, i) => `192.0.2.${i}`);
  const list: OutgoingAdvertisement[] = [];
  for (const addresses of [["192.0.2.10"], many, all]) {
    for (const priority of [0, 100, 255]) {
      for (const interval of [10_000, 1_000_000, 40_950_000]) {
        const [source, destination] = ["198.51.100.10", "224.0.0.18"];
        const virtualRouterId = 1 + (priority + addresses.length) % 255;
        list.push({
          source,
          destination,
          virtualRouterId,
          priority,
          interval,
          addresses,
          checksum,
        });
      }
    }
  }
  return list;
}

for (const checksum of ["rfc9568", "rfc5798"] as const) {
  Deno.test(`[V7-3] [V7-6] [N15] tshark reads our adverts, checksum by ${checksum}`, async () => {
    const sent = adverts(checksum);
    const packets = sent.map((advert) => finished(encodeAdvertisement({ ...advert, version: 3 })));
    const trees = await dissect(packets, checksum === "rfc9568");
    strictEqual(trees.length, sent.length);
    for (const [i, tree] of trees.entries()) {
      const advert = sent[i]!;
      const where = JSON.stringify(advert);
      for (const complaint of ["_ws.expert", "_ws.malformed", "_ws.short"]) {
        strictEqual(find(tree, complaint), undefined, `${complaint} on ${where}`);
      }
      const field = (name: string) => find(tree, name);
      deepStrictEqual(
        {
          protocols: field("frame.protocols"),
          ttl: field("ip.ttl"),
          protocol: field("ip.proto"),
          source: field("ip.src"),
          destination: field("ip.dst"),
          headerChecksum: field("ip.checksum.status"),
          version: field("vrrp.version"),
          type: field("vrrp.type"),
          id: field("vrrp.virt_rtr_id"),
          priority: field("vrrp.prio"),
          count: field("vrrp.addr_count"),
          interval: field("vrrp.short_adver_int"),
          checksum: field("vrrp.checksum.status"),
          addresses: [field("vrrp.ip_addr")].flat(),
        },
        {
          protocols: "raw:ip:vrrp",
          ttl: "255",
          protocol: "112",
          source: advert.source,
          destination: advert.destination,
          headerChecksum: "1",
          version: "3",
          type: "1",
          id: String(advert.virtualRouterId),
          priority: String(advert.priority),
          count: String(advert.addresses.length),
          interval: String(advert.interval / 10_000),
          checksum: "1",
          addresses: advert.addresses,
        },
        where,
      );
    }
  });

  Deno.test(`tshark told the other rule finds ${checksum} adverts bad: it does look`, async () => {
    const packets = adverts(checksum).map((advert) =>
      finished(encodeAdvertisement({ ...advert, version: 3 }))
    );
    for (const tree of await dissect(packets, checksum !== "rfc9568")) {
      strictEqual(find(tree, "vrrp.checksum.status"), "0");
      ok(find(tree, "_ws.expert") !== undefined);
    }
  });
}
