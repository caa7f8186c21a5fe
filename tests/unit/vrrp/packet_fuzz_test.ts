/** The codecs against noise and against themselves: properties over many packets, by seed. */

import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { formatIp, parseIp } from "../../../mod/ip/mod.ts";
import {
  decodeAdvertisement,
  decodeAdvertisement6,
  type DecodeOptions,
  DROP_REASONS,
  encodeAdvertisement,
  encodeAdvertisement6,
  type OutgoingAdvertisement,
} from "../../../mod/vrrp/mod.ts";
import { forSeeds, Random, wantedSeed } from "../../lib/random.ts";
import {
  expectedChecksum,
  expectedChecksum6,
  hex,
  internetChecksum,
  type Outgoing,
} from "./packet_fixtures.ts";

function anyBytes(random: Random, length: number): Uint8Array {
  return Uint8Array.from({ length }, () => random.int(0, 255));
}

function anyAddress(random: Random, size = 4): string {
  const bytes = anyBytes(random, size);
  // Runs of zeros make the short forms of IPv6.
  if (size === 16 && random.chance(0.5)) bytes.fill(0, random.int(0, 8), random.int(8, 16));
  return formatIp(bytes)!;
}

function anyAdvert(random: Random): Outgoing {
  const count = random.chance(0.1) ? random.int(1, 255) : random.int(1, 20);
  const version = random.chance(0.5) ? 2 : 3;
  return {
    version,
    source: anyAddress(random),
    destination: random.chance(0.8) ? "224.0.0.18" : anyAddress(random),
    virtualRouterId: random.int(1, 255),
    priority: random.int(0, 255),
    interval: version === 2 ? random.int(1, 255) * 1_000_000 : random.int(1, 4095) * 10_000,
    addresses: Array.from({ length: count }, () => anyAddress(random)),
    checksum: random.chance(0.5) ? "rfc9568" : "rfc5798",
  };
}

function anyAdvert6(random: Random): OutgoingAdvertisement {
  const count = random.chance(0.1) ? random.int(1, 255) : random.int(1, 6);
  return {
    source: anyAddress(random, 16),
    destination: random.chance(0.8) ? "ff02::12" : anyAddress(random, 16),
    virtualRouterId: random.int(1, 255),
    priority: random.int(0, 255),
    interval: random.int(1, 4095) * 10_000,
    addresses: Array.from({ length: count }, () => anyAddress(random, 16)),
    checksum: "rfc5798",
  };
}

function anyOptions(random: Random): DecodeOptions {
  const version = random.chance(0.3) ? 2 : 3;
  return { verifyChecksum: random.chance(0.8), version, version2: random.chance(0.7) };
}

Deno.test("[V7-2] IPv4: decode(encode(x)) = x, and encode(decode(b)) = b", () => {
  forSeeds(5000, (random) => {
    const advert = anyAdvert(random);
    const { version } = advert;
    const packet = encodeAdvertisement(advert);
    const options = { verifyChecksum: true, version, version2: version === 2 };
    const decoded = decodeAdvertisement(packet, packet.length, options);
    ok(decoded.ok, decoded.ok ? "" : `dropped: ${decoded.drop}`);
    const { destination, ...says } = advert;
    // One pair of addresses in 65,535 adds nothing to the sum: both rules are right, then.
    const both = expectedChecksum(packet, "rfc9568") === expectedChecksum(packet, "rfc5798");
    const checksum = both || version === 2 ? "rfc9568" : says.checksum;
    deepStrictEqual(decoded.advertisement, { ...says, checksum });
    const again = encodeAdvertisement({ ...decoded.advertisement, destination, checksum });
    strictEqual(hex(again), hex(packet));
  });
});

Deno.test("[V7-2] IPv6: decode(encode(x)) = x, and encode(decode(b)) = b", () => {
  forSeeds(5000, (random) => {
    const advert = anyAdvert6(random);
    const message = encodeAdvertisement6(advert);
    const [source, destination] = [parseIp(advert.source)!, parseIp(advert.destination)!];
    const from = { source, destination, hopLimit: 255 };
    const decoded = decodeAdvertisement6(message, message.length, from);
    ok(decoded.ok, decoded.ok ? "" : `dropped: ${decoded.drop}`);
    const { destination: to, ...says } = advert;
    deepStrictEqual(decoded.advertisement, { ...says, version: 3 });
    const again = { ...decoded.advertisement, destination: to, checksum: "rfc5798" } as const;
    strictEqual(hex(encodeAdvertisement6(again)), hex(message));
  });
});

/** Reasons that the codec itself gives, those of another family left out. */
const CODEC_REASONS = ["truncated", "ttl", "version", "type", "length", "checksum"];

Deno.test("50,000 random and mutated IPv4 buffers: a value or a named reason, no exception", () => {
  const seed = wantedSeed() ?? 1;
  const random = new Random(seed);
  const seen = new Map<string, number>();
  for (let i = 0; i < 50_000; i++) {
    const packet = random.chance(0.2) ? anyBytes(random, random.int(0, 120)) : mutated(random);
    const length = random.chance(0.1) ? random.int(0, packet.length + 5) : packet.length;
    const where = `HALB_SEED=${seed}, buffer ${i}, length ${length}: ${hex(packet)}`;
    try {
      const options = anyOptions(random);
      const decoded = decodeAdvertisement(packet, length, options);
      const reason = decoded.ok ? `accepted ${decoded.advertisement.version}` : decoded.drop;
      seen.set(reason, (seen.get(reason) ?? 0) + 1);
      if (!decoded.ok) ok((DROP_REASONS as readonly string[]).includes(decoded.drop));
      else checkAccepted(packet, length, options, decoded.advertisement);
    } catch (error) {
      throw new Error(where, { cause: error });
    }
  }
  // Every check of the codec was reached, and some packets of either version got through.
  const reached = [...CODEC_REASONS, "authentication", "address_count", "interval"];
  for (const reason of ["accepted 2", "accepted 3", ...reached]) {
    ok((seen.get(reason) ?? 0) > 0, `HALB_SEED=${seed}: no packet was "${reason}"`);
  }
});

function checkAccepted(
  packet: Uint8Array,
  length: number,
  options: DecodeOptions,
  { version, addresses, interval, checksum }: {
    readonly version: number;
    readonly addresses: readonly string[];
    readonly interval: number;
    readonly checksum: string;
  },
): void {
  const total = packet[2]! * 256 + packet[3]!;
  const header = (packet[0]! & 15) * 4;
  const tail = version === 2 ? 8 : 0;
  ok(total <= length && header + 8 + 4 * addresses.length + tail === total);
  ok(version === options.version || (version === 2 && options.version2));
  const unit = version === 2 ? 1_000_000 : 10_000;
  ok(interval >= unit && interval <= (version === 2 ? 255 : 4095) * unit && interval % unit === 0);
  ok(checksum === "rfc9568" || version === 3);
  if (checksum === "none") return ok(!options.verifyChecksum);
  const message = packet.slice(header, total);
  const pseudo = [...packet.subarray(12, 20), 0, 112, message.length >> 8, message.length & 255];
  const covered = checksum === "rfc9568" ? message : Uint8Array.from([...pseudo, ...message]);
  strictEqual(internetChecksum(covered), 0, "an accepted checksum is right");
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

Deno.test("50,000 random and mutated IPv6 messages: a value or a named reason, no exception", () => {
  const seed = wantedSeed() ?? 1;
  const random = new Random(seed);
  const seen = new Map<string, number>();
  for (let i = 0; i < 50_000; i++) {
    const advert = anyAdvert6(random);
    const message = random.chance(0.2)
      ? anyBytes(random, random.int(0, 120))
      : mutated6(random, advert);
    const length = random.chance(0.1) ? random.int(0, message.length + 5) : message.length;
    const hopLimit = random.chance(0.9) ? 255 : random.int(0, 255);
    const source = random.chance(0.02) ? anyBytes(random, 4) : parseIp(advert.source)!;
    const from = { source, destination: parseIp(advert.destination)!, hopLimit };
    const where = `HALB_SEED=${seed}, message ${i}, length ${length}: ${hex(message)}`;
    try {
      const decoded = decodeAdvertisement6(message, length, from, anyOptions(random));
      const reason = decoded.ok ? "accepted" : decoded.drop;
      seen.set(reason, (seen.get(reason) ?? 0) + 1);
      if (!decoded.ok) {
        ok((DROP_REASONS as readonly string[]).includes(decoded.drop));
        continue;
      }
      const { addresses, interval } = decoded.advertisement;
      strictEqual(8 + 16 * addresses.length, length);
      ok(interval >= 10_000 && interval <= 40_950_000);
      // How far a unicast sender may be is the driver's to say.
      ok(hopLimit === 255 || from.destination[0] !== 0xff);
      const right = expectedChecksum6(
        message.subarray(0, length),
        advert.source,
        advert.destination,
      );
      const sum = message[6]! * 256 + message[7]!;
      // Zero has two forms in one's complement.
      ok(sum === right || sum + right === 65_535, "an accepted checksum is right");
    } catch (error) {
      throw new Error(where, { cause: error });
    }
  }
  for (const reason of ["accepted", ...CODEC_REASONS, "address_count", "interval"]) {
    ok((seen.get(reason) ?? 0) > 0, `HALB_SEED=${seed}: no message was "${reason}"`);
  }
});

function mutated6(random: Random, advert: OutgoingAdvertisement): Uint8Array {
  const good = encodeAdvertisement6(advert);
  const room = random.chance(0.1) ? good.length + random.int(1, 30) : good.length;
  const message = random.chance(0.1) ? good.slice(0, 8) : new Uint8Array(room);
  message.set(good.subarray(0, message.length));
  if (message.length === 8) message[3] = 0;
  for (let i = random.int(0, 3); i > 0; i--) {
    const at = random.chance(0.7) ? random.int(0, 7) : random.int(0, message.length - 1);
    message[at] = random.chance(0.5) ? random.pick([0, 1, 5, 255]) : random.int(0, 255);
  }
  if (random.chance(0.05)) message.fill(0, 4, 6);
  if (random.chance(0.6)) {
    const sum = expectedChecksum6(message, advert.source, advert.destination);
    message[6] = sum >> 8;
    message[7] = sum & 255;
  }
  return message;
}
