/**
 * Adverts with a virtual MAC as their source: frames, by a packet socket that is opened for no
 * protocol, so that it never receives anything, and serves every router of its channel.
 *
 * @module
 */

import {
  AF_PACKET,
  closeDescriptor,
  inNamespace,
  openSocket,
  sendTo,
  setOption,
  SO_PRIORITY,
  SOCK_RAW,
  sockaddrLl,
  SOL_SOCKET,
} from "../../ffi/mod.ts";
import { advertFrame, ETHER_TYPES } from "./advert_frame.ts";
import type { Channel } from "./channel.ts";
import type { Destination } from "./reach.ts";
import type { RouterEntry } from "./router_entry.ts";
import { type AdvertSender, type Family, PRIORITY_CONTROL } from "./transport.ts";

/** Writes frames to one interface. */
export interface FrameSocket {
  /** The frame's length, or minus errno. */
  write(frame: Uint8Array<ArrayBuffer>): number;
  close(): void;
}

/** @throws {SystemError} when the socket cannot be had, such as EPERM */
export function openFrameSocket(family: Family, namespace: string, index: number): FrameSocket {
  const fd = inNamespace(namespace, () => openSocket(AF_PACKET, SOCK_RAW, 0));
  try {
    setOption(fd, SOL_SOCKET, SO_PRIORITY, PRIORITY_CONTROL);
  } catch (error) {
    closeDescriptor(fd);
    throw error;
  }
  const address = sockaddrLl(index, ETHER_TYPES[family]);
  return {
    write: (frame) => sendTo(fd, frame, frame.length, address, 0),
    close: () => closeDescriptor(fd),
  };
}

/** Sends one router's adverts. */
export class FrameSender implements AdvertSender {
  readonly mac: string;
  readonly #family: Family;
  readonly #socket: FrameSocket;
  /** Of packets that are kept to be sent again. */
  readonly #frames = new WeakMap<Uint8Array, Uint8Array<ArrayBuffer>>();

  /** @param mac of the virtual router, `aa:bb:cc:dd:ee:ff` */
  constructor(family: Family, mac: string, socket: FrameSocket) {
    this.#family = family;
    this.mac = mac;
    this.#socket = socket;
  }

  /** A packet that was sent before has the source and the destination that it had. */
  send(packet: Uint8Array, source: string, destination: Destination): number {
    let frame = this.#frames.get(packet);
    if (frame === undefined) {
      frame = advertFrame(this.#family, packet, this.mac, source, destination.address);
      this.#frames.set(packet, frame);
    }
    return this.#socket.write(frame);
  }
}

/**
 * What a router's adverts leave by: the sockets of its channel, or frames with its virtual MAC.
 *
 * @throws {SystemError} when the channel has no packet socket and cannot get one
 */
export function senderOf(
  { config, sender }: Pick<RouterEntry, "config" | "sender">,
  channel: Channel,
  open: () => FrameSocket,
): AdvertSender {
  const { sourceMac } = config;
  // Only the kernel knows the hardware address of a unicast peer.
  if (sourceMac === undefined || config.unicast !== undefined) return channel.transport;
  if (sender instanceof FrameSender && sender.mac === sourceMac) return sender;
  channel.frames ??= open();
  return new FrameSender(channel.family, sourceMac, channel.frames);
}
