/**
 * Commands to the kernel's load balancer as bytes. Every command asks for an acknowledgement; a
 * command about a destination carries no more of its service than the key, which is half the
 * bytes of what `ipvsadm` sends. Attributes stand in `ipvsadm`'s order.
 *
 *     netlink header | generic header | SERVICE { AF PROTOCOL ADDR PORT … } | DEST { … }
 *
 * @module
 */

import { parseIp } from "../ip/mod.ts";
import {
  AF_INET,
  AF_INET6,
  beginGeneric,
  HEADER_LENGTH,
  MessageWriter,
  NLM_F_ACK,
  NLM_F_DUMP,
  NLM_F_REQUEST,
  viewOf,
} from "../netlink/mod.ts";
import * as C from "./constants.ts";
import {
  type Destination,
  type DestinationKey,
  type Family,
  type Protocol,
  type Service,
  type ServiceKey,
  type SyncDaemon,
  type Timeouts,
  wholeNetmask,
} from "./model.ts";

/** One change of the kernel's state. */
export type Command =
  | { readonly kind: "add-service" | "set-service"; readonly service: Service }
  | { readonly kind: "delete-service"; readonly service: ServiceKey }
  | {
    readonly kind: "add-destination" | "set-destination";
    readonly service: ServiceKey;
    readonly destination: Destination;
  }
  | {
    readonly kind: "delete-destination";
    readonly service: ServiceKey;
    readonly destination: DestinationKey;
  }
  | { readonly kind: "start-daemon"; readonly daemon: SyncDaemon }
  | { readonly kind: "stop-daemon"; readonly role: SyncDaemon["role"] }
  | { readonly kind: "set-timeouts"; readonly timeouts: Timeouts }
  /** Counters back to zero: of one service and its destinations, or (`null`) of everything. */
  | { readonly kind: "zero"; readonly service: ServiceKey | null }
  /** Every service and destination goes. */
  | { readonly kind: "flush" };

/** A question to the kernel. `destinations`: those of one service. */
export type Question =
  | { readonly kind: "services" }
  | { readonly kind: "destinations"; readonly service: ServiceKey }
  | { readonly kind: "daemons" }
  | { readonly kind: "timeouts" }
  | { readonly kind: "info" };

const COMMANDS: Readonly<Record<Command["kind"], number>> = {
  "add-service": C.IPVS_CMD_NEW_SERVICE,
  "set-service": C.IPVS_CMD_SET_SERVICE,
  "delete-service": C.IPVS_CMD_DEL_SERVICE,
  "add-destination": C.IPVS_CMD_NEW_DEST,
  "set-destination": C.IPVS_CMD_SET_DEST,
  "delete-destination": C.IPVS_CMD_DEL_DEST,
  "start-daemon": C.IPVS_CMD_NEW_DAEMON,
  "stop-daemon": C.IPVS_CMD_DEL_DAEMON,
  "set-timeouts": C.IPVS_CMD_SET_CONFIG,
  "zero": C.IPVS_CMD_ZERO,
  "flush": C.IPVS_CMD_FLUSH,
};

const PROTOCOL_NUMBERS: Readonly<Record<Protocol, number>> = {
  tcp: C.IPPROTO_TCP,
  udp: C.IPPROTO_UDP,
  sctp: C.IPPROTO_SCTP,
};

const FORWARD_NUMBERS: Readonly<Record<Destination["forward"], number>> = {
  nat: 0,
  local: 1,
  tunnel: 2,
  direct: 3,
  bypass: 4,
};

const TUNNEL_NUMBERS = { ipip: 0, gue: 1, gre: 2 } as const;

/**
 * Appends a command with a request for an acknowledgement.
 *
 * @param family number of the generic netlink family IPVS in this kernel
 * @throws {RangeError} for an address that is none
 */
export function encodeCommand(
  writer: MessageWriter,
  family: number,
  sequence: number,
  command: Command,
): void {
  const flags = NLM_F_REQUEST | NLM_F_ACK;
  beginGeneric(writer, family, flags, sequence, COMMANDS[command.kind], C.IPVS_VERSION);
  switch (command.kind) {
    case "add-service":
    case "set-service":
      writeService(writer, command.service);
      break;
    case "delete-service":
      writeServiceKey(writer, command.service);
      break;
    case "add-destination":
    case "set-destination":
      writeServiceKey(writer, command.service);
      writeDestination(writer, command.destination);
      break;
    case "delete-destination": {
      writeServiceKey(writer, command.service);
      const nested = writer.beginNested(C.IPVS_CMD_ATTR_DEST);
      writeDestinationKey(writer, command.destination);
      writer.endNested(nested);
      break;
    }
    case "start-daemon":
      writeDaemon(writer, command.daemon);
      break;
    case "stop-daemon": {
      const nested = writer.beginNested(C.IPVS_CMD_ATTR_DAEMON);
      writer.attributeU32(C.IPVS_DAEMON_ATTR_STATE, roleNumber(command.role)).endNested(nested);
      break;
    }
    case "set-timeouts":
      writer.attributeU32(C.IPVS_CMD_ATTR_TIMEOUT_TCP, command.timeouts.tcp);
      writer.attributeU32(C.IPVS_CMD_ATTR_TIMEOUT_TCP_FIN, command.timeouts.tcpFin);
      writer.attributeU32(C.IPVS_CMD_ATTR_TIMEOUT_UDP, command.timeouts.udp);
      break;
    case "zero":
      if (command.service !== null) writeServiceKey(writer, command.service);
      break;
    case "flush":
      break;
  }
  writer.end();
}

/**
 * Appends a question. Services, destinations and daemons are answered by a dump; timeouts and info
 * by one message and an acknowledgement.
 */
export function encodeQuestion(
  writer: MessageWriter,
  family: number,
  sequence: number,
  question: Question,
): void {
  const ask = (command: number, flags: number) =>
    beginGeneric(writer, family, NLM_F_REQUEST | flags, sequence, command, C.IPVS_VERSION);
  switch (question.kind) {
    case "services":
      ask(C.IPVS_CMD_GET_SERVICE, NLM_F_DUMP);
      break;
    case "destinations":
      ask(C.IPVS_CMD_GET_DEST, NLM_F_DUMP);
      writeServiceKey(writer, question.service);
      break;
    case "daemons":
      ask(C.IPVS_CMD_GET_DAEMON, NLM_F_DUMP);
      break;
    case "timeouts":
      ask(C.IPVS_CMD_GET_CONFIG, NLM_F_ACK);
      break;
    case "info":
      ask(C.IPVS_CMD_GET_INFO, NLM_F_ACK);
      break;
  }
  writer.end();
}

/** The service of the last command: thousands of destinations in a row have the same. */
let last: { readonly key: ServiceKey; readonly bytes: Uint8Array } | undefined;

function writeServiceKey(writer: MessageWriter, key: ServiceKey): void {
  if (last?.key !== key) {
    const scratch = new MessageWriter(64);
    // A message of its own, for the sake of its attributes.
    scratch.begin(0, 0, 0);
    const nested = scratch.beginNested(C.IPVS_CMD_ATTR_SERVICE);
    writeKey(scratch, key);
    scratch.endNested(nested).end();
    last = { key, bytes: scratch.finish().subarray(HEADER_LENGTH) };
  }
  writer.raw(last.bytes);
}

function writeKey(writer: MessageWriter, key: ServiceKey): void {
  writer.attributeU16(C.IPVS_SVC_ATTR_AF, familyNumber(key.family));
  if ("mark" in key) {
    writer.attributeU32(C.IPVS_SVC_ATTR_FWMARK, key.mark);
  } else {
    writer.attributeU16(C.IPVS_SVC_ATTR_PROTOCOL, PROTOCOL_NUMBERS[key.protocol]);
    writer.attribute(C.IPVS_SVC_ATTR_ADDR, unionAddress(key.family, key.address));
    writer.attributePort(C.IPVS_SVC_ATTR_PORT, key.port);
  }
}

function writeService(writer: MessageWriter, service: Service): void {
  const { key, persistence } = service;
  const nested = writer.beginNested(C.IPVS_CMD_ATTR_SERVICE);
  writeKey(writer, key);
  writer.attributeText(C.IPVS_SVC_ATTR_SCHED_NAME, service.scheduler);
  if (service.engine !== "") writer.attributeText(C.IPVS_SVC_ATTR_PE_NAME, service.engine);
  const flags = (persistence === null ? 0 : C.IP_VS_SVC_F_PERSISTENT) |
    (service.onePacket ? C.IP_VS_SVC_F_ONEPACKET : 0) |
    (service.schedulerFlags << C.SCHEDULER_FLAGS_SHIFT);
  // struct ip_vs_flags: the bits, and which of them are meant: all.
  const bits = new Uint8Array(8);
  viewOf(bits).setUint32(0, flags, true);
  viewOf(bits).setUint32(4, 0xffffffff, true);
  writer.attribute(C.IPVS_SVC_ATTR_FLAGS, bits);
  writer.attributeU32(C.IPVS_SVC_ATTR_TIMEOUT, persistence?.timeout ?? 0);
  const netmask = new Uint8Array(4);
  // An IPv4 mask is in network byte order, an IPv6 prefix length in the host's.
  viewOf(netmask).setUint32(0, persistence?.netmask ?? wholeNetmask(key.family), key.family === 6);
  writer.attribute(C.IPVS_SVC_ATTR_NETMASK, netmask).endNested(nested);
}

function writeDestinationKey(writer: MessageWriter, key: DestinationKey): void {
  writer.attributeU16(C.IPVS_DEST_ATTR_ADDR_FAMILY, familyNumber(key.family));
  writer.attribute(C.IPVS_DEST_ATTR_ADDR, unionAddress(key.family, key.address));
  writer.attributePort(C.IPVS_DEST_ATTR_PORT, key.port);
}

function writeDestination(writer: MessageWriter, destination: Destination): void {
  const { tunnel } = destination;
  const nested = writer.beginNested(C.IPVS_CMD_ATTR_DEST);
  writeDestinationKey(writer, destination.key);
  writer.attributeU32(C.IPVS_DEST_ATTR_FWD_METHOD, FORWARD_NUMBERS[destination.forward]);
  writer.attributeU32(C.IPVS_DEST_ATTR_WEIGHT, destination.weight);
  // Left out, the kernel takes IPIP; before Linux 5.3 it knows nothing else.
  if (tunnel !== null && (tunnel.type !== "ipip" || tunnel.flags !== 0)) {
    writer.attributeU8(C.IPVS_DEST_ATTR_TUN_TYPE, TUNNEL_NUMBERS[tunnel.type]);
    writer.attributePort(C.IPVS_DEST_ATTR_TUN_PORT, tunnel.port);
    writer.attributeU16(C.IPVS_DEST_ATTR_TUN_FLAGS, tunnel.flags);
  }
  writer.attributeU32(C.IPVS_DEST_ATTR_U_THRESH, destination.upperThreshold);
  writer.attributeU32(C.IPVS_DEST_ATTR_L_THRESH, destination.lowerThreshold);
  writer.endNested(nested);
}

function writeDaemon(writer: MessageWriter, daemon: SyncDaemon): void {
  const nested = writer.beginNested(C.IPVS_CMD_ATTR_DAEMON);
  writer.attributeU32(C.IPVS_DAEMON_ATTR_STATE, roleNumber(daemon.role));
  writer.attributeText(C.IPVS_DAEMON_ATTR_MCAST_IFN, daemon.interface);
  writer.attributeU32(C.IPVS_DAEMON_ATTR_SYNC_ID, daemon.id);
  if (daemon.maxLength > 0) {
    writer.attributeU16(C.IPVS_DAEMON_ATTR_SYNC_MAXLEN, daemon.maxLength);
  }
  // Unlike every other port of this family, this one is in the host's byte order.
  if (daemon.port > 0) writer.attributeU16(C.IPVS_DAEMON_ATTR_MCAST_PORT, daemon.port);
  if (daemon.ttl > 0) writer.attributeU8(C.IPVS_DAEMON_ATTR_MCAST_TTL, daemon.ttl);
  if (daemon.group !== "") {
    const group = bytesOf(daemon.group);
    const type = group.length === 4
      ? C.IPVS_DAEMON_ATTR_MCAST_GROUP
      : C.IPVS_DAEMON_ATTR_MCAST_GROUP6;
    writer.attribute(type, group);
  }
  writer.endNested(nested);
}

function roleNumber(role: SyncDaemon["role"]): number {
  return role === "master" ? C.IP_VS_STATE_MASTER : C.IP_VS_STATE_BACKUP;
}

function familyNumber(family: Family): number {
  return family === 4 ? AF_INET : AF_INET6;
}

function bytesOf(address: string): Uint8Array<ArrayBuffer> {
  const bytes = parseIp(address);
  if (bytes === undefined) throw new RangeError(`Cannot encode "${address}": not an IP address`);
  return bytes;
}

const union = new Uint8Array(16);

/**
 * `union nf_inet_addr`: sixteen bytes, of which an IPv4 address fills the first four. Valid until
 * the next call.
 */
function unionAddress(family: Family, address: string): Uint8Array {
  const bytes = bytesOf(address);
  if (bytes.length !== (family === 4 ? 4 : 16)) {
    throw new RangeError(`Cannot encode "${address}": not an IPv${family} address`);
  }
  if (bytes.length === 16) return bytes;
  // The rest stays zero: nothing longer is ever put here.
  union.set(bytes);
  return union;
}
