/**
 * Passwords and IPsec's authentication header of version 2, beside keepalived: each believes the
 * other in both roles, and nobody else.
 */

import assert from "node:assert/strict";
import { longestDoubleMaster, type SeenAdvert } from "../lib/adverts.ts";
import {
  type Capture,
  type HalbAgent,
  type Host,
  type Lab,
  lab,
  type Lan,
  startHalb,
  startKeepalived,
} from "../lib/mod.ts";
import { counted, routerOf, untilLogged, VIP } from "./agent_helpers.ts";
import { rawPackets, sendRaw, soon } from "./authentication_helpers.ts";

/** What keepalived logs when it does not like an advert. */
const COMPLAINTS =
  /bogus|invalid|mismatch|incorrect|error|wrong|dropped|Ooops|packet too short|replay|sequence/i;
const PASSWORD = "k3EpHalb";

type Type = "pass" | "ah";

function halbSite(type: Type, priority: number, more = "", password = PASSWORD): string {
  return `[[vrrp]]
name = "web"
interface = "eth0"
virtual_router_id = 51
version = 2
priority = ${priority}
addresses = ["${VIP}/24"]
auth = { type = "${type}", password = "${password}" }
${more}
`;
}

function keepalivedConf(type: Type, priority: number, more = ""): string {
  return `global_defs {
  vrrp_version 2
}
vrrp_instance web {
  interface eth0
  virtual_router_id 51
  state BACKUP
  priority ${priority}
  advert_int 1
  authentication {
    auth_type ${type.toUpperCase()}
    auth_pass ${PASSWORD}
  }
  ${more}
  virtual_ipaddress {
    ${VIP}/24
  }
}
`;
}

interface Hosts {
  readonly halbHost: Host;
  readonly peerHost: Host;
  readonly lan: Lan;
  readonly capture: Capture;
}

async function twoHosts(lab: Lab): Promise<Hosts> {
  const [halbHost, peerHost] = await lab.hostsNamed("h", "k");
  const lan = await lab.lan("net", [halbHost, peerHost]);
  const capture = await lab.capture(lan, "ip proto 112 or ip proto 51");
  return { halbHost, peerHost, lan, capture };
}

const untilHeld = (lab: Lab, host: Host) =>
  lab.until(`${host.name} holds the address`, () => host.holds(VIP), 15_000);

/** Waits until halb has been master for some adverts. */
async function untilSpoken(lab: Lab, halb: HalbAgent): Promise<void> {
  await soon(lab, "halb has sent four adverts", async () => {
    return (await routerOf(halb, "web")).sessions[0]!.counters.advertisements_sent >= 4;
  }, 9000);
}

async function untilHeard(lab: Lab, halb: HalbAgent, adverts: number): Promise<void> {
  const heard = async () =>
    (await routerOf(halb, "web")).sessions[0]!.counters.advertisements_received;
  const before = await heard();
  await soon(
    lab,
    `halb hears ${adverts} adverts`,
    async () => await heard() >= before + adverts,
    9000,
  );
}

/** The adverts of a capture, each authenticated by `type`. Ends it. */
async function authenticated(capture: Capture, type: Type): Promise<SeenAdvert[]> {
  const fields = ["ip.src", "ip.proto", "vrrp.prio", "vrrp.auth_type", "ah.sequence"];
  const packets = await capture.packets("vrrp", fields);
  for (const { fields: of } of packets) {
    assert.equal(of["ip.proto"], type === "ah" ? "51" : "112");
    assert.equal(of["vrrp.auth_type"], type === "ah" ? "2" : "1");
  }
  if (type === "ah") {
    const sequences = packets.map(({ fields: of }) => Number(of["ah.sequence"]));
    for (let i = 1; i < sequences.length; i++) {
      assert.ok(sequences[i]! > sequences[i - 1]!, `sequence numbers ${sequences}`);
    }
  }
  return packets.map(({ time, fields: of }) => ({
    time,
    source: of["ip.src"]!,
    priority: Number(of["vrrp.prio"]),
  }));
}

for (const type of ["pass", "ah"] as const) {
  const name = type.toUpperCase();

  lab(`${name}: keepalived takes over from halb, and halb from keepalived`, async (lab) => {
    const { halbHost, peerHost, capture } = await twoHosts(lab);
    const halb = startHalb(lab, halbHost, halbSite(type, 100));
    await halb.untilState("web", "master");
    const keepalived = startKeepalived(lab, peerHost, keepalivedConf(type, 150));
    await halb.untilState("web", "backup");
    await untilHeld(lab, peerHost);
    await untilHeard(lab, halb, 2);
    await keepalived.stop();
    await halb.untilState("web", "master");
    await untilHeld(lab, halbHost);
    // It has forgotten how far it had come, and hears it from halb.
    const again = startKeepalived(lab, peerHost, keepalivedConf(type, 150));
    await halb.untilState("web", "backup");
    await untilHeard(lab, halb, 2);
    assert.equal((await routerOf(halb, "web")).sessions[0]!.authentication?.type, type);
    assert.deepEqual(await counted(halb), {});
    assert.doesNotMatch(halb.log(), /refused|Cannot|error/);
    for (const one of [keepalived, again]) assert.doesNotMatch(one.log(), COMPLAINTS);
    assert.equal(longestDoubleMaster(await authenticated(capture, type)), 0);
  });

  lab(`${name}: halb preempts keepalived, dies, and is believed when it is back`, async (lab) => {
    const { halbHost, peerHost, capture } = await twoHosts(lab);
    const keepalived = startKeepalived(lab, peerHost, keepalivedConf(type, 100));
    await untilHeld(lab, peerHost);
    const halb = startHalb(lab, halbHost, halbSite(type, 150));
    await halb.untilState("web", "master");
    await lab.until("keepalived lets go", async () => !await peerHost.holds(VIP), 5000);
    await untilSpoken(lab, halb);
    halb.process.signal("SIGKILL");
    await untilHeld(lab, peerHost);
    const again = startHalb(lab, halbHost, halbSite(type, 150));
    await again.untilState("web", "master");
    await lab.until("keepalived lets go again", async () => !await peerHost.holds(VIP), 5000);
    await untilSpoken(lab, again);
    await again.stop();
    await untilHeld(lab, peerHost);
    assert.doesNotMatch(keepalived.log(), COMPLAINTS);
    for (const one of [halb, again]) assert.doesNotMatch(one.log(), /refused|Cannot|error/);
    assert.equal(longestDoubleMaster(await authenticated(capture, type)), 0);
  });

  lab(`${name} between unicast peers`, async (lab) => {
    const { halbHost, peerHost, capture } = await twoHosts(lab);
    const unicast = 'unicast = { peers = ["192.0.2.2"] }';
    const halb = startHalb(lab, halbHost, halbSite(type, 100, unicast));
    await halb.untilState("web", "master");
    const peers = "unicast_src_ip 192.0.2.2\n  unicast_peer {\n    192.0.2.1\n  }";
    const keepalived = startKeepalived(lab, peerHost, keepalivedConf(type, 150, peers));
    await halb.untilState("web", "backup");
    await untilHeard(lab, halb, 2);
    await keepalived.stop();
    await halb.untilState("web", "master");
    assert.deepEqual(await counted(halb), {});
    assert.doesNotMatch(keepalived.log(), COMPLAINTS);
    assert.equal(longestDoubleMaster(await authenticated(capture, type)), 0);
  });

  lab(`${name}: another password, or none, is refused and counted`, async (lab) => {
    const { halbHost, peerHost } = await twoHosts(lab);
    const halb = startHalb(lab, halbHost, halbSite(type, 100, "", "other"));
    const keepalived = startKeepalived(lab, peerHost, keepalivedConf(type, 150));
    await untilLogged(lab, halb, "Advertisement refused: authentication_invalid", 1, 15_000);
    await halb.untilState("web", "master");
    await keepalived.stop();
    const open = keepalivedConf(type, 150).replace(/authentication \{[^}]*\}/, "");
    startKeepalived(lab, peerHost, open);
    const reason = type === "ah" ? "authentication_missing" : "authentication";
    await soon(lab, `${reason} is counted`, async () => {
      return ((await counted(halb))[`router.${reason}`] ?? 0) > 0;
    }, 15_000);
    assert.ok((await counted(halb))["router.authentication_invalid"]! > 0);
    assert.equal((await routerOf(halb, "web")).state, "master");
    assert.doesNotMatch(halb.log(), new RegExp(PASSWORD));
  });
}

lab("AH: replayed, stripped and forged adverts have a counter each", async (lab) => {
  const { halbHost, peerHost, lan } = await twoHosts(lab);
  const halb = startHalb(lab, halbHost, halbSite("ah", 100));
  await halb.untilState("web", "master");
  const attacker = await lab.host("x");
  await lan.join(attacker);
  const tap = await lab.capture(lan, "ip proto 51 and src host 192.0.2.2");
  startKeepalived(lab, peerHost, keepalivedConf("ah", 150));
  await halb.untilState("web", "backup");
  await untilHeard(lab, halb, 2);
  assert.deepEqual(await counted(halb), {});
  await tap.packets("vrrp", ["ip.src"]);
  const genuine = (await rawPackets(tap.path)).at(-1)!;
  const plain = new Uint8Array([...genuine.subarray(0, 20), ...genuine.subarray(44)]);
  new DataView(plain.buffer).setUint16(2, plain.length);
  plain[9] = 112;
  const changed = (at: number, byte: number) => {
    const copy = genuine.slice();
    copy[at] = byte;
    return copy;
  };
  await sendRaw(lab, attacker, [
    genuine,
    plain,
    // The digest, the length that is stated, the TTL.
    changed(32, genuine[32]! ^ 1),
    changed(21, 5),
    changed(8, 254),
    // Somebody else's id, and somebody else's protocol.
    changed(45, 99),
    changed(20, 6),
  ]);
  await soon(lab, "all are counted", async () => {
    assert.deepEqual(await counted(halb), {
      "router.authentication_replay": 1,
      "router.authentication_missing": 1,
      "router.authentication_invalid": 1,
      "router.authentication_malformed": 1,
      "router.ttl": 1,
      "interface.virtual_router_id": 1,
    });
    return true;
  });
  await untilHeard(lab, halb, 2);
  assert.equal((await routerOf(halb, "web")).state, "backup");
});
