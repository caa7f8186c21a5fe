/**
 * Routes and rules beside the bytes that `ip` (iproute2 6.1) sends for the same words: the fixed
 * part byte by byte, the attributes whatever their order is.
 */

import { strict as assert } from "node:assert";
import {
  addRule,
  deleteRule,
  describeRoute,
  describeRule,
  dropRoute,
  HALB_PROTOCOL,
  MessageWriter,
  type NetlinkMessage,
  putRoute,
  readRoute,
  readRule,
  type RouteForm,
  routeKey,
  type RuleForm,
  ruleKey,
  shownRouteKey,
  splitMessages,
} from "../../../mod/netlink/mod.ts";

/** The interface that `dev eth0` was when the bytes were taken. */
const ETH0 = 3;
const NESTED = new Set([8, 9, 22]);

function bytesOf(hex: string): Uint8Array {
  return Uint8Array.from(hex.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function only(bytes: Uint8Array): NetlinkMessage {
  const { messages, problem } = splitMessages(bytes);
  assert.equal(problem, undefined);
  assert.equal(messages.length, 1);
  return messages[0]!;
}

/** Attributes in the order of their types. Those of next hops stand behind each. */
function attributes(bytes: Uint8Array, route: boolean): string[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const found: [number, string][] = [];
  for (let at = 0; at < bytes.length;) {
    const length = view.getUint16(at, true);
    assert(length >= 4 && at + length <= bytes.length);
    const type = view.getUint16(at + 2, true) & 0x3fff;
    const value = bytes.slice(at + 4, at + length);
    const text = route && NESTED.has(type)
      ? type === 9 ? hops(value) : `[${attributes(value, false).join(" ")}]`
      : hexOf(value);
    // `ip` names the network of an IPv6 default route, which is all zeros.
    if (!(route && type === 1 && /^0{32}$/.test(text))) found.push([type, text]);
    at += (length + 3) & ~3;
  }
  return found.sort(([a], [b]) => a - b).map(([type, text]) => `${type}:${text}`);
}

function hops(bytes: Uint8Array): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const words: string[] = [];
  for (let at = 0; at < bytes.length; at += view.getUint16(at, true)) {
    const length = view.getUint16(at, true);
    const inner = attributes(bytes.slice(at + 8, at + length), false);
    words.push(`${hexOf(bytes.slice(at + 2, at + 8))}{${inner.join(" ")}}`);
  }
  return words.join(" ");
}

/** What a request says, its sequence number left out. */
function told(bytes: Uint8Array, route: boolean): unknown {
  const { type, flags, payload } = only(bytes);
  const head = hexOf(payload.slice(0, 12));
  return { type, flags, head, attributes: attributes(payload.slice(12), route) };
}

const ROUTES: readonly (readonly [string, RouteForm<number>, string])[] = [
  [
    "default via 192.0.2.9 table 100 src 192.0.2.5",
    {
      to: "0.0.0.0/0",
      type: "unicast",
      table: 100,
      source: "192.0.2.5",
      hops: [{ via: "192.0.2.9" }],
    },
    "2c00000018000506c4b9016b0000000002000000647000010000000008000500c000020908000700c0000205",
  ],
  [
    "blackhole 198.51.100.0/28",
    { to: "198.51.100.0/28", type: "blackhole", table: 254, hops: [] },
    "2400000018000506c4b9016b00000000021c0000fe7000060000000008000100c6336400",
  ],
  [
    "throw 198.51.100.16/28 table 1000 metric 6",
    { to: "198.51.100.16/28", type: "throw", table: 1000, metric: 6, hops: [] },
    "3400000018000506c4b9016b00000000021c0000007000090000000008000100c633641008000f00e8030000" +
    "0800060006000000",
  ],
  [
    "203.0.113.128/25 dev eth0 scope link tos 0x16 realms 1/2 and all metrics",
    {
      to: "203.0.113.128/25",
      type: "unicast",
      table: 254,
      tos: 22,
      scope: 253,
      realms: 0x10002,
      hops: [{ interface: ETH0 }],
      metrics: {
        lock: 0x2084,
        mtu: 1400,
        window: 1000,
        rtt: 240,
        rttvar: 20,
        ssthresh: 30,
        cwnd: 20,
        advmss: 1360,
        reordering: 5,
        hoplimit: 9,
        initcwnd: 11,
        features: 1,
        rto_min: 40,
        initrwnd: 12,
        quickack: 1,
        fastopen_no_cookie: 1,
      },
      congestion: "reno",
    },
    "c000000018000506c4b9016b0000000002190016fe70fd010000000008000100cb00718008000b0002000100" +
    "08000400030000008c000800080002007805000008000300e803000008000400f000000008000500140000000" +
    "80006001e00000008000700140000000800080050050000080009000500000008000a000900000008000b000b" +
    "00000008000c000100000008000d002800000008000e000c00000008000f00010000000800100072656e6f080" +
    "01100010000000800010084200000",
  ],
  [
    "198.51.100.128/25 with two next hops, the other onlink",
    {
      to: "198.51.100.128/25",
      type: "unicast",
      table: 254,
      hops: [
        { via: "192.0.2.7", interface: ETH0, weight: 2 },
        { via: "203.0.113.7", interface: ETH0, onlink: true },
      ],
    },
    "4800000018000506c4b9016b0000000002190000fe7000010000000008000100c63364802400090010000001" +
    "0300000008000500c0000207100004000300000008000500cb007107",
  ],
  [
    "encap mpls 100/200 ttl 9 via 192.0.2.9",
    {
      to: "198.51.100.32/28",
      type: "unicast",
      table: 254,
      hops: [{
        via: "192.0.2.9",
        encapsulation: { type: "mpls", labels: [100, 200], ttl: 9 },
      }],
    },
    "4c00000018000506c4b9016b00000000021c0000fe7000010000000008000100c6336420180016800c000100" +
    "00064000000c81000500020009d00100060015000100010008000500c0000209",
  ],
  [
    "encap ip id 42 dst 192.0.2.9 src 192.0.2.5 ttl 3 tos 16 dev eth0",
    {
      to: "198.51.100.32/28",
      type: "unicast",
      table: 254,
      hops: [{
        interface: ETH0,
        encapsulation: {
          type: "ip",
          id: 42,
          destination: "192.0.2.9",
          source: "192.0.2.5",
          ttl: 3,
          tos: 22,
        },
      }],
    },
    "6400000018000506c4b9016b00000000021c0000fe70fd010000000008000100c6336420300016800c000100" +
    "000000000000002a08000200c000020908000300c00002050500040003e101000500050016e10100060015000" +
    "20000000800040003000000",
  ],
  [
    "IPv6 default via 2001:db8::9 metric 100 pref high table 100",
    {
      to: "::/0",
      type: "unicast",
      table: 100,
      metric: 100,
      hops: [{ via: "2001:db8::9" }],
      preference: "high",
    },
    "5400000018000506c4b9016b000000000a000000647000010000000014000100000000000000000000000000" +
    "000000001400050020010db800000000000000000000000908000600640000000500140001000000",
  ],
  [
    "2001:db8:3::/48 encap ip6 id 42 dst 2001:db8::9 dev eth0",
    {
      to: "2001:db8:3::/48",
      type: "unicast",
      table: 254,
      hops: [{
        interface: ETH0,
        encapsulation: { type: "ip6", id: 42, destination: "2001:db8::9" },
      }],
    },
    "6400000018000506c5b9016b000000000a300000fe700001000000001400010020010db80003000000000000" +
    "00000000240016800c000100000000000000002a1400020020010db800000000000000000000000906001500" +
    "040000000800040003000000",
  ],
];

for (const [name, route, golden] of ROUTES) {
  Deno.test(`route as ip sends it: ${name}`, () => {
    const writer = new MessageWriter();
    putRoute(writer, 1, route, HALB_PROTOCOL, "create");
    assert.deepEqual(told(writer.finish(), true), told(bytesOf(golden), true));
    const read = readRoute(only(writer.finish()));
    assert(read.ok);
    const metric = route.to.includes(":") && route.metric === undefined ? 1024 : undefined;
    assert.equal(shownRouteKey(read.value), routeKey({ ...route, ...(metric && { metric }) }));
  });
}

Deno.test("a route is replaced as ip replaces it, and removed by what it is known by", () => {
  const route: RouteForm<number> = {
    to: "198.51.100.0/28",
    type: "unicast",
    table: 254,
    hops: [{ via: "192.0.2.9", interface: ETH0, onlink: true }],
  };
  const writer = new MessageWriter();
  putRoute(writer, 1, route, HALB_PROTOCOL, "replace");
  const golden = "3400000018000505c5b9016b00000000021c0000fe7000010400000008000100c63364000800" +
    "0500c00002090800040003000000";
  assert.deepEqual(told(writer.finish(), true), told(bytesOf(golden), true));
  const removal = new MessageWriter();
  dropRoute(removal, 1, { ...route, metric: 5, table: 1000, tos: 16 }, HALB_PROTOCOL);
  assert.deepEqual(told(removal.finish(), true), {
    type: 25,
    flags: 5,
    head: "021c00100070ff0000000000",
    attributes: ["1:c6336400", "6:05000000", "15:e8030000"],
  });
});

const RULES: readonly (readonly [string, RuleForm, string])[] = [
  [
    "1000: from 203.0.113.0/24 lookup 100",
    { family: 4, priority: 1000, action: "table", table: 100, from: "203.0.113.0/24" },
    "3400000020000506c5b9016b0000000002001800640000010000000008000200cb00710008000600e8030000" +
    "0500150070000000",
  ],
  [
    "1001: not from all to 198.51.100.0/24 tos 16 fwmark 0x7/0xff iif eth0 oif lo goto 2000",
    {
      family: 4,
      priority: 1001,
      action: "goto",
      goto: 2000,
      not: true,
      to: "198.51.100.0/24",
      iif: "eth0",
      oif: "lo",
      tos: 22,
      fwmark: 7,
      fwmask: 255,
    },
    "6000000020000506c5b9016b0000000002180016000000020200000008000100c63364000900030065746830" +
    "00000000070011006c6f000008000a000700000008001000ff00000008000600e90300000500150070000000" +
    "08000400d0070000",
  ],
  [
    "1002: from all uidrange 1000-1999 ipproto 6 sport 443-443 dport 8000-8999 tun_id 42 lookup " +
    "254 suppress_prefixlength 0 suppress_ifgroup 3",
    {
      family: 4,
      priority: 1002,
      action: "table",
      table: 254,
      realms: 0x10002,
      uids: [1000, 1999],
      ipProtocol: 6,
      sourcePorts: [443, 443],
      destinationPorts: [8000, 8999],
      suppressPrefixLength: 0,
      suppressGroup: 3,
      tunnelId: 42,
    },
    "7400000020000506c5b9016b0000000002000000fe000001000000000c001400e8030000cf07000005001600" +
    "0600000008001700bb01bb0108001800401f27230c000c00000000000000002a08000e000000000008000d00" +
    "0300000008000b000200010008000600ea0300000500150070000000",
  ],
  [
    "1003: from all lookup [l3mdev-table]",
    { family: 4, priority: 1003, action: "table", l3mdev: true },
    "3400000020000506c5b9016b00000000020000000000000100000000050013000100000008000600eb030000" +
    "0500150070000000",
  ],
  [
    "1004: from 2001:db8:5::/48 prohibit",
    { family: 6, priority: 1004, action: "prohibit", from: "2001:db8:5::/48" },
    "4000000020000506c5b9016b000000000a00300000000008000000001400020020010db80005000000000000" +
    "0000000008000600ec0300000500150070000000",
  ],
  [
    "1006: from all fwmark 0x9 unreachable",
    { family: 4, priority: 1006, action: "unreachable", fwmark: 9 },
    "3400000020000506c5b9016b0000000002000000000000070000000008000a000900000008000600ee030000" +
    "0500150070000000",
  ],
  [
    "2000: from all nop",
    { family: 4, priority: 2000, action: "nop" },
    "2c00000020000506c5b9016b0000000002000000000000030000000008000600d00700000500150070000000",
  ],
  [
    "1007: from 203.0.113.0/24 lookup 1000",
    { family: 4, priority: 1007, action: "table", table: 1000, from: "203.0.113.0/24" },
    "3c00000020000506c5b9016b0000000002001800000000010000000008000200cb00710008000f00e8030000" +
    "08000600ef0300000500150070000000",
  ],
];

for (const [name, rule, golden] of RULES) {
  Deno.test(`rule as ip sends it, and read again: ${name}`, () => {
    const writer = new MessageWriter();
    addRule(writer, 1, rule, HALB_PROTOCOL);
    assert.deepEqual(told(writer.finish(), false), told(bytesOf(golden), false));
    const read = readRule(only(bytesOf(golden)));
    assert(read.ok);
    assert.equal(read.value.protocol, HALB_PROTOCOL);
    assert.equal(ruleKey(read.value.rule), ruleKey(rule));
    assert.equal(describeRule(rule).replace("tos 22", "tos 16"), name);
    const removal = new MessageWriter();
    deleteRule(removal, 1, rule, HALB_PROTOCOL);
    assert.equal(only(removal.finish()).type, 33);
    assert.equal(hexOf(only(removal.finish()).payload), hexOf(only(writer.finish()).payload));
  });
}

Deno.test("what a rule says twice, or not at all, is the same rule", () => {
  const rule: RuleForm = { family: 4, priority: 9, action: "table", table: 100 };
  assert.equal(ruleKey({ ...rule, from: "0.0.0.0/0", tos: 0 }), ruleKey(rule));
  const marked = { ...rule, fwmark: 7 };
  assert.equal(ruleKey({ ...marked, fwmask: 0xffffffff }), ruleKey(marked));
  assert.notEqual(ruleKey({ ...marked, fwmask: 0xff }), ruleKey(marked));
  assert.notEqual(ruleKey({ ...rule, suppressPrefixLength: 0 }), ruleKey(rule));
});

Deno.test("a route in words, as ip would take it", () => {
  const words = (route: Partial<RouteForm<string>>) =>
    describeRoute({ to: "198.51.100.0/24", type: "unicast", table: 254, hops: [], ...route });
  assert.equal(words({ type: "blackhole", table: 7 }), "blackhole 198.51.100.0/24 table 7");
  assert.equal(
    words({ hops: [{ via: "192.0.2.1" }, { interface: "eth1", weight: 3 }] }),
    "198.51.100.0/24 nexthop via 192.0.2.1 weight 1 nexthop dev eth1 weight 3",
  );
  assert.equal(
    words({ to: "::/0", hops: [{ via: "fe80::1", interface: "eth0" }] }),
    "default (IPv6) via fe80::1 dev eth0",
  );
});

Deno.test("nonsense for a network or an address is refused before it is sent", () => {
  const put = (route: Partial<RouteForm<number>>) => () =>
    putRoute(
      new MessageWriter(),
      1,
      { to: "198.51.100.0/24", type: "unicast", table: 254, hops: [], ...route },
      HALB_PROTOCOL,
      "create",
    );
  assert.throws(put({ to: "198.51.100.0" }), RangeError);
  assert.throws(put({ to: "198.51.100.0/33" }), RangeError);
  assert.throws(put({ hops: [{ via: "gateway" }] }), RangeError);
});
