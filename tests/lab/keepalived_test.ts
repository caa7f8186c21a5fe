/** halb beside keepalived, in both roles: each takes the other's adverts, and neither complains. */

import assert from "node:assert/strict";
import { adverts, longestDoubleMaster, takeovers } from "../lib/adverts.ts";
import { type Host, type Lab, lab, type Lan, startHalb, startKeepalived } from "../lib/mod.ts";
import { skewTime } from "../../mod/vrrp/mod.ts";
import { COMPLAINTS, type Form, FORMS, halbSite, IPV4, keepalivedSite } from "./forms.ts";

async function twoHosts(lab: Lab): Promise<{ halbHost: Host; peerHost: Host; lan: Lan }> {
  const [halbHost, peerHost] = await lab.hostsNamed("h", "k");
  const lan = await lab.lan("net", [halbHost, peerHost]);
  return { halbHost, peerHost, lan };
}

const untilHeld = (lab: Lab, host: Host, form: Form = IPV4, timeoutMs = 15_000) =>
  lab.until(`${host.name} holds the address`, () => host.holds(form.vip), timeoutMs);
const untilFree = (lab: Lab, host: Host, form: Form = IPV4, timeoutMs = 5000) =>
  lab.until(`${host.name} let go`, async () => !await host.holds(form.vip), timeoutMs);

for (const form of FORMS) roles(form);

/** Who is master moves by priority, by preemption and by resignation, whoever plays which part. */
function roles(form: Form): void {
  lab(
    `${form.name}, halb preempts keepalived, and keepalived takes over when halb stops`,
    async (lab) => {
      const { halbHost, peerHost, lan } = await twoHosts(lab);
      const capture = await lab.capture(lan, "ip proto 112 or ip6 proto 112");
      const keepalived = startKeepalived(lab, peerHost, keepalivedSite(form, 100));
      await untilHeld(lab, peerHost, form);
      const halb = startHalb(lab, halbHost, halbSite(form, 150));
      await halb.untilState("web", "master");
      await untilFree(lab, peerHost, form);
      await untilHeld(lab, halbHost, form);
      await lab.delay(1000 + 2 * form.interval);
      const router = await halb.router("web");
      assert.ok(router.sessions[0]!.counters.advertisements_received > 0);
      assert.deepEqual(
        Object.values(router.sessions[0]!.counters.dropped).filter((n) => n > 0),
        [],
      );
      await halb.stop();
      await untilHeld(lab, peerHost, form);
      assert.equal(await halbHost.holds(form.vip), false);
      assert.doesNotMatch(keepalived.log(), COMPLAINTS);
      assert.doesNotMatch(halb.log(), /warning|error/);
      const seen = await adverts(capture);
      assert.equal(longestDoubleMaster(seen), 0);
      const handOver = takeovers(seen).at(-1)!;
      assert.equal(handOver.lastPriority, 0);
      // Skew_Time of keepalived: 156/256 of an interval, or of a second in version 2.
      const skew = skewTime(100, form.interval * 1000, form.version);
      const took = handOver.first - handOver.lastHeard;
      assert.ok(
        // keepalived has no real-time thread here: it is only asked not to wait for a silent master.
        took > skew - 5000 && took < skew + 2 * form.interval * 1000,
        `keepalived took over after ${took} µs`,
      );
    },
  );

  lab(
    `${form.name}, keepalived preempts halb; its priority-0 advert hands over at once`,
    async (lab) => {
      const { halbHost, peerHost, lan } = await twoHosts(lab);
      const capture = await lab.capture(lan, "ip proto 112 or ip6 proto 112");
      const halb = startHalb(lab, halbHost, halbSite(form, 100));
      await halb.untilState("web", "master");
      const keepalived = startKeepalived(lab, peerHost, keepalivedSite(form, 150));
      await halb.untilState("web", "backup");
      await untilHeld(lab, peerHost, form);
      await untilFree(lab, halbHost, form);
      await lab.delay(500 + 2 * form.interval);
      const { sessions } = await halb.router("web");
      assert.equal(sessions[0]!.master?.priority, 150);
      await keepalived.stop();
      await halb.untilState("web", "master");
      await untilHeld(lab, halbHost, form);
      assert.doesNotMatch(keepalived.log(), COMPLAINTS);
      const handOver = takeovers(await adverts(capture)).at(-1)!;
      assert.equal(handOver.lastPriority, 0);
      const took = handOver.first - handOver.lastHeard;
      const skew = skewTime(100, form.interval * 1000, form.version);
      assert.ok(took > skew - 1000 && took < skew + 50_000, `halb took over after ${took} µs`);
    },
  );

  lab(`${form.name}, preemption off on either side leaves the master alone`, async (lab) => {
    const { halbHost, peerHost } = await twoHosts(lab);
    const first = startKeepalived(lab, peerHost, keepalivedSite(form, 100));
    await untilHeld(lab, peerHost, form);
    const halb = startHalb(lab, halbHost, halbSite(form, 150, "preempt = false"));
    await halb.untilState("web", "backup");
    await lab.delay(1500 + 4 * form.interval);
    assert.equal((await halb.router("web")).state, "backup");
    await first.kill();
    await halb.untilState("web", "master");
    // The killed keepalived left its address behind: it removes it when it starts again.
    const second = startKeepalived(lab, peerHost, keepalivedSite(form, 200, "nopreempt"), {
      name: "keepalived-again",
    });
    await lab.delay(2000 + 4 * form.interval);
    assert.equal((await halb.router("web")).state, "master");
    assert.doesNotMatch(second.log(), COMPLAINTS);
  });
}

for (const rule of ["rfc5798", "rfc9568"] as const) {
  lab(`a peer that sends ${rule} checksums is understood, and answered alike`, async (lab) => {
    const { halbHost, peerHost, lan } = await twoHosts(lab);
    const halb = startHalb(lab, halbHost, halbSite(IPV4, 100));
    await halb.untilState("web", "master");
    // Debian's keepalived knows the one rule only; for the other a second halb is told to use it.
    const peer = rule === "rfc5798"
      ? startKeepalived(lab, peerHost, keepalivedSite(IPV4, 150))
      : startHalb(lab, peerHost, halbSite(IPV4, 150, `checksum = "${rule}"`));
    await halb.untilState("web", "backup");
    await lab.until("the rule is learnt", async () => {
      const [session] = (await halb.router("web")).sessions;
      return (session as unknown as { checksum: string }).checksum === rule;
    }, 2000);
    const capture = await lab.capture(lan, "ip proto 112");
    await peer.kill();
    await halb.untilState("web", "master");
    await lab.delay(300);
    const preference = `vrrp.v3_checksum_as_in_v2:${rule === "rfc9568" ? "TRUE" : "FALSE"}`;
    const packets = await capture.packets("vrrp && ip.src == 192.0.2.1", [
      "ip.ttl",
      "ip.dst",
      "vrrp.prio",
      "vrrp.checksum.status",
      "_ws.expert",
      "_ws.malformed",
    ], { options: ["-o", preference] });
    assert.ok(packets.length >= 2);
    for (const { fields } of packets) {
      assert.deepEqual(fields, {
        "ip.ttl": "255",
        "ip.dst": "224.0.0.18",
        "vrrp.prio": "100",
        "vrrp.checksum.status": "1",
        "_ws.expert": "",
        "_ws.malformed": "",
      });
    }
  });
}

lab("gratuitous ARP as keepalived sends it", async (lab) => {
  const { halbHost, lan } = await twoHosts(lab);
  const capture = await lab.capture(lan, "arp");
  const halb = startHalb(lab, halbHost, halbSite(IPV4, 150, 'garp = { repeat = 3, delay = "1s" }'));
  await halb.untilState("web", "master");
  await lab.delay(1600);
  const packets = await capture.packets("arp.src.proto_ipv4 == 192.0.2.10", [
    "eth.dst",
    "eth.src",
    "arp.opcode",
    "arp.src.hw_mac",
    "arp.dst.hw_mac",
    "arp.dst.proto_ipv4",
    "_ws.malformed",
  ]);
  assert.equal(packets.length, 6, "three at once and three after the delay");
  const mac = halbHost.link(lan).mac;
  for (const { fields } of packets) {
    assert.deepEqual(fields, {
      "eth.dst": "ff:ff:ff:ff:ff:ff",
      "eth.src": mac,
      "arp.opcode": "1",
      "arp.src.hw_mac": mac,
      "arp.dst.hw_mac": "ff:ff:ff:ff:ff:ff",
      "arp.dst.proto_ipv4": "192.0.2.10",
      "_ws.malformed": "",
    });
  }
  const delay = packets[3]!.time - packets[2]!.time;
  assert.ok(delay > 950_000 && delay < 1_100_000, `second block after ${delay} µs`);
});

lab(
  "gratuitous ARP as request and as reply, and again for who spoke with a lower priority",
  async (lab) => {
    const { halbHost, peerHost, lan } = await twoHosts(lab);
    const garp = 'garp = { repeat = 1, delay = "0s", form = "both", lower_priority_repeat = 2, ' +
      'lower_priority_delay = "500ms" }';
    const halb = startHalb(lab, halbHost, halbSite(IPV4, 150, garp));
    await halb.untilState("web", "master");
    const capture = await lab.capture(lan, "arp");
    // It begins as master because it hears nobody: its first advert is of a lower priority.
    await peerHost.exec(["nft", "-f", "-"], {
      input: "table inet deaf { chain in { type filter hook input priority 0; " +
        "ip protocol 112 drop; }; }",
    });
    startKeepalived(lab, peerHost, keepalivedSite(IPV4, 100));
    await lab.until("the peer was heard as master", () => peerHost.holds(IPV4.vip), 10_000);
    await lab.delay(1500);
    const mac = halbHost.link(lan).mac;
    const packets = await capture.packets(`eth.src == ${mac}`, ["arp.opcode", "arp.isgratuitous"]);
    const operations = packets.filter(({ fields }) =>
      /1|True/.test(fields["arp.isgratuitous"] ?? "")
    )
      .map(({ fields }) => fields["arp.opcode"]);
    assert.ok(operations.length >= 8, `${operations}`);
    assert.deepEqual(operations.slice(0, 8), ["1", "2", "1", "2", "1", "2", "1", "2"]);
    const delay = packets[4]!.time - packets[3]!.time;
    assert.ok(delay > 450_000 && delay < 800_000, `second block after ${delay} µs`);
  },
);
