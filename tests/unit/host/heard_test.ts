/** Adverts as they are heard, and what is found between them and a site. */

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import type { SiteConfig } from "../../../config/mod.ts";
import { type HeardAdvert, heardIn } from "../../../mod/host/heard.ts";
import { listeningTime } from "../../../mod/host/listen.ts";
import {
  type HeardOn,
  type NetworkReading,
  wireFindings,
} from "../../../mod/host/wire_findings.ts";
import { Secret } from "../../../mod/secret/mod.ts";
import { appendTrailer4 } from "../../../mod/vrrp/authentication_trailer.ts";
import { stampAt } from "../../../mod/vrrp/authentication_stamp.ts";
import { encodeAdvertisement, encodeAdvertisement6 } from "../../../mod/vrrp/mod.ts";
import { loadValid } from "../config/fixtures.ts";

const ADVERT = {
  source: "192.0.2.2",
  destination: "224.0.0.18",
  virtualRouterId: 51,
  priority: 100,
  interval: 1_000_000,
  addresses: ["192.0.2.10", "192.0.2.11"],
  checksum: "rfc9568",
} as const;
/** Microseconds since 1970. */
const NOW = 1_800_000_000_000_000;
const KEY = "a key of thirty-two characters !";

const EXPECTED: HeardAdvert = {
  family: "ipv4",
  source: "192.0.2.2",
  version: 3,
  virtualRouterId: 51,
  priority: 100,
  interval: 1_000_000,
  addresses: ["192.0.2.10", "192.0.2.11"],
  ahead: null,
};

function signed(packet: Uint8Array, time: number): Uint8Array {
  const hmac = (_: string, key: Uint8Array, bytes: Uint8Array) =>
    createHmac("sha256", key).update(bytes).digest();
  return appendTrailer4(packet, { keyId: 1, stamp: stampAt(time) }, Secret.ofText(KEY), hmac);
}

/** An authentication header with MD5 (RFC 2402) before the message. */
function behindHeader(packet: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(packet.length + 24);
  bytes.set(packet.subarray(0, 20));
  bytes.set([112, 4], 20);
  bytes.set(packet.subarray(20), 44);
  bytes[9] = 51;
  new DataView(bytes.buffer).setUint16(2, bytes.length);
  return bytes;
}

function overIpv6(message: Uint8Array): Uint8Array {
  const packet = new Uint8Array(40 + message.length);
  packet.set([0x60, 0, 0, 0, 0, message.length, 112, 255]);
  packet.set([0xfe, 0x80], 8);
  packet[23] = 2;
  packet.set(message, 40);
  return packet;
}

Deno.test("heard: adverts of both versions and families, signed, padded, behind a header", () => {
  const three = encodeAdvertisement({ ...ADVERT, version: 3 });
  const two = encodeAdvertisement({ ...ADVERT, version: 2 });
  assert.deepEqual(heardIn(three, NOW), EXPECTED);
  assert.deepEqual(heardIn(two, NOW), { ...EXPECTED, version: 2 });
  assert.deepEqual(heardIn(behindHeader(two), NOW), { ...EXPECTED, version: 2 });
  const padded = new Uint8Array(60);
  padded.set(three);
  assert.deepEqual(heardIn(padded, NOW), EXPECTED);
  for (const packet of [three, two]) {
    const version = packet === two ? 2 : 3;
    const heard = heardIn(signed(packet, NOW - 7_000_000), NOW);
    assert.deepEqual(heard, { ...EXPECTED, version, ahead: -7 });
  }
  const six = { ...ADVERT, source: "fe80::2", destination: "ff02::12", addresses: ["fe80::10"] };
  assert.deepEqual(heardIn(overIpv6(encodeAdvertisement6(six)), NOW), {
    ...EXPECTED,
    family: "ipv6",
    source: "fe80::2",
    addresses: ["fe80::10"],
  });
});

Deno.test("heard: what is cut off or made up is no advert, and never a crash", () => {
  const whole = [
    encodeAdvertisement({ ...ADVERT, version: 3 }),
    encodeAdvertisement({ ...ADVERT, version: 2 }),
    behindHeader(encodeAdvertisement({ ...ADVERT, version: 2 })),
  ];
  for (const packet of whole) {
    for (let length = 0; length < packet.length; length++) {
      const heard = heardIn(packet.subarray(0, length), NOW);
      // Version 2 says nothing behind its addresses.
      if (heard !== undefined) {
        assert.deepEqual({ ...heard, ahead: null }, { ...EXPECTED, version: 2 });
      }
    }
  }
  let seed = 1;
  for (let round = 0; round < 20_000; round++) {
    const packet = whole[round % 3]!.slice();
    for (let i = 0; i < 3; i++) {
      seed = (seed * 1_103_515_245 + 12_345) & 0x7fff_ffff;
      packet[seed % packet.length] = seed >> 16;
    }
    heardIn(packet, NOW);
  }
});

const SITE = `
[[vrrp]]
name = "web"
interface = "eth0"
virtual_router_id = 51
addresses = ["192.0.2.10/24", "192.0.2.11/24"]
`;
const HMAC = `[vrrp.auth]\ntype = "hmac"\nkeys = [{ id = 1, key = "${KEY}" }]\n`;
const CLAIM = { namespace: "", interface: "eth0", address: "192.0.2.11", mac: "02:00:00:00:00:07" };

function site(text = SITE): SiteConfig {
  return loadValid({ "site.toml": text });
}

function heard(more: Partial<HeardOn> = {}): NetworkReading {
  const one = { ...EXPECTED, priority: 150, namespace: "", interface: "eth0", ...more };
  return { problem: null, heard: [one], claims: [] };
}

const silent: NetworkReading = { problem: null, heard: [], claims: [] };

/** What is heard, by which site, and the codes that say so. */
const CASES: readonly [string, SiteConfig, NetworkReading, readonly string[]][] = [
  ["nothing", site(), silent, []],
  ["the other node", site(), heard(), []],
  ["its claims beside it", site(), { ...heard(), claims: [CLAIM] }, []],
  ["the same id on another interface", site(), heard({ interface: "eth1", addresses: [] }), []],
  ["another pair", site(), heard({ addresses: ["192.0.2.77"] }), ["virtual-router-id-taken"]],
  ["another id", site(), heard({ virtualRouterId: 52 }), [
    "virtual-router-id-differs",
    "virtual-router-id-differs",
  ]],
  ["another pair with another id", site(), heard({ virtualRouterId: 52, addresses: [] }), []],
  ["an address less", site(), heard({ addresses: ["192.0.2.10"] }), ["addresses-differ"]],
  ["version 2", site(), heard({ version: 2 }), ["version-differs"]],
  [
    "both versions, of which we speak one",
    site(),
    { ...silent, heard: [...heard().heard, ...heard({ version: 2 }).heard] },
    [],
  ],
  [
    "version 2 where that is meant",
    site(`${SITE}v2_compatibility = true\n`),
    heard({ version: 2 }),
    [],
  ],
  [
    "another interval in version 2",
    site(`${SITE}version = 2\n`),
    heard({ version: 2, interval: 2_000_000 }),
    ["interval-differs"],
  ],
  ["another interval in version 3", site(), heard({ interval: 100_000 }), []],
  ["two owners", site(`${SITE}priority = 255\n`), heard({ priority: 255 }), ["two-owners"]],
  ["the same priority", site(), heard({ priority: 100 }), ["same-priority"]],
  ["clocks together", site(SITE + HMAC), heard({ ahead: 2 }), []],
  ["clocks apart", site(SITE + HMAC), heard({ ahead: -4 }), ["clock-offset"]],
  ["clocks far apart", site(SITE + HMAC), heard({ ahead: 60 }), ["clock-offset"]],
  [
    "clocks that do not matter",
    site(`${SITE}${HMAC}anti_replay = "monotonic"\n`),
    heard({ ahead: 60 }),
    [],
  ],
  ["a holder that says nothing", site(), { ...silent, claims: [CLAIM] }, ["adverts-missing"]],
  ["nothing could be heard", site(), { ...silent, problem: "EPERM" }, ["not-listened"]],
];

for (const [title, config, network, expected] of CASES) {
  Deno.test(`doctor hears: ${title}`, () => {
    assert.deepEqual(wireFindings(config, network).map(({ code }) => code), expected);
  });
}

Deno.test("doctor hears: clocks beyond the window are an error, an id that is free is named", () => {
  const [far] = wireFindings(site(SITE + HMAC), heard({ ahead: -60 }));
  assert.equal(far?.gravity, "error");
  assert.match(far.message, /192\.0\.2\.2 on eth0 is 60 s behind ours/);
  const [near] = wireFindings(site(SITE + HMAC), heard({ ahead: 4 }));
  assert.equal(near?.gravity, "warning");
  const others = [
    { ...EXPECTED, namespace: "", interface: "eth0", addresses: ["192.0.2.77"] },
    {
      ...EXPECTED,
      namespace: "",
      interface: "eth0",
      addresses: ["192.0.2.78"],
      virtualRouterId: 52,
    },
  ];
  const [taken] = wireFindings(site(), { ...silent, heard: others });
  assert.match(taken!.advice, /such as 53,/);
});

Deno.test("doctor hears: long enough for three adverts, and not for ever", () => {
  assert.equal(listeningTime(site()), 3_200);
  assert.equal(listeningTime(site(`${SITE}advertisement_interval = "100ms"\n`)), 1_000);
  assert.equal(listeningTime(site(`${SITE}advertisement_interval = "40s"\n`)), 10_000);
});
