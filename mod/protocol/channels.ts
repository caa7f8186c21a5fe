/**
 * The sockets of all routers: one channel serves each (namespace, interface index, family). It is
 * opened when the first router needs it and closed after the last.
 *
 * @module
 */

import { SystemError } from "../../ffi/mod.ts";
import type { InterfaceState } from "../plane/messages.ts";
import { Channel } from "./channel.ts";
import { type FrameSocket, senderOf } from "./frame_sender.ts";
import { keyOf } from "./interfaces.ts";
import type { RouterEntry, Surroundings } from "./router_entry.ts";
import type { Family, VrrpTransport } from "./transport.ts";

/** Sockets that could not be opened are tried again after this time, microseconds. */
const RETRY = 1_000_000;

/** What the driver needs beside what its routers need. */
export interface DriverSurroundings extends Surroundings {
  openTransport(
    family: Family,
    namespace: string,
    index: number,
    name: string,
  ): VrrpTransport;
  openFrames(family: Family, namespace: string, index: number): FrameSocket;
  /** Its descriptors are to be watched, or no longer. */
  watch(channel: Channel): void;
  unwatch(channel: Channel): void;
}

export class Channels {
  readonly #env: DriverSurroundings;
  readonly #again: (at: number) => void;
  readonly #channels = new Map<string, Channel>();
  readonly #channelOf = new Map<RouterEntry, Channel>();
  /** Channels whose routers are no longer those that their filters know. */
  readonly #unserved = new Set<Channel>();

  /** @param again asks for `attach` and `serve` of everybody at that time */
  constructor(env: DriverSurroundings, again: (at: number) => void) {
    this.#env = env;
    this.#again = again;
  }

  get all(): Iterable<Channel> {
    return this.#channels.values();
  }

  /**
   * Gives the router the sockets of its interface.
   *
   * @param state the interface as it is now
   * @returns why not, or nothing
   */
  attach(entry: RouterEntry, state: InterfaceState | undefined, now: number): string {
    const { namespace, interface: name, settings } = entry.config;
    const wanted = state === undefined ? undefined : `${keyOf(state)}/${settings.family}`;
    const present = this.#channelOf.get(entry);
    if (present !== undefined && present.key === wanted) {
      return this.#giveSender(entry, present, state!.index, now);
    }
    this.detach(entry);
    if (state === undefined || wanted === undefined) return "";
    let channel = this.#channels.get(wanted);
    if (channel === undefined) {
      try {
        const transport = this.#env.openTransport(settings.family, namespace, state.index, name);
        channel = new Channel(wanted, settings.family, namespace, name, transport);
      } catch (error) {
        if (!(error instanceof SystemError)) throw error;
        this.#again(now + RETRY);
        return `socket on ${name}: ${error.message}`;
      }
      this.#channels.set(wanted, channel);
      this.#env.watch(channel);
    }
    channel.add(entry);
    this.#unserved.add(channel);
    this.#channelOf.set(entry, channel);
    return this.#giveSender(entry, channel, state.index, now);
  }

  /** Gives the router what its adverts leave by. Returns why not, or nothing. */
  #giveSender(entry: RouterEntry, channel: Channel, index: number, now: number): string {
    const { family, namespace, name } = channel;
    try {
      entry.sender = senderOf(entry, channel, () => this.#env.openFrames(family, namespace, index));
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      this.#again(now + RETRY);
      return `packet socket on ${name}: ${error.message}`;
    }
    return "";
  }

  /** The router needs its sockets no longer. */
  detach(entry: RouterEntry): void {
    const channel = this.#channelOf.get(entry);
    entry.sender = null;
    this.#channelOf.delete(entry);
    if (channel === undefined) return;
    channel.remove(entry);
    this.#unserved.add(channel);
    if (!channel.isEmpty) return;
    this.#unserved.delete(channel);
    this.#channels.delete(channel.key);
    this.#env.unwatch(channel);
    channel.transport.close();
    channel.frames?.close();
  }

  /** What the router takes is another than before: its filter does not know yet. */
  changed(entry: RouterEntry): void {
    const channel = this.#channelOf.get(entry);
    if (channel !== undefined) this.#unserved.add(channel);
  }

  /** Tells the kernel whose adverts to let in, once for all changes of one message. */
  serve(now: number): void {
    for (const channel of this.#unserved) {
      try {
        channel.serve();
        this.#unserved.delete(channel);
      } catch (error) {
        if (!(error instanceof SystemError)) throw error;
        this.#env.log.log("error", ["vrrp", channel.name], `Cannot filter: ${error.message}`);
        this.#again(now + RETRY);
      }
    }
  }
}
