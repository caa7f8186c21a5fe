/**
 * HPACK (RFC 7541), as much as a client of one request needs. It says in its SETTINGS that its
 * dynamic table has no room, so that decoding keeps nothing: static entries, literals, Huffman
 * codes. Encoding writes literals as they are.
 *
 * @module
 */

import { concatenate, utf8 } from "./conversation.ts";

/** One header field. */
export type Field = readonly [name: string, value: string];

/** Bytes of names and values, 32 more for each field (RFC 9113 section 6.5.2), that are accepted. */
export const LONGEST_FIELDS = 65_536;

/** RFC 7541 appendix A. */
const STATIC_TABLE: readonly Field[] =
  (":authority|:method=GET|:method=POST|:path=/|:path=/index.html|:scheme=http|:scheme=https|" +
    ":status=200|:status=204|:status=206|:status=304|:status=400|:status=404|:status=500|" +
    "accept-charset|accept-encoding=gzip, deflate|accept-language|accept-ranges|accept|" +
    "access-control-allow-origin|age|allow|authorization|cache-control|content-disposition|" +
    "content-encoding|content-language|content-length|content-location|content-range|" +
    "content-type|cookie|date|etag|expect|expires|from|host|if-match|if-modified-since|" +
    "if-none-match|if-range|if-unmodified-since|last-modified|link|location|max-forwards|" +
    "proxy-authenticate|proxy-authorization|range|referer|refresh|retry-after|server|set-cookie|" +
    "strict-transport-security|transfer-encoding|user-agent|vary|via|www-authenticate")
    .split("|").map((entry) => {
      const [name, value] = entry.split("=");
      return [name!, value ?? ""];
    });

/**
 * Lengths of the codes of RFC 7541 appendix B, for the bytes 0 to 255 and the end, one character
 * each in base 36. The codes follow: they are numbered by length, then by byte.
 */
const CODE_LENGTHS = "dnsssssssoussussssssssusssssssss6aacd68baa8b8666555666666678f6ca" +
  "d67777777777777777777777878djde6f56565666577666567655677777fbeds" +
  "kmkkmmmnmnnnnnonoomnonnnnlmnmnnomlkmmnnlnmmolmnnllmlnmnnkmmmnmmn" +
  "qqkjmnmpqqqrrqopjlqrrqrollqqsrrrkoklmllnmmppooqnqrqqrrrrrsrrrrrq" +
  "u";
const END = 256;
const LONGEST_CODE = 30;

/** For each length: its first code, and the symbols that have codes of that length, in order. */
const codes: { first: number; symbols: number[] }[] = [];
{
  let code = 0;
  for (let length = 0; length <= LONGEST_CODE; length++) {
    const symbols = [...CODE_LENGTHS].flatMap((digit, symbol) =>
      parseInt(digit, 36) === length ? [symbol] : []
    );
    codes.push({ first: code, symbols });
    code = (code + symbols.length) * 2;
  }
}

/** `null`: not a Huffman text (RFC 7541 section 5.2). */
export function decodeHuffman(bytes: Uint8Array): Uint8Array | null {
  const out: number[] = [];
  let code = 0;
  let length = 0;
  for (const byte of bytes) {
    for (let bit = 7; bit >= 0; bit--) {
      code = (code << 1) | ((byte >> bit) & 1);
      length++;
      const { first, symbols } = codes[length]!;
      const symbol = symbols[code - first];
      if (symbol === END) return null;
      if (symbol !== undefined && code >= first) {
        out.push(symbol);
        code = length = 0;
      } else if (length >= LONGEST_CODE) return null;
    }
  }
  // What is left must be padding: fewer than eight ones.
  return length < 8 && code === 2 ** length - 1 ? Uint8Array.from(out) : null;
}

/** The fields of a block, or what is wrong with it. */
export function decodeFields(block: Uint8Array): Field[] | string {
  const fields: Field[] = [];
  let at = 0;
  let size = 0;
  /** An integer of RFC 7541 section 5.1 with a prefix of so many bits; -1: it does not end. */
  function integer(bits: number): number {
    const most = 2 ** bits - 1;
    let value = block[at++]! & most;
    if (value < most) return value;
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = block[at++];
      if (byte === undefined) return -1;
      value += (byte & 127) * 2 ** shift;
      if (byte < 128) return value;
    }
    return -1;
  }
  function string(): string | null {
    const byte = block[at];
    if (byte === undefined) return null;
    const length = integer(7);
    if (length < 0 || at + length > block.length) return null;
    const raw = block.subarray(at, at += length);
    const plain = byte >= 128 ? decodeHuffman(raw) : raw;
    return plain === null ? null : String.fromCharCode(...plain);
  }
  while (at < block.length) {
    const byte = block[at]!;
    let field: Field;
    if (byte >= 128) {
      const known = STATIC_TABLE[integer(7) - 1];
      if (known === undefined) return "a header refers to nothing";
      field = known;
    } else if (byte >= 64 || byte < 32) {
      // With indexing, without, or never: the same for who has no table.
      const index = integer(byte >= 64 ? 6 : 4);
      const name = index === 0 ? string() : STATIC_TABLE[index - 1]?.[0] ?? null;
      const value = name === null ? null : string();
      if (name === null || value === null) return "a header makes no sense";
      field = [name, value];
    } else {
      if (integer(5) !== 0) return "the server enlarges our table of headers";
      continue;
    }
    size += field[0].length + field[1].length + 32;
    if (size > LONGEST_FIELDS) return `the headers are longer than ${LONGEST_FIELDS} bytes`;
    fields.push(field);
  }
  return fields;
}

function encodeString(text: string): Uint8Array {
  const bytes = utf8(text);
  const head: number[] = [];
  let rest = bytes.length - 127;
  if (rest < 0) head.push(bytes.length);
  else {
    head.push(127);
    for (; rest >= 128; rest = rest >>> 7) head.push((rest & 127) | 128);
    head.push(rest);
  }
  return concatenate([Uint8Array.from(head), bytes]);
}

/** Literals without indexing, names in small letters. */
export function encodeFields(fields: readonly Field[]): Uint8Array {
  return concatenate(fields.flatMap(([name, value]) => [
    Uint8Array.of(0),
    encodeString(name.toLowerCase()),
    encodeString(value),
  ]));
}
