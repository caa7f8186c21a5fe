/**
 * How a synchronous loop receives: messages wait in a `MessagePort`, and an event descriptor in the
 * loop's epoll set says that some do. Each turn takes a limited number, so that a flood of messages
 * delays no packet.
 *
 * @module
 */

import { receiveMessageOnPort } from "node:worker_threads";

/** Wakes another plane: an event descriptor, seen from here. */
export interface Waker {
  signal(): void;
}

/** Sends to another plane and wakes it. */
export class Outbox<T> {
  #port: MessagePort;
  readonly #waker: Waker | null;

  /** @param waker null: the other side is an asynchronous loop, which needs no waking */
  constructor(port: MessagePort, waker: Waker | null) {
    this.#port = port;
    this.#waker = waker;
  }

  /** The other side was restarted: from now on messages go to `port`. */
  reconnect(port: MessagePort): void {
    this.#port.close();
    this.#port = port;
  }

  /** @param transfer ports that go along */
  post(message: T, transfer: readonly MessagePort[] = []): void {
    this.#port.postMessage(message, [...transfer]);
    this.#waker?.signal();
  }
}

/** Messages from several ports, first port first. */
export class Inbox {
  readonly #ports: MessagePort[];
  readonly #own: Waker & { acknowledge(): void };
  readonly #fair: boolean;

  /** @param fair what is left of one port keeps nobody from the next; otherwise it comes first */
  constructor(
    own: Waker & { acknowledge(): void },
    ports: readonly MessagePort[],
    fair = false,
  ) {
    this.#own = own;
    this.#ports = [...ports];
    this.#fair = fair;
  }

  /** Reads from `port` instead of the one at `index`. */
  reconnect(index: number, port: MessagePort): void {
    this.#ports[index] = port;
  }

  /**
   * Handles up to `budget` waiting messages; what is left makes the descriptor ready again.
   *
   * @param isEnough asked after each message: whether the rest is to be left
   * @returns how many were handled
   */
  drain(budget: number, handle: (message: unknown) => void, isEnough = () => false): number {
    this.#own.acknowledge();
    let handled = 0;
    for (const port of this.#ports) {
      for (let own = 0;; own++) {
        if (handled >= budget || (this.#fair ? own : handled) > 0 && isEnough()) {
          this.#own.signal();
          if (!this.#fair || handled >= budget) return handled;
          break;
        }
        // Deno's types know the port of node:worker_threads only; at run time they are the same.
        const next = receiveMessageOnPort(port as unknown as NodePort);
        if (next === undefined) break;
        handled++;
        handle(next.message);
      }
    }
    return handled;
  }
}

type NodePort = Parameters<typeof receiveMessageOnPort>[0];
