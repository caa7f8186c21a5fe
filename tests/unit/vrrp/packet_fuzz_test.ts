/** The codec against noise and against itself: properties over many packets, by seed. */

import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { decodeAdvertisement, DROP_REASONS, encodeAdvertisement } from "../../../mod/vrrp/mod.ts";
import { forSeeds, Random, wantedSeed } from "../../lib/random.ts";
import { expectedChecksum, hex, internetChecksum, type Outgoing } from "./packet_fixtures.ts";

function anyAddress(random: Random): string {
  return Array.from({ length: 4 }, () => random.int(0, 255)).join(".");
}

function anyAdvert(random: Random): Outgoing {
  const count = random.chance(0.1) ? random.int(1, 255) : random.int(1, 20);
  return {
    version: 3,
    source: anyAddress(random),
    destination: random.chance(0.8) ? "224.0.0.18" : anyAddress(random),
    virtualRouterId: random.int(1, 255),
    priority: random.int(0, 255),
    interval: random.int(1, 4095) * 10_000,
    addresses: Array.from({ length: count }, () => anyAddress(random)),
    checksum: random.chance(0.5) ? "rfc9568" : "rfc5798",
  };
}

Deno.test("decode(encode(x)) = x, and encode(decode(b)) = b", () => {
  forSeeds(5000, (random) => {
    const advert = anyAdvert(random);
    const packet = encodeAdvertisement(advert);
    const decoded = decodeAdvertisement(packet, packet.length);
    ok(decoded.ok, decoded.ok ? "" : `dropped: ${decoded.drop}`);
    const { destination, ...says } = advert;
    // One pair of addresses in 65,535 adds nothing to the sum: both rules are right, then.
    const both = expectedChecksum(packet, "rfc9568") === expectedChecksum(packet, "rfc5798");
    const checksum = both ? "rfc9568" : says.checksum;
    deepStrictEqual(decoded.advertisement, { ...says, checksum });
    const again = encodeAdvertisement({
      ...decoded.advertisement,
      destination,
      checksum,
    });
    strictEqual(hex(again), hex(packet));
  });
});

Deno.test("50,000 random and mutated buffers: a value or a named reason, never an exception", () => {
  const seed = wantedSeed() ?? 1;
  const random = new Random(seed);
  const seen = new Map<string, number>();
  for (let i = 0; i < 50_000; i++) {
    const packet = random.chance(0.2) ? noise(random) : mutated(random);
    const length = random.chance(0.1) ? random.int(0, packet.length + 5) : packet.length;
    const where = `HALB_SEED=${seed}, buffer ${i}, length ${length}: ${hex(packet)}`;
    try {
      const verifyChecksum = random.chance(0.8);
      const options = { verifyChecksum, version: 3, version2: false } as const;
      const decoded = decodeAdvertisement(packet, length, options);
      const reason = decoded.ok ? "accepted" : decoded.drop;
      seen.set(reason, (seen.get(reason) ?? 0) + 1);
      if (!decoded.ok) ok((DROP_REASONS as readonly string[]).includes(decoded.drop));
      else {
        const { advertisement } = decoded;
        const total = packet[2]! * 256 + packet[3]!;
        const header = (packet[0]! & 15) * 4;
        ok(total <= length && header + 8 + 4 * advertisement.addresses.length === total);
        ok(advertisement.interval >= 10_000 && advertisement.interval <= 40_950_000);
        if (advertisement.checksum !== "none") {
          const message = packet.slice(header, total);
          const pseudo = [...packet.subarray(12, 20), 0, 112, message.length >> 8];
          const covered = advertisement.checksum === "rfc9568"
            ? message
            : Uint8Array.from([...pseudo, message.length & 255, ...message]);
          strictEqual(internetChecksum(covered), 0, "an accepted checksum is right");
        }
      }
    } catch (error) {
      throw new Error(where, { cause: error });
    }
  }
  // Every check of the codec was reached, and some packets got through.
  const reached = ["accepted", ...DROP_REASONS.slice(0, DROP_REASONS.indexOf("checksum") + 1)];
  for (const reason of [...reached, "address_count", "interval"]) {
    ok((seen.get(reason) ?? 0) > 0, `HALB_SEED=${seed}: no packet was "${reason}"`);
  }
});

function noise(random: Random): Uint8Array {
  return Uint8Array.from({ length: random.int(0, 120) }, () => random.int(0, 255));
}

/** A good packet, then a few bytes changed; sometimes the checksum is made right again. */
function mutated(random: Random): Uint8Array {
  const good = encodeAdvertisement(anyAdvert(random));
  const packet = new Uint8Array(good.length + (random.chance(0.3) ? random.int(1, 30) : 0));
  packet.set(good);
  const likely = [0, 2, 3, 8, 9, 20, 21, 22, 23, 24, 25, 26, 27, 28];
  for (let i = random.int(0, 3); i > 0; i--) {
    const at = random.chance(0.7) ? random.pick(likely) : random.int(0, packet.length - 1);
    packet[at] = random.chance(0.5) ? random.pick([0, 1, 5, 255, 28, 32]) : random.int(0, 255);
  }
  if (random.chance(0.2)) {
    packet[3] = 28;
    packet[2] = 0;
    packet[23] = 0;
  }
  const header = (packet[0]! & 15) * 4;
  const total = packet[2]! * 256 + packet[3]!;
  if (random.chance(0.6) && header >= 20 && total >= header + 8 && total <= packet.length) {
    const sum = expectedChecksum(packet, "rfc9568");
    packet[header + 6] = sum >> 8;
    packet[header + 7] = sum & 255;
  }
  return packet;
}
