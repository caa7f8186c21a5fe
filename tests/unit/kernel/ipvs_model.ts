/**
 * A kernel's load balancer for tests, driven by bytes: it answers requests as Linux 6.1 does, and
 * on demand as one does not wish for.
 */

import {
  type Destination,
  encodeCommand,
  IPVS_CMD_DEL_DEST,
  IPVS_CMD_DEL_SERVICE,
  IPVS_CMD_GET_DEST,
  IPVS_CMD_GET_SERVICE,
  IPVS_CMD_NEW_DEST,
  IPVS_CMD_NEW_SERVICE,
  IPVS_CMD_SET_DEST,
  IPVS_CMD_SET_SERVICE,
  readCommandNumber,
  readDestination,
  readDestinationKey,
  readService,
  readServiceKey,
  type Service,
  type ServiceKey,
  serviceName,
  type TableCommand,
  TableModel,
} from "../../../mod/ipvs/mod.ts";
import type { IpvsIo } from "../../../mod/kernel/ipvs_io.ts";
import {
  type Decoded,
  EEXIST,
  ENOENT,
  ESRCH,
  MessageWriter,
  type NetlinkMessage,
  NLM_F_CAPPED,
  NLMSG_DONE,
  NLMSG_ERROR,
  splitMessages,
} from "../../../mod/netlink/mod.ts";

const FAMILY = 0x23;

/** What may go wrong with an answer. */
export type Fault = "lost" | "half" | number;

export class ModelIpvs implements IpvsIo {
  readonly family = FAMILY;
  readonly model = new TableModel();
  readonly schedulers = new Set(["rr", "wrr", "wlc", "mh"]);
  /** Commands that came, in order; questions are not among them. */
  readonly commands: TableCommand[] = [];
  /** Dumps of services that were asked for. */
  reads = 0;
  /** Buffers that came. */
  sends = 0;
  closed = false;
  /** Asked before each command: how it goes wrong; after each: whatever others do meanwhile. */
  fault: (command: TableCommand) => Fault | undefined = () => undefined;
  before: (command: TableCommand) => void = () => {};
  /** Answers to questions are cut off. */
  silent = false;
  readonly #queue: Uint8Array[] = [];

  send(bytes: Uint8Array): void {
    this.sends++;
    const { messages, problem } = splitMessages(bytes.slice());
    if (problem !== undefined) throw new Error(problem);
    for (const message of messages) this.#take(message);
  }

  receive(): Uint8Array | undefined {
    return this.#queue.shift();
  }

  close(): void {
    this.closed = true;
  }

  #take(message: NetlinkMessage): void {
    if (message.type !== FAMILY) throw new Error(`Message of family ${message.type}`);
    const number = accept(readCommandNumber(message));
    if (number === IPVS_CMD_GET_SERVICE || number === IPVS_CMD_GET_DEST) {
      if (!this.silent) this.#dump(number, message);
      return;
    }
    const command = commandOf(number, message);
    this.commands.push(command);
    this.before(command);
    const fault = this.fault(command);
    const errno = typeof fault === "number" ? fault : this.#carryOut(command);
    if (fault === "lost") return;
    const writer = new MessageWriter();
    writer.begin(NLMSG_ERROR, NLM_F_CAPPED, message.sequence).u32(-errno >>> 0);
    writer.u32(20).u16(FAMILY).u16(5).u32(message.sequence).u32(0).end();
    const answer = writer.finish().slice();
    this.#queue.push(fault === "half" ? answer.subarray(0, 18) : answer);
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

  #dump(number: number, message: NetlinkMessage): void {
    const writer = new MessageWriter();
    const { sequence } = message;
    if (number === IPVS_CMD_GET_SERVICE) {
      this.reads++;
      for (const { service } of this.model.table.values()) {
        encodeCommand(writer, FAMILY, sequence, { kind: "add-service", service });
      }
    } else {
      const service = accept(readServiceKey(message));
      for (const destination of this.destinations(service).values()) {
        const said = { kind: "add-destination", service, destination } as const;
        encodeCommand(writer, FAMILY, sequence, said);
      }
    }
    writer.begin(NLMSG_DONE, 2, sequence).u32(0).end();
    this.#queue.push(writer.finish().slice());
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
