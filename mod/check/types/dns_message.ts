/**
 * DNS messages (RFC 1035): a question as bytes, an answer as data.
 *
 * ```text
 *  +-----+--+------+--+--+--+--+---+-----+--------+--------+---------+---------+
 *  | ID  |QR|Opcode|AA|TC|RD|RA| Z |RCODE|QDCOUNT | ANCOUNT| NSCOUNT | ARCOUNT |
 *  +-----+--+------+--+--+--+--+---+-----+--------+--------+---------+---------+
 *  | question: name, type, class | answers: name, type, class, TTL, length, data …
 * ```
 *
 * @module
 */

import { formatIp } from "../../ip/mod.ts";
import { concatenate } from "./conversation.ts";

/** Types by name, and their numbers. */
export const RECORD_TYPES: Readonly<Record<string, number>> = {
  A: 1,
  NS: 2,
  CNAME: 5,
  SOA: 6,
  PTR: 12,
  MX: 15,
  TXT: 16,
  AAAA: 28,
  SRV: 33,
  DS: 43,
  DNSKEY: 48,
  SVCB: 64,
  HTTPS: 65,
  CAA: 257,
};

/** Answer codes (RFC 6895). */
export const RESPONSE_CODES = [
  "NOERROR",
  "FORMERR",
  "SERVFAIL",
  "NXDOMAIN",
  "NOTIMP",
  "REFUSED",
  "YXDOMAIN",
  "YXRRSET",
  "NXRRSET",
  "NOTAUTH",
  "NOTZONE",
] as const;

const HEADER = 12;
const INTERNET = 1;
const LONGEST_NAME = 255;
const LONGEST_LABEL = 63;

/** What is asked. */
export interface Question {
  /** 0 to 65535. */
  readonly id: number;
  /** As it is written, without regard to a dot at its end; `.` is the root. */
  readonly name: string;
  readonly type: number;
}

/** An answer. */
export interface DnsAnswer {
  /** `NOERROR`, or the number where it has no name. */
  readonly code: string;
  readonly truncated: boolean;
  readonly records: readonly { readonly type: number; readonly text: string }[];
}

/** The labels of a name as bytes. `null`: not a name. */
export function encodeName(name: string): Uint8Array | null {
  const plain = name.endsWith(".") ? name.slice(0, -1) : name;
  if (plain === "") return name === "." ? Uint8Array.of(0) : null;
  const labels = plain.split(".").map((label) => new TextEncoder().encode(label));
  if (labels.some(({ length }) => length < 1 || length > LONGEST_LABEL)) return null;
  const bytes = concatenate([
    ...labels.flatMap((label) => [Uint8Array.of(label.length), label]),
    Uint8Array.of(0),
  ]);
  return bytes.length > LONGEST_NAME ? null : bytes;
}

/** A question with the wish for recursion. @throws {TypeError} where the name is none */
export function encodeQuestion({ id, name, type }: Question): Uint8Array {
  const encoded = encodeName(name);
  if (encoded === null) throw new TypeError(`Not a name of DNS: ${JSON.stringify(name)}`);
  const bytes = new Uint8Array(HEADER + encoded.length + 4);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, id);
  view.setUint16(2, 0x0100);
  view.setUint16(4, 1);
  bytes.set(encoded, HEADER);
  view.setUint16(HEADER + encoded.length, type);
  view.setUint16(HEADER + encoded.length + 2, INTERNET);
  return bytes;
}

/** Reads a message from its start; every method returns `null` where it ends too early. */
class Reader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  uint16(): number | null {
    if (this.at + 2 > this.#bytes.length) return null;
    this.at += 2;
    return this.#view.getUint16(this.at - 2);
  }

  uint32(): number | null {
    if (this.at + 4 > this.#bytes.length) return null;
    this.at += 4;
    return this.#view.getUint32(this.at - 4);
  }

  take(length: number): Uint8Array | null {
    if (this.at + length > this.#bytes.length) return null;
    this.at += length;
    return this.#bytes.subarray(this.at - length, this.at);
  }

  /** A name with its dot; pointers may only lead back, so that they end. */
  name(): string | null {
    let text = "";
    let at = this.at;
    let after = -1;
    let before = at;
    for (;;) {
      const length = this.#bytes[at];
      if (length === undefined) return null;
      if (length >= 192) {
        const low = this.#bytes[at + 1];
        if (low === undefined) return null;
        if (after === -1) after = at + 2;
        at = ((length & 63) << 8) | low;
        if (at >= before) return null;
        before = at;
        continue;
      }
      if (length > LONGEST_LABEL || at + 1 + length > this.#bytes.length) return null;
      at++;
      if (length === 0) break;
      text += `${label(this.#bytes.subarray(at, at + length))}.`;
      at += length;
      if (text.length > 4 * LONGEST_NAME) return null;
    }
    this.at = after === -1 ? at : after;
    return text === "" ? "." : text;
  }
}

/** A label as zone files write it: what is not plain ASCII as `\DDD`. */
function label(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => {
    if (byte === 0x2e || byte === 0x5c) return `\\${String.fromCharCode(byte)}`;
    return byte > 0x20 && byte < 0x7f
      ? String.fromCharCode(byte)
      : `\\${byte.toString().padStart(3, "0")}`;
  }).join("").toLowerCase();
}

/** The text of a TXT record: its strings, in quotes. */
function strings(data: Uint8Array): string | null {
  const texts: string[] = [];
  for (let at = 0; at < data.length;) {
    const length = data[at]!;
    if (at + 1 + length > data.length) return null;
    texts.push(`"${new TextDecoder().decode(data.subarray(at + 1, at + 1 + length))}"`);
    at += 1 + length;
  }
  return texts.join(" ");
}

/** The data of a record as zone files write it; unknown types as RFC 3597 does. */
function dataText(reader: Reader, type: number, length: number): string | null {
  const end = reader.at + length;
  const parts: (string | number | null)[] = [];
  if (type === 1 || type === 28) {
    const bytes = reader.take(length);
    return bytes === null ? null : formatIp(bytes.slice()) ?? null;
  }
  if (type === 2 || type === 5 || type === 12) parts.push(reader.name());
  else if (type === 15) parts.push(reader.uint16(), reader.name());
  else if (type === 33) {
    parts.push(reader.uint16(), reader.uint16(), reader.uint16(), reader.name());
  } else if (type === 6) {
    parts.push(reader.name(), reader.name());
    for (let i = 0; i < 5; i++) parts.push(reader.uint32());
  } else {
    const bytes = reader.take(length);
    if (bytes === null) return null;
    if (type === 16) return strings(bytes);
    const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
    return `\\# ${length}${length > 0 ? ` ${hex}` : ""}`;
  }
  return parts.includes(null) || reader.at !== end ? null : parts.join(" ");
}

/**
 * Reads an answer to that question. A text says what is wrong with it; `null`: it answers another
 * question, or is none, and the right one may still come.
 */
export function decodeAnswer(bytes: Uint8Array, question: Question): DnsAnswer | string | null {
  const reader = new Reader(bytes);
  const [id, flags, questions, answers] = [
    reader.uint16(),
    reader.uint16(),
    reader.uint16(),
    reader.uint16(),
  ];
  if (answers === null || id !== question.id || (flags! & 0x8000) === 0) return null;
  reader.at = HEADER;
  if (bytes.length < HEADER) return null;
  const rcode = flags! & 15;
  const code = RESPONSE_CODES[rcode] ?? `code ${rcode}`;
  const truncated = (flags! & 0x0200) !== 0;
  // Servers that refuse may leave the question out.
  if (questions === 0 && rcode !== 0) return { code, truncated, records: [] };
  if (questions !== 1) return "the answer does not repeat the question";
  const name = reader.name();
  const type = reader.uint16();
  const wanted = new Reader(encodeName(question.name) ?? Uint8Array.of(0)).name();
  if (name !== wanted || type !== question.type || reader.uint16() !== INTERNET) return null;
  const records: { type: number; text: string }[] = [];
  for (let i = 0; i < answers; i++) {
    reader.name();
    const type = reader.uint16();
    const kind = reader.uint16();
    const ttl = reader.uint32();
    const length = reader.uint16();
    if (type === null || kind === null || ttl === null || length === null) {
      // A server may cut anywhere as long as it says so.
      return truncated ? { code, truncated, records } : "the answer ends too early";
    }
    const end = reader.at + length;
    const text = dataText(reader, type, length);
    if (text === null) return truncated ? { code, truncated, records } : "a record makes no sense";
    reader.at = end;
    records.push({ type, text });
  }
  return { code, truncated, records };
}
