/** The codec: bytes as the standard and the peers write them, and every way to refuse a packet. */

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

function decode(packet: Uint8Array, verify = true): ReturnType<typeof decodeAdvertisement> {
  const options = { verifyChecksum: verify, version: 3, version2: false } as const;
  return decodeAdvertisement(packet, packet.length, options);
}

function dropped(packet: Uint8Array, reason: DropReason): void {
  deepStrictEqual(decode(packet), { ok: false, drop: reason });
}

function accepted(packet: Uint8Array): void {
  const decoded = decode(packet);
  strictEqual(decoded.ok, true, decoded.ok ? "" : `dropped: ${decoded.drop}`);
}

// PROTOCOL.md section 5: the message of the IPv4 vector, checksum by RFC 9568; and with the pseudo
// header of a default keepalived.
const IP = "45c0 0020 0000 0000 ff70 0000 c633640a e0000012";
const GOLDEN = bytes(`${IP} 3133c801 0064 4402 c0000264`);
const GOLDEN_PSEUDO = bytes(`${IP} 3133c801 0064 3935 c0000264`);

Deno.test("[V7-6] golden bytes: checksum over the message alone", () => {
  strictEqual(hex(encodeAdvertisement(outgoing())), hex(GOLDEN));
});

Deno.test("[V7-6] golden bytes: checksum with the pseudo header of RFC 5798", () => {
  strictEqual(hex(encodeAdvertisement(outgoing({ checksum: "rfc5798" }))), hex(GOLDEN_PSEUDO));
});

Deno.test("golden bytes: three addresses in order, priority 0, 40.95 s, id 255", () => {
  const packet = encodeAdvertisement(outgoing({
    virtualRouterId: 255,
    priority: 0,
    interval: 40_950_000,
    addresses: ["203.0.113.1", "192.0.2.1", "192.0.2.2"],
  }));
  const message = "31ff0003 0fff fdf7 cb007101 c0000201 c0000202";
  strictEqual(hex(packet.subarray(20)), message.replaceAll(" ", ""));
  strictEqual(packet[3], 40);
});

Deno.test("[V7-2] [V7-6] golden bytes read back, each with the rule of its checksum", () => {
  const says = {
    version: 3,
    source: "198.51.100.10",
    virtualRouterId: 51,
    priority: 200,
    interval: 1_000_000,
    addresses: ["192.0.2.100"],
  };
  deepStrictEqual(decode(GOLDEN), { ok: true, advertisement: { ...says, checksum: "rfc9568" } });
  deepStrictEqual(decode(GOLDEN_PSEUDO), {
    ok: true,
    advertisement: { ...says, checksum: "rfc5798" },
  });
});

Deno.test("[V7-6] both checksums as computed a second time, for every count of addresses", () => {
  for (let count = 1; count <= 255; count++) {
    const addresses = Array.from({ length: count }, (_, i) => `203.0.113.${(i * 7) % 256}`);
    for (const checksum of ["rfc9568", "rfc5798"] as const) {
      const packet = encodeAdvertisement(outgoing({ addresses, checksum, priority: count }));
      const sum = new DataView(packet.buffer).getUint16(26);
      strictEqual(sum, expectedChecksum(packet, checksum), `${count} addresses, ${checksum}`);
    }
  }
});

Deno.test("[V7-C1] [V7-C2] what is sent: TTL 255, protocol 112, no options, network control", () => {
  const packet = encodeAdvertisement(outgoing());
  deepStrictEqual([packet[0], packet[1], packet[8], packet[9]], [0x45, 0xc0, 255, 112]);
});

Deno.test("[V7-3] [N15] the interval is 12 bits of centiseconds: 100 ms is 10, 1 s is 100", () => {
  for (
    const [interval, field] of [[10_000, 1], [100_000, 10], [1_000_000, 100], [40_950_000, 4095]]
  ) {
    const packet = encodeAdvertisement(outgoing({ interval: interval! }));
    strictEqual(new DataView(packet.buffer).getUint16(24), field);
    const decoded = decode(packet);
    strictEqual(decoded.ok && decoded.advertisement.interval, interval);
  }
});

Deno.test("the four reserved bits are ignored on receipt", () => {
  const decoded = decode(changed({ 24: 0xf0 }));
  strictEqual(decoded.ok && decoded.advertisement.interval, 1_000_000);
});

Deno.test("what cannot be said is a RangeError that shows the value", () => {
  const wrong: [Partial<Outgoing>, string][] = [
    [{ addresses: [] }, "Cannot encode advertisement: address count is 0, not 1 to 255"],
    [
      { addresses: Array<string>(256).fill("192.0.2.1") },
      "Cannot encode advertisement: address count is 256, not 1 to 255",
    ],
    [{ interval: 0 }, "Cannot encode advertisement: interval in centiseconds is 0, not 1 to 4095"],
    [
      { interval: 15_000 },
      "Cannot encode advertisement: interval in centiseconds is 1.5, not 1 to 4095",
    ],
    [
      { interval: 40_960_000 },
      "Cannot encode advertisement: interval in centiseconds is 4096, not 1 to 4095",
    ],
    [{ priority: 256 }, "Cannot encode advertisement: priority is 256, not 0 to 255"],
    [{ priority: -1 }, "Cannot encode advertisement: priority is -1, not 0 to 255"],
    [{ virtualRouterId: 0 }, "Cannot encode advertisement: virtual router id is 0, not 1 to 255"],
    [{ source: "edge-a" }, 'Cannot encode "edge-a": not an IPv4 address'],
    [{ destination: "ff02::12" }, 'Cannot encode "ff02::12": not an IPv4 address'],
    [{ addresses: ["192.0.2.1/24"] }, 'Cannot encode "192.0.2.1/24": not an IPv4 address'],
  ];
  for (const [change, message] of wrong) {
    throws(() => encodeAdvertisement(outgoing(change)), { name: "RangeError", message });
  }
});

// ===== the checks of section 7.1, in their order =================================================

Deno.test("drop truncated: no IPv4 packet, or less than it says", () => {
  const whole = changed({});
  for (let length = 0; length < whole.length; length++) {
    dropped(whole.subarray(0, length), "truncated");
  }
  accepted(whole);
  dropped(changed({ 0: 0x65 }), "truncated"); // IP version 6
  dropped(changed({ 0: 0x44 }, true), "truncated"); // header of 16 bytes
  dropped(changed({ 3: 33 }, true), "truncated"); // one byte more than there is
  dropped(changed({ 3: 27 }, true), "truncated"); // no room for a VRRP header
  deepStrictEqual(decodeAdvertisement(whole, 33), { ok: false, drop: "truncated" });
});

Deno.test("[V7-C2] drop truncated: another protocol is not ours, AH neither", () => {
  dropped(changed({ 9: 51 }), "truncated");
  dropped(changed({ 9: 111 }), "truncated");
  accepted(changed({ 9: 112 }));
});

Deno.test("[V7-C1] drop ttl: anything but 255", () => {
  for (const ttl of [0, 1, 64, 254]) dropped(changed({ 8: ttl }), "ttl");
  accepted(changed({ 8: 255 }));
});

Deno.test("drop version: 2 and all others; a CARP frame among them", () => {
  for (let version = 0; version < 16; version++) {
    if (version === 3) accepted(changed({ 20: 0x31 }));
    else dropped(changed({ 20: version << 4 | 1 }), "version");
  }
  // CARP: version 2, type 1, protocol 112, group 224.0.0.18; its 36 bytes could be 7 addresses,
  // and its fourth byte says 7: only the version tells.
  const carp = new Uint8Array(56);
  carp.set(encodeAdvertisement(outgoing()).subarray(0, 20));
  carp.set([0x21, 1, 0, 7, 0, 1, 0, 0], 20);
  carp[3] = 56;
  dropped(carp, "version");
});

Deno.test("drop type: anything but an advertisement", () => {
  for (let type = 0; type < 16; type++) {
    if (type === 1) accepted(changed({ 20: 0x31 }));
    else dropped(changed({ 20: 0x30 | type }), "type");
  }
});

Deno.test("drop length: fewer or more addresses than the count says", () => {
  dropped(changed({ 23: 2 }), "length");
  dropped(changed({ 23: 0 }), "length");
  accepted(changed({ 23: 1 }));
  // The whole list must be there (section 7.1): cut off by the IP header's total length.
  dropped(changed({ 3: 32 }, true, { addresses: ["192.0.2.1", "192.0.2.2"] }), "length");
});

Deno.test("[V7-5] drop length: version 3 has no authentication data, of no kind", () => {
  for (const extra of [8, 28]) {
    const packet = new Uint8Array(32 + extra);
    packet.set(changed({}));
    packet[3] = packet.length;
    dropped(packet, "length");
  }
});

Deno.test("padding behind the IP packet is not part of it", () => {
  // A frame of 46 bytes: Ethernet's least. Whatever the padding holds.
  const padded = new Uint8Array(46).fill(0xa5);
  padded.set(changed({}));
  accepted(padded);
  deepStrictEqual(decode(padded), decode(changed({})));
});

Deno.test("[N18] IP options are skipped, and are no part of either checksum", () => {
  for (const rule of ["rfc9568", "rfc5798"] as const) {
    for (let words = 6; words <= 15; words++) {
      const plain = encodeAdvertisement(outgoing({ checksum: rule }));
      const packet = new Uint8Array(words * 4 + 12).fill(1); // "no operation"
      packet.set(plain.subarray(0, 20));
      packet.set(plain.subarray(20), words * 4);
      packet[0] = 0x40 | words;
      packet[3] = packet.length;
      deepStrictEqual(decode(packet), decode(plain));
    }
  }
});

Deno.test("[V7-6] [N24] drop checksum: right under neither rule", () => {
  for (let bit = 0; bit < 16; bit++) {
    const packet = Uint8Array.from(GOLDEN);
    packet[26 + (bit >> 3)]! ^= 1 << (bit & 7);
    dropped(packet, "checksum");
  }
  // Every byte of the message counts.
  for (const at of [21, 22, 25, 28, 31]) {
    const packet = Uint8Array.from(GOLDEN_PSEUDO);
    packet[at]! ^= 0x10;
    dropped(packet, "checksum");
  }
});

Deno.test("[V7-6] the pseudo header counts source and destination, the plain rule neither", () => {
  const other = (packet: Uint8Array, at: number) => {
    const copy = Uint8Array.from(packet);
    copy[at]! ^= 1;
    return copy;
  };
  dropped(other(GOLDEN_PSEUDO, 15), "checksum");
  dropped(other(GOLDEN_PSEUDO, 19), "checksum");
  accepted(other(GOLDEN, 15));
  accepted(other(GOLDEN, 19));
});

Deno.test("checksum = ignore: any checksum passes, and the advert says that none was right", () => {
  const packet = changed({ 26: 0, 27: 0 }, true);
  dropped(packet, "checksum");
  const decoded = decode(packet, false);
  strictEqual(decoded.ok && decoded.advertisement.checksum, "none");
  const right = decode(GOLDEN_PSEUDO, false);
  strictEqual(right.ok && right.advertisement.checksum, "rfc5798");
});

Deno.test("[V7-14] drop address_count: an advert of no addresses is ignored", () => {
  const packet = changed({ 3: 28, 23: 0 }).subarray(0, 28);
  dropped(packet, "address_count");
});

Deno.test("[V7-3] drop interval: zero is no interval", () => {
  dropped(changed({ 24: 0, 25: 0 }), "interval");
  dropped(changed({ 24: 0xf0, 25: 0 }), "interval");
  accepted(changed({ 24: 0, 25: 1 }));
});

Deno.test("where two things are wrong the earlier check names the reason", () => {
  // Each entry breaks one check; broken together with any later one, it must be the one named.
  const faults: [DropReason, (packet: Uint8Array) => void][] = [
    ["truncated", (p) => p[9] = 51],
    ["ttl", (p) => p[8] = 254],
    ["version", (p) => p[20] = 0x20 | (p[20]! & 0x0f)],
    ["type", (p) => p[20] = (p[20]! & 0xf0) | 2],
    ["length", (p) => p[23] = 7],
    ["checksum", (p) => p[27]! ^= 0xff],
    ["address_count", (p) => {
      p[3] = 28;
      p[23] = 0;
    }],
    ["interval", (p) => {
      p[24] = 0;
      p[25] = 0;
    }],
  ];
  for (let i = 0; i < faults.length; i++) {
    for (let j = i; j < faults.length; j++) {
      const packet = changed({});
      const [reason, first] = faults[i]!;
      const [, second] = faults[j]!;
      if (i !== j) second(packet);
      first(packet);
      if (reason !== "checksum") {
        // Later breakage must not hide behind a checksum that it has made wrong.
        const sum = expectedChecksum(packet, "rfc9568") ^ (faults[j]![0] === "checksum" ? 0xff : 0);
        packet[26] = sum >> 8;
        packet[27] = sum & 255;
      }
      const decoded = decodeAdvertisement(packet, packet.length);
      strictEqual(
        decoded.ok ? "accepted" : decoded.drop,
        reason,
        `${reason} with ${faults[j]![0]}`,
      );
    }
  }
});
