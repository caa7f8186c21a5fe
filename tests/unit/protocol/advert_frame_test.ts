/** Adverts as frames: every byte around the message, beside what a raw socket would have sent. */

import assert from "node:assert/strict";
import { advertFrame } from "../../../mod/protocol/advert_frame.ts";
import { decodeAdvertisement, encodeAdvertisement } from "../../../mod/vrrp/mod.ts";

const ADVERT = {
  source: "192.0.2.1",
  destination: "224.0.0.18",
  virtualRouterId: 51,
  priority: 150,
  interval: 1_000_000,
  addresses: ["192.0.2.10"],
  checksum: "rfc9568",
  version: 3,
} as const;

const hex = (bytes: Uint8Array) => bytes.toHex();

/** Sum of the 16-bit words of an IP header, folded: 0xffff where its checksum is right. */
function headerSum(ip: Uint8Array): number {
  let sum = 0;
  for (let at = 0; at < 20; at += 2) sum += (ip[at]! << 8) | ip[at + 1]!;
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return sum;
}

Deno.test("[V7-C8] an IPv4 advert leaves from the virtual MAC to its group, its header complete", () => {
  const packet = encodeAdvertisement(ADVERT);
  const before = packet.slice();
  const mac = "00:00:5e:00:01:33";
  const frame = advertFrame("ipv4", packet, mac, ADVERT.source, ADVERT.destination);
  assert.equal(hex(frame.subarray(0, 14)), "01005e000012" + "00005e000133" + "0800");
  const ip = frame.subarray(14);
  assert.equal(headerSum(ip), 0xffff);
  const decoded = decodeAdvertisement(ip, ip.length);
  assert(decoded.ok);
  assert.equal(decoded.advertisement.priority, 150);
  assert.deepEqual(packet, before, "the packet itself is as it was");
});

Deno.test("an IPv4 group goes to its own Ethernet address, of which 23 bits count", () => {
  const packet = encodeAdvertisement({ ...ADVERT, destination: "239.129.2.3" });
  const frame = advertFrame("ipv4", packet, "02:00:00:00:00:01", ADVERT.source, "239.129.2.3");
  assert.equal(hex(frame.subarray(0, 12)), "01005e010203" + "020000000001");
});

Deno.test("an IPv6 advert gets its header: class, length, hop limit, addresses", () => {
  const message = Uint8Array.of(0x31, 51, 150, 1, 0, 100, 0xab, 0xcd, ...new Uint8Array(16));
  const frame = advertFrame("ipv6", message, "00:00:5e:00:02:33", "fe80::1", "ff02::12");
  assert.equal(hex(frame.subarray(0, 14)), "333300000012" + "00005e000233" + "86dd");
  assert.equal(
    hex(frame.subarray(14, 54)),
    "6c000000" + "0018" + "70" + "ff" +
      "fe800000000000000000000000000001" + "ff020000000000000000000000000012",
  );
  assert.deepEqual(frame.subarray(54), message);
  assert.throws(
    () => advertFrame("ipv6", message, "00:00:5e:00:02:33", "192.0.2.1", "ff02::12"),
    RangeError,
  );
});
