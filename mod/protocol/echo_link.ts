/**
 * Where echoes leave and come back: the packet sockets of one interface and family, shared by the
 * sessions there.
 *
 * Packet sockets, since the kernel takes a packet from one of its own addresses for a forgery and
 * drops it ("martian") before any other socket could see it. The filter lets in what goes to the
 * echo port with a TTL that a neighbour can have sent or forwarded, and over IPv6 the answers of
 * neighbours; ARP has a socket of its own.
 *
 * Closing such a socket waits for all processors, which takes ten milliseconds: a link that nobody
 * uses any more stays, deaf, until its interface is gone or the plane ends.
 *
 * @module
 */

import {
  AF_INET6,
  AF_PACKET,
  assemble,
  attachDropAll,
  attachFilter,
  bindSocket,
  bindToDevice,
  bpf,
  closeDescriptor,
  drainSocket,
  EAGAIN,
  EOPNOTSUPP,
  ETH_P_ARP,
  ETH_P_IP,
  ETH_P_IPV6,
  getSocketName,
  inNamespace,
  IPPROTO_IPV6,
  IPV6_V6ONLY,
  openSocket,
  readText,
  receive,
  sendTo,
  setOption,
  setReceiveBuffer,
  SO_PRIORITY,
  SO_REUSEADDR,
  SOCK_DGRAM,
  SOCK_RAW,
  sockaddrIn6,
  sockaddrInterface,
  sockaddrLl,
  SOL_SOCKET,
  SystemError,
} from "../../ffi/mod.ts";
import {
  type ControlPacket,
  decodeControl,
  decodeEcho,
  type EchoPacket,
  emptyControlPacket,
  LONGEST_CONTROL,
} from "../bfd/mod.ts";
import { isLinkLocal } from "../ip/mod.ts";
import { type BfdSource, isLate } from "./bfd_sources.ts";
import type { BfdEndpoints, BfdFamily } from "./bfd_transport.ts";
import {
  ECHO_PORT,
  ECHO_TTL,
  ECHO_TTL_BACK,
  ETHERNET,
  hasRightChecksum,
  isFrom,
  isTo,
  MAC_LENGTH,
  readEcho,
  turnBack,
} from "./echo_frame.ts";
import type { EchoPoint } from "./echo_point.ts";

/** The longest frame of an interface with jumbo frames: a peer's echo may have any length. */
const ROOM = 9_300;
/** Bytes the kernel may queue. */
const BUFFER = 1 << 18;
/** Frames between two looks at the clock. */
const BATCH = 16;
/** TC_PRIO_CONTROL: ahead of bulk traffic in the interface's own queue. */
const PRIORITY_CONTROL = 7;
const ARPHRD_ETHER = 1;
/** Where `struct sockaddr_ll` says what kind of interface it is, and its hardware address. */
const LL_KIND = 8;
const LL_ADDRESS = 12;
/** How long the kernel's setting is believed, microseconds. */
const LOOK_AGAIN = 1_000_000;

/** SKF_AD_OFF + SKF_AD_PKTTYPE: what kind of frame; 0: to this host. */
const PACKET_TYPE = -0x1000 + 4;

/** Why a frame was not used. */
export type EchoDrop =
  | "malformed"
  | "ttl"
  | "checksum"
  | "unknown_session"
  | "limit";

// What is read is dealt with before the next frame is: one set of buffers serves all.
const frame = new Uint8Array(new ArrayBuffer(ROOM));
const payload = new Uint8Array(new ArrayBuffer(LONGEST_CONTROL));
const received = { ttl: 0, udp: 0, payload: 0, length: 0 };
const echo: EchoPacket = { discriminator: 0, key: 0, sequence: 0, sentAt: 0 };
const control: ControlPacket = emptyControlPacket();

/** One of a link's two sockets, for the loop. */
class LinkSource implements BfdSource {
  constructor(
    readonly descriptor: number,
    readonly read: (budget: number, now: number, until: number) => number,
  ) {}
}

export class EchoLink {
  /** Hardware address of the interface. */
  readonly mac: Uint8Array;
  readonly sources: readonly BfdSource[];
  /** Frames that no session could be charged with. */
  readonly dropped: Partial<Record<EchoDrop, number>> = {};
  readonly #ends: BfdEndpoints;
  readonly #packets: number;
  /** Keeps the kernel from complaining of what it delivers to the echo port; -1: there is none. */
  readonly #quiet: number = -1;
  readonly #byDiscriminator = new Map<number, EchoPoint>();
  readonly #points: EchoPoint[] = [];
  #forwards = false;
  #lookedAt = -Infinity;

  /** @throws {SystemError} when a socket cannot be had, or the interface is of another kind */
  constructor(ends: BfdEndpoints) {
    this.#ends = ends;
    const ipv4 = ends.family === "ipv4";
    const opened: number[] = [];
    const open = (protocol: number, program: Uint8Array) => {
      const fd = openPacketSocket(ends, protocol, program);
      opened.push(fd);
      return fd;
    };
    try {
      this.#packets = open(ipv4 ? ETH_P_IP : ETH_P_IPV6, echoFilter(ends.family));
      this.mac = hardwareAddress(this.#packets, ends.interface);
      if (ipv4) open(ETH_P_ARP, assemble([bpf.accept()]));
      else this.#quiet = openQuiet(ends);
    } catch (error) {
      for (const fd of opened) closeDescriptor(fd);
      throw error;
    }
    this.sources = [
      new LinkSource(this.#packets, (...limits) => this.#readPackets(...limits)),
      ...opened.slice(1).map((fd) =>
        new LinkSource(fd, (...limits) => this.#readArp(fd, ...limits))
      ),
    ];
  }

  /** The interface is gone. */
  get isDead(): boolean {
    return sockaddrInterface(getSocketName(this.#packets)) !== this.#ends.interfaceIndex;
  }

  get isUnused(): boolean {
    return this.#points.length === 0;
  }

  add(point: EchoPoint): void {
    if (this.isUnused) this.#listen();
    this.#points.push(point);
    this.#byDiscriminator.set(point.discriminator, point);
  }

  delete(point: EchoPoint): void {
    const at = this.#points.indexOf(point);
    if (at < 0) return;
    this.#points.splice(at, 1);
    this.#byDiscriminator.delete(point.discriminator);
    if (!this.isUnused) return;
    for (const { descriptor } of this.sources) attachDropAll(descriptor);
  }

  #listen(): void {
    for (const { descriptor } of this.sources) drainSocket(descriptor);
    attachFilter(this.#packets, echoFilter(this.#ends.family));
    const arp = this.sources[1];
    if (arp !== undefined) attachFilter(arp.descriptor, assemble([bpf.accept()]));
  }

  /** Sends the first `length` bytes of a frame: how many, or minus errno. */
  send(bytes: Uint8Array, length: number): number {
    return sendTo(this.#packets, bytes, length, null, 0);
  }

  close(): void {
    for (const { descriptor } of this.sources) closeDescriptor(descriptor);
    if (this.#quiet >= 0) closeDescriptor(this.#quiet);
  }

  // ===== receiving ===============================================================================

  #readArp(descriptor: number, budget: number, now: number, until: number): number {
    for (let count = 0; count < budget; count++) {
      if (count % BATCH === 0 && isLate(count, until)) return count;
      const length = receive(descriptor, frame, 0);
      if (length === -EAGAIN) return count;
      if (length > 0) this.#answered(length, now);
    }
    return budget;
  }

  #answered(length: number, now: number): void {
    for (let i = 0; i < this.#points.length; i++) this.#points[i]!.learn(frame, length, now);
  }

  #readPackets(budget: number, now: number, until: number): number {
    const { family } = this.#ends;
    for (let count = 0; count < budget; count++) {
      if (count % BATCH === 0 && isLate(count, until)) return count;
      const length = receive(this.#packets, frame, 0);
      if (length === -EAGAIN) return count;
      if (length < 0) continue;
      if (family === "ipv6" && frame[ETHERNET + 6] !== 17) this.#answered(length, now);
      else if (!readEcho(family, frame, length, received)) this.#drop("malformed");
      else this.#take(now);
    }
    return budget;
  }

  /** An echo packet in `frame`: our own that has come back, or one that is to go back. */
  #take(now: number): void {
    const { family } = this.#ends;
    let peer: EchoPoint | null = null;
    for (let i = 0; i < this.#points.length; i++) {
      const point = this.#points[i]!;
      if (isFrom(family, frame, point.own)) return this.#returned(now);
      if (!isFrom(family, frame, point.peer) && !isTo(family, frame, point.peer)) continue;
      // An unaffiliated session may have the same peer, and has promised it nothing.
      if (peer === null || peer.limit.interval === 0) peer = point;
    }
    if (peer === null) this.#drop("unknown_session");
    else this.#reflect(peer, now);
  }

  #returned(now: number): void {
    const length = Math.min(received.length, payload.length);
    for (let i = 0; i < length; i++) payload[i] = frame[received.payload + i]!;
    const isEcho = decodeEcho(payload, length, echo);
    if (!isEcho && decodeControl(payload, length, control) !== null) return this.#drop("malformed");
    const discriminator = isEcho ? echo.discriminator : control.myDiscriminator;
    const point = this.#byDiscriminator.get(discriminator);
    if (point === undefined) return this.#drop("unknown_session");
    if (!hasRightChecksum(this.#ends.family, frame, received)) return point.drop("checksum");
    if (!isEcho) return point.controlReturned(control, payload, received.ttl, now);
    if (received.ttl !== ECHO_TTL_BACK) return point.drop("ttl");
    point.echoReturned(echo, now);
  }

  /** What the peer wants back. Where our kernel forwards, it has sent it already. */
  #reflect(point: EchoPoint, now: number): void {
    if (received.ttl !== ECHO_TTL) return point.drop("ttl");
    const { family } = this.#ends;
    const own = isTo(family, frame, point.own);
    if (!own && this.#kernelForwards(point, now)) {
      point.forwarded++;
      return;
    }
    if (!point.limit.admits(frame, point.mac, now)) return point.drop("limit");
    turnBack(family, frame, received, own);
    if (this.send(frame, received.payload + received.length) < 0) point.sendErrors++;
    else point.reflected++;
  }

  /** Whether the kernel forwards what comes in by this interface. */
  #kernelForwards({ peerText }: EchoPoint, now: number): boolean {
    // Not beyond the link, whatever the setting (RFC 4291 section 2.5.6).
    if (isLinkLocal(peerText)) return false;
    if (now - this.#lookedAt < LOOK_AGAIN) return this.#forwards;
    this.#lookedAt = now;
    this.#forwards = forwards(this.#ends);
    return this.#forwards;
  }

  #drop(reason: EchoDrop): void {
    this.dropped[reason] = (this.dropped[reason] ?? 0) + 1;
  }
}

function openPacketSocket(ends: BfdEndpoints, protocol: number, program: Uint8Array): number {
  return inNamespace(ends.namespace, () => {
    const fd = openSocket(AF_PACKET, SOCK_RAW, 0);
    try {
      attachFilter(fd, program);
      setReceiveBuffer(fd, BUFFER);
      setOption(fd, SOL_SOCKET, SO_PRIORITY, PRIORITY_CONTROL);
      bindSocket(fd, sockaddrLl(ends.interfaceIndex, protocol));
      return fd;
    } catch (error) {
      closeDescriptor(fd);
      throw error;
    }
  });
}

/**
 * Over IPv6 the kernel takes what comes back, and what bfdd sends to our address, for packets to a
 * port that nobody has, and says so to the sender. So somebody has it, and drops them.
 *
 * @returns -1: another program has the port, which is as good
 */
function openQuiet(ends: BfdEndpoints): number {
  return inNamespace(ends.namespace, () => {
    const fd = openSocket(AF_INET6, SOCK_DGRAM, 0);
    try {
      attachDropAll(fd);
      setOption(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
      setOption(fd, SOL_SOCKET, SO_REUSEADDR, 1);
      bindToDevice(fd, ends.interface);
      bindSocket(fd, sockaddrIn6("::", ECHO_PORT));
      return fd;
    } catch (error) {
      closeDescriptor(fd);
      if (error instanceof SystemError) return -1;
      throw error;
    }
  });
}

/** @throws {SystemError} where frames have no Ethernet header */
function hardwareAddress(fd: number, name: string): Uint8Array {
  const address = getSocketName(fd);
  const kind = address[LL_KIND]! | address[LL_KIND + 1]! << 8;
  if (kind === ARPHRD_ETHER) return address.slice(LL_ADDRESS, LL_ADDRESS + MAC_LENGTH);
  throw new SystemError("bind", EOPNOTSUPP, `echo needs Ethernet, and ${name} is something else`);
}

/** To this host, and to the echo port with TTL 254 or 255, or an answer of a neighbour. */
function echoFilter(family: BfdFamily): Uint8Array {
  const toUs = [bpf.loadByte(PACKET_TYPE), bpf.jumpEqual(0, 0, "drop")];
  const ttl = [bpf.jumpGreaterOrEqual(ECHO_TTL_BACK, 0, "drop")];
  const end = [bpf.accept(), bpf.label("drop"), bpf.drop()];
  if (family === "ipv4") {
    return assemble([
      ...toUs,
      bpf.loadByte(ETHERNET + 9),
      bpf.jumpEqual(17, 0, "drop"),
      bpf.loadHalf(ETHERNET + 6),
      bpf.jumpSet(0x3fff, "drop", 0),
      bpf.loadByte(ETHERNET + 8),
      ...ttl,
      bpf.loadHeaderLength(ETHERNET),
      bpf.loadHalfIndexed(ETHERNET + 2),
      bpf.jumpEqual(ECHO_PORT, 0, "drop"),
      ...end,
    ]);
  }
  return assemble([
    ...toUs,
    bpf.loadByte(ETHERNET + 7),
    ...ttl,
    bpf.loadByte(ETHERNET + 6),
    bpf.jumpEqual(58, "icmp", 0),
    bpf.jumpEqual(17, 0, "drop"),
    bpf.loadHalf(ETHERNET + 42),
    bpf.jumpEqual(ECHO_PORT, "accept", "drop"),
    bpf.label("icmp"),
    bpf.loadByte(ETHERNET + 40),
    bpf.jumpEqual(136, 0, "drop"),
    bpf.label("accept"),
    ...end,
  ]);
}

/** What the kernel's setting says; where it cannot be read, that it does not forward. */
function forwards({ namespace, family, interface: name }: BfdEndpoints): boolean {
  const path = family === "ipv4"
    ? `/proc/sys/net/ipv4/conf/${name}/forwarding`
    : "/proc/sys/net/ipv6/conf/all/forwarding";
  try {
    return inNamespace(namespace, () => readText(path)).trim() === "1";
  } catch (error) {
    if (error instanceof SystemError) return false;
    throw error;
  }
}
