/** Simple passwords of version 2, and that secrets are never shown. */

import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import { inspect } from "node:util";
import { receivePassword, sealPassword } from "../../../mod/vrrp/authentication_password.ts";
import { decodeAdvertisement } from "../../../mod/vrrp/mod.ts";
import { sameBytes, Secret } from "../../../mod/secret/mod.ts";
import { flipped, plain2, plain3, V2, V3, verdict } from "./authentication_fixtures.ts";
import { bytes, expectedChecksum, hex } from "./packet_fixtures.ts";

const PASSWORD = Secret.ofText("secret7");

/** Captured from keepalived 2.2.7: virtual router 52, priority 100, password "secret7". */
const KEEPALIVED = bytes(
  "45c000280001 0000ff70 1890 c0000202 e0000012 2134640101014448 c0000234 7365637265743700",
);

function judge(packet: Uint8Array, password = PASSWORD, length = packet.length): string {
  return verdict(receivePassword(packet, length, V2, password));
}

Deno.test("[V7-5] an advert with a password as keepalived sends it is believed", () => {
  const result = receivePassword(KEEPALIVED, KEEPALIVED.length, V2, PASSWORD);
  deepStrictEqual(result, {
    ok: true,
    signed: true,
    advertisement: {
      version: 2,
      source: "192.0.2.2",
      virtualRouterId: 52,
      priority: 100,
      interval: 1_000_000,
      addresses: ["192.0.2.52"],
      checksum: "rfc9568",
    },
  });
});

Deno.test("[V7-5] ours is the same as keepalived's, byte for byte", () => {
  const packet = sealPassword(
    plain2({
      source: "192.0.2.2",
      virtualRouterId: 52,
      priority: 100,
      addresses: ["192.0.2.52"],
    }),
    PASSWORD,
  );
  // Identification and header checksum are the kernel's to fill.
  const theirs = Uint8Array.from(KEEPALIVED);
  theirs.fill(0, 4, 6);
  theirs.fill(0, 10, 12);
  strictEqual(hex(packet), hex(theirs));
});

Deno.test("[V7-5] eight bytes of a password count, shorter ones are filled with zeros", () => {
  for (
    const [mine, theirs, same] of [
      ["longersecret", "longerse", true],
      ["longersecret", "longerseCRET", true],
      ["longersecret", "longers", false],
      ["short", "short\0\0\0", true],
      ["short", "short\0\0x", false],
      ["\u00e4\u00e4\u00e4\u00e4\u00e4", "\u00e4\u00e4\u00e4\u00e4", true], // bytes, not letters
    ] as const
  ) {
    const packet = sealPassword(plain2(), Secret.ofText(theirs));
    const expected = same ? "signed" : "authentication_invalid";
    strictEqual(judge(packet, Secret.ofText(mine)), expected, `${mine} and ${theirs}`);
    strictEqual(expectedChecksum(packet, "rfc9568"), packet[26]! * 256 + packet[27]!);
  }
});

Deno.test("[V7-5] what is not authenticated by a password is refused, each by its reason", () => {
  const sealed = sealPassword(plain2(), PASSWORD);
  strictEqual(judge(plain2()), "authentication");
  strictEqual(judge(flipped(sealed, 39)), "checksum");
  strictEqual(judge(sealed, Secret.ofText("Secret7")), "authentication_invalid");
  strictEqual(judge(sealed, PASSWORD, 20), "truncated");
  strictEqual(judge(sealed, PASSWORD, sealed.length - 1), "truncated");
  strictEqual(judge(flipped(sealed, 8)), "ttl");
  strictEqual(judge(flipped(sealed, 23)), "length");
  strictEqual(judge(plain3()), "version");
  // A version 3 router that understands version 2 has no password for version 3.
  const both = { ...V3, version2: true };
  for (const interval of [1_000_000, 2_560_000]) { // the second has a 1 where version 2 has its type
    const packet = plain3({ interval });
    const result = receivePassword(packet, packet.length, both, PASSWORD);
    strictEqual(verdict(result), "authentication");
  }
});

Deno.test("[V7-5] padding of the link behind an advert with a password does not matter", () => {
  const sealed = sealPassword(plain2(), PASSWORD);
  const padded = new Uint8Array(60);
  padded.set(sealed);
  padded.fill(7, sealed.length);
  strictEqual(judge(padded), "signed");
});

Deno.test("a plain router refuses an advert with a password, and one of version 3 cannot have any", () => {
  const sealed = sealPassword(plain2(), PASSWORD);
  deepStrictEqual(decodeAdvertisement(sealed, sealed.length, V2), {
    ok: false,
    drop: "authentication",
  });
  throws(() => sealPassword(plain3(), PASSWORD), RangeError);
  throws(() => sealPassword(sealed, PASSWORD), RangeError);
});

Deno.test("a secret shows itself to nobody who did not ask for it", () => {
  const secret = Secret.ofText("hunter2");
  const shown = [
    `${secret}`,
    String(secret),
    "" + secret,
    JSON.stringify({ secret, list: [secret] }),
    inspect({ deep: { secret } }, { depth: 9, showHidden: true }),
    Deno.inspect({ deep: { secret } }, { depth: 9, showHidden: true }),
    Deno.inspect(secret),
    JSON.stringify(structuredClone({ secret })),
    Object.entries(secret).join(),
    Object.values(secret).join(),
  ];
  const numbers = [...new TextEncoder().encode("hunter2")].join();
  for (const text of shown) {
    ok(!text.includes("hunter2"), text);
    ok(!text.replaceAll(" ", "").includes(numbers.slice(0, 11)), text);
  }
  strictEqual(new TextDecoder().decode(secret.reveal()), "hunter2");
  strictEqual(secret.length, 7);
});

Deno.test("a secret is a copy: who wipes his buffer does not wipe it", () => {
  const buffer = new TextEncoder().encode("hunter2");
  const secret = new Secret(buffer);
  buffer.fill(0);
  strictEqual(new TextDecoder().decode(secret.reveal()), "hunter2");
});

Deno.test("a key is text, or bytes in hexadecimal; what is wrong is not repeated", () => {
  const revealed = (text: string) => hex(Secret.ofKey(text).reveal());
  strictEqual(revealed("abc"), "616263");
  strictEqual(revealed("hex:00fFa0"), "00ffa0");
  strictEqual(revealed("HEX:00"), "4845583a3030");
  for (const text of ["hex:", "hex:abc", "hex:0g", "hex:00 11"]) {
    throws(() => Secret.ofKey(text), (error: Error) => {
      return error instanceof RangeError && !error.message.includes(text.slice(4) || text + "X");
    });
  }
});

Deno.test("bytes are equal where all are", () => {
  const [a, b] = [bytes("000102"), bytes("000103")];
  strictEqual(sameBytes(a, Uint8Array.from(a)), true);
  strictEqual(sameBytes(a, b), false);
  strictEqual(sameBytes(a, a.subarray(0, 2)), false);
  strictEqual(sameBytes(new Uint8Array(), new Uint8Array()), true);
});
