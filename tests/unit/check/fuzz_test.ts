/**
 * Every conversation against strangers: noise, true answers that are bent, pieces of any size, ends
 * at any moment. None may throw, keep more than its limit, go on after the end, or show what is not
 * fit to be shown; and what is true must mean the same in any pieces.
 */

import { ok, strictEqual } from "node:assert/strict";
import { agentConversation } from "../../../mod/check/types/agent.ts";
import { concatenate, type Conversation } from "../../../mod/check/types/conversation.ts";
import { dnsConversation } from "../../../mod/check/types/dns.ts";
import { encodeFields } from "../../../mod/check/types/hpack.ts";
import { httpConversation, type HttpExchange } from "../../../mod/check/types/http.ts";
import { grpcConversation, http2Conversation } from "../../../mod/check/types/http2_check.ts";
import { pingConversation } from "../../../mod/check/types/ping.ts";
import { smtpConversation } from "../../../mod/check/types/smtp.ts";
import { tcpConversation } from "../../../mod/check/types/tcp.ts";
import { parsePattern, udpConversation } from "../../../mod/check/types/udp.ts";
import { presetConversation, type UdpPreset } from "../../../mod/check/types/udp_preset.ts";
import { forSeeds, type Random } from "../../lib/random.ts";
import { bytes, checkOutcome, digest, fromHex, talk } from "./conversation_fixtures.ts";

const EXCHANGE: HttpExchange = {
  request: { method: "GET", path: "/", host: "a", scheme: "http", headers: [], body: null },
  port: null,
  expected: {
    status: [[200, 299]],
    headers: [{ name: "X-A", contains: "b" }],
    body: [
      { type: "json", pointer: "/a/0", parts: ["a", "0"], value: 1 },
      { type: "matches", pattern: /a/, not: false },
    ],
  },
  bodyLimit: 5000,
};

function frame(type: number, flags: number, stream: number, payload: Uint8Array): Uint8Array {
  const head = [0, payload.length >> 8, payload.length & 255, type, flags, 0, 0, 0, stream];
  return concatenate([Uint8Array.from(head), payload]);
}

const fields = (...list: [string, string][]) => encodeFields(list);

/** Ready questions, with what answers them where all that is random is 7. */
const SEVENS = new Uint8Array(8).fill(7);
const PRESETS: readonly (readonly [UdpPreset, Uint8Array])[] = [
  [
    { preset: "ntp" },
    concatenate([fromHex("2402"), new Uint8Array(22), SEVENS, new Uint8Array(16)]),
  ],
  [
    { preset: "quic" },
    concatenate([fromHex("8000000000 08"), SEVENS, fromHex("08"), SEVENS, fromHex("00000001")]),
  ],
  [{ preset: "radius", secret: bytes("s") }, radiusAnswer("s")],
  [
    { preset: "sip", host: "a", status: [[200, 299]] },
    bytes("SIP/2.0 200 OK\r\nCall-ID: 0707070707070707@halb.invalid\r\n\r\n"),
  ],
];

function radiusAnswer(secret: string): Uint8Array {
  const head = fromHex("02070014");
  const signed = concatenate([head, new Uint8Array(16).fill(7), bytes(secret)]);
  return concatenate([head, fromHex(digest("md5", signed))]);
}

/** Each with a stream (or datagrams) that it takes for right. */
const CASES: Record<string, { make: () => Conversation; right: Uint8Array[]; stream: boolean }> = {
  tcp: {
    make: () => tcpConversation({ send: null, expect: bytes("READY"), limit: 500 }),
    right: [bytes("* OK READY\r\n")],
    stream: true,
  },
  udp: {
    make: () =>
      udpConversation({
        payload: bytes("?"),
        reply: { pattern: parsePattern("01XX"), minLength: 2, maxLength: 9 },
      }),
    right: [fromHex("0102")],
    stream: false,
  },
  ...Object.fromEntries(PRESETS.map(([settings, right]) => [settings.preset, {
    make: () => presetConversation(settings, (count) => new Uint8Array(count).fill(7)),
    right: [right],
    stream: false,
  }])),
  ping: {
    make: () =>
      pingConversation({
        family: "ipv4",
        raw: true,
        identifier: 1,
        sequence: 1,
        token: bytes("abcdefgh"),
        size: 8,
      }),
    right: [
      concatenate([
        fromHex("45"),
        new Uint8Array(19),
        fromHex("00000000 0001 0001"),
        bytes("abcdefgh"),
      ]),
    ],
    stream: false,
  },
  http: {
    make: () => httpConversation(EXCHANGE, "1.1", digest),
    right: [
      bytes(
        'HTTP/1.1 200 OK\r\nX-A: b\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n{"a"\r\n5\r\n:[1]}\r\n0\r\n\r\n',
      ),
    ],
    stream: true,
  },
  http2: {
    make: () => http2Conversation(EXCHANGE, digest),
    right: [
      frame(4, 0, 0, fromHex("0003 00000064")),
      frame(4, 1, 0, new Uint8Array(0)),
      frame(1, 4, 1, fields([":status", "200"], ["x-a", "b"])),
      frame(0, 1, 1, bytes('{"a":[1]}')),
    ],
    stream: true,
  },
  grpc: {
    make: () => grpcConversation({ service: "x", authority: "a", scheme: "http" }),
    right: [
      frame(4, 0, 0, new Uint8Array(0)),
      frame(1, 4, 1, fields([":status", "200"], ["content-type", "application/grpc"])),
      frame(0, 0, 1, fromHex("0000000002 0801")),
      frame(1, 5, 1, fields(["grpc-status", "0"])),
    ],
    stream: true,
  },
  smtp: {
    make: () => smtpConversation({ helo: "a", startTls: false }),
    right: [bytes("220 a\r\n"), bytes("250-a\r\n250 B\r\n"), bytes("221 c\r\n")],
    stream: true,
  },
  agent: {
    make: () => agentConversation({ send: null }),
    right: [bytes("up 50% #fine\n")],
    stream: true,
  },
  "dns over udp": {
    make: () =>
      dnsConversation({
        id: 1,
        name: "a.b",
        type: 16,
        protocol: "udp",
        codes: ["NOERROR"],
        answers: ['"x"'],
      }),
    right: [
      fromHex(
        "0001 8180 0001 0001 0000 0000 0161 0162 00 0010 0001 c00c 0010 0001 00000001 0002 0178",
      ),
    ],
    stream: false,
  },
  "dns over tcp": {
    make: () =>
      dnsConversation({
        id: 1,
        name: "a.b",
        type: 16,
        protocol: "tcp",
        codes: ["NOERROR"],
        answers: ['"x"'],
      }),
    right: [
      fromHex(
        "0023 0001 8180 0001 0001 0000 0000 0161 0162 00 0010 0001 c00c 0010 0001 00000001 0002 0178",
      ),
    ],
    stream: true,
  },
};

/** Tears a stream into pieces. */
function torn(random: Random, whole: Uint8Array): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < whole.length;) {
    const size = random.chance(0.3) ? 1 : random.int(1, 40);
    pieces.push(whole.slice(at, at + size));
    at += size;
  }
  return pieces;
}

function bent(random: Random, right: Uint8Array): Uint8Array {
  const whole = right.slice();
  for (let i = random.int(1, 4); i > 0 && whole.length > 0; i--) {
    const at = random.int(0, whole.length - 1);
    whole[at] = random.pick([
      0,
      10,
      13,
      32,
      48,
      58,
      127,
      128,
      192,
      255,
      whole[at]! ^ (1 << random.int(0, 7)),
    ]);
  }
  const kind = random.next();
  if (kind < 0.2) return whole.subarray(0, random.int(0, whole.length));
  if (kind < 0.4) return concatenate([whole, noise(random)]);
  if (kind < 0.5) {
    const at = random.int(0, whole.length);
    return concatenate([whole.subarray(0, at), noise(random), whole.subarray(at)]);
  }
  return whole;
}

function noise(random: Random): Uint8Array {
  const printable = random.chance(0.5);
  return Uint8Array.from(
    { length: random.int(0, 300) },
    () => printable ? random.int(10, 127) : random.int(0, 255),
  );
}

for (const [name, { make, right, stream }] of Object.entries(CASES)) {
  Deno.test(`${name}: what is right is right in any pieces`, () => {
    strictEqual(talk(make(), ...right).outcome?.result, "passed");
    if (!stream) return;
    forSeeds(50, (random) => {
      const pieces = right.flatMap((part) => torn(random, part));
      strictEqual(talk(make(), ...pieces).outcome?.result, "passed");
    });
  });

  Deno.test(`${name}: strangers get an outcome that can be shown, and no exception`, () => {
    let decided = 0;
    forSeeds(1500, (random) => {
      const whole = random.chance(0.15) ? [noise(random)] : right.map((part) => bent(random, part));
      const pieces = stream ? whole.flatMap((part) => torn(random, part)) : whole;
      const { outcome } = talk(make(), ...pieces, ...(stream ? ["end" as const] : []), "time");
      ok(outcome !== undefined, "time ends everything");
      checkOutcome(outcome);
      if (outcome.result === "failed") decided++;
    });
    // The bending must be felt.
    ok(decided > 300, `${decided} of 1500 failed`);
  });

  Deno.test(`${name}: a flood ends, or is thrown away`, () => {
    for (const byte of [0, 10, 32, 97, 255]) {
      const flood = new Uint8Array(65_536).fill(byte);
      const { outcome } = talk(make(), ...Array(200).fill(flood), "time");
      ok(outcome !== undefined && outcome.result === "failed");
      checkOutcome(outcome);
    }
  });
}
