/** The codec of control packets: golden bytes, every refusal in its order, noise. */

import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import {
  decodeControl,
  DROP_REASONS,
  emptyControlPacket,
  encodeControl,
  LONGEST_CONTROL,
} from "../../../mod/bfd/mod.ts";
import { forSeeds, Random, wantedSeed } from "../../lib/random.ts";
import {
  anyAuthentication,
  anyControl,
  changed,
  control,
  encoded,
  hex,
  verdict,
} from "./packet_fixtures.ts";

Deno.test("a packet as RFC 5880 draws it", () => {
  const bytes = encoded({
    diagnostic: 1,
    state: "up",
    poll: true,
    demand: true,
    detectMultiplier: 3,
    myDiscriminator: 0x01020304,
    yourDiscriminator: 0xa1a2a3a4,
    desiredMinTx: 50_000,
    requiredMinRx: 10_000,
    requiredMinEchoRx: 3_300,
  });
  strictEqual(hex(bytes), "21e2031801020304a1a2a3a40000c3500000271000000ce4");
  const packet = emptyControlPacket();
  strictEqual(verdict(bytes, packet), null);
  deepStrictEqual(packet, {
    diagnostic: 1,
    state: "up",
    poll: true,
    final: false,
    controlPlaneIndependent: false,
    authenticated: false,
    demand: true,
    detectMultiplier: 3,
    length: 24,
    myDiscriminator: 0x01020304,
    yourDiscriminator: 0xa1a2a3a4,
    desiredMinTx: 50_000,
    requiredMinRx: 10_000,
    requiredMinEchoRx: 3_300,
  });
});

Deno.test("[B6-1] each check has a reason of its own", () => {
  const early = { state: "down", yourDiscriminator: 0 } as const;
  const cases: [Uint8Array, string | null][] = [
    [new Uint8Array(0), "truncated"],
    [Uint8Array.of(0x20, 0xc0, 3), "truncated"],
    [changed({ 0: 0x00 }), "version"],
    [changed({ 0: 0x40 }), "version"],
    [changed({ 3: 0 }), "length"],
    [changed({ 3: 23 }), "length"],
    [changed({ 1: 0xc4 }), "length"],
    [changed({ 1: 0xc4, 3: 25 }), "length"],
    [changed({ 3: 25 }), "truncated"],
    [encoded().subarray(0, 23), "truncated"],
    [changed({ 2: 0 }), "detect_multiplier"],
    [changed({ 1: 0xc1 }), "multipoint"],
    [changed({ 4: 0, 5: 0, 6: 0, 7: 0 }), "my_discriminator"],
    [changed({ 8: 0, 9: 0, 10: 0, 11: 0 }), "your_discriminator"],
    [changed({ 1: 0x80 }, early), "your_discriminator"],
    [changed({ 1: 0x40 }, early), null],
    [changed({ 1: 0x00 }, early), null],
    [changed({ 1: 0xf0 }), "poll_and_final"],
    [encoded(), null],
  ];
  for (const [bytes, reason] of cases) strictEqual(verdict(bytes), reason, hex(bytes));
});

Deno.test("[B6-1] the first check that fails gives the reason", () => {
  const bytes = changed({ 0: 0x40, 1: 0xf1, 2: 0, 3: 20, 4: 0, 5: 0, 6: 0, 7: 0 });
  bytes.fill(0, 8, 12);
  const repairs: [string | null, () => void][] = [
    ["version", () => bytes[0] = 0x20],
    ["length", () => bytes[3] = 30],
    ["truncated", () => bytes[3] = 24],
    ["detect_multiplier", () => bytes[2] = 1],
    ["multipoint", () => bytes[1] = 0xf0],
    ["my_discriminator", () => bytes[7] = 1],
    ["your_discriminator", () => bytes[11] = 1],
    ["poll_and_final", () => bytes[1] = 0xd0],
    [null, () => {}],
  ];
  for (const [reason, repair] of repairs) {
    strictEqual(verdict(bytes), reason);
    repair();
  }
});

Deno.test("[N10] poll and final together are refused, and never sent", () => {
  strictEqual(verdict(changed({ 1: 0xf0 })), "poll_and_final");
  throws(() => encoded({ poll: true, final: true }), RangeError);
});

Deno.test("[N2] [N13] all 32 diagnostics go both ways, in five bits", () => {
  for (let diagnostic = 0; diagnostic < 32; diagnostic++) {
    const packet = emptyControlPacket();
    strictEqual(verdict(encoded({ diagnostic }), packet), null);
    strictEqual(packet.diagnostic, diagnostic);
  }
});

Deno.test("[N3] bytes behind the packet are no matter", () => {
  const bytes = new Uint8Array(1500).fill(0xff);
  bytes.set(encoded());
  const packet = emptyControlPacket();
  strictEqual(verdict(bytes, packet), null);
  deepStrictEqual(packet, control());
});

Deno.test("a length beyond the buffer is refused, not read", () => {
  for (const length of [-1, 25, 1e9, NaN]) {
    strictEqual(decodeControl(encoded(), length, emptyControlPacket()), "truncated");
  }
});

Deno.test("what does not fit its field is not encoded", () => {
  const wrong = [
    { diagnostic: 32 },
    { detectMultiplier: 0 },
    { detectMultiplier: 256 },
    { myDiscriminator: 0 },
    { yourDiscriminator: -1 },
    { desiredMinTx: 1.5 },
    { requiredMinRx: 2 ** 32 },
    { requiredMinEchoRx: NaN },
  ];
  for (const packet of wrong) throws(() => encoded(packet), RangeError, JSON.stringify(packet));
});

Deno.test("decode(encode(x)) = x, and encode(decode(b)) = b", () => {
  forSeeds(5000, (random) => {
    const packet = anyControl(random);
    const bytes = encoded(packet);
    const read = emptyControlPacket();
    strictEqual(verdict(bytes, read), null);
    deepStrictEqual(read, packet);
    const again = new Uint8Array(LONGEST_CONTROL);
    strictEqual(hex(again.subarray(0, encodeControl(read, again))), hex(bytes));
  });
});

Deno.test("[B6-1] 50,000 random and mutated packets: a value or a named reason, no exception", () => {
  const seed = wantedSeed() ?? 1;
  const random = new Random(seed);
  const seen = new Map<string, number>();
  for (let i = 0; i < 50_000; i++) {
    const authentication = random.chance(0.4) ? anyAuthentication(random) : null;
    const bytes = random.chance(0.2)
      ? Uint8Array.from({ length: random.int(0, 60) }, () => random.int(0, 255))
      : encoded(anyControl(random), authentication, random.int(0, 0xffff_ffff));
    for (let n = random.int(0, 2); n > 0 && bytes.length > 0; n--) {
      const at = random.int(0, Math.min(bytes.length, 28) - 1);
      bytes[at] = random.pick([0, 1, 0xff, 0x20, 24, 26, random.int(0, 255)]);
    }
    const packet = emptyControlPacket();
    const length = random.chance(0.1) ? random.int(0, bytes.length + 3) : bytes.length;
    const reason = decodeControl(bytes, length, packet);
    seen.set(reason ?? "accepted", (seen.get(reason ?? "accepted") ?? 0) + 1);
    if (reason !== null) {
      ok(DROP_REASONS.includes(reason));
      continue;
    }
    ok(packet.length <= length && packet.length >= (packet.authenticated ? 26 : 24));
    ok(packet.myDiscriminator !== 0 && packet.detectMultiplier !== 0);
    ok(!(packet.poll && packet.final));
    // What was accepted is canonical in its first 24 bytes.
    const again = new Uint8Array(LONGEST_CONTROL);
    encodeControl(packet, again);
    strictEqual(hex(again.subarray(0, 24)), hex(bytes.subarray(0, 24)), `HALB_SEED=${seed}`);
  }
  const codec = DROP_REASONS.slice(1, DROP_REASONS.indexOf("unknown_session"));
  for (const reason of ["accepted", ...codec]) {
    ok((seen.get(reason) ?? 0) > 0, `HALB_SEED=${seed}: no packet was "${reason}"`);
  }
});
