/**
 * One socket of the reflector of Seamless BFD: a question is read, and answered from the address that
 * was asked, to the port that asked, with a TTL of 255 (RFC 7881). Nothing is allocated for it.
 *
 * @module
 */

import {
  bindSocket,
  bindToDevice,
  EAGAIN,
  inNamespace,
  IP_PKTINFO,
  IPPROTO_IP,
  IPPROTO_IPV6,
  IPV6_PKTINFO,
  MessageReceiver,
  MessageSender,
  packetInfo4,
  packetInfo6,
  setOption,
  SO_RCVBUF,
  SO_REUSEADDR,
  sockaddrIn,
  sockaddrIn6,
  sockaddrPort,
  SOL_SOCKET,
} from "../../ffi/mod.ts";
import {
  LONGEST_CONTROL,
  reflect,
  type ReflectorDrop,
  type ReflectorSettings,
  SEAMLESS_PORT,
} from "../bfd/mod.ts";
import { inAnyPrefix, type Prefix } from "../ip/mod.ts";
import { type BfdSource, ROOM } from "./bfd_sources.ts";
import { openUdp, sendAsControl, tellOfArrivals } from "./bfd_transport.ts";

/** What the kernel may queue meanwhile. */
const BUFFER = 1 << 18;

type Family = "ipv4" | "ipv6";

/** What a socket is bound to; `index` is the interface's, so that one made anew is another. */
export interface Binding {
  readonly namespace: string;
  readonly interface: string;
  readonly index: number;
  readonly family: Family;
  readonly address: string;
}

/** Who decides how much is answered. */
interface Server {
  serve(socket: ReflectorSocket, budget: number): number;
}

// What is read is answered before the next is read: one set of buffers serves all sockets.
const message = new MessageReceiver(ROOM);
const sender = new MessageSender(LONGEST_CONTROL);
const answer = new Uint8Array(new ArrayBuffer(LONGEST_CONTROL));

/** Where things stand in `struct sockaddr_in` and `sockaddr_in6`, and behind a control header. */
const LAYOUT = {
  ipv4: { size: 16, address: 4, length: 4, info: 16, local: 20, heard: 8 },
  ipv6: { size: 28, address: 8, length: 16, info: 16, local: 16, heard: 0 },
} as const;

export class ReflectorSocket implements BfdSource {
  readonly descriptor: number;
  readonly #reflector: Server;
  readonly #family: Family;
  /** Views of `message`: whom to answer, and the address alone. */
  readonly #from: Uint8Array;
  readonly #address: Uint8Array;
  /** Says from which of our addresses to answer. */
  readonly #control: Uint8Array;

  /** @throws {SystemError} when it cannot be had */
  constructor(binding: Binding, shared: boolean, reflector: Server) {
    const { family } = binding;
    this.#family = family;
    this.#reflector = reflector;
    const { size, address, length } = LAYOUT[family];
    this.#from = message.source.subarray(0, size);
    this.#address = message.source.subarray(address, address + length);
    this.#control = family === "ipv4"
      ? packetInfo4(0, new Uint8Array(4))
      : packetInfo6(0, new Uint8Array(16));
    this.descriptor = inNamespace(binding.namespace, () => openReflector(binding, shared));
  }

  read(budget: number): number {
    return this.#reflector.serve(this, budget);
  }

  /**
   * Answers one question.
   *
   * @returns what `sendmsg` said, or why there is no answer; null: nothing waits
   */
  answer(
    settings: ReflectorSettings,
    allow: readonly Prefix[],
    minimumTtl: number,
  ): number | ReflectorDrop | null {
    const length = message.receive(this.descriptor);
    if (length === -EAGAIN) return null;
    if (length < 0) return length;
    if (message.hopLimit < minimumTtl) return "ttl";
    if (allow.length > 0 && !inAnyPrefix(this.#address, allow)) return "not_allowed";
    const port = sockaddrPort(this.#from);
    const made = reflect(message.payload, length, port, settings, answer);
    if (typeof made === "string") return made;
    this.#answerFromWhereAsked();
    return sender.send(this.descriptor, answer, made, this.#from, this.#control);
  }

  #answerFromWhereAsked(): void {
    const { local, length, heard } = LAYOUT[this.#family];
    const at = heard +
      (this.#family === "ipv4"
        ? message.findControl(IPPROTO_IP, IP_PKTINFO)
        : message.findControl(IPPROTO_IPV6, IPV6_PKTINFO));
    for (let i = 0; i < length; i++) this.#control[local + i] = message.control[at + i]!;
  }
}

function openReflector(
  { family, interface: name, index, address }: Binding,
  shared: boolean,
): number {
  return openUdp(family, (fd) => {
    if (name !== "") bindToDevice(fd, name);
    if (shared) setOption(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    setOption(fd, SOL_SOCKET, SO_RCVBUF, BUFFER);
    tellOfArrivals(fd, family);
    sendAsControl(fd, family);
    bindSocket(
      fd,
      family === "ipv4"
        ? sockaddrIn(address, SEAMLESS_PORT)
        : sockaddrIn6(address, SEAMLESS_PORT, index),
    );
    // Another daemon that wants the port is to be told so.
    if (shared) setOption(fd, SOL_SOCKET, SO_REUSEADDR, 0);
  });
}
