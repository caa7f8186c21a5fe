/**
 * BFD control packets as a capture shows them, read without a dissector, and what they say of how
 * punctually a daemon detects a failure.
 *
 * @module
 */

import { DIAGNOSTIC } from "../../mod/bfd/mod.ts";
import type { Frame } from "./wire.ts";

const ETHERNET = 14;
const IPV6_HEADER = 40;
const UDP_HEADER = 8;
const UDP = 17;

/** States of RFC 5880 section 4.1, by number. */
export const DOWN = 1;
export const UP = 3;

/** One control packet. */
export interface ControlFrame {
  /** Microseconds since 1970. */
  readonly time: number;
  readonly source: string;
  readonly destination: string;
  readonly state: number;
  readonly diagnostic: number;
}

/** @returns undefined where it is none */
export function readControl({ time, bytes }: Frame): ControlFrame | undefined {
  const type = (bytes[12]! << 8) | bytes[13]!;
  const ipv4 = type === 0x0800;
  if (!ipv4 && type !== 0x86dd) return undefined;
  const protocol = ipv4 ? bytes[ETHERNET + 9] : bytes[ETHERNET + 6];
  if (protocol !== UDP) return undefined;
  const at = ETHERNET + (ipv4 ? (bytes[ETHERNET]! & 0x0f) * 4 : IPV6_HEADER) + UDP_HEADER;
  const [from, length] = ipv4 ? [ETHERNET + 12, 4] : [ETHERNET + 8, 16];
  return {
    time,
    source: bytes.subarray(from, from + length).join("."),
    destination: bytes.subarray(from + length, from + 2 * length).join("."),
    state: bytes[at + 1]! >> 6,
    diagnostic: bytes[at]! & 0x1f,
  };
}

/** A session's fall for silence, as its host's interface shows it. */
export interface Detection {
  /** When the first packet left that says Down for silence; microseconds since 1970. */
  readonly at: number;
  /** From the last packet that came to that one, microseconds. */
  readonly after: number;
  /** The addresses of who says so and of whom. */
  readonly session: readonly [own: string, peer: string];
}

/**
 * Each fall for silence among the sessions of one host.
 *
 * @param frames of the host's own interface, in order
 * @param isOwn whether an address, as `readControl` writes it, is the host's
 */
export function detections(
  frames: readonly Frame[],
  isOwn: (address: string) => boolean,
): Detection[] {
  const heard = new Map<string, number>();
  const said = new Map<string, number>();
  const found: Detection[] = [];
  for (const frame of frames) {
    const packet = readControl(frame);
    if (packet === undefined) continue;
    if (!isOwn(packet.source)) {
      heard.set(`${packet.destination} ${packet.source}`, packet.time);
      continue;
    }
    const session = `${packet.source} ${packet.destination}`;
    const before = said.get(session);
    said.set(session, packet.state);
    if (before !== UP || packet.state !== DOWN) continue;
    const last = heard.get(session);
    if (packet.diagnostic !== DIAGNOSTIC.detectionExpired || last === undefined) continue;
    const { source, destination } = packet;
    found.push({ at: packet.time, after: packet.time - last, session: [source, destination] });
  }
  return found;
}

/** One end of a session that was up says Down for silence. */
export interface Fall {
  /** Microseconds since 1970. */
  readonly at: number;
  /** Who says so, of whom. */
  readonly session: string;
}

/** All falls that a capture shows, and which ends of sessions were ever up. */
export function falls(frames: readonly Frame[]): { falls: Fall[]; up: Set<string> } {
  const said = new Map<string, number>();
  const found: Fall[] = [];
  const up = new Set<string>();
  for (const frame of frames) {
    const packet = readControl(frame);
    if (packet === undefined) continue;
    const session = `${packet.source} > ${packet.destination}`;
    const before = said.get(session);
    said.set(session, packet.state);
    if (packet.state === UP) up.add(session);
    const silent = packet.diagnostic === DIAGNOSTIC.detectionExpired;
    if (before === UP && packet.state === DOWN && silent) found.push({ at: packet.time, session });
  }
  return { falls: found, up };
}

/** An IPv4 address as `readControl` writes it is as usual; an IPv6 one is sixteen numbers. */
export function addressKey(address: string): string {
  if (!address.includes(":")) return address;
  const [left = "", right] = address.split("::");
  const words = (text: string) =>
    text === "" ? [] : text.split(":").map((word) => parseInt(word, 16));
  const [head, tail] = [words(left), words(right ?? "")];
  const middle = new Array<number>(8 - head.length - tail.length).fill(0);
  return [...head, ...middle, ...tail].flatMap((word) => [word >> 8, word & 0xff]).join(".");
}
