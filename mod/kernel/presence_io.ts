/**
 * Sockets to whoever looks for routes of others: one to read tables piece by piece, one for
 * notifications, of which a filter in the kernel lets pass those of the wanted lengths. A host with
 * a full table of the internet changes hundreds of routes a second, and its default route seldom.
 *
 * @module
 */

import {
  AF_INET,
  AF_INET6,
  assemble,
  attachFilter,
  bpf,
  EAGAIN,
  EMSGSIZE,
  ENOBUFS,
  type Epoll,
  EPOLLIN,
  inNamespace,
  NETLINK_GET_STRICT_CHK,
  NETLINK_ROUTE,
  NetlinkSocket,
  setOption,
  SOL_NETLINK,
  SystemError,
} from "../../ffi/mod.ts";
import { HEADER_LENGTH, RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE } from "../netlink/mod.ts";
import type { RequestIo } from "./io.ts";
import { DATAGRAM_LENGTH } from "./requester.ts";

const BUFFER = 1024 * 1024;

/** The routes of one family with one prefix length. */
export interface RouteShape {
  readonly family: 4 | 6;
  readonly prefixLength: number;
}

/** Tables of routes and what happens to them. What is received is valid until the next call. */
export interface RouteIo extends RequestIo {
  /** The next datagram of notifications; `overrun`: some were lost. */
  event(): Uint8Array | "overrun" | undefined;
  close(): void;
}

/** Opens them in a namespace. @throws where the kernel refuses */
export function openRoutes(
  namespace: string,
  shapes: readonly RouteShape[],
  epoll: Epoll,
  token: number,
): RouteIo {
  return inNamespace(namespace, () => new RouteSockets(shapes, epoll, token));
}

class RouteSockets implements RouteIo {
  readonly #requests: NetlinkSocket;
  readonly #monitor: NetlinkSocket;
  readonly #epoll: Epoll;
  readonly #buffer = new Uint8Array(DATAGRAM_LENGTH);
  readonly #eventBuffer = new Uint8Array(DATAGRAM_LENGTH);

  constructor(shapes: readonly RouteShape[], epoll: Epoll, token: number) {
    this.#epoll = epoll;
    const opened: NetlinkSocket[] = [];
    try {
      this.#requests = new NetlinkSocket(NETLINK_ROUTE);
      opened.push(this.#requests);
      strictIfKnown(this.#requests.fd);
      this.#monitor = new NetlinkSocket(NETLINK_ROUTE);
      opened.push(this.#monitor);
      this.#monitor.setReceiveBuffer(BUFFER);
      attachFilter(this.#monitor.fd, ofShapes(shapes));
      for (const family of new Set(shapes.map(({ family }) => family))) {
        this.#monitor.joinGroup(family === 4 ? RTNLGRP_IPV4_ROUTE : RTNLGRP_IPV6_ROUTE);
      }
      epoll.add(this.#monitor.fd, EPOLLIN, token);
    } catch (error) {
      for (const socket of opened) socket.close();
      throw error;
    }
  }

  send(bytes: Uint8Array): void {
    this.#requests.send(bytes);
  }

  receive(): Uint8Array | undefined {
    const length = this.#requests.receive(this.#buffer);
    if (length === -EAGAIN || length === -ENOBUFS) return undefined;
    if (length < 0) throw new SystemError("recvfrom", -length, "routes");
    return this.#buffer.subarray(0, length);
  }

  event(): Uint8Array | "overrun" | undefined {
    const length = this.#monitor.receive(this.#eventBuffer);
    if (length === -EAGAIN) return undefined;
    if (length === -ENOBUFS || length === -EMSGSIZE) return "overrun";
    if (length < 0) throw new SystemError("recvfrom", -length, "notifications of routes");
    return this.#eventBuffer.subarray(0, length);
  }

  close(): void {
    this.#epoll.remove(this.#monitor.fd);
    this.#monitor.close();
    this.#requests.close();
  }
}

/** Family and prefix length are the first two bytes of a route. */
function ofShapes(shapes: readonly RouteShape[]): Uint8Array {
  return assemble([
    bpf.loadHalf(HEADER_LENGTH),
    ...shapes.map(({ family, prefixLength }) =>
      bpf.jumpEqual(((family === 4 ? AF_INET : AF_INET6) << 8) | prefixLength, "accept", 0)
    ),
    bpf.drop(),
    bpf.label("accept"),
    bpf.accept(),
  ]);
}

/** A kernel before 4.20 sends all tables instead of one, and we sift. */
function strictIfKnown(fd: number): void {
  try {
    setOption(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, 1);
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
  }
}
