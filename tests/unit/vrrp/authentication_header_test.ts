/** The IPsec authentication header of version 2, against packets of keepalived. */

import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import {
  type HeaderState,
  receiveHeader,
  sealHeader,
} from "../../../mod/vrrp/authentication_header.ts";
import { decodeAdvertisement } from "../../../mod/vrrp/mod.ts";
import { Secret } from "../../../mod/secret/mod.ts";
import { flipped, hmac, plain2, plain3, V2, verdict } from "./authentication_fixtures.ts";
import { bytes, hex, internetChecksum } from "./packet_fixtures.ts";

const PASSWORD = Secret.ofText("secret12");
const START = 1_795_252_623;

/** Captured from keepalived 2.2.7: password "secret12", to the group, sequence number 1. */
const MULTICAST = bytes(
  "45c000400001 0000ff33 18b5 c0000202 e0000012" +
    "70040000 c0000202 00000001 c34e92e70a9ea00b73f3bfeb" +
    "213364010201b696 c0000233 0000000000000000",
);
/** The one after it. */
const MULTICAST_2 = bytes(
  "45c000400002 0000ff33 18b4 c0000202 e0000012" +
    "70040000 c0000202 00000002 89706b19e8c5c2ecf3fda991" +
    "213364010201b696 c0000233 0000000000000000",
);
/** To a peer, two addresses, and a password of which "longerse" counts. */
const UNICAST = bytes(
  "45c000440001 0000ff33 36c2 c0000202 c0000201" +
    "70040000 c0000202 00000001 d07ecdf294de16b766db1070" +
    "213564020201 8c28 c0000235 c6336435 0000000000000000",
);

function nothingHeard(): HeaderState {
  return { sequence: null };
}

function judge(packet: Uint8Array, state = nothingHeard(), password = PASSWORD): string {
  return verdict(receiveHeader(packet, packet.length, V2, state, password, hmac));
}

function seal(state: HeaderState, changed: Parameters<typeof plain2>[0] = {}): Uint8Array {
  return sealHeader(plain2(changed), state, PASSWORD, START, hmac);
}

/** Signs a packet anew, TTL left out: what RFC 2402 says where keepalived does otherwise. */
function resigned(packet: Uint8Array, coverTtl: boolean): Uint8Array<ArrayBuffer> {
  const copy = Uint8Array.from(packet);
  const covered = Uint8Array.from(packet);
  for (const at of [1, 6, 7, 10, 11]) covered[at] = 0;
  if (!coverTtl) covered[8] = 0;
  covered.fill(0, 32, 44);
  copy.set(hmac("md5", PASSWORD.reveal(), covered).subarray(0, 12), 32);
  return copy;
}

Deno.test("keepalived's authentication header is believed, to the group and to a peer", () => {
  const state = nothingHeard();
  deepStrictEqual(receiveHeader(MULTICAST, MULTICAST.length, V2, state, PASSWORD, hmac), {
    ok: true,
    signed: true,
    advertisement: {
      version: 2,
      source: "192.0.2.2",
      virtualRouterId: 51,
      priority: 100,
      interval: 1_000_000,
      addresses: ["192.0.2.51"],
      checksum: "rfc9568",
    },
  });
  strictEqual(judge(MULTICAST_2, state), "signed");
  strictEqual(state.sequence, 2);
  strictEqual(judge(UNICAST, nothingHeard(), Secret.ofText("longersecret")), "signed");
  strictEqual(
    judge(UNICAST, nothingHeard(), Secret.ofText("longersEcret")),
    "authentication_invalid",
  );
});

Deno.test("ours is keepalived's, byte for byte", () => {
  const changed = {
    source: "192.0.2.2",
    virtualRouterId: 51,
    priority: 100,
    addresses: ["192.0.2.51"],
  };
  const ours = Uint8Array.from(seal({ sequence: 0 }, changed));
  // The identification is anybody's choice, and signed: take theirs, and sign anew.
  ours.set(MULTICAST.subarray(4, 6), 4);
  ours.set(MULTICAST.subarray(10, 12), 10);
  strictEqual(hex(resigned(ours, true)), hex(MULTICAST));
  strictEqual(hex(ours.subarray(44)), hex(MULTICAST.subarray(44)), "the message");
});

Deno.test("to a peer the TTL is left out of the digest, as keepalived does", () => {
  const ours = seal({ sequence: 0 }, { destination: "192.0.2.1" });
  strictEqual(hex(ours), hex(resigned(ours, false)));
  const theirs = Secret.ofText("longerse");
  const plain = plain2({
    source: "192.0.2.2",
    destination: "192.0.2.1",
    virtualRouterId: 53,
    priority: 100,
    addresses: ["192.0.2.53", "198.51.100.53"],
  });
  const sealed = sealHeader(plain, { sequence: 0 }, theirs, START, hmac);
  sealed.set(UNICAST.subarray(4, 6), 4);
  const covered = Uint8Array.from(sealed);
  for (const at of [1, 8]) covered[at] = 0;
  covered.fill(0, 32, 44);
  sealed.set(hmac("md5", theirs.reveal(), covered).subarray(0, 12), 32);
  strictEqual(hex(sealed.subarray(12)), hex(UNICAST.subarray(12)));
});

Deno.test("the TTL may be signed or not, whatever the destination", () => {
  for (const coverTtl of [true, false]) {
    strictEqual(judge(resigned(MULTICAST, coverTtl)), "signed");
  }
});

Deno.test("what routers on the way change is not signed, all else is", () => {
  // TOS, flags and offset, header checksum may change. What precedes the digest is judged as well.
  const free = [1, 6, 7, 10, 11];
  for (let at = 0; at < MULTICAST.length; at++) {
    const result = judge(flipped(MULTICAST, at));
    if (free.includes(at)) strictEqual(result, "signed", `byte ${at}`);
    else ok(result !== "signed" && result !== "unsigned", `byte ${at}`);
  }
});

Deno.test("each refusal has its reason, and moves nothing", () => {
  const state = { sequence: 0 };
  const rows: readonly [Uint8Array, string][] = [
    [MULTICAST.subarray(0, 19), "truncated"],
    [MULTICAST.subarray(0, 51), "truncated"],
    [MULTICAST.subarray(0, 63), "truncated"],
    [plain2(), "authentication_missing"],
    [flipped(MULTICAST, 9), "truncated"], // another protocol
    [flipped(MULTICAST, 8), "ttl"],
    [flipped(MULTICAST, 20), "authentication_malformed"], // next header
    [flipped(MULTICAST, 21), "authentication_malformed"], // length
    [flipped(MULTICAST, 23), "authentication_malformed"], // reserved
    [flipped(MULTICAST, 27), "authentication_malformed"], // SPI is not the source
    [flipped(MULTICAST, 31), "authentication_invalid"], // sequence number
    [flipped(MULTICAST, 43), "authentication_invalid"], // digest
    [flipped(MULTICAST, 46), "checksum"],
    [flipped(MULTICAST, 44, 0x10), "version"],
    [flipped(MULTICAST, 44), "type"],
    [flipped(MULTICAST, 47), "length"],
  ];
  for (const [packet, drop] of rows) {
    strictEqual(judge(packet, state), drop, hex(packet));
    deepStrictEqual(state, { sequence: 0 });
  }
  // A message of type 1 inside, with the checksum and the digest for it.
  const password = Uint8Array.from(MULTICAST);
  password[48] = 1;
  const sum = internetChecksum(
    Uint8Array.from([...password.subarray(44, 50), 0, 0, ...password.subarray(52)]),
  );
  password.set([sum >> 8, sum & 255], 50);
  strictEqual(judge(resigned(password, true), state), "authentication");
});

Deno.test("a header with IP options is refused, not guessed at", () => {
  const options = new Uint8Array(MULTICAST.length + 4);
  options.set(MULTICAST.subarray(0, 20));
  options[0] = 0x46;
  options[3] = options.length;
  options.set([1, 1, 1, 0], 20);
  options.set(MULTICAST.subarray(20), 24);
  strictEqual(judge(options), "authentication_malformed");
});

Deno.test("nothing is believed twice, and nothing older than what was heard", () => {
  const state = nothingHeard();
  strictEqual(judge(MULTICAST_2, state), "signed");
  strictEqual(judge(MULTICAST_2, state), "authentication_replay");
  strictEqual(judge(MULTICAST, state), "authentication_replay");
  strictEqual(state.sequence, 2);
});

Deno.test("one counter for all: who takes over counts on from the last master", () => {
  const [a, b, c] = [nothingHeard(), nothingHeard(), nothingHeard()];
  for (let i = 0; i < 5; i++) {
    const packet = seal(a, { source: "192.0.2.1" });
    strictEqual(judge(packet, b), "signed");
    strictEqual(judge(packet, c), "signed");
  }
  // The master dies; b takes over and c, who heard the first one, believes it.
  strictEqual(judge(seal(b, { source: "192.0.2.2" }), c), "signed");
  deepStrictEqual(b, c);
});

Deno.test("two masters after a cut: the one that is behind catches up with one advert", () => {
  const [ahead, behind] = [{ sequence: 5000 }, { sequence: 3000 }];
  strictEqual(judge(seal(behind, { source: "192.0.2.1" }), ahead), "authentication_replay");
  strictEqual(judge(seal(ahead, { source: "192.0.2.2" }), behind), "signed");
  // It answers at once (RFC 9568 6.4.3), and is heard.
  strictEqual(judge(seal(behind, { source: "192.0.2.1" }), ahead), "signed");
});

Deno.test("who has heard nobody begins ahead of everybody; who has, does not", () => {
  const restarted = nothingHeard();
  const other = { sequence: 86_400 * 365 };
  strictEqual(judge(seal(restarted), other), "signed");
  strictEqual(other.sequence, START + 1);
  const listener = nothingHeard();
  strictEqual(judge(MULTICAST_2, listener), "signed");
  seal(listener);
  strictEqual(listener.sequence, 3);
});

Deno.test("sequence numbers end rather than begin anew", () => {
  const state = { sequence: 0xffff_fffe };
  const last = seal(state);
  strictEqual(hex(last.subarray(28, 32)), "ffffffff");
  strictEqual(judge(last, { sequence: 0xffff_fffe }), "signed");
  throws(() => seal(state), /no sequence number is left/);
});

Deno.test("the identification is never zero, which the kernel would replace", () => {
  for (const sequence of [0, 0xfffd, 0xfffe, 0xffff, 0x1fffd, 0x1fffe]) {
    const packet = seal({ sequence });
    ok(packet[4]! * 256 + packet[5]! > 0, `${sequence}`);
  }
});

Deno.test("only a plain advert of version 2 can be given a header", () => {
  throws(() => sealHeader(plain3(), nothingHeard(), PASSWORD, START, hmac), RangeError);
  throws(() => sealHeader(seal(nothingHeard()).slice(), nothingHeard(), PASSWORD, START, hmac));
});

Deno.test("a plain router does not take a packet with a header", () => {
  deepStrictEqual(decodeAdvertisement(MULTICAST, MULTICAST.length, V2), {
    ok: false,
    drop: "truncated",
  });
});
