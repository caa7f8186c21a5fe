/**
 * `halb convert` beside keepalived: each with its own file on hosts that are alike, and in the end
 * the same addresses, routes, rules and adverts.
 */

import assert from "node:assert/strict";
import {
  type Capture,
  halbPath,
  type Host,
  type Lab,
  lab,
  startHalb,
  startKeepalived,
} from "../lib/mod.ts";
import { type KeepalivedSite, keepalivedSites } from "./convert_sites.ts";

/** How long adverts are collected: the slowest routers send one a second. */
const LISTENING = 2_500;
/** How long priorities may go on changing, microseconds. */
const SETTLING = 15_000_000;

for (const part of [0, 1, 2]) {
  lab(`converted sites do what keepalived does, part ${part + 1} of 3`, async (lab) => {
    const sites = keepalivedSites().filter((_, i) => i % 3 === part);
    await Promise.all(sites.map((site, i) => compare(lab, site, `${i}`)));
  });
}

/** What a daemon has done to its host, in lines. */
type Done = readonly string[];

async function compare(lab: Lab, site: KeepalivedSite, id: string): Promise<void> {
  const [k, h] = [await hostFor(lab, `k${id}`), await hostFor(lab, `h${id}`)];
  const before = { k: await stateOf(k), h: await stateOf(h) };
  const conf = `${lab.directory}/${id}.conf`;
  Deno.writeTextFileSync(conf, site.text);
  const converted = await h.tryExec([halbPath(), "convert", conf, "--name", "lab"]);
  assert.equal(converted.code, 0, `${site.name}: ${converted.stderr}`);
  const captures = await Promise.all([k, h].map((host) => lab.capture(host, "proto 112", "eth0")));
  startKeepalived(lab, k, site.text);
  const halb = startHalb(lab, h, converted.stdout, { name: "lab" });
  const added = async (host: Host, former: Done) =>
    (await stateOf(host)).filter((line) => !former.includes(line));
  let last: [Done, Done] = [[], []];
  try {
    await lab.until(`${site.name}: both have done the same`, async () => {
      // What is static is there before anybody is master.
      const { vrrp } = await halb.status();
      if (!vrrp.every(({ state }) => state === "master")) return false;
      last = [await added(k, before.k), await added(h, before.h)];
      return last[0].length > 0 && last[0].join("\n") === last[1].join("\n");
    }, 20_000);
  } catch (error) {
    if (last[0].length === 0) throw error;
    assert.deepEqual(last[1], last[0], `${site.name}:\n${converted.stdout}`);
  }
  // A script that has to fail twice changes a priority after its router has become master.
  const since = Date.now() * 1000;
  for (let from = since;; from = Date.now() * 1000) {
    await lab.delay(LISTENING);
    const [theirs, ours] = await Promise.all(captures.map((capture) => advertised(capture, from)));
    assert.notDeepEqual(theirs, [], `${site.name}: keepalived sends adverts`);
    if (theirs!.join("\n") === ours!.join("\n")) return;
    if (from - since < SETTLING) continue;
    assert.deepEqual(ours, theirs, `${site.name}: adverts\n${converted.stdout}`);
  }
}

/** A host with the interfaces of the samples: eth0 is a LAN with nobody else on it. */
async function hostFor(lab: Lab, name: string): Promise<Host> {
  const host = await lab.host(name);
  await lab.lan(`lan-${name}`, [host]);
  for (const [i, address] of ["198.51.100.1/24", "203.0.113.1/28", "203.0.113.17/28"].entries()) {
    // The kernel of a lab has no dummies.
    const [name, peer] = [`eth${i + 1}`, `peer${i + 1}`];
    await host.exec(["ip", "link", "add", name, "type", "veth", "peer", "name", peer]);
    await host.exec(["ip", "link", "set", peer, "up"]);
    await host.exec(["ip", "link", "set", `eth${i + 1}`, "up"]);
    await host.exec(["ip", "address", "add", address, "dev", `eth${i + 1}`]);
  }
  // A peer of unicast that nobody answers for is sent nothing.
  const neighbour = ["192.0.2.200", "lladdr", "02:00:00:00:00:c8", "dev", "eth0"];
  await host.exec(["ip", "neighbour", "add", ...neighbour]);
  // The kernel gives each end a link-local address a moment after it has carrier.
  const ends = ["eth0", "eth1", "eth2", "eth3", "peer1", "peer2", "peer3"];
  await lab.until(`the links of ${name} are up`, async () => {
    const found = await host.addresses();
    const with6 = found.filter(({ family, scope }) => family === "inet6" && scope === "link");
    assert.deepEqual(with6.map((one) => one.interface).sort(), ends);
    return true;
  }, 10_000);
  return host;
}

type Json = Readonly<Record<string, unknown>>;

/** Addresses, routes and rules; not who has made them, nor the lengths of prefixes (a lease is a /32). */
async function stateOf(host: Host): Promise<Done> {
  const show = async (...words: string[]): Promise<Json[]> =>
    JSON.parse(await host.exec(["ip", "-j", ...words]) || "[]");
  const lines: string[] = [];
  for (const { ifname, addr_info } of await show("address", "show")) {
    for (const { local, scope, label } of addr_info as readonly Json[]) {
      lines.push(`address ${JSON.stringify({ ifname, local, scope, label })}`);
    }
  }
  for (const family of ["-4", "-6"]) {
    for (
      const { protocol, flags: _, pref: __, ...route } of await show(
        family,
        "route",
        "show",
        "table",
        "all",
      )
    ) {
      // Of the kernel, or of a lease of ours, which the kernel takes away with it.
      if (protocol !== "kernel" && route["expires"] === undefined) {
        lines.push(`route ${family} ${JSON.stringify(sorted(route))}`);
      }
    }
    for (const { protocol: _, ...rule } of await show(family, "rule", "show")) {
      lines.push(`rule ${family} ${JSON.stringify(sorted(rule))}`);
    }
  }
  return lines.sort();
}

function sorted(object: Json): Json {
  return Object.fromEntries(Object.entries(object).sort(([a], [b]) => a < b ? -1 : 1));
}

const FIELDS = ["version", "virt_rtr_id", "prio", "auth_type", "adver_int", "short_adver_int"];
const LISTS = ["vrrp.ip_addr", "vrrp.ipv6_addr"];

/** The different adverts since then, as tshark reads them. */
async function advertised(capture: Capture, since: number): Promise<string[]> {
  const names = ["ip.dst", "ipv6.dst", ...FIELDS.map((name) => `vrrp.${name}`)];
  const packets = await capture.packets("vrrp", [...names, ...LISTS]);
  const seen = packets.filter(({ time }) => time >= since).map(({ fields }) => {
    // keepalived advertises an address twice that is written twice, as one sample has it.
    const lists = LISTS.map((name) => [...new Set(fields[name]!.split(","))].join());
    return [...names.map((name) => fields[name]), ...lists].join(" ");
  });
  return [...new Set(seen)].sort();
}
