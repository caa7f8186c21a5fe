/** Version 2 (RFC 3768): its bytes, and every way to refuse them. */

import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import {
  decodeAdvertisement,
  type DropReason,
  encodeAdvertisement,
} from "../../../mod/vrrp/mod.ts";
import {
  bytes,
  changed,
  expectedChecksum,
  hex,
  type Outgoing,
  outgoing,
} from "./packet_fixtures.ts";

type Speaks = "2" | "3" | "3 and 2";

function decode(packet: Uint8Array, speaks: Speaks = "2", verifyChecksum = true) {
  const version = speaks === "2" ? 2 : 3;
  const options = { verifyChecksum, version, version2: speaks === "3 and 2" } as const;
  return decodeAdvertisement(packet, packet.length, options);
}

function dropped(packet: Uint8Array, reason: DropReason): void {
  for (const speaks of ["2", "3 and 2"] as const) {
    deepStrictEqual(decode(packet, speaks), { ok: false, drop: reason });
  }
}

function accepted(packet: Uint8Array): void {
  for (const speaks of ["2", "3 and 2"] as const) {
    const decoded = decode(packet, speaks);
    strictEqual(decoded.ok, true, decoded.ok ? "" : `dropped: ${decoded.drop}`);
  }
}

function v2(changes: Readonly<Record<number, number>> = {}, from: Partial<Outgoing> = {}) {
  return changed(changes, false, { version: 2, ...from });
}

// 2133 + c801 + 0001 + c000 + 0264 = 1ab99, folded ab9a, inverted 5465.
const IP = "45c0 0028 0000 0000 ff70 0000 c633640a e0000012";
const GOLDEN = bytes(`${IP} 2133c801 0001 5465 c0000264 0000000000000000`);

Deno.test("[V7-3] [V7-5] [V7-6] golden bytes of version 2", () => {
  strictEqual(hex(encodeAdvertisement(outgoing({ version: 2 }))), hex(GOLDEN));
  // The rule in dispute is not a matter of version 2.
  const other = encodeAdvertisement(outgoing({ version: 2, checksum: "rfc5798" }));
  strictEqual(hex(other), hex(GOLDEN));
});

Deno.test("[V7-2] [V7-3] [V7-6] golden bytes of version 2 read back", () => {
  for (const speaks of ["2", "3 and 2"] as const) {
    deepStrictEqual(decode(GOLDEN, speaks), {
      ok: true,
      advertisement: {
        version: 2,
        source: "198.51.100.10",
        virtualRouterId: 51,
        priority: 200,
        interval: 1_000_000,
        addresses: ["192.0.2.100"],
        checksum: "rfc9568",
      },
    });
  }
});

Deno.test("golden bytes of version 2: three addresses, priority 0, 255 s, id 255", () => {
  const packet = encodeAdvertisement(outgoing({
    version: 2,
    virtualRouterId: 255,
    priority: 0,
    interval: 255_000_000,
    addresses: ["203.0.113.1", "192.0.2.1", "192.0.2.2"],
  }));
  // 21ff + 0003 + 00ff + cb00 + 7101 + c000 + 0201 + c000 + 0202 = 2e305, folded e307.
  const message = "21ff0003 00ff 1cf8 cb007101 c0000201 c0000202 00000000 00000000";
  strictEqual(hex(packet.subarray(20)), message.replaceAll(" ", ""));
  strictEqual(packet[3], 48);
});

Deno.test("[V7-3] version 2 states whole seconds, 1 to 255; all else is a RangeError", () => {
  for (const seconds of [1, 2, 255]) {
    const interval = seconds * 1_000_000;
    const packet = encodeAdvertisement(outgoing({ version: 2, interval }));
    strictEqual(packet[25], seconds);
    const decoded = decode(packet);
    strictEqual(decoded.ok && decoded.advertisement.interval, interval);
  }
  for (const seconds of [0, 0.1, 1.5, 256]) {
    throws(
      () => encodeAdvertisement(outgoing({ version: 2, interval: seconds * 1_000_000 })),
      {
        name: "RangeError",
        message: `Cannot encode advertisement: interval in seconds is ${seconds}, not 1 to 255`,
      },
    );
  }
});

Deno.test("[V7-6] version 2 checksums as computed a second time, for every count of addresses", () => {
  for (let count = 1; count <= 255; count++) {
    const addresses = Array.from({ length: count }, (_, i) => `203.0.113.${(i * 7) % 256}`);
    const packet = encodeAdvertisement(outgoing({ version: 2, addresses, priority: count }));
    strictEqual(packet.length, 20 + 8 + 4 * count + 8);
    const sum = new DataView(packet.buffer).getUint16(26);
    strictEqual(sum, expectedChecksum(packet, "rfc9568"), `${count} addresses`);
    accepted(packet);
  }
});

Deno.test("[V7-17] who speaks which version: 2, 3, or 3 and 2", () => {
  const three = encodeAdvertisement(outgoing());
  const answers = (packet: Uint8Array) =>
    (["2", "3", "3 and 2"] as const).map((speaks) => {
      const decoded = decode(packet, speaks);
      return decoded.ok ? decoded.advertisement.version : decoded.drop;
    });
  deepStrictEqual(answers(GOLDEN), [2, "version", 2]);
  deepStrictEqual(answers(three), ["version", 3, 3]);
  for (let version = 0; version < 16; version++) {
    if (version === 2 || version === 3) continue;
    const drops = ["version", "version", "version"];
    deepStrictEqual(answers(v2({ 20: version << 4 | 1 })), drops);
  }
});

Deno.test("version 2: drop truncated, ttl, type as in version 3", () => {
  const whole = v2();
  for (let length = 0; length < whole.length; length++) {
    dropped(whole.subarray(0, length), "truncated");
  }
  for (const ttl of [0, 1, 64, 254]) dropped(v2({ 8: ttl }), "ttl");
  for (let type = 0; type < 16; type++) {
    if (type !== 1) dropped(v2({ 20: 0x20 | type }), "type");
  }
  accepted(whole);
});

Deno.test("[V7-5] drop length: version 2 always has eight bytes of authentication data", () => {
  const bare = v2({ 3: 32 });
  dropped(bare.subarray(0, 32), "length");
  dropped(v2({ 23: 2 }), "length");
  dropped(v2({ 23: 0 }), "length");
  for (const extra of [4, 28]) {
    const packet = new Uint8Array(40 + extra);
    packet.set(v2());
    packet[3] = packet.length;
    dropped(packet, "length");
  }
  // In the other direction: the eight bytes look like two more addresses to nobody.
  const counted = v2({ 20: 0x31, 23: 3 });
  strictEqual(decode(counted, "3").ok, true);
});

Deno.test("drop length: a CARP frame, which has protocol, group and first byte of version 2", () => {
  // Version 2, type 1, id, skew, authentication length 7, pad, interval, checksum, counter, digest.
  const carp = new Uint8Array(56).fill(0x5a);
  carp.set(GOLDEN.subarray(0, 20));
  carp.set([0x21, 1, 0, 7, 0, 1, 0, 0], 20);
  carp[3] = 56;
  const sum = expectedChecksum(carp, "rfc9568");
  carp[26] = sum >> 8;
  carp[27] = sum & 255;
  dropped(carp, "length");
});

Deno.test("[V7-6] [N24] drop checksum: every byte of a version 2 message counts", () => {
  for (const at of [21, 22, 24, 25, 26, 27, 28, 31, 32, 39]) {
    const packet = Uint8Array.from(GOLDEN);
    packet[at]! ^= 0x10;
    dropped(packet, "checksum");
  }
});

Deno.test("[V7-6] [N24] version 2 has one rule: no pseudo header, no leave to ignore it", () => {
  const pseudo = v2();
  const sum = expectedChecksum(pseudo, "rfc5798");
  pseudo[26] = sum >> 8;
  pseudo[27] = sum & 255;
  dropped(pseudo, "checksum");
  deepStrictEqual(decode(pseudo, "2", false), { ok: false, drop: "checksum" });
  deepStrictEqual(decode(pseudo, "3 and 2", false), { ok: false, drop: "checksum" });
});

Deno.test("[V7-5] drop authentication: every type but 0", () => {
  accepted(v2({ 24: 0 }));
  for (const type of [1, 2, 3, 254, 255]) dropped(v2({ 24: type }), "authentication");
});

Deno.test("[V7-5] with type 0 the authentication data is ignored on receipt", () => {
  const packet = v2({ 32: 0x73, 33: 0x65, 39: 0x74 });
  accepted(packet);
  deepStrictEqual(decode(packet), decode(GOLDEN));
});

Deno.test("[V7-3] [V7-14] version 2: drop address_count and interval of zero", () => {
  dropped(v2({ 3: 36, 23: 0 }).subarray(0, 36), "address_count");
  dropped(v2({ 25: 0 }), "interval");
});

Deno.test("[N18] version 2 behind IP options, and padded", () => {
  const packet = new Uint8Array(24 + 20 + 5).fill(1);
  packet.set(GOLDEN.subarray(0, 20));
  packet.set(GOLDEN.subarray(20), 24);
  packet[0] = 0x46;
  packet[3] = 44;
  deepStrictEqual(decode(packet), decode(GOLDEN));
});

Deno.test("version 2: where two things are wrong the earlier check names the reason", () => {
  const faults: [DropReason, (packet: Uint8Array) => void][] = [
    ["truncated", (p) => p[9] = 51],
    ["ttl", (p) => p[8] = 254],
    ["version", (p) => p[20] = 0x40 | (p[20]! & 0x0f)],
    ["type", (p) => p[20] = (p[20]! & 0xf0) | 2],
    ["length", (p) => p[23] = 7],
    ["checksum", (p) => p[27]! ^= 0xff],
    ["authentication", (p) => p[24] = 1],
    ["address_count", (p) => {
      p[3] = 36;
      p[23] = 0;
    }],
    ["interval", (p) => p[25] = 0],
  ];
  for (const [i, [reason, first]] of faults.entries()) {
    for (const [other, second] of faults.slice(i)) {
      const packet = v2();
      if (other !== reason && other !== "checksum") second(packet);
      if (reason !== "checksum") first(packet);
      const wrong = reason === "checksum" || other === "checksum" ? 0xff : 0;
      const sum = expectedChecksum(packet, "rfc9568") ^ wrong;
      packet[26] = sum >> 8;
      packet[27] = sum & 255;
      const decoded = decode(packet);
      strictEqual(decoded.ok ? "accepted" : decoded.drop, reason, `${reason} with ${other}`);
    }
  }
});
