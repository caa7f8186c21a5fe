/**
 * What the loop reads from: descriptors in one epoll set, each with what is done when something
 * waits there. A token is never used again, so that what the kernel told of a descriptor that was
 * closed in the same turn finds nobody.
 *
 * @module
 */

import { Epoll, EPOLLIN, EPOLLONESHOT } from "../../ffi/mod.ts";

/** Ready descriptors that one look tells of: there may be thousands. */
export const EVENTS = 1024;

/**
 * Reads what waits.
 *
 * @param budget most packets
 * @param now when the turn began
 * @param until when to read no more where there is more
 */
export type Reader = (budget: number, now: number, until: number) => void;

interface Entry {
  readonly token: number;
  readonly read: Reader;
}

export class Readables {
  readonly epoll = new Epoll(EVENTS);
  readonly #byToken = new Map<number, Entry>();
  readonly #byDescriptor = new Map<number, Entry>();
  #next: number;

  /** @param first token: those below are the caller's */
  constructor(first: number) {
    this.#next = first;
  }

  /** From now on `read` is called where something waits; `once`: the next time, see `again`. */
  watch(descriptor: number, read: Reader, once = false): void {
    const entry = { token: this.#next++, read };
    this.#byToken.set(entry.token, entry);
    this.#byDescriptor.set(descriptor, entry);
    this.epoll.add(descriptor, once ? EPOLLIN | EPOLLONESHOT : EPOLLIN, entry.token);
  }

  /** One that was to be read once is to be read once more. */
  again(descriptor: number): void {
    const entry = this.#byDescriptor.get(descriptor);
    if (entry === undefined) return;
    this.epoll.modify(descriptor, EPOLLIN | EPOLLONESHOT, entry.token);
  }

  /** To be called before the descriptor is closed. */
  unwatch(descriptor: number): void {
    const entry = this.#byDescriptor.get(descriptor);
    if (entry === undefined) return;
    this.epoll.remove(descriptor);
    this.#byDescriptor.delete(descriptor);
    this.#byToken.delete(entry.token);
  }

  /** Reads from the one with that token; nothing where there is none any more. */
  read(token: number, budget: number, now: number, until: number): void {
    this.#byToken.get(token)?.read(budget, now, until);
  }
}
