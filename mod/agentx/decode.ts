/**
 * Bytes of AgentX as messages (RFC 2741 sections 5 and 6.1), in either byte order. Hostile input is
 * normal input: what is not a message of this protocol is refused with the reason.
 *
 * @module
 */

import { HEADER, INTERNET, NETWORK_BYTE_ORDER, NON_DEFAULT_CONTEXT } from "./encode.ts";
import { VALUE_TYPES, VERSION } from "./encode.ts";
import { MOST_SUBIDS, type Oid } from "./oid.ts";
import {
  type Body,
  CLOSE_REASONS,
  type Pdu,
  type SearchRange,
  TYPES,
  type Value,
  type VarBind,
} from "./pdu.ts";

/** Longest message that is read, bytes. */
export const LONGEST_PDU = 64 * 1024;

/** What came is no message, in words. */
export class Malformed extends Error {}

const NAMES = new Map(Object.entries(TYPES).map(([name, type]) => [type as number, name]));
const VALUE_NAMES = new Map(
  Object.entries(VALUE_TYPES).map(([name, type]) => [type as number, name as Value["type"]]),
);

class Reader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #little: boolean;
  #at: number;

  constructor(bytes: Uint8Array, at: number, bigEndian: boolean) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#little = !bigEndian;
    this.#at = at;
  }

  get done(): boolean {
    return this.#at >= this.#bytes.length;
  }

  #take(count: number): number {
    const at = this.#at;
    if (count > this.#bytes.length - at) throw new Malformed("ends in the middle of a field");
    this.#at += count;
    return at;
  }

  u8(): number {
    return this.#bytes[this.#take(1)]!;
  }

  u16(): number {
    return this.#view.getUint16(this.#take(2), this.#little);
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4), this.#little);
  }

  i32(): number {
    return this.u32() | 0;
  }

  u64(): bigint {
    return this.#view.getBigUint64(this.#take(8), this.#little);
  }

  skip(count: number): void {
    this.#take(count);
  }

  oid(): { readonly oid: Oid; readonly include: boolean } {
    const [count, prefix, include] = [this.u8(), this.u8(), this.u8()];
    this.skip(1);
    const oid: number[] = prefix === 0 ? [] : [...INTERNET, prefix];
    if (oid.length + count > MOST_SUBIDS) throw new Malformed("an identifier is too long");
    for (let i = 0; i < count; i++) oid.push(this.u32());
    return { oid, include: include !== 0 };
  }

  octets(): Uint8Array<ArrayBuffer> {
    const length = this.u32();
    const at = this.#take(length);
    this.#take(-length & 3);
    return this.#bytes.slice(at, at + length);
  }

  text(): string {
    return new TextDecoder().decode(this.octets());
  }

  ranges(): SearchRange[] {
    const ranges: SearchRange[] = [];
    while (!this.done) {
      const { oid: start, include } = this.oid();
      ranges.push({ start, include, end: this.oid().oid });
    }
    return ranges;
  }

  varBinds(): VarBind[] {
    const varBinds: VarBind[] = [];
    while (!this.done) {
      const type = this.u16();
      this.skip(2);
      const { oid: name } = this.oid();
      varBinds.push({ name, value: this.#value(type) });
    }
    return varBinds;
  }

  #value(code: number): Value {
    const type = VALUE_NAMES.get(code);
    switch (type) {
      case undefined:
        throw new Malformed(`a value is of type ${code}`);
      case "integer":
        return { type, value: this.i32() };
      case "counter32":
      case "gauge32":
      case "timeticks":
        return { type, value: this.u32() };
      case "counter64":
        return { type, value: this.u64() };
      case "octets":
      case "ip_address":
      case "opaque":
        return { type, value: this.octets() };
      case "oid":
        return { type, value: this.oid().oid };
      default:
        return { type };
    }
  }
}

/**
 * How long the message is that `bytes` begin with; undefined: too little has come to say.
 *
 * @throws {Malformed} where no message begins so
 */
export function pduLength(bytes: Uint8Array): number | undefined {
  if (bytes.length >= 1 && bytes[0] !== VERSION) throw new Malformed(`is of version ${bytes[0]}`);
  if (bytes.length < HEADER) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, HEADER);
  const payload = view.getUint32(HEADER - 4, (bytes[2]! & NETWORK_BYTE_ORDER) === 0);
  if (payload % 4 !== 0) throw new Malformed(`has a payload of ${payload} bytes`);
  if (payload > LONGEST_PDU - HEADER) throw new Malformed(`is longer than ${LONGEST_PDU} bytes`);
  return HEADER + payload;
}

/** @param bytes exactly one message, see `pduLength` @throws {Malformed} */
export function decodePdu(bytes: Uint8Array): Pdu {
  if (bytes.length < HEADER) throw new Malformed("is shorter than its header");
  const [, code = 0, flags = 0] = bytes;
  const bigEndian = (flags & NETWORK_BYTE_ORDER) !== 0;
  const header = new Reader(bytes, 4, bigEndian);
  const [session, transaction, packet] = [header.u32(), header.u32(), header.u32()];
  const input = new Reader(bytes, HEADER, bigEndian);
  const context = (flags & NON_DEFAULT_CONTEXT) === 0 ? undefined : input.text();
  const body = readBody(input, NAMES.get(code) as Body["type"] | undefined, code);
  return {
    session,
    transaction,
    packet,
    bigEndian,
    ...(context === undefined ? {} : { context }),
    body,
  };
}

function readBody(input: Reader, type: Body["type"] | undefined, code: number): Body {
  switch (type) {
    case undefined:
      throw new Malformed(`is of type ${code}`);
    case "open": {
      const timeout = input.u8();
      input.skip(3);
      return { type, timeout, id: input.oid().oid, description: input.text() };
    }
    case "close": {
      const reason = CLOSE_REASONS[input.u8() - 1] ?? "unknown";
      return { type, reason };
    }
    case "register":
    case "unregister": {
      const [timeout, priority] = [input.u8(), input.u8()];
      input.skip(2);
      return { type, timeout, priority, subtree: input.oid().oid };
    }
    case "get":
    case "get_next":
      return { type, ranges: input.ranges() };
    case "get_bulk": {
      const [nonRepeaters, maxRepetitions] = [input.u16(), input.u16()];
      return { type, nonRepeaters, maxRepetitions, ranges: input.ranges() };
    }
    case "test_set":
    case "notify":
      return { type, varBinds: input.varBinds() };
    case "response": {
      const [sysUpTime, error, index] = [input.u32(), input.u16(), input.u16()];
      return { type, sysUpTime, error, index, varBinds: input.varBinds() };
    }
    default:
      return { type };
  }
}
