/**
 * Interface names and indices, in the namespace the calling thread is in.
 *
 * Only for a look now and then: the kernel plane's netlink messages tell of changes.
 *
 * @module
 */

import { cString, libc } from "./symbols.ts";

const IF_NAMESIZE = 16;

/** Index of the interface of that name; 0 when there is none. */
export function interfaceIndex(name: string): number {
  return libc.if_nametoindex(cString(name));
}

/** Name of the interface with that index; empty when there is none. */
export function interfaceName(index: number): string {
  const bytes = new Uint8Array(new ArrayBuffer(IF_NAMESIZE));
  if (libc.if_indextoname(index, bytes) === null) return "";
  const end = bytes.indexOf(0);
  return new TextDecoder().decode(bytes.subarray(0, end < 0 ? IF_NAMESIZE : end));
}
