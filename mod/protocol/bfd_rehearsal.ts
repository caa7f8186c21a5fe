/**
 * BFD's rehearsal, for the reasons of `rehearsal.ts`: what stands between the end of a detection
 * time and a router's resignation runs for the first time when there is no time for it. So a session
 * nobody sees comes up, hears, falls silent and takes a router that tracks it down, many times.
 *
 * @module
 */

import {
  authenticate,
  type ControlPacket,
  decodeControl,
  emptyControlPacket,
  encodeControl,
  type StateName,
} from "../bfd/mod.ts";
import { atOnce } from "../steps/mod.ts";
import type { ProtocolBfd } from "../plane/bfd.ts";
import { IdSource } from "../plane/ids.ts";
import { LogLimiter } from "../plane/log_limiter.ts";
import { SharedWords } from "../plane/shared.ts";
import type { TrackerUse } from "../plane/trackers.ts";
import { BfdDriver } from "./bfd_driver.ts";
import type { BfdEntry } from "./bfd_entry.ts";
import type { SessionSockets } from "./bfd_openings.ts";
import type { FirstPackets } from "./bfd_strangers.ts";
import type { BfdEndpoints } from "./bfd_transport.ts";
import { INTERFACE, PaperRouter } from "./rehearsal.ts";

/** Enough for the compiler's first two tiers. */
const LIVES = 40;
/** Packets heard in one life. */
const PACKETS = 24;
const INTERVAL = 10_000;
const NAME = "rehearsal";

const SESSION: ProtocolBfd = {
  path: {
    namespace: "",
    family: "ipv4",
    peer: "192.0.2.2",
    source: "",
    interface: INTERFACE.name,
    multihop: false,
    minimumTtl: 255,
  },
  settings: {
    name: NAME,
    transmitInterval: INTERVAL,
    receiveInterval: INTERVAL,
    detectMultiplier: 3,
    passive: false,
    demand: null,
    echoReceiveInterval: 0,
    authentication: null,
    stallGrace: true,
  },
};

const TRACKED: readonly TrackerUse[] = [{ kind: "bfd", name: NAME, weight: 0 }];

/** Runs it; nothing is left behind. @returns how often the router was taken out of service */
export function rehearseBfd(): number {
  const router = new PaperRouter();
  const { heap } = router;
  const bfd = new BfdDriver({
    ids: new IdSource(NAME),
    heap,
    words: new SharedWords(),
    log: new LogLimiter(() => {}, () => router.now),
    clock: () => router.now,
    random: () => 0.5,
    randomWord: () => 1,
    interfaceIndex: () => INTERFACE.index,
    interfaceAt: () => INTERFACE,
    findPortOwner: () => {},
    found: (finding) => router.driver.trackersFound([finding], router.now),
    postControl: (message) => void structuredClone(message),
    watch: () => {},
    unwatch: () => {},
  }, new PaperSockets());
  let faults = 0;
  for (let life = 0; life < LIVES; life++) {
    atOnce(bfd.configuring([SESSION], [], router.now));
    router.pass(1_000);
    router.configure(TRACKED, bfd.findings());
    const entry = bfd.entries.get(NAME)!;
    hear(entry, "down", router.now);
    hear(entry, "up", router.now);
    for (let i = 0; i < PACKETS; i++) {
      router.pass(INTERVAL);
      hear(entry, "up", router.now);
    }
    const [before] = router.driver.entries;
    const wasMaster = before?.router.state === "master";
    router.pass(4 * INTERVAL);
    const [after] = router.driver.entries;
    if (wasMaster && after?.router.state === "fault") faults++;
    router.configure(null);
    atOnce(bfd.configuring([], [], router.now));
  }
  return faults;
}

const heard = emptyControlPacket();
const event = { type: "packet", packet: heard } as const;
const bytes = new Uint8Array(new ArrayBuffer(64));

/** The other side says so, by way of the codec. */
function hear(entry: BfdEntry, state: StateName, now: number): void {
  const packet: ControlPacket = {
    ...emptyControlPacket(),
    state,
    final: entry.session.polling,
    detectMultiplier: 3,
    myDiscriminator: 99,
    yourDiscriminator: entry.session.localDiscriminator,
    desiredMinTx: INTERVAL,
    requiredMinRx: INTERVAL,
  };
  const length = encodeControl(packet, bytes);
  if (decodeControl(bytes, length, heard) !== null) return;
  if (authenticate(entry.session, bytes, heard, now) === null) entry.apply(event, now);
}

/** Sockets that lead nowhere. */
class PaperSockets implements SessionSockets, FirstPackets {
  readonly dropped = {};
  strangers: FirstPackets["strangers"] = null;
  #last = 0;

  newDiscriminator(): number {
    return ++this.#last;
  }

  open(entry: BfdEntry, ends: BfdEndpoints): void {
    entry.ends = ends;
    entry.sender = { port: 50_000, send: (_, length) => length, close: () => {} };
  }

  close(entry: BfdEntry): void {
    entry.sender = null;
  }

  hasDiscriminator(): boolean {
    return false;
  }

  add(): void {}
  delete(): void {}
  changed(): void {}
  readUnread(): void {}
  collect(): void {}
  share(): void {}
  listen(): void {}
}
