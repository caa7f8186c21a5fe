/** The sessions of the protocol plane: configuration, surroundings, commands, the end. */

import assert from "node:assert/strict";
import { atOnce } from "../../../mod/steps/mod.ts";
import { SystemError } from "../../../ffi/mod.ts";
import { BfdBench, bfdSession, KEYS, keysOf, MS, SECRET } from "./bfd_fixtures.ts";
import { SECOND } from "./fixtures.ts";

const WITH_KEYS = { authentication: KEYS.type } as const;

Deno.test("BFD driver: a session begins, and a reload touches only what differs", () => {
  const bench = new BfdBench();
  const [one, two] = [bfdSession("one"), bfdSession("two", {}, { peer: "192.0.2.3" })];
  assert.deepEqual(bench.configure([one, two]), [
    "BFD session one: added",
    "BFD session two: added",
  ]);
  bench.up("one");
  bench.up("two");
  bench.keepUp("one", SECOND);
  const before = structuredClone(bench.entry("one").session);
  const count = bench.sent.length;
  assert.deepEqual(bench.configure([bfdSession("one"), { ...two }]), []);
  assert.deepEqual(bench.entry("one").session, before, "nothing happened to it");
  assert.equal(bench.sent.length, count);
  // Other intervals are negotiated by the session that runs.
  const slower = bfdSession("one", { transmitInterval: 200 * MS, receiveInterval: 200 * MS });
  assert.deepEqual(bench.configure([slower]), [
    "BFD session two: removed",
    "BFD session one: changed",
  ]);
  const { session } = bench.entry("one");
  assert.equal(session.state, "up");
  assert.deepEqual([session.polling, session.desiredMinTx, session.desiredMinTxUsed], [
    true,
    200 * MS,
    50 * MS,
  ]);
  const last = bench.sent.filter(({ name }) => name === "two").at(-1)!;
  assert.deepEqual([last.state, last.diagnostic], ["admin_down", 7]);
  assert.equal(bench.driver.entries.has("two"), false);
});

Deno.test("BFD driver: between other ends it is another session, which a client does not take for a failure", () => {
  const bench = new BfdBench();
  bench.configure([bfdSession("one")]);
  bench.up("one");
  const discriminator = bench.entry("one").session.localDiscriminator;
  const found = bench.found.length;
  assert.deepEqual(bench.configure([bfdSession("one", {}, { peer: "192.0.2.9" })]), [
    "BFD session one: changed",
  ]);
  assert.equal(bench.sent.at(-2)!.state, "admin_down");
  const { session } = bench.entry("one");
  assert.notEqual(session.localDiscriminator, discriminator);
  assert.equal(session.state, "down");
  assert.equal(bench.found.length, found);
});

Deno.test("BFD driver: without its key a session is silent and deaf, and says what it lacks", () => {
  const bench = new BfdBench();
  const config = bfdSession("one", {}, {}, WITH_KEYS);
  bench.configure([config]);
  bench.advance(5 * SECOND);
  assert.deepEqual(bench.sent, []);
  assert.equal(bench.entry("one").sender, null, "nor does anything reach it");
  const lacking = ["no key to authenticate packets with"];
  assert.deepEqual(bench.driver.describe().bfd![0]!.waitingFor, lacking);
  assert.deepEqual(bench.configure([config], [keysOf("one")]), [
    "BFD session one: authentication changed",
  ]);
  bench.advance(2 * SECOND);
  assert(bench.sent.length > 0);
  assert.deepEqual(bench.configure([config], [keysOf("one")]), [], "the same keys");
  const rotated = { id: 8, secret: [...SECRET].reverse() };
  assert.deepEqual(
    bench.configure([config], [{
      session: "one",
      authentication: { ...KEYS, keys: [...KEYS.keys, rotated] },
    }]),
    ["BFD session one: authentication changed"],
  );
  bench.configure([config]);
  assert.equal(bench.entry("one").sender, null);
});

Deno.test("BFD driver: no key leaves the plane", () => {
  const bench = new BfdBench();
  bench.configure([bfdSession("one", {}, {}, WITH_KEYS)], [keysOf("one")]);
  bench.up("one");
  bench.keepUp("one", 3 * SECOND);
  const { driver, told, logged } = bench;
  const all = JSON.stringify([driver.memories(), driver.describe(), told, logged]);
  assert(!all.includes(SECRET.join()), "not as bytes");
  assert(!all.includes("hush"), "not as text");
  assert.equal(driver.describe().bfd![0]!.authentication, KEYS.type);
  assert.deepEqual(bench.entry("one").session.settings.authentication, KEYS, "it still has it");
});

Deno.test("BFD driver: the interface comes late, goes, and is another one: the session lives", () => {
  const bench = new BfdBench();
  bench.interfaces.clear();
  bench.configure([bfdSession("one")]);
  bench.advance(60 * SECOND);
  assert.deepEqual(bench.entry("one").waitingFor, ["interface eth0: not there"]);
  assert.deepEqual([bench.sent, bench.sockets.opened], [[], []], "nobody tries again and again");
  assert.equal(bench.logged.filter(({ message }) => message.includes("not there")).length, 1);
  bench.interfaces.set("eth0", 5);
  bench.driver.interfaceChanged("", ["eth0", undefined], bench.now);
  bench.advance(SECOND);
  assert.equal(bench.entry("one").ends.interfaceIndex, 5);
  assert(bench.sent.length > 0);
  bench.up("one");
  const { localDiscriminator } = bench.entry("one").session;
  // Recreated: sockets of the former one would hear nothing any more.
  bench.interfaces.set("eth0", 6);
  bench.driver.interfaceChanged("", ["eth0"], bench.now);
  bench.advance(MS);
  assert.equal(bench.entry("one").ends.interfaceIndex, 6);
  assert.equal(bench.entry("one").session.state, "up", "that is no failure by itself");
  bench.interfaces.clear();
  bench.driver.interfaceChanged("", ["eth0"], bench.now);
  bench.advance(MS);
  assert.equal(bench.entry("one").sender, null);
  bench.advance(SECOND);
  const { state, diagnostic } = bench.entry("one").session;
  assert.deepEqual([state, diagnostic], ["down", 1], "the detection time is");
  assert.equal(bench.entry("one").session.localDiscriminator, localDiscriminator);
  // News of others is none of its business.
  const opened = bench.sockets.opened.length;
  bench.driver.interfaceChanged("", ["eth1"], bench.now);
  bench.driver.interfaceChanged("blue", ["eth0"], bench.now);
  bench.advance(SECOND);
  assert.equal(bench.sockets.opened.length, opened);
});

Deno.test("BFD driver: an address that is not there is waited for, with growing patience", () => {
  const bench = new BfdBench();
  bench.sockets.failure = new SystemError("bind", 99, "192.0.2.1");
  bench.configure([bfdSession("one", {}, { source: "192.0.2.1" })]);
  bench.advance(60 * SECOND);
  // At 0, 1, 3, 7, 15, and then each 8 s.
  assert.equal(bench.sockets.opened.length, 4 + 6);
  assert.match(bench.entry("one").waitingFor.join(), /bind.*192\.0\.2\.1/);
  assert.equal(bench.logged.filter(({ level }) => level === "warning").length, 1, "told once");
  bench.sockets.failure = null;
  bench.driver.interfaceChanged("", ["eth0"], bench.now);
  bench.advance(MS);
  assert.deepEqual(bench.entry("one").waitingFor, []);
});

Deno.test("BFD driver: many sessions open their sockets a few at a time", () => {
  const bench = new BfdBench();
  const many = Array.from(
    { length: 100 },
    (_, i) => bfdSession(`s${i}`, {}, { peer: `192.0.2.${i + 2}` }),
  );
  atOnce(bench.driver.configuring(many, [], bench.now));
  assert.equal(bench.sockets.opened.length, 0);
  bench.heap.fire(bench.now, 1000);
  const first = bench.sockets.opened.length;
  assert(first > 0 && first <= 4, `${first} in one turn`);
  bench.advance(100 * MS);
  assert.equal(bench.sockets.opened.length, 100);
});

Deno.test("BFD driver: taken down by command, it stays so over reloads until it is taken up", () => {
  const bench = new BfdBench();
  const command = { type: "administer_bfd", id: "c:1", session: "one" } as const;
  bench.configure([bfdSession("one")]);
  bench.up("one");
  assert.equal(bench.driver.administer({ ...command, down: true }, bench.now), null);
  const last = bench.sent.at(-1)!;
  assert.deepEqual([last.state, last.diagnostic], ["admin_down", 7]);
  bench.configure([bfdSession("one", { detectMultiplier: 5 })]);
  assert.equal(bench.entry("one").session.state, "admin_down");
  bench.configure([bfdSession("one", { detectMultiplier: 5 }, { peer: "192.0.2.7" })]);
  assert.equal(bench.entry("one").session.state, "admin_down", "also where it is another one");
  bench.advance(10 * SECOND);
  assert.equal(bench.driver.administer({ ...command, down: false }, bench.now), null);
  assert.equal(bench.entry("one").session.state, "down");
  bench.driver.administer({ ...command, down: true }, bench.now);
  bench.configure([]);
  bench.configure([bfdSession("one")]);
  assert.equal(bench.entry("one").session.state, "down", "one that was removed is forgotten");
  const refused = bench.driver.administer({ ...command, session: "two", down: true }, bench.now);
  assert.match(refused!, /no such/);
});

Deno.test("BFD driver: a stop says AdminDown and ends when the other side would have noticed", () => {
  const bench = new BfdBench();
  bench.configure([bfdSession("one"), bfdSession("two", {}, { peer: "192.0.2.3" })]);
  bench.up("one");
  const found = bench.found.length;
  bench.driver.stop(false, bench.now);
  assert.equal(bench.driver.isStopped, false);
  assert.deepEqual([...bench.driver.entries.keys()], ["one"], "nobody waits for the other one");
  const { state, diagnostic } = bench.sent.findLast(({ name }) => name === "one")!;
  assert.deepEqual([state, diagnostic], ["admin_down", 7]);
  bench.advance(149 * MS);
  assert.equal(bench.driver.isStopped, false);
  bench.advance(2 * MS);
  assert.equal(bench.driver.isStopped, true);
  assert.equal(bench.found.length, found, "nobody takes it for a failure");
  assert.deepEqual(bench.configure([bfdSession("late")]), [], "nothing begins any more");
});

/** When AdminDown left for a session, microseconds from `since`. */
function farewells(bench: BfdBench, name: string, since: number): number[] {
  const said = bench.sent.filter((one) => one.name === name && one.state === "admin_down");
  return said.map(({ at }) => at - since);
}

Deno.test("[B16-1] BFD driver: who is removed says so for a detection time, and is gone for everybody else", () => {
  const bench = new BfdBench();
  const other = bfdSession("two", {}, { peer: "192.0.2.3" });
  const fast = { transmitInterval: 10 * MS, receiveInterval: 10 * MS };
  bench.configure([bfdSession("one", fast), other]);
  bench.hear("one", { state: "init", requiredMinRx: 10 * MS });
  bench.hear("one", { final: true, requiredMinRx: 10 * MS });
  const found = bench.found.filter(({ name }) => name === "one").length;
  const since = bench.now;
  assert.deepEqual(bench.configure([other]), ["BFD session one: removed"]);
  assert.deepEqual([...bench.driver.entries.keys()], ["two"]);
  assert.deepEqual(bench.driver.describe().bfd!.map(({ session }) => session.settings.name), [
    "two",
  ]);
  assert.equal(bench.driver.memories().length, 1);
  bench.advance(29 * MS);
  assert(bench.sockets.hasDiscriminator(1), "it still hears");
  const said = farewells(bench, "one", since);
  assert(said.length >= 3 && said[0] === 0 && said.at(-1)! > 20 * MS, `${said}`);
  bench.advance(2 * MS);
  assert(!bench.sockets.hasDiscriminator(1));
  bench.advance(5 * SECOND);
  assert.equal(farewells(bench, "one", since).length, said.length);
  assert.equal(bench.found.filter(({ name }) => name === "one").length, found, "it is no failure");
  // Its word of the shared memory is free again.
  assert.deepEqual(bench.configure([other, bfdSession("three", {}, { peer: "192.0.2.4" })]), [
    "BFD session three: added",
  ]);
  assert.equal(bench.entry("three").slot, 0);
});

Deno.test("BFD driver: another session with the same peer ends the farewell of the former one", () => {
  const bench = new BfdBench();
  bench.configure([bfdSession("one", {}, { source: "192.0.2.1" })]);
  bench.up("one");
  const since = bench.now;
  bench.configure([bfdSession("new")]);
  bench.advance(SECOND);
  assert.deepEqual(farewells(bench, "one", since), [0], "one word, and the new one speaks");
  assert(bench.sent.some(({ name }) => name === "new"));
  // Other ends with another peer: the former one is still told.
  bench.up("new");
  const then = bench.now;
  bench.configure([bfdSession("new", {}, { peer: "192.0.2.77" })]);
  bench.advance(140 * MS);
  assert(farewells(bench, "new", then).length >= 3);
});

Deno.test("BFD driver: a stop waits for those who are leaving already", () => {
  const bench = new BfdBench();
  bench.configure([bfdSession("one")]);
  bench.up("one");
  bench.configure([]);
  bench.driver.stop(false, bench.now);
  assert.equal(bench.driver.isStopped, false);
  bench.advance(151 * MS);
  assert.equal(bench.driver.isStopped, true);
  const quick = new BfdBench();
  quick.configure([bfdSession("one")]);
  quick.up("one");
  quick.configure([]);
  quick.driver.stop(true, quick.now);
  assert.equal(quick.driver.isStopped, true);
  assert.equal(quick.heap.size, 0);
});

Deno.test("BFD driver: a stop at once, and one that waits no longer than three seconds", () => {
  const quick = new BfdBench();
  quick.configure([bfdSession("one")]);
  quick.up("one");
  quick.driver.stop(true, quick.now);
  assert.equal(quick.driver.isStopped, true);
  assert.equal(quick.sent.at(-1)!.state, "admin_down");
  const slow = new BfdBench();
  slow.configure([bfdSession("one", { transmitInterval: 60 * SECOND })]);
  slow.up("one");
  slow.driver.stop(false, slow.now);
  slow.advance(2999 * MS);
  assert.equal(slow.driver.isStopped, false);
  slow.advance(2 * MS);
  assert.equal(slow.driver.isStopped, true);
});

Deno.test("BFD driver: an interface in a VRF that the session does not name is what it waits for", () => {
  const bench = new BfdBench();
  bench.vrfs.set("eth0", "red");
  bench.configure([bfdSession("one"), bfdSession("two", {}, { peer: "192.0.2.3", vrf: "red" })]);
  const lacking = () => bench.driver.describe().bfd!.map(({ waitingFor }) => waitingFor.join());
  assert.match(lacking()[0]!, /VRF that eth0 belongs to: red, write `vrf = "red"`/);
  assert.equal(lacking()[1], "");
  bench.up("one");
  assert.equal(lacking()[0], "", "it does hear");
  bench.vrfs.clear();
  bench.driver.interfaceChanged("", ["eth0"], bench.now);
  bench.advance(1);
  bench.hear("one", { state: "down" });
  assert.equal(lacking()[0], "");
});

Deno.test("BFD driver: a defect of ours costs one session, until it is configured anew", () => {
  const bench = new BfdBench();
  bench.configure([bfdSession("one"), bfdSession("two", {}, { peer: "192.0.2.3" })]);
  bench.up("one");
  bench.up("two");
  const { sender } = bench.entry("one");
  sender!.send = () => {
    throw new Error("boom");
  };
  bench.keepUp("two", SECOND);
  assert.equal(bench.entry("two").session.state, "up");
  assert.match(bench.entry("one").waitingFor.join(), /internal error: .*boom/);
  assert.equal(bench.found.at(-1)!.healthy, false);
  assert.match(bench.found.at(-1)!.reason, /boom/);
  assert.equal(
    bench.driver.administer(
      { type: "administer_bfd", id: "c:1", session: "one", down: true },
      bench.now,
    ) !== null,
    true,
  );
  assert.deepEqual(
    bench.configure([bfdSession("one"), bfdSession("two", {}, { peer: "192.0.2.3" })]),
    ["BFD session one: changed"],
  );
  bench.up("one");
  assert.equal(bench.entry("one").session.state, "up");
});
