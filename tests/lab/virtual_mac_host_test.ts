/** What a virtual MAC means for the host that has it: settings, interference, crashes, restarts. */

import assert from "node:assert/strict";
import { type HalbAgent, halbPath, type Host, type Lab, lab, startHalb } from "../lib/mod.ts";
import { routerOf, statusOf, untilLogged, VIP, webSite } from "./agent_helpers.ts";
import { upgrade } from "./upgrade_helpers.ts";

const LINK = "vrrp.51";
const SITE = webSite("100ms", "virtual_mac = true");
const PLAIN = webSite("100ms");
const BASE = ["arp_ignore", "arp_filter", "arp_announce"];

const setting = async (host: Host, path: string) =>
  (await host.exec(["cat", `/proc/sys/net/${path}`])).trim();

/** The three settings of eth0 that halb changes. */
const ofBase = (host: Host) =>
  Promise.all(BASE.map((name) => setting(host, `ipv4/conf/eth0/${name}`)));

/** One change comes after the other, and somebody may look in between. */
async function untilBase(lab: Lab, host: Host, wanted: readonly string[]): Promise<void> {
  await lab.until(`the settings of eth0 are ${wanted}`, async () => {
    assert.deepEqual(await ofBase(host), wanted);
    return true;
  }, 2000);
}

interface ShownLink {
  readonly ifindex: number;
  readonly flags: readonly string[];
  readonly mtu: number;
  readonly address: string;
}

async function linkOf(host: Host, name = LINK): Promise<ShownLink | undefined> {
  const { code, stdout } = await host.tryExec(["ip", "-j", "link", "show", "dev", name]);
  return code === 0 ? (JSON.parse(stdout) as ShownLink[])[0] : undefined;
}

async function oneMaster(lab: Lab, site = SITE): Promise<{ a: Host; agent: HalbAgent }> {
  const [a, c] = await lab.hostsNamed("a", "c");
  await lab.lan("net", [a, c]);
  await a.sysctl("net.ipv4.conf.eth0.arp_announce", "1");
  const agent = startHalb(lab, a, site);
  await agent.untilState("web", "master");
  await lab.until("a holds the address", () => a.holds(VIP), 5000);
  return { a, agent };
}

lab(
  "the settings are made, and restored with the last virtual MAC of an interface",
  async (lab) => {
    const second = SITE.replace('"web"', '"lan"').replace("51", "52").replace(VIP, "192.0.2.11");
    const [a] = await lab.hostsNamed("a");
    await lab.lan("net", [a]);
    await a.sysctl("net.ipv4.conf.eth0.arp_announce", "1");
    await a.sysctl("net.ipv4.conf.all.rp_filter", "1");
    await a.sysctl("net.ipv4.conf.eth0.forwarding", "1");
    const agent = startHalb(lab, a, SITE + second);
    await agent.untilState("web", "master");
    await agent.untilState("lan", "master");
    assert.deepEqual(await ofBase(a), ["1", "1", "2"]);
    const own = async (family: string, name: string) =>
      await setting(a, `${family}/conf/${LINK}/${name}`);
    assert.equal(await own("ipv4", "arp_ignore"), "1");
    assert.equal(await own("ipv4", "accept_local"), "1");
    assert.equal(await own("ipv4", "rp_filter"), "2", "looser than `all`, which stays");
    assert.equal(await own("ipv4", "promote_secondaries"), "1");
    assert.equal(await own("ipv4", "forwarding"), "1", "as its base");
    assert.equal(await own("ipv6", "addr_gen_mode"), "1");
    assert.equal(await own("ipv6", "accept_ra"), "0");
    assert.equal(await setting(a, "ipv4/conf/all/rp_filter"), "1");
    const [router] = (await statusOf(agent)).vrrp;
    assert.deepEqual(router!.virtual_mac, [
      { interface: LINK, type: "macvlan", mac: "00:00:5e:00:01:33" },
    ]);
    agent.reload(SITE);
    await lab.until(
      "the second one is gone",
      async () => await linkOf(a, "vrrp.52") === undefined,
      5000,
    );
    assert.deepEqual(await ofBase(a), ["1", "1", "2"], "the first one needs them");
    agent.reload(PLAIN);
    await lab.until("the first one is gone", async () => await linkOf(a) === undefined, 5000);
    await untilBase(lab, a, ["0", "0", "1"]);
    await lab.until("the address is on eth0", async () => {
      return (await a.addresses("eth0")).some(({ address }) => address === VIP);
    }, 5000);
    agent.reload(SITE);
    await lab.until("it is there again", async () => await linkOf(a) !== undefined, 5000);
    await lab.until("with the address", async () => {
      return (await a.addresses(LINK)).some(({ address }) => address === VIP);
    }, 5000);
    await agent.stop();
    assert.equal(await linkOf(a), undefined);
    assert.deepEqual(await ofBase(a), ["0", "0", "1"]);
  },
);

lab("what a killed agent left is adopted, or removed with the settings restored", async (lab) => {
  const { a, agent } = await oneMaster(lab);
  const before = await linkOf(a);
  await agent.kill();
  const again = startHalb(lab, a, SITE, { args: [] });
  await again.untilState("web", "master");
  await lab.until("it holds the address", () => a.holds(VIP), 5000);
  assert.equal((await linkOf(a))?.ifindex, before?.ifindex, "the same interface");
  await again.kill();
  assert.deepEqual(await ofBase(a), ["1", "1", "2"]);
  const plain = startHalb(lab, a, PLAIN);
  await plain.untilState("web", "master");
  await lab.until("the interface is gone", async () => await linkOf(a) === undefined, 5000);
  await untilBase(lab, a, ["0", "0", "1"]);
});

lab("a foreign interface of that name is left alone, and told", async (lab) => {
  const [a] = await lab.hostsNamed("a");
  await lab.lan("net", [a]);
  await a.exec(["ip", "link", "add", LINK, "link", "eth0", "type", "macvlan"]);
  const foreign = await linkOf(a);
  const agent = startHalb(lab, a, SITE);
  // A start may find eth0 a moment late, too.
  await lab.until("it is known what is missing", async () => {
    const { waiting_for } = await routerOf(agent, "web");
    assert.deepEqual(waiting_for, [`interface ${LINK} of the virtual MAC: not there`]);
    return true;
  }, 5000);
  await untilLogged(lab, agent, "Cannot make vrrp.51: an interface of that name exists");
  assert.deepEqual(await linkOf(a), foreign);
  await a.exec(["ip", "link", "delete", LINK]);
  await agent.untilState("web", "master");
  await lab.until("it holds the address", () => a.holds(VIP), 5000);
});

lab("interference with the interface of a master is mended without a failover", async (lab) => {
  const { a, agent } = await oneMaster(lab);
  const { transitions } = await routerOf(agent, "web");
  const held = async (index?: number) => {
    const link = await linkOf(a);
    return link !== undefined && link.ifindex !== index && link.flags.includes("UP") &&
      (await a.addresses(LINK)).some(({ address }) => address === VIP);
  };
  for (let round = 0; round < 3; round++) {
    const before = await linkOf(a);
    await a.exec(["ip", "link", "delete", LINK]);
    await lab.until("it is made again", () => held(before?.ifindex), 5000);
    await a.exec(["ip", "link", "set", LINK, "down"]);
    await lab.until("it is up again", held, 5000);
  }
  for (const mtu of ["1400", "1500"]) {
    await a.exec(["ip", "link", "set", "eth0", "mtu", mtu]);
    await lab.until(`its MTU is ${mtu}`, async () => (await linkOf(a))?.mtu === Number(mtu), 5000);
  }
  assert.equal((await routerOf(agent, "web")).transitions, transitions);
  // A base that is another one now: that does cost the mastership, and comes back by itself.
  await a.exec(["ip", "link", "set", "eth0", "down"]);
  await agent.untilState("web", "fault");
  await a.exec(["ip", "link", "set", "eth0", "name", "eth9"]);
  await lab.delay(300);
  await a.exec(["ip", "link", "set", "eth9", "name", "eth0"]);
  await a.exec(["ip", "link", "set", "eth0", "up"]);
  await agent.untilState("web", "master");
  await lab.until("it holds the address again", held, 5000);
});

lab("a base that is made anew gets its virtual MAC anew", async (lab) => {
  const { a, agent } = await oneMaster(lab);
  const before = await linkOf(a);
  await a.exec(["ip", "link", "delete", "eth0"]);
  await agent.untilState("web", "fault");
  await a.exec(["ip", "link", "add", "eth0", "type", "veth", "peer", "name", "other"]);
  await a.exec(["ip", "address", "add", "192.0.2.1/24", "dev", "eth0"]);
  for (const name of ["eth0", "other"]) await a.exec(["ip", "link", "set", name, "up"]);
  await agent.untilState("web", "master");
  await lab.until("it holds the address", () => a.holds(VIP), 5000);
  assert.notEqual((await linkOf(a))?.ifindex, before?.ifindex);
});

lab("an upgrade and a restart with on_stop = keep leave the interface as it is", async (lab) => {
  const { a, agent } = await oneMaster(
    lab,
    `[agent]\non_stop = "keep"\n\n${webSite("1s", "virtual_mac = true")}`,
  );
  const before = await linkOf(a);
  const { transitions, since } = await routerOf(agent, "web");
  await upgrade(agent);
  assert.deepEqual(await linkOf(a), before);
  assert.equal((await routerOf(agent, "web")).transitions, transitions);
  Deno.kill((await statusOf(agent)).pid, "SIGTERM");
  await lab.until("it has ended", async () => {
    return await statusOf(agent).then(() => false, () => true);
  }, 5000);
  assert.deepEqual(await linkOf(a), before);
  assert.ok(await a.holds(VIP));
  a.spawn([halbPath(), "run", "--config", agent.configPath, "--name", "a"], { name: "again" });
  await lab.until("it answers", () => statusOf(agent).then(() => true, () => false), 5000);
  await lab.until("it is master", async () => {
    return (await routerOf(agent, "web")).state === "master";
  }, 5000);
  const after = await routerOf(agent, "web");
  assert.equal(after.transitions, transitions);
  assert.ok(Math.abs(Date.parse(after.since) - Date.parse(since)) <= 5);
  assert.deepEqual(await linkOf(a), before);
});

lab(
  "in a network namespace of its router the virtual MAC and its settings are there",
  async (lab) => {
    const [outer, inner, client] = await lab.hostsNamed("a", "inner", "c");
    await lab.lan("out", [outer]);
    await lab.lan("in", [inner, client]);
    const agent = startHalb(lab, outer, `${SITE}namespace = "${inner.namespace}"\n`);
    await agent.untilState("web", "master");
    await lab.until("inner holds the address", () => inner.holds(VIP), 5000);
    assert.deepEqual(await ofBase(inner), ["1", "1", "2"]);
    assert.deepEqual(await ofBase(outer), ["0", "0", "0"]);
    assert.equal(await setting(inner, `ipv4/conf/${LINK}/accept_local`), "1");
    assert.equal(await linkOf(outer), undefined);
    await client.exec(["ping", "-n", "-c", "1", "-W", "2", VIP]);
    assert.equal(await client.neighbour(VIP), "00:00:5e:00:01:33");
    await agent.stop();
    assert.equal(await linkOf(inner), undefined);
    assert.deepEqual(await ofBase(inner), ["0", "0", "0"]);
  },
);

lab("255 virtual MACs on one interface: made, held, let go (printed)", async (lab) => {
  const [a] = await lab.hostsNamed("a");
  await lab.lan("net", [a]);
  const site = Array.from({ length: 255 }, (_, i) => {
    const address = i < 128 ? `198.51.100.${i + 1}` : `203.0.113.${i - 127}`;
    return `[[vrrp]]\nname = "r${i + 1}"\ninterface = "eth0"\nvirtual_router_id = ${i + 1}\n` +
      `priority = 150\nadvertisement_interval = "1s"\naddresses = ["${address}"]\n` +
      `virtual_mac = true\n`;
  }).join("\n");
  const start = performance.now();
  const agent = startHalb(lab, a, site);
  const count = async () =>
    (JSON.parse(await a.exec(["ip", "-j", "link", "show", "type", "macvlan"])) as unknown[]).length;
  await lab.until("all are made", async () => await count() === 255, 30_000);
  const made = performance.now();
  await lab.until("all hold their addresses", async () => {
    const { vrrp } = await statusOf(agent);
    return vrrp.length === 255 &&
      vrrp.every((one) => one.state === "master" && one.addresses_held.length > 0);
  }, 30_000);
  const held = performance.now();
  assert.equal((await agent.stop(60_000)).code, 0);
  const stopped = performance.now();
  assert.equal(await count(), 0);
  const ms = (value: number) => Math.round(value);
  console.log(
    `made after ${ms(made - start)} ms, held after ${ms(held - start)} ms, ` +
      `stopped in ${ms(stopped - held)} ms`,
  );
});
