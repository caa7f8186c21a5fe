/** Hashes: the standards' vectors, and what OpenSSL says of every length around the blocks. */

import assert from "node:assert/strict";
import { createHash, createHmac } from "node:crypto";
import { hmac, md5, sameBytes, sameRange, Secret, sha1, sha256 } from "../../../mod/secret/mod.ts";
import { Random, wantedSeed } from "../../lib/random.ts";

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

Deno.test("MD5, SHA-1 and SHA-256 of every length to 300 bytes are what OpenSSL says", () => {
  const random = new Random(wantedSeed() ?? 1);
  for (let length = 0; length <= 300; length++) {
    const text = Uint8Array.from({ length }, () => random.int(0, 255));
    const hashes = [["md5", md5, 16], ["sha1", sha1, 20], ["sha256", sha256, 32]] as const;
    for (const [name, own, size] of hashes) {
      const out = new Uint8Array(size + 2);
      own(text, length, out, 1);
      const theirs = createHash(name).update(text).digest("hex");
      assert.equal(hex(out.subarray(1, size + 1)), theirs, `${name} of ${length} bytes`);
      assert.equal(out[0]! + out[size + 1]!, 0, "nothing beside it is touched");
    }
  }
});

Deno.test("HMAC of RFC 4231, case 2, and RFC 2202, case 2", () => {
  const encoder = new TextEncoder();
  const [key, data] = [encoder.encode("Jefe"), encoder.encode("what do ya want for nothing?")];
  assert.equal(
    hex(hmac("sha256", key, data)),
    "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
  );
  assert.equal(hex(hmac("md5", key, data)), "750c783e6ab0b503eaa86e310a5db738");
});

Deno.test("HMAC with keys of every length a block has, and texts around three blocks", () => {
  const random = new Random(wantedSeed() ?? 2);
  for (let length = 1; length <= 64; length++) {
    const key = Uint8Array.from({ length }, () => random.int(0, 255));
    // The second one finds what the first one has kept of the key.
    for (const size of [length, 3 * length]) {
      const data = Uint8Array.from({ length: size }, () => random.int(0, 255));
      for (const name of ["md5", "sha256"] as const) {
        const theirs = createHmac(name, key).update(data).digest("hex");
        assert.equal(hex(hmac(name, key, data)), theirs, `${name}, key of ${length} bytes`);
      }
    }
  }
});

Deno.test("a key that is longer than a block is refused", () => {
  assert.throws(() => hmac("sha256", new Uint8Array(65), new Uint8Array()), RangeError);
});

Deno.test("bytes are compared over the whole length, each of them", () => {
  const bytes = Uint8Array.from({ length: 16 }, (_, i) => i);
  assert.ok(sameBytes(bytes, bytes.slice()));
  assert.ok(!sameBytes(bytes, bytes.subarray(0, 15)));
  assert.ok(!sameBytes(bytes.subarray(0, 15), bytes));
  for (let i = 0; i < 16; i++) {
    const other = bytes.slice();
    other[i]! ^= 0x80;
    assert.ok(!sameBytes(bytes, other), `byte ${i}`);
    assert.equal(sameRange(bytes, 4, other, 4, 8), i < 4 || i >= 12, `byte ${i}`);
  }
});

Deno.test("a secret shows itself to nobody", () => {
  const secret = Secret.ofText("opensesame");
  const shown = [`${secret}`, JSON.stringify({ secret }), Deno.inspect({ secret })];
  for (const text of shown) assert.doesNotMatch(text, /opensesame|111, ?112/);
});
