/**
 * SHA-256 of a configuration's text.
 *
 * @module
 */

import { sha256 as digest, SHA256_LENGTH } from "../mod/secret/mod.ts";

/** The digest of `text` in UTF-8, 64 hexadecimal digits. */
export function sha256(text: string): string {
  const bytes = new TextEncoder().encode(text);
  const out = new Uint8Array(SHA256_LENGTH);
  digest(bytes, bytes.length, out, 0);
  return Array.from(out, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
