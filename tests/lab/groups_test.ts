/** Sync groups and operators' words on the built agent: both networks move together, or not at all. */

import assert from "node:assert/strict";
import type { Status } from "../../mod/control/status.ts";
import { adverts } from "../lib/adverts.ts";
import {
  type HalbAgent,
  halbPath,
  type Host,
  type Lab,
  lab,
  type Lan,
  runHalb,
  startHalb,
  startKeepalived,
  startProbe,
} from "../lib/mod.ts";
import { endSuccessor, FAULTS, holding, inject, statusOf } from "./agent_helpers.ts";

const VIPS = ["192.0.2.10", "198.51.100.10"] as const;

/** Two routers on two networks in one group. @param more lines of the group's table */
function site(priority: number, more = ""): string {
  return ["web", "lan"].map((name, i) =>
    `[[vrrp]]
name = "${name}"
interface = "eth${i}"
virtual_router_id = ${51 + i}
priority = ${priority}
advertisement_interval = "100ms"
addresses = ["${VIPS[i]}/24"]
`
  ).join("") + `[[sync_group]]
name = "site"
members = ["web", "lan"]
${more}
`;
}

interface Networks {
  readonly hosts: readonly [Host, Host, Host];
  readonly lans: readonly [Lan, Lan];
}

/** Two routers and a client, all on both networks. */
async function networks(lab: Lab): Promise<Networks> {
  const hosts = await lab.hostsNamed("a", "b", "client");
  const web = await lab.lan("web", hosts);
  const lan = await lab.lan("lan", hosts, { prefix: "198.51.100.0/24" });
  return { hosts: hosts as [Host, Host, Host], lans: [web, lan] };
}

const { holdsBoth, untilMaster } = holding(VIPS);

async function untilGroup(agent: HalbAgent, state: string): Promise<Status["sync_groups"][number]> {
  for (let tries = 0;; tries++) {
    const group = await statusOf(agent).then(({ sync_groups: [one] }) => one, () => undefined);
    if (group?.state === state) return group;
    if (tries > 100) throw new Error(`the group is ${group?.state}, not ${state}: ${agent.log()}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function say(agent: HalbAgent, ...words: string[]) {
  return await runHalb([...words, "--control", agent.controlPath]);
}

lab("group: a cable that is pulled on one side moves both sides, and back", async (lab) => {
  const { hosts: [a, b] } = await networks(lab);
  const first = startHalb(lab, a, site(150));
  await untilGroup(first, "master");
  const second = startHalb(lab, b, site(100));
  await untilGroup(second, "backup");
  await untilMaster(lab, a, b);
  await a.exec(["ip", "link", "set", "eth1", "down"]);
  await untilMaster(lab, b, a);
  assert.equal((await untilGroup(first, "fault")).members.join(), "web,lan");
  const { vrrp: [web] } = await statusOf(first);
  assert.match(web!.waiting_for.join(), /sync group site needs 2 of 2 members, and lan/);
  assert.equal(web!.sync_group, "site");
  await a.exec(["ip", "link", "set", "eth1", "up"]);
  await untilMaster(lab, a, b);
  await untilGroup(second, "backup");
});

lab("group: release and claim move both sides without a lost packet", async (lab) => {
  const { hosts: [a, b, client] } = await networks(lab);
  const first = startHalb(lab, a, site(150), FAULTS);
  await untilGroup(first, "master");
  const second = startHalb(lab, b, site(100));
  await untilGroup(second, "backup");
  await untilMaster(lab, a, b);
  const probes = await Promise.all(VIPS.map((vip) => startProbe(lab, client, vip)));
  const released = await say(first, "release", "lan", "--for", "10m");
  assert.equal(released.code, 0, released.stderr);
  assert.match(released.stdout, /^lan \(web\): released, with priority 1 for 10m/);
  await untilMaster(lab, b, a);
  const { override } = await untilGroup(first, "backup");
  assert.equal(override?.kind, "release");
  assert.ok(Date.parse(override!.until!) > Date.now());
  const [text] = (await say(first, "status")).stdout.split("\n").filter((line) =>
    /released/.test(line)
  );
  assert.match(text!, /^site is released: priority 1 for another /);
  const claimed = await say(first, "claim", "site");
  assert.equal(claimed.code, 0, claimed.stderr);
  await untilMaster(lab, a, b);
  const results = await Promise.all(probes.map((probe) => probe.stop()));
  for (const result of results) {
    assert.ok(result.record.sent.length > 100);
    assert.equal(result.lost, 0, `${result.record.address}: ${result.lost} lost`);
  }
  assert.equal((await untilGroup(first, "master")).override?.kind, "claim");
  // For a moment both held the addresses: that is no duplicate holder.
  for (const agent of [first, second]) assert.doesNotMatch(agent.log(), /Somebody else holds/);
});

lab("group: an override outlives the protocol plane and the process", async (lab) => {
  const { hosts: [a, b] } = await networks(lab);
  const first = startHalb(lab, a, site(150), FAULTS);
  await untilGroup(first, "master");
  const second = startHalb(lab, b, site(100));
  await untilGroup(second, "backup");
  await say(first, "release", "site");
  await untilMaster(lab, b, a);
  await inject(first, "protocol", "throw");
  await lab.until("the plane is back", () => first.log().includes("plane runs again"), 10_000);
  assert.equal((await untilGroup(first, "backup")).override?.kind, "release");
  const upgraded = await say(first, "upgrade", "--binary", halbPath());
  assert.equal(upgraded.code, 0, upgraded.stderr + first.log());
  assert.equal((await untilGroup(first, "backup")).override?.kind, "release");
  const { vrrp } = await statusOf(first);
  assert.deepEqual(vrrp.map((one) => [one.priority, one.effective_priority]), [[150, 1], [150, 1]]);
  await untilMaster(lab, b, a);
  assert.equal((await say(first, "claim", "lan")).code, 0);
  await untilMaster(lab, a, b);
  const refused = await say(first, "claim", "nothing");
  assert.equal(refused.code, 1);
  assert.match(
    refused.stderr,
    /there is no virtual router or sync group "nothing"; (there are|is) /,
  );
  await endSuccessor(lab, first);
});

lab("group: a reload joins a running router to the master without a lost advert", async (lab) => {
  const { hosts: [a], lans: [web] } = await networks(lab);
  const grouped = site(150);
  const agent = startHalb(lab, a, grouped.slice(0, grouped.indexOf("[[sync_group]]")));
  await agent.untilState("web", "master");
  await agent.untilState("lan", "master");
  const before = await statusOf(agent);
  const capture = await lab.capture(web, "ip proto 112");
  agent.reload(grouped);
  await untilGroup(agent, "master");
  await lab.delay(500);
  const after = await statusOf(agent);
  assert.deepEqual(
    after.vrrp.map(({ transitions, since }) => [transitions, since]),
    before.vrrp.map(({ transitions, since }) => [transitions, since]),
  );
  const seen = await adverts(capture);
  assert.ok(seen.every(({ priority }) => priority === 150));
});

lab("group: halb's group and keepalived's move together both ways", async (lab) => {
  const { hosts: [a, b] } = await networks(lab);
  const instances = ["web", "lan"].map((name, i) =>
    `vrrp_instance ${name} {
  interface eth${i}
  virtual_router_id ${51 + i}
  state BACKUP
  priority 100
  advert_int 0.1
  virtual_ipaddress {
    ${VIPS[i]}/24
  }
}
`
  );
  const keepalived = startKeepalived(
    lab,
    b,
    `global_defs {
  vrrp_version 3
}
${instances.join("")}
vrrp_sync_group site {
  group {
    web
    lan
  }
}
`,
  );
  await lab.until("keepalived is master", () => holdsBoth(b), 15_000);
  const halb = startHalb(lab, a, site(150));
  await untilGroup(halb, "master");
  await untilMaster(lab, a, b);
  // Ours fails on one side: keepalived takes both.
  await a.exec(["ip", "link", "set", "eth0", "down"]);
  await untilMaster(lab, b, a);
  await a.exec(["ip", "link", "set", "eth0", "up"]);
  await untilMaster(lab, a, b);
  // Its own fails on one side while it is backup, and we hand over when it is well again.
  assert.equal((await say(halb, "release", "site")).code, 0);
  await untilMaster(lab, b, a);
  await b.exec(["ip", "link", "set", "eth1", "down"]);
  await lab.until("halb holds both though released", () => holdsBoth(a), 15_000);
  await b.exec(["ip", "link", "set", "eth1", "up"]);
  await untilMaster(lab, b, a);
  assert.equal((await say(halb, "claim", "site")).code, 0);
  await untilMaster(lab, a, b);
  assert.doesNotMatch(keepalived.log(), /bogus|invalid|mismatch|incorrect|wrong|Ooops/i);
});
