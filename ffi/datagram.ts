/**
 * One datagram to a Unix socket, as service managers want it (sd_notify). Nothing waits: a
 * receiver that does not read loses it.
 *
 * @module
 */

import { AF_UNIX, MSG_NOSIGNAL, SOCK_DGRAM } from "./constants.ts";
import { closeDescriptor } from "./descriptor.ts";
import { SystemError } from "./errors.ts";
import { openSocket, sendTo } from "./socket.ts";

/** Bytes of a path in `sockaddr_un`. */
const LONGEST_PATH = 108;

/** `sockaddr_un` for a path, or, where it begins with `@`, for a name in the abstract space. */
export function sockaddrUn(name: string): Uint8Array<ArrayBuffer> {
  const path = new TextEncoder().encode(name);
  if (path.length === 0 || path.length > LONGEST_PATH || path.includes(0)) {
    throw new RangeError(`A socket's path has 1 to ${LONGEST_PATH} bytes: ${JSON.stringify(name)}`);
  }
  const bytes = new Uint8Array(new ArrayBuffer(2 + path.length));
  bytes[0] = AF_UNIX;
  bytes.set(path, 2);
  if (name.startsWith("@")) bytes[2] = 0;
  return bytes;
}

/** Sends `text`. @throws {SystemError} when nobody can be reached there */
export function sendDatagram(name: string, text: string): void {
  const address = sockaddrUn(name);
  const fd = openSocket(AF_UNIX, SOCK_DGRAM, 0);
  try {
    const bytes = new TextEncoder().encode(text);
    const sent = sendTo(fd, bytes, bytes.length, address, MSG_NOSIGNAL);
    if (sent < 0) throw new SystemError("sendto", -sent, name);
  } finally {
    closeDescriptor(fd);
  }
}
