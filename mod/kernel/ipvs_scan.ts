/**
 * A reading of the kernel's load balancer in parts: all services, or some, with their destinations
 * and counters. Ten thousand servers are some megabytes, and nobody shall wait for them; so a call
 * takes a few datagrams, and the next one goes on.
 *
 * It needs a socket of its own: the kernel has one dump at a time for each. The kernel finds its
 * place again by counting, so a table that is changed meanwhile may be told with gaps or twice:
 * whoever learns from a scan asks himself whether anything was changed.
 *
 * @module
 */

import {
  destinationName,
  type DestinationState,
  encodeQuestion,
  type Question,
  readDestination,
  readService,
  type Service,
  serviceName,
  type ServiceState,
  type Table,
} from "../ipvs/mod.ts";
import { type Decoded, DumpReader, MessageWriter, type NetlinkMessage } from "../netlink/mod.ts";
import type { IpvsIo } from "./ipvs_io.ts";
import { DumpFailed } from "./requester.ts";

/** A service as it was found, with its destinations by their names. */
export interface ScannedService extends ServiceState {
  readonly destinations: ReadonlyMap<string, DestinationState>;
}

/** Services by their names. */
export type Scanned = ReadonlyMap<string, ScannedService>;

/** One reading. */
export class IpvsScan {
  readonly #io: IpvsIo;
  readonly #wanted: ReadonlySet<string> | null;
  readonly #found = new Map<string, ScannedService>();
  readonly #refused: string[] = [];
  readonly #services: ServiceState[] = [];
  #sequence: number;
  #reader: DumpReader;
  /** The service whose destinations are read; undefined: the services are. */
  #current:
    | { readonly state: ServiceState; readonly destinations: Map<string, DestinationState> }
    | undefined;
  #next = 0;
  #done = false;

  /**
   * Begins.
   *
   * @param services names of the services whose destinations are wanted; null: of all
   * @param sequence number of the last question that went through this socket
   * @throws where it cannot be sent
   */
  constructor(io: IpvsIo, services: ReadonlySet<string> | null, sequence: number) {
    this.#io = io;
    this.#wanted = services;
    this.#sequence = sequence;
    this.#reader = this.#ask({ kind: "services" });
  }

  /** All services are in it, not only some. */
  get whole(): boolean {
    return this.#wanted === null;
  }

  /** Number of the last question. */
  get sequence(): number {
    return this.#sequence;
  }

  /** What was found, once it is done. */
  get found(): Scanned {
    return this.#found;
  }

  /** All services by their names, also those whose destinations were not asked for. */
  get services(): ReadonlyMap<string, Service> {
    return new Map(this.#services.map(({ service }) => [serviceName(service.key), service]));
  }

  /** What cannot be represented, with the reason. */
  get refused(): readonly string[] {
    return this.#refused;
  }

  /** The same without counters. */
  table(): Table {
    const table = new Map<
      string,
      {
        service: ServiceState["service"];
        destinations: Map<string, DestinationState["destination"]>;
      }
    >();
    for (const [name, { service, destinations }] of this.#found) {
      const plain = new Map<string, DestinationState["destination"]>();
      for (const [key, { destination }] of destinations) plain.set(key, destination);
      table.set(name, { service, destinations: plain });
    }
    return table;
  }

  /**
   * Goes on for so many datagrams.
   *
   * @returns whether it is done
   * @throws {DumpFailed} where the kernel refuses, or stops in the middle
   */
  step(pieces: number): boolean {
    for (let i = 0; i < pieces && !this.#done; i++) {
      const bytes = this.#io.receive();
      if (bytes === undefined) throw new DumpFailed(undefined);
      this.#reader.feed(bytes);
      for (const message of this.#reader.messages.splice(0)) this.#take(message);
      if (this.#reader.state === "reading") continue;
      if (this.#reader.failure !== undefined) throw new DumpFailed(this.#reader.failure);
      this.#goOn();
    }
    return this.#done;
  }

  #take(message: NetlinkMessage): void {
    if (this.#current === undefined) {
      const state = this.#accept(readService(message));
      if (state !== undefined) this.#services.push(state);
      return;
    }
    const { state, destinations } = this.#current;
    const read = this.#accept(readDestination(message, state.service.key.family));
    if (read !== undefined) destinations.set(destinationName(read.destination.key), read);
  }

  #accept<T>(read: Decoded<T>): T | undefined {
    if (read.ok) return read.value;
    this.#refused.push(read.reason);
    return undefined;
  }

  #goOn(): void {
    if (this.#current !== undefined) {
      const { state, destinations } = this.#current;
      this.#found.set(serviceName(state.service.key), { ...state, destinations });
    }
    for (;;) {
      const state = this.#services[this.#next++];
      if (state === undefined) {
        this.#done = true;
        return;
      }
      const { key } = state.service;
      if (this.#wanted !== null && !this.#wanted.has(serviceName(key))) continue;
      this.#current = { state, destinations: new Map() };
      // A service that has gone meanwhile has none: the kernel answers with an empty dump.
      this.#reader = this.#ask({ kind: "destinations", service: key });
      return;
    }
  }

  #ask(question: Question): DumpReader {
    const writer = new MessageWriter(64);
    encodeQuestion(writer, this.#io.family, ++this.#sequence, question);
    const reader = new DumpReader(this.#sequence);
    this.#io.send(writer.finish());
    return reader;
  }
}
