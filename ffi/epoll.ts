/**
 * Waiting for descriptors.
 *
 * One Epoll with a preallocated event array is the heart of a synchronous plane: `wait` blocks the
 * thread, then `token(i)` and `events(i)` read the i-th event in place. A token is any integer that
 * a double holds exactly (0 to 2⁵³ - 1); the planes use them to find the driver of a descriptor.
 *
 * @module
 */

import { closeDescriptor, opened } from "./descriptor.ts";
import { check, EINTR, SystemError } from "./errors.ts";
import { EPOLL_LAYOUT } from "./layout.ts";
import { lastErrno, libc } from "./symbols.ts";

/** Something to read. */
export const EPOLLIN = 0x001;
/** Urgent data. */
export const EPOLLPRI = 0x002;
/** Room to write. */
export const EPOLLOUT = 0x004;
/** An error is pending (always reported). */
export const EPOLLERR = 0x008;
/** The other end hung up (always reported). */
export const EPOLLHUP = 0x010;
/** The other end will write no more. */
export const EPOLLRDHUP = 0x2000;
/** Disarm after one event, until `modify`. */
export const EPOLLONESHOT = 0x4000_0000;
/** Report changes, not states. */
export const EPOLLET = 0x8000_0000;

const EPOLL_CLOEXEC = 0x80000;
const EPOLL_CTL_ADD = 1;
const EPOLL_CTL_DEL = 2;
const EPOLL_CTL_MOD = 3;

/** An epoll instance. */
export class Epoll {
  readonly fd: number;
  readonly #maxEvents: number;
  readonly #ready: Uint32Array;
  readonly #one = new Uint32Array(new ArrayBuffer(16));

  /** `maxEvents`: most events one `wait` can return, at least 1. */
  constructor(maxEvents = 64) {
    if (!Number.isInteger(maxEvents) || maxEvents < 1) {
      throw new RangeError(`An epoll needs room for at least one event, not ${maxEvents}`);
    }
    this.#maxEvents = maxEvents;
    this.#ready = new Uint32Array(new ArrayBuffer(maxEvents * EPOLL_LAYOUT.stride * 4));
    this.fd = opened("epoll_create1", libc.epoll_create1(EPOLL_CLOEXEC));
  }

  /** Watches `fd` for `events`; what happens on it is reported with `token`. */
  add(fd: number, events: number, token: number): void {
    this.#control(EPOLL_CTL_ADD, fd, events, token);
  }

  /** Changes the events and the token of a descriptor that is watched. */
  modify(fd: number, events: number, token: number): void {
    this.#control(EPOLL_CTL_MOD, fd, events, token);
  }

  /** Stops watching; do it before closing the descriptor. */
  remove(fd: number): void {
    this.#control(EPOLL_CTL_DEL, fd, 0, 0);
  }

  /**
   * Waits at most so many milliseconds (0: only looks; -1: for ever). Returns the number of events;
   * 0 at the time-out and when a signal interrupted the wait.
   */
  wait(timeoutMs: number): number {
    const count = libc.epoll_wait(this.fd, this.#ready, this.#maxEvents, timeoutMs);
    if (count >= 0) return count;
    const errno = lastErrno();
    if (errno === EINTR) return 0;
    throw new SystemError("epoll_wait", errno);
  }

  /** The token of the i-th event of the last `wait`. */
  token(index: number): number {
    const word = index * EPOLL_LAYOUT.stride + EPOLL_LAYOUT.token;
    return (this.#ready[word] ?? 0) + (this.#ready[word + 1] ?? 0) * 0x1_0000_0000;
  }

  /** The events (EPOLLIN …) of the i-th event of the last `wait`. */
  events(index: number): number {
    return this.#ready[index * EPOLL_LAYOUT.stride] ?? 0;
  }

  /** Closes the epoll; the watched descriptors stay open. */
  close(): void {
    closeDescriptor(this.fd);
  }

  #control(operation: number, fd: number, events: number, token: number): void {
    if (!Number.isSafeInteger(token) || token < 0) {
      throw new RangeError(`A token is an integer from 0 to 2^53 - 1, not ${token}`);
    }
    this.#one[0] = events;
    this.#one[EPOLL_LAYOUT.token] = token % 0x1_0000_0000;
    this.#one[EPOLL_LAYOUT.token + 1] = Math.floor(token / 0x1_0000_0000);
    check("epoll_ctl", libc.epoll_ctl(this.fd, operation, fd, this.#one), `descriptor ${fd}`);
  }
}
