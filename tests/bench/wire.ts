/**
 * What passes on a wire, for benchmarks: tcpdump keeps the head of each frame, and hundreds of
 * thousands of them are read here without a dissector. The kernel takes the times, so that neither
 * tcpdump nor we can falsify them; it hands frames over in blocks, which costs the machine little.
 *
 * @module
 */

import { delay, type Host, LabProcess, type Lan, until } from "../lib/mod.ts";

/** One frame. */
export interface Frame {
  /** Microseconds since 1970. */
  readonly time: number;
  /** From the destination address on, at most `SNAP` bytes. */
  readonly bytes: Uint8Array;
}

const SNAP = 96;
/** Milliseconds. */
const BLOCK_AGE = 1200;
const FILE_HEADER = 24;
const RECORD_HEADER = 16;
const ETHER_TYPE = 12;

/** A running capture. */
export class Wire {
  readonly #process: LabProcess;
  readonly #path: string;

  private constructor(process: LabProcess, path: string) {
    this.#process = process;
    this.#path = path;
  }

  /**
   * Starts to capture on a LAN's bridge or on a host's interface, and returns when it listens.
   *
   * @param buffer KiB; to make a large one holds up a processor for tens of milliseconds
   */
  static async start(
    where: Lan | Host,
    device: string,
    path: string,
    filter: string,
    buffer = 32_768,
  ) {
    const options = ["-n", "-s", `${SNAP}`, "-B", `${buffer}`, "-Z", "root", "-w", path];
    const process = LabProcess.start(["tcpdump", "-i", device, ...options, filter], {
      name: "wire",
      logPath: `${path}.log`,
      wrapper: ["ip", "netns", "exec", where.namespace],
    });
    await until("tcpdump listens", () => process.log().includes("listening on"), 5000);
    return new Wire(process, path);
  }

  /** Ends it; frames are in the order in which they passed. @throws where frames were lost */
  async stop(): Promise<Frame[]> {
    // A block is handed over when it is full or a second old, and at the signal not at all.
    await delay(BLOCK_AGE);
    this.#process.signal("SIGINT");
    await this.#process.exited;
    const lost = /(\d+) packets dropped by kernel/.exec(this.#process.log())?.[1];
    if (lost !== "0") throw new Error(`The capture lost ${lost} frames`);
    return readFrames(Deno.readFileSync(this.#path));
  }
}

/** The frames of a capture file of this machine's byte order. */
export function readFrames(file: Uint8Array): Frame[] {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const frames: Frame[] = [];
  for (let at = FILE_HEADER; at + RECORD_HEADER <= file.length;) {
    const length = view.getUint32(at + 8, true);
    const time = view.getUint32(at, true) * 1_000_000 + view.getUint32(at + 4, true);
    const start = at + RECORD_HEADER;
    frames.push({ time, bytes: file.subarray(start, start + length) });
    at = start + length;
  }
  return frames;
}

/** An advert: who sent it, for which virtual router, with which priority; else undefined. */
export function readAdvert(
  { bytes }: Frame,
): { sender: string; router: string; priority: number } | undefined {
  const type = (bytes[ETHER_TYPE]! << 8) | bytes[ETHER_TYPE + 1]!;
  const ipv4 = type === 0x0800;
  if (!ipv4 && type !== 0x86dd) return undefined;
  const protocol = ipv4 ? bytes[23] : bytes[20];
  if (protocol !== 112) return undefined;
  const at = ipv4 ? 14 + (bytes[14]! & 0x0f) * 4 : 54;
  const sender = macOf(bytes);
  return { sender, router: `${sender} ${bytes[at + 1]}`, priority: bytes[at + 2]! };
}

/** The address that a gratuitous ARP or an unsolicited neighbour advertisement announces. */
export function readAnnouncement(
  { bytes }: Frame,
): { sender: string; address: string } | undefined {
  const type = (bytes[ETHER_TYPE]! << 8) | bytes[ETHER_TYPE + 1]!;
  const sender = macOf(bytes);
  if (type === 0x0806) {
    const [source, target] = [bytes.subarray(28, 32).join("."), bytes.subarray(38, 42).join(".")];
    return source === target ? { sender, address: source } : undefined;
  }
  // An ICMPv6 neighbour advertisement, type 136, without the Solicited flag.
  if (type !== 0x86dd || bytes[20] !== 58 || bytes[54] !== 136) return undefined;
  return (bytes[58]! & 0x40) === 0
    ? { sender, address: bytes.subarray(62, 78).join(".") }
    : undefined;
}

function macOf(bytes: Uint8Array): string {
  return Array.from(bytes.subarray(6, 12), (byte) => byte.toString(16).padStart(2, "0")).join(":");
}

/** How regular the adverts of many routers were. */
export interface Regularity {
  readonly routers: number;
  /** Longest time between two adverts of one router, microseconds. */
  readonly worstGap: number;
}

/** From the adverts of senders that are `of` the side that is looked at. */
export function regularity(frames: readonly Frame[], of: (sender: string) => boolean): Regularity {
  const last = new Map<string, number>();
  let worstGap = 0;
  for (const frame of frames) {
    const advert = readAdvert(frame);
    if (advert === undefined || !of(advert.sender)) continue;
    const before = last.get(advert.router);
    if (before !== undefined) worstGap = Math.max(worstGap, frame.time - before);
    last.set(advert.router, frame.time);
  }
  return { routers: last.size, worstGap };
}
