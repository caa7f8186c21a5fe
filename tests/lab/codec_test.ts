/**
 * A codec is right when somebody else's dissector says so: adverts go into a capture file, and
 * tshark must read the same values, find each checksum good under the rule it was made by (and bad
 * under the other), and have nothing to complain about. No traffic, no privilege.
 */

import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import {
  encodeAdvertisement,
  encodeAdvertisement6,
  type OutgoingAdvertisement,
  VRRP_GROUP_IPV4,
  VRRP_GROUP_IPV6,
} from "../../mod/vrrp/mod.ts";
import { dissect, find, finished, withIpv6Header } from "../lib/dissector.ts";

type Rule = "rfc9568" | "rfc5798";

/** What is written, and what tshark must call it. */
interface Form {
  readonly name: string;
  readonly checksum: Rule;
  /** The setting of tshark under which the checksum is good; it matters to one version only. */
  readonly messageOnly: boolean;
  readonly intervals: readonly number[];
  /** `n` addresses. */
  readonly addresses: (n: number) => string[];
  readonly from: { readonly source: string; readonly destination: string };
  readonly packet: (advert: OutgoingAdvertisement) => Uint8Array;
  /** Fields that say what this form is. */
  readonly expect: (advert: OutgoingAdvertisement) => Readonly<Record<string, unknown>>;
}

const IPV4 = { source: "198.51.100.10", destination: VRRP_GROUP_IPV4 };
const IPV6 = { source: "fe80::10", destination: VRRP_GROUP_IPV6 };

function version3(checksum: Rule): Form {
  return {
    name: `version 3 over IPv4, checksum by ${checksum}`,
    checksum,
    messageOnly: checksum === "rfc9568",
    intervals: [10_000, 1_000_000, 40_950_000],
    addresses: (n) => Array.from({ length: n }, (_, i) => `203.0.113.${i}`),
    from: IPV4,
    packet: (advert) => finished(encodeAdvertisement({ ...advert, version: 3 })),
    expect: ({ interval, addresses }) => ({
      ...ipv4Header(),
      "vrrp.version": "3",
      "vrrp.short_adver_int": String(interval / 10_000),
      "vrrp.ip_addr": addresses,
    }),
  };
}

const VERSION_2: Form = {
  ...version3("rfc9568"),
  name: "version 2",
  messageOnly: false,
  intervals: [1_000_000, 7_000_000, 255_000_000],
  packet: (advert) => finished(encodeAdvertisement({ ...advert, version: 2 })),
  expect: ({ interval, addresses }) => ({
    ...ipv4Header(),
    "vrrp.version": "2",
    "vrrp.auth_type": "0",
    "vrrp.adver_int": String(interval / 1_000_000),
    "vrrp.ip_addr": addresses,
  }),
};

const VERSION_3_IPV6: Form = {
  ...version3("rfc5798"),
  name: "version 3 over IPv6",
  addresses: (n) => Array.from({ length: n }, (_, i) => i === 0 ? "fe80::64" : `2001:db8::${i}`),
  from: IPV6,
  packet: (advert) =>
    withIpv6Header(encodeAdvertisement6(advert), advert.source, advert.destination),
  expect: ({ interval, addresses }) => ({
    "frame.protocols": "raw:ipv6:vrrp",
    "ipv6.hlim": "255",
    "ipv6.nxt": "112",
    "ipv6.src": IPV6.source,
    "ipv6.dst": IPV6.destination,
    "vrrp.version": "3",
    "vrrp.short_adver_int": String(interval / 10_000),
    "vrrp.ipv6_addr": addresses,
  }),
};

function ipv4Header(): Readonly<Record<string, unknown>> {
  return {
    "frame.protocols": "raw:ip:vrrp",
    "ip.ttl": "255",
    "ip.proto": "112",
    "ip.src": IPV4.source,
    "ip.dst": IPV4.destination,
    "ip.checksum.status": "1",
  };
}

function adverts({ checksum, intervals, addresses, from }: Form): OutgoingAdvertisement[] {
  const list: OutgoingAdvertisement[] = [];
  for (const count of [1, 2, 20, 255]) {
    for (const priority of [0, 100, 255]) {
      for (const interval of intervals) {
        const virtualRouterId = 1 + (priority + count) % 255;
        const said = { virtualRouterId, priority, interval, addresses: addresses(count), checksum };
        list.push({ ...from, ...said });
      }
    }
  }
  return list;
}

for (const form of [version3("rfc9568"), version3("rfc5798"), VERSION_2, VERSION_3_IPV6]) {
  Deno.test(`[V7-2] [V7-3] [V7-6] [N15] tshark reads our adverts: ${form.name}`, async () => {
    const sent = adverts(form);
    const trees = await dissect(sent.map(form.packet), form.messageOnly);
    strictEqual(trees.length, sent.length);
    for (const [i, tree] of trees.entries()) {
      const advert = sent[i]!;
      const where = JSON.stringify(advert);
      for (const complaint of ["_ws.expert", "_ws.malformed", "_ws.short"]) {
        strictEqual(find(tree, complaint), undefined, `${complaint} on ${where}`);
      }
      const expected: Record<string, unknown> = {
        ...form.expect(advert),
        "vrrp.type": "1",
        "vrrp.virt_rtr_id": String(advert.virtualRouterId),
        "vrrp.prio": String(advert.priority),
        "vrrp.addr_count": String(advert.addresses.length),
        "vrrp.checksum.status": "1",
      };
      const fields = Object.keys(expected).map((name) => {
        const value = find(tree, name);
        return [name, Array.isArray(expected[name]) ? [value].flat() : value];
      });
      deepStrictEqual(Object.fromEntries(fields), expected, where);
    }
  });

  Deno.test(`tshark finds one changed bit in our adverts: ${form.name}`, async () => {
    const packets = adverts(form).map((advert) => {
      const packet = form.packet(advert);
      packet[packet.length - 1]! ^= 1;
      return packet;
    });
    for (const tree of await dissect(packets, form.messageOnly)) {
      strictEqual(find(tree, "vrrp.checksum.status"), "0");
      ok(find(tree, "_ws.expert") !== undefined);
    }
  });
}

for (const checksum of ["rfc9568", "rfc5798"] as const) {
  Deno.test(`tshark told the other rule finds ${checksum} adverts bad: it does look`, async () => {
    const form = version3(checksum);
    for (const tree of await dissect(adverts(form).map(form.packet), !form.messageOnly)) {
      strictEqual(find(tree, "vrrp.checksum.status"), "0");
    }
  });
}
