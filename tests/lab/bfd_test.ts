/**
 * BFD sessions of our own on real sockets, beside each other and beside BIRD. The driver runs in a
 * loop of the test's own (`bfd_worker.ts`).
 */

import { strict as assert } from "node:assert";
import {
  AUTHENTICATION_TYPES,
  type AuthenticationSettings,
  type AuthenticationType,
} from "../../mod/bfd/mod.ts";
import { type Bird, startBird } from "../lib/bird.ts";
import { type Capture, type Lab, lab } from "../lib/mod.ts";
import { bfdConfig, Sessions, silences } from "./bfd_helpers.ts";

const FIELDS = [
  ...["ip.src", "ipv6.src", "ip.ttl", "ipv6.hlim", "udp.srcport", "udp.dstport"],
  ...["bfd.sta", "bfd.diag"],
];

type Row = Readonly<Record<string, string>>;

/** All BFD packets of a capture. Ends it. */
async function packets(capture: Capture): Promise<Row[]> {
  const seen = await capture.packets("bfd", FIELDS);
  return seen.map(({ fields }) => ({ ...fields, from: fields["ip.src"] || fields["ipv6.src"]! }));
}

function secret(text: string): number[] {
  return [...new TextEncoder().encode(text)];
}

function authentication(type: AuthenticationType): AuthenticationSettings {
  return { type, construction: "rfc5880", keys: [{ id: 7, secret: secret("hush hush") }] };
}

async function two(lab: Lab) {
  const [a, b] = await lab.hostsNamed("a", "b");
  const lan = await lab.lan("net", [a, b]);
  return { a, b, lan };
}

lab(
  "[B5881-1] [B5881-2] two sessions of ours: up, TTL 255, ports of their own, a cut seen in time",
  async (lab) => {
    const { a, b, lan } = await two(lab);
    const capture = await lab.capture(lan, "udp");
    const [left, right] = [new Sessions(lab), new Sessions(lab)];
    left.set(bfdConfig(a, "192.0.2.2"));
    right.set(bfdConfig(b, "192.0.2.1"));
    await left.until("to-peer", "up");
    await right.until("to-peer", "up");
    await lab.delay(1500);
    const mine = await left.session("to-peer");
    assert.equal(mine.session.desiredMinTxUsed, 50_000);
    assert.equal(mine.session.polling, false);
    assert.equal(mine.session.detectAt! - mine.session.lastReceived!, 150_000);
    assert.equal(mine.hearing, true, "the peer has a socket of its own");
    assert.deepEqual([mine.dropped, mine.sendErrors], [{}, 0]);
    await lan.link(b).lose(100);
    const down = await left.until("to-peer", "down", 2000);
    const { session } = await left.session("to-peer");
    assert.equal(down.cause, "detection_expired");
    assert.equal(session.remoteDiscriminator, 0);
    await lan.link(b).lose(0);
    await left.until("to-peer", "up");
    await right.until("to-peer", "up");
    const seen = await packets(capture);
    assert(seen.length > 40, `${seen.length} packets`);
    for (const address of ["192.0.2.1", "192.0.2.2"]) {
      const own = seen.filter(({ from }) => from === address);
      assert(own.every((row) => row["ip.ttl"] === "255" && row["udp.dstport"] === "3784"));
      const ports = new Set(own.map((row) => Number(row["udp.srcport"])));
      assert.equal(ports.size, 1, "one port for the life of the session");
      assert([...ports][0]! >= 49_152);
    }
  },
);

lab("[N1] [N14] IPv6: global and link-local, hop limit 255", async (lab) => {
  const [a, b] = await lab.hostsNamed("a", "b");
  const addresses = {
    a: ["2001:db8::1/64", "fe80::a:1/64"],
    b: ["2001:db8::2/64", "fe80::a:2/64"],
  };
  const lan = await lab.lan("net", [a, b], { prefix: null, addresses });
  const capture = await lab.capture(lan, "udp");
  const [left, right] = [new Sessions(lab), new Sessions(lab)];
  for (
    const [name, mine, theirs] of [
      ["global", "2001:db8::1", "2001:db8::2"],
      ["local", "fe80::a:1", "fe80::a:2"],
    ] as const
  ) {
    left.set(bfdConfig(a, theirs, { name }, { source: mine }));
    right.set(bfdConfig(b, mine, { name }, { source: theirs }));
  }
  for (const name of ["global", "local"]) {
    await left.until(name, "up");
    await right.until(name, "up");
  }
  await lab.delay(500);
  const { sessions } = await left.report();
  assert.equal(new Set(sessions.map(({ sourcePort }) => sourcePort)).size, 2);
  assert(sessions.every(({ hearing, dropped }) => hearing && Object.keys(dropped).length === 0));
  const seen = await packets(capture);
  assert(seen.length > 10 && seen.every((row) => row["ipv6.hlim"] === "255"));
});

lab("[B5883-1] [B5883-5] [N9] several hops: port 4784, and the least TTL is kept", async (lab) => {
  const [a, r, b] = await lab.hostsNamed("a", "r", "b");
  await r.sysctl("net.ipv4.ip_forward", "1");
  await lab.lan("left", [a, r]);
  await lab.lan("right", [b, r], { prefix: "198.51.100.0/24" });
  await a.exec(["ip", "route", "add", "198.51.100.0/24", "via", "192.0.2.2"]);
  await b.exec(["ip", "route", "add", "192.0.2.0/24", "via", "198.51.100.2"]);
  const ends = { multihop: true, interface: "", minimumTtl: 254 };
  const [left, right] = [new Sessions(lab), new Sessions(lab)];
  left.set(bfdConfig(a, "198.51.100.1", {}, { ...ends, source: "192.0.2.1" }));
  right.set(bfdConfig(b, "192.0.2.1", {}, { ...ends, source: "198.51.100.1" }));
  await left.until("to-peer", "up");
  await right.until("to-peer", "up");
  // Somebody who allows no hop between hears nothing.
  right.set(bfdConfig(b, "192.0.2.1", {}, { ...ends, source: "198.51.100.1", minimumTtl: 255 }));
  await lab.until("packets are refused", async () => {
    const { dropped } = await right.session("to-peer");
    return (dropped["ttl"] ?? 0) > 2;
  }, 10_000);
  assert.equal((await right.session("to-peer")).session.state, "down");
  assert.deepEqual(left.falls("to-peer").map(({ cause }) => cause), ["neighbour_admin_down"]);
  assert.equal((await left.session("to-peer")).session.state, "init");
});

lab("the port belongs to another daemon: the error names it", async (lab) => {
  const { a, b } = await two(lab);
  await startBird(lab, a, `  interface "eth0" { };\n  neighbor 192.0.2.2 dev "eth0";`);
  const left = new Sessions(lab);
  left.set(bfdConfig(a, "192.0.2.2"));
  await lab.until("it is told", () => left.told.some(({ type }) => type === "notice"), 5000);
  assert.match(left.told[0]!.text!, /3784 belongs to bird \(pid \d+\)/);
  assert.match((await left.session("to-peer")).waitingFor.join(), /3784 belongs to bird/);
  // On a host without one it goes on to work.
  left.set(bfdConfig(b, "192.0.2.1"));
  await lab.until("it is up", () => left.changes("to-peer").at(-1)?.to === "up", 10_000);
});

/** BIRD's words for an interval and the kind of authentication. */
function birdText(interval: string, authentication = "none", more = ""): string {
  const password = authentication === "none" ? "" : `password "hush hush" { id 7; };`;
  return `  interface "eth0" { interval ${interval}; multiplier 3; idle tx interval 1 s;
    authentication ${authentication}; ${password} ${more} };
  neighbor 192.0.2.1 dev "eth0";`;
}

async function withBird(
  lab: Lab,
  interval: string,
  micros: number,
  type: AuthenticationType | null = null,
) {
  const { a, b, lan } = await two(lab);
  const words = type === null ? "none" : type.replaceAll("-", " ");
  const bird = await startBird(lab, b, birdText(interval, words));
  const ours = new Sessions(lab);
  const settings = {
    transmitInterval: micros,
    receiveInterval: micros,
    authentication: type === null ? null : authentication(type),
  };
  ours.set(bfdConfig(a, "192.0.2.2", settings));
  await ours.until("to-peer", "up");
  await bird.untilState("192.0.2.1", "Up");
  return { a, b, lan, bird, ours };
}

async function agreed(lab: Lab, bird: Bird, ours: Sessions, micros: number, timeout: number) {
  await lab.until("both go by it", async () => {
    const { session } = await ours.session("to-peer");
    const theirs = await bird.session("192.0.2.1");
    const found = [session.polling, session.desiredMinTxUsed, session.remote.desiredMinTx];
    const wanted = [false, micros, micros];
    const says = `${found} and BIRD ${theirs.interval} ${theirs.timeout}`;
    if (found.join() !== wanted.join()) throw new Error(says);
    if (theirs.interval * 1e6 !== micros || theirs.timeout * 1e6 !== timeout) throw new Error(says);
    return true;
  }, 5000);
}

for (const [interval, micros] of [["50 ms", 50_000], ["10 ms", 10_000]] as const) {
  lab(`BIRD at ${interval} × 3: up, agreed, no packet refused, a cut link seen`, async (lab) => {
    const { b, lan, bird, ours } = await withBird(lab, interval, micros);
    await agreed(lab, bird, ours, micros, 3 * micros);
    const capture = await lab.capture(lan, "udp");
    const before = ours.falls("to-peer").length;
    await lab.delay(2000);
    assert.deepEqual((await ours.session("to-peer")).dropped, {});
    const falls = ours.falls("to-peer").slice(before);
    const silent = await silences(capture, 3 * micros);
    assert.ok(falls.length <= silent, `${falls.length} falls, ${silent} silences`);
    await lan.link(b).lose(100);
    const down = await ours.until("to-peer", "down", 2000);
    assert.deepEqual([down.cause, down.from], ["detection_expired", "up"]);
    await lan.link(b).lose(0);
    await ours.until("to-peer", "up");
    await bird.untilState("192.0.2.1", "Up");
  });
}

lab(
  "[N26] [N8] BIRD: intervals change under way, both ways, and nothing goes down",
  async (lab) => {
    const { bird, ours } = await withBird(lab, "50 ms", 50_000);
    await agreed(lab, bird, ours, 50_000, 150_000);
    for (const micros of [20_000, 200_000, 1_500_000, 30_000]) {
      ours.configure("to-peer", { transmitInterval: micros });
      await lab.until(`ours is ${micros}`, async () => {
        const { session } = await ours.session("to-peer");
        return !session.polling && session.desiredMinTxUsed === micros &&
          (await bird.session("192.0.2.1")).timeout * 1e6 === 3 * Math.max(micros, 50_000);
      }, 10_000);
    }
    ours.configure("to-peer", { transmitInterval: 50_000 });
    for (const [words, micros] of [["20 ms", 20_000], ["400 ms", 400_000]] as const) {
      await bird.configure(birdText(words));
      await lab.until(`BIRD's is ${words}`, async () => {
        const { session } = await ours.session("to-peer");
        return session.remote.desiredMinTx === micros && !session.polling;
      }, 10_000);
    }
    assert.deepEqual(ours.falls("to-peer"), []);
  },
);

for (const type of AUTHENTICATION_TYPES) {
  lab(`[B7A-2] [N6] BIRD with ${type}: up, stays, and not with another key`, async (lab) => {
    const { bird, ours } = await withBird(lab, "50 ms", 50_000, type);
    await agreed(lab, bird, ours, 50_000, 150_000);
    await lab.delay(2500);
    assert.deepEqual((await ours.session("to-peer")).dropped, {});
    assert.deepEqual(ours.falls("to-peer"), []);
    const keys = [{ id: 7, secret: secret("hush hash") }];
    ours.configure("to-peer", { authentication: { ...authentication(type), keys } });
    await ours.until("to-peer", "down");
    await lab.until(
      "BIRD's packets are refused",
      async () => ((await ours.session("to-peer")).dropped["authentication_digest"] ?? 0) > 2,
      5000,
    );
    ours.configure("to-peer", { authentication: authentication(type) });
    await ours.until("to-peer", "up", 15_000);
  });
}

lab("[N5] BIRD is told when ours is taken down, and when it stops", async (lab) => {
  const { bird, lan, ours } = await withBird(lab, "50 ms", 50_000);
  const capture = await lab.capture(lan, "udp");
  ours.apply("to-peer", { type: "admin", down: true });
  await bird.untilState("192.0.2.1", "Down", 1000);
  ours.apply("to-peer", { type: "admin", down: false });
  await ours.until("to-peer", "up");
  ours.stop(false);
  await bird.untilState("192.0.2.1", "Down", 1000);
  await lab.until("ours has ended", () => ours.ended, 2000);
  const told = (await packets(capture)).filter((row) =>
    row.from === "192.0.2.1" && Number(row["bfd.sta"]) === 0
  );
  assert(told.length >= 2 && told.every((row) => Number(row["bfd.diag"]) === 7));
});

lab("BIRD that is passive, and ours that is", async (lab) => {
  const { a, b } = await two(lab);
  const bird = await startBird(lab, b, birdText("50 ms", "none", "passive yes;"));
  const ours = new Sessions(lab);
  ours.set(bfdConfig(a, "192.0.2.2"));
  await ours.until("to-peer", "up");
  ours.remove("to-peer");
  await bird.configure(birdText("50 ms"));
  ours.set(bfdConfig(a, "192.0.2.2", { name: "quiet", passive: true }));
  await ours.until("quiet", "up");
});
