/**
 * Marks of virtual servers that take many addresses and ports for one service: the key `mark`, and
 * which packets get which mark.
 *
 * @module
 */

import * as v from "valibot";
import { bytesOfIp, formatIp, lastOf, networkOf } from "../mod/ip/mod.ts";
import { choice, documented, whole } from "./fields.ts";
import type { ListenConfig } from "./listen_fields.ts";
import { MOST_U32 } from "./network_fields.ts";

/** Most items of `listen` in all virtual servers with a mark: they are one batch of nftables. */
export const MOST_MARKED = 10_000;

/** Where marks begin that are made of names; few others use such large ones. */
const FIRST_MADE = 0x6800_0000;
const MADE_BITS = 24;

/** `mark`. */
export const MARK_SCHEMA = documented(
  v.union([
    choice(["auto"], { text: "A mark made of the name.", example: "auto" }),
    whole(1, MOST_U32, { text: "The mark.", example: 1000 }),
  ]),
  '"auto" or a mark',
  {
    text: "All of `listen` is one service of the kernel's, by a firewall mark that halb gives to " +
      "its packets by nftables: ranges of ports, networks of any size, one turn and one " +
      'persistence for all. `"auto"` makes the mark of the name, the same on every director; a ' +
      "number is the mark. Rules of others must leave these packets' marks alone.",
    range: `"auto", 1 to ${MOST_U32}`,
    example: "auto",
  },
);

/** The mark itself. */
export function markOf(mark: number | "auto", name: string): number {
  if (mark !== "auto") return mark;
  // Alike on every director, and unmoved by other virtual servers that come and go.
  const hash = fnv1a(name);
  return FIRST_MADE + ((hash ^ (hash >>> MADE_BITS)) & ((1 << MADE_BITS) - 1));
}

/** FNV-1a of a text, 32 bits. */
export function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) {
    hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  }
  return hash;
}

/** First and last address, canonical. */
export function addressesOf(
  { address, last, prefix_length: length }: ListenConfig,
): { readonly first: string; readonly last: string } {
  if (last !== undefined) return { first: address, last };
  if (length === undefined) return { first: address, last: address };
  const bytes = bytesOfIp(address);
  return {
    first: formatIp(networkOf(bytes, length)) ?? address,
    last: formatIp(lastOf(bytes, length)) ?? address,
  };
}

/** First and last port; 0 alone is all of them. */
export function portsOf({ port, last_port: last }: ListenConfig): [first: number, last: number] {
  return port === 0 ? [0, 65_535] : [port, last ?? port];
}
