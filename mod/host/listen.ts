/**
 * Listens to what virtual routers and holders of addresses say on the networks of a site, and asks
 * who has the virtual addresses, in a way that changes nobody's cache (ARP probes). Everything else
 * stays as it is.
 *
 * @module
 */

import { setTimeout as delay } from "node:timers/promises";
import type { SiteConfig } from "../../config/mod.ts";
import {
  AF_INET,
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
  ETH_P_IP,
  ETH_P_IPV6,
  inNamespace,
  joinGroup4,
  joinGroup6,
  openSocket,
  realtimeMicros,
  SOCK_DGRAM,
  sockaddrLl,
} from "../../ffi/mod.ts";
import { arpProbe } from "../kernel/frames.ts";
import { NeighbourSockets } from "../kernel/neighbour_sockets.ts";
import { textOf } from "../text/mod.ts";
import { VRRP_GROUP_IPV4, VRRP_GROUP_IPV6 } from "../vrrp/mod.ts";
import { heardIn } from "./heard.ts";
import { type HostReading, interfaceOf, type NamespaceReading } from "./readings.ts";
import type { HeardOn, NetworkReading } from "./wire_findings.ts";

/** Between two looks, milliseconds. */
const LOOK = 20;
/** Packets of one look, and bytes of one that are kept. */
const BATCH = 64;
const SIZE = 2048;
/** Different adverts that are kept, of all namespaces. */
const MOST_HEARD = 1_000;
/** Addresses that are asked for. */
const MOST_ASKED = 256;
/** Offsets in `struct sockaddr_ll`, and the kind of a packet of our own. */
const [INTERFACE, KIND] = [4, 10];
const OUTGOING = 4;
/** IP's protocol numbers: VRRP, and VRRP behind an authentication header. */
const PROTOCOLS = [112, 51];
const PROTOCOL_AT = { [ETH_P_IP]: 9, [ETH_P_IPV6]: 6 } as const;

/** Shortest and longest time to listen, milliseconds. */
const [SHORTEST, LONGEST] = [1_000, 10_000];

/** How long one has to listen to hear each router three times, milliseconds. */
export function listeningTime({ vrrp }: Pick<SiteConfig, "vrrp">): number {
  const slowest = Math.max(0, ...vrrp.map((router) => router.advertisement_interval));
  return Math.min(Math.max(SHORTEST, 3.2 * slowest / 1000), LONGEST);
}

/** What is heard of the site's routers. Never throws: why nothing can be heard is said in words. */
export async function listen(
  site: Pick<SiteConfig, "vrrp">,
  host: HostReading,
  actual: (namespace: string) => string,
): Promise<NetworkReading> {
  const ears: Ear[] = [];
  try {
    for (const [name, namespace] of host.namespaces) {
      const routers = site.vrrp.filter((router) => (router.namespace ?? "") === name);
      if (namespace === null || routers.length === 0) continue;
      ears.push(inNamespace(actual(name), () => new Ear(name, namespace, routers)));
    }
    const end = performance.now() + listeningTime(site);
    while (performance.now() < end) {
      await delay(LOOK);
      for (const ear of ears) ear.look();
    }
    return { problem: null, heard: ears.flatMap((ear) => ear.heard), claims: claimsOf(ears) };
  } catch (error) {
    return { problem: textOf(error), heard: [], claims: [] };
  } finally {
    for (const ear of ears) ear.close();
  }
}

function claimsOf(ears: readonly Ear[]): NetworkReading["claims"] {
  return ears.flatMap((ear) => ear.claims);
}

/** What listens in one namespace. */
class Ear {
  readonly #namespace: string;
  readonly #interfaces = new Map<number, string>();
  readonly #own: ReadonlySet<string>;
  readonly #sockets: number[] = [];
  readonly #packets = new BareReceiver(BATCH, SIZE);
  readonly #neighbours: NeighbourSockets;
  readonly #heard = new Map<string, HeardOn>();
  readonly #claims = new Map<string, NetworkReading["claims"][number]>();

  /** Opens its sockets in the thread's namespace. @throws {SystemError} */
  constructor(name: string, namespace: NamespaceReading, routers: SiteConfig["vrrp"]) {
    this.#namespace = name;
    this.#own = new Set(namespace.interfaces.map(({ mac }) => mac));
    this.#neighbours = new NeighbourSockets();
    try {
      for (const router of routers) {
        const found = interfaceOf(namespace, router.interface);
        if (found === undefined || !found.up || this.#interfaces.has(found.index)) continue;
        this.#interfaces.set(found.index, found.name);
        this.#join(AF_INET, found.index);
        this.#join(AF_INET6, found.index);
      }
      for (const protocol of [ETH_P_IP, ETH_P_IPV6] as const) this.#open(protocol);
      this.#ask(namespace, routers);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  get heard(): HeardOn[] {
    return [...this.#heard.values()];
  }

  get claims(): NetworkReading["claims"] {
    return [...this.#claims.values()];
  }

  /** Takes what has come. */
  look(): void {
    const now = realtimeMicros();
    for (const socket of this.#sockets) {
      const count = this.#packets.receive(socket);
      for (let i = 0; i < count; i++) this.#take(i, now);
    }
    for (const { index, address, mac } of this.#neighbours.receive(BATCH)) {
      const name = this.#interfaces.get(index);
      if (name === undefined || this.#own.has(mac) || this.#claims.size >= MOST_HEARD) continue;
      const claim = { namespace: this.#namespace, interface: name, address, mac };
      this.#claims.set(`${index} ${address} ${mac}`, claim);
    }
  }

  close(): void {
    for (const socket of this.#sockets.splice(0)) closeDescriptor(socket);
    this.#neighbours.close();
  }

  #take(i: number, now: number): void {
    const from = this.#packets.source(i);
    if (from[KIND] === OUTGOING) return;
    const view = new DataView(from.buffer, from.byteOffset);
    const name = this.#interfaces.get(view.getInt32(INTERFACE, true));
    const length = Math.min(this.#packets.length(i), SIZE);
    const advert = heardIn(this.#packets.payload(i).subarray(0, length), now);
    if (name === undefined || advert === undefined) return;
    const { source, virtualRouterId, version } = advert;
    const key = `${name} ${source} ${virtualRouterId} ${version}`;
    if (!this.#heard.has(key) && this.#heard.size >= MOST_HEARD) return;
    this.#heard.set(key, { ...advert, namespace: this.#namespace, interface: name });
  }

  /** Adverts reach this host's network cards, and pass switches that forward what is asked for. */
  #join(family: number, index: number): void {
    let socket: number;
    try {
      socket = openSocket(family, SOCK_DGRAM, 0);
    } catch {
      // This kernel has no IPv6.
      return;
    }
    this.#sockets.push(socket);
    try {
      if (family === AF_INET) joinGroup4(socket, VRRP_GROUP_IPV4, index);
      else joinGroup6(socket, VRRP_GROUP_IPV6, index);
    } catch {
      // An interface without addresses of the family: it may be heard all the same.
    }
  }

  /** A socket behind the network card, before any firewall. */
  #open(protocol: keyof typeof PROTOCOL_AT): void {
    const socket = openSocket(AF_PACKET, SOCK_DGRAM, 0);
    this.#sockets.push(socket);
    attachDropAll(socket);
    bindSocket(socket, sockaddrLl(0, protocol));
    drainSocket(socket);
    const tests = PROTOCOLS.flatMap((one) => [bpf.jumpEqual(one, 0, 1), bpf.accept()]);
    attachFilter(socket, assemble([bpf.loadByte(PROTOCOL_AT[protocol]), ...tests, bpf.drop()]));
  }

  #ask(namespace: NamespaceReading, routers: SiteConfig["vrrp"]): void {
    const wanted = routers.flatMap((router) =>
      router.addresses.map(({ address }) => ({ address, on: router.interface }))
    ).slice(0, MOST_ASKED);
    this.#neighbours.watch(wanted.map(({ address }) => address));
    for (const { address, on } of wanted) {
      const found = interfaceOf(namespace, on);
      if (address.includes(":") || found === undefined || !/^..(:..){5}$/.test(found.mac)) continue;
      this.#neighbours.ask(found.index, arpProbe(address, found.mac));
    }
  }
}
