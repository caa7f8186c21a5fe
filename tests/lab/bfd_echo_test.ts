/**
 * Echo packets: RFC 5880 section 6.4 beside FRR's bfdd and between our own, and RFC 9747 by way of a
 * host that knows nothing of BFD. What cuts the forwarding cuts nothing else: control packets go on.
 */

import { strict as assert } from "node:assert";
import type { SessionSettings } from "../../mod/bfd/mod.ts";
import { startBfdd } from "../lib/bfdd.ts";
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
import { endSuccessor } from "./agent_helpers.ts";
import { bfdConfig, type SessionReport, Sessions } from "./bfd_helpers.ts";
import { upgrade } from "./upgrade_helpers.ts";
import type { BfdSessionConfig } from "./bfd_worker.ts";

const ECHO: Partial<SessionSettings> = {
  transmitInterval: 300_000,
  receiveInterval: 300_000,
  echoReceiveInterval: 50_000,
};
const FAST = { transmitInterval: 50_000 };

/** With echoes both ways. */
function echoing(host: Host, peer: string, changed: Partial<SessionSettings> = {}) {
  return { ...bfdConfig(host, peer, { ...ECHO, ...changed }), echo: FAST };
}

function unaffiliated(host: Host, peer: string): BfdSessionConfig {
  return bfdConfig(host, peer, { transmitInterval: 50_000, unaffiliated: true });
}

async function bothFamilies(lab: Lab): Promise<[Host, Host, Lan]> {
  const [a, b] = await lab.hostsNamed("a", "b");
  const lan = await lab.lan("net", [a, b]);
  await a.exec(["ip", "address", "add", "2001:db8::1/64", "dev", "eth0", "nodad"]);
  await b.exec(["ip", "address", "add", "2001:db8::2/64", "dev", "eth0", "nodad"]);
  return [a, b, lan];
}

async function forward(host: Host, on: boolean): Promise<void> {
  await host.sysctl("net.ipv4.ip_forward", on ? "1" : "0");
  await host.sysctl("net.ipv6.conf.all.forwarding", on ? "1" : "0");
}

/** Echoes are no longer forwarded, and nothing else is touched. */
async function cut(host: Host): Promise<void> {
  const chain = "chain forward { type filter hook forward priority 0; udp dport 3785 drop; };";
  await host.exec(["nft", `table inet cut { ${chain} }`]);
}

async function heal(host: Host): Promise<void> {
  await host.exec(["nft", "delete table inet cut"]);
}

/** Waits until echoes of that session look after the path. */
async function relied(lab: Lab, sessions: Sessions): Promise<SessionReport> {
  let report: SessionReport | undefined;
  await lab.until("echoes look after the path", async () => {
    report = await sessions.session("to-peer");
    if (report.echo?.active === true) return true;
    throw new Error(JSON.stringify([report.waitingFor, report.echo]));
  }, 10_000);
  return report!;
}

/** Fields of all captured echoes. Ends the capture. */
async function echoes(capture: Capture, wanted: readonly string[]) {
  const packets = await capture.packets("udp.port == 3785", ["udp.dstport", ...wanted]);
  return packets.filter(({ fields }) => fields["udp.dstport"] === "3785");
}

function onlyEcho({ cause, from }: { readonly cause: string; readonly from: string }): void {
  assert.deepEqual([cause, from], ["echo_failed", "up"]);
}

for (const peer of ["192.0.2.2", "2001:db8::2"]) {
  lab(`[B9-1] [B9-4] [B3-6] [B5881-7] echo between two halb over ${peer}`, async (lab) => {
    const [a, b, lan] = await bothFamilies(lab);
    await forward(b, true);
    const capture = await lab.capture(lan, "udp");
    const ours = new Sessions(lab);
    const theirs = new Sessions(lab);
    ours.set(echoing(a, peer));
    theirs.set(echoing(b, peer.replace(/2$/, "1")));
    await ours.until("to-peer", "up");
    const first = await relied(lab, ours);
    await relied(lab, theirs);
    assert.ok(first.echo!.roundTrip!.last < 1_000_000);
    await lab.until("control packets are rare", async () => {
      const { session } = await ours.session("to-peer");
      return !session.polling && session.requiredMinRxUsed === 1_000_000 &&
        session.remote.requiredMinRx === 1_000_000;
    }, 10_000);
    await lab.until("hundred echoes", async () => {
      const { echo } = await ours.session("to-peer");
      return echo!.returned > 100;
    }, 20_000);
    const [one, other] = [await ours.session("to-peer"), await theirs.session("to-peer")];
    assert.deepEqual([one.echo!.dropped, other.echo!.dropped], [{}, {}]);
    // b's kernel forwards; a's does not, so that we do.
    assert.ok(other.echo!.forwarded > 0 && other.echo!.reflected === 0, JSON.stringify(other.echo));
    assert.ok(one.echo!.reflected > 0 && one.echo!.forwarded === 0, JSON.stringify(one.echo));
    await cut(b);
    onlyEcho(await ours.until("to-peer", "down", 5000));
    assert.equal((await ours.session("to-peer")).session.diagnostic, 2);
    await heal(b);
    await ours.until("to-peer", "up");
    await relied(lab, ours);
    const ttl = peer.includes(":") ? "ipv6.hlim" : "ip.ttl";
    const [src, dst] = peer.includes(":") ? ["ipv6.src", "ipv6.dst"] : ["ip.src", "ip.dst"];
    const seen = await echoes(capture, [ttl, src!, dst!, "udp.checksum.status"]);
    assert.ok(seen.length > 200);
    for (const { fields } of seen) {
      assert.equal(fields[src!], fields[dst!], "to itself");
      assert.ok(["255", "254"].includes(fields[ttl]!), fields[ttl]);
    }
  });
}

lab("echo where the peer does not forward: told, the session stays up", async (lab) => {
  const [a, b] = await lab.hostsNamed("a", "b");
  await lab.lan("net", [a, b]);
  await forward(b, true);
  await cut(b);
  const ours = new Sessions(lab);
  const theirs = new Sessions(lab);
  ours.set(echoing(a, "192.0.2.2"));
  theirs.set(bfdConfig(b, "192.0.2.1", ECHO));
  await ours.until("to-peer", "up");
  await lab.until(
    "it says so",
    async () => (await ours.session("to-peer")).waitingFor.join() === "echo: none comes back",
    10_000,
  );
  assert.equal(ours.told.filter(({ type }) => type === "notice").length, 1);
  await heal(b);
  await relied(lab, ours);
  assert.deepEqual(ours.falls("to-peer"), []);
});

lab("[B6-4] a peer that reflects none gets none; one that begins to, does", async (lab) => {
  const [a, b] = await lab.hostsNamed("a", "b");
  await lab.lan("net", [a, b]);
  const ours = new Sessions(lab);
  const theirs = new Sessions(lab);
  ours.set(echoing(a, "192.0.2.2"));
  theirs.set(bfdConfig(b, "192.0.2.1"));
  await ours.until("to-peer", "up");
  await theirs.until("to-peer", "up");
  await lab.until("it says so", async () => {
    return (await ours.session("to-peer")).waitingFor.join() === "echo: the peer reflects none";
  }, 5000);
  theirs.set(bfdConfig(b, "192.0.2.1", ECHO));
  await relied(lab, ours);
  theirs.set(bfdConfig(b, "192.0.2.1"));
  await lab.until("echo has ended", async () => {
    const { echo, session } = await ours.session("to-peer");
    return !echo!.active && session.requiredMinRxUsed === 300_000;
  }, 10_000);
  assert.deepEqual([ours.falls("to-peer"), theirs.falls("to-peer")], [[], []]);
});

lab("[B9-2] who sends more echoes than we take gets back no more than that", async (lab) => {
  const [a, b] = await lab.hostsNamed("a", "b");
  await lab.lan("net", [a, b]);
  const ours = new Sessions(lab);
  const theirs = new Sessions(lab);
  ours.set(bfdConfig(a, "192.0.2.2", ECHO));
  theirs.set(bfdConfig(b, "192.0.2.1", ECHO));
  await theirs.until("to-peer", "up");
  await ours.until("to-peer", "up");
  // From b's address to b, by a.
  const script = [
    "import socket,struct,sys",
    "s=socket.socket(socket.AF_PACKET,socket.SOCK_RAW,0)",
    "s.bind(('eth0',0x0800))",
    "me=open('/sys/class/net/eth0/address').read().strip()",
    "mac=lambda t: bytes.fromhex(t.replace(':',''))",
    "ip=struct.pack('!BBHHHBBH4s4s',0x45,0,36,1,0,255,17,0,bytes([192,0,2,2]),bytes([192,0,2,2]))",
    "t=sum(struct.unpack('!10H',ip)); t=(t&0xffff)+(t>>16); t=~((t&0xffff)+(t>>16))&0xffff",
    "ip=ip[:10]+struct.pack('!H',t)+ip[12:]",
    "f=mac(sys.argv[1])+mac(me)+b'\\x08\\x00'+ip+struct.pack('!HHHH',3785,3785,16,0)+b'abcdefgh'",
    "[s.send(f) for _ in range(20000)]",
  ].join("\n");
  const mac = JSON.parse(await a.exec(["ip", "-j", "link", "show", "eth0"]))[0].address as string;
  const before = (await ours.session("to-peer")).echo!;
  const start = performance.now();
  await b.exec(["python3", "-c", script, mac]);
  const after = (await ours.session("to-peer")).echo!;
  const most = 8 + (performance.now() - start) / 37.5;
  assert.ok(after.reflected - before.reflected <= most, JSON.stringify([before, after, most]));
  assert.ok((after.dropped["limit"] ?? 0) > 1000, JSON.stringify(after));
  assert.deepEqual(ours.falls("to-peer"), []);
});

lab("[B9-1] [B9-3] bfdd and ours, echo both ways over IPv4", async (lab) => {
  const [a, b] = await lab.hostsNamed("a", "b");
  const lan = await lab.lan("net", [a, b]);
  await forward(b, true);
  const capture = await lab.capture(lan, "udp");
  const lines = ["receive-interval 300", "transmit-interval 300"].concat(
    "echo receive-interval 50",
    "echo transmit-interval 50",
    "echo-mode",
  );
  const peer = " peer 192.0.2.1 interface eth0";
  const bfdd = await startBfdd(lab, b, `bfd\n${peer}\n  ${lines.join("\n  ")}\n`);
  const ours = new Sessions(lab);
  ours.set(echoing(a, "192.0.2.2"));
  await ours.until("to-peer", "up");
  await relied(lab, ours);
  await lab.until("bfdd measures round trips", async () => {
    const { echo } = await ours.session("to-peer");
    return echo!.reflected > 50 && echo!.returned > 50;
  }, 20_000);
  assert.match(await bfdd.command("show bfd peers"), /RTT min\/avg\/max: [1-9]\d*\/\d+\/\d+ usec/);
  await bfdd.untilStatus("192.0.2.1", "up");
  await cut(b);
  onlyEcho(await ours.until("to-peer", "down", 5000));
  await heal(b);
  await ours.until("to-peer", "up");
  await relied(lab, ours);
  const from = new Set((await echoes(capture, ["ip.src"])).map(({ fields }) => fields["ip.src"]));
  assert.deepEqual([...from].sort(), ["192.0.2.1", "192.0.2.2"]);
});

lab("bfdd's echoes over IPv6, which it addresses to us, and ours to it", async (lab) => {
  const [a, b, lan] = await bothFamilies(lab);
  await forward(b, true);
  const lines = ["receive-interval 300", "transmit-interval 300"].concat(
    "echo receive-interval 50",
    "echo transmit-interval 50",
    "echo-mode",
  );
  const peer = " peer 2001:db8::1 local-address 2001:db8::2 interface eth0";
  const bfdd = await startBfdd(lab, b, `bfd\n${peer}\n  ${lines.join("\n  ")}\n`);
  const ours = new Sessions(lab);
  ours.set(echoing(a, "2001:db8::2"));
  await ours.until("to-peer", "up");
  await relied(lab, ours);
  // Some may come before we are up.
  const complaints = await lab.capture(lan, "icmp6 and ip6[40] == 1");
  const before = (await ours.session("to-peer")).echo!;
  await lab.until("a hundred each", async () => {
    const { echo } = await ours.session("to-peer");
    return echo!.reflected > before.reflected + 100 && echo!.returned > before.returned + 100;
  }, 20_000);
  await bfdd.untilStatus("2001:db8::1", "up");
  assert.deepEqual((await ours.session("to-peer")).echo!.dropped, {});
  const from = await complaints.packets("icmpv6.type == 1", ["eth.src"]);
  assert.deepEqual(from, [], "nobody complains that nobody has the port");
  await cut(b);
  onlyEcho(await ours.until("to-peer", "down", 5000));
});

for (const peer of ["192.0.2.2", "2001:db8::2"]) {
  lab(
    `[B9747-1] [B9747-2] [B9747-3] unaffiliated by a host that only forwards, ${peer}`,
    async (lab) => {
      const [a, r, lan] = await bothFamilies(lab);
      await forward(r, true);
      const capture = await lab.capture(lan, "udp");
      const ours = new Sessions(lab);
      ours.set(unaffiliated(a, peer));
      await ours.until("to-peer", "up");
      await lab.until(
        "hundred packets",
        async () => (await ours.session("to-peer")).packetsReceived > 100,
        20_000,
      );
      assert.deepEqual((await ours.session("to-peer")).dropped, {});
      await cut(r);
      onlyEcho(await ours.until("to-peer", "down", 5000));
      await heal(r);
      await ours.until("to-peer", "up");
      ours.apply("to-peer", { type: "admin", down: true });
      await ours.until("to-peer", "admin_down");
      ours.apply("to-peer", { type: "admin", down: false });
      await ours.until("to-peer", "up");
      const [ttl, src, dst] = peer.includes(":")
        ? ["ipv6.hlim", "ipv6.src", "ipv6.dst"]
        : ["ip.ttl", "ip.src", "ip.dst"];
      const fields = [ttl!, src!, dst!, "udp.payload"];
      const seen = (await echoes(capture, fields)).map((one) => one.fields);
      assert.ok(seen.length > 200);
      const states = new Set<number>();
      for (const one of seen) {
        assert.equal(one[src!], one[dst!]);
        assert.ok(["255", "254"].includes(one[ttl!]!), one[ttl!]);
        const bytes = one["udp.payload"]!.replaceAll(":", "");
        const state = parseInt(bytes.slice(2, 4), 16) >> 6;
        states.add(state);
        const [mine, your] = [bytes.slice(8, 16), bytes.slice(16, 24)];
        assert.ok(your === mine || state === 1 && your === "00000000", bytes);
        assert.equal(bytes.slice(24), "000f4240000f424000000000");
      }
      assert.deepEqual([...states].sort(), [1, 2, 3]);
    },
  );
}

lab("unaffiliated: a forwarder that another machine takes the place of", async (lab) => {
  const [a, r, s] = await lab.hostsNamed("a", "r", "s");
  const lan = await lab.lan("net", [a, r, s]);
  await forward(r, true);
  await forward(s, true);
  const ours = new Sessions(lab);
  ours.set(unaffiliated(a, "192.0.2.2"));
  await ours.until("to-peer", "up");
  await lan.link(r).lose(100);
  await ours.until("to-peer", "down");
  await r.exec(["ip", "address", "flush", "dev", "eth0"]);
  await s.exec(["ip", "address", "add", "192.0.2.2/24", "dev", "eth0"]);
  await ours.until("to-peer", "up");
});

/** What `halb status` says of the sessions. */
async function allOf(agent: HalbAgent): Promise<readonly EchoingStatus[]> {
  return (await agent.status() as unknown as { bfd: readonly EchoingStatus[] }).bfd;
}

async function statusOf(agent: HalbAgent): Promise<EchoingStatus> {
  return (await allOf(agent))[0]!;
}

interface EchoingStatus {
  readonly state: string;
  readonly reason: string;
  readonly transitions: number;
  readonly local_discriminator: number;
  readonly waiting_for: readonly string[];
  readonly diagnostic: string;
  readonly tracked_as: { readonly healthy: boolean } | null;
  readonly echo: { readonly active: boolean; readonly returned: number; readonly rtt_ms: number };
}

async function untilStatus(
  lab: Lab,
  agent: HalbAgent,
  what: string,
  holds: (status: EchoingStatus) => boolean,
): Promise<EchoingStatus> {
  let status: EchoingStatus | undefined;
  await lab.until(`${agent.name}: ${what}`, async () => {
    status = await statusOf(agent);
    if (holds(status)) return true;
    throw new Error(JSON.stringify(status));
  }, 20_000);
  return status!;
}

lab(
  "[B9-3] the agent: echo and unaffiliated echo from site.toml, cut and healed",
  async (lab) => {
    const [a, b] = await lab.hostsNamed("a", "b");
    await lab.lan("net", [a, b]);
    await forward(b, true);
    const site = (peer: string, more: string) =>
      `[[bfd]]\nname = "to-peer"\npeer = "${peer}"\ninterface = "eth0"\n${more}\n`;
    const echo = 'echo = { transmit_interval = "50ms", receive_interval = "50ms" }';
    const ours = startHalb(lab, a, site("192.0.2.2", echo));
    const theirs = startHalb(lab, b, site("192.0.2.1", echo));
    await untilStatus(lab, ours, "echoes come back", ({ echo }) => echo?.active);
    const before = await untilStatus(lab, theirs, "echoes come back", ({ echo }) => echo?.active);
    assert.ok(before.echo.rtt_ms > 0 && before.echo.rtt_ms < 1000, JSON.stringify(before.echo));
    assert.deepEqual(before.waiting_for, []);
    await cut(b);
    const down = await untilStatus(lab, ours, "failed", ({ state }) => state === "down");
    assert.equal(down.diagnostic, "echo-failed");
    // It may be up for moments; who tracks it is not told so.
    for (let look = 0; look < 10; look++) {
      assert.equal((await statusOf(ours)).tracked_as?.healthy, false);
      await lab.delay(200);
    }
    await heal(b);
    await untilStatus(lab, ours, "healthy", ({ tracked_as }) => tracked_as?.healthy === true);
    await theirs.stop();
    ours.reload(site("192.0.2.2", "transmit_interval = '50ms'\necho = { unaffiliated = true }"));
    await untilStatus(
      lab,
      ours,
      "unaffiliated",
      ({ state, echo }) => state === "up" && echo?.returned > 20,
    );
    await cut(b);
    await untilStatus(
      lab,
      ours,
      "failed",
      ({ state, tracked_as }) => state === "down" && tracked_as?.healthy === false,
    );
    await heal(b);
    await untilStatus(lab, ours, "healthy", ({ tracked_as }) => tracked_as?.healthy === true);
    const shown = await a.exec([halbPath(), "status", "to-peer", "--control", ours.controlPath]);
    assert.match(shown, /echo +unaffiliated, \d+ of \d+ back/);
  },
);

lab("an upgrade with echoes: nothing fails, and they go on; unaffiliated, too", async (lab) => {
  const [a, b] = await lab.hostsNamed("a", "b");
  await lab.lan("net", [a, b]);
  await forward(b, true);
  const both = (peer: string) =>
    `[[bfd]]\nname = "to-peer"\npeer = "${peer}"\ninterface = "eth0"\n` +
    'echo = { transmit_interval = "100ms", receive_interval = "100ms" }\n';
  const alone = '[[bfd]]\nname = "alone"\npeer = "192.0.2.2"\ninterface = "eth0"\n' +
    'transmit_interval = "100ms"\necho = { unaffiliated = true }\n';
  const ours = startHalb(lab, a, both("192.0.2.2") + alone);
  const theirs = startHalb(lab, b, both("192.0.2.1"));
  const runs = ({ echo }: EchoingStatus) => echo?.active;
  const before = await untilStatus(lab, ours, "echoes come back", runs);
  await untilStatus(lab, theirs, "echoes come back", runs);
  await lab.until("unaffiliated is up", async () => (await allOf(ours))[1]!.state === "up", 10_000);
  try {
    await upgrade(ours);
    const after = await untilStatus(
      lab,
      ours,
      "echoes come back again",
      ({ echo }) => echo?.active && echo.returned > 20,
    );
    assert.equal(after.local_discriminator, before.local_discriminator);
    for (const agent of [ours, theirs]) {
      for (const { state } of await allOf(agent)) assert.equal(state, "up", agent.log());
    }
    assert.doesNotMatch(ours.log() + theirs.log(), /up → down/);
  } finally {
    await endSuccessor(lab, ours);
  }
});
