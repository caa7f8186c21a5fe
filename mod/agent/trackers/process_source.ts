/**
 * The host's processes by libc: /proc, and netlink's process connector, which tells of every program
 * that starts, renames itself or ends.
 *
 *     nlmsghdr 16 bytes │ cn_msg 20: index, value, sequence, acknowledge, length │
 *     proc_event: what 4, processor 4, time 8 │ process and group ids
 *
 * @module
 */

import { EAGAIN, listNames, NetlinkSocket, readText, SystemError } from "../../../ffi/mod.ts";
import type { ProcessFacts, ProcessNews, ProcessSource } from "./processes.ts";

const NETLINK_CONNECTOR = 11;
/** CN_IDX_PROC and CN_VAL_PROC. */
const PROCESSES = 1;
const PROC_CN_MCAST_LISTEN = 1;
const CONNECTOR_HEADER = 16;
const EVENT = CONNECTOR_HEADER + 20;
const DATA = EVENT + 16;
const FORK = 0x1;
const EXEC = 0x2;
const COMM = 0x200;
const EXIT = 0x8000_0000;
/** 50 ms of a machine that starts ten thousand programs a second. */
const BUFFER = 4 * 1024 * 1024;
/** Events that are read at once; more of them are not worth it: all processes are looked at. */
const MOST_EVENTS = 20_000;

function read(pid: number): ProcessFacts | undefined {
  try {
    const name = readText(`/proc/${pid}/comm`).trimEnd();
    const command = readText(`/proc/${pid}/cmdline`).split("\0");
    if (command.at(-1) === "") command.pop();
    return { name, command };
  } catch (error) {
    if (error instanceof SystemError) return undefined;
    throw error;
  }
}

/** The request to be told. */
function listenRequest(): Uint8Array {
  const view = new DataView(new ArrayBuffer(CONNECTOR_HEADER + 20 + 4));
  const words = [view.byteLength, 3, 0, 0, PROCESSES, PROCESSES, 0, 0, 4, PROC_CN_MCAST_LISTEN];
  words.forEach((word, i) => view.setUint32(4 * i, word, true));
  return new Uint8Array(view.buffer);
}

/** The process that an event is about; undefined: of a thread, or of no interest. */
function processOf(view: DataView): number | undefined {
  if (view.byteLength < DATA + 8) return undefined;
  const what = view.getUint32(EVENT, true);
  if (what === EXEC || what === COMM) return view.getUint32(DATA + 4, true);
  if (what === EXIT || (what === FORK && view.byteLength >= DATA + 16)) {
    const at = what === FORK ? DATA + 8 : DATA;
    const [pid, group] = [view.getUint32(at, true), view.getUint32(at + 4, true)];
    return pid === group ? pid : undefined;
  }
  return undefined;
}

function follow(): { news(): ProcessNews; close(): void } {
  const socket = new NetlinkSocket(NETLINK_CONNECTOR);
  try {
    socket.setReceiveBuffer(BUFFER);
    socket.joinGroup(PROCESSES);
    socket.send(listenRequest());
  } catch (error) {
    socket.close();
    throw error;
  }
  const buffer = new Uint8Array(512);
  const view = new DataView(buffer.buffer);
  const news = (): ProcessNews => {
    const changed = new Set<number>();
    for (let i = 0; i < MOST_EVENTS; i++) {
      const length = socket.receive(buffer);
      if (length === -EAGAIN) return { changed };
      if (length < 0) return "lost";
      const pid = processOf(new DataView(view.buffer, 0, length));
      if (pid !== undefined) changed.add(pid);
    }
    return "lost";
  };
  return { news, close: () => socket.close() };
}

/** This host's. */
export const HOST_PROCESSES: ProcessSource = {
  list: () => listNames("/proc").filter((name) => /^[0-9]+$/.test(name)).map(Number),
  read,
  follow,
};
