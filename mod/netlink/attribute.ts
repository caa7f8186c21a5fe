/**
 * Attributes: type-length-value records that follow the fixed part of a payload. The kernel adds
 * new ones in every release, so unknown types are kept and ignored; a length that does not fit is
 * the end of trust in the whole message. Of an attribute given twice the last one counts.
 *
 * @module
 */

import { AF_INET, AF_INET6 } from "./constants.ts";
import { align, type Decoded, viewOf } from "./frame.ts";

/** The two upper bits of the type are flags (nested, network byte order). */
const TYPE_MASK = 0x3fff;

/** Attributes of one message by type. */
export type Attributes = ReadonlyMap<number, Uint8Array>;

/** Reads the attributes from `offset` to the end of the payload. */
export function readAttributes(payload: Uint8Array, offset: number): Decoded<Attributes> {
  const view = viewOf(payload);
  const attributes = new Map<number, Uint8Array>();
  let at = offset;
  while (at < payload.length) {
    const left = payload.length - at;
    if (left < 4) return { ok: false, reason: `Cannot read attribute: ${left} bytes left` };
    const length = view.getUint16(at, true);
    if (length < 4 || length > left) {
      return { ok: false, reason: `Cannot read attribute: length ${length} of ${left} bytes` };
    }
    attributes.set(view.getUint16(at + 2, true) & TYPE_MASK, payload.subarray(at + 4, at + length));
    at += align(length);
  }
  return { ok: true, value: attributes };
}

/** A 32-bit attribute; `undefined` where it is absent or too short. */
export function readU32(attributes: Attributes, type: number): number | undefined {
  const bytes = attributes.get(type);
  if (bytes === undefined || bytes.length < 4) return undefined;
  return viewOf(bytes).getUint32(0, true);
}

/** An 8-bit attribute; `undefined` where it is absent or empty. */
export function readU8(attributes: Attributes, type: number): number | undefined {
  return attributes.get(type)?.[0];
}

/** A 16-bit attribute; `undefined` where it is absent or too short. */
export function readU16(attributes: Attributes, type: number): number | undefined {
  const bytes = attributes.get(type);
  if (bytes === undefined || bytes.length < 2) return undefined;
  return viewOf(bytes).getUint16(0, true);
}

/** A 16-bit attribute in network byte order, as ports are. */
export function readPort(attributes: Attributes, type: number): number | undefined {
  const bytes = attributes.get(type);
  if (bytes === undefined || bytes.length < 2) return undefined;
  return viewOf(bytes).getUint16(0, false);
}

/**
 * A 64-bit counter as a number: exact up to 2⁵³, which at 100 Gbit/s is reached after eight days
 * of bytes; past that it is rounded. `undefined` where it is absent or too short.
 */
export function readU64(attributes: Attributes, type: number): number | undefined {
  const bytes = attributes.get(type);
  if (bytes === undefined || bytes.length < 8) return undefined;
  const view = viewOf(bytes);
  return view.getUint32(4, true) * 2 ** 32 + view.getUint32(0, true);
}

/** The attributes inside an attribute; `undefined` where it is absent. */
export function readNested(
  attributes: Attributes,
  type: number,
): Decoded<Attributes> | undefined {
  const bytes = attributes.get(type);
  return bytes === undefined ? undefined : readAttributes(bytes, 0);
}

/** A string attribute up to its terminating zero; `undefined` where it is absent. */
export function readText(attributes: Attributes, type: number): string | undefined {
  const bytes = attributes.get(type);
  if (bytes === undefined) return undefined;
  const zero = bytes.indexOf(0);
  return new TextDecoder().decode(zero < 0 ? bytes : bytes.subarray(0, zero));
}

/**
 * Reads what payloads of addresses and routes begin with: a fixed part whose first byte is the
 * family, then attributes.
 *
 * @param what such as `route`, for the reason of a refusal
 * @param length of the fixed part, bytes
 */
export function readFamilyHeader(
  what: string,
  payload: Uint8Array,
  length: number,
): Decoded<{ readonly family: 4 | 6; readonly attributes: Attributes }> {
  if (payload.length < length) {
    return { ok: false, reason: `Cannot read ${what}: ${payload.length} bytes, need ${length}` };
  }
  const family = payload[0] === AF_INET ? 4 : payload[0] === AF_INET6 ? 6 : undefined;
  if (family === undefined) {
    return { ok: false, reason: `Cannot read ${what}: family is ${payload[0]}` };
  }
  const parsed = readAttributes(payload, length);
  return parsed.ok ? { ok: true, value: { family, attributes: parsed.value } } : parsed;
}
