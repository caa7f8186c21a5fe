/** Versions of TLS, read from what servers say first. */

import assert from "node:assert/strict";
import { ServerHello } from "../../../mod/check/types/server_hello.ts";
import { forSeeds } from "../../lib/random.ts";

/** A ServerHello in records of at most so many bytes. */
function hello(version: number, extensions: readonly number[] | null, record = 16_384): Uint8Array {
  const body = [version >> 8, version & 255, ...new Array(32).fill(9), 2, 5, 5, 0x13, 1, 0];
  if (extensions !== null) {
    body.push(extensions.length >> 8, extensions.length & 255, ...extensions);
  }
  const message = [2, 0, body.length >> 8, body.length & 255, ...body];
  const stream: number[] = [];
  for (let at = 0; at < message.length; at += record) {
    const piece = message.slice(at, at + record);
    stream.push(22, 3, 3, piece.length >> 8, piece.length & 255, ...piece);
  }
  return Uint8Array.from(stream);
}

function versionIn(stream: Uint8Array, step = stream.length): string | null {
  const reader = new ServerHello();
  for (let at = 0; at < stream.length; at += step) reader.take(stream.subarray(at, at + step));
  return reader.version;
}

const KEY_SHARE = [0, 51, 0, 2, 0, 29];
const TLS13 = [0, 43, 0, 2, 3, 4];

Deno.test("the extension says 1.3, its absence what stands in front, in pieces of any size", () => {
  const cases: [Uint8Array, string][] = [
    [hello(0x0303, [...KEY_SHARE, ...TLS13]), "1.3"],
    [hello(0x0303, [...TLS13, ...KEY_SHARE]), "1.3"],
    [hello(0x0303, [255, 1, 0, 1, 0]), "1.2"],
    [hello(0x0303, null), "1.2"],
    [hello(0x0301, null), "0x0301"],
    [hello(0x0303, [...KEY_SHARE, ...TLS13], 7), "1.3"],
  ];
  for (const [stream, wanted] of cases) {
    for (const step of [1, 3, 50, 1000]) assert.equal(versionIn(stream, step), wanted);
  }
});

Deno.test("what is no hello, or half of one, has no version", () => {
  assert.equal(versionIn(new TextEncoder().encode("HTTP/1.1 400 Bad Request\r\n\r\n")), null);
  assert.equal(versionIn(Uint8Array.of(21, 3, 3, 0, 2, 2, 70)), null);
  const whole = hello(0x0303, TLS13);
  for (let end = 0; end < whole.length; end++) {
    assert.equal(versionIn(whole.subarray(0, end)), null, `${end} bytes`);
  }
});

Deno.test("noise is read without a complaint", () => {
  forSeeds(200, (random) => {
    for (let i = 0; i < 10; i++) {
      const stream = hello(0x0303, [...KEY_SHARE, ...TLS13], random.int(1, 90));
      for (let flips = 0; flips < 4; flips++) {
        stream[random.int(0, stream.length - 1)] = random.int(0, 255);
      }
      const version = versionIn(stream, random.int(1, 20));
      assert.ok(version === null || /^(1\.[23]|0x[0-9a-f]{4})$/.test(version));
    }
  });
  const reader = new ServerHello();
  for (let i = 0; i < 100; i++) reader.take(new Uint8Array(1000).fill(22));
});
