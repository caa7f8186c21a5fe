/**
 * The kernel plane's world, made of libc: the clock, and for each namespace a netlink socket for
 * requests, one for notifications, and one packet socket to send from. The packet socket is opened
 * for no protocol, so the kernel never queues a received frame on it, and it serves every interface
 * of the namespace: the interface stands in the address of each frame.
 *
 * @module
 */

import {
  AF_INET,
  AF_INET6,
  AF_PACKET,
  closeDescriptor,
  EAGAIN,
  EMSGSIZE,
  ENOBUFS,
  type Epoll,
  EPOLLIN,
  inNamespace,
  joinGroup4,
  joinGroup6,
  monotonicMicros,
  namespaceIdentity,
  NETLINK_CAP_ACK,
  NETLINK_GET_STRICT_CHK,
  NETLINK_ROUTE,
  NetlinkSocket,
  openSocket,
  readText,
  sendTo,
  setOption,
  SOCK_DGRAM,
  SOCK_RAW,
  sockaddrLl,
  SOL_NETLINK,
  SystemError,
  writeText,
} from "../../ffi/mod.ts";
import {
  RTNLGRP_IPV4_IFADDR,
  RTNLGRP_IPV6_IFADDR,
  RTNLGRP_IPV6_NETCONF,
  RTNLGRP_LINK,
} from "../netlink/mod.ts";
import { ownMarkTable } from "./mark.ts";
import { openRoutingMonitor } from "./routing_monitor.ts";
import { VRRP_GROUP_IPV4, VRRP_GROUP_IPV6 } from "../vrrp/mod.ts";
import { openFirewall, receiveAnswer } from "./firewall_io.ts";
import type { GroupName } from "../plane/messages.ts";
import type { FirewallIo, KernelIo, Membership, NamespaceIo, NeighbourIo } from "./io.ts";
import type { BalancerWorld } from "./balancer_io.ts";
import { type IpvsIo, openIpvs } from "./ipvs_io.ts";
import { NeighbourSockets } from "./neighbour_sockets.ts";
import { openRoutes, type RouteIo, type RouteShape } from "./presence_io.ts";
import { DATAGRAM_LENGTH } from "./requester.ts";

/** A thousand refreshes a second and a takeover are some hundred KiB of notifications. */
const EVENT_BUFFER = 4 * 1024 * 1024;
const ANSWER_BUFFER = 1024 * 1024;
const GROUPS = [RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV6_NETCONF];
const STANDARD_GROUPS: Readonly<Record<GroupName, string>> = {
  ipv4: VRRP_GROUP_IPV4,
  ipv6: VRRP_GROUP_IPV6,
};
/** Settings of the namespace of whoever opens them. */
const SETTINGS = "/proc/sys/net/";
/** Where the EtherType stands in a frame. */
const ETHER_TYPE = 12;

/** libc as the plane sees it. */
export class SystemIo implements KernelIo, BalancerWorld {
  readonly markTable = ownMarkTable();
  readonly #epoll: Epoll;
  readonly #token: number;

  /** Monitors are added to `epoll` with `token`. */
  constructor(epoll: Epoll, token: number) {
    this.#epoll = epoll;
    this.#token = token;
  }

  now(): number {
    return monotonicMicros();
  }

  open(namespace: string): NamespaceIo {
    return inNamespace(namespace, () => new SystemNamespace(namespace, this.#epoll, this.#token));
  }

  /** Opens sockets for routes of others. @throws where the kernel refuses */
  openRoutes(namespace: string, shapes: readonly RouteShape[]): RouteIo {
    return openRoutes(namespace, shapes, this.#epoll, this.#token);
  }

  identity(namespace: string): string | null {
    return namespaceIdentity(namespace);
  }

  openFirewall(namespace: string): FirewallIo {
    return openFirewall(namespace);
  }

  openIpvs(namespace: string): IpvsIo {
    return openIpvs(namespace);
  }

  readSetting(namespace: string, path: string): string | undefined {
    return readSetting(namespace, path);
  }

  writeSetting(namespace: string, path: string, value: string): void {
    writeSetting(namespace, path, value);
  }
}

class SystemNamespace implements NamespaceIo {
  readonly portId: number;
  readonly #name: string;
  readonly #epoll: Epoll;
  readonly #requests: NetlinkSocket;
  readonly #monitor: NetlinkSocket;
  /** Undefined: nobody wants to know of routes and rules. */
  #routing: NetlinkSocket | undefined;
  readonly #token: number;
  readonly #packets: number;
  readonly #buffer = new Uint8Array(DATAGRAM_LENGTH);
  readonly #eventBuffer = new Uint8Array(DATAGRAM_LENGTH);
  /** Socket address of each interface and EtherType that was announced on. */
  readonly #targets = new Map<number, Uint8Array<ArrayBuffer>>();

  constructor(name: string, epoll: Epoll, token: number) {
    this.#name = name;
    this.#epoll = epoll;
    this.#token = token;
    const opened: { close(): void }[] = [];
    try {
      this.#requests = new NetlinkSocket(NETLINK_ROUTE);
      opened.push(this.#requests);
      this.#requests.setReceiveBuffer(ANSWER_BUFFER);
      setOption(this.#requests.fd, SOL_NETLINK, NETLINK_CAP_ACK, 1);
      // Filters in dumps; a kernel before 4.20 sends everything instead, and we sift.
      tryOption(this.#requests.fd, NETLINK_GET_STRICT_CHK);
      this.#monitor = new NetlinkSocket(NETLINK_ROUTE, GROUPS);
      opened.push(this.#monitor);
      this.#monitor.setReceiveBuffer(EVENT_BUFFER);
      const packets = openSocket(AF_PACKET, SOCK_RAW, 0);
      this.#packets = packets;
      opened.push({ close: () => closeDescriptor(packets) });
      epoll.add(this.#monitor.fd, EPOLLIN, token);
    } catch (error) {
      for (const socket of opened) socket.close();
      throw error;
    }
    this.portId = this.#requests.portId;
  }

  send(bytes: Uint8Array): void {
    this.#requests.send(bytes);
  }

  receive(): Uint8Array | undefined {
    return receiveAnswer(this.#requests, this.#buffer);
  }

  event(): Uint8Array | "overrun" | undefined {
    let length = this.#monitor.receive(this.#eventBuffer);
    if (length === -EAGAIN && this.#routing !== undefined) {
      length = this.#routing.receive(this.#eventBuffer);
    }
    if (length === -EAGAIN) return undefined;
    if (length === -ENOBUFS || length === -EMSGSIZE) return "overrun";
    if (length < 0) throw new SystemError("recvfrom", -length, "netlink notifications");
    return this.#eventBuffer.subarray(0, length);
  }

  followRouting(): void {
    if (this.#routing !== undefined) return;
    const socket = inNamespace(this.#name, openRoutingMonitor);
    this.#epoll.add(socket.fd, EPOLLIN, this.#token);
    this.#routing = socket;
  }

  transmit(index: number, frame: Uint8Array<ArrayBuffer>): number {
    // The kernel takes the protocol of the packet from here and not from the frame.
    const etherType = ((frame[ETHER_TYPE] ?? 0) << 8) | (frame[ETHER_TYPE + 1] ?? 0);
    const key = index * 0x10000 + etherType;
    let address = this.#targets.get(key);
    if (address === undefined) this.#targets.set(key, address = sockaddrLl(index, etherType));
    const result = sendTo(this.#packets, frame, frame.length, address, 0);
    return result < 0 ? -result : 0;
  }

  setting(path: string): string | undefined {
    return readSetting(this.#name, path);
  }

  set(path: string, value: string): void {
    writeSetting(this.#name, path, value);
  }

  join(index: number, group: GroupName): Membership {
    return inNamespace(this.#name, () => {
      const address = STANDARD_GROUPS[group] ?? group;
      const six = address.includes(":");
      const socket = openSocket(six ? AF_INET6 : AF_INET, SOCK_DGRAM, 0);
      try {
        if (six) joinGroup6(socket, address, index);
        else joinGroup4(socket, address, index);
      } catch (error) {
        closeDescriptor(socket);
        throw error;
      }
      return { leave: () => closeDescriptor(socket) };
    });
  }

  neighbours(): NeighbourIo {
    return inNamespace(this.#name, () => new NeighbourSockets());
  }

  firewall(): FirewallIo {
    return openFirewall(this.#name);
  }

  close(): void {
    for (const monitor of [this.#monitor, this.#routing]) {
      if (monitor === undefined) continue;
      this.#epoll.remove(monitor.fd);
      monitor.close();
    }
    this.#requests.close();
    closeDescriptor(this.#packets);
  }
}

function readSetting(namespace: string, path: string): string | undefined {
  try {
    return inNamespace(namespace, () => readText(SETTINGS + path)).trim();
  } catch (error) {
    if (error instanceof SystemError) return undefined;
    throw error;
  }
}

function writeSetting(namespace: string, path: string, value: string): void {
  inNamespace(namespace, () => writeText(SETTINGS + path, value));
}

function tryOption(fd: number, name: number): void {
  try {
    setOption(fd, SOL_NETLINK, name, 1);
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
  }
}
