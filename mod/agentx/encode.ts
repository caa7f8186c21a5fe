/**
 * Messages of AgentX as bytes (RFC 2741 sections 5 and 6.1), in either byte order.
 *
 * @module
 */

import { isUnder, type Oid } from "./oid.ts";
import {
  type Body,
  CLOSE_REASONS,
  type Pdu,
  type SearchRange,
  TYPES,
  type Value,
  type VarBind,
} from "./pdu.ts";

export const HEADER = 20;
export const VERSION = 1;
/** h.flags. */
export const NON_DEFAULT_CONTEXT = 0x08;
export const NETWORK_BYTE_ORDER = 0x10;

/** v.type by what it is called here (section 5.4). */
export const VALUE_TYPES = {
  integer: 2,
  octets: 4,
  null: 5,
  oid: 6,
  ip_address: 64,
  counter32: 65,
  gauge32: 66,
  timeticks: 67,
  opaque: 68,
  counter64: 70,
  no_such_object: 128,
  no_such_instance: 129,
  end_of_mib_view: 130,
} as const satisfies Record<Value["type"], number>;

/** Where short identifiers begin: `1.3.6.1`, then the byte `prefix`. */
export const INTERNET: Oid = [1, 3, 6, 1];

const TEXT = new TextEncoder();

/** Bytes that grow. */
class Writer {
  #bytes = new Uint8Array(256);
  #view = new DataView(this.#bytes.buffer);
  readonly #little: boolean;
  length = 0;

  constructor(bigEndian: boolean) {
    this.#little = !bigEndian;
  }

  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(0, this.length);
  }

  #grow(count: number): number {
    const at = this.length;
    this.length += count;
    if (this.length > this.#bytes.length) {
      const wider = new Uint8Array(Math.max(2 * this.#bytes.length, this.length));
      wider.set(this.#bytes);
      this.#bytes = wider;
      this.#view = new DataView(wider.buffer);
    }
    return at;
  }

  u8(...values: number[]): void {
    const at = this.#grow(values.length);
    values.forEach((value, i) => this.#view.setUint8(at + i, value));
  }

  u16(value: number): void {
    const at = this.#grow(2);
    this.#view.setUint16(at, value, this.#little);
  }

  u32(value: number): void {
    const at = this.#grow(4);
    this.#view.setUint32(at, value, this.#little);
  }

  u64(value: bigint): void {
    const at = this.#grow(8);
    this.#view.setBigUint64(at, value, this.#little);
  }

  /** Overwrites what stands there. */
  patch32(at: number, value: number): void {
    this.#view.setUint32(at, value, this.#little);
  }

  oid(oid: Oid, include = false): void {
    const byte = oid[INTERNET.length] ?? 0;
    const short = isUnder(oid, INTERNET) && byte >= 1 && byte <= 255;
    const subids = short ? oid.slice(INTERNET.length + 1) : oid;
    this.u8(subids.length, short ? byte : 0, include ? 1 : 0, 0);
    for (const subid of subids) this.u32(subid);
  }

  octets(bytes: Uint8Array): void {
    this.u32(bytes.length);
    const at = this.#grow(bytes.length + (-bytes.length & 3));
    this.#bytes.set(bytes, at);
  }

  ranges(ranges: readonly SearchRange[]): void {
    for (const { start, include, end } of ranges) {
      this.oid(start, include);
      this.oid(end);
    }
  }

  varBinds(varBinds: readonly VarBind[]): void {
    for (const varBind of varBinds) this.#varBind(varBind);
  }

  #varBind({ name, value }: VarBind): void {
    this.u16(VALUE_TYPES[value.type]);
    this.u16(0);
    this.oid(name);
    switch (value.type) {
      case "integer":
      case "counter32":
      case "gauge32":
      case "timeticks":
        this.u32(value.value);
        break;
      case "counter64":
        this.u64(value.value);
        break;
      case "octets":
      case "ip_address":
      case "opaque":
        this.octets(value.value);
        break;
      case "oid":
        this.oid(value.value);
    }
  }
}

function writeBody(out: Writer, body: Body): void {
  switch (body.type) {
    case "open":
      out.u8(body.timeout, 0, 0, 0);
      out.oid(body.id);
      return out.octets(TEXT.encode(body.description));
    case "close":
      return out.u8(CLOSE_REASONS.findIndex((reason) => reason === body.reason) + 1, 0, 0, 0);
    case "register":
    case "unregister":
      out.u8(body.timeout, body.priority, 0, 0);
      return out.oid(body.subtree);
    case "get_bulk":
      out.u16(body.nonRepeaters);
      out.u16(body.maxRepetitions);
      return out.ranges(body.ranges);
    case "get":
    case "get_next":
      return out.ranges(body.ranges);
    case "response":
      out.u32(body.sysUpTime);
      out.u16(body.error);
      out.u16(body.index);
      return out.varBinds(body.varBinds);
    case "test_set":
    case "notify":
      return out.varBinds(body.varBinds);
  }
}

/** One message as bytes. Its numbers must be in the ranges of their fields. */
export function encodePdu(pdu: Pdu): Uint8Array<ArrayBuffer> {
  const { session, transaction, packet, bigEndian, context, body } = pdu;
  const out = new Writer(bigEndian);
  const flags = (bigEndian ? NETWORK_BYTE_ORDER : 0) |
    (context === undefined ? 0 : NON_DEFAULT_CONTEXT);
  out.u8(VERSION, TYPES[body.type], flags, 0);
  for (const field of [session, transaction, packet, 0]) out.u32(field);
  if (context !== undefined) out.octets(TEXT.encode(context));
  writeBody(out, body);
  out.patch32(HEADER - 4, out.length - HEADER);
  return out.bytes;
}
