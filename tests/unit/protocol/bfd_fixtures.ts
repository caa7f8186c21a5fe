/**
 * A BFD driver on paper: virtual time, sockets that keep what is sent, and a peer that says what a
 * test wants.
 *
 * @module
 */

import { atOnce } from "../../../mod/steps/mod.ts";
import {
  type AuthenticationSettings,
  type ControlPacket,
  decodeControl,
  emptyControlPacket,
  type SessionSettings,
} from "../../../mod/bfd/mod.ts";
import { SystemError } from "../../../ffi/mod.ts";
import type {
  BfdChanged,
  BfdCredentials,
  BfdPath,
  BfdPlan,
  BfdRemembered,
  ProtocolBfd,
} from "../../../mod/plane/bfd.ts";
import { IdSource } from "../../../mod/plane/ids.ts";
import { LogLimiter } from "../../../mod/plane/log_limiter.ts";
import type { LogRecord } from "../../../mod/plane/messages.ts";
import { SharedWords } from "../../../mod/plane/shared.ts";
import type { TrackerFound } from "../../../mod/plane/trackers.ts";
import { BfdDriver } from "../../../mod/protocol/bfd_driver.ts";
import type { BfdEntry } from "../../../mod/protocol/bfd_entry.ts";
import type { PortQuestion, SessionSockets } from "../../../mod/protocol/bfd_openings.ts";
import type { FirstPackets } from "../../../mod/protocol/bfd_strangers.ts";
import type { BfdEndpoints, DiscoveryPlace } from "../../../mod/protocol/bfd_transport.ts";
import { TimerHeap } from "../../../mod/protocol/timer_heap.ts";
import { bfdSettings } from "../../lib/bfd_settings.ts";
import { SECOND } from "./fixtures.ts";

export const MS = 1000;

/** A session at 50 ms × 3 over eth0. */
export function bfdSession(
  name: string,
  settings: Partial<SessionSettings> = {},
  path: Partial<BfdPath> = {},
  more: Partial<ProtocolBfd> = {},
): ProtocolBfd {
  return {
    path: {
      namespace: "",
      family: "ipv4",
      peer: "192.0.2.2",
      source: "",
      interface: "eth0",
      multihop: false,
      minimumTtl: 255,
      ...path,
    },
    settings: bfdSettings({ name, ...settings }),
    ...more,
  };
}

/** What every session with keys authenticates with. */
export const SECRET = [...new TextEncoder().encode("hush hush")];
export const KEYS: AuthenticationSettings = {
  type: "meticulous-keyed-sha1",
  construction: "rfc5880",
  keys: [{ id: 7, secret: SECRET }],
};

export function keysOf(session: string): BfdCredentials {
  return { session, authentication: structuredClone(KEYS) as AuthenticationSettings };
}

export interface SentPacket extends ControlPacket {
  readonly name: string;
  readonly at: number;
}

class PaperSockets implements SessionSockets, FirstPackets {
  readonly dropped = {};
  strangers: FirstPackets["strangers"] = null;
  /** Places where first packets are heard. */
  readonly listening = new Set<string>();
  readonly opened: string[] = [];
  /** What opening fails with; null: it does not. */
  failure: SystemError | null = null;
  readonly #discriminators = new Set<number>();
  readonly #send: (entry: BfdEntry, bytes: Uint8Array, length: number) => void;
  #last = 0;

  constructor(send: (entry: BfdEntry, bytes: Uint8Array, length: number) => void) {
    this.#send = send;
  }

  newDiscriminator(): number {
    return ++this.#last;
  }

  listen(place: DiscoveryPlace, wanted: boolean): void {
    if (wanted) this.listening.add(`${place.namespace}/${place.family}`);
    else this.listening.delete(`${place.namespace}/${place.family}`);
  }

  hasDiscriminator(discriminator: number): boolean {
    return this.#discriminators.has(discriminator);
  }

  add({ session }: BfdEntry): void {
    this.#discriminators.add(session.localDiscriminator);
  }

  delete(entry: BfdEntry): void {
    this.close(entry);
    this.#discriminators.delete(entry.session.localDiscriminator);
  }

  open(entry: BfdEntry, ends: BfdEndpoints): void {
    this.opened.push(entry.name);
    if (this.failure !== null) throw this.failure;
    const port = entry.formerPort || 50_000 + this.#last;
    entry.ends = ends;
    entry.sender = {
      port,
      send: (bytes, length) => {
        this.#send(entry, bytes, length);
        return length;
      },
      close: () => {},
    };
    entry.formerPort = port;
  }

  close(entry: BfdEntry): void {
    entry.sender = null;
  }

  changed(): void {}
  readUnread(): void {}
  collect(): void {}
  share(): void {}
}

export class BfdBench {
  now = 1000 * SECOND;
  readonly heap = new TimerHeap();
  readonly words: SharedWords;
  readonly sent: SentPacket[] = [];
  readonly told: (BfdChanged | BfdRemembered)[] = [];
  readonly found: TrackerFound[] = [];
  readonly logged: LogRecord[] = [];
  /** Whose port they want to know. */
  readonly asked: PortQuestion[] = [];
  readonly interfaces = new Map([["eth0", 2]]);
  /** VRFs of interfaces, by name. */
  readonly vrfs = new Map<string, string>();
  readonly sockets = new PaperSockets((entry, bytes, length) => {
    const packet = emptyControlPacket();
    const reason = decodeControl(bytes, length, packet);
    if (reason !== null) throw new Error(`A packet that nobody takes: ${reason}`);
    if (this.keeps) this.sent.push({ name: entry.name, at: this.now, ...packet });
  });
  /** Whether what is sent is kept. */
  keeps = true;
  readonly driver: BfdDriver;

  constructor(words = new SharedWords(), now?: number, onFound?: (found: TrackerFound) => void) {
    this.words = words;
    this.now = now ?? this.now;
    const word = new Uint32Array(1);
    this.driver = new BfdDriver({
      ids: new IdSource("p"),
      heap: this.heap,
      words,
      log: new LogLimiter((record) => void this.logged.push(record), () => this.now),
      clock: () => this.now,
      random: () => 0.5,
      randomWord: () => crypto.getRandomValues(word)[0]!,
      interfaceIndex: (_, name) => this.interfaces.get(name) ?? 0,
      interfaceAt: (_, index) => {
        const known = [...this.interfaces].find(([, own]) => own === index);
        const networks = ["192.0.2.0/24", "2001:db8::/64"];
        if (known === undefined) return undefined;
        const vrf = this.vrfs.get(known[0]);
        return { name: known[0], networks, ...(vrf === undefined ? {} : { vrf }) };
      },
      findPortOwner: (question) => void this.asked.push(question),
      found: (found) => {
        this.found.push(found);
        onFound?.(found);
      },
      // What is posted is a copy.
      postControl: (message) => void this.told.push(structuredClone(message)),
      watch: () => {},
      unwatch: () => {},
    }, this.sockets);
  }

  configure(
    sessions: readonly ProtocolBfd[],
    keys: readonly BfdCredentials[] = [],
    more: Omit<BfdPlan, "sessions"> = {},
  ): string[] {
    const changes = atOnce(this.driver.configuring(sessions, keys, this.now, more));
    // Sockets are opened in the turn's timers.
    this.heap.fire(this.now, 100);
    return changes;
  }

  advance(micros: number): void {
    const end = this.now + micros;
    while (this.heap.next <= end) {
      this.now = Math.max(this.now, this.heap.next);
      this.heap.fire(this.now, 100);
    }
    this.now = end;
  }

  entry(name: string): BfdEntry {
    return this.driver.entries.get(name)!;
  }

  /** The peer says so, and asks for what we ask for. */
  hear(name: string, changed: Partial<ControlPacket> = {}): void {
    const entry = this.entry(name);
    const packet: ControlPacket = {
      ...emptyControlPacket(),
      state: "up",
      detectMultiplier: 3,
      myDiscriminator: 99,
      yourDiscriminator: entry.session.localDiscriminator,
      desiredMinTx: 50 * MS,
      requiredMinRx: 50 * MS,
      ...changed,
    };
    entry.apply({ type: "packet", packet }, this.now);
  }

  /** Brings a session up, as far as it is concerned. */
  up(name: string): void {
    this.hear(name, { state: "init" });
    this.hear(name, { final: true });
  }

  /** The peer speaks every 40 ms for so long. */
  keepUp(name: string, micros: number): void {
    for (const end = this.now + micros; this.now < end;) {
      this.advance(Math.min(40 * MS, end - this.now));
      this.hear(name);
    }
  }
}
