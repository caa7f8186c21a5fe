/**
 * tshark must read from our BFD control packets what we put in, every authentication section
 * included, and have nothing to complain about. No traffic, no privilege.
 */

import { ok, strictEqual } from "node:assert/strict";
import {
  AUTHENTICATION_TYPES,
  type AuthenticationSettings,
  type ControlPacket,
  emptyControlPacket,
  encodeControl,
  LONGEST_CONTROL,
  signControl,
  STATES,
} from "../../mod/bfd/mod.ts";

/** LINKTYPE_RAW: a packet begins with its IP header. */
const LINKTYPE_RAW = 101;
const SEQUENCE = 0xdeadbeef;

interface Sent {
  readonly packet: ControlPacket;
  readonly authentication: AuthenticationSettings | null;
}

/** An IPv4 and a UDP header before a packet, as the kernel makes them; 0 is no UDP checksum. */
function datagram(payload: Uint8Array, port: number): Uint8Array {
  const bytes = new Uint8Array(28 + payload.length);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, 0x45c0);
  view.setUint16(2, bytes.length);
  view.setUint16(8, 0xff11);
  bytes.set([192, 0, 2, 1, 192, 0, 2, 2], 12);
  let sum = 0;
  for (let i = 0; i < 20; i += 2) sum += view.getUint16(i);
  view.setUint16(10, 65_535 - (sum % 65_535));
  view.setUint16(20, 49_152);
  view.setUint16(22, port);
  view.setUint16(24, 8 + payload.length);
  bytes.set(payload, 28);
  return bytes;
}

function pcap(packets: readonly Uint8Array[]): Uint8Array {
  const file = new Uint8Array(packets.reduce((sum, { length }) => sum + 16 + length, 24));
  const view = new DataView(file.buffer);
  for (const [at, value] of [[0, 0xa1b2c3d4], [4, 0x0004_0002], [16, 65_535], [20, LINKTYPE_RAW]]) {
    view.setUint32(at!, value!, true);
  }
  let at = 24;
  for (const packet of packets) {
    view.setUint32(at + 8, packet.length, true);
    view.setUint32(at + 12, packet.length, true);
    file.set(packet, at + 16);
    at += 16 + packet.length;
  }
  return file;
}

type Tree = { readonly [key: string]: unknown };

async function dissect(packets: readonly Uint8Array[]): Promise<Tree[]> {
  const path = await Deno.makeTempFile({ suffix: ".pcap" });
  try {
    await Deno.writeFile(path, pcap(packets));
    const args = ["-r", path, "-T", "json", "--no-duplicate-keys"];
    const result = await new Deno.Command("tshark", { args, stderr: "piped" }).output();
    const text = new TextDecoder();
    ok(result.success, `tshark failed: ${text.decode(result.stderr)}`);
    const parsed = JSON.parse(text.decode(result.stdout)) as { _source: { layers: Tree } }[];
    return parsed.map(({ _source }) => _source.layers);
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

function variants(): Sent[] {
  const list: Sent[] = [];
  const keys = [{ id: 9, secret: [0x68, 0x75, 0x73, 0x68] }];
  const sections = [
    null,
    ...AUTHENTICATION_TYPES.map((type) => ({ type, construction: "rfc5880" as const, keys })),
    { type: "meticulous-keyed-sha1" as const, construction: "frr-hmac" as const, keys },
  ];
  for (const authentication of sections) {
    for (const [i, state] of STATES.entries()) {
      for (const flag of ["none", "poll", "final"]) {
        const packet: ControlPacket = {
          ...emptyControlPacket(),
          state,
          diagnostic: (i * 3 + flag.length) % 9,
          poll: flag === "poll",
          final: flag === "final",
          demand: i % 2 === 1,
          controlPlaneIndependent: i > 1,
          detectMultiplier: [1, 3, 5, 255][i]!,
          myDiscriminator: 0x80000001 + i,
          yourDiscriminator: 0xfffffff0 + i,
          desiredMinTx: [1_000_000, 3_300, 50_000, 10_000_000][i]!,
          requiredMinRx: [10_000, 0, 1, 300_000][i]!,
          requiredMinEchoRx: i * 20_000,
        };
        list.push({ packet, authentication });
      }
    }
  }
  return list;
}

function bytesOf({ packet, authentication }: Sent): Uint8Array {
  const bytes = new Uint8Array(LONGEST_CONTROL);
  let length = encodeControl(packet, bytes);
  if (authentication !== null) length = signControl(bytes, authentication, SEQUENCE);
  return bytes.subarray(0, length);
}

/** tshark writes numbers in the base its dissector prefers. */
function number(tree: Tree, field: string): number {
  const value = find(tree, field);
  ok(typeof value === "string", `${field} is ${JSON.stringify(value)}`);
  return Number(value);
}

for (const port of [3784, 4784]) {
  Deno.test(`tshark reads our BFD packets to port ${port}, authentication included`, async () => {
    const sent = variants();
    const trees = await dissect(sent.map((one) => datagram(bytesOf(one), port)));
    strictEqual(trees.length, sent.length);
    for (const [i, tree] of trees.entries()) {
      const { packet, authentication } = sent[i]!;
      for (const complaint of ["_ws.expert", "_ws.malformed", "_ws.short"]) {
        strictEqual(find(tree, complaint), undefined, `${complaint}: ${JSON.stringify(sent[i])}`);
      }
      strictEqual(number(tree, "bfd.version"), 1);
      strictEqual(number(tree, "bfd.diag"), packet.diagnostic);
      strictEqual(number(tree, "bfd.sta"), STATES.indexOf(packet.state));
      strictEqual(number(tree, "bfd.detect_time_multiplier"), packet.detectMultiplier);
      strictEqual(number(tree, "bfd.my_discriminator"), packet.myDiscriminator);
      strictEqual(number(tree, "bfd.your_discriminator"), packet.yourDiscriminator);
      strictEqual(number(tree, "bfd.desired_min_tx_interval"), packet.desiredMinTx);
      strictEqual(number(tree, "bfd.required_min_rx_interval"), packet.requiredMinRx);
      strictEqual(number(tree, "bfd.required_min_echo_interval"), packet.requiredMinEchoRx);
      const flag = (name: string) => Number(find(tree, `bfd.flags.${name}`)) === 1;
      strictEqual(flag("p"), packet.poll);
      strictEqual(flag("f"), packet.final);
      strictEqual(flag("c"), packet.controlPlaneIndependent);
      strictEqual(flag("d"), packet.demand);
      strictEqual(flag("m"), false);
      strictEqual(flag("a"), authentication !== null);
      const length = bytesOf(sent[i]!).length;
      strictEqual(number(tree, "bfd.message_length"), length);
      if (authentication === null) continue;
      const type = AUTHENTICATION_TYPES.indexOf(authentication.type) + 1;
      strictEqual(number(tree, "bfd.auth.type"), type);
      strictEqual(number(tree, "bfd.auth.len"), length - 24);
      strictEqual(number(tree, "bfd.auth.key"), 9);
      if (authentication.type === "simple") strictEqual(find(tree, "bfd.auth.password"), "hush");
      else strictEqual(number(tree, "bfd.auth.seq_num"), SEQUENCE);
    }
  });
}
