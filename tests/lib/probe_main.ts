/**
 * The client of a lab, as a program of its own: pings an address at a fixed rate and notes when
 * each answer came and from whom.
 *
 * Usage: `probe_main.ts ADDRESS INTERVAL_US RESULT_FILE`, in the client's namespace; it ends when
 * its standard input does. One synchronous loop with real-time priority, so that what it measures
 * is the network and not itself. Requests leave through a raw socket as any client's would, by way
 * of the neighbour table; answers are read from a packet socket, which shows the hardware address
 * of who answered. Times are microseconds on CLOCK_MONOTONIC.
 *
 * @module
 */

import {
  AF_INET,
  AF_PACKET,
  attachDropAll,
  Epoll,
  EPOLLIN,
  ETH_P_IP,
  htons,
  IPPROTO_ICMP,
  monotonicMicros,
  openSocket,
  PACKET_IGNORE_OUTGOING,
  realtimeMicros,
  receive,
  sendTo,
  setOption,
  setScheduler,
  SOCK_RAW,
  sockaddrIn,
  SOL_PACKET,
  TimerFd,
} from "../../ffi/mod.ts";
import type { ProbeRecord } from "./probe.ts";

const ETHERNET_HEADER = 14;
const ECHO_REPLY = 0;
const ECHO_REQUEST = 8;
/** Type, code, checksum, identifier, sequence number, and our own 32-bit sequence number. */
const REQUEST_LENGTH = 12;

function checksum(view: DataView, length: number): number {
  let sum = 0;
  for (let offset = 0; offset < length; offset += 2) sum += view.getUint16(offset);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

function writeRequest(view: DataView, identifier: number, sequence: number): void {
  view.setUint16(0, ECHO_REQUEST << 8);
  view.setUint16(2, 0);
  view.setUint16(4, identifier);
  view.setUint16(6, sequence & 0xffff);
  view.setUint32(8, sequence);
  view.setUint16(2, checksum(view, REQUEST_LENGTH));
}

/** The sequence number of an answer to us in an Ethernet frame; -1: something else. */
function answered(frame: DataView, length: number, identifier: number): number {
  if (length < ETHERNET_HEADER + 20) return -1;
  const icmp = ETHERNET_HEADER + (frame.getUint8(ETHERNET_HEADER) & 0xf) * 4;
  if (length < icmp + REQUEST_LENGTH) return -1;
  if (frame.getUint8(ETHERNET_HEADER + 9) !== IPPROTO_ICMP) return -1;
  if (frame.getUint8(icmp) !== ECHO_REPLY) return -1;
  return frame.getUint16(icmp + 4) === identifier ? frame.getUint32(icmp + 8) : -1;
}

function macOf(frame: Uint8Array): string {
  return Array.from(frame.subarray(6, 12), (byte) => byte.toString(16).padStart(2, "0")).join(":");
}

function probe(address: string, interval: number): ProbeRecord {
  const identifier = Deno.pid & 0xffff;
  const sender = openSocket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
  attachDropAll(sender); // It would receive the answers, too, and nobody reads them there.
  const receiver = openSocket(AF_PACKET, SOCK_RAW, htons(ETH_P_IP));
  setOption(receiver, SOL_PACKET, PACKET_IGNORE_OUTGOING, 1);
  const target = sockaddrIn(address, 0);
  const request = new Uint8Array(REQUEST_LENGTH);
  const requestView = new DataView(request.buffer);
  const frame = new Uint8Array(2048);
  const frameView = new DataView(frame.buffer);

  const timer = new TimerFd();
  const epoll = new Epoll(4);
  const [timerToken, receiverToken, inputToken] = [1, 2, 3];
  epoll.add(timer.fd, EPOLLIN, timerToken);
  epoll.add(receiver, EPOLLIN, receiverToken);
  epoll.add(0, EPOLLIN, inputToken);

  const sent: number[] = [];
  const answers: [sequence: number, time: number, mac: string][] = [];
  const start = monotonicMicros();
  const realtimeOffset = realtimeMicros() - start;
  const readAnswers = () => {
    for (
      let length = receive(receiver, frame, 0);
      length >= 0;
      length = receive(receiver, frame, 0)
    ) {
      const sequence = answered(frameView, length, identifier);
      if (sequence >= 0) answers.push([sequence, monotonicMicros(), macOf(frame)]);
    }
  };

  console.log("probing");
  for (let next = start, ended = false; !ended;) {
    timer.armAt(next);
    const count = epoll.wait(-1);
    for (let index = 0; index < count; index++) {
      const token = epoll.token(index);
      if (token === inputToken) ended = true;
      if (token !== timerToken) continue;
      timer.acknowledge();
      writeRequest(requestView, identifier, sent.length);
      sent.push(monotonicMicros());
      // An error means that nobody answers for the address: it counts as not answered.
      sendTo(sender, request, REQUEST_LENGTH, target, 0);
      // After a stall the rhythm goes on from now: a burst would measure nothing.
      next = Math.max(next + interval, monotonicMicros());
    }
    readAnswers();
  }
  const end = monotonicMicros();
  // The last request's answer may be on its way; the end of the input, and the timer, are there.
  epoll.remove(0);
  epoll.remove(timer.fd);
  while (answers.length < sent.length && monotonicMicros() < end + 50_000) {
    epoll.wait(10);
    readAnswers();
  }
  return { address, interval, start, end, realtimeOffset, sent, answers };
}

const [address, interval, path] = Deno.args;
if (address === undefined || interval === undefined || path === undefined) {
  throw new TypeError("Usage: probe_main.ts ADDRESS INTERVAL_US RESULT_FILE");
}
try {
  setScheduler("fifo", 40, { resetOnFork: true });
} catch (error) {
  console.log(`without real-time priority: ${error}`);
}
Deno.writeTextFileSync(path, JSON.stringify(probe(address, Number(interval))));
