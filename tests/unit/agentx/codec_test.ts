/** Messages of AgentX: bytes that net-snmp sends and takes, both byte orders, hostile bytes. */

import assert from "node:assert/strict";
import {
  type Body,
  decodePdu,
  encodePdu,
  LONGEST_PDU,
  Malformed,
  oid,
  oidText,
  type Pdu,
  pduLength,
  type Value,
} from "../../../mod/agentx/mod.ts";
import { forSeeds, type Random } from "../../lib/random.ts";

function bytes(hex: string): Uint8Array {
  return Uint8Array.from(hex.match(/[0-9a-f]{2}/g) ?? [], (pair) => parseInt(pair, 16));
}

function hex(of: Uint8Array): string {
  return Array.from(of, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function pdu(body: Body, more: Partial<Pdu> = {}): Pdu {
  return { session: 0, transaction: 0, packet: 1, bigEndian: true, body, ...more };
}

Deno.test("an open, field by field (RFC 2741 section 6.2.1)", () => {
  const open = pdu({ type: "open", timeout: 10, id: [], description: "halb" });
  const expected = "01011000" + "00000000" + "00000000" + "00000001" + "00000010" +
    "0a000000" + "00000000" + "00000004" + "68616c62";
  assert.equal(hex(encodePdu(open)), expected);
  assert.deepEqual(decodePdu(bytes(expected)), open);
});

Deno.test("identifiers below 1.3.6.1 are short (section 5.1)", () => {
  const register = pdu({
    type: "register",
    timeout: 0,
    priority: 127,
    subtree: oid("1.3.6.1.2.1.207"),
  }, { session: 5 });
  const expected = "01031000" + "00000005" + "00000000" + "00000001" + "00000010" +
    "007f0000" + "02020000" + "00000001" + "000000cf";
  assert.equal(hex(encodePdu(register)), expected);
  assert.deepEqual(decodePdu(bytes(expected)), register);
});

Deno.test("an agentx-GetNext of a little-endian master", () => {
  const text = "01060000" + "05000000" + "0a000000" + "0b000000" + "1c000000" +
    "02020100" + "01000000" + "cf000000" + "02020000" + "01000000" + "d0000000" + "00000000";
  const got = decodePdu(bytes(text.slice(0, -8)));
  assert.equal(pduLength(bytes(text)), 48);
  assert.deepEqual(got, {
    session: 5,
    transaction: 10,
    packet: 11,
    bigEndian: false,
    body: {
      type: "get_next",
      ranges: [{ start: oid("1.3.6.1.2.1.207"), include: true, end: oid("1.3.6.1.2.1.208") }],
    },
  });
});

Deno.test("a response with a value of each type", () => {
  const values: Value[] = [
    { type: "integer", value: -1 },
    { type: "octets", value: new TextEncoder().encode("halb!") },
    { type: "counter32", value: 2 ** 32 - 1 },
    { type: "counter64", value: 2n ** 64n - 1n },
    { type: "oid", value: oid("1.3.6.1.4.1.9586.100.5") },
    { type: "end_of_mib_view" },
  ];
  for (const bigEndian of [true, false]) {
    const response = pdu({
      type: "response",
      sysUpTime: 12,
      error: 0,
      index: 0,
      varBinds: values.map((value, i) => ({ name: [1, 3, 6, 1, 2, i], value })),
    }, { bigEndian });
    assert.deepEqual(decodePdu(encodePdu(response)), response);
  }
});

const SUBIDS = [0, 1, 4, 255, 256, 2 ** 31, 2 ** 32 - 1];

function anyOid(random: Random): number[] {
  const prefix = random.chance(0.6) ? [1, 3, 6, 1] : [];
  return [...prefix, ...Array.from({ length: random.int(0, 20) }, () => random.pick(SUBIDS))];
}

function anyValue(random: Random): Value {
  const type = random.pick(
    [
      "integer",
      "counter32",
      "gauge32",
      "timeticks",
      "counter64",
      "octets",
      "ip_address",
      "opaque",
      "oid",
      "null",
      "no_such_object",
      "no_such_instance",
      "end_of_mib_view",
    ] as const,
  );
  switch (type) {
    case "integer":
      return { type, value: random.int(-(2 ** 31), 2 ** 31 - 1) };
    case "counter32":
    case "gauge32":
    case "timeticks":
      return { type, value: random.int(0, 2 ** 32 - 1) };
    case "counter64":
      return { type, value: BigInt(random.int(0, 2 ** 53 - 1)) * 2048n };
    case "octets":
    case "ip_address":
    case "opaque":
      return {
        type,
        value: Uint8Array.from({ length: random.int(0, 9) }, () => random.int(0, 255)),
      };
    case "oid":
      return { type, value: anyOid(random) };
    default:
      return { type };
  }
}

function anyBody(random: Random): Body {
  const varBinds = Array.from({ length: random.int(0, 4) }, () => {
    return { name: anyOid(random), value: anyValue(random) };
  });
  const ranges = Array.from({ length: random.int(0, 4) }, () => {
    return { start: anyOid(random), include: random.chance(0.5), end: anyOid(random) };
  });
  return random.pick<Body>([
    { type: "open", timeout: 5, id: anyOid(random), description: "ä" },
    { type: "close", reason: "timeouts" },
    { type: "register", timeout: 1, priority: 2, subtree: anyOid(random) },
    { type: "unregister", timeout: 0, priority: 2, subtree: anyOid(random) },
    { type: "get", ranges },
    { type: "get_next", ranges },
    { type: "get_bulk", nonRepeaters: 1, maxRepetitions: 65_535, ranges },
    { type: "test_set", varBinds },
    { type: "notify", varBinds },
    { type: "ping" },
    { type: "commit_set" },
    { type: "response", sysUpTime: 1, error: 263, index: 2, varBinds },
  ]);
}

function anyPdu(random: Random): Pdu {
  const number = () => random.int(0, 2 ** 32 - 1);
  return {
    session: number(),
    transaction: number(),
    packet: number(),
    bigEndian: random.chance(0.5),
    ...(random.chance(0.2) ? { context: "blue" } : {}),
    body: anyBody(random),
  };
}

Deno.test("what is written is read as it was, in both byte orders", () => {
  forSeeds(500, (random) => {
    const one = anyPdu(random);
    const written = encodePdu(one);
    assert.equal(pduLength(written), written.length);
    assert.deepEqual(decodePdu(written), one);
  });
});

Deno.test("bytes that are wrong, cut or made up are refused, and nothing else happens", () => {
  forSeeds(2_000, (random) => {
    const written = encodePdu(anyPdu(random));
    const kind = random.int(0, 2);
    const broken = kind === 0 ? written.slice(0, random.int(0, written.length)) : written;
    if (kind !== 0) {
      for (let i = random.int(1, 4); i > 0; i--) {
        broken[random.int(0, broken.length - 1)] = random.int(0, 255);
      }
    }
    try {
      const length = pduLength(broken);
      if (length !== undefined && length <= broken.length) decodePdu(broken.subarray(0, length));
    } catch (error) {
      assert.ok(error instanceof Malformed, String(error));
    }
  });
});

Deno.test("lengths that cannot be are refused before anything has come", () => {
  const header = (payload: string) => bytes(`01051000${"00".repeat(12)}${payload}`);
  assert.equal(pduLength(header("00000008")), 28);
  assert.equal(pduLength(header("00000008").subarray(0, 19)), undefined);
  assert.throws(() => pduLength(header("00000007")), Malformed);
  assert.throws(() => pduLength(header("fffffffc")), Malformed);
  assert.throws(() => pduLength(header(LONGEST_PDU.toString(16).padStart(8, "0"))), Malformed);
  assert.throws(() => pduLength(bytes("02")), Malformed);
});

Deno.test("identifiers as text", () => {
  assert.equal(oidText(oid("1.3.6.1.4.1.9586.100.5")), "1.3.6.1.4.1.9586.100.5");
  for (const wrong of ["", "1..3", "a", "1.4294967296", ".1"]) {
    assert.throws(() => oid(wrong), RangeError);
  }
});
