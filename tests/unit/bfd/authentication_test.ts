/** Authentication: vectors made by somebody else's hash, every refusal, windows, rotation, noise. */

import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import { Buffer } from "node:buffer";
import { createHash, createHmac } from "node:crypto";
import {
  AUTHENTICATION_TYPES,
  type AuthenticationSettings,
  decodeControl,
  DROP_REASONS,
  type DropReason,
  emptyControlPacket,
  isMeticulous,
  longestSecret,
  type SequenceState,
  verifyControl,
} from "../../../mod/bfd/mod.ts";
import { forSeeds, Random, wantedSeed } from "../../lib/random.ts";
import {
  anyAuthentication,
  anyControl,
  authentication,
  encoded,
  hex,
  secret,
} from "./packet_fixtures.ts";

const DIGEST = 32;
const HASHED = AUTHENTICATION_TYPES.filter((type) => type !== "simple");
const FRESH: SequenceState = { transmit: 0, receive: 0, known: false };

function verify(
  bytes: Uint8Array,
  settings: AuthenticationSettings | null,
  sequence: SequenceState = { ...FRESH },
  mult = 3,
): DropReason | null {
  const packet = emptyControlPacket();
  return decodeControl(bytes, bytes.length, packet) ??
    verifyControl(bytes, packet, settings, sequence, mult);
}

Deno.test("[B7A-2] [N6] the digest is the plain hash with the padded key in its place", () => {
  for (const type of HASHED) {
    const name = type.endsWith("md5") ? "md5" : "sha1";
    const size = name === "md5" ? 16 : 20;
    const bytes = encoded({}, authentication(type), 0xfffffffe);
    strictEqual(bytes.length, 24 + 8 + size);
    strictEqual(bytes[3], bytes.length);
    strictEqual(bytes[1]! & 0x04, 0x04);
    strictEqual(
      hex(bytes.subarray(24, DIGEST)),
      `0${AUTHENTICATION_TYPES.indexOf(type) + 1}` +
        `${(8 + size).toString(16)}0700fffffffe`,
    );
    const keyed = Uint8Array.from(bytes);
    keyed.fill(0, DIGEST);
    keyed.set(secret("hush"), DIGEST);
    strictEqual(hex(bytes.subarray(DIGEST)), createHash(name).update(keyed).digest("hex"));
  }
});

Deno.test("[N6] FRR's form is an HMAC over the packet with zeroes in the digest's place", () => {
  for (const type of ["keyed-sha1", "meticulous-keyed-sha1"] as const) {
    const settings = authentication(type, { construction: "frr-hmac" });
    const bytes = encoded({}, settings, 5);
    const zeroed = Uint8Array.from(bytes);
    zeroed.fill(0, DIGEST);
    const expected = createHmac("sha1", Buffer.from("hush")).update(zeroed).digest("hex");
    strictEqual(hex(bytes.subarray(DIGEST)), expected);
    strictEqual(verify(bytes, settings), null);
    strictEqual(verify(bytes, authentication(type)), "authentication_digest");
  }
});

Deno.test("[B7A-1] simple: the id, the length of the password, each byte of it", () => {
  const settings = authentication("simple");
  const bytes = encoded({}, settings);
  strictEqual(hex(bytes.subarray(24)), "010707" + hex(Uint8Array.from(secret("hush"))));
  strictEqual(verify(bytes, settings), null);
  for (const text of ["husk", "iush"]) {
    const other = authentication("simple", { keys: [{ id: 7, secret: secret(text) }] });
    strictEqual(verify(bytes, other), "authentication_digest");
  }
  for (const text of ["hus", "hush!", "hush\0"]) {
    const other = authentication("simple", { keys: [{ id: 7, secret: secret(text) }] });
    strictEqual(verify(bytes, other), "authentication_length");
  }
  const otherId = authentication("simple", { keys: [{ id: 8, secret: secret("hush") }] });
  strictEqual(verify(bytes, otherId), "authentication_key");
});

Deno.test("[B7A-7] with and without authentication do not meet", () => {
  for (const type of AUTHENTICATION_TYPES) {
    const settings = authentication(type);
    strictEqual(verify(encoded({}, settings), null), "authentication_unexpected");
    strictEqual(verify(encoded(), settings), "authentication_missing");
    for (const other of AUTHENTICATION_TYPES) {
      if (other === type) continue;
      strictEqual(verify(encoded({}, authentication(other)), settings), "authentication_type");
    }
  }
  strictEqual(verify(encoded(), null), null);
});

Deno.test("[B7A-2] sections of another length are refused", () => {
  for (const type of AUTHENTICATION_TYPES) {
    const settings = authentication(type);
    for (const length of [0, 2, 3, 23, 25, 27, 29, 255]) {
      const bytes = encoded({}, settings);
      bytes[25] = length;
      strictEqual(verify(bytes, settings), "authentication_length", `${type}, ${length}`);
    }
    // A section that says it is right while the packet goes on behind it.
    const longer = new Uint8Array(encoded({}, settings).length + 1);
    longer.set(encoded({}, settings));
    longer[3]!++;
    strictEqual(verify(longer, settings), "authentication_length");
  }
});

Deno.test("[B7A-3] windows: from the last number, or the one after it, three multipliers on", () => {
  for (const type of HASHED) {
    const settings = authentication(type);
    for (const last of [1000, 0, 0xffff_ffff, 0xffff_fff8]) {
      for (const ahead of [-2, -1, 0, 1, 5, 14, 15, 16, 0x7fff_ffff, 0x8000_0000]) {
        const number = (last + ahead) >>> 0;
        const sequence = { transmit: 0, receive: last, known: true };
        const good = ahead <= 15 && ahead >= (isMeticulous(type) ? 1 : 0);
        const reason = verify(encoded({}, settings, number), settings, sequence, 5);
        strictEqual(reason, good ? null : "authentication_sequence", `${type} ${last} + ${ahead}`);
        strictEqual(sequence.receive, good ? number : last);
      }
    }
  }
});

Deno.test("[B7A-4] [B7A-5] a number is taken over after the digest was right, the first one too", () => {
  for (const type of HASHED) {
    const settings = authentication(type);
    const bytes = encoded({}, settings, 77);
    const forged = Uint8Array.from(bytes);
    forged[forged.length - 1]! ^= 1;
    const sequence = { ...FRESH };
    strictEqual(verify(forged, settings, sequence), "authentication_digest");
    deepStrictEqual(sequence, FRESH);
    strictEqual(verify(bytes, settings, sequence), null);
    deepStrictEqual(sequence, { transmit: 0, receive: 77, known: true });
  }
});

Deno.test("[B7A-9] an old valid packet is refused", () => {
  for (const type of HASHED) {
    const settings = authentication(type);
    const sequence = { ...FRESH };
    const old = encoded({}, settings, 10);
    strictEqual(verify(old, settings, sequence), null);
    // The very last one is a replay only where each packet has a number of its own.
    const again = isMeticulous(type) ? "authentication_sequence" : null;
    strictEqual(verify(old, settings, sequence), again);
    strictEqual(verify(encoded({}, settings, 11), settings, sequence), null);
    strictEqual(verify(old, settings, sequence), "authentication_sequence");
  }
});

Deno.test("[B7A-8] every key of the list is accepted, the first is sent with", () => {
  for (const type of AUTHENTICATION_TYPES) {
    const [old, fresh] = [{ id: 1, secret: secret("old") }, { id: 2, secret: secret("new") }];
    const steps = [[old], [old, fresh], [fresh, old], [fresh]].map((keys) =>
      authentication(type, { keys })
    );
    for (let i = 0; i + 1 < steps.length; i++) {
      const [before, after] = [steps[i]!, steps[i + 1]!];
      strictEqual(encoded({}, after)[26], after.keys[0]!.id);
      strictEqual(verify(encoded({}, before), after), null, `${type}: before to after, ${i}`);
      strictEqual(verify(encoded({}, after), before), null, `${type}: after to before, ${i}`);
    }
    strictEqual(verify(encoded({}, steps[3]), steps[0]!), "authentication_key");
  }
});

Deno.test("[B7A-11] [B7A-12] secrets are any bytes up to their longest, no others", () => {
  for (const type of AUTHENTICATION_TYPES) {
    const most = longestSecret(type);
    strictEqual(most, type.endsWith("sha1") ? 20 : 16);
    for (const length of [1, most]) {
      const bytes = Array.from({ length }, (_, i) => (i * 37) & 255);
      const settings = authentication(type, { keys: [{ id: 0, secret: bytes }] });
      strictEqual(verify(encoded({}, settings), settings), null);
    }
    for (const length of [0, most + 1]) {
      const keys = [{ id: 0, secret: new Array<number>(length).fill(1) }];
      throws(() => encoded({}, authentication(type, { keys })), RangeError);
    }
    throws(() => encoded({}, authentication(type, { keys: [] })), RangeError);
  }
});

Deno.test("what is signed verifies; one changed bit of it does not", () => {
  forSeeds(3000, (random) => {
    const settings = anyAuthentication(random);
    const sequence = random.int(0, 0xffff_ffff);
    const bytes = encoded(anyControl(random), settings, sequence);
    strictEqual(verify(bytes, settings), null);
    const bit = random.int(0, bytes.length * 8 - 1);
    bytes[bit >> 3]! ^= 1 << (bit & 7);
    // A simple password protects nothing but itself.
    if (settings.type === "simple" && bit < 24 * 8) return;
    ok(verify(bytes, settings) !== null, `bit ${bit} of a ${settings.type} packet`);
  });
});

Deno.test("50,000 mutated sections: a named reason or none, and no exception", () => {
  const seed = wantedSeed() ?? 1;
  const random = new Random(seed);
  const seen = new Set<string>();
  for (let i = 0; i < 50_000; i++) {
    const settings = anyAuthentication(random);
    const bytes = encoded(anyControl(random), random.chance(0.1) ? null : settings, 5);
    for (let n = random.int(0, 2); n > 0; n--) {
      const at = random.chance(0.7) ? random.int(24, 33) : random.int(0, 33);
      if (at < bytes.length) bytes[at] = random.pick([0, 1, 2, 5, 24, 28, random.int(0, 255)]);
    }
    const use = random.chance(0.1) ? null : settings;
    const state = { transmit: 0, receive: random.int(0, 10), known: random.chance(0.5) };
    const before = { ...state };
    const reason = verify(bytes, use, state, random.int(1, 3));
    if (reason !== null) {
      ok(DROP_REASONS.includes(reason));
      deepStrictEqual(state, before, "a refused packet changes nothing");
    }
    seen.add(reason ?? "accepted");
  }
  const wanted = DROP_REASONS.filter((reason) => reason.startsWith("authentication"));
  for (const reason of ["accepted", ...wanted]) {
    ok(seen.has(reason), `HALB_SEED=${seed}: ${reason}`);
  }
});
