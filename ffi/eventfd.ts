/**
 * A bell between threads.
 *
 * A thread blocked in `epoll_wait` cannot hear a MessagePort; who posts a message rings the
 * receiver's eventfd after it. Signals add up to one ring: what counts is that the receiver looks.
 *
 * @module
 */

import { closeDescriptor, opened } from "./descriptor.ts";
import { EAGAIN, EBADF, SystemError } from "./errors.ts";
import { lastErrno, libc } from "./symbols.ts";

const EFD_CLOEXEC = 0x80000;
const EFD_NONBLOCK = 0x800;

/** A non-blocking eventfd. */
export class EventFd {
  readonly fd: number;
  readonly #owned: boolean;
  #closed = false;
  readonly #count = new Uint32Array(new ArrayBuffer(8));

  /**
   * Opens an eventfd; or, given a descriptor, becomes a second handle on one that another thread
   * opened: `close` then leaves it open, for its owner to close.
   */
  constructor(fd?: number) {
    this.#owned = fd === undefined;
    this.fd = fd ?? opened("eventfd", libc.eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  }

  /** Makes the descriptor readable for whoever waits on it. @throws {SystemError} once closed */
  signal(): void {
    // Its number may be somebody else's by now: a file's, or a connection's.
    if (this.#closed) throw new SystemError("write", EBADF, `eventfd ${this.fd}`);
    this.#count[0] = 1;
    this.#count[1] = 0;
    if (libc.write(this.fd, this.#count, 8) < 0) {
      const errno = lastErrno();
      // A full counter is readable already.
      if (errno !== EAGAIN) throw new SystemError("write", errno, `eventfd ${this.fd}`);
    }
  }

  /** Makes the descriptor unreadable until the next signal. Harmless when none was there. */
  acknowledge(): void {
    libc.read(this.fd, this.#count, 8);
  }

  close(): void {
    if (!this.#owned || this.#closed) return;
    this.#closed = true;
    closeDescriptor(this.fd);
  }
}
