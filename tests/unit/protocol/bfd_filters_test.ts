/** BFD's filters on a real kernel, over loopback: what a flood's filter lets in, and what it does not. */

import assert from "node:assert/strict";
import {
  AF_INET,
  AF_INET6,
  attachFilter,
  bindSocket,
  bindSymbols,
  closeDescriptor,
  drainSocket,
  getSocketName,
  IP_TTL,
  IPPROTO_IP,
  IPPROTO_IPV6,
  IPV6_UNICAST_HOPS,
  openSocket,
  queueDrops,
  sendTo,
  setOption,
  SOCK_DGRAM,
  sockaddrIn,
  sockaddrIn6,
} from "../../../ffi/mod.ts";
import {
  type AuthenticationSettings,
  type ControlPacket,
  decodeControl,
  emptyControlPacket,
  encodeControl,
  LONGEST_CONTROL,
  signControl,
} from "../../../mod/bfd/mod.ts";
import { type Expected, floodFilter, ttlFilter } from "../../../mod/protocol/bfd_filters.ts";
import { forSeeds } from "../../lib/random.ts";

// Deno 2.5 would count a library that a test loads as a leak.
bindSymbols();

const OURS = 0xfedc_ba98;
const EXPECTED: Expected = { peers: null, discriminators: [7, OURS], minimumTtl: 255 };
const SHA1: AuthenticationSettings = {
  type: "keyed-sha1",
  construction: "rfc5880",
  keys: [{ id: 3, secret: [1, 2, 3] }, { id: 200, secret: [4] }],
};

function control(changed: Partial<ControlPacket> = {}, auth?: AuthenticationSettings): Uint8Array {
  const bytes = new Uint8Array(LONGEST_CONTROL);
  const packet = { ...emptyControlPacket(), myDiscriminator: 9, yourDiscriminator: OURS };
  let length = encodeControl({ ...packet, state: "up", ...changed }, bytes);
  if (auth !== undefined) length = signControl(bytes, auth, 1);
  return bytes.slice(0, length);
}

function other(packet: Uint8Array, bytes: Readonly<Record<number, number>>): Uint8Array {
  for (const [at, byte] of Object.entries(bytes)) packet[Number(at)] = byte;
  return packet;
}

/** A sender and a receiver with a filter, on loopback. */
class Pair {
  readonly #sender: number;
  readonly #receiver: number;
  readonly #target: Uint8Array;
  #sent = 0;
  #received = 0;

  constructor(readonly family: "ipv4" | "ipv6", filter: Uint8Array, ttl = 255) {
    const six = family === "ipv6";
    [this.#sender, this.#receiver] = [0, 0].map(() =>
      openSocket(six ? AF_INET6 : AF_INET, SOCK_DGRAM, 0)
    ) as [number, number];
    const any = six ? sockaddrIn6("::1", 0) : sockaddrIn("127.0.0.1", 0);
    bindSocket(this.#receiver, any);
    bindSocket(this.#sender, any);
    this.#target = getSocketName(this.#receiver).slice();
    if (six) setOption(this.#sender, IPPROTO_IPV6, IPV6_UNICAST_HOPS, ttl);
    else setOption(this.#sender, IPPROTO_IP, IP_TTL, ttl);
    attachFilter(this.#receiver, filter);
  }

  lets(packet: Uint8Array): boolean {
    assert.equal(sendTo(this.#sender, packet, packet.length, this.#target, 0), packet.length);
    const taken = drainSocket(this.#receiver);
    this.#sent++;
    this.#received += taken;
    assert.equal(queueDrops(this.#receiver), this.#sent - this.#received, "the kernel counts them");
    return taken === 1;
  }

  close(): void {
    closeDescriptor(this.#sender);
    closeDescriptor(this.#receiver);
  }
}

function withPair(
  family: "ipv4" | "ipv6",
  filter: Uint8Array,
  test: (pair: Pair) => void,
  ttl?: number,
): void {
  const pair = new Pair(family, filter, ttl);
  try {
    test(pair);
  } finally {
    pair.close();
  }
}

for (const family of ["ipv4", "ipv6"] as const) {
  Deno.test(`[B5881-2] a session's socket takes no lower TTL, and the kernel counts it, ${family}`, () => {
    for (const [least, ttl, taken] of [[255, 255, true], [255, 254, false], [250, 249, false]]) {
      withPair(family, ttlFilter(family, Number(least)), (pair) => {
        assert.equal(pair.lets(control()), taken);
        assert.equal(pair.lets(Uint8Array.of(1)), taken, "whatever is in it");
      }, Number(ttl));
    }
  });

  Deno.test(`under a flood nothing that a peer may send is refused, ${family}`, () => {
    withPair(family, floodFilter(family, EXPECTED), (pair) => {
      assert(pair.lets(control()));
      assert(pair.lets(control({ yourDiscriminator: 7, state: "init" })));
      assert(pair.lets(control({ yourDiscriminator: 0, state: "down" })));
      assert(pair.lets(control({ yourDiscriminator: 0, state: "admin_down" })));
      assert(pair.lets(control({ diagnostic: 31 })), "any diagnostic");
      assert(pair.lets(control({ poll: true, demand: true, detectMultiplier: 255 })));
      const padded = new Uint8Array(1400);
      padded.set(control());
      assert(pair.lets(padded), "padding, RFC 9764");
      assert(pair.lets(control({}, SHA1)), "authenticated, where either may be");
    });
  });

  Deno.test(`under a flood what cannot be for us is refused, ${family}`, () => {
    withPair(family, floodFilter(family, EXPECTED), (pair) => {
      assert(!pair.lets(control({ yourDiscriminator: 8 })), "another discriminator");
      assert(!pair.lets(control({ yourDiscriminator: 0 })), "up, without a discriminator");
      assert(!pair.lets(control({ yourDiscriminator: 0, state: "init" })));
      assert(!pair.lets(other(control(), { 0: 0x40 })), "version 2");
      assert(!pair.lets(other(control(), { 2: 0 })), "detect multiplier");
      assert(!pair.lets(other(control(), { 3: 23 })), "length");
      assert(!pair.lets(other(control(), { 1: 0xc1 })), "multipoint");
      assert(!pair.lets(other(control(), { 4: 0, 5: 0, 6: 0, 7: 0 })), "my discriminator");
      assert(!pair.lets(control().slice(0, 11)), "short");
      assert(!pair.lets(new Uint8Array(0)), "empty");
    });
    withPair(family, floodFilter(family, EXPECTED), (pair) => assert(!pair.lets(control())), 254);
  });

  Deno.test(`under a flood senders that are no peers are refused, ${family}`, () => {
    const self = family === "ipv4" ? "127.0.0.1" : "::1";
    const many = Array.from(
      { length: 59 },
      (_, i) => family === "ipv4" ? `192.0.2.${i}` : `2001:db8::${i.toString(16)}`,
    );
    withPair(family, floodFilter(family, { ...EXPECTED, peers: many }), (pair) => {
      assert(!pair.lets(control()));
    });
    withPair(family, floodFilter(family, { ...EXPECTED, peers: [...many, self] }), (pair) => {
      assert(pair.lets(control()));
      assert(!pair.lets(control({ yourDiscriminator: 8 })));
    });
    const long = Array.from({ length: 1000 }, () => many).flat();
    const discriminators = Array.from({ length: 1000 }, (_, i) => 100 + i);
    const filter = floodFilter(family, { peers: long, discriminators, minimumTtl: 0 });
    withPair(family, filter, (pair) => assert(pair.lets(control())), 1);
  });

  Deno.test(`under a flood a session's socket knows its kind of authentication, ${family}`, () => {
    withPair(family, floodFilter(family, { ...EXPECTED, authentication: SHA1 }), (pair) => {
      for (const { id, secret } of SHA1.keys) {
        assert(pair.lets(control({}, { ...SHA1, keys: [{ id, secret }] })));
      }
      assert(!pair.lets(control({}, { ...SHA1, keys: [{ id: 4, secret: [1] }] })), "another key");
      assert(!pair.lets(control({}, { ...SHA1, type: "meticulous-keyed-sha1" })), "another type");
      assert(!pair.lets(control()), "none");
    });
    withPair(family, floodFilter(family, { ...EXPECTED, authentication: null }), (pair) => {
      assert(pair.lets(control()));
      assert(!pair.lets(control({}, SHA1)));
    });
  });
}

Deno.test("what decodeControl would take for a session of ours, the flood's filter lets in", () => {
  withPair("ipv4", floodFilter("ipv4", EXPECTED), (pair) => {
    const packet = emptyControlPacket();
    forSeeds(300, (random) => {
      const bytes = control({ yourDiscriminator: random.chance(0.5) ? OURS : 0, state: "down" });
      for (let i = 0; i < 3; i++) bytes[random.int(0, 3)] = random.int(0, 255);
      const cut = bytes.subarray(0, random.chance(0.9) ? bytes.length : random.int(0, 24));
      if (decodeControl(cut, cut.length, packet) !== null) return;
      assert(pair.lets(cut), `${cut}`);
    });
  });
});
