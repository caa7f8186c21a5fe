/**
 * All ways to authenticate behind one door: what goes in comes out, no byte on the way may change,
 * and no bytes make it throw.
 */

import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import {
  type Authentication,
  authenticationProblems,
  type Authenticator,
  createAuthenticationState,
  goOnAuthenticating,
  receive4,
  receive6,
  seal4,
  seal6,
} from "../../../mod/vrrp/authentication.ts";
import { AUTHENTICATION_DROP_REASONS } from "../../../mod/vrrp/authentication_types.ts";
import { parseIp } from "../../../mod/ip/mod.ts";
import {
  decodeAdvertisement,
  decodeAdvertisement6,
  DROP_REASONS,
  encodeAdvertisement6,
} from "../../../mod/vrrp/mod.ts";
import { Secret } from "../../../mod/secret/mod.ts";
import { forSeeds, type Random } from "../../lib/random.ts";
import {
  hmac,
  hmacSettings,
  plain2,
  plain3,
  V2,
  V3,
  VECTOR_TIME,
  verdict,
} from "./authentication_fixtures.ts";
import { type Outgoing, outgoing6 } from "./packet_fixtures.ts";

const PASSWORD = Secret.ofText("hunter22");
const KNOWN: readonly string[] = [...DROP_REASONS, ...AUTHENTICATION_DROP_REASONS];

const CHOICES: readonly { readonly version: 2 | 3; readonly authentication: Authentication }[] = [
  { version: 2, authentication: { type: "none" } },
  { version: 2, authentication: { type: "pass", password: PASSWORD } },
  { version: 2, authentication: { type: "ah", password: PASSWORD } },
  { version: 2, authentication: { type: "hmac", ...hmacSettings() } },
  { version: 3, authentication: { type: "none" } },
  { version: 3, authentication: { type: "hmac", ...hmacSettings() } },
];
const HMAC = CHOICES.at(-1)!.authentication;

function authenticator(authentication: Authentication): Authenticator {
  return { authentication, state: createAuthenticationState(), hmac };
}

function randomAdvert(random: Random, version: 2 | 3): Partial<Outgoing> {
  const address = () => Array.from({ length: 4 }, () => random.int(0, 255)).join(".");
  return {
    source: address(),
    destination: random.chance(0.5) ? "224.0.0.18" : address(),
    virtualRouterId: random.int(1, 255),
    priority: random.int(0, 255),
    interval: version === 2 ? random.int(1, 255) * 1_000_000 : random.int(1, 4095) * 10_000,
    addresses: Array.from({ length: random.pick([1, 2, 20, 255]) }, address),
    checksum: random.pick(["rfc9568", "rfc5798"] as const),
  };
}

function plain(random: Random, version: 2 | 3): Uint8Array<ArrayBuffer> {
  const advert = randomAdvert(random, version);
  return version === 2 ? plain2(advert) : plain3(advert);
}

/** As the kernel delivers it: with a header checksum, perhaps padding, in a longer buffer. */
function delivered(random: Random, packet: Uint8Array): Uint8Array {
  const buffer = new Uint8Array(2000);
  buffer.set(packet);
  buffer[10] = random.int(0, 255);
  return buffer;
}

for (const { version, authentication } of CHOICES) {
  const name = `version ${version}, ${authentication.type}`;
  const options = version === 2 ? V2 : V3;

  Deno.test(`what goes in comes out (${name})`, () => {
    forSeeds(300, (random) => {
      const [from, to] = [authenticator(authentication), authenticator(authentication)];
      for (let i = 0; i < 3; i++) {
        const packet = plain(random, version);
        const sealed = seal4(packet, from, VECTOR_TIME + i);
        const length = sealed.length + random.pick([0, 0, 6]);
        const result = receive4(delivered(random, sealed), length, options, to, VECTOR_TIME);
        const expected = decodeAdvertisement(packet, packet.length, options);
        ok(expected.ok);
        const signed = authentication.type !== "none";
        deepStrictEqual(result, { ...expected, signed });
      }
    });
  });

  Deno.test(`noise and damage are refused by name, and never throw (${name})`, () => {
    const seen = new Map<string, number>();
    forSeeds(3000, (random) => {
      const [from, to] = [authenticator(authentication), authenticator(authentication)];
      const sealed = seal4(plain(random, version), from, VECTOR_TIME);
      const buffer = delivered(random, sealed);
      let length = sealed.length;
      for (let n = random.int(1, 3); n > 0; n--) {
        const kind = random.int(0, 4);
        const at = random.int(0, Math.min(length, 80) - 1);
        if (kind === 0) length = random.int(0, 100);
        else if (kind === 1) buffer[3] = random.int(0, 255);
        else if (kind === 2) buffer.fill(random.int(0, 255), at, random.int(at, 200));
        else buffer[at] = random.int(0, 255);
      }
      const before = JSON.stringify(to.state);
      const result = receive4(buffer, length, options, to, VECTOR_TIME);
      if (!result.ok) {
        ok(KNOWN.includes(result.drop), result.drop);
        strictEqual(
          JSON.stringify({ ...to.state, hmac: { ...to.state.hmac, suspects: [] } }),
          before,
        );
      }
      seen.set(verdict(result), (seen.get(verdict(result)) ?? 0) + 1);
    });
    ok(seen.size >= 5, [...seen].join("; "));
  });

  Deno.test(`pure noise never throws (${name})`, () => {
    forSeeds(3000, (random) => {
      const noise = Uint8Array.from({ length: random.int(0, 120) }, () => random.int(0, 255));
      if (noise.length > 24 && random.chance(0.8)) {
        noise.set([0x45, 0xc0, 0, random.chance(0.8) ? noise.length : random.int(0, 255)]);
        noise.set([255, random.pick([112, 51])], 8);
        noise[random.pick([20, 44].filter((at) => at < noise.length))] = random.pick([0x21, 0x31]);
      }
      const length = random.chance(0.9) ? noise.length : random.int(0, 300);
      const to = authenticator(authentication);
      const result = receive4(noise, length, options, to, VECTOR_TIME);
      ok(!result.ok || authentication.type === "none", "noise is nobody's advert");
    });
  });
}

Deno.test("any changed byte of a signed packet but free ones ends its credit", () => {
  forSeeds(300, (random) => {
    const type = random.pick(["ah", "hmac"]);
    const choice = random.pick(
      CHOICES.filter(({ authentication }) => authentication.type === type),
    );
    const from = authenticator(choice.authentication);
    const sealed = seal4(plain(random, choice.version), from, VECTOR_TIME);
    // The IP header belongs to the way; AH signs what it can of it, the trailer the source.
    const at = random.int(20, sealed.length - 1);
    sealed[at]! ^= 1 << random.int(0, 7);
    const options = choice.version === 2 ? V2 : V3;
    const to = authenticator(choice.authentication);
    const result = receive4(sealed, sealed.length, options, to, VECTOR_TIME);
    ok(!result.ok, `byte ${at}`);
  });
});

Deno.test("IPv6: in and out, damaged, and noise", () => {
  const origin = { source: parseIp("fe80::10")!, destination: parseIp("ff02::12")!, hopLimit: 255 };
  forSeeds(1000, (random) => {
    const word = () => random.int(0, 65_535).toString(16);
    const addresses = ["fe80::1"];
    for (let n = random.pick([0, 1, 60]); n > 0; n--) {
      addresses.push(`2001:db8::${word()}:${word()}`);
    }
    const message = encodeAdvertisement6(outgoing6({ addresses, priority: random.int(0, 255) }));
    const [from, to] = [authenticator(HMAC), authenticator(HMAC)];
    const sealed = seal6(message, origin.source, from, VECTOR_TIME);
    const damaged = Uint8Array.from(sealed);
    damaged[random.int(0, damaged.length - 1)]! ^= 1 << random.int(0, 7);
    ok(!receive6(damaged, damaged.length, origin, V3, to, VECTOR_TIME).ok);
    const expected = decodeAdvertisement6(message, message.length, origin, V3);
    ok(expected.ok);
    const result = receive6(sealed, sealed.length, origin, V3, to, VECTOR_TIME);
    deepStrictEqual(result, { ...expected, signed: true });
    const noise = Uint8Array.from({ length: random.int(0, 90) }, () => random.int(0, 255));
    if (noise.length > 4) noise.set([0x31, 1, 1, random.int(0, 3)]);
    ok(!receive6(noise, random.int(0, 90), origin, V3, to, VECTOR_TIME).ok);
  });
  const plainMessage = encodeAdvertisement6(outgoing6());
  const none = authenticator({ type: "none" });
  strictEqual(seal6(plainMessage, origin.source, none, 0), plainMessage);
  strictEqual(
    verdict(receive6(plainMessage, plainMessage.length, origin, V3, none, 0)),
    "unsigned",
  );
});

Deno.test("version 2's ways are not for version 3 and not for IPv6, and fail closed there", () => {
  for (const type of ["pass", "ah"] as const) {
    const choice: Authentication = { type, password: PASSWORD };
    deepStrictEqual(authenticationProblems(choice, 2, "ipv4"), []);
    strictEqual(authenticationProblems(choice, 3, "ipv4").length, 1);
    strictEqual(authenticationProblems(choice, 2, "ipv6").length, 1);
    const empty: Authentication = { type, password: Secret.ofText("") };
    deepStrictEqual(authenticationProblems(empty, 2, "ipv4"), ["the password is empty"]);
    const message = encodeAdvertisement6(outgoing6());
    throws(() => seal6(message, parseIp("fe80::10")!, authenticator(choice), 0), RangeError);
    const origin = {
      source: parseIp("fe80::10")!,
      destination: parseIp("ff02::12")!,
      hopLimit: 255,
    };
    const result = receive6(message, message.length, origin, V3, authenticator(choice), 0);
    strictEqual(verdict(result), "authentication");
  }
  deepStrictEqual(authenticationProblems({ type: "none" }, 3, "ipv6"), []);
  deepStrictEqual(authenticationProblems(HMAC, 3, "ipv6"), []);
});

Deno.test("one way is not another: each pair of choices refuses the other's packets", () => {
  for (const one of CHOICES) {
    for (const other of CHOICES) {
      if (one.version !== other.version || one === other) continue;
      const packet = one.version === 2 ? plain2() : plain3();
      const sealed = seal4(packet, authenticator(one.authentication), VECTOR_TIME);
      const options = one.version === 2 ? V2 : V3;
      const to = authenticator(other.authentication);
      const result = receive4(sealed, sealed.length, options, to, VECTOR_TIME);
      ok(!result.ok, `${one.authentication.type} taken for ${other.authentication.type}`);
    }
  }
});

Deno.test("neither settings nor memory print a secret", () => {
  const made = CHOICES.map(({ version, authentication }) => {
    const one = authenticator(authentication);
    seal4(version === 2 ? plain2() : plain3(), one, VECTOR_TIME);
    return one;
  });
  const text = JSON.stringify(made) + Deno.inspect(made, { depth: 9, iterableLimit: 999 });
  ok(!text.includes("hunter22"), "as text");
  ok(text.includes("[secret]"));
  ok(!/0,\s*1,\s*2,\s*3,\s*4/.test(text), "the key's bytes");
});

Deno.test("a master goes on beyond every number that it may have used since its last snapshot", () => {
  const [peers, adverts] = [64, 2];
  const state = createAuthenticationState();
  state.header.sequence = 1000;
  goOnAuthenticating(state, false);
  strictEqual(state.header.sequence, 1000, "a backup has used none");
  goOnAuthenticating(state, true);
  ok(state.header.sequence > 1000 + peers * adverts);
});
