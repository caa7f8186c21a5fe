/**
 * Floods of BFD packets: from strangers, and in the very peer's name (address and port), with a
 * wrong TTL, wrong discriminators, wrong digests, or replayed; and the sum of what was counted.
 *
 * @module
 */

import {
  CONTROL_HEADER,
  emptyControlPacket,
  encodeControl,
  LONGEST_CONTROL,
} from "../../mod/bfd/mod.ts";
import { parseIp } from "../../mod/ip/mod.ts";
import type { BfdAgent } from "./bfd_agent.ts";
import type { Capture } from "./capture.ts";
import { type FloodKind, header4, header6 } from "./flood.ts";
import type { Lab } from "./lab.ts";
import type { Host, Link } from "./network.ts";

const PORT = 3784;
const UDP = 17;

/** Where a packet says that it comes from, and where it goes. */
export interface BfdTuple {
  readonly source: string;
  readonly sourcePort: number;
  readonly target: string;
}

/** A frame from one host's link to another's. */
function frame(
  from: Link,
  to: Link,
  { source, sourcePort, target }: BfdTuple,
  ttl: number,
  payload: Uint8Array,
): Uint8Array {
  const six = source.includes(":");
  const datagram = new Uint8Array(8 + payload.length);
  const view = new DataView(datagram.buffer);
  view.setUint16(0, sourcePort);
  view.setUint16(2, PORT);
  view.setUint16(4, datagram.length);
  datagram.set(payload, 8);
  if (six) view.setUint16(6, checksum6(source, target, datagram));
  const header = six
    ? header6(source, target, ttl, datagram.length, UDP)
    : header4(source, target, ttl, datagram.length, 0, UDP);
  const type = six ? [0x86, 0xdd] : [0x08, 0x00];
  return Uint8Array.of(...macOf(to), ...macOf(from), ...type, ...header, ...datagram);
}

function macOf({ mac }: Link): number[] {
  return mac.split(":").map((byte) => parseInt(byte, 16));
}

function checksum6(source: string, target: string, datagram: Uint8Array): number {
  const padded = new Uint8Array(40 + datagram.length + datagram.length % 2);
  padded.set(parseIp(source)!);
  padded.set(parseIp(target)!, 16);
  const view = new DataView(padded.buffer);
  view.setUint32(32, datagram.length);
  view.setUint32(36, UDP);
  padded.set(datagram, 40);
  let sum = 0;
  for (let at = 0; at < padded.length; at += 2) sum += view.getUint16(at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return (~sum & 0xffff) || 0xffff;
}

/** A control packet in state Up without authentication. */
function control(yourDiscriminator: number): Uint8Array {
  const bytes = new Uint8Array(LONGEST_CONTROL);
  const packet = { ...emptyControlPacket(), state: "up", myDiscriminator: 77 } as const;
  return bytes.slice(0, encodeControl({ ...packet, yourDiscriminator }, bytes));
}

function other(payload: Uint8Array, bytes: Readonly<Record<number, number>>): Uint8Array {
  const changed = payload.slice();
  for (const [at, byte] of Object.entries(bytes)) changed[Number(at)] = byte;
  return changed;
}

/** Packets of hosts that are nobody's peers, sound and broken. */
export function strangers(from: Link, to: Link): FloodKind[] {
  const network = to.address.slice(0, to.address.lastIndexOf(".") + 1);
  const make = (name: string, number: number, ttl: number, payload: Uint8Array): FloodKind => {
    const source = `${network}${100 + number}`;
    const tuple = { source, sourcePort: 50_000 + number, target: to.address };
    return { name, source, counted: "", frame: frame(from, to, tuple, ttl, payload) };
  };
  return [
    make("no session", 1, 255, control(4711)),
    make("first packet", 2, 255, other(control(0), { 1: 0x40 })),
    make("TTL", 3, 254, control(4711)),
    make("version", 4, 255, other(control(1), { 0: 0x40 })),
    make("multiplier", 5, 255, other(control(1), { 2: 0 })),
    make("length", 6, 255, other(control(1), { 3: 200 })),
    make("short", 7, 255, Uint8Array.of(1, 2, 3)),
  ];
}

/** One packet of a session's peer, as it was on the wire. */
export interface SeenPacket {
  readonly tuple: BfdTuple;
  readonly payload: Uint8Array;
}

/** The last packet that an address has sent. Ends the capture. */
export async function lastOf(capture: Capture, source: string): Promise<SeenPacket> {
  const fields = ["ip.src", "ip.dst", "udp.srcport", "udp.payload"];
  const packets = await capture.packets("bfd", fields);
  const { fields: seen } = packets.findLast(({ fields: one }) => one["ip.src"] === source)!;
  const hex = seen["udp.payload"]!.replaceAll(":", "");
  const payload = Uint8Array.from(hex.match(/../g)!, (pair) => parseInt(pair, 16));
  const sourcePort = Number(seen["udp.srcport"]);
  return { tuple: { source, sourcePort, target: seen["ip.dst"]! }, payload };
}

/** Packets in the peer's name that cost a look or two: they fail before any digest. */
export function impostors(from: Link, to: Link, { tuple, payload }: SeenPacket): FloodKind[] {
  const make = (name: string, ttl: number, bytes: Readonly<Record<number, number>>) => ({
    name,
    source: tuple.source,
    counted: "",
    frame: frame(from, to, tuple, ttl, other(payload, bytes)),
  });
  const your = payload[8]! ^ 0x55;
  return [
    make("TTL", 254, {}),
    make("discriminator", 255, { 8: your }),
    make("another discriminator", 255, { 11: payload[11]! ^ 0x55 }),
    make("poll and final", 255, { 1: payload[1]! | 0x30 }),
    make("no authentication", 255, { 1: payload[1]! & ~0x04, 3: CONTROL_HEADER }),
    make("another key", 255, { [CONTROL_HEADER + 2]: payload[CONTROL_HEADER + 2]! ^ 0x55 }),
  ];
}

/** The same packet again and again, and with a digest that does not match: the dearest to refuse. */
export function forgeries(from: Link, to: Link, { tuple, payload }: SeenPacket): FloodKind[] {
  const last = payload.length - 1;
  // Number and digest of a keyed hash: at the last number, and the next few of them.
  const sequence = CONTROL_HEADER + 7;
  const make = (name: string, bytes: Readonly<Record<number, number>>) => ({
    name,
    source: tuple.source,
    counted: "",
    frame: frame(from, to, tuple, 255, other(payload, bytes)),
  });
  return [
    make("digest", { [last]: payload[last]! ^ 0x55 }),
    ...[1, 2, 3, 4, 5].map((ahead) =>
      make(`digest, ${ahead} ahead`, { [sequence]: (payload[sequence]! + ahead) & 0xff })
    ),
  ];
}

/** The packet as it was. */
export function replay(from: Link, to: Link, { tuple, payload }: SeenPacket): FloodKind {
  return {
    name: "replay",
    source: tuple.source,
    counted: "",
    frame: frame(from, to, tuple, 255, payload),
  };
}

/** Lets a host's packet filter count what arrives for the port. */
export async function countBfd(host: Host): Promise<void> {
  await host.exec(["nft", "-f", "-"], {
    input: `table inet bfd {
counter arrived { }
chain input { type filter hook input priority 0; udp dport ${PORT} counter name arrived; }
}
`,
  });
}

async function arrivedAt(host: Host): Promise<number> {
  const text = await host.exec(["nft", "-j", "list", "counters", "table", "inet", "bfd"]);
  const { nftables } = JSON.parse(text) as {
    readonly nftables: readonly { readonly counter?: { packets: number } }[];
  };
  return nftables.find(({ counter }) => counter !== undefined)!.counter!.packets;
}

/** What an agent has counted of the port, by reason, sessions and strangers together. */
export async function countedBy(agent: BfdAgent): Promise<Record<string, number>> {
  const sum: Record<string, number> = {};
  const add = (reason: string, count: number) => sum[reason] = (sum[reason] ?? 0) + count;
  const { rows, dropped } = await agent.counted();
  for (const [reason, count] of Object.entries(dropped)) add(reason, count);
  for (const { counters } of rows) {
    add("received", counters.packets_received);
    for (const [reason, count] of Object.entries(counters.dropped)) add(reason, count);
  }
  return sum;
}

/** Compares what arrived with what was counted. */
export class Ledger {
  readonly #host: Host;
  readonly #agent: BfdAgent;
  /** Packets that were counted before the packet filter did. */
  #ahead = 0;

  constructor(host: Host, agent: BfdAgent) {
    this.#host = host;
    this.#agent = agent;
  }

  /** From now on both count; to be called while hardly anything comes. */
  async open(lab: Lab): Promise<void> {
    await lab.until("nothing comes for a moment", async () => {
      const { before, after, total } = await this.#look();
      this.#ahead = total - before;
      return before === after;
    }, 15_000);
  }

  /** Waits until every packet that has arrived is in the counters. Returns how that was seen. */
  async balance(lab: Lab): Promise<string> {
    let text = "";
    await lab.until("everything is counted", async () => {
      const { before, after, total, counts } = await this.#look();
      const found = total - this.#ahead;
      text = `${before} to ${after} arrived, ${found} counted: ${JSON.stringify(counts)}`;
      // What comes while we ask is allowed for.
      if (found < before || found > after) throw new Error(text);
      return true;
    }, 15_000);
    return text;
  }

  async #look() {
    const before = await arrivedAt(this.#host);
    const counts = await countedBy(this.#agent);
    const after = await arrivedAt(this.#host);
    const total = Object.values(counts).reduce((sum, count) => sum + count, 0);
    return { before, after, total, counts };
  }
}
