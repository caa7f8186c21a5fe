/**
 * What neighbours say of our virtual addresses: ARP packets whose sender claims one, and neighbour
 * advertisements for one. The kernel lets nothing else in, and nobody waits for it: it is read when
 * the plane turns anyway.
 *
 * @module
 */

import {
  AF_INET6,
  AF_PACKET,
  assemble,
  attachDropAll,
  attachFilter,
  BareReceiver,
  bindSocket,
  bpf,
  closeDescriptor,
  drainSocket,
  EAFNOSUPPORT,
  IPPROTO_ICMPV6,
  openSocket,
  sendTo,
  setReceiveBuffer,
  SOCK_RAW,
  sockaddrLl,
  SystemError,
} from "../../ffi/mod.ts";
import { formatIp, parseIp } from "../ip/mod.ts";
import type { Claim, NeighbourIo } from "./io.ts";

const ETHERTYPE_ARP = 0x0806;
/** Offsets in an ARP frame for Ethernet and IPv4. */
const ARP_FRAME = 42;
const SENDER_MAC = 22;
const SENDER_IP = 28;
/** Offsets in a neighbour advertisement (RFC 4861 section 4.4). */
const ADVERTISEMENT = 136;
const TARGET = 8;
const LAST_WORD = 20;
const OPTIONS = 24;
const TARGET_LINK_LAYER = 2;
/** Scope in `struct sockaddr_in6`, interface in `struct sockaddr_ll`. */
const SCOPE = 24;
const INTERFACE = 4;
/** Claims that wait to be read; who really holds an address repeats them. */
const RECEIVE_BUFFER = 64 * 1024;
const BATCH = 32;
const SIZE = 128;
/**
 * So many addresses are filtered by the kernel; with more, all claims come in and are sifted here.
 * Two such filters, the former and its successor, are well within what it grants to a socket
 * (net.core.optmem_max, 20 KiB before Linux 6.8).
 */
const MOST_FILTERED = 250;

export class NeighbourSockets implements NeighbourIo {
  readonly #arp: number;
  /** null: this kernel has no IPv6. */
  readonly #icmp: number | null;
  // One for each family: the sender's address keeps the length of the last one.
  readonly #arpPackets = new BareReceiver(BATCH, SIZE);
  readonly #icmpPackets = new BareReceiver(BATCH, SIZE);

  /** Opens the sockets in the thread's namespace. @throws {SystemError} */
  constructor() {
    this.#arp = openSocket(AF_PACKET, SOCK_RAW, 0);
    let icmp: number | null = null;
    try {
      attachDropAll(this.#arp);
      setReceiveBuffer(this.#arp, RECEIVE_BUFFER);
      bindSocket(this.#arp, sockaddrLl(0, ETHERTYPE_ARP));
      icmp = openIcmp();
      if (icmp !== null) {
        attachDropAll(icmp);
        setReceiveBuffer(icmp, RECEIVE_BUFFER);
        drainSocket(icmp);
      }
    } catch (error) {
      for (const socket of [this.#arp, icmp]) if (socket !== null) closeDescriptor(socket);
      throw error;
    }
    this.#icmp = icmp;
  }

  watch(addresses: readonly string[]): void {
    const four: number[] = [];
    const six: number[] = [];
    for (const address of addresses) {
      const bytes = parseIp(address);
      if (bytes === undefined) continue;
      const word = new DataView(Uint8Array.from(bytes).buffer).getUint32(bytes.length - 4);
      (bytes.length === 4 ? four : six).push(word);
    }
    attachFilter(this.#arp, filter(four, [bpf.loadWord(SENDER_IP)]));
    if (this.#icmp === null) return;
    attachFilter(
      this.#icmp,
      filter(six, [
        bpf.loadByte(0),
        bpf.jumpEqual(ADVERTISEMENT, 1, 0),
        bpf.drop(),
        bpf.loadWord(LAST_WORD),
      ]),
    );
  }

  receive(most: number): Claim[] {
    const claims = this.#receive(this.#arp, this.#arpPackets, arpClaim, most);
    if (this.#icmp === null) return claims;
    return [...claims, ...this.#receive(this.#icmp, this.#icmpPackets, ndClaim, most)];
  }

  #receive(socket: number, packets: BareReceiver, read: typeof arpClaim, most: number): Claim[] {
    const claims: Claim[] = [];
    for (let left = most; left > 0;) {
      const wanted = Math.min(left, BATCH);
      const count = packets.receive(socket, wanted);
      for (let i = 0; i < count; i++) {
        const length = Math.min(packets.length(i), SIZE);
        const claim = read(packets.payload(i).subarray(0, length), packets.source(i));
        if (claim !== undefined) claims.push(claim);
      }
      if (count < wanted) break;
      left -= count;
    }
    return claims;
  }

  ask(index: number, frame: Uint8Array<ArrayBuffer>): void {
    // What cannot be sent is nothing to talk of: announcements meet the same and say so.
    sendTo(this.#arp, frame, frame.length, sockaddrLl(index, ETHERTYPE_ARP), 0);
  }

  close(): void {
    closeDescriptor(this.#arp);
    if (this.#icmp !== null) closeDescriptor(this.#icmp);
  }
}

function openIcmp(): number | null {
  try {
    return openSocket(AF_INET6, SOCK_RAW, IPPROTO_ICMPV6);
  } catch (error) {
    if (error instanceof SystemError && error.errno === EAFNOSUPPORT) return null;
    throw error;
  }
}

function filter(words: readonly number[], load: Parameters<typeof assemble>[0]): Uint8Array {
  if (words.length === 0) return assemble([bpf.drop()]);
  if (words.length > MOST_FILTERED) return assemble([...load, bpf.accept()]);
  const tests = words.flatMap((word) => [bpf.jumpEqual(word, 0, 1), bpf.accept()]);
  return assemble([...load, ...tests, bpf.drop()]);
}

/** An ARP packet for Ethernet and IPv4, of whatever operation. */
export function arpClaim(frame: Uint8Array, from: Uint8Array): Claim | undefined {
  if (frame.length < ARP_FRAME) return undefined;
  const kind = [0x00, 0x01, 0x08, 0x00, 6, 4];
  if (!kind.every((byte, i) => frame[14 + i] === byte)) return undefined;
  const address = formatIp(frame.subarray(SENDER_IP, SENDER_IP + 4));
  if (address === undefined) return undefined;
  return { index: wordAt(from, INTERFACE), address, mac: macAt(frame, SENDER_MAC) };
}

/** A neighbour advertisement that says at which hardware address the target is. */
export function ndClaim(message: Uint8Array, from: Uint8Array): Claim | undefined {
  if (message.length < OPTIONS || message[0] !== ADVERTISEMENT) return undefined;
  const address = formatIp(message.subarray(TARGET, TARGET + 16));
  if (address === undefined) return undefined;
  for (let at = OPTIONS; at + 8 <= message.length;) {
    const length = 8 * message[at + 1]!;
    if (length === 0) return undefined;
    if (message[at] === TARGET_LINK_LAYER) {
      return { index: wordAt(from, SCOPE), address, mac: macAt(message, at + 2) };
    }
    at += length;
  }
  return undefined;
}

function wordAt(bytes: Uint8Array, offset: number): number {
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(offset, true);
}

function macAt(bytes: Uint8Array, offset: number): string {
  const six = [...bytes.subarray(offset, offset + 6)];
  return six.map((byte) => byte.toString(16).padStart(2, "0")).join(":");
}
