/**
 * The host's processes by libc: /proc, and netlink's process connector, which tells of every program
 * that starts, renames itself or ends.
 *
 *     nlmsghdr 16 bytes │ cn_msg 20: index, value, sequence, acknowledge, length │
 *     proc_event: what 4, processor 4, time 8 │ process and group ids, or the answer's error
 *
 * @module
 */

import {
  assemble,
  attachFilter,
  bpf,
  EAGAIN,
  listNames,
  NetlinkSocket,
  readText,
  SystemError,
} from "../../../ffi/mod.ts";
import type { ProcessFacts, ProcessFeed, ProcessNews, ProcessSource } from "./processes.ts";

const NETLINK_CONNECTOR = 11;
/** CN_IDX_PROC and CN_VAL_PROC. */
const PROCESSES = 1;
const PROC_CN_MCAST_LISTEN = 1;
const PROC_CN_MCAST_IGNORE = 2;
const CONNECTOR_HEADER = 16;
const EVENT = CONNECTOR_HEADER + 20;
const DATA = EVENT + 16;
/** The answer to a request. */
const NONE = 0x0;
const FORK = 0x1;
const EXEC = 0x2;
const COMM = 0x200;
const EXIT = 0x8000_0000;
/** 50 ms of a machine that starts ten thousand programs a second. */
const BUFFER = 4 * 1024 * 1024;
/** Events that are read at once; more of them are not worth it: all processes are looked at. */
const MOST_EVENTS = 20_000;

/**
 * What /proc/PID/stat and /proc/PID/cmdline tell; undefined: the process has ended, also where
 * nobody has asked for its exit status yet.
 */
export function processFacts(stat: string, commandLine: string): ProcessFacts | undefined {
  // The name may hold anything, brackets and spaces too.
  const [start, end] = [stat.indexOf("("), stat.lastIndexOf(")")];
  const state = stat[end + 2];
  if (start < 0 || end < start || state === undefined || "ZXx".includes(state)) return undefined;
  const command = commandLine.split("\0");
  if (command.at(-1) === "") command.pop();
  return { name: stat.slice(start + 1, end), command };
}

function read(pid: number, withCommand: boolean): ProcessFacts | undefined {
  try {
    const stat = readText(`/proc/${pid}/stat`);
    return processFacts(stat, withCommand ? readText(`/proc/${pid}/cmdline`) : "");
  } catch (error) {
    if (error instanceof SystemError) return undefined;
    throw error;
  }
}

/** The request to be told, or not to be. */
function request(operation: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(CONNECTOR_HEADER + 20 + 4));
  const words = [view.byteLength, 3, 0, 0, PROCESSES, PROCESSES, 0, 0, 4, operation];
  words.forEach((word, i) => view.setUint32(4 * i, word, true));
  return new Uint8Array(view.buffer);
}

/** A number of this machine's byte order, as a filter loads it. */
function loaded(word: number): number {
  const view = new DataView(new ArrayBuffer(4));
  view.setUint32(0, word, true);
  return view.getUint32(0);
}

/** Programs that start, rename themselves or end, and answers; no threads, nothing else. */
const EVENTS = assemble([
  bpf.loadWord(EVENT),
  bpf.jumpEqual(loaded(NONE), "accept", 0),
  bpf.jumpEqual(loaded(EXEC), "accept", 0),
  bpf.jumpEqual(loaded(COMM), "accept", 0),
  bpf.jumpEqual(loaded(EXIT), "exit", 0),
  bpf.jumpEqual(loaded(FORK), 0, "drop"),
  // The child's ids come after the parent's.
  bpf.loadWord(DATA + 8),
  bpf.moveToIndex(),
  bpf.loadWord(DATA + 12),
  bpf.jump("compare"),
  bpf.label("exit"),
  bpf.loadWord(DATA),
  bpf.moveToIndex(),
  bpf.loadWord(DATA + 4),
  bpf.label("compare"),
  // A process is the thread whose group has its own id.
  bpf.subtractIndex(),
  bpf.jumpEqual(0, "accept", "drop"),
  bpf.label("accept"),
  bpf.accept(),
  bpf.label("drop"),
  bpf.drop(),
]);

/** What an event tells: a process and whether it may run now. */
function newsOf(view: DataView): { pid: number; ended: boolean } | undefined {
  if (view.byteLength < DATA + 8) return undefined;
  const what = view.getUint32(EVENT, true);
  if (what === EXIT) return { pid: view.getUint32(DATA, true), ended: true };
  if (what === EXEC || what === COMM) {
    return { pid: view.getUint32(DATA + 4, true), ended: false };
  }
  if (what !== FORK || view.byteLength < DATA + 16) return undefined;
  return { pid: view.getUint32(DATA + 12, true), ended: false };
}

/** The answer to the request stands in the queue when it was sent. @throws where there is none */
function confirm(socket: NetlinkSocket, buffer: Uint8Array): void {
  const view = new DataView(buffer.buffer);
  for (let i = 0; i < MOST_EVENTS; i++) {
    const length = socket.receive(buffer);
    if (length < 0) break;
    if (length < DATA + 4 || view.getUint32(EVENT, true) !== NONE) continue;
    const errno = view.getUint32(DATA, true);
    if (errno === 0) return;
    throw new SystemError("PROC_CN_MCAST_LISTEN", errno, "process connector");
  }
  throw new Error("the process connector does not answer");
}

/** @throws {SystemError} ECONNREFUSED but in the first network namespace, EPERM */
function follow(): ProcessFeed {
  const socket = new NetlinkSocket(NETLINK_CONNECTOR);
  const buffer = new Uint8Array(512);
  const close = (): void => {
    try {
      // A kernel before 6.6 goes on making events for nobody otherwise.
      socket.send(request(PROC_CN_MCAST_IGNORE));
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
    } finally {
      socket.close();
    }
  };
  try {
    socket.setReceiveBuffer(BUFFER);
    attachFilter(socket.fd, EVENTS);
    socket.joinGroup(PROCESSES);
    socket.send(request(PROC_CN_MCAST_LISTEN));
    confirm(socket, buffer);
  } catch (error) {
    close();
    throw error;
  }
  const news = (): ProcessNews => {
    const ended = new Map<number, boolean>();
    for (let i = 0; i < MOST_EVENTS; i++) {
      const length = socket.receive(buffer);
      if (length === -EAGAIN) return ended;
      if (length < 0) return "lost";
      const event = newsOf(new DataView(buffer.buffer, 0, length));
      if (event !== undefined) ended.set(event.pid, event.ended);
    }
    return "lost";
  };
  return { news, close };
}

/** This host's. */
export const HOST_PROCESSES: ProcessSource = {
  list: () => listNames("/proc").filter((name) => /^[0-9]+$/.test(name)).map(Number),
  read,
  follow,
};
