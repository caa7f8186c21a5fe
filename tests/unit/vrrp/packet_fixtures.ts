/**
 * Packets for the codec's tests, and a second opinion on their checksums: written for the tests
 * from RFC 1071, sharing nothing with the codec.
 */

import { parseIp } from "../../../mod/ip/mod.ts";
import {
  encodeAdvertisement,
  encodeAdvertisement6,
  type OutgoingAdvertisement,
} from "../../../mod/vrrp/mod.ts";

/** An advert over IPv4 with its version. */
export type Outgoing = OutgoingAdvertisement & { readonly version: 2 | 3 };

export function outgoing(changed: Partial<Outgoing> = {}): Outgoing {
  return {
    version: 3,
    source: "198.51.100.10",
    destination: "224.0.0.18",
    virtualRouterId: 51,
    priority: 200,
    interval: 1_000_000,
    addresses: ["192.0.2.100"],
    checksum: "rfc9568",
    ...changed,
  };
}

export function outgoing6(changed: Partial<OutgoingAdvertisement> = {}): OutgoingAdvertisement {
  return {
    source: "fe80::10",
    destination: "ff02::12",
    virtualRouterId: 51,
    priority: 200,
    interval: 1_000_000,
    addresses: ["fe80::100"],
    checksum: "rfc5798",
    ...changed,
  };
}

export function bytes(hex: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(
    hex.replaceAll(/\s/g, "").match(/../g) ?? [],
    (pair) => parseInt(pair, 16),
  );
}

export function hex(data: Uint8Array): string {
  return Array.from(data, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The Internet checksum with end-around carry after each word. */
export function internetChecksum(data: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < data.length; i++) {
    sum += i % 2 === 0 ? data[i]! * 256 : data[i]!;
    if (sum >= 65_536) sum -= 65_535;
  }
  return 65_535 - sum;
}

/** The right checksum of the message in `packet`, whatever its checksum field holds. */
export function expectedChecksum(packet: Uint8Array, rule: "rfc9568" | "rfc5798"): number {
  const header = (packet[0]! % 16) * 4;
  const total = packet[2]! * 256 + packet[3]!;
  const message = Array.from(packet.subarray(header, total));
  message[6] = 0;
  message[7] = 0;
  const pseudo = rule === "rfc9568"
    ? []
    : [...packet.subarray(12, 20), 0, 112, message.length >> 8, message.length & 255];
  return internetChecksum(Uint8Array.from([...pseudo, ...message]));
}

/** The checksum of a message over IPv6 and of what else is in its payload. */
export function expectedChecksum6(message: Uint8Array, source: string, to: string): number {
  const { length } = message;
  const plain = Array.from(message);
  plain[6] = 0;
  plain[7] = 0;
  const pseudo = [...parseIp(source)!, ...parseIp(to)!, 0, 0, length >> 8, length & 255, 0, 0, 0];
  return internetChecksum(Uint8Array.from([...pseudo, 112, ...plain]));
}

/** A valid packet with some bytes replaced; the checksum is made right again unless it is one. */
export function changed(
  changes: Readonly<Record<number, number>>,
  keepChecksum = false,
  from: Partial<Outgoing> = {},
): Uint8Array<ArrayBuffer> {
  const packet = encodeAdvertisement(outgoing(from));
  for (const [at, value] of Object.entries(changes)) packet[Number(at)] = value;
  if (!keepChecksum) {
    const sum = expectedChecksum(packet, "rfc9568");
    packet[26] = sum >> 8;
    packet[27] = sum & 255;
  }
  return packet;
}

/** The same for a message over IPv6. */
export function changed6(
  changes: Readonly<Record<number, number>>,
  from: Partial<OutgoingAdvertisement> = {},
): Uint8Array<ArrayBuffer> {
  const advert = outgoing6(from);
  const message = encodeAdvertisement6(advert);
  for (const [at, value] of Object.entries(changes)) message[Number(at)] = value;
  const sum = expectedChecksum6(message, advert.source, advert.destination);
  message[6] = sum >> 8;
  message[7] = sum & 255;
  return message;
}
