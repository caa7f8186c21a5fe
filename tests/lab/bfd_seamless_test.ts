/** Seamless BFD (RFC 7880, RFC 7881) between two agents: initiators, and a reflector under load. */

import { strict as assert } from "node:assert";
import {
  AF_INET,
  bindSocket,
  closeDescriptor,
  inNamespace,
  IP_TTL,
  IPPROTO_IP,
  openSocket,
  sendTo,
  setOption,
  SOCK_DGRAM,
  sockaddrIn,
} from "../../ffi/mod.ts";
import { emptyControlPacket, encodeControl, LONGEST_CONTROL } from "../../mod/bfd/mod.ts";
import { ask } from "../../mod/control/client.ts";
import { BfdAgent } from "../lib/bfd_agent.ts";
import type { BfdRow } from "../lib/bfd_site.ts";
import { assertAuthentic, SEAMLESS, seenBfd } from "../lib/bfd_wire.ts";
import { halbPath, type Host, type Lab, lab } from "../lib/mod.ts";
import { execute } from "../lib/process.ts";
import { upgrade } from "./upgrade_helpers.ts";
import { bothFamilies, FAR, twoHops } from "./bfd_topology.ts";

const SECRET = "hush hush";
const AUTH = `auth = { type = "meticulous-keyed-sha1", keys = [{ id = 7, key = "${SECRET}" }] }\n`;
const TARGET = "192.0.2.2";

function reflector(more = AUTH): string {
  return `[bfd_reflector]\ndiscriminators = ["${TARGET}"]\nreceive_interval = "20ms"\n${more}`;
}

function initiator(name: string, peer: string, more: string): string {
  return `[[bfd]]
name = "${name}"
peer = "${peer}"
transmit_interval = "50ms"
seamless = { remote_discriminator = "${TARGET}" }
${more}`;
}

interface ReflectorStatus {
  readonly waiting_for: readonly string[];
  readonly counters: {
    readonly packets_sent: number;
    readonly packets_received: number;
    readonly pauses: number;
    readonly dropped: Readonly<Record<string, number>>;
  };
}

async function reflectorOf({ agent }: BfdAgent): Promise<ReflectorStatus> {
  const status = await ask(agent.controlPath, { command: "status" });
  return (status as { bfd_reflector: ReflectorStatus }).bfd_reflector;
}

async function reload({ agent }: BfdAgent, site: string): Promise<void> {
  agent.writeSite(site);
  await execute([halbPath(), "reload", "--control", agent.controlPath]);
}

async function untilReflects(lab: Lab, agent: BfdAgent): Promise<void> {
  await lab.until("the reflector has its ports", async () => {
    const { waiting_for } = await reflectorOf(agent);
    return waiting_for.length === 0;
  }, 5000);
}

lab(
  "[B7880-1] [B7880-3] [B7880-4] [B7881-1] both families, authenticated, as tshark sees it",
  async (lab) => {
    const [a, b] = await lab.hostsNamed("a", "b");
    const lan = await bothFamilies(lab, [a, b]);
    const there = new BfdAgent(lab, b, [], reflector());
    await untilReflects(lab, there);
    const capture = await lab.capture(lan, "udp");
    const on = `interface = "eth0"\n${AUTH}`;
    const here = new BfdAgent(
      lab,
      a,
      [],
      [
        initiator("four", "192.0.2.2", on),
        initiator("six", "2001:db8:1::2", on),
        initiator("local", "fe80::a:2", on),
      ].join(""),
    );
    await here.untilAll(true);
    await lab.until("each has been answered often enough", async () => {
      return (await here.rows()).every(({ counters }) => counters.packets_received > 20);
    }, 10_000);
    await lan.link(b).lose(100);
    for (const name of ["four", "six", "local"]) {
      await here.untilState(name, "down");
      const row = await here.row(name);
      assert.deepEqual([row.diagnostic, row.counters.dropped], ["control-expiry", {}], name);
    }
    await lan.link(b).lose(0);
    await here.untilAll(true);
    const seen = await seenBfd(capture, SEAMLESS);
    const asked = seen.filter(({ port }) => port === 7784);
    const answers = seen.filter(({ sourcePort }) => sourcePort === 7784);
    assert(asked.length > 60 && answers.length > 60, `${asked.length}, ${answers.length}`);
    assertAuthentic(seen, 5, { 7: SECRET });
    const target = 0xc0000202;
    for (const one of asked) {
      assert.deepEqual([one.demand, one.ttl, one.yourDiscriminator], [true, 255, target]);
      assert(one.sourcePort >= 49_152 && one.receive === 0, JSON.stringify(one));
    }
    assert.equal(new Set(asked.map(({ sourcePort }) => sourcePort)).size, 3, "a port for each");
    assert.equal(new Set(asked.map(({ myDiscriminator }) => myDiscriminator)).size, 3);
    for (const one of answers) {
      const { demand, ttl, myDiscriminator, state, port, receive } = one;
      assert.deepEqual([demand, ttl, myDiscriminator, state, receive], [
        false,
        255,
        target,
        "up",
        20,
      ]);
      const question = asked.findLast((other) =>
        other.time < one.time && other.sequence === one.sequence && other.sourcePort === port
      );
      assert(question !== undefined, `nobody asked: ${JSON.stringify(one)}`);
      assert.equal(one.yourDiscriminator, question.myDiscriminator);
      assert.deepEqual([one.final, one.transmit], [question.poll, question.transmit]);
    }
  },
);

lab(
  "[B7880-6] out of service is no loss of the path; no reflector, wrong key: no answer",
  async (lab) => {
    const [a, b] = await lab.hostsNamed("a", "b");
    await bothFamilies(lab, [a, b]);
    const there = new BfdAgent(lab, b, [], reflector());
    await untilReflects(lab, there);
    const here = new BfdAgent(lab, a, [], initiator("far", TARGET, `interface = "eth0"\n${AUTH}`));
    await here.untilState("far", "up");
    await reload(there, reflector(`admin_down = true\n${AUTH}`));
    await here.untilState("far", "down");
    const { diagnostic, reason, remote } = await here.row("far");
    assert.deepEqual([diagnostic, remote.state], ["neighbor-down", "admin-down"]);
    assert.match(reason, /administratively down/);
    await reload(there, reflector());
    await here.untilState("far", "up");
    await reload(there, reflector(AUTH.replace(SECRET, "something else")));
    await here.untilState("far", "down");
    await lab.until("the reflector counts forged digests", async () => {
      return ((await reflectorOf(there)).counters.dropped["authentication_digest"] ?? 0) > 0;
    }, 5000);
    await reload(there, reflector());
    await here.untilState("far", "up");
    // Taken down by command it asks nobody.
    await here.down("far");
    assert.equal((await here.row("far")).state, "admin-down");
    await here.up("far");
    await here.untilState("far", "up");
  },
);

lab("[B7880-5] several hops; a reflector for neighbours alone, and for some alone", async (lab) => {
  const [a, r, b] = await lab.hostsNamed("a", "r", "b");
  await twoHops(lab, a, r, b);
  const open = `min_ttl = 254\nallow = ["198.51.100.0/24", "2001:db8:a::/64"]\n`;
  const there = new BfdAgent(lab, b, [], reflector(open));
  await untilReflects(lab, there);
  const more = "multihop = true\n";
  const here = new BfdAgent(
    lab,
    a,
    [],
    [
      initiator("four", FAR[0][1], more),
      initiator("six", FAR[1][1], more),
    ].join(""),
  );
  await here.untilAll(true);
  await reload(there, reflector(""));
  await here.untilAll(false);
  await lab.until("too far away is counted", async () => {
    return ((await reflectorOf(there)).counters.dropped["ttl"] ?? 0) > 0;
  }, 5000);
  await reload(there, reflector(open.replace("198.51.100.0/24", "192.0.2.0/24")));
  await here.untilState("six", "up");
  await lab.until("who may not ask is counted", async () => {
    return ((await reflectorOf(there)).counters.dropped["not_allowed"] ?? 0) > 0;
  }, 5000);
  assert.equal((await here.row("four")).state, "down");
});

/** Valid questions in a row, as fast as they leave; for so many microseconds. */
async function flood(lab: Lab, from: Host, to: string, seconds: number): Promise<number> {
  const packet = new Uint8Array(new ArrayBuffer(LONGEST_CONTROL));
  const question = { ...emptyControlPacket(), demand: true, myDiscriminator: 9, desiredMinTx: 1 };
  const length = encodeControl({ ...question, yourDiscriminator: 0xc0000202 }, packet);
  const fd = inNamespace(from.namespace, () => openSocket(AF_INET, SOCK_DGRAM, 0));
  let sent = 0;
  try {
    bindSocket(fd, sockaddrIn("0.0.0.0", 60_001));
    setOption(fd, IPPROTO_IP, IP_TTL, 255);
    const peer = sockaddrIn(to, 7784);
    for (const end = Date.now() + seconds * 1000; Date.now() < end;) {
      for (let i = 0; i < 1000; i++) if (sendTo(fd, packet, length, peer, 0) > 0) sent++;
      await lab.delay(0);
    }
  } finally {
    closeDescriptor(fd);
  }
  return sent;
}

lab(
  "[B7880-2] a flood of questions takes its share of the time, and no session down",
  async (lab) => {
    const [a, b] = await lab.hostsNamed("a", "b");
    await lab.lan("net", [a, b]);
    const session = (peer: string) =>
      `[[bfd]]
name = "beside"
peer = "${peer}"
interface = "eth0"
transmit_interval = "100ms"
receive_interval = "100ms"
detect_multiplier = 5
`;
    const there = new BfdAgent(lab, b, [], reflector("") + session("192.0.2.1"));
    await untilReflects(lab, there);
    const here = new BfdAgent(lab, a, [], session("192.0.2.2"));
    await here.untilAll(true);
    await there.untilAll(true);
    const before = await there.transitions();
    const sent = await flood(lab, a, "192.0.2.2", 3);
    const { counters } = await reflectorOf(there);
    console.log(`${sent} questions, ${counters.packets_sent} answers, ${counters.pauses} pauses`);
    assert(sent > 30_000, `${sent} questions`);
    assert(counters.pauses > 0 && counters.packets_sent < sent, JSON.stringify(counters));
    assert(counters.packets_sent > 1000, "some are answered all the same");
    assert.deepEqual(await there.transitions(), before);
    // A reflector does not answer a reflector.
    const fd = inNamespace(a.namespace, () => openSocket(AF_INET, SOCK_DGRAM, 0));
    bindSocket(fd, sockaddrIn("0.0.0.0", 7784));
    setOption(fd, IPPROTO_IP, IP_TTL, 255);
    const packet = new Uint8Array(new ArrayBuffer(LONGEST_CONTROL));
    const question = { ...emptyControlPacket(), demand: true, myDiscriminator: 9 };
    const length = encodeControl({ ...question, yourDiscriminator: 0xc0000202 }, packet);
    try {
      // Of what comes right after the flood the full queue may lose some.
      await lab.until("it is counted", async () => {
        sendTo(fd, packet, length, sockaddrIn("192.0.2.2", 7784), 0);
        return (await reflectorOf(there)).counters.dropped["source_port"]! > 0;
      }, 5000);
    } finally {
      closeDescriptor(fd);
    }
  },
);

lab("an upgrade of either side: no initiator notices", async (lab) => {
  const [a, b] = await lab.hostsNamed("a", "b");
  await lab.lan("net", [a, b]);
  const slow = 'interface = "eth0"\ndetect_multiplier = 15\n';
  const there = new BfdAgent(lab, b, [], reflector(""));
  await untilReflects(lab, there);
  const here = new BfdAgent(lab, a, [], initiator("far", TARGET, slow));
  await here.untilState("far", "up");
  const { transitions, source_port: port } = await here.row("far");
  for (const { agent } of [there, here]) await upgrade(agent);
  await lab.delay(1500);
  // The processes are others; their control sockets are where they were.
  const status = await ask(here.agent.controlPath, { command: "status" });
  const [after] = (status as { bfd: BfdRow[] }).bfd;
  assert(after !== undefined);
  assert.deepEqual([after.state, after.transitions, after.source_port], ["up", transitions, port]);
  assert.deepEqual((await reflectorOf(there)).waiting_for, []);
});

lab(
  "[B7881-1] a port that somebody has, an interface that comes later, a namespace",
  async (lab) => {
    const [a, b, c] = await lab.hostsNamed("a", "b", "c");
    await lab.lan("net", [a, b]);
    const theirs = inNamespace(b.namespace, () => openSocket(AF_INET, SOCK_DGRAM, 0));
    bindSocket(theirs, sockaddrIn("0.0.0.0", 7784));
    // The agent is on another host, its reflector works in that namespace.
    const place = `namespace = "${b.namespace}"\ninterfaces = ["eth0", "later"]\n`;
    const there = new BfdAgent(lab, c, [], reflector(place));
    await lab.until("it says what it waits for", async () => {
      const waits = (await reflectorOf(there)).waiting_for.join();
      if (/0\.0\.0\.0 on eth0: UDP port 7784 belongs to .*pid/.test(waits)) return true;
      throw new Error(waits);
    }, 20_000);
    assert((await reflectorOf(there)).waiting_for.includes("interface later: not there"));
    closeDescriptor(theirs);
    const here = new BfdAgent(lab, a, [], initiator("far", TARGET, 'interface = "eth0"\n'));
    await here.untilState("far", "up");
    await b.exec(["ip", "link", "add", "later", "type", "bridge"]);
    await untilReflects(lab, there);
    assert.equal((await here.row("far")).state, "up");
  },
);
