/**
 * The sockets of all routers: one channel serves each (namespace, interface index, family). It is
 * opened when the first router needs it and closed after the last.
 *
 * Routers that want IPsec's authentication header have a second one, since their adverts are another
 * IP protocol. They keep the first: there they hear who has forgotten the header.
 *
 * @module
 */

import { SystemError } from "../../ffi/mod.ts";
import { atOnce } from "../steps/mod.ts";
import type { InterfaceState } from "../plane/messages.ts";
import type { ProtocolState } from "../plane/state.ts";
import { PROTOCOL_AUTHENTICATION_HEADER, PROTOCOL_VRRP } from "../vrrp/mod.ts";
import { Channel } from "./channel.ts";
import { type FrameSocket, senderOf } from "./frame_sender.ts";
import { keyOf } from "./interfaces.ts";
import type { RouterEntry, Surroundings } from "./router_entry.ts";
import type { AdvertProtocol, Family, VrrpTransport } from "./transport.ts";

/** Sockets that could not be opened are tried again after this time, microseconds. */
const RETRY = 1_000_000;

type Refusals = ProtocolState["interfaces"][number];

/** As what the router's adverts may come. The socket that sends takes any protocol. */
function protocolsOf({ guard }: RouterEntry): AdvertProtocol[] {
  return guard?.type === "ah" ? [PROTOCOL_VRRP, PROTOCOL_AUTHENTICATION_HEADER] : [PROTOCOL_VRRP];
}

/** What the driver needs beside what its routers need. */
export interface DriverSurroundings extends Surroundings {
  openTransport(
    family: Family,
    namespace: string,
    index: number,
    name: string,
    protocol: AdvertProtocol,
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
  /** A router's channels, the one it sends by first. */
  readonly #channelsOf = new Map<RouterEntry, readonly Channel[]>();
  /** Channels whose routers are no longer those that their filters know. */
  readonly #unserved = new Set<Channel>();

  /** @param again asks for `attach` and `serve` of everybody at that time */
  constructor(env: DriverSurroundings, again: (at: number) => void) {
    this.#env = env;
    this.#again = again;
  }

  /** What no router could be charged with, by interface and family. */
  get refusals(): ProtocolState["interfaces"] {
    const all = new Map<string, Omit<Refusals, "dropped"> & { dropped: Record<string, number> }>();
    for (const channel of this.#channels.values()) {
      const { family, namespace, name } = channel;
      const key = `${namespace}/${name}/${family}`;
      const known = all.get(key) ?? { namespace, name, family, dropped: {} };
      all.set(key, known);
      for (const [reason, count] of Object.entries(channel.total())) {
        known.dropped[reason] = (known.dropped[reason] ?? 0) + count;
      }
    }
    return [...all.values()];
  }

  /**
   * Gives the router the sockets of its interface.
   *
   * @param state the interface as it is now
   * @returns why not, or nothing
   */
  attach(entry: RouterEntry, state: InterfaceState | undefined, now: number): string {
    const wanted = state === undefined ? [] : protocolsOf(entry).map((protocol) => ({
      protocol,
      key: `${keyOf(state)}/${entry.config.settings.family}/${protocol}`,
    }));
    const present = this.#channelsOf.get(entry) ?? [];
    if (wanted.map(({ key }) => key).join() !== present.map(({ key }) => key).join()) {
      this.detach(entry);
      if (state === undefined) return "";
      for (const { key, protocol } of wanted) {
        const failure = this.#join(entry, key, protocol, state.index, now);
        if (failure !== "") {
          this.detach(entry);
          return failure;
        }
      }
    }
    const [channel] = this.#channelsOf.get(entry) ?? [];
    if (channel === undefined || state === undefined) return "";
    return this.#giveSender(entry, channel, state.index, now);
  }

  /** Makes the router one of a channel, which is opened if need be. Returns why not, or nothing. */
  #join(
    entry: RouterEntry,
    key: string,
    protocol: AdvertProtocol,
    index: number,
    now: number,
  ): string {
    const { namespace, interface: name, settings: { family } } = entry.config;
    let channel = this.#channels.get(key);
    if (channel === undefined) {
      try {
        const transport = this.#env.openTransport(family, namespace, index, name, protocol);
        channel = new Channel(key, family, namespace, name, transport);
      } catch (error) {
        if (!(error instanceof SystemError)) throw error;
        this.#again(now + RETRY);
        return `socket on ${name}: ${error.message}`;
      }
      this.#channels.set(key, channel);
      this.#env.watch(channel);
    }
    channel.add(entry);
    this.#unserved.add(channel);
    this.#channelsOf.set(entry, [...this.#channelsOf.get(entry) ?? [], channel]);
    return "";
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
    const channels = this.#channelsOf.get(entry) ?? [];
    entry.sender = null;
    this.#channelsOf.delete(entry);
    for (const channel of channels) {
      channel.remove(entry);
      this.#unserved.add(channel);
      if (!channel.isEmpty) continue;
      this.#unserved.delete(channel);
      this.#channels.delete(channel.key);
      this.#env.unwatch(channel);
      channel.transport.close();
      channel.frames?.close();
    }
  }

  /** What the router takes is another than before: its filter does not know yet. */
  changed(entry: RouterEntry): void {
    for (const channel of this.#channelsOf.get(entry) ?? []) this.#unserved.add(channel);
  }

  /** Tells the kernel whose adverts to let in, once for all changes of one message. */
  serve(): void {
    atOnce(this.serving());
  }

  /**
   * The same in steps. The last one goes on with what follows: an advert that a filter has just let
   * in is to find a router that has been told how it is.
   *
   * @param later these are tried again another time
   * @returns channels that could not be served
   */
  *serving(later?: ReadonlySet<Channel>): Generator<void, ReadonlySet<Channel>> {
    const refused = new Set<Channel>();
    let isFirst = true;
    for (const channel of [...this.#unserved]) {
      if (later?.has(channel)) continue;
      if (!isFirst) yield;
      isFirst = false;
      const now = this.#env.heap.fireRoutine(this.#env.now());
      if (!this.#unserved.has(channel)) continue;
      try {
        channel.serve();
        this.#unserved.delete(channel);
      } catch (error) {
        if (!(error instanceof SystemError)) throw error;
        this.#env.log.log("error", ["vrrp", channel.name], `Cannot filter: ${error.message}`);
        this.#again(now + RETRY);
        refused.add(channel);
      }
    }
    return refused;
  }
}
