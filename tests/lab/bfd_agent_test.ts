/**
 * BFD sessions of the whole agent: what virtual routers make of them, and what reloads, crashes,
 * vanishing interfaces, stops and upgrades do to them, as the other side sees it on the wire.
 */

import assert from "node:assert/strict";
import { adverts } from "../lib/adverts.ts";
import {
  type Capture,
  type HalbAgent,
  halbPath,
  type Host,
  type Lab,
  lab,
  type Lan,
  startHalb,
} from "../lib/mod.ts";
import {
  endSuccessor,
  FAULTS,
  inject,
  routerOf,
  statusOf,
  untilLogged,
  webSite,
} from "./agent_helpers.ts";
import { faulty, tryUpgrade, upgrade } from "./upgrade_helpers.ts";

const KEY = "hex:00112233445566778899aabbccddeeff00112233";
const AUTH = `auth = { type = "meticulous-keyed-sha1", keys = [{ id = 1, key = "${KEY}" }] }`;

/** A session with the other host of the pair. @param more lines of its table */
function session(ms: number, more = "", name = "to-peer"): string {
  return `[[bfd]]
name = "${name}"
peer = { by_host = { a = "192.0.2.2", b = "192.0.2.1" } }
interface = "eth0"
transmit_interval = "${ms}ms"
receive_interval = "${ms}ms"
detect_multiplier = 10
${more}
`;
}

interface Pair {
  readonly hosts: readonly [Host, Host];
  readonly lan: Lan;
  readonly a: HalbAgent;
  readonly b: HalbAgent;
}

async function pairOf(lab: Lab, siteA: string, siteB = siteA): Promise<Pair> {
  const hosts = await lab.hostsNamed("a", "b");
  const lan = await lab.lan("net", hosts);
  const a = startHalb(lab, hosts[0], siteA, FAULTS);
  const b = startHalb(lab, hosts[1], siteB, FAULTS);
  await untilUp(lab, a);
  await untilUp(lab, b);
  return { hosts, lan, a, b };
}

/** The session is up, by Init or not: that depends on who is first. */
async function untilUp(lab: Lab, agent: HalbAgent): Promise<void> {
  const up = /bfd\.to-peer: (down|init) → up/;
  await lab.until(`${agent.name}'s session is up`, () => up.test(agent.log()), 15_000);
}

interface Seen {
  /** Microseconds. */
  readonly time: number;
  readonly from: string;
  /** 0 AdminDown, 1 Down, 2 Init, 3 Up. */
  readonly state: number;
  readonly diagnostic: number;
  /** Desired Min TX Interval, microseconds. */
  readonly interval: number;
}

const [ADMIN_DOWN, DOWN, UP] = [0, 1, 3];
/** What a hand-over asks for, microseconds: three seconds until it is noticed. */
const EASED = 300_000;

/** Its session sends as fast as its site says, and the other side has agreed. */
async function untilFast(lab: Lab, agent: HalbAgent, ms: number): Promise<void> {
  await lab.until(`${agent.name} sends each ${ms} ms`, async () => {
    const { transmit_interval_ms: interval, polling } = (await statusOf(agent)).bfd[0]!;
    return interval === ms && !polling;
  }, 10_000);
}

/** All BFD packets of a capture, which it ends. */
async function packets(capture: Capture): Promise<Seen[]> {
  const fields = ["ip.src", "bfd.sta", "bfd.diag", "bfd.desired_min_tx_interval"];
  return (await capture.packets("bfd", fields)).map(({ time, fields: field }) => ({
    time,
    from: field["ip.src"]!,
    state: Number(field["bfd.sta"]),
    diagnostic: Number(field["bfd.diag"]),
    interval: Number(field["bfd.desired_min_tx_interval"]),
  }));
}

/** Every packet since the first Up of each side says Up, and how long a side was silent at most. */
function unbroken(seen: readonly Seen[]): Record<string, number> {
  const longest: Record<string, number> = {};
  for (const from of ["192.0.2.1", "192.0.2.2"]) {
    const own = seen.filter((packet) => packet.from === from);
    assert.deepEqual(own.filter(({ state }) => state !== UP), [], `${from} is up all the time`);
    const gaps = own.slice(1).map(({ time }, i) => time - own[i]!.time);
    longest[from] = Math.max(...gaps);
  }
  return longest;
}

lab(
  "a path that fails is a failover: the router resigns as soon as the session is down",
  async (lab) => {
    const site = session(50) + webSite("1s", `track = { bfd = ["to-peer"] }`);
    const [a, b] = await lab.hostsNamed("a", "b");
    const lan = await lab.lan("net", [a, b]);
    const agent = startHalb(lab, a, site, FAULTS);
    const peer = startHalb(lab, b, session(50) + webSite("1s"), FAULTS);
    await agent.untilState("web", "master");
    await peer.untilState("web", "backup");
    const capture = await lab.capture(lan, "ip proto 112 or udp port 3784");
    // What b says of the path no longer comes through; adverts do.
    await a.exec(["nft", "-f", "-"], {
      input: "table ip cut {\nchain in {\ntype filter hook prerouting priority -300\n" +
        "udp dport 3784 drop\n}\n}\n",
    });
    await peer.untilState("web", "master", 3000);
    const before = await routerOf(agent, "web");
    assert.equal(before.state, "fault");
    assert.match(before.waiting_for.join(), /to-peer/);
    await a.exec(["nft", "delete", "table", "ip", "cut"]);
    await agent.untilState("web", "master");
    const down = (await packets(capture)).find(({ from, state }) =>
      from === "192.0.2.1" && state === DOWN
    )!;
    assert.equal(down.diagnostic, 1);
    const resigned = (await adverts(capture)).find(({ source, priority }) =>
      source === "192.0.2.1" && priority === 0
    )!;
    const reaction = resigned.time - down.time;
    console.log(`from the session's Down on the wire to priority 0: ${reaction} µs`);
    assert(reaction < 20_000, `${reaction} µs`);
    const told = /up → down.*reaction_us=(\d+)/.exec(agent.log())?.[1];
    console.log(`from the deadline to the routers' having acted, as the agent has it: ${told} µs`);
    assert(told !== undefined);
  },
);

lab(
  "a reload touches only the sessions that differ, changed intervals are negotiated",
  async (lab) => {
    const two = session(50) + session(50, "", "other").replaceAll("192.0.2.", "198.51.100.")
      .replace("eth0", "eth1");
    const [a, b] = await lab.hostsNamed("a", "b");
    const lan = await lab.lan("net", [a, b]);
    const second = await lab.lan("net2", [a, b], { prefix: "198.51.100.0/24" });
    const [one, other] = [startHalb(lab, a, two), startHalb(lab, b, two)];
    for (const agent of [one, other]) {
      await lab.until("both are up", () => agent.log().split("→ up").length > 2, 15_000);
    }
    const [capture, left] = [await lab.capture(lan, "udp"), await lab.capture(second, "udp")];
    one.reload(session(100));
    await untilLogged(lab, one, "BFD session other: removed");
    await lab.delay(1500);
    assert.match(one.log(), /BFD session to-peer: transmit_interval 50ms -> 100ms/);
    unbroken(await packets(capture));
    const gone = (await packets(left)).filter(({ from }) => from === "198.51.100.1").at(-1)!;
    assert.deepEqual([gone.state, gone.diagnostic], [ADMIN_DOWN, 7]);
    assert.match(other.log(), /up → down.*administratively down/);
  },
);

lab(
  "the protocol plane dies: the other side does not notice, authenticated and meticulous",
  async (lab) => {
    // b waits 10 s, however long a new plane takes on a busy machine, but takes no number that is more
    // than nine ahead: many more packets have left since the last memory of the session.
    const site = session(100, AUTH)
      .replace(
        'transmit_interval = "100ms"',
        'transmit_interval = { by_host = { a = "100ms", b = "1s" } }',
      )
      .replace("detect_multiplier = 10", "detect_multiplier = { by_host = { a = 100, b = 3 } }");
    const { a, b, lan } = await pairOf(lab, site);
    await lab.delay(3000);
    const capture = await lab.capture(lan, "udp");
    await inject(a, "protocol", "throw");
    await untilLogged(lab, a, "The protocol plane runs again");
    await lab.delay(3000);
    const silent = unbroken(await packets(capture));
    console.log(`silent for ${silent["192.0.2.1"]! / 1000} ms`);
    assert.doesNotMatch(b.log(), /up → down/);
    assert.doesNotMatch(a.log(), /up → down/);
  },
);

lab(
  "an upgrade: patience is asked for, and the session stays up on both sides, twice",
  async (lab) => {
    const { a, b, lan } = await pairOf(lab, session(50, AUTH));
    await lab.delay(1000);
    const capture = await lab.capture(lan, "udp");
    try {
      for (let time = 0; time < 2; time++) {
        await upgrade(a);
        // It returns to its pace when the former poll's answers are no longer to be expected.
        await untilFast(lab, a, 50);
        await lab.delay(1500);
      }
      const seen = await packets(capture);
      console.log(`silent for ${unbroken(seen)["192.0.2.1"]! / 1000} ms`);
      const late = seen.filter(({ from }) => from === "192.0.2.1").slice(-20);
      const gaps = late.slice(1).map(({ time }, i) => time - late[i]!.time).sort((x, y) => x - y);
      assert(gaps[10]! < 75_000, "it is as fast as before");
      const eased = seen.filter(({ from, interval }) => from === "192.0.2.1" && interval === EASED);
      assert(eased.length >= 2, "each time it asked for 3 s of patience first");
      assert.doesNotMatch(b.log(), /up → down/);
    } finally {
      await endSuccessor(lab, a);
    }
  },
);

lab(
  "an interface that is made again: sockets follow it, and the session comes back",
  async (lab) => {
    const host = await lab.host("a");
    const make = async (): Promise<void> => {
      await host.exec(["ip", "-batch", "-"], {
        input: "link add eth0 type veth peer name peer0\nlink set peer0 up\nlink set eth0 up\n" +
          "address add 192.0.2.1/24 dev eth0\n" +
          "neighbour add 192.0.2.2 lladdr 02:00:00:00:00:02 dev eth0\n",
      });
    };
    const agent = startHalb(lab, host, session(50));
    await untilLogged(lab, agent, "interface eth0: not there");
    for (let time = 0; time < 2; time++) {
      await make();
      const capture = await lab.capture(host, "udp", "peer0");
      const sent = async () => (await statusOf(agent)).bfd[0]!.counters.packets_sent;
      const before = await sent();
      await lab.until("it has sent some", async () => await sent() >= before + 3, 15_000);
      const seen = await packets(capture);
      assert(seen.length >= 2 && seen.every(({ state }) => state === DOWN), "it speaks there");
      await host.exec(["ip", "link", "del", "eth0"]);
      await untilLogged(lab, agent, "interface eth0: not there", 2 + time);
    }
  },
);

lab("a stop says AdminDown, which is no failure of the path", async (lab) => {
  const { a, b, lan } = await pairOf(lab, session(100));
  const capture = await lab.capture(lan, "udp");
  const { code } = await a.stop();
  assert.equal(code, 0, a.log());
  await untilLogged(lab, b, "administratively down");
  const own = (await packets(capture)).filter(({ from }) => from === "192.0.2.1");
  const last = own.filter(({ state }) => state !== UP);
  assert(last.length >= 1);
  assert(last.every(({ state, diagnostic }) => state === ADMIN_DOWN && diagnostic === 7));
});

lab('stopped and started again with on_stop = "keep": the other side is patient', async (lab) => {
  const site = `[agent]\non_stop = "keep"\n\n${session(50)}`;
  const { a, b, hosts, lan } = await pairOf(lab, site, session(50));
  const capture = await lab.capture(lan, "udp");
  assert.equal((await a.stop()).code, 0, a.log());
  const argv = [halbPath(), "run", "--config", a.configPath, "--name", "a"];
  hosts[0].spawn(argv, { name: "again" });
  await lab.until("it answers", () => statusOf(a), 10_000);
  await lab.delay(1000);
  const seen = await packets(capture);
  const own = seen.filter(({ from }) => from === "192.0.2.1").map(({ time }) => time);
  const silent = Math.max(...own.slice(1).map((time, i) => time - own[i]!));
  console.log(`silent for ${silent / 1000} ms`);
  // More than it was asked for no peer can give: then the machine was the one that failed.
  if (silent > 2_900_000) throw new Error(`The restart took ${silent} µs`);
  unbroken(seen);
  assert.doesNotMatch(b.log(), /up → down/);
});

lab(
  "a process that fails to take over: sessions go on in the former one, as fast as before",
  async (lab) => {
    const { a, b, lan } = await pairOf(lab, session(50, AUTH));
    await lab.delay(500);
    const capture = await lab.capture(lan, "udp");
    for (const stage of ["frozen", "locked"]) {
      const { code } = await tryUpgrade(a, "--binary", faulty(lab, "kill", stage));
      assert.notEqual(code, 0);
    }
    await untilFast(lab, a, 50);
    await lab.delay(1000);
    const seen = await packets(capture);
    console.log(`silent for ${unbroken(seen)["192.0.2.1"]! / 1000} ms`);
    const own = seen.filter(({ from }) => from === "192.0.2.1");
    assert.equal(own.at(-1)!.interval, 50_000);
    assert(own.some(({ interval }) => interval === EASED));
    assert.doesNotMatch(b.log(), /up → down/);
  },
);
