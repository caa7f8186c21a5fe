/**
 * A model of the kernel's tables, for tests in virtual time.
 *
 * It speaks netlink bytes on both sides, and knows what matters to leases: primary and secondary
 * addresses, connected routes, lifetimes, routes that go with their preferred source, and the
 * flush of an interface's routes when its last address goes. What it says about these was checked
 * against a real kernel (tests/lab/kernel_test.ts).
 *
 * @module
 */

import type { KernelIo, NamespaceIo } from "../../../mod/kernel/mod.ts";
import { formatIp, inPrefix, networkOf, parseIp } from "../../../mod/ip/mod.ts";
import {
  EADDRNOTAVAIL,
  EEXIST,
  ENODEV,
  ESRCH,
  HALB_PROTOCOL,
  IFA_F_NOPREFIXROUTE,
  IFA_F_SECONDARY,
  INFINITE_LIFETIME,
  type InterfaceAddress,
  MessageWriter,
  type NetlinkMessage,
  NLM_F_EXCL,
  NLM_F_REPLACE,
  NLMSG_DONE,
  readAddress,
  readRoute,
  type Route,
  RTM_DELADDR,
  RTM_DELLINK,
  RTM_DELROUTE,
  RTM_GETADDR,
  RTM_GETLINK,
  RTM_GETROUTE,
  RTM_NEWADDR,
  RTM_NEWLINK,
  RTM_NEWROUTE,
  RTPROT_KERNEL,
  splitMessages,
  viewOf,
} from "../../../mod/netlink/mod.ts";
import {
  addressMessage,
  errorMessage,
  linkMessage,
  type ModelAddress,
  type ModelLink,
  type ModelRoute,
  routeMessage,
} from "./model_messages.ts";

const SECOND = 1_000_000;
/** Port of the plane's request socket, and of everybody else's. */
const OUR_PORT = 1000;
const OTHER_PORT = 2000;

/** The tables, and the plane's sockets into them. */
export class ModelKernel implements KernelIo, NamespaceIo {
  readonly portId = OUR_PORT;
  readonly links: ModelLink[] = [];
  addresses: ModelAddress[] = [];
  routes: ModelRoute[] = [];
  /** Frames sent, with the time. */
  readonly frames: { at: number; index: number; frame: Uint8Array }[] = [];
  /** Requests that changed something or tried to, in words. */
  readonly journal: string[] = [];
  /** Errnos for the next requests of a type, first first. */
  readonly refusals: { type: number; errno: number }[] = [];
  /** Whether the kernel keeps IFA_PROTO. */
  marks = true;
  /** Address flags that this kernel does not know. */
  forgets = 0;
  time = 1_000_000_000;
  #answers: Uint8Array[] = [];
  #events: (Uint8Array | "overrun")[] = [];
  #nextIndex = 1;

  now(): number {
    return this.time;
  }

  open(namespace: string): NamespaceIo {
    if (namespace !== "") throw new Error(`No namespace "${namespace}" in the model`);
    return this;
  }

  send(bytes: Uint8Array): void {
    for (const message of splitMessages(bytes.slice()).messages) this.#request(message);
  }

  receive(): Uint8Array | undefined {
    return this.#answers.shift();
  }

  event(): Uint8Array | "overrun" | undefined {
    return this.#events.shift();
  }

  transmit(index: number, frame: Uint8Array<ArrayBuffer>): number {
    this.frames.push({ at: this.time, index, frame: frame.slice() });
    return 0;
  }

  close(): void {}

  /** Lets time pass; addresses whose lifetime ends go. */
  advance(micros: number): void {
    const end = this.time + micros;
    for (;;) {
      const next = this.addresses.filter((one) => one.expiresAt <= end)
        .sort((a, b) => a.expiresAt - b.expiresAt)[0];
      if (next === undefined) break;
      this.time = Math.max(this.time, next.expiresAt);
      this.#remove(next, 0);
    }
    this.time = end;
  }

  /** Loses what is queued, as a full socket does. */
  overrun(): void {
    this.#events = ["overrun"];
  }

  link(name: string, flags = 0x1 | 0x40): number {
    const index = this.#nextIndex++;
    const link = { index, name, flags, mac: [2, 0, 0, 0, 0, index] };
    this.links.push(link);
    this.#events.push(linkMessage(RTM_NEWLINK, link));
    return index;
  }

  changeLink(index: number, change: Partial<ModelLink>): void {
    const link = this.links.find((one) => one.index === index);
    if (link === undefined) throw new Error(`No link ${index}`);
    Object.assign(link, change);
    // A link that goes down loses its routes, silently, and keeps its addresses.
    if ((link.flags & 1) === 0) this.routes = this.routes.filter((one) => one.index !== index);
    this.#events.push(linkMessage(RTM_NEWLINK, link));
  }

  /** A bridge reports that a port has left it: RTM_DELLINK with a family of its own. */
  bridgePortLeaves(index: number): void {
    const link = this.links.find((one) => one.index === index);
    if (link === undefined) throw new Error(`No link ${index}`);
    const message = linkMessage(RTM_DELLINK, link);
    message[16] = 7;
    this.#events.push(message);
  }

  unlink(index: number): void {
    for (const one of this.addresses.filter((one) => one.index === index)) this.#remove(one, 0);
    this.routes = this.routes.filter((route) => route.index !== index);
    const at = this.links.findIndex((one) => one.index === index);
    const [link] = this.links.splice(at, 1);
    if (link !== undefined) this.#events.push(linkMessage(RTM_DELLINK, link));
  }

  /** Somebody else adds an address. */
  addByOthers(index: number, address: string, prefixLength: number, options: {
    protocol?: number;
    flags?: number;
    lifetime?: number;
  } = {}): void {
    const errno = this.#insert({
      index,
      address,
      prefixLength,
      flags: options.flags ?? 0,
      protocol: options.protocol ?? 0,
      label: "",
      expiresAt: options.lifetime === undefined ? Infinity : this.time + options.lifetime * SECOND,
    }, OTHER_PORT);
    if (errno !== 0) throw new Error(`Cannot add ${address}: errno ${errno}`);
  }

  /** Somebody else removes an address. @returns whether it was there */
  removeByOthers(index: number, address: string): boolean {
    const found = this.addresses.find((one) => one.index === index && one.address === address);
    if (found !== undefined) this.#remove(found, OTHER_PORT);
    return found !== undefined;
  }

  /** As the end of duplicate address detection does it. */
  changeFlags(index: number, address: string, flags: number): void {
    const found = this.has(index, address);
    if (found === undefined) throw new Error(`No address ${address}`);
    found.flags = flags;
    this.#events.push(addressMessage(RTM_NEWADDR, found, 0, this.time));
  }

  addRouteByOthers(route: Partial<ModelRoute> & { index: number; destination: string }): void {
    this.routes.push({
      prefixLength: 24,
      gateway: "",
      source: "",
      priority: 0,
      protocol: 3,
      ...route,
    });
  }

  /** Whether an address is there. */
  has(index: number, address: string): ModelAddress | undefined {
    return this.addresses.find((one) => one.index === index && one.address === address);
  }

  #request(message: NetlinkMessage): void {
    const { type, sequence } = message;
    if (type === RTM_GETLINK) {
      return this.#dump(sequence, this.links.map((link) => linkMessage(RTM_NEWLINK, link)));
    }
    if (type === RTM_GETADDR) {
      const family = message.payload[0] === 2 ? 4 : 6;
      return this.#dump(
        sequence,
        this.addresses.filter((one) => one.address.includes(":") === (family === 6))
          .map((one) => addressMessage(RTM_NEWADDR, one, 0, this.time)),
      );
    }
    if (type === RTM_GETROUTE) {
      const read = readRoute(message);
      const wanted = (route: ModelRoute) =>
        read.ok && (read.value.index === 0 || route.index === read.value.index) &&
        (read.value.protocol === 0 || route.protocol === read.value.protocol);
      return this.#dump(sequence, this.routes.filter(wanted).map(routeMessage));
    }
    const refused = this.refusals.findIndex((one) => one.type === type);
    const errno = refused >= 0
      ? this.refusals.splice(refused, 1)[0]?.errno ?? 0
      : this.#change(message);
    this.#answers.push(errorMessage(sequence, errno));
  }

  #change(message: NetlinkMessage): number {
    if (message.type === RTM_NEWADDR || message.type === RTM_DELADDR) {
      const read = readAddress(message);
      if (!read.ok) throw new Error(read.reason);
      const flags = message.flags;
      return message.type === RTM_NEWADDR
        ? this.#newAddress(read.value, flags)
        : this.#deleteAddress(read.value);
    }
    const read = readRoute(message);
    if (!read.ok) throw new Error(read.reason);
    if (message.type === RTM_NEWROUTE) return this.#newRoute(read.value, message.flags);
    if (message.type === RTM_DELROUTE) return this.#deleteRoute(read.value);
    throw new Error(`The model knows no message of type ${message.type}`);
  }

  #newAddress(wanted: InterfaceAddress, flags: number): number {
    const { index, address, prefixLength, valid } = wanted;
    const expiresAt = valid === INFINITE_LIFETIME ? Infinity : this.time + valid * SECOND;
    const known = this.addresses.find((one) =>
      one.index === index && one.address === address && one.prefixLength === prefixLength
    );
    this.journal.push(`${flags & NLM_F_EXCL ? "add" : "replace"} ${address}/${prefixLength}`);
    if (known !== undefined) {
      if ((flags & NLM_F_EXCL) !== 0 || (flags & NLM_F_REPLACE) === 0) return EEXIST;
      known.expiresAt = expiresAt;
      this.#events.push(addressMessage(RTM_NEWADDR, known, OUR_PORT, this.time));
      return 0;
    }
    return this.#insert({
      index,
      address,
      prefixLength,
      flags: wanted.flags & ~this.forgets,
      protocol: this.marks ? wanted.protocol : 0,
      label: wanted.label,
      expiresAt,
    }, OUR_PORT);
  }

  #insert(added: ModelAddress, port: number): number {
    const link = this.links.find((one) => one.index === added.index);
    if (link === undefined) return ENODEV;
    const subnet = this.addresses.filter((one) => sameSubnet(one, added));
    if (subnet.some((one) => one.address === added.address)) return EEXIST;
    // IPv6 knows no secondary addresses, and has each address once, whatever its prefix.
    if (isIpv6(added) && this.has(added.index, added.address) !== undefined) return EEXIST;
    if (subnet.length > 0 && !isIpv6(added)) added.flags |= IFA_F_SECONDARY;
    this.addresses.push(added);
    const secondary = (added.flags & IFA_F_SECONDARY) !== 0;
    if (!secondary && (added.flags & IFA_F_NOPREFIXROUTE) === 0 && added.prefixLength < 32) {
      this.routes.push({
        index: added.index,
        destination: network(added.address, added.prefixLength),
        prefixLength: added.prefixLength,
        gateway: "",
        source: added.address,
        priority: 0,
        protocol: RTPROT_KERNEL,
      });
    }
    this.#events.push(addressMessage(RTM_NEWADDR, added, port, this.time));
    return 0;
  }

  #deleteAddress(wanted: InterfaceAddress): number {
    const { index, address, prefixLength } = wanted;
    this.journal.push(`delete ${address}/${prefixLength}`);
    const found = this.addresses.find((one) =>
      one.index === index && one.address === address && one.prefixLength === prefixLength
    );
    if (found === undefined) return EADDRNOTAVAIL;
    this.#remove(found, OUR_PORT);
    return 0;
  }

  #remove(removed: ModelAddress, port: number): void {
    if (!this.addresses.includes(removed)) return;
    const primary = !isIpv6(removed) && (removed.flags & IFA_F_SECONDARY) === 0;
    // A primary address takes its secondaries along (promote_secondaries is off by default).
    const going = [
      removed,
      ...this.addresses.filter((one) => primary && one !== removed && sameSubnet(one, removed)),
    ];
    this.addresses = this.addresses.filter((one) => !going.includes(one));
    for (const one of going) this.#events.push(addressMessage(RTM_DELADDR, one, port, this.time));
    const { index } = removed;
    const last = !this.addresses.some((one) => one.index === index);
    this.routes = this.routes.filter((route) =>
      !(route.index === index && (last || this.#orphaned(route)))
    );
  }

  /** The source is nowhere any more, or the subnet of a connected route is not. */
  #orphaned(route: ModelRoute): boolean {
    if (route.protocol === RTPROT_KERNEL) {
      return this.has(route.index, route.source) === undefined;
    }
    if (route.source !== "") {
      return !this.addresses.some((one) => one.address === route.source);
    }
    if (route.gateway === "") return false;
    const gateway = parseIp(route.gateway) ?? new Uint8Array();
    return !this.routes.some((other) =>
      other.protocol === RTPROT_KERNEL && other.index === route.index &&
      this.addresses.some((one) => one.address === other.source) &&
      inPrefix(gateway, parseIp(other.destination) ?? new Uint8Array(), other.prefixLength)
    );
  }

  #newRoute(wanted: Route, flags: number): number {
    const { index, destination, prefixLength, gateway, source, priority, protocol } = wanted;
    this.journal.push(`add route ${destination}/${prefixLength}`);
    const known = this.routes.some((one) =>
      one.destination === destination && one.prefixLength === prefixLength &&
      one.priority === priority
    );
    if (known && (flags & NLM_F_EXCL) !== 0) return EEXIST;
    if (((this.links.find((one) => one.index === index)?.flags ?? 0) & 1) === 0) return 100;
    if (source !== "" && !this.addresses.some((one) => one.address === source)) return 22;
    this.routes.push({ index, destination, prefixLength, gateway, source, priority, protocol });
    return 0;
  }

  #deleteRoute(wanted: Route): number {
    this.journal.push(`delete route ${wanted.destination}/${wanted.prefixLength}`);
    const at = this.routes.findIndex((one) =>
      one.index === wanted.index && one.destination === wanted.destination &&
      one.prefixLength === wanted.prefixLength && one.protocol === wanted.protocol &&
      one.priority === wanted.priority && (wanted.source === "" || one.source === wanted.source)
    );
    if (at < 0) return ESRCH;
    this.routes.splice(at, 1);
    return 0;
  }

  #dump(sequence: number, messages: readonly Uint8Array[]): void {
    for (const message of messages) {
      const copy = message.slice();
      viewOf(copy).setUint32(8, sequence, true);
      this.#answers.push(copy);
    }
    this.#answers.push(
      new MessageWriter().begin(NLMSG_DONE, 2, sequence).u32(0).end().finish().slice(),
    );
  }
}

function isIpv6({ address }: { readonly address: string }): boolean {
  return address.includes(":");
}

function sameSubnet(a: ModelAddress, b: ModelAddress): boolean {
  return a.index === b.index && a.prefixLength === b.prefixLength &&
    network(a.address, a.prefixLength) === network(b.address, b.prefixLength);
}

function network(address: string, length: number): string {
  return formatIp(networkOf(parseIp(address) ?? new Uint8Array(), length)) ?? "";
}

/** Addresses and routes that are not halb's, for comparison. */
export function hostsOwn(kernel: ModelKernel): string[] {
  return [
    ...kernel.addresses.filter((one) => one.protocol !== HALB_PROTOCOL)
      .map((one) => `${one.index} ${one.address}/${one.prefixLength} ${one.flags}`),
    ...kernel.routes.filter((one) => one.protocol !== HALB_PROTOCOL)
      .map((one) => JSON.stringify(one, Object.keys(one).sort())),
  ].sort();
}
