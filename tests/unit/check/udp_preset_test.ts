/** Ready questions over UDP: the requests by the byte, and whom they believe. */

import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { createHash, createHmac } from "node:crypto";
import { concatenate, type Conversation } from "../../../mod/check/types/conversation.ts";
import { presetConversation, type UdpPreset } from "../../../mod/check/types/udp_preset.ts";
import { bytes, fromHex, type Said, talk, verdictOf } from "./conversation_fixtures.ts";

/** 1, 2, 3 and so on, from probe to probe the same. */
function counting(): (count: number) => Uint8Array {
  let next = 0;
  return (count) => Uint8Array.from({ length: count }, () => ++next & 255);
}

const ask = (settings: UdpPreset): Conversation => presetConversation(settings, counting());
const requestOf = (settings: UdpPreset) =>
  Uint8Array.from(talk(ask(settings)).sent, (character) => character.charCodeAt(0));
const verdict = (settings: UdpPreset, ...said: Said[]) => verdictOf(ask(settings), ...said);

const NTP = { preset: "ntp" } as const;
const QUIC = { preset: "quic" } as const;
const RADIUS = { preset: "radius", secret: bytes("a secret") } as const;
const SIP = { preset: "sip", host: "192.0.2.1", status: [[200, 299], [405, 405]] } as const;

Deno.test("udp presets: silence and noise say what they are", () => {
  const noise = fromHex("00112233445566778899aabbccddeeff0011");
  const begin = "00112233445566778899aabbccddeeff…";
  strictEqual(verdict(NTP, "time"), "failed: no reply in time");
  strictEqual(verdict(NTP, noise, "time"), `failed: the reply is not NTP: ${begin}`);
  strictEqual(
    verdict(QUIC, noise, "time"),
    `failed: the reply is no list of QUIC's versions: ${begin}`,
  );
  strictEqual(
    verdict(RADIUS, "time"),
    "failed: no reply in time: so does a server that has another secret for us, or none",
  );
  strictEqual(verdict(RADIUS, noise, "time"), `failed: the reply is not RADIUS: ${begin}`);
  match(verdict(SIP, noise, "time"), /^failed: the reply is not SIP: "\\u0000/);
  for (const one of [NTP, QUIC, RADIUS, SIP]) {
    strictEqual(verdict(one, new Uint8Array(0)), "undecided", one.preset);
  }
});

Deno.test("udp presets: ntp believes who says that he is synchronised, and answers this question", () => {
  const request = requestOf(NTP);
  deepStrictEqual([...request], [0x23, ...Array(39).fill(0), 1, 2, 3, 4, 5, 6, 7, 8]);
  const reply = (first: number, stratum: number, code = "\x01\x02\x03\x04") => {
    const made = new Uint8Array(48);
    made.set([first, stratum]);
    made.set(bytes(code), 12);
    made.set(request.subarray(40), 24);
    return made;
  };
  const said = (...replies: Uint8Array[]) => verdict(NTP, ...replies, "time");
  strictEqual(said(reply(0x24, 2)), "passed: synchronised, of stratum 2");
  strictEqual(said(reply(0x64, 15)), "passed: synchronised, of stratum 15");
  strictEqual(said(reply(0xe4, 2)), "failed: the server is not synchronised");
  strictEqual(said(reply(0x24, 16)), "failed: the server is not synchronised");
  strictEqual(said(reply(0xe4, 0, "INIT")), "failed: the server is not synchronised: INIT");
  strictEqual(said(reply(0x24, 0, "RATE")), "failed: the server refuses to answer: RATE");
  match(said(reply(0x23, 2)), /^failed: the reply is not NTP: 2302/);
  const other = reply(0x24, 2).with(24, 99);
  strictEqual(said(other), "failed: the reply is to another question");
  strictEqual(said(other, reply(0x24, 3)), "passed: synchronised, of stratum 3");
});

Deno.test("udp presets: radius signs its question, and believes a signed answer alone", () => {
  const request = requestOf(RADIUS);
  deepStrictEqual([...request.subarray(0, 4)], [12, 1, 0, 44]);
  const blank = request.slice().fill(0, 28);
  const signature = createHmac("md5", RADIUS.secret).update(blank).digest();
  deepStrictEqual([...request.subarray(26, 28)], [80, 18]);
  strictEqual(signature.compare(request.subarray(28)), 0);
  const attributes = fromHex("12 06 77656c6c");
  const reply = (code: number, id = 1, secret: Uint8Array = RADIUS.secret) => {
    const head = Uint8Array.of(code, id, 0, 26);
    const signed = concatenate([head, request.subarray(4, 20), attributes, secret]);
    const hash = createHash("md5").update(signed).digest();
    return concatenate([head, hash, attributes]);
  };
  const said = (one: Uint8Array) => verdict(RADIUS, one, "time");
  strictEqual(said(reply(2)), "passed: Access-Accept");
  strictEqual(said(reply(5)), "passed: Accounting-Response");
  strictEqual(said(concatenate([reply(2), bytes("padding")])), "passed: Access-Accept");
  strictEqual(said(reply(3)), "failed: the reply is of code 3");
  strictEqual(said(reply(2, 2)), "failed: the reply is to another question");
  strictEqual(
    said(reply(2, 1, bytes("another"))),
    "failed: the reply is not signed with our secret",
  );
  match(said(reply(2).subarray(0, 25)), /^failed: the reply is not RADIUS/);
});

Deno.test("udp presets: sip takes the final answer to its own call, by its status", () => {
  const request = new TextDecoder().decode(requestOf(SIP));
  match(request, /^OPTIONS sip:192\.0\.2\.1 SIP\/2\.0\r\nVia: SIP\/2\.0\/UDP [^\r]*;rport\r\n/);
  match(request, /\r\nContent-Length: 0\r\n\r\n$/);
  const call = /\r\nCall-ID: (\S+)\r\n/.exec(request)![1];
  const reply = (status: string, id = `Call-ID: ${call}`) =>
    bytes(`SIP/2.0 ${status}\r\nVia: SIP/2.0/UDP x\r\n${id}\r\nCSeq: 1 OPTIONS\r\n\r\nbody`);
  const said = (...replies: Uint8Array[]) => verdict(SIP, ...replies, "time");
  strictEqual(said(reply("200 OK")), "passed: SIP status 200");
  strictEqual(said(reply("405 No")), "passed: SIP status 405");
  strictEqual(said(reply("503 Service Unavailable")), "failed: SIP status 503");
  strictEqual(said(reply("200 OK", `i:${call}`)), "passed: SIP status 200");
  strictEqual(said(reply("100 Trying"), reply("200 OK")), "passed: SIP status 200");
  strictEqual(said(reply("100 Trying")), "failed: SIP status 100 alone came in time");
  strictEqual(said(reply("200 OK", "Call-ID: 7")), "failed: the reply is to another question");
  strictEqual(
    said(bytes("HTTP/1.1 200 OK\r\n\r\n")),
    'failed: the reply is not SIP: "HTTP/1.1 200 OK"',
  );
});

Deno.test("udp presets: quic wants the list of versions for its own connection", () => {
  const request = requestOf(QUIC);
  strictEqual(request.length, 1200);
  deepStrictEqual([...request.subarray(0, 5)], [0xc0, 0x1a, 0x2a, 0x3a, 0x4a]);
  const reply = (versions: string, change: [number, number] = [0, 0xff]) =>
    concatenate([
      fromHex("ff 00000000 08"),
      request.subarray(15, 23),
      fromHex("08"),
      request.subarray(6, 14),
      fromHex(versions),
    ]).with(...change);
  const said = (one: Uint8Array) => verdict(QUIC, one, "time");
  strictEqual(said(reply("00000001 6b3343cf ff00001d 8a9aaaba")), "passed: QUIC 1, 2, 0xff00001d");
  strictEqual(said(reply("0a0a0a0a")), "failed: the server speaks no version of QUIC");
  strictEqual(said(reply("00000001", [6, 99])), "failed: the reply is to another question");
  strictEqual(said(reply("00000001", [5, 4])), "failed: the reply is to another question");
  match(said(reply("00000001", [4, 1])), /^failed: the reply is no list/);
  match(said(reply("000000")), /^failed: the reply is no list/);
});
