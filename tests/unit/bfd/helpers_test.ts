/** What stands beside the session: damping, strangers, the reflector of Seamless BFD. */

import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import {
  AUTHENTICATION_TYPES,
  createDamping,
  decodeControl,
  emptyControlPacket,
  LONGEST_CONTROL,
  noteFall,
  reflect,
  type ReflectorSettings,
  refuseStranger,
  SEAMLESS_PORT,
  type Stranger,
  tellUpAt,
  verifyControl,
} from "../../../mod/bfd/mod.ts";
import { forSeeds } from "../../lib/random.ts";
import { anyControl, authentication, control, encoded } from "./packet_fixtures.ts";

// ===== damping ===================================================================================

const DAMPING = { threshold: 3, window: 60_000_000, hold: 1_000_000, longest: 10_000_000 };

Deno.test("[B5882-1] good news waits where there was much bad news, twice as long each time", () => {
  const damping = createDamping();
  const waits: number[] = [];
  let now = 0;
  for (let i = 0; i < 10; i++) {
    waits.push(tellUpAt(damping, DAMPING, now) - now);
    noteFall(damping, now);
    now += 1_000;
  }
  const second = 1_000_000;
  deepStrictEqual(waits, [
    0,
    0,
    0,
    second,
    2 * second,
    4 * second,
    8 * second,
    ...[10, 10, 10].map(
      (n) => n * second,
    ),
  ]);
  // A quiet minute, and all is forgotten.
  strictEqual(tellUpAt(damping, DAMPING, now + 60_000_000), now + 60_000_000);
  strictEqual(damping.falls.length, 0);
});

Deno.test("however often it falls, little is remembered", () => {
  const damping = createDamping();
  for (let i = 0; i < 100_000; i++) noteFall(damping, i);
  ok(damping.falls.length <= 64);
  strictEqual(tellUpAt(damping, DAMPING, 100_000), 100_000 + DAMPING.longest);
});

// ===== strangers =================================================================================

const ALLOW = { interfaces: ["eth0"], allow: ["192.0.2.0/25", "2001:db8::/64"], limit: 2 };
const HELLO = control({ state: "down", yourDiscriminator: 0 });
const FROM: Stranger = {
  source: "192.0.2.7",
  interface: "eth0",
  networks: ["192.0.2.0/24", "2001:db8::/64"],
  sessions: 0,
};

Deno.test("[B9468-1] strangers get no session unless configured, allowed, on link, and few", () => {
  strictEqual(refuseStranger(HELLO, FROM, ALLOW), null);
  strictEqual(refuseStranger(HELLO, { ...FROM, source: "2001:db8::7" }, ALLOW), null);
  strictEqual(refuseStranger(HELLO, FROM, null), "not_configured");
  const cases: [Partial<Stranger>, string][] = [
    [{ interface: "eth1" }, "interface"],
    [{ source: "198.51.100.7" }, "not_on_link"],
    [{ source: "2001:db8:1::7" }, "not_on_link"],
    [{ source: "192.0.2.200" }, "not_allowed"],
    [{ source: "nonsense" }, "not_on_link"],
    [{ networks: [] }, "not_on_link"],
    [{ sessions: 2 }, "limit"],
  ];
  for (const [from, refusal] of cases) {
    strictEqual(refuseStranger(HELLO, { ...FROM, ...from }, ALLOW), refusal, JSON.stringify(from));
  }
});

Deno.test("[B9468-1] only a packet that begins a session makes one", () => {
  for (
    const packet of [control(), control({ state: "down" }), { ...HELLO, state: "init" as const }, {
      ...HELLO,
      state: "admin_down" as const,
    }]
  ) strictEqual(refuseStranger(packet, FROM, ALLOW), "not_first_packet");
});

// ===== reflector =================================================================================

const REFLECTOR: ReflectorSettings = {
  discriminators: [0x0a0b0c0d, 5],
  adminDown: false,
  requiredMinRx: 30_000,
  authentication: null,
};
const QUESTION = control({
  state: "down",
  demand: true,
  yourDiscriminator: 5,
  requiredMinRx: 0,
  requiredMinEchoRx: 9,
});

function answered(bytes: Uint8Array, settings = REFLECTOR, port = 50_000) {
  const out = new Uint8Array(LONGEST_CONTROL);
  const length = reflect(bytes, bytes.length, port, settings, out);
  if (typeof length === "string") return length;
  const packet = emptyControlPacket();
  strictEqual(decodeControl(out, length, packet), null);
  return { packet, bytes: out.subarray(0, length) };
}

Deno.test("[B7880-1] an answer: discriminators swapped, up, D clear, the load named", () => {
  const found = answered(encoded(QUESTION));
  ok(typeof found !== "string");
  deepStrictEqual(found.packet, {
    ...emptyControlPacket(),
    state: "up",
    detectMultiplier: QUESTION.detectMultiplier,
    myDiscriminator: 5,
    yourDiscriminator: QUESTION.myDiscriminator,
    desiredMinTx: QUESTION.desiredMinTx,
    requiredMinRx: 30_000,
  });
});

Deno.test("[B7880-1] a poll is answered as one; out of service is said, not silent", () => {
  const found = answered(encoded({ ...QUESTION, poll: true }), { ...REFLECTOR, adminDown: true });
  ok(typeof found !== "string");
  deepStrictEqual([found.packet.final, found.packet.poll], [true, false]);
  strictEqual(found.packet.state, "admin_down");
});

Deno.test("[B7880-2] reflectors do not answer reflectors, nor what is not for them", () => {
  strictEqual(answered(encoded(QUESTION), REFLECTOR, SEAMLESS_PORT), "source_port");
  strictEqual(answered(encoded({ ...QUESTION, demand: false })), "not_demand");
  strictEqual(answered(encoded({ ...QUESTION, yourDiscriminator: 6 })), "unknown_session");
  strictEqual(answered(encoded({ ...QUESTION, yourDiscriminator: 0 })), "unknown_session");
  strictEqual(answered(new Uint8Array(10)), "version");
});

Deno.test("[B7880-3] digests are verified, numbers are not, and the answer has the same one", () => {
  for (const type of AUTHENTICATION_TYPES) {
    const settings = { ...REFLECTOR, authentication: authentication(type) };
    for (const number of [77, 5, 77, 0xffff_ffff]) {
      const found = answered(encoded(QUESTION, settings.authentication, number), settings);
      ok(typeof found !== "string");
      const sequence = { transmit: 0, receive: 0, known: false };
      strictEqual(
        verifyControl(found.bytes, found.packet, settings.authentication, sequence, 3),
        null,
      );
      strictEqual(sequence.receive, type === "simple" ? 0 : number);
    }
    const wrong = encoded(QUESTION, settings.authentication, 1);
    wrong[wrong.length - 1]! ^= 1;
    strictEqual(answered(wrong, settings), "authentication_digest");
    strictEqual(answered(encoded(QUESTION), settings), "authentication_missing");
    strictEqual(answered(encoded(QUESTION, settings.authentication)), "authentication_unexpected");
  }
});

Deno.test("whatever comes to a reflector: an answer or a reason", () => {
  let answers = 0;
  forSeeds(5_000, (random) => {
    const packet = { ...anyControl(random), demand: random.chance(0.8) };
    if (random.chance(0.8)) packet.yourDiscriminator = 5;
    const bytes = encoded(packet);
    if (random.chance(0.3)) bytes[random.int(0, 23)] = random.int(0, 255);
    if (typeof answered(bytes) !== "string") answers++;
  });
  ok(answers > 0);
});
