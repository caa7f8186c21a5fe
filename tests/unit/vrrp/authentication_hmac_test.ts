/** Signed adverts: the published vectors, and who is believed. */

import { deepStrictEqual, match, ok, strictEqual, throws } from "node:assert/strict";
import {
  createHmacState,
  defaultWindow,
  hmacProblems,
  type HmacSettings,
  type HmacState,
  receiveHmac4,
  receiveHmac6,
  sealHmac4,
  sealHmac6,
} from "../../../mod/vrrp/authentication_hmac.ts";
import { clockAlarm } from "../../../mod/vrrp/authentication_clock.ts";
import { stampTime } from "../../../mod/vrrp/authentication_stamp.ts";
import { parseIp } from "../../../mod/ip/mod.ts";
import {
  decodeAdvertisement,
  decodeAdvertisement6,
  encodeAdvertisement6,
  headerFault,
  headerFault6,
  TRAILER,
} from "../../../mod/vrrp/mod.ts";
import {
  flipped,
  hmac,
  hmacSettings,
  OTHER_KEY,
  plain2,
  plain3,
  V2,
  V3,
  VECTOR_KEY,
  VECTOR_TIME,
  verdict,
} from "./authentication_fixtures.ts";
import { bytes, expectedChecksum6, hex, outgoing6 } from "./packet_fixtures.ts";

const SECOND = 1_000_000;
const VECTOR4 = "3133c80100644402c0000264" +
  "010100006800000080000000" + "1b84bc4e8e43892dc6d98448f8ee2265";
const VECTOR6 = "3133c8010064a2e9fe800000000000000000000000000100" +
  "010100006800000080000000" + "c8c56146ebfd66ee10ec4d8186461b78";
const ORIGIN = {
  source: parseIp("fe80::10")!,
  destination: parseIp("fe80::20")!,
  hopLimit: 255,
};
const BOTH = [{ id: 1, key: VECTOR_KEY }, { id: 2, key: OTHER_KEY }];

/** One who signs and judges: its settings, its memory. */
class Node {
  settings: HmacSettings;
  readonly state: HmacState = createHmacState();
  readonly source: string;

  constructor(source: string, changed: Partial<HmacSettings> = {}) {
    this.source = source;
    this.settings = hmacSettings(changed);
  }

  advert(time: number): Uint8Array<ArrayBuffer> {
    return sealHmac4(plain3({ source: this.source }), this.settings, this.state, time, hmac);
  }

  judge(packet: Uint8Array, time: number) {
    return receiveHmac4(packet, packet.length, V3, this.settings, this.state, time, hmac);
  }

  verdict(packet: Uint8Array, time = VECTOR_TIME): string {
    return verdict(this.judge(packet, time));
  }
}

const A = "198.51.100.10";
const B = "198.51.100.11";

function judge6(message: Uint8Array, state = createHmacState(), time = VECTOR_TIME) {
  return receiveHmac6(message, message.length, ORIGIN, V3, hmacSettings(), state, time, hmac);
}

Deno.test("the vectors of both families, signed and believed", () => {
  const packet = new Node(A).advert(VECTOR_TIME);
  strictEqual(hex(packet.subarray(20)), VECTOR4);
  strictEqual(packet[2]! * 256 + packet[3]!, packet.length);
  strictEqual(new Node(B).verdict(packet), "signed");

  const message = encodeAdvertisement6(outgoing6({ destination: "fe80::20" }));
  const [settings, state] = [hmacSettings(), createHmacState()];
  const sealed = sealHmac6(message, ORIGIN.source, settings, state, VECTOR_TIME, hmac);
  strictEqual(hex(sealed), VECTOR6);
  strictEqual(expectedChecksum6(sealed, "fe80::10", "fe80::20"), 0xa2e9);
  strictEqual(verdict(judge6(bytes(VECTOR6))), "signed");
});

Deno.test("what is believed is what was said: sealing and opening change nothing else", () => {
  const packet = new Node(A).advert(VECTOR_TIME);
  const result = new Node(B).judge(packet, VECTOR_TIME);
  ok(result.ok);
  const plain = decodeAdvertisement(plain3(), plain3().length, V3);
  deepStrictEqual({ ok: true, advertisement: result.advertisement }, plain);
  const message = encodeAdvertisement6(outgoing6({ destination: "fe80::20" }));
  const result6 = judge6(bytes(VECTOR6));
  ok(result6.ok);
  deepStrictEqual(
    { ok: true, advertisement: result6.advertisement },
    decodeAdvertisement6(message, message.length, ORIGIN, V3),
  );
});

Deno.test("version 2 is signed behind its authentication data", () => {
  const [a, b] = [createHmacState(), createHmacState()];
  const packet = sealHmac4(plain2(), hmacSettings(), a, VECTOR_TIME, hmac);
  strictEqual(packet.length, plain2().length + 28);
  const judged = receiveHmac4(packet, packet.length, V2, hmacSettings(), b, VECTOR_TIME, hmac);
  strictEqual(verdict(judged), "signed");
});

Deno.test("the checksum is not signed; everything else of message and trailer is", () => {
  const packet = new Node(A).advert(VECTOR_TIME);
  const [at, end] = [20, packet.length - 28];
  for (let i = at; i < packet.length; i++) {
    const verdict = new Node(B).verdict(flipped(packet, i));
    if (i >= end) {
      const expected = i === end || i === end + 2 || i === end + 3
        ? "authentication_malformed"
        : i === end + 1
        ? "authentication_malformed" // key id 1 becomes 0
        : i < end + 8
        ? (i === end + 7 ? "authentication_invalid" : "authentication_stale")
        : "authentication_invalid";
      strictEqual(verdict, expected, `trailer byte ${i - end}`);
    } else ok(verdict !== "signed" && verdict !== "unsigned", `byte ${i}`);
  }
  // The other rule for the checksum: rightly so for the codec, and the same digest.
  const other = sealHmac4(
    plain3({ checksum: "rfc5798" }),
    hmacSettings(),
    createHmacState(),
    VECTOR_TIME,
    hmac,
  );
  strictEqual(hex(other.subarray(end)), VECTOR4.slice(24));
  strictEqual(new Node(B).verdict(other), "signed");
});

Deno.test("source address, family and version are signed, too", () => {
  const packet = new Node(A).advert(VECTOR_TIME);
  strictEqual(new Node(B).verdict(flipped(packet, 15)), "authentication_invalid");
  const six = bytes(VECTOR6);
  // Another source with the checksum made right.
  const elsewhere = { ...ORIGIN, source: parseIp("fe80::11")! };
  const sum = expectedChecksum6(six, "fe80::11", "fe80::20");
  six.set([sum >> 8, sum & 255], 6);
  const judged = receiveHmac6(
    six,
    six.length,
    elsewhere,
    V3,
    hmacSettings(),
    createHmacState(),
    VECTOR_TIME,
    hmac,
  );
  strictEqual(verdict(judged), "authentication_invalid");
});

Deno.test("over IPv6 the checksum covers the trailer", () => {
  for (let i = 0; i < bytes(VECTOR6).length; i++) {
    if (i === 0 || i === 3) continue; // version, type, count: told apart before
    strictEqual(verdict(judge6(flipped(bytes(VECTOR6), i))), "checksum", `byte ${i}`);
  }
  strictEqual(verdict(judge6(bytes(VECTOR6).subarray(0, 51))), "length");
  strictEqual(verdict(judge6(bytes(VECTOR6).subarray(0, 7))), "truncated");
});

Deno.test("modes: what is unsigned, what signs, and that signed and wrong is never right", () => {
  const unsigned = plain3({ source: A });
  const wrong = flipped(new Node(A).advert(VECTOR_TIME), 59);
  const right = new Node(A).advert(VECTOR_TIME);
  for (
    const [mode, bare, signs] of [
      ["enforce", "authentication_missing", true],
      ["permissive", "unsigned", true],
      ["receive-only", "unsigned", false],
    ] as const
  ) {
    const node = new Node(B, { mode });
    strictEqual(node.verdict(unsigned), bare, mode);
    strictEqual(node.verdict(wrong), "authentication_invalid", mode);
    strictEqual(node.verdict(right), "signed", mode);
    strictEqual(node.advert(VECTOR_TIME).length, unsigned.length + (signs ? 28 : 0), mode);
  }
  // Somebody cut the trailer off: the IP header's length is not signed, the mode decides.
  const stripped = right.slice(0, right.length - 28);
  stripped[3] = stripped.length;
  strictEqual(new Node(B).verdict(stripped), "authentication_missing");
  // Cut in the middle it is nothing at all.
  const short = right.slice(0, right.length - 4);
  short[3] = short.length;
  strictEqual(new Node(B).verdict(short), "length");
});

Deno.test("a node without keys refuses what is signed by its length", () => {
  const packet = new Node(A).advert(VECTOR_TIME);
  deepStrictEqual(decodeAdvertisement(packet, packet.length, V3), { ok: false, drop: "length" });
});

Deno.test("[V7-C1] the codec's own checks come first, and count as themselves", () => {
  const packet = new Node(A).advert(VECTOR_TIME);
  strictEqual(new Node(B).verdict(flipped(packet, 8)), "ttl");
  strictEqual(new Node(B).verdict(flipped(packet, 26)), "checksum");
  strictEqual(new Node(B).verdict(packet.subarray(0, 30)), "truncated");
});

Deno.test("keys: wrong, unknown, and rotated without a refused advert", () => {
  const stranger = new Node(A, { keys: [{ id: 1, key: OTHER_KEY }] });
  strictEqual(new Node(B).verdict(stranger.advert(VECTOR_TIME)), "authentication_invalid");
  const two = new Node(A, { keys: [{ id: 2, key: VECTOR_KEY }], activeKey: 2 });
  strictEqual(new Node(B).verdict(two.advert(VECTOR_TIME)), "authentication_unknown_key");

  // Each step on one node, then on the other: add, activate, remove. Adverts go both ways all along.
  const nodes = [new Node(A), new Node(B)];
  const steps: readonly Partial<HmacSettings>[] = [
    { keys: BOTH, activeKey: 1 },
    { keys: BOTH, activeKey: 2 },
    { keys: [BOTH[1]!], activeKey: 2 },
  ];
  let time = VECTOR_TIME;
  const exchange = () => {
    for (const from of nodes) {
      time += 100_000;
      const packet = from.advert(time);
      for (const to of nodes) if (to !== from) strictEqual(to.verdict(packet, time), "signed");
    }
  };
  exchange();
  for (const step of steps) {
    for (const node of nodes) {
      node.settings = hmacSettings(step);
      exchange();
    }
  }
  strictEqual(nodes[0]!.advert(time).at(-27), 2, "signed with the new key in the end");
});

Deno.test("a key that is removed is a key that opens nothing", () => {
  const node = new Node(B, { keys: BOTH });
  const old = new Node(A).advert(VECTOR_TIME);
  node.settings = hmacSettings({ keys: [BOTH[1]!], activeKey: 2 });
  strictEqual(node.verdict(old), "authentication_unknown_key");
});

Deno.test("nothing is believed twice, by time and by sequence", () => {
  for (const antiReplay of ["time", "monotonic"] as const) {
    const [a, b] = [new Node(A, { antiReplay }), new Node(B, { antiReplay })];
    const packets = [0, 1, 2].map((i) => a.advert(VECTOR_TIME + i * SECOND));
    strictEqual(b.verdict(packets[0]!), "signed");
    strictEqual(b.verdict(packets[2]!), "signed");
    for (const packet of packets) strictEqual(b.verdict(packet), "authentication_replay");
    // Many within one tick of the clock.
    for (let i = 0; i < 5; i++) {
      strictEqual(b.verdict(a.advert(VECTOR_TIME + 3 * SECOND)), "signed");
    }
  }
});

Deno.test("a stamp outside the window is stale, on both sides, to the second", () => {
  const at = VECTOR_TIME;
  for (const [seconds, expected] of [[5, "signed"], [6, "authentication_stale"]] as const) {
    strictEqual(new Node(B).verdict(new Node(A).advert(at + seconds * SECOND), at), expected);
    strictEqual(new Node(B).verdict(new Node(A).advert(at - seconds * SECOND), at), expected);
  }
  const patient = new Node(B, { antiReplay: "monotonic" });
  strictEqual(patient.verdict(new Node(A).advert(at - 3600 * SECOND), at), "signed");
});

Deno.test("a refused advert moves no mark", () => {
  const [a, b] = [new Node(A), new Node(B)];
  const first = a.advert(VECTOR_TIME);
  const second = a.advert(VECTOR_TIME + SECOND);
  const forged = flipped(second, second.length - 1);
  strictEqual(b.verdict(forged), "authentication_invalid");
  strictEqual(b.verdict(first), "signed");
  strictEqual(b.verdict(second), "signed");
});

Deno.test("replay is judged for each sender by itself", () => {
  const [a, b, c] = [new Node(A), new Node("198.51.100.12"), new Node(B)];
  strictEqual(c.verdict(a.advert(VECTOR_TIME + 4 * SECOND)), "signed");
  strictEqual(c.verdict(b.advert(VECTOR_TIME)), "signed", "an older clock is its own business");
});

Deno.test("a sender that is forgotten for lack of room is not new: by sequence and by time", () => {
  for (const antiReplay of ["monotonic", "time"] as const) {
    const receiver = new Node(B, { antiReplay });
    const senders = Array.from({ length: 17 }, (_, i) => `192.0.2.${i + 1}`)
      .map((source) => new Node(source, { antiReplay }));
    const recorded = senders.map((sender) => sender.advert(VECTOR_TIME));
    for (const packet of recorded) strictEqual(receiver.verdict(packet), "signed", antiReplay);
    strictEqual(receiver.state.marks.length, 16);
    for (const packet of recorded) {
      strictEqual(receiver.verdict(packet), "authentication_replay", antiReplay);
    }
    strictEqual(
      receiver.verdict(senders[0]!.advert(VECTOR_TIME)),
      "signed",
      "alive, it comes back",
    );
  }
});

Deno.test("a mark outside the window holds nobody back", () => {
  const receiver = new Node(B);
  // A clock that was two seconds ahead and then put right by a restart, minutes later.
  strictEqual(receiver.verdict(new Node(A).advert(VECTOR_TIME + 2 * SECOND)), "signed");
  const later = VECTOR_TIME + 600 * SECOND;
  strictEqual(receiver.verdict(new Node(A).advert(later), later), "signed");
  // Our own clock went back by an hour (a restart): the mark is in the future and means nothing.
  const earlier = VECTOR_TIME - 3600 * SECOND;
  strictEqual(receiver.verdict(new Node(A).advert(earlier), earlier), "signed");
});

Deno.test("unicast: only peers may sign, however well they do", () => {
  const node = new Node(B, { peers: ["192.0.2.1", A] });
  strictEqual(node.verdict(new Node(A).advert(VECTOR_TIME)), "signed");
  strictEqual(node.verdict(new Node("198.51.100.99").advert(VECTOR_TIME)), "authentication_source");
});

Deno.test("a step of the wall clock by an hour while running refuses no advert", () => {
  // The driver reads the wall clock once; a step changes what it never reads again.
  const anchors = [{ wall: VECTOR_TIME, monotonic: 7 * SECOND }, {
    wall: VECTOR_TIME + SECOND,
    monotonic: 900 * SECOND,
  }];
  const nodes = [new Node(A), new Node(B)];
  for (let second = 0; second < 100; second++) {
    const times = anchors.map((anchor) => stampTime(anchor, anchor.monotonic + second * SECOND));
    strictEqual(nodes[1]!.verdict(nodes[0]!.advert(times[0]!), times[1]!), "signed");
    strictEqual(nodes[0]!.verdict(nodes[1]!.advert(times[1]!), times[0]!), "signed");
  }
});

Deno.test("a wrong clock is told with the third advert, by name and by how much", () => {
  for (const [ahead, words] of [[3600, "3600 s ahead of"], [-90, "90 s behind"]] as const) {
    const [late, node] = [new Node(A), new Node(B)];
    const notices = [];
    for (let i = 0; i < 10; i++) {
      const time = VECTOR_TIME + i * SECOND;
      const result = node.judge(late.advert(time + ahead * SECOND), time);
      strictEqual(verdict(result), "authentication_stale");
      if (result.notice !== undefined) notices.push([i, result.notice]);
    }
    deepStrictEqual(notices, [[2, {
      kind: "clock_wrong",
      text: `The clock of ${A} is ${words} ours, and 5 s are allowed: one is wrong; ` +
        "its adverts are refused",
    }]]);
    const then = VECTOR_TIME + 9 * SECOND;
    match(clockAlarm(node.settings, node.state, then)!, /one is wrong/);
    // It is put right, and restarted.
    strictEqual(node.verdict(new Node(A).advert(then), then), "signed");
    strictEqual(clockAlarm(node.settings, node.state, then), null);
  }
});

Deno.test("whose clock it is: the one against all others", () => {
  const peers = [A, "198.51.100.12"].map((source) => new Node(source));
  const alone = new Node(B);
  for (let i = 0; i < 3; i++) {
    const time = VECTOR_TIME + i * SECOND;
    for (const peer of peers) alone.judge(peer.advert(time - 3600 * SECOND), time);
  }
  match(clockAlarm(alone.settings, alone.state, VECTOR_TIME)!, /our clock is wrong/);
  const [right, wrong] = peers.map(({ source }) => new Node(source));
  const node = new Node(B);
  for (let i = 0; i < 3; i++) {
    const time = VECTOR_TIME + i * SECOND;
    strictEqual(node.verdict(right!.advert(time), time), "signed");
    node.judge(wrong!.advert(time + 3600 * SECOND), time);
  }
  const text = clockAlarm(node.settings, node.state, VECTOR_TIME + 2 * SECOND)!;
  match(text, /The clock of 198\.51\.100\.12 is 3600 s ahead .*its clock is wrong/);
});

Deno.test("old recordings are no clock: played again, forged, or under a key we have not", () => {
  const node = new Node(B);
  const old = new Node(A).advert(VECTOR_TIME - 3600 * SECOND);
  const stranger = new Node(A, { keys: [{ id: 1, key: OTHER_KEY }] });
  const unknown = new Node(A, { keys: [{ id: 9, key: VECTOR_KEY }], activeKey: 9 });
  for (let i = 0; i < 10; i++) {
    const then = VECTOR_TIME + (i - 3600) * SECOND;
    strictEqual(node.verdict(old), "authentication_stale");
    strictEqual(node.verdict(stranger.advert(then)), "authentication_stale");
    strictEqual(node.verdict(unknown.advert(then)), "authentication_stale");
  }
  strictEqual(clockAlarm(node.settings, node.state, VECTOR_TIME), null);
});

Deno.test("an alarm ends a minute after the last word of the one it is about", () => {
  const [late, node] = [new Node(A), new Node(B)];
  for (let i = 0; i < 3; i++) {
    node.judge(late.advert(VECTOR_TIME + (i - 3600) * SECOND), VECTOR_TIME);
  }
  ok(clockAlarm(node.settings, node.state, VECTOR_TIME + 59 * SECOND) !== null);
  strictEqual(clockAlarm(node.settings, node.state, VECTOR_TIME + 60 * SECOND), null);
});

Deno.test("a clock that drifts is told once, at half the window, before anything is refused", () => {
  const [a, b] = [new Node(A), new Node(B)];
  const notices: string[] = [];
  for (let i = 0; i < 60; i++) {
    const time = VECTOR_TIME + i * SECOND;
    const drift = i < 40 ? Math.min(4, i / 10) : 0;
    const result = b.judge(a.advert(time + drift * SECOND), time);
    ok(result.ok);
    if (result.notice !== undefined) notices.push(`${i}: ${result.notice.kind}`);
  }
  deepStrictEqual(notices, ["25: clock_skew"]);
});

Deno.test("settings that fail open are refused, and no text names a key", () => {
  deepStrictEqual(hmacProblems(hmacSettings({ keys: BOTH })), []);
  const rows: readonly [Partial<HmacSettings>, RegExp][] = [
    [{ activeKey: 2 }, /the active key 2 is not among the keys/],
    [{ keys: [] }, /the active key 1 is not among/],
    [{ keys: [BOTH[0]!, BOTH[0]!] }, /key id 1 is given twice/],
    [{ keys: [{ id: 0, key: OTHER_KEY }], activeKey: 0 }, /key id 0 is not 1 to 255/],
    [{ keys: [{ id: 256, key: OTHER_KEY }], activeKey: 256 }, /key id 256/],
    [{ window: 0 }, /window of 0 s/],
    [{ window: 301 }, /window of 301 s/],
    [{ window: 1.5 }, /window of 1.5 s/],
  ];
  for (const [changed, expected] of rows) {
    match(hmacProblems(hmacSettings(changed)).join("; "), expected);
  }
  const short = VECTOR_KEY.reveal().slice(0, 31);
  const key = new (Object.getPrototypeOf(VECTOR_KEY).constructor)(short);
  match(
    hmacProblems(hmacSettings({ keys: [{ id: 1, key }] })).join(),
    /key 1 has 31 bytes, not 32/,
  );
  throws(() => new Node(A, { activeKey: 3 }).advert(VECTOR_TIME), /there is no key 3/);
});

Deno.test("the window is three intervals, at least five seconds and at most five minutes", () => {
  deepStrictEqual([10_000, 1e6, 1_999_999, 2e6, 40e6, 255e6].map(defaultWindow), [
    5,
    5,
    5,
    6,
    120,
    300,
  ]);
});

Deno.test("memory is plain data without keys", () => {
  const [a, b] = [new Node(A), new Node(B)];
  for (let i = 0; i < 5; i++) b.judge(a.advert(VECTOR_TIME + i * SECOND), VECTOR_TIME);
  for (const { state } of [a, b]) {
    deepStrictEqual(JSON.parse(JSON.stringify(state)), state);
    deepStrictEqual(structuredClone(state), state);
  }
});

Deno.test("the headers of a signed advert are in order where a trailer may stand", () => {
  const settings = hmacSettings();
  const four = sealHmac4(plain3(), settings, createHmacState(), VECTOR_TIME, hmac);
  strictEqual(headerFault(four, four.length, V3), "length");
  strictEqual(headerFault(four, four.length, V3, TRAILER), null);
  strictEqual(headerFault(plain3(), plain3().length, V3, TRAILER), null);
  const plain = encodeAdvertisement6(outgoing6());
  const six = sealHmac6(plain, ORIGIN.source, settings, createHmacState(), VECTOR_TIME, hmac);
  strictEqual(headerFault6(six, six.length, 255, V3), "length");
  strictEqual(headerFault6(six, six.length, 255, V3, TRAILER), null);
  strictEqual(headerFault6(plain, plain.length - 1, 255, V3, TRAILER), "length");
});
