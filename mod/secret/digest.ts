/**
 * MD5 (RFC 1321), SHA-1 (RFC 3174) and SHA-256 (FIPS 180-4) over a few bytes, as authentication of
 * packets needs them.
 *
 * Written out here for three reasons: the pure core does no I/O and imports nothing; what is hashed
 * is one to three blocks of 64 bytes, for which a call into a library with its objects costs several
 * times the hash itself; and loading that library takes 30 ms, a third of the time in which the
 * first advert shall be out. Nothing is allocated. The first two are broken as hashes against
 * somebody who may choose the text; against somebody who must find one of our secrets they do what
 * their RFCs ask of them.
 *
 * No branch and no table index depends on what is hashed: the time tells its length alone.
 *
 * @module
 */

/** Bytes of a digest. */
export const MD5_LENGTH = 16;
export const SHA1_LENGTH = 20;
export const SHA256_LENGTH = 32;

/** Bytes that are hashed at once, by all of them. */
export const BLOCK = 64;

// Scratch space: calls are synchronous and never nest within one function.
const block = new Uint8Array(BLOCK);
const words = new Int32Array(80);
const state = new Int32Array(8);

const MD5_SHIFTS = [7, 12, 17, 22, 5, 9, 14, 20, 4, 11, 16, 23, 6, 10, 15, 21];
/** floor(2³² × |sin(i + 1)|) */
const MD5_SINES = Int32Array.from(
  { length: 64 },
  (_, i) => Math.floor(Math.abs(Math.sin(i + 1)) * 0x1_0000_0000),
);

/** The first `count` primes. */
function primes(count: number): number[] {
  const found: number[] = [];
  for (let candidate = 2; found.length < count; candidate++) {
    if (found.every((prime) => candidate % prime !== 0)) found.push(candidate);
  }
  return found;
}

/** The first 32 bits of the fractional part. */
function fraction(value: number): number {
  return Math.floor((value - Math.floor(value)) * 2 ** 32) | 0;
}

/** FIPS 180-4 section 4.2.2: cube roots of the first 64 primes. */
const SHA256_ROOTS = Int32Array.from(primes(64), (prime) => fraction(Math.cbrt(prime)));

/** One of the hashes. */
export interface Hash {
  /** Bytes of its digest. */
  readonly length: number;
  /** What it begins with, as 32-bit words. */
  readonly initial: Int32Array;
  /** Order of bytes in a word. */
  readonly littleEndian: boolean;
  /** Takes the scratch block into the scratch state. */
  readonly compress: () => void;
}

const SHA1_INITIAL = [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0];

export const MD5: Hash = {
  length: MD5_LENGTH,
  initial: Int32Array.from(SHA1_INITIAL.slice(0, 4)),
  littleEndian: true,
  compress: md5Block,
};
export const SHA1: Hash = {
  length: SHA1_LENGTH,
  initial: Int32Array.from(SHA1_INITIAL),
  littleEndian: false,
  compress: sha1Block,
};
export const SHA256: Hash = {
  length: SHA256_LENGTH,
  /** FIPS 180-4 section 5.3.3: square roots of the first 8 primes. */
  initial: Int32Array.from(primes(8), (prime) => fraction(Math.sqrt(prime))),
  littleEndian: false,
  compress: sha256Block,
};

/** Writes the MD5 of the first `length` bytes to `out` at `at`. */
export function md5(bytes: Uint8Array, length: number, out: Uint8Array, at: number): void {
  finish(MD5, MD5.initial, 0, bytes, length, out, at);
}

/** Writes the SHA-1 of the first `length` bytes to `out` at `at`. */
export function sha1(bytes: Uint8Array, length: number, out: Uint8Array, at: number): void {
  finish(SHA1, SHA1.initial, 0, bytes, length, out, at);
}

/** Writes the SHA-256 of the first `length` bytes to `out` at `at`. */
export function sha256(bytes: Uint8Array, length: number, out: Uint8Array, at: number): void {
  finish(SHA256, SHA256.initial, 0, bytes, length, out, at);
}

/** Where a hash stands after its first block, for `finish` to go on from. */
export function afterBlock(hash: Hash, first: Uint8Array): Int32Array {
  state.set(hash.initial);
  for (let i = 0; i < BLOCK; i++) block[i] = first[i]!;
  hash.compress();
  block.fill(0);
  return state.slice(0, hash.initial.length);
}

/**
 * Writes the digest of what came `before` and of the first `length` bytes to `out` at `at`.
 *
 * @param from where the hash stands after what came before
 * @param before bytes, a multiple of 64
 */
export function finish(
  hash: Hash,
  from: Int32Array,
  before: number,
  bytes: Uint8Array,
  length: number,
  out: Uint8Array,
  at: number,
): void {
  const { compress, littleEndian } = hash;
  for (let i = 0; i < from.length; i++) state[i] = from[i]!;
  let done = 0;
  for (; done + BLOCK <= length; done += BLOCK) {
    for (let i = 0; i < BLOCK; i++) block[i] = bytes[done + i]!;
    compress();
  }
  // Padding: 0x80, zeroes, and the length in bits.
  const rest = length - done;
  for (let i = 0; i < BLOCK; i++) block[i] = i < rest ? bytes[done + i]! : i === rest ? 0x80 : 0;
  if (rest >= BLOCK - 8) {
    compress();
    block.fill(0);
  }
  // A length that needs more than 32 bits of bits is none of ours.
  const bits = (before + length) * 8;
  for (let i = 0; i < 4; i++) {
    const place = littleEndian ? BLOCK - 8 + i : BLOCK - 1 - i;
    block[place] = bits >>> (8 * i);
  }
  compress();
  for (let i = 0; i < hash.length; i++) {
    const shift = littleEndian ? 8 * (i & 3) : 24 - 8 * (i & 3);
    out[at + i] = state[i >> 2]! >>> shift;
  }
}

function md5Block(): void {
  for (let i = 0; i < 16; i++) {
    words[i] = block[4 * i]! | (block[4 * i + 1]! << 8) | (block[4 * i + 2]! << 16) |
      (block[4 * i + 3]! << 24);
  }
  let a = state[0]!, b = state[1]!, c = state[2]!, d = state[3]!;
  for (let i = 0; i < 64; i++) {
    const round = i >> 4;
    let mixed: number;
    let word: number;
    if (round === 0) {
      mixed = (b & c) | (~b & d);
      word = i;
    } else if (round === 1) {
      mixed = (d & b) | (~d & c);
      word = (5 * i + 1) & 15;
    } else if (round === 2) {
      mixed = b ^ c ^ d;
      word = (3 * i + 5) & 15;
    } else {
      mixed = c ^ (b | ~d);
      word = (7 * i) & 15;
    }
    const sum = (a + mixed + MD5_SINES[i]! + words[word]!) | 0;
    const shift = MD5_SHIFTS[4 * round + (i & 3)]!;
    a = d;
    d = c;
    c = b;
    b = (b + ((sum << shift) | (sum >>> (32 - shift)))) | 0;
  }
  state[0]! += a;
  state[1]! += b;
  state[2]! += c;
  state[3]! += d;
}

function sha1Block(): void {
  for (let i = 0; i < 16; i++) {
    words[i] = (block[4 * i]! << 24) | (block[4 * i + 1]! << 16) | (block[4 * i + 2]! << 8) |
      block[4 * i + 3]!;
  }
  for (let i = 16; i < 80; i++) {
    const mixed = words[i - 3]! ^ words[i - 8]! ^ words[i - 14]! ^ words[i - 16]!;
    words[i] = (mixed << 1) | (mixed >>> 31);
  }
  let a = state[0]!, b = state[1]!, c = state[2]!, d = state[3]!, e = state[4]!;
  for (let i = 0; i < 80; i++) {
    let mixed: number;
    if (i < 20) mixed = ((b & c) | (~b & d)) + 0x5a827999;
    else if (i < 40) mixed = (b ^ c ^ d) + 0x6ed9eba1;
    else if (i < 60) mixed = ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc;
    else mixed = (b ^ c ^ d) + 0xca62c1d6;
    const next = (((a << 5) | (a >>> 27)) + mixed + e + words[i]!) | 0;
    e = d;
    d = c;
    c = (b << 30) | (b >>> 2);
    b = a;
    a = next;
  }
  state[0]! += a;
  state[1]! += b;
  state[2]! += c;
  state[3]! += d;
  state[4]! += e;
}

/** FIPS 180-4 section 6.2.2. */
function sha256Block(): void {
  for (let i = 0; i < 16; i++) {
    words[i] = (block[4 * i]! << 24) | (block[4 * i + 1]! << 16) | (block[4 * i + 2]! << 8) |
      block[4 * i + 3]!;
  }
  for (let i = 16; i < 64; i++) {
    const early = words[i - 15]!;
    const late = words[i - 2]!;
    const sigma0 = ((early >>> 7) | (early << 25)) ^ ((early >>> 18) | (early << 14)) ^
      (early >>> 3);
    const sigma1 = ((late >>> 17) | (late << 15)) ^ ((late >>> 19) | (late << 13)) ^
      (late >>> 10);
    words[i] = (words[i - 16]! + sigma0 + words[i - 7]! + sigma1) | 0;
  }
  let a = state[0]!, b = state[1]!, c = state[2]!, d = state[3]!;
  let e = state[4]!, f = state[5]!, g = state[6]!, h = state[7]!;
  for (let i = 0; i < 64; i++) {
    const sum1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
    const choose = (e & f) ^ (~e & g);
    const one = (h + sum1 + choose + SHA256_ROOTS[i]! + words[i]!) | 0;
    const sum0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
    const majority = (a & b) ^ (a & c) ^ (b & c);
    h = g;
    g = f;
    f = e;
    e = (d + one) | 0;
    d = c;
    c = b;
    b = a;
    a = (one + sum0 + majority) | 0;
  }
  state[0]! += a;
  state[1]! += b;
  state[2]! += c;
  state[3]! += d;
  state[4]! += e;
  state[5]! += f;
  state[6]! += g;
  state[7]! += h;
}
