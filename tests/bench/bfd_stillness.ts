/**
 * Who stood still when a session fell for silence though its cable was whole: its own end, the
 * other one, or the machine below both. Captures at both ends say who sent when, and witnesses ahead
 * of every daemon (`tests/lib/stalls.ts`) when a processor let nobody run.
 *
 * @module
 */

import { stalledWithin } from "../lib/stalls.ts";
import type { Stall } from "../lib/stall_main.ts";
import { type ControlFrame, type Detection, readControl } from "./bfd_wire.ts";
import type { Frame } from "./wire.ts";

/** From so much on a stall of the machine counts, microseconds. */
export const MACHINE_STALL = 5_000;

/** Who is to be blamed for a silence. */
export type Culprit = "machine" | "peer" | "daemon" | "wire";

/** What is known of one silence. */
export interface Stillness {
  readonly culprit: Culprit;
  /** Longest gap between packets that left the other end, microseconds. */
  readonly peerGap: number;
  /** Longest gap between packets of all sessions that left the own end meanwhile. */
  readonly ownGap: number;
  /** Longest stall of a processor meanwhile. */
  readonly stall: number;
}

/**
 * @param detection a fall for silence, as the own end's interface shows it
 * @param own frames of the own end's interface
 * @param far frames of the other end's interface
 * @param isOwn whether an address is of the own end
 */
export function stillness(
  detection: Detection,
  own: readonly Frame[],
  far: readonly Frame[],
  isOwn: (address: string) => boolean,
  stalls: readonly Stall[],
): Stillness {
  const { at, after, session: [source, destination] } = detection;
  const from = at - after;
  const told = packetsOf(far, from - after, at)
    .filter((packet) => packet.source === destination && packet.destination === source);
  const said = packetsOf(own, from, at).filter((packet) => isOwn(packet.source));
  const peerGap = longestGap(told.map(({ time }) => time), from, at);
  const ownGap = longestGap(said.map(({ time }) => time), from, at);
  // A peer that was silent for most of the time was so itself; else what it sent was lost, or came
  // to the interface and was not taken in time.
  const peerWasSilent = peerGap >= after * 0.7;
  const stall = Math.max(
    0,
    ...stalls.filter((one) => stalledWithin([one], from, at, 0)).map(([, late]) => late),
  );
  const culprit = stall >= MACHINE_STALL
    ? "machine"
    : peerWasSilent
    ? "peer"
    : ownGap > after / 2
    ? "daemon"
    : "wire";
  return { culprit, peerGap, ownGap, stall };
}

function packetsOf(frames: readonly Frame[], from: number, to: number): ControlFrame[] {
  return frames.filter(({ time }) => time >= from && time <= to).map(readControl)
    .filter((packet) => packet !== undefined);
}

/** Longest time between two of the moments, the ends of the time included. */
function longestGap(moments: readonly number[], from: number, to: number): number {
  let [last, longest] = [from, 0];
  for (const moment of [...moments.filter((one) => one > from), to]) {
    longest = Math.max(longest, moment - last);
    last = moment;
  }
  return longest;
}
