/**
 * Floods: packets of many kinds on protocol 112, well-formed and broken in every way that counts,
 * and an independent count of what arrived.
 *
 * Each kind comes from an address of its own, so that the receiving host's packet filter can count
 * them by kind: what a bridge or a full backlog loses on the way is nobody's fault, and what
 * arrived must be found again in halb's counters, to the last packet.
 *
 * @module
 */

import {
  encodeAdvertisement,
  encodeAdvertisement6,
  VRRP_GROUP_IPV4,
  VRRP_GROUP_IPV6,
} from "../../mod/vrrp/mod.ts";
import { parseIp } from "../../mod/ip/mod.ts";
import type { FloodOrder, FloodReport } from "./flood_main.ts";
import type { Lab } from "./lab.ts";
import type { Host, Lan } from "./network.ts";
import type { LabProcess } from "./process.ts";

type Family = "ipv4" | "ipv6";

/** One kind of packet. */
export interface FloodKind {
  readonly name: string;
  /** Where it says that it comes from. */
  readonly source: string;
  /** The Ethernet frame. */
  readonly frame: Uint8Array;
  /** Under what halb must count it: `router.REASON`, `interface.REASON`, or `router.received`. */
  readonly counted: string;
}

const MAIN = new URL("./flood_main.ts", import.meta.url).pathname;

/** What makes a packet of an advert. */
interface Recipe {
  readonly name: string;
  readonly counted: string;
  readonly id: number;
  readonly version?: 2 | 3;
  /** TTL or hop limit. */
  readonly limit?: number;
  /** Bytes of the VRRP message to overwrite. */
  readonly bytes?: Readonly<Record<number, number>>;
  /** Cut or fill the VRRP message to this length. */
  readonly length?: number;
  /** Words of IP options. */
  readonly options?: number;
  readonly priority?: number;
}

/** Broken packets with our own id and a foreign one. @param own a virtual router id that is ours */
export function malformed(family: Family, own: number, foreign: number): FloodKind[] {
  const one = family === "ipv4" ? 12 : 24;
  return [
    { name: "own, TTL 254", counted: "router.ttl", id: own, limit: 254 },
    { name: "own, version 4", counted: "router.version", id: own, bytes: { 0: 0x41 } },
    { name: "own, type 2", counted: "router.type", id: own, bytes: { 0: 0x32 } },
    { name: "own, checksum", counted: "router.checksum", id: own, bytes: { 6: 1, 7: 2 } },
    { name: "own, 6 bytes", counted: "router.truncated", id: own, length: 6 },
    { name: "own, garbage behind", counted: "router.length", id: own, length: one + 5 },
    { name: "own, count too high", counted: "router.length", id: own, bytes: { 3: 2 } },
    { name: "foreign, TTL 1", counted: "interface.ttl", id: foreign, limit: 1 },
    { name: "foreign, version 5", counted: "interface.version", id: foreign, bytes: { 0: 0x51 } },
    { name: "foreign, type 0", counted: "interface.type", id: foreign, bytes: { 0: 0x30 } },
    { name: "foreign, count 9", counted: "interface.length", id: foreign, bytes: { 3: 9 } },
    { name: "foreign, 1 byte", counted: "interface.truncated", id: foreign, length: 1 },
    // Whose checksum it is to verify, nobody here knows.
    {
      name: "foreign, checksum",
      counted: "interface.virtual_router_id",
      id: foreign,
      bytes: { 6: 1, 7: 2 },
    },
    ...(family === "ipv6" ? [] : [
      { name: "own, options, TTL 0", counted: "router.ttl", id: own, limit: 0, options: 10 },
      {
        name: "own, options, type 7",
        counted: "router.type",
        id: own,
        bytes: { 0: 0x37 },
        options: 3,
      },
    ]),
  ].map((recipe, i) => make(family, recipe, 101 + i));
}

/** Adverts of routers that are not ours. */
export function wellFormed(family: Family, foreign: number): FloodKind[] {
  const counted = "interface.virtual_router_id";
  return [
    { name: "foreign", counted, id: foreign },
    { name: "another foreign", counted, id: foreign + 1 },
    ...(family === "ipv6" ? [] : [
      { name: "foreign, version 2", counted, id: foreign, version: 2 as const },
      { name: "foreign, options", counted, id: foreign, options: 2 },
    ]),
  ].map((recipe, i) => make(family, recipe, 151 + i));
}

/** A valid advert for a router of ours. */
export function plausible(family: Family, own: number, priority: number): FloodKind {
  return make(family, { name: "own", counted: "router.received", id: own, priority }, 171);
}

/** As many of one list as of the other, in turn. */
export function inTurn(a: readonly FloodKind[], b: readonly FloodKind[]): FloodKind[] {
  const rounds = Math.max(a.length, b.length);
  return Array.from({ length: rounds }, (_, i) => [a[i % a.length]!, b[i % b.length]!]).flat();
}

function make(family: Family, recipe: Recipe, number: number): FloodKind {
  const { name, counted, id, version = 3, limit = 255, bytes = {}, options = 0 } = recipe;
  const six = family === "ipv6";
  const source = six ? `fe80::f:${number}` : `192.0.2.${number}`;
  const destination = six ? VRRP_GROUP_IPV6 : VRRP_GROUP_IPV4;
  const advert = {
    version,
    source,
    destination,
    virtualRouterId: id,
    priority: recipe.priority ?? 200,
    interval: 1_000_000,
    addresses: [six ? "fe80::10" : "192.0.2.10"],
    checksum: "rfc5798",
  } as const;
  const whole = six ? encodeAdvertisement6(advert) : encodeAdvertisement(advert).subarray(20);
  const message = new Uint8Array(recipe.length ?? whole.length);
  message.set(whole.subarray(0, message.length));
  for (const [at, byte] of Object.entries(bytes)) message[Number(at)] = byte;
  const header = six
    ? header6(source, destination, limit, message.length)
    : header4(source, destination, limit, message.length, options);
  const group = six ? [0x33, 0x33, 0, 0, 0, 0x12] : [0x01, 0, 0x5e, 0, 0, 0x12];
  const ethernet = [...group, 0x02, 0, 0, 0, 0, number, ...(six ? [0x86, 0xdd] : [0x08, 0x00])];
  return { name, source, counted, frame: Uint8Array.of(...ethernet, ...header, ...message) };
}

/** An IPv4 header. @param options in words */
export function header4(
  source: string,
  target: string,
  ttl: number,
  length: number,
  options: number,
  protocol = 112,
): Uint8Array {
  const header = new Uint8Array(20 + 4 * options);
  const view = new DataView(header.buffer);
  // No operation, for each byte of options.
  header.fill(1, 20);
  header.set([0x45 + options, 0xc0]);
  view.setUint16(2, header.length + length);
  header.set([ttl, protocol], 8);
  header.set(parseIp(source)!, 12);
  header.set(parseIp(target)!, 16);
  let sum = 0;
  for (let at = 0; at < header.length; at += 2) sum += view.getUint16(at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  view.setUint16(10, ~sum & 0xffff);
  return header;
}

/** An IPv6 header. */
export function header6(
  source: string,
  target: string,
  hopLimit: number,
  length: number,
  protocol = 112,
): Uint8Array {
  const header = new Uint8Array(40);
  header[0] = 0x6c;
  new DataView(header.buffer).setUint16(4, length);
  header.set([protocol, hopLimit], 6);
  header.set(parseIp(source)!, 8);
  header.set(parseIp(target)!, 24);
  return header;
}

/** Lets a host's packet filter count what arrives for protocol 112 from each kind's source. */
export async function countArrivals(host: Host, kinds: readonly FloodKind[]): Promise<void> {
  const sources = [...new Set(kinds.map(({ source }) => source))];
  const ip = sources[0]!.includes(":") ? "ip6" : "ip";
  const elements = sources.map((source, i) => `${source} : "kind${i}"`).join(", ");
  await host.exec(["nft", "-f", "-"], {
    input: `table inet flood {
${sources.map((_, i) => `counter kind${i} { }`).join("\n")}
map kinds { type ${ip === "ip" ? "ipv4_addr" : "ipv6_addr"} : counter; elements = { ${elements} } }
chain input {
type filter hook input priority 0;
meta l4proto 112 counter name ${ip} saddr map @kinds;
}
}
`,
  });
}

/** How many packets arrived, by source. */
export async function arrivals(
  host: Host,
  kinds: readonly FloodKind[],
): Promise<Map<string, number>> {
  const text = await host.exec(["nft", "-j", "list", "counters", "table", "inet", "flood"]);
  const { nftables } = JSON.parse(text) as {
    readonly nftables: readonly { readonly counter?: { name: string; packets: number } }[];
  };
  const sources = [...new Set(kinds.map(({ source }) => source))];
  return new Map(
    nftables.flatMap(({ counter }) =>
      counter === undefined ? [] : [[sources[Number(counter.name.slice(4))]!, counter.packets]]
    ),
  );
}

/** What halb has to have counted for what arrived, by `counted`. */
export function expected(
  kinds: readonly FloodKind[],
  arrived: ReadonlyMap<string, number>,
): Record<string, number> {
  const counts: Record<string, number> = {};
  const reasons = new Map(kinds.map(({ source, counted }) => [source, counted]));
  for (const [source, packets] of arrived) {
    const counted = reasons.get(source)!;
    counts[counted] = (counts[counted] ?? 0) + packets;
  }
  return counts;
}

/** Frames a second; 0: as fast as it can. And for how long. */
export interface FloodSpeed {
  readonly rate: number;
  readonly seconds: number;
}

/** Begins to send from a host, round-robin. */
export function startFlood(
  host: Host,
  lan: Lan,
  kinds: readonly FloodKind[],
  speed: FloodSpeed,
): LabProcess {
  const hex = (frame: Uint8Array) =>
    [...frame].map((b) => b.toString(16).padStart(2, "0")).join("");
  const { index } = host.link(lan);
  const order: FloodOrder = { index, frames: kinds.map(({ frame }) => hex(frame)), ...speed };
  const argv = [Deno.execPath(), "run", "-A", "--no-check", MAIN, JSON.stringify(order)];
  return host.spawn(argv, { name: "flood" });
}

/** Sends from a host, round-robin, and returns what left when all has. */
export async function flood(
  lab: Lab,
  host: Host,
  lan: Lan,
  kinds: readonly FloodKind[],
  speed: FloodSpeed,
): Promise<FloodReport> {
  const process = startFlood(host, lan, kinds, speed);
  const { success } = await process.exited;
  if (!success) throw new Error(`The flood has failed: ${process.log()}`);
  await lab.delay(100); // Its last packets are on their way, and read at the next sweep.
  return JSON.parse(process.log()) as FloodReport;
}
