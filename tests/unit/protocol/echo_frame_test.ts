/** Frames of echo packets and of questions for a neighbour: golden bytes, ways back, noise. */

import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { parseIp } from "../../../mod/ip/mod.ts";
import {
  EchoFrame,
  hasRightChecksum,
  isFrom,
  isTo,
  readEcho,
  type ReceivedEcho,
  turnBack,
} from "../../../mod/protocol/echo_frame.ts";
import { answerAt, questionFrame } from "../../../mod/protocol/neighbour_frame.ts";
import { Random, wantedSeed } from "../../lib/random.ts";

const OWN_MAC = Uint8Array.of(0x02, 0, 0, 0, 0, 1);
const PEER_MAC = Uint8Array.of(0x02, 0, 0, 0, 0, 2);
const FAMILIES = [
  ["ipv4", parseIp("192.0.2.1")!, parseIp("192.0.2.2")!],
  ["ipv6", parseIp("2001:db8::1")!, parseIp("2001:db8::2")!],
] as const;

function hex(text: string): Uint8Array<ArrayBuffer> {
  const bytes = text.replaceAll(/\s/g, "");
  return Uint8Array.from(
    { length: bytes.length / 2 },
    (_, i) => parseInt(bytes.slice(2 * i, 2 * i + 2), 16),
  );
}

function empty(): ReceivedEcho {
  return { ttl: 0, udp: 0, payload: 0, length: 0 };
}

/** A frame of ours with that payload. */
function frameOf(family: "ipv4" | "ipv6", own: Uint8Array, payload: string): Uint8Array {
  const frame = new EchoFrame(family, own, OWN_MAC, 64);
  const bytes = hex(payload);
  frame.payload.set(bytes);
  return frame.bytes.slice(0, frame.complete(bytes.length, PEER_MAC));
}

Deno.test("[B5881-7] an echo over IPv4: to itself by way of the peer, port 3785, TTL 255", () => {
  const frame = frameOf("ipv4", FAMILIES[0][1], "01020304");
  deepStrictEqual(
    frame,
    hex(`020000000002 020000000001 0800
      45c00020 00004000 ff11f6f6 c0000201 c0000201
      0ec90ec9 000c5a44 01020304`).map((byte, at) =>
      at === 24 || at === 25 || at === 40 || at === 41 ? frame[at]! : byte
    ),
  );
  const echo = empty();
  ok(readEcho("ipv4", frame, frame.length, echo));
  deepStrictEqual(echo, { ttl: 255, udp: 34, payload: 42, length: 4 });
  ok(hasRightChecksum("ipv4", frame, echo));
  frame[45]! ^= 1;
  ok(!hasRightChecksum("ipv4", frame, echo));
});

for (const [family, own, peer] of FAMILIES) {
  Deno.test(`what is sent back has one less of TTL, and checksums that are right, ${family}`, () => {
    const frame = frameOf(family, own, "68616c6200000000ffff");
    const echo = empty();
    ok(readEcho(family, frame, frame.length, echo));
    ok(isTo(family, frame, own) && isFrom(family, frame, own) && !isTo(family, frame, peer));
    // As a virtual interface delivers it: the checksum is not made yet.
    frame[echo.udp + 6]! ^= 0x55;
    turnBack(family, frame, echo, false);
    ok(readEcho(family, frame, frame.length, echo));
    strictEqual(echo.ttl, 254);
    ok(hasRightChecksum(family, frame, echo));
    deepStrictEqual([frame.slice(0, 6), frame.slice(6, 12)], [OWN_MAC, PEER_MAC]);
    if (family === "ipv4") strictEqual(ipv4HeaderSum(frame), 0xffff);
  });

  Deno.test(`one that is addressed to us goes to its sender, ${family}`, () => {
    const frame = frameOf(family, peer, "00");
    const at = family === "ipv4" ? 30 : 38;
    frame.set(own, at);
    const echo = empty();
    ok(readEcho(family, frame, frame.length, echo));
    turnBack(family, frame, echo, true);
    ok(isFrom(family, frame, own) && isTo(family, frame, peer));
    ok(hasRightChecksum(family, frame, echo));
  });

  Deno.test(`cut off anywhere, or with any byte changed, nothing is read past its end, ${family}`, () => {
    const frame = frameOf(family, own, "0102030405060708");
    const echo = empty();
    for (let length = 0; length < frame.length; length++) {
      strictEqual(readEcho(family, frame.slice(0, length), length, echo), false, `${length} bytes`);
      strictEqual(readEcho(family, frame, frame.length + 1, echo), false);
    }
    const random = new Random(wantedSeed() ?? 1);
    let read = 0;
    for (let i = 0; i < 20_000; i++) {
      const bytes = frame.slice();
      for (let n = random.int(1, 3); n > 0; n--) {
        bytes[random.int(14, bytes.length - 1)] = random.int(0, 255);
      }
      if (!readEcho(family, bytes, bytes.length, echo)) continue;
      read++;
      ok(echo.payload + echo.length <= bytes.length && echo.udp >= 34);
      turnBack(family, bytes, echo, random.int(0, 1) === 1);
    }
    ok(read > 1000);
  });

  Deno.test(`a neighbour's answer is found, and nobody else's, ${family}`, () => {
    const answer = answerOf(family, peer, own);
    const at = answerAt(family, answer, answer.length, peer);
    deepStrictEqual(answer.slice(at, at + 6), PEER_MAC);
    strictEqual(answerAt(family, answer, answer.length, own), -1);
    for (let length = 0; length < answer.length; length++) {
      strictEqual(answerAt(family, answer.slice(0, length), length, peer), -1);
    }
    const group = answer.slice();
    group[at]! |= 1;
    strictEqual(answerAt(family, group, group.length, peer), -1, "no station has such an address");
    const random = new Random(wantedSeed() ?? 1);
    for (let i = 0; i < 20_000; i++) {
      const noise = answer.slice();
      for (let n = random.int(1, 4); n > 0; n--) {
        noise[random.int(14, noise.length - 1)] = random.int(0, 255);
      }
      const found = answerAt(family, noise, noise.length, peer);
      ok(found === -1 || found + 6 <= noise.length);
    }
  });
}

Deno.test("questions: an ARP request and a neighbour solicitation, to all or to one", () => {
  const [[, own4, peer4], [, own6, peer6]] = FAMILIES;
  deepStrictEqual(
    questionFrame("ipv4", peer4, own4, OWN_MAC, null),
    hex(`ffffffffffff 020000000001 0806 0001 0800 06 04 0001
      020000000001 c0000201 000000000000 c0000202`),
  );
  const one = questionFrame("ipv4", peer4, own4, OWN_MAC, PEER_MAC);
  deepStrictEqual(one.slice(0, 6), PEER_MAC);
  const all = questionFrame("ipv6", peer6, own6, OWN_MAC, null);
  deepStrictEqual(all.slice(0, 6), hex("3333ff000002"));
  deepStrictEqual(all.slice(38, 54), hex("ff0200000000000000000001ff000002"));
  deepStrictEqual(all.slice(78), hex("0101020000000001"));
  const alone = questionFrame("ipv6", peer6, own6, OWN_MAC, PEER_MAC);
  deepStrictEqual(alone.slice(38, 54), peer6);
});

function ipv4HeaderSum(frame: Uint8Array): number {
  let sum = 0;
  for (let at = 14; at < 34; at += 2) sum += frame[at]! << 8 | frame[at + 1]!;
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return sum;
}

/** What the peer answers: an ARP reply, a neighbour advertisement. */
function answerOf(family: "ipv4" | "ipv6", peer: Uint8Array, own: Uint8Array): Uint8Array {
  if (family === "ipv4") {
    const reply = questionFrame("ipv4", own, peer, PEER_MAC, OWN_MAC);
    reply[21] = 2;
    return reply;
  }
  const answer = questionFrame("ipv6", peer, peer, PEER_MAC, OWN_MAC);
  answer[54] = 136;
  answer[78] = 2;
  return answer;
}
