/** IP addresses: what is one, how it is written, how two compare. */

import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import {
  compareIp,
  formatIp,
  formatIpv4,
  inPrefix,
  lastOf,
  networkOf,
  numberOf,
  parseIp,
} from "../../../mod/ip/mod.ts";

Deno.test("[V7-C4] addresses compare unsigned, in network byte order", () => {
  strictEqual(Math.sign(compareIp("198.51.100.9", "198.51.100.10")), -1);
  strictEqual(Math.sign(compareIp("203.0.113.1", "100.0.0.1")), 1); // above 2³¹
  strictEqual(Math.sign(compareIp("198.51.100.2", "198.51.99.255")), 1);
  strictEqual(compareIp("192.0.2.1", "192.0.2.1"), 0);
  strictEqual(Math.sign(compareIp("fe80::a", "fe80::10")), -1);
  strictEqual(numberOf(Uint8Array.of(192, 0, 2, 1)), 0xc0000201n);
  strictEqual(numberOf(new Uint8Array(16).fill(255)), (1n << 128n) - 1n);
  throws(() => compareIp("192.0.2.1", "192.0.2"), {
    name: "RangeError",
    message: 'Not an IP address: "192.0.2"',
  });
  throws(() => compareIp("192.0.2.1", "2001:db8::1"), {
    name: "RangeError",
    message: 'Cannot compare addresses of two families: "192.0.2.1" and "2001:db8::1"',
  });
});

Deno.test("only a full dotted quad is an address", () => {
  deepStrictEqual(parseIp("192.0.2.1"), Uint8Array.of(192, 0, 2, 1));
  deepStrictEqual(parseIp("255.255.255.255"), Uint8Array.of(255, 255, 255, 255));
  deepStrictEqual(parseIp("0.0.0.0"), new Uint8Array(4));
  for (
    const text of [
      "",
      "192.0.2",
      "192.0.2.1.1",
      "192.0.2.256",
      "192.0.2.01",
      "0x7f.0.0.1",
      " 1.1.1.1",
      "1.1.1.1\n",
      "1.1.1.",
      "-1.1.1.1",
      "1e1.1.1.1",
      "٣.1.1.1",
    ]
  ) strictEqual(parseIp(text), undefined, JSON.stringify(text));
  strictEqual(formatIpv4(new Uint8Array([0, 203, 0, 113, 255]), 1), "203.0.113.255");
});

Deno.test("addresses as text: canonical out, strict in", () => {
  const texts = [
    "0.0.0.0",
    "255.255.255.255",
    "::",
    "::1",
    "2001:db8::10",
    "2001:db8:0:1:1:1:1:1",
    "fe80::1:0:0:1",
    "1::",
  ];
  for (const text of texts) {
    const bytes = parseIp(text);
    ok(bytes, text);
    strictEqual(formatIp(bytes), text);
  }
  strictEqual(
    formatIp(parseIp("2001:DB8:0:0:0::192.0.2.1") ?? new Uint8Array()),
    "2001:db8::c000:201",
  );
  for (
    const text of [
      "",
      "1.2.3",
      "1.2.3.4.5",
      "01.2.3.4",
      "256.1.1.1",
      ":",
      ":::",
      "1::2::3",
      "::1::",
    ]
  ) {
    strictEqual(parseIp(text), undefined, text);
  }
  for (const text of ["1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "12345::", "1:2:3:4:5:6:7::8", "g::"]) {
    strictEqual(parseIp(text), undefined, text);
  }
  strictEqual(formatIp(new Uint8Array(5)), undefined);
});

Deno.test("prefixes: membership and network address on and off byte borders", () => {
  const ip = (text: string) => parseIp(text) ?? new Uint8Array();
  ok(inPrefix(ip("192.0.2.200"), ip("192.0.2.129"), 25));
  ok(!inPrefix(ip("192.0.2.200"), ip("192.0.2.1"), 25));
  ok(inPrefix(ip("192.0.2.200"), ip("203.0.113.1"), 0));
  ok(!inPrefix(ip("192.0.2.1"), ip("2001:db8::"), 0));
  strictEqual(formatIp(networkOf(ip("192.0.2.200"), 26)), "192.0.2.192");
  strictEqual(formatIp(networkOf(ip("2001:db8::ffff"), 120)), "2001:db8::ff00");
  strictEqual(formatIp(networkOf(ip("192.0.2.200"), 0)), "0.0.0.0");
  strictEqual(formatIp(networkOf(ip("192.0.2.200"), 32)), "192.0.2.200");
  strictEqual(formatIp(lastOf(ip("192.0.2.200"), 26)), "192.0.2.255");
  strictEqual(formatIp(lastOf(ip("2001:db8::ff01"), 119)), "2001:db8::ffff");
  strictEqual(formatIp(lastOf(ip("192.0.2.200"), 0)), "255.255.255.255");
  strictEqual(formatIp(lastOf(ip("192.0.2.200"), 32)), "192.0.2.200");
});
