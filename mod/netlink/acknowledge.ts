/**
 * Answers of the kernel: NLMSG_ERROR, which with errno 0 is the acknowledgement, and the extended
 * text that says in words what was wrong (NETLINK_EXT_ACK).
 *
 * @module
 */

import { readAttributes, readText } from "./attribute.ts";
import { NLM_F_ACK_TLVS, NLM_F_CAPPED, NLMSG_DONE, NLMSG_ERROR } from "./constants.ts";
import { align, type Decoded, HEADER_LENGTH, type NetlinkMessage, viewOf } from "./frame.ts";

const NLMSGERR_ATTR_MSG = 1;

/** What became of one request. */
export interface Acknowledgement {
  readonly sequence: number;
  /** Positive errno; 0: done. */
  readonly errno: number;
  /** The kernel's own words, such as `ipv4: Address already assigned.`; empty: none. */
  readonly text: string;
}

/**
 * Reads NLMSG_ERROR. NLMSG_DONE, which ends a dump, reads as an acknowledgement too, since it
 * carries the dump's error in the same place.
 */
export function readAcknowledgement(message: NetlinkMessage): Decoded<Acknowledgement> {
  const { type, flags, sequence, payload } = message;
  if (type !== NLMSG_ERROR && type !== NLMSG_DONE) {
    return { ok: false, reason: `Cannot read acknowledgement: message type is ${type}` };
  }
  if (payload.length < 4) {
    // An empty NLMSG_DONE is what old kernels send at the end of a dump.
    if (type === NLMSG_DONE) return { ok: true, value: { sequence, errno: 0, text: "" } };
    return { ok: false, reason: `Cannot read acknowledgement: ${payload.length} bytes, need 4` };
  }
  const view = viewOf(payload);
  const errno = Math.abs(view.getInt32(0, true));
  let text = "";
  if ((flags & NLM_F_ACK_TLVS) !== 0) {
    const offset = type === NLMSG_DONE ? 4 : afterRequest(view, flags);
    const attributes = readAttributes(payload, offset);
    if (attributes.ok) text = readText(attributes.value, NLMSGERR_ATTR_MSG) ?? "";
  }
  return { ok: true, value: { sequence, errno, text } };
}

/** Where attributes begin: past the errno and the request, of which a success has the header only. */
function afterRequest(view: DataView, flags: number): number {
  if ((flags & NLM_F_CAPPED) !== 0 || view.byteLength < 8) return 4 + HEADER_LENGTH;
  // A hostile length must not wrap around in 32-bit arithmetic.
  return 4 + align(Math.min(view.getUint32(4, true), view.byteLength));
}

const ERRNO_NAMES: Readonly<Record<number, string>> = {
  1: "EPERM",
  2: "ENOENT",
  3: "ESRCH",
  4: "EINTR",
  11: "EAGAIN",
  12: "ENOMEM",
  13: "EACCES",
  16: "EBUSY",
  17: "EEXIST",
  19: "ENODEV",
  22: "EINVAL",
  28: "ENOSPC",
  34: "ERANGE",
  95: "EOPNOTSUPP",
  97: "EAFNOSUPPORT",
  99: "EADDRNOTAVAIL",
  100: "ENETDOWN",
  101: "ENETUNREACH",
  105: "ENOBUFS",
  110: "ETIMEDOUT",
};

/** Errno values that callers tell apart. */
export const EPERM = 1;
export const ENOENT = 2;
export const ESRCH = 3;
export const EACCES = 13;
export const EEXIST = 17;
export const ENODEV = 19;
export const EOPNOTSUPP = 95;
export const EAFNOSUPPORT = 97;
export const EADDRNOTAVAIL = 99;

/** The symbol of an errno, such as `EEXIST`; `errno 77` for one that has no name here. */
export function errnoName(errno: number): string {
  return ERRNO_NAMES[errno] ?? `errno ${errno}`;
}

/** An acknowledgement in words: `EEXIST: ipv4: Address already assigned`. */
export function describeAcknowledgement(acknowledgement: Acknowledgement): string {
  const name = errnoName(acknowledgement.errno);
  const text = acknowledgement.text.replace(/\.$/, "");
  return text === "" ? name : `${name}: ${text}`;
}
