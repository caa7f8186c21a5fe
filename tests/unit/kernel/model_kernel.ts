/**
 * A model of the kernel's tables, for tests in virtual time.
 *
 * It speaks netlink bytes on both sides, and knows what matters to leases: primary and secondary
 * addresses, connected routes, lifetimes, what goes with an address or a link. All that was checked
 * against a real kernel (tests/lab/kernel_test.ts, kernel_ipv6_test.ts, kernel_repair_test.ts).
 *
 * @module
 */

import type { KernelIo, NamespaceIo } from "../../../mod/kernel/mod.ts";
import {
  EACCES,
  EADDRNOTAVAIL,
  EEXIST,
  ENODEV,
  ESRCH,
  IFA_F_SECONDARY,
  INFINITE_LIFETIME,
  type InterfaceAddress,
  type NetlinkMessage,
  NLM_F_EXCL,
  NLM_F_REPLACE,
  readAddress,
  readRoute,
  type Route,
  RTM_DELADDR,
  RTM_DELLINK,
  RTM_DELROUTE,
  RTM_GETADDR,
  RTM_GETLINK,
  RTM_GETNETCONF,
  RTM_GETROUTE,
  RTM_GETRULE,
  RTM_NEWADDR,
  RTM_NEWLINK,
  RTM_NEWROUTE,
  splitMessages,
} from "../../../mod/netlink/mod.ts";
import {
  addressMessage,
  errorMessage,
  linkMessage,
  type ModelAddress,
  type ModelLink,
  type ModelRoute,
  routeMessage,
  settingsMessage,
} from "./model_messages.ts";
import { ModelSockets } from "./model_sockets.ts";
import {
  agrees,
  carriesIpv6,
  connectedRoute,
  isIpv6,
  makesRoute,
  routesAfterIpv4,
  routesAfterIpv6,
  sameSubnet,
} from "./model_tables.ts";

const SECOND = 1_000_000;
/** Ports of the plane's request socket, and of everybody else's. */
const [OUR_PORT, OTHER_PORT] = [1000, 2000];

/** The tables, and the plane's sockets into them. */
export class ModelKernel extends ModelSockets implements KernelIo, NamespaceIo {
  readonly portId = OUR_PORT;
  readonly links: ModelLink[] = [];
  addresses: ModelAddress[] = [];
  routes: ModelRoute[] = [];
  /** Requests that changed something or tried to, in words. */
  readonly journal: string[] = [];
  /** Errnos for the next requests of a type, of one family or any, first first. */
  readonly refusals: { type: number; errno: number; family?: number }[] = [];
  /** Whether the kernel keeps IFA_PROTO. */
  marks = true;
  /** The first IPv6 address to go takes the route to its prefix, whoever needs it. */
  careless = false;
  /** Interfaces whose IPv6 is disabled by a setting. */
  readonly disabled = new Set<number>();
  /** Interfaces that forward IPv6. */
  readonly #forwarding = new Set<number>();
  /** Address flags that this kernel does not know. */
  forgets = 0;
  #nextIndex = 1;

  now(): number {
    return this.time;
  }

  identity(namespace: string): string | null {
    return namespace === "" ? "" : null;
  }

  open(namespace: string): NamespaceIo {
    if (namespace !== "") throw new Error(`No namespace "${namespace}" in the model`);
    return this;
  }

  send(bytes: Uint8Array): void {
    for (const message of splitMessages(bytes.slice()).messages) {
      this.time += this.cost;
      this.#request(message);
    }
  }

  /** Lets time pass; addresses whose lifetime ends go. */
  advance(micros: number): void {
    const end = this.time + micros;
    if (micros > 0) this.catchUp();
    for (;;) {
      const next = this.addresses.filter((one) => one.expiresAt <= end)
        .sort((a, b) => a.expiresAt - b.expiresAt)[0];
      if (next === undefined) break;
      this.time = Math.max(this.time, next.expiresAt);
      this.#remove(next, 0);
    }
    this.time = end;
    this.routes = this.routes.filter((route) => route.expiresAt > end);
  }

  link(name: string, flags = 0x1 | 0x40): number {
    const index = this.#nextIndex++;
    const link = { index, name, flags, mac: [2, 0, 0, 0, 0, index], mtu: 1500 };
    this.links.push(link);
    this.tell(linkMessage(RTM_NEWLINK, link));
    return index;
  }

  changeLink(index: number, change: Partial<ModelLink>): void {
    const link = this.links.find((one) => one.index === index);
    if (link === undefined) throw new Error(`No link ${index}`);
    Object.assign(link, change);
    // A link that goes down loses its routes, silently, and keeps its IPv4 addresses.
    if ((link.flags & 1) === 0) this.routes = this.routes.filter((one) => one.index !== index);
    this.tell(linkMessage(RTM_NEWLINK, link));
    if (!carriesIpv6(link)) this.#flushIpv6(index);
  }

  /** `disable_ipv6` is set to 1: what is there goes, and the link itself says nothing. */
  disableIpv6(index: number): void {
    this.disabled.add(index);
    this.#flushIpv6(index);
  }

  setForwarding(index: number, forwarding: boolean): void {
    if (forwarding) this.#forwarding.add(index);
    else this.#forwarding.delete(index);
    this.tell(settingsMessage(index, forwarding));
  }

  /** A bridge reports that a port has left it: RTM_DELLINK with a family of its own. */
  bridgePortLeaves(index: number): void {
    const link = this.links.find((one) => one.index === index);
    if (link === undefined) throw new Error(`No link ${index}`);
    const message = linkMessage(RTM_DELLINK, link);
    message[16] = 7;
    this.tell(message);
  }

  unlink(index: number): void {
    for (const one of this.addresses.filter((one) => one.index === index)) this.#remove(one, 0);
    this.routes = this.routes.filter((route) => route.index !== index);
    const at = this.links.findIndex((one) => one.index === index);
    const [link] = this.links.splice(at, 1);
    if (link !== undefined) this.tell(linkMessage(RTM_DELLINK, link));
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
    const found = this.has(index, address);
    if (found !== undefined) this.#remove(found, OTHER_PORT);
    return found !== undefined;
  }

  /** As the end of duplicate address detection does it. */
  changeFlags(index: number, address: string, flags: number): void {
    for (const found of this.addresses) {
      if (found.index !== index || found.address !== address) continue;
      found.flags = flags;
      this.tell(addressMessage(RTM_NEWADDR, found, 0, this.time));
    }
  }

  addRouteByOthers(route: Partial<ModelRoute> & { index: number; destination: string }): void {
    this.routes.push({
      prefixLength: 24,
      gateway: "",
      source: "",
      priority: 0,
      protocol: 3,
      expiresAt: Infinity,
      ...route,
    });
  }

  has(index: number, address: string): ModelAddress | undefined {
    return this.addresses.find((one) => one.index === index && one.address === address);
  }

  #request(message: NetlinkMessage): void {
    const { type, sequence } = message;
    const refused = this.refusals.findIndex((one) =>
      one.type === type && (one.family === undefined || one.family === message.payload[0])
    );
    const refusal = refused < 0 ? undefined : this.refusals.splice(refused, 1)[0]?.errno;
    if (refusal !== undefined) return this.answer(errorMessage(sequence, refusal));
    if (type === RTM_GETLINK) {
      return this.dump(sequence, this.links.map((link) => linkMessage(RTM_NEWLINK, link)));
    }
    if (type === RTM_GETADDR) {
      const six = message.payload[0] !== 2;
      const found = this.addresses.filter((one) => isIpv6(one) === six);
      // The kernel lists the newest IPv6 address first.
      if (six) found.reverse();
      const dump = found.map((one) => addressMessage(RTM_NEWADDR, one, 0, this.time));
      return this.dump(sequence, dump);
    }
    if (type === RTM_GETNETCONF) {
      const say = ({ index }: ModelLink) => settingsMessage(index, this.#forwarding.has(index));
      return this.dump(sequence, this.links.map(say));
    }
    if (type === RTM_GETROUTE) {
      const read = readRoute(message);
      const wanted = (route: ModelRoute) =>
        read.ok && route.destination.includes(":") === (read.value.family === 6) &&
        (read.value.index === 0 || route.index === read.value.index) &&
        (read.value.protocol === 0 || route.protocol === read.value.protocol);
      return this.dump(sequence, this.routes.filter(wanted).map(routeMessage));
    }
    if (type === RTM_GETRULE) return this.dump(sequence, []);
    this.answer(errorMessage(sequence, this.#change(message)));
  }

  #change(message: NetlinkMessage): number {
    if (message.type === RTM_NEWADDR || message.type === RTM_DELADDR) {
      const read = readAddress(message);
      if (!read.ok) throw new Error(read.reason);
      return message.type === RTM_NEWADDR
        ? this.#newAddress(read.value, message.flags)
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
      const port = isIpv6(known) ? 0 : OUR_PORT;
      this.tell(addressMessage(RTM_NEWADDR, known, port, this.time));
      return 0;
    }
    return this.#insert({
      index,
      address,
      prefixLength,
      flags: wanted.flags & ~this.forgets,
      ...(wanted.preferred === wanted.valid ? {} : { preferred: wanted.preferred }),
      protocol: this.marks ? wanted.protocol : 0,
      label: wanted.label,
      expiresAt,
    }, OUR_PORT);
  }

  #insert(added: ModelAddress, port: number): number {
    const link = this.links.find((one) => one.index === added.index);
    if (link === undefined) return ENODEV;
    if (isIpv6(added) && this.disabled.has(added.index)) return EACCES;
    const subnet = this.addresses.filter((one) => sameSubnet(one, added));
    if (subnet.some((one) => one.address === added.address)) return EEXIST;
    // IPv6 knows no secondary addresses, and has each address once, whatever its prefix.
    if (isIpv6(added) && this.has(added.index, added.address) !== undefined) return EEXIST;
    if (subnet.length > 0 && !isIpv6(added)) added.flags |= IFA_F_SECONDARY;
    this.addresses.push(added);
    const secondary = (added.flags & IFA_F_SECONDARY) !== 0;
    const first = !subnet.some(makesRoute);
    if (isIpv6(added) ? first && makesRoute(added) : !secondary && makesRoute(added)) {
      this.routes.push(connectedRoute(added));
    }
    // A notification of IPv6 names nobody.
    if (isIpv6(added)) this.tellLater(added, addressMessage(RTM_NEWADDR, added, 0, this.time));
    else this.tell(addressMessage(RTM_NEWADDR, added, port, this.time));
    return 0;
  }

  #deleteAddress(wanted: InterfaceAddress): number {
    const { index, address, prefixLength } = wanted;
    this.journal.push(`delete ${address}/${prefixLength}`);
    const found = this.addresses.find((one) =>
      one.index === index && one.address === address && one.prefixLength === prefixLength
    );
    if (found !== undefined) this.#remove(found, OUR_PORT);
    return found === undefined ? EADDRNOTAVAIL : 0;
  }

  #remove(removed: ModelAddress, port: number): void {
    if (!this.addresses.includes(removed)) return;
    if (isIpv6(removed)) return this.#removeIpv6(removed);
    const primary = (removed.flags & IFA_F_SECONDARY) === 0;
    // A primary address takes its secondaries along (promote_secondaries is off by default).
    const going = [
      removed,
      ...this.addresses.filter((one) => primary && one !== removed && sameSubnet(one, removed)),
    ];
    this.addresses = this.addresses.filter((one) => !going.includes(one));
    for (const one of going) this.tell(addressMessage(RTM_DELADDR, one, port, this.time));
    this.routes = routesAfterIpv4(this.routes, this.addresses, removed.index);
  }

  /** Routes outlive their source; a connected one of the kernel goes with its last address. */
  #removeIpv6(removed: ModelAddress): void {
    this.addresses = this.addresses.filter((one) => one !== removed);
    this.forget(removed);
    this.tell(addressMessage(RTM_DELADDR, removed, 0, this.time));
    const left = this.careless ? [] : this.addresses;
    this.routes = routesAfterIpv6(this.routes, left, removed);
  }

  #flushIpv6(index: number): void {
    for (const one of this.addresses) {
      if (one.index === index && isIpv6(one)) this.#removeIpv6(one);
    }
    this.routes = this.routes.filter((one) =>
      one.index !== index || !one.destination.includes(":")
    );
  }

  #newRoute(wanted: Route, flags: number): number {
    const { index, destination, prefixLength, gateway, source, priority, protocol, expires } =
      wanted;
    this.journal.push(`add route ${destination}/${prefixLength}`);
    const known = this.routes.findIndex((one) =>
      one.destination === destination && one.prefixLength === prefixLength &&
      one.priority === priority
    );
    if (known >= 0 && (flags & NLM_F_EXCL) !== 0) return EEXIST;
    if (((this.links.find((one) => one.index === index)?.flags ?? 0) & 1) === 0) return 100;
    if (source !== "" && !this.addresses.some((one) => one.address === source)) return 22;
    const expiresAt = expires === undefined ? Infinity : this.time + expires * SECOND;
    const made = { index, destination, prefixLength, gateway, source, priority, protocol };
    if (known >= 0 && (flags & NLM_F_REPLACE) !== 0) this.routes.splice(known, 1);
    this.routes.push({ ...made, expiresAt });
    return 0;
  }

  #deleteRoute(wanted: Route): number {
    this.journal.push(`delete route ${wanted.destination}/${wanted.prefixLength}`);
    const at = this.routes.findIndex((one) => agrees(one, wanted));
    if (at < 0) return ESRCH;
    this.routes.splice(at, 1);
    return 0;
  }
}
