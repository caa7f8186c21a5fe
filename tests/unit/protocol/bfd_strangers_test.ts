/** Sessions that others begin (RFC 9468), on paper: whom they are for, and how long they live. */

import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { type MessageReceiver, sockaddrIn, sockaddrIn6 } from "../../../ffi/mod.ts";
import {
  type AuthenticationSettings,
  type ControlPacket,
  emptyControlPacket,
  encodeControl,
  LONGEST_CONTROL,
  signControl,
} from "../../../mod/bfd/mod.ts";
import type { BfdCredentials, ProtocolBfd } from "../../../mod/plane/bfd.ts";
import { UNSOLICITED_CREDENTIALS, type UnsolicitedPlan } from "../../../mod/plane/bfd_strangers.ts";
import { BfdBench, bfdSession, KEYS, MS } from "./bfd_fixtures.ts";
import { SECOND } from "./fixtures.ts";

const PLAN: UnsolicitedPlan = {
  namespace: "",
  interfaces: ["eth0"],
  allow: [],
  limit: 3,
  settings: { ...bfdSession("").settings, passive: true },
};
const PEER = "192.0.2.7";
const NAME = "192.0.2.7%eth0";
const HELLO: ControlPacket = {
  ...emptyControlPacket(),
  state: "down",
  detectMultiplier: 3,
  myDiscriminator: 77,
  desiredMinTx: SECOND,
  requiredMinRx: 50 * MS,
};

function bench(
  plan: UnsolicitedPlan | null = PLAN,
  keys: readonly BfdCredentials[] = [],
  sessions: readonly ProtocolBfd[] = [],
): BfdBench {
  const made = new BfdBench();
  configure(made, plan ?? undefined, keys, sessions);
  return made;
}

function configure(
  made: BfdBench,
  plan?: UnsolicitedPlan,
  keys: readonly BfdCredentials[] = [],
  sessions: readonly ProtocolBfd[] = [],
): string[] {
  return made.configure(sessions, keys, plan === undefined ? {} : { unsolicited: plan });
}

/** A first packet from there: whether it has begun a session. */
function knock(
  made: BfdBench,
  from = PEER,
  changed: Partial<ControlPacket> = {},
  index = 2,
  signed: AuthenticationSettings | null = null,
): boolean {
  const family = from.includes(":") ? "ipv6" : "ipv4";
  const packet = { ...HELLO, ...changed, authenticated: signed !== null };
  const payload = new Uint8Array(LONGEST_CONTROL);
  packet.length = encodeControl({ ...packet, authenticated: false }, payload);
  if (signed !== null) packet.length = signControl(payload, signed, 1);
  const source = family === "ipv4" ? sockaddrIn(from, 50_000) : sockaddrIn6(from, 50_000);
  const message = { interfaceIndex: index, source, payload, length: packet.length };
  const place = { namespace: "", family, multihop: false, vrf: "", address: "", scope: 0 } as const;
  return made.sockets.strangers!.admit(place, message as MessageReceiver, packet, made.now);
}

function names(made: BfdBench): string[] {
  return [...made.driver.entries.keys()];
}

function refused(made: BfdBench): Readonly<Record<string, number>> | undefined {
  return made.driver.describe().bfdUnsolicited?.refused;
}

Deno.test("[B9468-1] nobody begins a session where it is not configured, and no port is opened", () => {
  const made = bench(null);
  strictEqual(knock(made), false);
  deepStrictEqual([names(made), made.sockets.listening.size], [[], 0]);
  strictEqual(made.driver.describe().bfdUnsolicited, undefined);
});

Deno.test("[B9468-2] a first packet begins a passive session; its role is shown", () => {
  const made = bench();
  deepStrictEqual([...made.sockets.listening], ["/ipv4", "/ipv6"]);
  strictEqual(knock(made), true);
  deepStrictEqual(names(made), [NAME]);
  const { bfd, bfdUnsolicited } = made.driver.describe();
  strictEqual(bfd![0]!.unsolicited, true);
  deepStrictEqual([bfd![0]!.path.peer, bfd![0]!.path.interface], [PEER, "eth0"]);
  strictEqual(bfd![0]!.session.settings.passive, true);
  ok(bfd![0]!.session.localDiscriminator !== 0);
  deepStrictEqual(bfdUnsolicited, { waitingFor: [], sessions: 1, limit: 3, refused: {} });
  // The answer leaves at once: there are sockets already.
  made.hear(NAME, { state: "down", yourDiscriminator: 0 });
  strictEqual(made.sent.at(-1)!.state, "init");
});

Deno.test("[B9468-1] another interface, another network, another prefix, too many: nothing begins", () => {
  const made = bench({ ...PLAN, allow: ["192.0.2.0/25"] });
  strictEqual(knock(made, PEER, {}, 9), false);
  strictEqual(knock(made, "198.51.100.7"), false);
  strictEqual(knock(made, "192.0.2.200"), false);
  strictEqual(knock(made, PEER, { yourDiscriminator: 5, state: "up" }), false);
  deepStrictEqual(refused(made), {
    interface: 1,
    not_on_link: 1,
    not_allowed: 1,
    not_first_packet: 1,
  });
  for (const last of [1, 2, 3]) strictEqual(knock(made, `192.0.2.${last}`), true);
  strictEqual(knock(made, "192.0.2.4"), false);
  strictEqual(refused(made)!["limit"], 1);
});

Deno.test("a link-local neighbour is on the link, whatever networks the interface has", () => {
  const made = bench();
  strictEqual(knock(made, "fe80::7"), true);
  deepStrictEqual(names(made), ["fe80::7%eth0"]);
});

Deno.test("a thousand strangers at once: twenty a second, until the limit", () => {
  const made = bench({ ...PLAN, limit: 50 });
  const begun = () => {
    const before = names(made).length;
    for (let i = 0; i < 1000; i++) knock(made, `2001:db8::${(i + 1).toString(16)}`);
    return names(made).length - before;
  };
  strictEqual(begun(), 20);
  strictEqual(begun(), 0);
  made.advance(SECOND);
  strictEqual(begun(), 20);
  made.advance(SECOND);
  strictEqual(begun(), 10);
  made.advance(20 * SECOND);
  deepStrictEqual(names(made), [], "none of them has come up");
});

Deno.test("[B9468-2] one that does not come up is gone after ten seconds, silently", () => {
  const made = bench();
  knock(made);
  made.advance(9 * SECOND);
  deepStrictEqual(names(made), [NAME]);
  made.advance(3 * SECOND);
  deepStrictEqual(names(made), []);
  deepStrictEqual(made.sent, [], "passive: nobody was there to be told");
  strictEqual(knock(made), true, "it may begin anew");
});

Deno.test("[B9468-2] one that goes down is gone after ten seconds, unless it comes up again", () => {
  const made = bench();
  knock(made);
  made.hear(NAME, { state: "down", yourDiscriminator: 0 });
  made.up(NAME);
  made.keepUp(NAME, 30 * SECOND);
  strictEqual(made.entry(NAME).session.state, "up");
  made.advance(5 * SECOND);
  strictEqual(made.entry(NAME).session.state, "down");
  made.hear(NAME, { state: "down", yourDiscriminator: 0 });
  made.up(NAME);
  made.keepUp(NAME, 20 * SECOND);
  deepStrictEqual(names(made), [NAME]);
  made.advance(13 * SECOND);
  deepStrictEqual(names(made), []);
});

Deno.test("a reload leaves it alone, gives it other values, or ends it with a word", () => {
  const configured = bfdSession("to-peer");
  const made = bench(PLAN, [], [configured]);
  knock(made);
  made.hear(NAME, { state: "down", yourDiscriminator: 0 });
  made.up(NAME);
  const { localDiscriminator } = made.entry(NAME).session;
  deepStrictEqual(configure(made, PLAN, [], [configured]), []);
  const slower = { ...PLAN, settings: { ...PLAN.settings, transmitInterval: 100 * MS } };
  configure(made, slower, [], [configured]);
  const { session } = made.entry(NAME);
  deepStrictEqual([session.localDiscriminator, session.state], [localDiscriminator, "up"]);
  strictEqual(session.settings.transmitInterval, 100 * MS);
  configure(made, { ...PLAN, allow: ["192.0.2.128/25"] }, [], [configured]);
  deepStrictEqual(names(made), ["to-peer"]);
  strictEqual(made.sent.filter(({ name }) => name === NAME).at(-1)!.state, "admin_down");
  configure(made, undefined, [], [configured]);
  strictEqual(made.sockets.listening.size, 0);
});

Deno.test("taken down by command it stays so, and is not begun anew", () => {
  const made = bench();
  knock(made);
  made.hear(NAME, { state: "down", yourDiscriminator: 0 });
  made.up(NAME);
  const order = { type: "administer_bfd", id: "1", session: NAME, down: true } as const;
  strictEqual(made.driver.administer(order, made.now), null);
  made.advance(60 * SECOND);
  strictEqual(made.entry(NAME).session.state, "admin_down");
});

Deno.test("after a crash of the plane it goes on, if it is still wanted", () => {
  const before = bench();
  knock(before);
  before.hear(NAME, { state: "down", yourDiscriminator: 0 });
  before.up(NAME);
  const memories = before.driver.memories();
  const after = new BfdBench(before.words, before.now + 50 * MS);
  after.driver.resume(structuredClone(memories), before.now, false);
  configure(after, PLAN);
  const { session } = after.entry(NAME);
  deepStrictEqual(
    [session.state, session.localDiscriminator],
    ["up", memories[0]!.session.localDiscriminator],
  );
  after.keepUp(NAME, 30 * SECOND);
  strictEqual(after.entry(NAME).session.state, "up");
  const unwanted = new BfdBench(before.words, before.now + 50 * MS);
  unwanted.driver.resume(structuredClone(memories), before.now, false);
  configure(unwanted, { ...PLAN, interfaces: ["eth1"] });
  deepStrictEqual(names(unwanted), []);
});

Deno.test("with keys, who cannot authenticate begins nothing; without ours nobody does", () => {
  const plan = { ...PLAN, authentication: KEYS.type };
  const credentials = [{ session: UNSOLICITED_CREDENTIALS, authentication: KEYS }];
  const made = bench(plan, credentials);
  strictEqual(knock(made), false);
  const other = { ...KEYS, keys: [{ id: 7, secret: [1, 2, 3] }] };
  strictEqual(knock(made, PEER, {}, 2, other), false);
  strictEqual(knock(made, PEER, {}, 2, KEYS), true);
  deepStrictEqual(refused(made), { not_authenticated: 2 });
  ok(made.entry(NAME).session.settings.authentication !== null);
  const keyless = bench(plan);
  strictEqual(knock(keyless, PEER, {}, 2, KEYS), false);
  deepStrictEqual(keyless.driver.describe().bfdUnsolicited!.waitingFor, [
    "no key to authenticate packets with",
  ]);
});

Deno.test("at a stop all of them are told, and nobody begins another one", () => {
  const made = bench();
  knock(made);
  made.hear(NAME, { state: "down", yourDiscriminator: 0 });
  made.up(NAME);
  made.driver.stop(true, made.now);
  strictEqual(made.sent.at(-1)!.state, "admin_down");
  strictEqual(knock(made, "192.0.2.8"), false);
  strictEqual(made.driver.isStopped, true);
});
