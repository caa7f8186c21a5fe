/**
 * Connections of ours for a library that speaks only over connections of the runtime's, which can
 * be bound to nothing, carry no mark and stay in this namespace. The runtime connects to a port of
 * the loopback that lives for that one connection; what it says is handed on over a socket of ours,
 * and back.
 *
 * ```text
 *   TLS ── net.Socket ── 127.0.0.1 ── Relay ── socket of ours, bound and marked ── server
 * ```
 *
 * Control has no loop of its own to wait in: the sockets are looked at by a timer, every
 * millisecond while anything moves.
 *
 * @module
 */

import net from "node:net";
import {
  acceptSocket,
  AF_INET,
  bindSocket,
  closeDescriptor,
  EAGAIN,
  endSending,
  Epoll,
  EPOLLIN,
  EPOLLOUT,
  errnoName,
  getOption,
  getPeerName,
  getSocketName,
  IPPROTO_TCP,
  listenSocket,
  MSG_NOSIGNAL,
  openSocket,
  receive,
  sendTo,
  setOption,
  SO_ERROR,
  SOCK_STREAM,
  sockaddrAddress,
  sockaddrIn,
  sockaddrPort,
  SOL_SOCKET,
} from "../../../ffi/mod.ts";
import { failed, type Outcome, unasked } from "../outcome.ts";
import { isShortage, socketReason } from "../reasons.ts";
import {
  connectTo,
  destinationOf,
  openFor,
  openingFailure,
  resetAtClose,
  type SocketTarget,
} from "./open.ts";

const TCP_NODELAY = 1;
const LOOPBACK = "127.0.0.1";
/** Looks are so far apart while something moves, and where nothing has for so long, milliseconds. */
const BUSY = 1;
const QUIET = 5;
const CALM_AFTER = 20;
/** Strangers on the loopback that may knock before our own connection does. */
const BACKLOG = 8;
/** Pieces that one direction may hand on before others have their turn. */
const PIECES_A_TURN = 4;

const buffer = new Uint8Array(65_536);

/** Looks after the descriptors of all relays. */
class Watcher {
  readonly #epoll = new Epoll();
  readonly #turns = new Map<number, () => void>();
  #timer: ReturnType<typeof setTimeout> | null = null;
  #moved = 0;

  /** @param turn is called when anything has happened to the descriptor */
  add(fd: number, events: number, turn: () => void): void {
    this.#epoll.add(fd, events, fd);
    this.#turns.set(fd, turn);
    this.#moved = performance.now();
    this.#plan();
  }

  modify(fd: number, events: number): void {
    this.#epoll.modify(fd, events, fd);
  }

  /** Another turn for a descriptor that is looked after. */
  replace(fd: number, events: number, turn: () => void): void {
    this.#turns.set(fd, turn);
    this.modify(fd, events);
  }

  /** To be called before the descriptor is closed; nothing where it is not looked after. */
  remove(fd: number): void {
    if (!this.#turns.delete(fd)) return;
    this.#epoll.remove(fd);
    if (this.#turns.size > 0 || this.#timer === null) return;
    clearTimeout(this.#timer);
    this.#timer = null;
  }

  #plan(): void {
    if (this.#timer !== null || this.#turns.size === 0) return;
    const calm = performance.now() - this.#moved > CALM_AFTER;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      const count = this.#epoll.wait(0);
      if (count > 0) this.#moved = performance.now();
      const ready = Array.from({ length: count }, (_, i) => this.#turns.get(this.#epoll.token(i)));
      for (const turn of ready) turn?.();
      this.#plan();
    }, calm ? QUIET : BUSY);
  }
}

let watcher: Watcher | undefined;

/** From one end to the other, at the pace of the slower one. */
class Direction {
  readonly from: number;
  readonly to: number;
  #pending: Uint8Array | null = null;
  /** The one end has said all that it will, and the other has it. */
  over = false;

  constructor(from: number, to: number) {
    this.from = from;
    this.to = to;
  }

  /** Whether something waits until the other end takes it. */
  get waits(): boolean {
    return this.#pending !== null;
  }

  /**
   * Hands on what there is. Returns 0, or minus errno of the end that has failed.
   *
   * @param heard sees every piece before it is handed on
   */
  move(heard: (bytes: Uint8Array) => void): number {
    for (let i = 0; i < PIECES_A_TURN && !this.over; i++) {
      if (this.#pending === null) {
        const count = receive(this.from, buffer, 0);
        if (count < 0) return count === -EAGAIN ? 0 : count;
        if (count === 0) {
          this.over = true;
          endSending(this.to);
          return 0;
        }
        const piece = buffer.subarray(0, count);
        heard(piece);
        this.#pending = piece;
      }
      const sent = sendTo(this.to, this.#pending, this.#pending.length, null, MSG_NOSIGNAL);
      if (sent < 0 && sent !== -EAGAIN) return sent;
      const left = this.#pending.subarray(Math.max(0, sent));
      this.#pending = left.length === 0 ? null : left.slice();
      if (left.length > 0) return 0;
    }
    return 0;
  }
}

/** Who hears of a relay. */
export interface RelayEvents {
  /** It stands: `socket` is connected, and what it says reaches the server. */
  connected(socket: net.Socket): void;
  /** It does not, which is the outcome of whoever wanted it. */
  failed(outcome: Outcome): void;
  /** Bytes of the server's that will be in `socket`. */
  heard(bytes: Uint8Array): void;
}

/** A loopback that is not there is a mistake that lasts, and counts; what has run out does not. */
function noLoopback(outcome: Outcome): Outcome {
  return { ...outcome, reason: `no loopback: ${outcome.reason}` };
}

/** One connection by way of a socket of ours. */
export class Relay {
  readonly #events: RelayEvents;
  readonly #watcher: Watcher;
  #outer = -1;
  #listener = -1;
  #inner = -1;
  #socket: net.Socket | null = null;
  #directions: readonly [Direction, Direction] | null = null;
  #closed = false;
  /** What has ended it, in words; null: nothing, or an end that was in order. */
  failure: string | null = null;

  /** Begins to connect; nothing is told in this very call. */
  constructor(target: SocketTarget, events: RelayEvents) {
    this.#events = events;
    this.#watcher = watcher ??= new Watcher();
    try {
      const destination = destinationOf(target);
      this.#outer = openFor(destination).fd;
      setOption(this.#outer, IPPROTO_TCP, TCP_NODELAY, 1);
      const connected = connectTo(this.#outer, destination);
      this.#watcher.add(this.#outer, EPOLLOUT, () => this.#reached());
      if (connected) queueMicrotask(() => this.#reached());
    } catch (error) {
      const outcome = openingFailure(error);
      this.#release();
      queueMicrotask(() => this.#fail(outcome));
    }
  }

  /** The address and port that the server sees; null: there is no connection. */
  get local(): { readonly address: string; readonly port: number } | null {
    if (this.#outer < 0) return null;
    const name = getSocketName(this.#outer);
    return { address: sockaddrAddress(name), port: sockaddrPort(name) };
  }

  /** Whether its socket was handed over. */
  get stands(): boolean {
    return this.#inner >= 0;
  }

  /**
   * Ends both connections, by a reset, so that no port waits for anybody. Any number of times. Whoever
   * has the socket destroys it once it has noticed.
   */
  close(): void {
    this.#closed = true;
    if (!this.stands) this.#socket?.destroy();
    this.#release();
  }

  #release(): void {
    for (const fd of [this.#outer, this.#inner]) {
      if (fd < 0) continue;
      this.#watcher.remove(fd);
      resetAtClose(fd);
      closeDescriptor(fd);
    }
    this.#outer = this.#inner = -1;
    this.#directions = null;
    this.#stopListening();
  }

  #stopListening(): void {
    if (this.#listener < 0) return;
    this.#watcher.remove(this.#listener);
    closeDescriptor(this.#listener);
    this.#listener = -1;
  }

  /** The server has answered, or nobody will. */
  #reached(): void {
    if (this.#closed || this.#listener >= 0) return;
    const errno = getOption(this.#outer, SOL_SOCKET, SO_ERROR);
    if (errno !== 0) return this.#fail(failed(socketReason(errnoName(errno))));
    this.#watcher.modify(this.#outer, 0);
    try {
      this.#listener = openSocket(AF_INET, SOCK_STREAM, 0);
      bindSocket(this.#listener, sockaddrIn(LOOPBACK, 0));
      listenSocket(this.#listener, BACKLOG);
    } catch (error) {
      return this.#fail(noLoopback(openingFailure(error)));
    }
    this.#watcher.add(this.#listener, EPOLLIN, () => this.#accept());
    const port = sockaddrPort(getSocketName(this.#listener));
    const socket = this.#socket = net.connect({ host: LOOPBACK, port });
    // Stays, so that no error of one that we have left is an uncaught one.
    socket.on("error", (error: Error & { code?: string }) => {
      if (this.#inner >= 0 || this.failure !== null) return;
      const { code = "", message } = error;
      const reason = socketReason(code, message);
      this.#fail(noLoopback(isShortage(code, "connect") ? unasked(reason) : failed(reason)));
    });
    socket.once("connect", () => this.#accept());
  }

  /** Takes the connection that is ours; others on this host may knock as well. */
  #accept(): void {
    const port = this.#socket?.localPort;
    if (this.#closed || port === undefined || this.#inner >= 0) return;
    for (let fd = acceptSocket(this.#listener); fd !== undefined;) {
      const name = getPeerName(fd);
      if (sockaddrPort(name) === port && sockaddrAddress(name) === LOOPBACK) {
        this.#inner = fd;
        return this.#begin();
      }
      closeDescriptor(fd);
      fd = acceptSocket(this.#listener);
    }
  }

  #begin(): void {
    this.#stopListening();
    this.#directions = [
      new Direction(this.#outer, this.#inner),
      new Direction(this.#inner, this.#outer),
    ];
    this.#watcher.add(this.#inner, EPOLLIN, () => this.#turn());
    this.#watcher.replace(this.#outer, EPOLLIN, () => this.#turn());
    this.#events.connected(this.#socket!);
  }

  #turn(): void {
    if (this.#directions === null) return;
    const [inwards, outwards] = this.#directions;
    const failed = inwards.move((bytes) => this.#events.heard(bytes)) || outwards.move(() => {});
    // Who hears may have ended it.
    if (this.#closed) return;
    if (failed !== 0) {
      this.failure = socketReason(errnoName(-failed));
      return this.#release();
    }
    this.#watch(this.#outer, inwards, outwards);
    this.#watch(this.#inner, outwards, inwards);
  }

  /** @param from the direction that begins at the descriptor @param to the one that ends there */
  #watch(fd: number, from: Direction, to: Direction): void {
    const reads = !from.over && !from.waits;
    this.#watcher.modify(fd, (reads ? EPOLLIN : 0) | (to.waits ? EPOLLOUT : 0));
  }

  #fail(outcome: Outcome): void {
    if (this.#closed) return;
    this.close();
    this.#events.failed(outcome);
  }
}
