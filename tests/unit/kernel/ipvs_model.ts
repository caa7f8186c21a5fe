/**
 * A kernel's load balancer for tests, driven by bytes: it answers requests as Linux 6.1 does, and
 * on demand as one does not wish for.
 */

import {
  type Destination,
  encodeCommand,
  IPVS_CMD_DEL_DAEMON,
  IPVS_CMD_DEL_DEST,
  IPVS_CMD_DEL_SERVICE,
  IPVS_CMD_GET_CONFIG,
  IPVS_CMD_GET_DAEMON,
  IPVS_CMD_GET_DEST,
  IPVS_CMD_GET_INFO,
  IPVS_CMD_GET_SERVICE,
  IPVS_CMD_NEW_DAEMON,
  IPVS_CMD_NEW_DEST,
  IPVS_CMD_NEW_SERVICE,
  IPVS_CMD_SET_CONFIG,
  IPVS_CMD_SET_DEST,
  IPVS_CMD_SET_INFO,
  IPVS_CMD_SET_SERVICE,
  readCommandNumber,
  readDaemon,
  readDestination,
  readDestinationKey,
  readService,
  readServiceKey,
  readTimeouts,
  type Service,
  type ServiceKey,
  serviceName,
  type SyncDaemon,
  type TableCommand,
  TableModel,
  type Timeouts,
} from "../../../mod/ipvs/mod.ts";
import type { IpvsIo } from "../../../mod/kernel/ipvs_io.ts";
import {
  beginGeneric,
  type Decoded,
  EEXIST,
  ENOENT,
  ESRCH,
  MessageWriter,
  type NetlinkMessage,
  NLM_F_CAPPED,
  NLMSG_DONE,
  NLMSG_ERROR,
  readGenericHeader,
  readNested,
  readU32,
  splitMessages,
} from "../../../mod/netlink/mod.ts";

const FIRST_FAMILY = 0x23;

const DUMPS: readonly number[] = [IPVS_CMD_GET_SERVICE, IPVS_CMD_GET_DEST, IPVS_CMD_GET_DAEMON];

const EBUSY = 16;

/** What may go wrong with an answer. */
export type Fault = "lost" | "half" | number;

export class ModelIpvs implements IpvsIo {
  family = FIRST_FAMILY;
  /** Seconds. */
  timeouts: Timeouts = { tcp: 900, tcpFin: 120, udp: 300 };
  daemons: SyncDaemon[] = [];
  /** The module is not there: whatever is asked of its family fails. */
  unloaded = false;
  readonly model = new TableModel();
  readonly schedulers = new Set(["rr", "wrr", "wlc", "mh"]);
  /** Commands that came, in order; questions are not among them. */
  readonly commands: TableCommand[] = [];
  /** Dumps of services that were asked for. */
  reads = 0;
  /** Dumps of a service's destinations. */
  listings = 0;
  /** Buffers that came. */
  sends = 0;
  closed = false;
  /** Asked before each command: how it goes wrong; after each: whatever others do meanwhile. */
  fault: (command: TableCommand) => Fault | undefined = () => undefined;
  before: (command: TableCommand) => void = () => {};
  /** Answers to questions are cut off. */
  silent = false;
  readonly #queue: Uint8Array[] = [];
  /** Sockets that are open. */
  sockets = 0;
  /** How others come to know of what they do by errno, in place of an answer. */
  refuse: (command: number) => number = () => 0;

  /** Another socket to the same table. */
  connect(): IpvsIo {
    const queue: Uint8Array[] = [];
    const { family } = this;
    this.sockets++;
    return {
      family,
      send: (bytes) => this.#send(bytes, queue),
      receive: () => queue.shift(),
      close: () => void this.sockets--,
    };
  }

  /** The module is unloaded and, with `load`, loaded again: empty, with another number. */
  unload(): void {
    this.unloaded = true;
    this.family++;
    for (const { service } of [...this.model.table.values()]) {
      this.model.apply({ kind: "delete-service", service: service.key });
    }
    this.daemons = [];
    this.timeouts = { tcp: 900, tcpFin: 120, udp: 300 };
  }

  load(): void {
    this.unloaded = false;
  }

  send(bytes: Uint8Array): void {
    this.#send(bytes, this.#queue);
  }

  #send(bytes: Uint8Array, queue: Uint8Array[]): void {
    this.sends++;
    const { messages, problem } = splitMessages(bytes.slice());
    if (problem !== undefined) throw new Error(problem);
    for (const message of messages) this.#take(message, queue);
  }

  receive(): Uint8Array | undefined {
    return this.#queue.shift();
  }

  close(): void {
    this.closed = true;
  }

  #take(message: NetlinkMessage, queue: Uint8Array[]): void {
    if (this.unloaded || message.type !== this.family) {
      return this.#acknowledge(message, ENOENT, queue);
    }
    const number = accept(readCommandNumber(message));
    const refused = this.refuse(number);
    if (refused !== 0) return this.#acknowledge(message, refused, queue);
    if (DUMPS.includes(number)) {
      // One dump at a time for each socket: what it has told must have been fetched.
      if (queue.length > 0) return this.#acknowledge(message, EBUSY, queue);
      if (!this.silent) this.#dump(number, message, queue);
      return;
    }
    const other = this.#around(number, message, queue);
    if (other !== undefined) return this.#acknowledge(message, other, queue);
    const command = commandOf(number, message);
    this.commands.push(command);
    this.before(command);
    const fault = this.fault(command);
    const errno = typeof fault === "number" ? fault : this.#carryOut(command);
    if (fault === "lost") return;
    this.#acknowledge(message, errno, queue);
    if (fault === "half") queue.push(queue.pop()!.subarray(0, 18));
  }

  #acknowledge({ type, sequence }: NetlinkMessage, errno: number, queue: Uint8Array[]): void {
    const writer = new MessageWriter();
    writer.begin(NLMSG_ERROR, NLM_F_CAPPED, sequence).u32(-errno >>> 0);
    writer.u32(20).u16(type).u16(5).u32(sequence).u32(0).end();
    queue.push(writer.finish().slice());
  }

  /** Timeouts and daemons. @returns the errno; undefined: it is about the table */
  #around(number: number, message: NetlinkMessage, queue: Uint8Array[]): number | undefined {
    const { sequence } = message;
    const writer = new MessageWriter();
    switch (number) {
      case IPVS_CMD_GET_INFO:
        beginGeneric(writer, this.family, 0, sequence, IPVS_CMD_SET_INFO, 1);
        writer.attributeU32(1, 0x010201).attributeU32(2, 4096).end();
        queue.push(writer.finish().slice());
        return 0;
      case IPVS_CMD_GET_CONFIG: {
        const said = { kind: "set-timeouts", timeouts: this.timeouts } as const;
        encodeCommand(writer, this.family, sequence, said);
        queue.push(writer.finish().slice());
        return 0;
      }
      case IPVS_CMD_SET_CONFIG: {
        const { tcp, tcpFin, udp } = accept(readTimeouts(message));
        const before = this.timeouts;
        this.timeouts = {
          tcp: tcp || before.tcp,
          tcpFin: tcpFin || before.tcpFin,
          udp: udp || before.udp,
        };
        return 0;
      }
      case IPVS_CMD_NEW_DAEMON: {
        const daemon = accept(readDaemon(message));
        if (this.daemons.some(({ role }) => role === daemon.role)) return EEXIST;
        this.daemons.push(daemon);
        return 0;
      }
      case IPVS_CMD_DEL_DAEMON: {
        const attributes = accept(readGenericHeader(message)).attributes;
        const nested = accept(readNested(attributes, 3)!);
        const role = readU32(nested, 1) === 1 ? "master" : "backup";
        if (!this.daemons.some((one) => one.role === role)) return ESRCH;
        this.daemons = this.daemons.filter((one) => one.role !== role);
        return 0;
      }
      default:
        return undefined;
    }
  }

  /** What Linux answers; 0 where it does it. */
  #carryOut(command: TableCommand): number {
    const { table } = this.model;
    switch (command.kind) {
      case "add-service":
      case "set-service": {
        const exists = table.has(serviceName(command.service.key));
        if (command.kind === "add-service" && exists) return EEXIST;
        if (command.kind === "set-service" && !exists) return ESRCH;
        if (!this.schedulers.has(command.service.scheduler)) return ENOENT;
        break;
      }
      default:
        if (!table.has(serviceName(command.service))) return ESRCH;
    }
    if (this.model.apply(command)) return 0;
    return command.kind === "add-destination" ? EEXIST : ENOENT;
  }

  #dump(number: number, message: NetlinkMessage, queue: Uint8Array[]): void {
    const writer = new MessageWriter();
    const { sequence } = message;
    if (number === IPVS_CMD_GET_DAEMON) {
      for (const daemon of this.daemons) {
        encodeCommand(writer, this.family, sequence, { kind: "start-daemon", daemon });
      }
    } else if (number === IPVS_CMD_GET_SERVICE) {
      this.reads++;
      for (const { service } of this.model.table.values()) {
        encodeCommand(writer, this.family, sequence, { kind: "add-service", service });
      }
    } else {
      this.listings++;
      const service = accept(readServiceKey(message));
      for (const destination of this.destinations(service).values()) {
        const said = { kind: "add-destination", service, destination } as const;
        encodeCommand(writer, this.family, sequence, said);
      }
    }
    if (writer.length > 0) queue.push(writer.finish().slice());
    const end = new MessageWriter();
    end.begin(NLMSG_DONE, 2, sequence).u32(0).end();
    queue.push(end.finish().slice());
  }

  destinations(service: ServiceKey): ReadonlyMap<string, Destination> {
    return this.model.table.get(serviceName(service))?.destinations ?? new Map();
  }
}

function commandOf(number: number, message: NetlinkMessage): TableCommand {
  switch (number) {
    case IPVS_CMD_NEW_SERVICE:
      return { kind: "add-service", service: serviceOf(message) };
    case IPVS_CMD_SET_SERVICE:
      return { kind: "set-service", service: serviceOf(message) };
    case IPVS_CMD_DEL_SERVICE:
      return { kind: "delete-service", service: accept(readServiceKey(message)) };
  }
  const service = accept(readServiceKey(message));
  if (number === IPVS_CMD_DEL_DEST) {
    const destination = accept(readDestinationKey(message, service.family));
    return { kind: "delete-destination", service, destination };
  }
  const { destination } = accept(readDestination(message, service.family));
  if (number === IPVS_CMD_NEW_DEST) return { kind: "add-destination", service, destination };
  if (number === IPVS_CMD_SET_DEST) return { kind: "set-destination", service, destination };
  throw new Error(`Command ${number} is none of the table's`);
}

function serviceOf(message: NetlinkMessage): Service {
  return accept(readService(message)).service;
}

function accept<T>(read: Decoded<T>): T {
  if (!read.ok) throw new Error(read.reason);
  return read.value;
}
