/**
 * The socket of systemd-journald or of a syslog daemon as the log's way out: a datagram for each
 * record. Nothing waits for the daemon. While it is away, or does not read, records wait in the
 * outlet as far as there is room; it is looked for once a second, and when it is back they follow.
 *
 * @module
 */

import {
  AF_UNIX,
  closeDescriptor,
  connectSocket,
  EAGAIN,
  EMSGSIZE,
  ENOBUFS,
  Epoll,
  EPOLLOUT,
  errnoText,
  MSG_DONTWAIT,
  MSG_NOSIGNAL,
  openSocket,
  sendTo,
  SOCK_DGRAM,
  sockaddrUn,
  SystemError,
} from "../../ffi/mod.ts";
import type { Drain } from "./log_outlet.ts";

/** Where the daemons listen. */
export const JOURNAL = "/run/systemd/journal/socket";
export const SYSLOG = "/dev/log";

/** A daemon that is away is looked for no more often, milliseconds. */
const GAP = 500;

export class Datagrams implements Drain {
  /** A datagram is never cut in two. */
  readonly piece = Infinity;
  /** Why nobody gets anything; null: all is well. */
  trouble: string | null = null;
  readonly #path: string;
  #socket: { readonly fd: number; readonly epoll: Epoll } | null = null;
  #nextTry = -Infinity;

  constructor(path: string) {
    this.#path = path;
  }

  get away(): boolean {
    return this.#socket === null;
  }

  room(timeoutMs: number): boolean {
    this.#socket ??= this.#connect();
    return this.#socket !== null && this.#socket.epoll.wait(timeoutMs) > 0;
  }

  write(bytes: Uint8Array): number {
    if (this.#socket === null) return 0;
    const flags = MSG_DONTWAIT | MSG_NOSIGNAL;
    const sent = sendTo(this.#socket.fd, bytes, bytes.length, null, flags);
    // One that is too long will not become shorter.
    if (sent >= 0 || sent === -EMSGSIZE || sent === -ENOBUFS) return bytes.length;
    if (sent !== -EAGAIN) {
      // The daemon has ended, or was started anew: its next socket is another one.
      this.trouble = `${this.#path}: ${errnoText(-sent)}`;
      this.close();
    }
    return 0;
  }

  close(): void {
    if (this.#socket === null) return;
    this.#socket.epoll.close();
    closeDescriptor(this.#socket.fd);
    this.#socket = null;
  }

  #connect(): { readonly fd: number; readonly epoll: Epoll } | null {
    if (performance.now() < this.#nextTry) return null;
    // Whoever logs must not fail over it, where descriptors have run out, say.
    let fd: number | undefined;
    let epoll: Epoll | undefined;
    try {
      fd = openSocket(AF_UNIX, SOCK_DGRAM, 0);
      connectSocket(fd, sockaddrUn(this.#path));
      epoll = new Epoll(1);
      epoll.add(fd, EPOLLOUT, 0);
      this.trouble = null;
      return { fd, epoll };
    } catch (error) {
      epoll?.close();
      if (fd !== undefined) closeDescriptor(fd);
      if (!(error instanceof SystemError)) throw error;
      this.trouble = `${this.#path}: ${errnoText(error.errno)}`;
      this.#nextTry = performance.now() + GAP;
      return null;
    }
  }
}
