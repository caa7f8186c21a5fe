import assert from "node:assert/strict";
import {
  AF_PACKET,
  formatIpv4,
  formatIpv6,
  parseIpv4,
  parseIpv6,
  sockaddrAddress,
  sockaddrFamily,
  sockaddrIn,
  sockaddrIn6,
  sockaddrInterface,
  sockaddrLl,
  sockaddrNl,
  sockaddrPort,
} from "../../../ffi/mod.ts";

Deno.test("IPv4: text to bytes and back", () => {
  for (const text of ["0.0.0.0", "192.0.2.1", "255.255.255.255", "224.0.0.18"]) {
    assert.equal(formatIpv4(parseIpv4(text)), text);
  }
  assert.equal(formatIpv4(Uint8Array.of(9, 9, 192, 0, 2, 1), 2), "192.0.2.1");
});

Deno.test("IPv4: refuses what is not a plain dotted quad", () => {
  for (
    const text of ["", "1.2.3", "1.2.3.4.5", "256.0.0.1", "01.2.3.4", "1.2.3.-4", "1.2.3.4 ", "::1"]
  ) {
    assert.throws(() => parseIpv4(text), {
      name: "RangeError",
      message: `Not an IPv4 address: ${JSON.stringify(text)}`,
    });
  }
});

Deno.test("IPv6: canonical form of RFC 5952", () => {
  const cases: readonly (readonly [string, string])[] = [
    ["::", "::"],
    ["::1", "::1"],
    ["2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
    ["2001:0db8::0001", "2001:db8::1"],
    ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
    ["2001:db8::1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
    ["fe80::", "fe80::"],
    ["::ffff:192.0.2.1", "::ffff:192.0.2.1"],
    ["::192.0.2.1", "::c000:201"],
    ["64:ff9b::192.0.2.33", "64:ff9b::c000:221"],
    ["1:0:0:2:0:0:0:3", "1:0:0:2::3"],
  ];
  for (const [text, canonical] of cases) {
    assert.equal(formatIpv6(parseIpv6(text)), canonical, text);
  }
});

Deno.test("IPv6: refuses what is not an address", () => {
  const texts = ["", ":", ":::", "1::2::3", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "12345::", "g::"];
  texts.push(
    "1:2:3:4:5:6:7::8:9",
    "1.2.3.4::",
    "::1.2.3",
    "fe80::1%eth0",
    ":1:2:3:4:5:6:7",
    "1::2:",
  );
  for (const text of texts) assert.throws(() => parseIpv6(text), RangeError, text);
});

Deno.test("socket addresses: bytes as the kernel lays them out", () => {
  assert.deepEqual(
    [...sockaddrIn("192.0.2.1", 0x1234)],
    [2, 0, 0x12, 0x34, 192, 0, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0],
  );
  const six = sockaddrIn6("2001:db8::1", 0x1234, 7);
  assert.deepEqual([...six.subarray(0, 12)], [10, 0, 0x12, 0x34, 0, 0, 0, 0, 0x20, 1, 0x0d, 0xb8]);
  assert.deepEqual([...six.subarray(23)], [1, 7, 0, 0, 0]);
  assert.deepEqual(
    [...sockaddrLl(258, 0x0806, Uint8Array.of(1, 2, 3, 4, 5, 6))],
    [17, 0, 8, 6, 2, 1, 0, 0, 0, 0, 0, 6, 1, 2, 3, 4, 5, 6, 0, 0],
  );
  assert.deepEqual([...sockaddrNl(258, 0x8000_0001)], [16, 0, 0, 0, 2, 1, 0, 0, 1, 0, 0, 0x80]);
});

Deno.test("socket addresses: read back", () => {
  const four = sockaddrIn("192.0.2.1", 65535);
  assert.deepEqual([sockaddrAddress(four), sockaddrPort(four)], ["192.0.2.1", 65535]);
  const six = sockaddrIn6("2001:db8::1", 80, 7);
  assert.deepEqual([sockaddrAddress(six), sockaddrInterface(six)], ["2001:db8::1", 7]);
  const link = sockaddrLl(258, 0x0806);
  assert.deepEqual([sockaddrFamily(link), sockaddrInterface(link)], [AF_PACKET, 258]);
  assert.equal(sockaddrFamily(new Uint8Array(1)), 0);
  assert.throws(() => sockaddrAddress(link), RangeError);
});

Deno.test("socket addresses: refuse what does not fit", () => {
  assert.throws(() => sockaddrIn("192.0.2.1", 65536), /A port is an integer .* not 65536/);
  assert.throws(() => sockaddrIn("192.0.2.1", 1.5), RangeError);
  assert.throws(() => sockaddrLl(1, 0x0806, new Uint8Array(9)), /at most 8 bytes, not 9/);
  assert.throws(() => sockaddrNl(-1, 0), RangeError);
});
