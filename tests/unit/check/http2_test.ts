/** HTTP/2 and gRPC: HPACK against the RFC's own examples, frames by the byte, hostile servers. */

import { deepStrictEqual, match, ok, strictEqual, throws } from "node:assert/strict";
import { decodeFields, decodeHuffman, encodeFields } from "../../../mod/check/types/hpack.ts";
import {
  decodeHealthResponse,
  grpcConversation,
  http2Conversation,
} from "../../../mod/check/types/http2_check.ts";
import { concatenate } from "../../../mod/check/types/conversation.ts";
import type { BodyTest } from "../../../mod/check/types/http_expect.ts";
import { bytes, digest, fromHex, type Said, talk, verdictOf } from "./conversation_fixtures.ts";

const text = (plain: Uint8Array | null) => plain === null ? null : new TextDecoder().decode(plain);

Deno.test("Huffman codes are those of RFC 7541 appendix C", () => {
  strictEqual(text(decodeHuffman(fromHex("f1e3 c2e5 f23a 6ba0 ab90 f4ff"))), "www.example.com");
  strictEqual(text(decodeHuffman(fromHex("a8eb 1064 9cbf"))), "no-cache");
  strictEqual(
    text(decodeHuffman(fromHex("d07a be94 1054 d444 a820 0595 040b 8166 e082 a62d 1bff"))),
    "Mon, 21 Oct 2013 20:13:21 GMT",
  );
  strictEqual(
    text(decodeHuffman(fromHex(
      "94e7 821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07",
    ))),
    "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1",
  );
  strictEqual(decodeHuffman(fromHex("ffff ffff")), null, "the end may not be coded");
  strictEqual(decodeHuffman(fromHex("a8eb 1064 9cbf ff")), null, "a whole byte of padding");
  strictEqual(decodeHuffman(fromHex("00")), null, "padding of zeroes");
});

Deno.test("header blocks are read as RFC 7541 appendix C has them, without a table", () => {
  // C.2.1, C.2.2, C.2.3, C.2.4 one behind the other.
  const block = fromHex(
    "400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572" +
      "040c 2f73 616d 706c 652f 7061 7468" + "1008 7061 7373 776f 7264 0673 6563 7265 74" + "82",
  );
  deepStrictEqual(decodeFields(block), [
    ["custom-key", "custom-header"],
    [":path", "/sample/path"],
    ["password", "secret"],
    [":method", "GET"],
  ]);
  deepStrictEqual(decodeFields(fromHex("20 88")), [[":status", "200"]]);
  strictEqual(decodeFields(fromHex("be")), "a header refers to nothing");
  strictEqual(decodeFields(fromHex("80")), "a header refers to nothing");
  strictEqual(decodeFields(fromHex("3f e1 1f")), "the server enlarges our table of headers");
  strictEqual(decodeFields(fromHex("40 0a 63")), "a header makes no sense");
  strictEqual(decodeFields(fromHex("40 ff ff ff ff ff ff")), "a header makes no sense");
  const own = [["a", "b"], ["long", "x".repeat(300)]] as const;
  deepStrictEqual(decodeFields(encodeFields(own)), own);
  const bomb = encodeFields(Array.from({ length: 2100 }, () => ["", ""] as const));
  match(String(decodeFields(bomb)), /longer than 65536/);
});

function frame(type: number, flags: number, stream: number, payload: Uint8Array): Uint8Array {
  const head = [
    payload.length >> 16,
    (payload.length >> 8) & 255,
    payload.length & 255,
    type,
    flags,
  ];
  return concatenate([Uint8Array.from([...head, 0, 0, 0, stream]), payload]);
}

const EMPTY = new Uint8Array(0);
const SETTINGS = frame(4, 0, 0, EMPTY);
const headers = (flags: number, ...fields: [string, string][]) =>
  frame(1, flags | 4, 1, encodeFields(fields));
const data = (flags: number, body: string) => frame(0, flags, 1, bytes(body));

function conversation(
  body: BodyTest[] = [],
  requestBody: Uint8Array | null = null,
  bodyLimit = 1000,
) {
  return http2Conversation({
    request: {
      method: requestBody === null ? "GET" : "POST",
      path: "/healthz",
      host: "www.example.net",
      scheme: "https",
      headers: [["X-A", "b"], ["Connection", "close"]],
      body: requestBody,
    },
    port: null,
    expected: { status: [[200, 299]], headers: [], body },
    bodyLimit,
  }, digest);
}

const WELL: BodyTest = { type: "contains", text: "well" };
const ask = (...said: Said[]) => verdictOf(conversation([WELL]), ...said);

Deno.test("the request: preface, settings, window, headers, data", () => {
  const { sent } = talk(conversation([], bytes("question")));
  const raw = Uint8Array.from(sent, (character) => character.charCodeAt(0));
  strictEqual(sent.slice(0, 24), "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
  const frames: [number, number, number, Uint8Array][] = [];
  for (let at = 24; at < raw.length;) {
    const length = (raw[at]! << 16) | (raw[at + 1]! << 8) | raw[at + 2]!;
    frames.push([raw[at + 3]!, raw[at + 4]!, raw[at + 8]!, raw.slice(at + 9, at + 9 + length)]);
    at += 9 + length;
  }
  deepStrictEqual(frames.map(([type, flags, stream]) => [type, flags, stream]), [
    [4, 0, 0],
    [8, 0, 0],
    [1, 4, 1],
    [0, 1, 1],
  ]);
  deepStrictEqual(decodeFields(frames[2]![3]), [
    [":method", "POST"],
    [":scheme", "https"],
    [":authority", "www.example.net"],
    [":path", "/healthz"],
    ["user-agent", "halb"],
    ["accept", "*/*"],
    ["content-length", "8"],
    ["x-a", "b"],
  ]);
  strictEqual(text(frames[3]![3]), "question");
  throws(() => conversation([], new Uint8Array(70_000)), /body is too long/);
});

Deno.test("a response in frames of any kind, in pieces of any size", () => {
  const ping = frame(6, 0, 0, bytes("12345678"));
  const padded = concatenate([Uint8Array.of(3), bytes("all "), new Uint8Array(3)]);
  const block = encodeFields([[":status", "200"], ["a", "b"]]);
  const whole = concatenate([
    SETTINGS,
    ping,
    frame(99, 0, 0, bytes("unknown")),
    headers(0, [":status", "103"]),
    frame(1, 0x20, 1, concatenate([new Uint8Array(5), block.subarray(0, 4)])),
    frame(9, 4, 1, block.subarray(4)),
    frame(0, 8, 1, padded),
    data(0, "we"),
    frame(8, 0, 0, fromHex("00000001")),
    data(0, "ll"),
    headers(1, ["trailer", "x"]),
  ]);
  for (let size = 1; size <= whole.length; size++) {
    const pieces: Uint8Array[] = [];
    for (let at = 0; at < whole.length; at += size) pieces.push(whole.subarray(at, at + size));
    const one = conversation([WELL]);
    const { outcome, sent } = talk(one, ...pieces);
    strictEqual(outcome?.reason, "HTTP status 200");
    strictEqual(outcome?.output, "all well");
    // The acknowledgement of SETTINGS and the answer to PING.
    ok(sent.includes("\0\0\0\x04\x01\0\0\0\0") && sent.includes("\x06\x01\0\0\0\x0012345678"));
  }
});

Deno.test("what acknowledges is not answered", () => {
  const before = talk(conversation()).sent.length;
  const acknowledged = [frame(4, 1, 0, EMPTY), frame(6, 1, 0, bytes("12345678"))];
  const { sent } = talk(conversation(), SETTINGS, ...acknowledged);
  strictEqual(sent.length - before, 9, "one acknowledgement, of the server's own settings");
});

Deno.test("without a say of the body the headers decide", () => {
  strictEqual(
    verdictOf(conversation(), SETTINGS, headers(0, [":status", "204"])),
    "passed: HTTP status 204",
  );
});

Deno.test("what is broken or hostile has a name", () => {
  const ok200 = headers(0, [":status", "200"]);
  const cases: [string, Said[]][] = [
    ["closed without a response", ["end"]],
    ["an HTTP/2 greeting did not come in time", ["time"]],
    ["a response did not come in time", [SETTINGS, "time"]],
    ["the body did not come in time", [SETTINGS, ok200, "time"]],
    ["closed before a response came", [SETTINGS, "end"]],
    ['the answer is not HTTP/2: "HTTP/1.1 400 Bad Request"', [
      bytes("HTTP/1.1 400 Bad Request\r\n"),
    ]],
    ["a frame is longer than we allow", [SETTINGS, fromHex("ffffff 00 00 00000001")]],
    ["the request is refused: REFUSED_STREAM", [SETTINGS, frame(3, 0, 1, fromHex("00000007"))]],
    [
      "the server goes away: ENHANCE_YOUR_CALM (no\\u001b)",
      [SETTINGS, frame(7, 0, 0, concatenate([fromHex("00000001 0000000b"), bytes("no\u001b")]))],
    ],
    ["the server goes away: NO_ERROR", [SETTINGS, frame(7, 0, 0, fromHex("00000000 00000000"))]],
    ["a GOAWAY makes no sense", [SETTINGS, frame(7, 0, 0, fromHex("00"))]],
    ["the server pushes although it may not", [SETTINGS, frame(5, 4, 1, EMPTY)]],
    ["headers nobody asked for", [SETTINGS, frame(1, 5, 2, EMPTY)]],
    ["data nobody asked for", [SETTINGS, frame(0, 1, 3, EMPTY)]],
    ["a body before the headers", [SETTINGS, data(0, "x")]],
    ["headers go on that never began", [SETTINGS, frame(9, 4, 1, EMPTY)]],
    ["the headers are torn apart", [SETTINGS, frame(1, 0, 1, EMPTY), SETTINGS]],
    ["a response without a status", [SETTINGS, headers(0, ["a", "b"])]],
    ["trailers that do not end the response", [SETTINGS, ok200, headers(0, ["a", "b"])]],
    ["the padding of a frame makes no sense", [SETTINGS, ok200, frame(0, 8, 1, fromHex("05 00"))]],
    ["more than 1000 frames that carry nothing", [SETTINGS, ...Array(1001).fill(SETTINGS)]],
    ["more than 1000 frames that carry nothing", [
      SETTINGS,
      ok200,
      ...Array(1001).fill(data(0, "")),
    ]],
    ["a PING makes no sense", [SETTINGS, frame(6, 0, 0, EMPTY)]],
  ];
  for (const [reason, said] of cases) strictEqual(ask(...said), `failed: ${reason}`);
});

Deno.test("a gigabyte is read up to the limit and no further", () => {
  const flood = frame(0, 0, 1, new Uint8Array(16_384));
  strictEqual(
    ask(SETTINGS, headers(0, [":status", "200"]), flood, flood),
    'failed: "well" is missing in the first 1000 bytes of the body',
  );
});

// ---- grpc ---------------------------------------------------------------------------------------

const GRPC = { service: "shop.Cart", authority: "shop.example.net", scheme: "http" } as const;

function grpc(message: string, status: [string, string][], type = "application/grpc"): string {
  const body = fromHex(message);
  return verdictOf(
    grpcConversation(GRPC),
    SETTINGS,
    headers(0, [":status", "200"], ["content-type", type]),
    frame(0, 0, 1, body),
    headers(1, ...status),
  );
}

Deno.test("the answers of a health service", () => {
  const fine: [string, string][] = [["grpc-status", "0"]];
  strictEqual(grpc("00 00000002 0801", fine), "passed: SERVING");
  strictEqual(grpc("00 00000002 0801", fine, "application/grpc+proto"), "passed: SERVING");
  strictEqual(grpc("00 00000002 0802", fine), "failed: the service says NOT_SERVING");
  strictEqual(grpc("00 00000000", fine), "failed: the service says UNKNOWN");
  strictEqual(grpc("00 00000002 0809", fine), "failed: the service says status 9");
  strictEqual(grpc("01 00000002 0801", fine), "failed: the answer is not one plain gRPC message");
  strictEqual(grpc("00 00000003 0801", fine), "failed: the answer is not one plain gRPC message");
  strictEqual(grpc("", fine), "failed: the answer is not one plain gRPC message");
  strictEqual(grpc("00 00000001 08", fine), "failed: the answer is not a HealthCheckResponse");
  strictEqual(grpc("", []), "failed: the answer has no grpc-status");
  strictEqual(grpc("", [["grpc-status", "5"]]), "failed: gRPC status NOT_FOUND");
  strictEqual(
    grpc("00 00000002 0801", fine, "text/html"),
    'failed: the answer is of type "text/html", not grpc',
  );
  const trailersOnly = headers(1, [":status", "200"], ["content-type", "application/grpc"], [
    "grpc-status",
    "12",
  ]);
  strictEqual(
    verdictOf(grpcConversation(GRPC), SETTINGS, trailersOnly),
    "failed: gRPC status UNIMPLEMENTED",
  );
});

Deno.test("the question names the service", () => {
  const { sent } = talk(grpcConversation(GRPC));
  ok(sent.endsWith("\0\0\0\0\x0b\x0a\x09shop.Cart"));
  ok(
    talk(grpcConversation({ ...GRPC, service: "" })).sent.endsWith(
      "\0\0\x05\0\x01\0\0\0\x01\0\0\0\0\0",
    ),
  );
  ok(
    talk(grpcConversation({ ...GRPC, service: "x".repeat(300) })).sent.includes(
      "\0\0\0\x01\x2f\x0a\xac\x02xxx",
    ),
  );
});

Deno.test("protobuf fields that are new to us are skipped", () => {
  strictEqual(
    decodeHealthResponse(fromHex("1203616263 0801 19 0102030405060708 25 01020304 2001")),
    1,
  );
  strictEqual(decodeHealthResponse(EMPTY), 0);
  for (
    const wrong of ["08", "0f", "00", "0b", "12ff", "1a05", "08ffffffffffffffffffff", "190102"]
  ) {
    strictEqual(decodeHealthResponse(fromHex(wrong)), null, wrong);
  }
});
