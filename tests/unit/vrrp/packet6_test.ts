/** Version 3 over IPv6: its bytes, and every way to refuse them. */

import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { parseIp } from "../../../mod/ip/mod.ts";
import {
  decodeAdvertisement6,
  type DropReason,
  encodeAdvertisement6,
  type OutgoingAdvertisement,
  VRRP_GROUP_IPV6,
} from "../../../mod/vrrp/mod.ts";
import {
  bytes,
  changed6,
  expectedChecksum6,
  hex,
  internetChecksum,
  outgoing6,
} from "./packet_fixtures.ts";

const OPTIONS = { verifyChecksum: true, version: 3, version2: false } as const;

function origin(source = "fe80::10", destination = VRRP_GROUP_IPV6, hopLimit = 255) {
  return { source: parseIp(source)!, destination: parseIp(destination)!, hopLimit };
}

function decode(message: Uint8Array, from = origin(), options = OPTIONS) {
  return decodeAdvertisement6(message, message.length, from, options);
}

function dropped(message: Uint8Array, reason: DropReason, from = origin()): void {
  deepStrictEqual(decode(message, from), { ok: false, drop: reason });
}

function accepted(message: Uint8Array): void {
  const decoded = decode(message);
  strictEqual(decoded.ok, true, decoded.ok ? "" : `dropped: ${decoded.drop}`);
}

// fe80 + 10 + ff02 + 12 + 18 + 70 (pseudo header) + 3133 + c801 + 64 + fe80 + 100 = 3f744: 8b8.
const GOLDEN = bytes("3133c801 0064 08b8 fe80000000000000 0000000000000100");

Deno.test("[V7-2] [V7-6] golden bytes over IPv6", () => {
  strictEqual(hex(encodeAdvertisement6(outgoing6())), hex(GOLDEN));
  // The rule in dispute is not a matter of IPv6.
  strictEqual(hex(encodeAdvertisement6(outgoing6({ checksum: "rfc9568" }))), hex(GOLDEN));
});

Deno.test("[V7-6] the pseudo header is the one of a peer's vector: PROTOCOL.md section 5", () => {
  // Unicast from fe80::10 to fe80::20, with the 28 bytes of that peer's authentication behind it.
  const message = "3133c8010064a2e9 fe800000000000000000000000000100";
  const trailer = "010100006800000080000000 c8c56146ebfd66ee10ec4d8186461b78";
  strictEqual(expectedChecksum6(bytes(`${message} ${trailer}`), "fe80::10", "fe80::20"), 0xa2e9);
  // Without the trailer, by our encoder: the same but for the checksum, which is right again.
  const destination = "fe80::20";
  const ours = encodeAdvertisement6(outgoing6({ destination }));
  const sum = expectedChecksum6(ours, "fe80::10", destination);
  strictEqual(hex(ours), hex(bytes(message)).replace("a2e9", sum.toString(16).padStart(4, "0")));
});

Deno.test("[V7-2] golden bytes over IPv6 read back", () => {
  deepStrictEqual(decode(GOLDEN), {
    ok: true,
    advertisement: {
      version: 3,
      source: "fe80::10",
      virtualRouterId: 51,
      priority: 200,
      interval: 1_000_000,
      addresses: ["fe80::100"],
      checksum: "rfc5798",
    },
  });
});

Deno.test("[V7-6] checksums over IPv6 as computed a second time, for every count", () => {
  for (let count = 1; count <= 255; count++) {
    const addresses = Array.from({ length: count }, (_, i) => `2001:db8::${(i + 1).toString(16)}`);
    const message = encodeAdvertisement6(outgoing6({ addresses, priority: count }));
    strictEqual(message.length, 8 + 16 * count);
    const sum = new DataView(message.buffer).getUint16(6);
    strictEqual(sum, expectedChecksum6(message, "fe80::10", VRRP_GROUP_IPV6), `${count}`);
    const decoded = decode(message);
    deepStrictEqual(decoded.ok && decoded.advertisement.addresses, addresses);
  }
});

Deno.test("[V7-3] over IPv6, too, the interval is 12 bits of centiseconds", () => {
  for (const [interval, field] of [[10_000, 1], [1_000_000, 100], [40_950_000, 4095]] as const) {
    const message = encodeAdvertisement6(outgoing6({ interval }));
    strictEqual(new DataView(message.buffer).getUint16(4), field);
    const decoded = decode(message);
    strictEqual(decoded.ok && decoded.advertisement.interval, interval);
  }
  const reserved = decode(changed6({ 4: 0xf0 }));
  strictEqual(reserved.ok && reserved.advertisement.interval, 1_000_000);
});

Deno.test("what cannot be said over IPv6 is a RangeError that shows the value", () => {
  const wrong: [Partial<OutgoingAdvertisement>, string][] = [
    [{ addresses: [] }, "Cannot encode advertisement: address count is 0, not 1 to 255"],
    [
      { interval: 40_960_000 },
      "Cannot encode advertisement: interval in centiseconds is 4096, not 1 to 4095",
    ],
    [{ priority: 256 }, "Cannot encode advertisement: priority is 256, not 0 to 255"],
    [{ virtualRouterId: 0 }, "Cannot encode advertisement: virtual router id is 0, not 1 to 255"],
    [{ source: "198.51.100.10" }, 'Cannot encode "198.51.100.10": not an IPv6 address'],
    [{ destination: "224.0.0.18" }, 'Cannot encode "224.0.0.18": not an IPv6 address'],
    [{ addresses: ["fe80::1%eth0"] }, 'Cannot encode "fe80::1%eth0": not an IPv6 address'],
  ];
  for (const [change, message] of wrong) {
    throws(() => encodeAdvertisement6(outgoing6(change)), { name: "RangeError", message });
  }
});

// ===== the checks of section 7.1, in their order =================================================

Deno.test("IPv6: drop truncated: no header, or no origin", () => {
  for (let length = 0; length < 8; length++) dropped(GOLDEN.subarray(0, length), "truncated");
  deepStrictEqual(decodeAdvertisement6(GOLDEN, GOLDEN.length + 1, origin(), OPTIONS), {
    ok: false,
    drop: "truncated",
  });
  const short = new Uint8Array(15);
  dropped(GOLDEN, "truncated", { ...origin(), source: short });
  dropped(GOLDEN, "truncated", { ...origin(), destination: short });
  accepted(GOLDEN);
});

Deno.test("[V7-C1] IPv6: drop ttl: a hop limit other than 255", () => {
  for (const hopLimit of [-1, 0, 1, 64, 254, 256]) {
    dropped(GOLDEN, "ttl", origin("fe80::10", VRRP_GROUP_IPV6, hopLimit));
  }
});

Deno.test("[V7-2] IPv6: drop version: anything but 3, whatever else the router speaks", () => {
  for (let version = 0; version < 16; version++) {
    const message = changed6({ 0: version << 4 | 1 });
    if (version === 3) accepted(message);
    else dropped(message, "version");
    for (const options of [{ ...OPTIONS, version2: true }, { ...OPTIONS, version: 2 as const }]) {
      if (version === 3 && options.version === 3) continue;
      const decoded = decodeAdvertisement6(message, message.length, origin(), options);
      deepStrictEqual(decoded, { ok: false, drop: "version" });
    }
  }
});

Deno.test("IPv6: drop type: anything but an advertisement", () => {
  for (let type = 0; type < 16; type++) {
    if (type === 1) accepted(changed6({ 0: 0x31 }));
    else dropped(changed6({ 0: 0x30 | type }), "type");
  }
});

Deno.test("[V7-5] IPv6: drop length: exactly sixteen bytes for each address", () => {
  dropped(changed6({ 3: 2 }), "length");
  dropped(changed6({ 3: 0 }), "length");
  dropped(changed6({ 3: 4 }), "length"); // as if addresses had four bytes
  for (const extra of [1, 8, 28]) {
    const message = new Uint8Array(24 + extra);
    message.set(GOLDEN);
    dropped(message, "length");
  }
  // A longer buffer is no matter: the length counts.
  const buffer = new Uint8Array(2048);
  buffer.set(GOLDEN);
  strictEqual(decodeAdvertisement6(buffer, GOLDEN.length, origin(), OPTIONS).ok, true);
});

Deno.test("[V7-6] [N24] IPv6: drop checksum: each byte of message and pseudo header counts", () => {
  for (let at = 1; at < GOLDEN.length; at++) {
    if (at === 3) continue; // the count: that is the length's check
    const message = Uint8Array.from(GOLDEN);
    message[at]! ^= 0x10;
    dropped(message, "checksum");
  }
  dropped(GOLDEN, "checksum", origin("fe80::11"));
  dropped(GOLDEN, "checksum", origin("fe80::10", "ff02::13"));
});

Deno.test("[V7-6] [N24] IPv6 has one rule: no bare message, no leave to ignore it", () => {
  const bare = Uint8Array.from(GOLDEN);
  bare[6] = 0;
  bare[7] = 0;
  const sum = internetChecksum(bare);
  bare[6] = sum >> 8;
  bare[7] = sum & 255;
  dropped(bare, "checksum");
  const options = { ...OPTIONS, verifyChecksum: false };
  deepStrictEqual(decodeAdvertisement6(bare, bare.length, origin(), options), {
    ok: false,
    drop: "checksum",
  });
});

Deno.test("[V7-3] [V7-14] IPv6: drop address_count and interval of zero", () => {
  const empty = new Uint8Array(8);
  empty.set([0x31, 51, 200, 0, 0, 100]);
  const sum = expectedChecksum6(empty, "fe80::10", VRRP_GROUP_IPV6);
  empty[6] = sum >> 8;
  empty[7] = sum & 255;
  dropped(empty, "address_count");
  dropped(changed6({ 4: 0, 5: 0 }), "interval");
  dropped(changed6({ 4: 0xf0, 5: 0 }), "interval");
});

Deno.test("IPv6: where two things are wrong the earlier check names the reason", () => {
  const faults: [DropReason, (message: Uint8Array) => void][] = [
    ["version", (m) => m[0] = 0x20 | (m[0]! & 0x0f)],
    ["type", (m) => m[0] = (m[0]! & 0xf0) | 2],
    ["length", (m) => m[3] = 7],
    ["checksum", () => {}],
    ["interval", (m) => {
      m[4] = 0;
      m[5] = 0;
    }],
  ];
  for (const [i, [reason, first]] of faults.entries()) {
    for (const [other, second] of faults.slice(i)) {
      const message = Uint8Array.from(GOLDEN);
      second(message);
      first(message);
      const wrong = reason === "checksum" || other === "checksum" ? 0xff : 0;
      const sum = expectedChecksum6(message, "fe80::10", VRRP_GROUP_IPV6) ^ wrong;
      message[6] = sum >> 8;
      message[7] = sum & 255;
      const decoded = decode(message);
      strictEqual(decoded.ok ? "accepted" : decoded.drop, reason, `${reason} with ${other}`);
      dropped(message, "ttl", origin("fe80::10", VRRP_GROUP_IPV6, 64));
    }
  }
});
