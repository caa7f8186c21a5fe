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

const INTERFACE: InterfaceState = {
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

/** Runs it; nothing is left behind. */
export function rehearse(): void {
  const better = advert(200);
  const worse = advert(50);
  let now = 0;
  let waiting: Uint8Array[] = [];
  const channels: Channel[] = [];
  const heap = new TimerHeap();
  const driver = new VrrpDriver({
    ids: new IdSource("rehearsal"),
    heap,
    counters: new Counters(),
    words: new SharedWords(),
    log: new LogLimiter(() => {}, () => now),
    keys: new Keyring(() => now),
    now: () => now,
    postKernel: (message) => void structuredClone(message),
    postControl: (message) => void structuredClone(message),
    openFrames: () => ({ write: (frame) => frame.length, close: () => {} }),
    openTransport: () => new PaperTransport(() => waiting.pop()),
    watch: (channel) => void channels.push(channel),
    unwatch: () => {},
  });
  const hear = (packet: Uint8Array): void => {
    waiting = [packet];
    driver.receive(channels.at(-1)!, 64, Infinity);
  };
  const pass = (intervals: number): void => {
    for (const end = now + intervals * INTERVAL; now < end;) {
      now = Math.min(end, heap.next);
      heap.fire(now, 16);
    }
  };
  driver.interfaceChanged(INTERFACE, now, "");
  for (let life = 0; life < LIVES; life++) {
    driver.configure(
      { type: "configure", id: "", routers: [ROUTER], groups: [], holdUntil: 0 },
      now,
    );
    for (let i = 0; i < 4; i++) hear(better);
    pass(8);
    hear(worse);
    hear(better);
    pass(8);
    driver.configure({ type: "configure", id: "", routers: [], groups: [], holdUntil: 0 }, now);
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
