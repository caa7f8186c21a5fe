/**
 * A rehearsal before the first act: the first time that code runs it is compiled, and libc's symbols
 * are bound one by one. At a failover that would cost some milliseconds, at the very moment for
 * which the program exists. So a router nobody sees goes through its life a few hundred times, with
 * sockets that lead nowhere, before the real ones start.
 *
 * @module
 */

import { Counters } from "../plane/counters.ts";
import { IdSource } from "../plane/ids.ts";
import { LogLimiter } from "../plane/log_limiter.ts";
import type { InterfaceState, ProtocolRouter } from "../plane/messages.ts";
import { SharedWords } from "../plane/shared.ts";
import type { TrackerFinding, TrackerUse } from "../plane/trackers.ts";
import { encodeAdvertisement, USUAL_ELECTION, VRRP_GROUP_IPV4 } from "../vrrp/mod.ts";
import type { Channel } from "./channel.ts";
import { Keyring } from "./keyring.ts";
import { TimerHeap } from "./timer_heap.ts";
import type { VrrpTransport } from "./transport.ts";
import { Ipv4Reader, type Packets } from "./transport4.ts";
import { VrrpDriver } from "./vrrp_driver.ts";

/** Enough for the compiler's first two tiers. */
const LIVES = 60;
const INTERVAL = 10_000;

export const INTERFACE: InterfaceState = {
  namespace: "",
  index: 1,
  name: "rehearsal",
  up: true,
  running: true,
  mac: "",
  mtu: 1500,
  ipv4: ["192.0.2.1"],
  ipv6: [],
  ipv6Global: [],
  networks: ["192.0.2.0/24"],
  groups: ["ipv4"],
};

const ROUTER: ProtocolRouter = {
  slot: 0,
  namespace: "",
  interface: INTERFACE.name,
  trackers: [],
  settings: {
    name: "rehearsal",
    version: 3,
    family: "ipv4",
    version2: false,
    virtualRouterId: 1,
    priority: 100,
    advertisementInterval: INTERVAL,
    addresses: ["192.0.2.10"],
    preempt: true,
    ...USUAL_ELECTION,
    checksum: "auto",
  },
};

/** A virtual router on paper: its time is virtual, its sockets lead nowhere. */
export class PaperRouter {
  now = 0;
  readonly heap = new TimerHeap();
  readonly driver: VrrpDriver;
  #waiting: Uint8Array[] = [];
  readonly #channels: Channel[] = [];

  constructor() {
    this.driver = new VrrpDriver({
      ids: new IdSource("rehearsal"),
      heap: this.heap,
      counters: new Counters(),
      words: new SharedWords(),
      log: new LogLimiter(() => {}, () => this.now),
      keys: new Keyring(() => this.now),
      now: () => this.now,
      postKernel: (message) => void structuredClone(message),
      postControl: (message) => void structuredClone(message),
      openFrames: () => ({ write: (frame) => frame.length, close: () => {} }),
      openTransport: () => new PaperTransport(() => this.#waiting.pop()),
      watch: (channel) => void this.#channels.push(channel),
      unwatch: () => {},
    });
    this.driver.interfaceChanged(INTERFACE, this.now, "");
  }

  /** @param trackers what it tracks; `null`: it is removed */
  configure(
    trackers: readonly TrackerUse[] | null,
    findings: Iterable<TrackerFinding> = [],
  ): void {
    const routers = trackers === null ? [] : [{ ...ROUTER, trackers }];
    this.driver.configure(
      { type: "configure", id: "", routers, groups: [], holdUntil: 0, findings },
      this.now,
    );
  }

  hear(packet: Uint8Array): void {
    this.#waiting = [packet];
    this.driver.receive(this.#channels.at(-1)!, 64, Infinity);
  }

  /** Lets so many microseconds go by. */
  pass(micros: number): void {
    for (const end = this.now + micros; this.now < end;) {
      this.now = Math.min(end, this.heap.next);
      this.heap.fire(this.now, 16);
    }
  }
}

/** Runs it; nothing is left behind. */
export function rehearse(): void {
  const better = advert(200);
  const worse = advert(50);
  const router = new PaperRouter();
  for (let life = 0; life < LIVES; life++) {
    router.configure([]);
    for (let i = 0; i < 4; i++) router.hear(better);
    router.pass(8 * INTERVAL);
    router.hear(worse);
    router.hear(better);
    router.pass(8 * INTERVAL);
    router.configure(null);
  }
}

function advert(priority: number): Uint8Array {
  return encodeAdvertisement({
    version: 3,
    source: "192.0.2.2",
    destination: VRRP_GROUP_IPV4,
    virtualRouterId: ROUTER.settings.virtualRouterId,
    priority,
    interval: INTERVAL,
    addresses: ROUTER.settings.addresses,
    checksum: "rfc5798",
  });
}

/** Sockets that lead nowhere. */
class PaperTransport implements VrrpTransport {
  readonly admitted: Ipv4Reader;
  readonly refused: Ipv4Reader;

  constructor(next: () => Uint8Array | undefined) {
    this.admitted = new Ipv4Reader(-1, new PaperPackets(next), 1);
    this.refused = new Ipv4Reader(-1, new PaperPackets(() => undefined), 1);
  }

  serve(): void {}

  overflow(): number {
    return 0;
  }

  send(packet: Uint8Array): number {
    return packet.length;
  }

  close(): void {}
}

class PaperPackets implements Packets {
  readonly #next: () => Uint8Array | undefined;
  #packet: Uint8Array = new Uint8Array();

  constructor(next: () => Uint8Array | undefined) {
    this.#next = next;
  }

  receive(): number {
    const packet = this.#next();
    this.#packet = packet ?? this.#packet;
    return packet === undefined ? -1 : 1;
  }

  payload(): Uint8Array {
    return this.#packet;
  }

  length(): number {
    return this.#packet.length;
  }
}
