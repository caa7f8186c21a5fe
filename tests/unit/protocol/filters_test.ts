/**
 * The filters on a real kernel, over a datagram socket instead of a raw one (IPv6 needs a real IP
 * header: `tests/lab/flood_test.ts`): each packet goes to exactly one of the two sockets, and to
 * the right one, as the codec sees it.
 */

import assert from "node:assert/strict";
import {
  attachFilter,
  bindSymbols,
  closeDescriptor,
  openSocketPair,
  receive,
  sendTo,
  SOCK_DGRAM,
} from "../../../ffi/mod.ts";
import { admittingFilter, refusingFilter } from "../../../mod/protocol/filters.ts";
import { NOBODY, type Served, type ServedIds } from "../../../mod/protocol/served.ts";
import {
  createAuthenticationState,
  encodeAdvertisement,
  headerFault,
  headerFaultBehind,
  PROTOCOL_AUTHENTICATION_HEADER,
  seal4,
  VRRP_GROUP_IPV4,
} from "../../../mod/vrrp/mod.ts";
import { hmac, Secret } from "../../../mod/secret/mod.ts";
import { forSeeds, type Random } from "../../lib/random.ts";

// Deno 2.5 would count a library that a test loads as a leak.
bindSymbols();

/** Which packets the filter lets through whole, as a string of digits. */
function through(filter: Uint8Array, packets: readonly Uint8Array[]): string {
  const [left, right] = openSocketPair(SOCK_DGRAM);
  const buffer = new Uint8Array(2048);
  try {
    attachFilter(right, filter);
    return packets.map((packet) => {
      sendTo(left, packet, packet.length, null, 0);
      const length = receive(right, buffer, 0);
      assert.ok(length < 0 || length === packet.length, `${length} of ${packet.length} bytes`);
      return length < 0 ? "0" : "1";
    }).join("");
  } finally {
    closeDescriptor(left);
    closeDescriptor(right);
  }
}

function advert(version: 2 | 3, virtualRouterId: number, count = 1): Uint8Array<ArrayBuffer> {
  return encodeAdvertisement({
    version,
    source: "192.0.2.2",
    destination: VRRP_GROUP_IPV4,
    virtualRouterId,
    priority: 100,
    interval: 1_000_000,
    addresses: Array.from({ length: count }, (_, i) => `192.0.2.${i + 1}`),
    checksum: "rfc5798",
  });
}

function other(packet: Uint8Array<ArrayBuffer>, bytes: Record<number, number>): Uint8Array {
  for (const [at, byte] of Object.entries(bytes)) packet[Number(at)] = byte;
  return packet;
}

/** The same packet with IP options. */
function withOptions(packet: Uint8Array, words: number): Uint8Array {
  const longer = new Uint8Array(packet.length + words * 4);
  longer.set(packet.subarray(0, 20));
  longer.set(packet.subarray(20), 20 + words * 4);
  longer[0] = 0x45 + words;
  new DataView(longer.buffer).setUint16(2, longer.length);
  return longer;
}

const IDS: ServedIds = { version3: new Set([1, 51, 128, 255]), version2: new Set([51, 52]) };
const NONE: ReadonlySet<number> = new Set();
const SERVED: Served = { ...NOBODY, groups: new Map([[VRRP_GROUP_IPV4, IDS]]) };

Deno.test("filters: what may be an advert for a router of ours is admitted, all else refused", () => {
  const cases: [name: string, packet: Uint8Array, admitted: boolean][] = [
    ["ours", advert(3, 51), true],
    ["ours in version 2", advert(2, 52), true],
    ["ours in both", advert(2, 51), true],
    ["version 2 only", advert(3, 52), false],
    ["version 3 only", advert(2, 128), false],
    ["somebody else's", advert(3, 50), false],
    ["the next one", advert(3, 2), false],
    ["another word of the set", advert(3, 83), false],
    ["the first id", advert(3, 1), true],
    ["the last id", advert(3, 255), true],
    ["id 0", other(advert(3, 51), { 21: 0 }), false],
    ["TTL 254", other(advert(3, 51), { 8: 254 }), false],
    ["version 4", other(advert(3, 51), { 20: 0x41 }), false],
    ["type 2", other(advert(3, 51), { 20: 0x32 }), false],
    ["announces more than it holds", other(advert(3, 51), { 23: 2 }), false],
    ["255 addresses", advert(3, 51, 255), true],
    ["one of them missing", advert(3, 51, 255).subarray(0, 20 + 8 + 254 * 4), false],
    ["version 2 without its tail", advert(2, 51).subarray(0, 32), false],
    ["nothing behind the IP header", advert(3, 51).subarray(0, 20), false],
    ["seven bytes", advert(3, 51).subarray(0, 27), false],
    ["IP options", withOptions(advert(3, 51), 10), true],
    ["IP options of somebody else", withOptions(advert(3, 50), 10), false],
    ["IP options and nothing more", withOptions(advert(3, 51), 10).subarray(0, 67), false],
    // For the codec to judge.
    ["a wrong checksum", other(advert(3, 51), { 26: 1 }), true],
    ["no addresses", other(advert(3, 51), { 23: 0 }), true],
  ];
  const packets = cases.map(([, packet]) => packet);
  const names = (digits: string) => cases.filter((_, i) => digits[i] === "1").map(([name]) => name);
  assert.deepEqual(
    names(through(admittingFilter("ipv4", SERVED), packets)),
    cases.filter(([, , admitted]) => admitted).map(([name]) => name),
  );
  assert.deepEqual(
    names(through(refusingFilter("ipv4", SERVED), packets)),
    cases.filter(([, , admitted]) => !admitted).map(([name]) => name),
  );
});

/** The same packet with an authentication header. */
function withHeader(packet: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const authentication = { type: "ah", password: Secret.ofText("secret") } as const;
  return seal4(packet, { authentication, state: createAuthenticationState(), hmac }, 0);
}

Deno.test("filters: adverts behind an authentication header are told apart like others", () => {
  const cases: [name: string, packet: Uint8Array, socket: "admitted" | "refused" | "neither"][] = [
    ["ours", withHeader(advert(2, 52)), "admitted"],
    ["255 addresses", withHeader(advert(2, 52, 255)), "admitted"],
    ["somebody else's", withHeader(advert(2, 53)), "refused"],
    ["TTL 254", other(withHeader(advert(2, 52)), { 8: 254 }), "refused"],
    ["version 3", other(withHeader(advert(2, 52)), { 44: 0x31 }), "refused"],
    ["announces more than it holds", other(withHeader(advert(2, 52)), { 47: 2 }), "refused"],
    ["seven bytes behind it", withHeader(advert(2, 52)).subarray(0, 44 + 7), "refused"],
    ["nothing behind it", withHeader(advert(2, 52)).subarray(0, 44), "refused"],
    ["half a header", withHeader(advert(2, 52)).subarray(0, 32), "refused"],
    ["IP options", withOptions(withHeader(advert(2, 52)), 10), "admitted"],
    // What else a host may have IPsec for.
    ["TCP behind it", other(withHeader(advert(2, 52)), { 20: 6 }), "neither"],
    ["nothing at all", withHeader(advert(2, 52)).subarray(0, 20), "neither"],
  ];
  const served = { ...NOBODY, groups: new Map([[VRRP_GROUP_IPV4, { ...IDS, version3: NONE }]]) };
  const packets = cases.map(([, packet]) => packet);
  const names = (digits: string) => cases.filter((_, i) => digits[i] === "1").map(([name]) => name);
  const wanted = (socket: string) => cases.filter((one) => one[2] === socket).map(([name]) => name);
  const protocol = PROTOCOL_AUTHENTICATION_HEADER;
  assert.deepEqual(
    names(through(admittingFilter("ipv4", served, protocol), packets)),
    wanted("admitted"),
  );
  const refused = through(refusingFilter("ipv4", served, protocol), packets);
  assert.deepEqual(names(refused), wanted("refused"));
  const options = { verifyChecksum: true, version: 2, version2: false } as const;
  const faults = cases.filter(([, , socket]) => socket !== "neither").map(([name, packet]) =>
    [name, headerFaultBehind(packet, packet.length, options)] as const
  );
  assert.deepEqual(faults.filter(([, fault]) => fault !== null), [
    ["TTL 254", "ttl"],
    ["version 3", "version"],
    ["announces more than it holds", "length"],
    ["seven bytes behind it", "truncated"],
    ["nothing behind it", "truncated"],
    ["half a header", "truncated"],
  ]);
});

Deno.test("filters: on noise, exactly one of the two takes it, and the codec agrees", () => {
  forSeeds(3, (random) => {
    const packets = Array.from({ length: 1000 }, () => noise(random));
    const admitted = through(admittingFilter("ipv4", SERVED), packets);
    const refused = through(refusingFilter("ipv4", SERVED), packets);
    packets.forEach((packet, i) => {
      const what = `packet ${i}: ${packet}`;
      assert.equal(Number(admitted[i]) + Number(refused[i]), 1, what);
      const id = packet[(packet[0]! & 15) * 4 + 1]!;
      const version = IDS.version3.has(id) ? 3 : 2;
      const version2 = IDS.version2.has(id);
      const options = { verifyChecksum: true, version, version2 } as const;
      const fault = headerFault(packet, packet.length, options);
      const ours = IDS.version3.has(id) || version2;
      if (fault === null) assert.equal(admitted[i] === "1", ours, what);
      // Longer than announced is the codec's business.
      else if (fault !== "length") assert.equal(refused[i], "1", `${fault} in ${what}`);
    });
  });
});

/** An advert with some of its fields and its end changed. */
function noise(random: Random): Uint8Array {
  const version = random.pick([2, 3] as const);
  const id = random.pick([1, 50, 51, 52, 128]);
  const whole = withOptions(advert(version, id, random.pick([1, 2, 5])), random.pick([0, 0, 1, 3]));
  const at = (whole[0]! & 15) * 4;
  if (random.chance(0.3)) whole[8] = random.int(0, 255);
  if (random.chance(0.3)) whole[at] = random.int(0, 255);
  if (random.chance(0.3)) whole[at + 3] = random.int(0, 6);
  const length = random.chance(0.3) ? random.int(at, whole.length) : whole.length;
  // The kernel delivers nothing that is shorter than its IP header says.
  new DataView(whole.buffer).setUint16(2, length);
  return whole.subarray(0, length);
}

/** The same packet to and from other addresses. */
function between(packet: Uint8Array<ArrayBuffer>, source: string, destination: string, ttl = 255) {
  packet.set(source.split(".").map(Number), 12);
  packet.set(destination.split(".").map(Number), 16);
  packet[8] = ttl;
  return packet;
}

Deno.test("filters: groups and unicast peers are told apart, each with its ids and distances", () => {
  const ids = (...all: number[]): ServedIds => ({ version3: new Set(all), version2: new Set() });
  const served: Served = {
    groups: new Map([[VRRP_GROUP_IPV4, ids(51)], ["224.0.0.118", ids(51, 52)]]),
    unicast: ids(53),
    sources: new Map([
      ["192.0.2.2", { least: 255, most: 255 }],
      ["198.51.100.2", { least: 250, most: 253 }],
    ]),
  };
  const own = "192.0.2.1";
  const peer = "192.0.2.2";
  const cases: [name: string, packet: Uint8Array, admitted: boolean][] = [
    ["usual group", between(advert(3, 51), peer, VRRP_GROUP_IPV4), true],
    ["other group", between(advert(3, 52), peer, "224.0.0.118"), true],
    ["only in the other group", between(advert(3, 52), peer, VRRP_GROUP_IPV4), false],
    ["no group of ours", between(advert(3, 51), peer, "224.0.0.119"), false],
    ["group, TTL 254", between(advert(3, 51), peer, "224.0.0.118", 254), false],
    ["peer", between(advert(3, 53), peer, own), true],
    ["peer, too far", between(advert(3, 53), peer, own, 254), false],
    ["peer of a group's router", between(advert(3, 51), peer, own), false],
    ["unicast router in a group", between(advert(3, 53), peer, VRRP_GROUP_IPV4), false],
    ["stranger", between(advert(3, 53), "192.0.2.3", own), false],
    ["distant peer", between(advert(3, 53), "198.51.100.2", own, 250), true],
    ["too near", between(advert(3, 53), "198.51.100.2", own, 254), false],
    ["too distant", between(advert(3, 53), "198.51.100.2", own, 249), false],
    ["version 2", between(advert(2, 53), peer, own), false],
    ["IP options", withOptions(between(advert(3, 53), peer, own), 10), true],
  ];
  const packets = cases.map(([, packet]) => packet);
  const names = (digits: string) => cases.filter((_, i) => digits[i] === "1").map(([name]) => name);
  const wanted = (admitted: boolean) =>
    cases.filter(([, , yes]) => yes === admitted).map(([name]) => name);
  assert.deepEqual(names(through(admittingFilter("ipv4", served), packets)), wanted(true));
  assert.deepEqual(names(through(refusingFilter("ipv4", served), packets)), wanted(false));
});

Deno.test("filters: the kernel takes those of the most groups and peers that there can be", () => {
  const all: ServedIds = { version3: IDS.version3, version2: IDS.version3 };
  const range = (i: number) => ({ least: 1 + (i % 255), most: 255 });
  for (const family of ["ipv4", "ipv6"] as const) {
    for (const count of [1, 20, 21, 100, 101, 200, 201, 2000]) {
      const six = family === "ipv6";
      const sources = Array.from({ length: count }, (_, i) => {
        const [high, low] = [i >> 8, i & 255];
        return [six ? `2001:db8::${i.toString(16)}` : `198.51.${high}.${low}`, range(i)] as const;
      });
      const groups = Array.from({ length: Math.min(count, 200) }, (_, i) => {
        return [six ? `ff02::1:${i.toString(16)}` : `224.0.1.${i}`, all] as const;
      });
      const served = { groups: new Map(groups), unicast: all, sources: new Map(sources) };
      const [a, b] = openSocketPair(SOCK_DGRAM);
      attachFilter(a, admittingFilter(family, served));
      attachFilter(b, refusingFilter(family, served));
      closeDescriptor(a);
      closeDescriptor(b);
    }
  }
});
