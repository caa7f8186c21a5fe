/**
 * HMAC (RFC 2104) over a few bytes. What depends on the key alone, a block at each end, is hashed
 * once for each key: a packet then costs one block less at each end.
 *
 * @module
 */

import { afterBlock, BLOCK, finish, type Hash, MD5, SHA256 } from "./digest.ts";

/** Where both hashes stand after their first block, which the key makes. */
interface Prepared {
  readonly inner: Int32Array;
  readonly outer: Int32Array;
}

const HASHES = { md5: MD5, sha256: SHA256 } as const;

/** Nothing here keeps a key alive that its owner has let go of. */
const prepared = { md5: new WeakMap<Uint8Array, Prepared>(), sha256: new WeakMap() } as const;

// Scratch space: calls are synchronous and never nest.
const pad = new Uint8Array(BLOCK);
const digests = { md5: new Uint8Array(MD5.length), sha256: new Uint8Array(SHA256.length) } as const;

/**
 * The whole digest, valid until the next call.
 *
 * @param key 64 bytes at most, and the same array for the same key: it must not change
 * @throws {RangeError} when the key is longer: nobody here has such keys, and hashing them is left out
 */
export function hmac(
  algorithm: "md5" | "sha256",
  key: Uint8Array,
  data: Uint8Array,
): Uint8Array {
  const hash = HASHES[algorithm];
  let states = prepared[algorithm].get(key);
  if (states === undefined) {
    states = prepare(hash, key);
    prepared[algorithm].set(key, states);
  }
  const out = digests[algorithm];
  finish(hash, states.inner, BLOCK, data, data.length, out, 0);
  finish(hash, states.outer, BLOCK, out, hash.length, out, 0);
  return out;
}

function prepare(hash: Hash, key: Uint8Array): Prepared {
  if (key.length > BLOCK) throw new RangeError(`Cannot use a key of ${key.length} bytes`);
  const inner = padded(hash, key, 0x36);
  const outer = padded(hash, key, 0x5c);
  pad.fill(0);
  return { inner, outer };
}

function padded(hash: Hash, key: Uint8Array, byte: number): Int32Array {
  for (let i = 0; i < BLOCK; i++) pad[i] = (key[i] ?? 0) ^ byte;
  return afterBlock(hash, pad);
}
