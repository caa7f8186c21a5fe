/** The whole agent where the machine of the labs lacks something: VRFs and ipvlans. */

import assert from "node:assert/strict";
import "./lib.ts";
import { BfdAgent } from "../lib/bfd_agent.ts";
import type { BfdSpec } from "../lib/bfd_site.ts";
import { type Host, type Lab, lab, startHalb } from "../lib/mod.ts";

/** One processor, shared by two hosts and what looks at them. */
const PATIENCE = 30_000;
const OPTIONS = { timeoutMs: 240_000 };

interface RouterText {
  readonly name: string;
  readonly id: number;
  readonly addresses: readonly string[];
  readonly more?: string;
}

function site(...routers: readonly RouterText[]): string {
  return routers.map(({ name, id, addresses, more = "" }) =>
    `[[vrrp]]
name = "${name}"
interface = "eth0"
virtual_router_id = ${id}
priority = { by_host = { a = 150, b = 100 } }
advertisement_interval = "500ms"
addresses = ${JSON.stringify(addresses)}
${more}
`
  ).join("");
}

/** Puts a host's first interface into a VRF of its own, whose routes are in table 10. */
async function enslave(host: Host): Promise<void> {
  await host.exec(["ip", "link", "add", "blue", "type", "vrf", "table", "10"]);
  await host.exec(["ip", "link", "set", "blue", "up"]);
  await host.exec(["ip", "link", "set", "eth0", "master", "blue"]);
}

const routesOf = (host: Host, table: string) =>
  host.exec(["ip", "route", "show", "table", table, "proto", "112"]);

type Agent = ReturnType<typeof startHalb>;

/** All of an agent's routers are in a state. */
async function untilAll(lab: Lab, agent: Agent, state: string): Promise<void> {
  await lab.until(
    `all are ${state} on ${agent.name}`,
    async () => {
      const { vrrp } = await agent.status();
      const others = vrrp.filter((router) => router.state !== state);
      if (others.length === 0) return true;
      throw new Error(others.map(({ name, state }) => `${name} is ${state}`).join(", "));
    },
    PATIENCE,
    100,
  );
}

/** All are backups that have heard their masters. */
async function untilFollowing(lab: Lab, agent: Agent): Promise<void> {
  await lab.until(
    `${agent.name} hears its masters`,
    async () => {
      const { vrrp } = await agent.status();
      return vrrp.every(({ state, sessions }) =>
        state === "backup" && sessions[0]!.master !== null
      );
    },
    PATIENCE,
    100,
  );
}

lab("routers in a VRF: adverts, addresses and routes are in its table", async (lab) => {
  const [a, b] = await lab.hostsNamed("a", "b");
  const lan = await lab.lan("net", [a, b]);
  for (const host of [a, b]) await enslave(host);
  const peers = 'unicast = { peers = ["192.0.2.1", "192.0.2.2"] }\n';
  const routers = [
    { name: "web", id: 51, addresses: ["203.0.113.10/24"], more: 'vrf = "blue"' },
    { name: "lan", id: 52, addresses: ["192.0.2.11/24"], more: `${peers}vrf = "blue"` },
    { name: "six", id: 53, addresses: ["fe80::10", "2001:db8::10/64"], more: 'vrf = "blue"' },
    { name: "own", id: 54, addresses: ["192.0.2.12/24"], more: 'vrf = "blue"\nvirtual_mac = true' },
  ];
  const first = startHalb(lab, a, site(...routers));
  await untilAll(lab, first, "master");
  const second = startHalb(lab, b, site(...routers));
  await untilFollowing(lab, second);
  for (const vip of ["203.0.113.10", "192.0.2.11", "2001:db8::10", "192.0.2.12"]) {
    await lab.until(`a holds ${vip}`, () => a.holds(vip), PATIENCE, 100);
  }
  // What reaches it comes and goes by the VRF.
  for (const vip of ["192.0.2.11", "192.0.2.12"]) {
    await b.exec(["ping", "-n", "-c", "1", "-W", "5", "-I", "blue", vip]);
  }
  assert.equal(await b.neighbour("192.0.2.12"), "00:00:5e:00:01:36");
  assert.match(await a.exec(["ip", "link", "show", "vrrp.54"]), / master blue /);
  await lab.until(
    "the network of the address is in the VRF's table",
    async () => (await routesOf(a, "10")).includes("203.0.113.0/24 dev eth0"),
    PATIENCE,
    100,
  );
  assert.equal(await routesOf(a, "main"), "");
  await lan.link(a).cut();
  await untilAll(lab, second, "master");
  await lan.link(a).restore();
  await untilAll(lab, first, "master");
  // Outside of it the peers are those of another network.
  await a.exec(["ip", "link", "set", "eth0", "nomaster"]);
  await untilAll(lab, first, "fault");
  await lab.until(
    "each knows why",
    async () => {
      for (const { waiting_for } of (await first.status()).vrrp) {
        assert.deepEqual(waiting_for, ["interface eth0: not in VRF blue"]);
      }
      return true;
    },
    PATIENCE,
    100,
  );
  await untilAll(lab, second, "master");
  const vrfOf = async (name: string) =>
    / master (\w+) /.exec(await a.exec(["ip", "link", "show", name]))?.[1];
  await lab.until(
    "its virtual MAC is outside",
    async () => {
      return await vrfOf("vrrp.54") === undefined;
    },
    PATIENCE,
    100,
  );
  await a.exec(["ip", "link", "set", "eth0", "master", "blue"]);
  await untilAll(lab, first, "master");
  await lab.until(
    "its virtual MAC is in it again",
    async () => {
      return await vrfOf("vrrp.54") === "blue";
    },
    PATIENCE,
    100,
  );
  await lab.until("a holds it again", () => a.holds("192.0.2.12"), PATIENCE, 100);
  await second.stop();
  assert.equal(await routesOf(b, "10"), "");
}, OPTIONS);

lab("an ipvlan carries the addresses while its router is master", async (lab) => {
  const [a, b, client] = await lab.hostsNamed("a", "b", "c");
  await lab.lan("net", [a, b, client]);
  const router = {
    name: "web",
    id: 51,
    addresses: ["192.0.2.10/24"],
    more: 'virtual_mac = { type = "ipvlan" }',
  };
  const first = startHalb(lab, a, site(router));
  await untilAll(lab, first, "master");
  const second = startHalb(lab, b, site(router));
  await untilFollowing(lab, second);
  const heldOn = async (host: Host) =>
    (await host.addresses()).find(({ address }) => address === "192.0.2.10")?.interface;
  await lab.until("a's ipvlan has it", async () => await heldOn(a) === "vrrp.51", PATIENCE, 100);
  assert.match(await a.exec(["ip", "-d", "link", "show", "vrrp.51"]), / ipvlan {2}mode l2 /);
  const macOf = async (host: Host) =>
    JSON.parse(await host.exec(["ip", "-j", "link", "show", "eth0"]))[0].address;
  const ping = ["ping", "-n", "-c", "1", "-W", "5", "192.0.2.10"];
  await client.exec(ping);
  assert.equal(await client.neighbour("192.0.2.10"), await macOf(a));
  await first.stop();
  assert.equal((await a.tryExec(["ip", "link", "show", "vrrp.51"])).code, 1);
  await untilAll(lab, second, "master");
  await lab.until("b's ipvlan has it", async () => await heldOn(b) === "vrrp.51", PATIENCE, 100);
  // An ipvlan has the hardware address of its base: the neighbours are told.
  await client.exec(ping);
  assert.equal(await client.neighbour("192.0.2.10"), await macOf(b));
}, OPTIONS);

lab("BFD sessions in a VRF: one hop over its interface, several by its routes", async (lab) => {
  const [a, b] = await lab.hostsNamed("a", "b");
  const addresses = { a: ["192.0.2.1/24"], b: ["192.0.2.2/24", "2001:db8::2/64"] };
  await lab.lan("net", [a, b], { prefix: null, addresses });
  await enslave(a);
  // An interface that gets into a VRF loses those of IPv6.
  await a.exec(["ip", "address", "add", "2001:db8::1/64", "dev", "eth0", "nodad"]);
  const specs = (peer: 1 | 2, vrf?: string): BfdSpec[] => [
    { name: "near", peer: `192.0.2.${peer}`, ...(vrf === undefined ? {} : { more: vrf }) },
    { name: "six", peer: `2001:db8::${peer}`, ...(vrf === undefined ? {} : { more: vrf }) },
    {
      name: "far",
      peer: `192.0.2.${peer}`,
      source: `192.0.2.${3 - peer}`,
      multihop: true,
      ...(vrf === undefined ? {} : { more: vrf }),
    },
  ];
  const ours = new BfdAgent(lab, a, specs(2, 'vrf = "blue"'));
  const theirs = new BfdAgent(lab, b, specs(1));
  await ours.untilAll(true, PATIENCE);
  await theirs.untilAll(true, PATIENCE);
}, OPTIONS);
