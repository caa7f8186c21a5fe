/**
 * The attacker of a lab, as a program of its own: sends frames round-robin at a fixed rate.
 *
 * Usage: `flood_main.ts '{"index":2,"frames":["hex",…],"rate":100000,"seconds":10}'`, in the
 * attacker's namespace; `rate` 0 is as fast as it can, and `seconds` may be a part of one. Prints
 * `{"sent":[…],"seconds":…}` at its end, a number for each frame. Runs at ordinary priority.
 *
 * @module
 */

import {
  AF_PACKET,
  BatchSender,
  monotonicMicros,
  openSocket,
  PACKET_QDISC_BYPASS,
  setOption,
  SOCK_RAW,
  sockaddrLl,
  SOL_PACKET,
} from "../../ffi/mod.ts";

/** Frames of one system call. */
const BATCH = 64;

/** What to send. */
export interface FloodOrder {
  /** Interface index. */
  readonly index: number;
  /** Whole frames, hexadecimal. */
  readonly frames: readonly string[];
  /** Frames a second; 0: as many as possible. */
  readonly rate: number;
  readonly seconds: number;
}

/** What was sent: how often each frame, and in how many seconds. */
export interface FloodReport {
  readonly sent: readonly number[];
  readonly seconds: number;
}

function bytesOf(hex: string): Uint8Array {
  return Uint8Array.from(hex.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

function flood({ index, frames: texts, rate, seconds }: FloodOrder): FloodReport {
  const frames = texts.map(bytesOf);
  const socket = openSocket(AF_PACKET, SOCK_RAW, 0);
  setOption(socket, SOL_PACKET, PACKET_QDISC_BYPASS, 1);
  const target = sockaddrLl(index, 0);
  const sender = new BatchSender(BATCH, 2048);
  const sent = frames.map(() => 0);
  const idle = new Int32Array(new SharedArrayBuffer(4));
  const begin = monotonicMicros();
  const total = rate === 0 ? Infinity : Math.round(rate * seconds);
  let count = 0;
  let now = begin;
  while (count < total && (rate > 0 || now - begin < seconds * 1e6)) {
    const allowed = rate === 0 ? Infinity : Math.min(total, (now - begin) * rate / 1e6);
    if (count + 1 > allowed) {
      Atomics.wait(idle, 0, 0, 1);
    } else {
      const first = count;
      const wanted = Math.min(BATCH, Math.floor(allowed - count));
      for (let i = 0; i < wanted; i++) {
        const frame = frames[(first + i) % frames.length]!;
        sender.add(frame, frame.length, target);
      }
      const done = sender.send(socket);
      sender.clear();
      // A full queue further on: what was not sent is sent again.
      for (let i = 0; i < done; i++) sent[(first + i) % frames.length]!++;
      count += Math.max(0, done);
    }
    now = monotonicMicros();
  }
  return { sent, seconds: (now - begin) / 1e6 };
}

if (import.meta.main) {
  console.log(JSON.stringify(flood(JSON.parse(Deno.args[0]!))));
}
