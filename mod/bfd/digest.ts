/**
 * MD5 (RFC 1321) and SHA-1 (RFC 3174) over a few bytes, as BFD's authentication needs them.
 *
 * Written out here for two reasons: the pure core does no I/O and imports nothing, and an
 * authenticated packet is one block of 64 bytes, for which a call into a library with its objects
 * costs several times the hash itself. Nothing is allocated. Both are broken as hashes against
 * somebody who may choose the text; against somebody who must find one of our secrets they do what
 * RFC 5880 asks of them.
 *
 * @module
 */

/** Bytes of a digest. */
export const MD5_LENGTH = 16;
export const SHA1_LENGTH = 20;

const BLOCK = 64;

// Scratch space: calls are synchronous and never nest within one function.
const block = new Uint8Array(BLOCK);
const words = new Int32Array(80);
const state = new Int32Array(5);

const MD5_SHIFTS = [7, 12, 17, 22, 5, 9, 14, 20, 4, 11, 16, 23, 6, 10, 15, 21];
/** floor(2³² × |sin(i + 1)|) */
const MD5_SINES = Int32Array.from(
  { length: 64 },
  (_, i) => Math.floor(Math.abs(Math.sin(i + 1)) * 0x1_0000_0000),
);

/** Writes the MD5 of the first `length` bytes to `out` at `at`. */
export function md5(bytes: Uint8Array, length: number, out: Uint8Array, at: number): void {
  state[0] = 0x67452301;
  state[1] = 0xefcdab89;
  state[2] = 0x98badcfe;
  state[3] = 0x10325476;
  forEachBlock(bytes, length, true, md5Block);
  for (let i = 0; i < MD5_LENGTH; i++) out[at + i] = state[i >> 2]! >>> (8 * (i & 3));
}

/** Writes the SHA-1 of the first `length` bytes to `out` at `at`. */
export function sha1(bytes: Uint8Array, length: number, out: Uint8Array, at: number): void {
  state[0] = 0x67452301;
  state[1] = 0xefcdab89;
  state[2] = 0x98badcfe;
  state[3] = 0x10325476;
  state[4] = 0xc3d2e1f0;
  forEachBlock(bytes, length, false, sha1Block);
  for (let i = 0; i < SHA1_LENGTH; i++) out[at + i] = state[i >> 2]! >>> (24 - 8 * (i & 3));
}

/** Pads as both want it: 0x80, zeroes, and the length in bits, little-endian for MD5. */
function forEachBlock(
  bytes: Uint8Array,
  length: number,
  littleEndian: boolean,
  compress: () => void,
): void {
  let at = 0;
  for (; at + BLOCK <= length; at += BLOCK) {
    for (let i = 0; i < BLOCK; i++) block[i] = bytes[at + i]!;
    compress();
  }
  const rest = length - at;
  for (let i = 0; i < BLOCK; i++) block[i] = i < rest ? bytes[at + i]! : i === rest ? 0x80 : 0;
  if (rest >= BLOCK - 8) {
    compress();
    block.fill(0);
  }
  // A length that needs more than 32 bits of bits is none of ours.
  const bits = length * 8;
  for (let i = 0; i < 4; i++) {
    const place = littleEndian ? BLOCK - 8 + i : BLOCK - 1 - i;
    block[place] = bits >>> (8 * i);
  }
  compress();
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
