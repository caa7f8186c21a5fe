/**
 * `halb convert` beside keepalived: each with its own file on hosts that are alike, and in the end
 * the same addresses, routes, rules and adverts.
 */

import assert from "node:assert/strict";
import { ROUTE_METRIC } from "../../mod/kernel/operation.ts";
import {
  type Capture,
  halbPath,
  type Host,
  type Lab,
  lab,
  startHalb,
  startKeepalived,
} from "../lib/mod.ts";
import { type WildSite, wildSites, writeSite } from "../lib/keepalived_sites.ts";
import { type KeepalivedSite, keepalivedSites } from "./convert_sites.ts";

/** How often the two are looked at, ms: each look is a dozen processes. */
const LOOK = 250;
/** How long adverts are collected: the slowest routers send one a second. */
const LISTENING = 2_500;
/** How long priorities may go on changing, ms. */
const SETTLING = 30_000;
/** Until twenty daemons at once have done all that they do, beside the guests, ms. */
const PATIENCE = 60_000;
const OPTIONS = { timeoutMs: 300_000 };

/** Sites of one lab, at the same time: each has two hosts. */
const AT_ONCE = 10;

/** Samples, and what is found in the wild: ways to place them in a folder. */
const placements = [
  ...keepalivedSites().map((site) => (directory: string) => placedSample(site, directory)),
  ...wildSites("vrrp", "DIRECTORY").map((site) => (directory: string) =>
    placedWild(site, directory)
  ),
];
const parts = Math.ceil(placements.length / AT_ONCE);
for (let part = 0; part < parts; part++) {
  // One of each kind after the other, so that no lab has all that are slow.
  const own = placements.filter((_, i) => i % parts === part);
  lab(`converted sites do what keepalived does, part ${part + 1} of ${parts}`, async (lab) => {
    await compareAll(lab, own.map((place) => place(lab.directory)));
  }, OPTIONS);
}

function placedSample({ name, text }: KeepalivedSite, directory: string): Placed {
  const path = `${directory}/${name.replaceAll("/", "_")}.conf`;
  Deno.writeTextFileSync(path, text);
  return { name, paths: { k: path, h: path }, own: "lab", refused: [] };
}

function placedWild(site: WildSite, root: string): Placed {
  // Files and FIFOs of the two daemons must not be the same.
  const placed = (host: string) => {
    const directory = `${root}/${site.name}-${host}`;
    const fill = (text: string) => text.replaceAll("DIRECTORY", directory);
    const included = Object.entries(site.included).map(([path, text]) => [path, fill(text)]);
    const texts = { text: fill(site.text), included: Object.fromEntries(included) };
    return writeSite({ ...site, ...texts }, directory);
  };
  const { name, refused, ids: [own = "lab"] } = site;
  return { name, paths: { k: placed("k"), h: placed("h") }, own, refused };
}

/** Compares all of them, and fails with all that differs. */
async function compareAll(lab: Lab, sites: readonly Placed[]): Promise<void> {
  const results = await Promise.allSettled(sites.map((site, i) => compare(lab, site, `${i}`)));
  const failures = results.flatMap((result) =>
    result.status === "rejected" ? [String(result.reason?.message ?? result.reason)] : []
  );
  if (failures.length > 0) throw new Error(failures.join("\n\n"));
}

/** A configuration in files, one for each daemon. */
interface Placed {
  readonly name: string;
  readonly paths: { readonly k: string; readonly h: string };
  /** The configuration id, for its conditions. */
  readonly own: string;
  /** Addresses that halb alone has in the end. */
  readonly refused: readonly string[];
}

/** What a daemon has done to its host, in lines. */
type Done = readonly string[];

async function compare(lab: Lab, site: Placed, id: string): Promise<void> {
  const [k, h] = await Promise.all([hostFor(lab, `k${id}`), hostFor(lab, `h${id}`)]);
  const before = { k: await stateOf(k), h: await stateOf(h) };
  const { own, refused } = site;
  const converted = await h.tryExec([halbPath(), "convert", site.paths.h, "--name", own]);
  assert.equal(converted.code, 0, `${site.name}: ${converted.stderr}`);
  startKeepalived(lab, k, `include ${site.paths.k}\n`, { args: ["-i", own], quiet: true });
  const halb = startHalb(lab, h, converted.stdout, { name: own, logLevel: "info" });
  const added = async (host: Host, former: Done) =>
    (await stateOf(host)).filter((line) => !former.includes(line));
  let last: [Done, Done] = [[], []];
  try {
    await lab.until(
      `${site.name}: both have done the same`,
      async () => {
        // What is static is there before anybody is master.
        const { vrrp } = await halb.status();
        if (!vrrp.every(({ state }) => state === "master")) return false;
        const all = await added(h, before.h);
        const ours = all.filter((line) => !refused.some((one) => line.includes(`"${one}"`)));
        assert.equal(all.length - ours.length, refused.length, `halb has ${refused.join()}, too`);
        last = [await added(k, before.k), ours];
        return last[0].length > 0 && last[0].join("\n") === last[1].join("\n");
      },
      PATIENCE,
      LOOK,
    );
  } catch (error) {
    assert.deepEqual(last[1], last[0], `${site.name}:\n${converted.stdout}`);
    throw error;
  }
  // A script that has to fail twice changes a priority after its router has become master.
  const deadline = performance.now() + SETTLING;
  for (;;) {
    const [theirs, ours] = await Promise.all([k, h].map(async (host) => {
      const capture = await lab.capture(host, "proto 112 or proto 51", "eth0");
      await lab.delay(LISTENING);
      return await advertised(capture);
    }));
    assert.notDeepEqual(theirs, [], `${site.name}: keepalived sends adverts`);
    if (theirs!.join("\n") === ours!.join("\n")) return;
    if (performance.now() < deadline) continue;
    assert.deepEqual(ours, theirs, `${site.name}: adverts\n${converted.stdout}`);
  }
}

/** A host with the interfaces of the samples: eth0 is a LAN with nobody else on it. */
async function hostFor(lab: Lab, name: string): Promise<Host> {
  const host = await lab.host(name);
  await lab.lan(`lan-${name}`, [host]);
  // The kernel of a lab has no dummies.
  const lines = ["198.51.100.1/24", "203.0.113.1/28", "203.0.113.17/28"].flatMap((address, i) => [
    `link add eth${i + 1} type veth peer name peer${i + 1}`,
    `link set peer${i + 1} up`,
    `link set eth${i + 1} up`,
    `address add ${address} dev eth${i + 1}`,
  ]);
  // A peer of unicast that nobody answers for is sent nothing.
  lines.push("neighbour add 192.0.2.200 lladdr 02:00:00:00:00:c8 dev eth0");
  await host.exec(["ip", "-batch", "-"], { input: lines.join("\n") });
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
    for (const { local, broadcast, scope, label } of addr_info as readonly Json[]) {
      lines.push(`address ${JSON.stringify({ ifname, local, broadcast, scope, label })}`);
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
      // Of the kernel, or ours in its place: with a lease, or behind all others.
      const isConnected = protocol === "kernel" || route["expires"] !== undefined ||
        Number(route["metric"] ?? 0) >= ROUTE_METRIC;
      if (!isConnected) {
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

/** The different adverts, as tshark reads them. */
async function advertised(capture: Capture): Promise<string[]> {
  const names = ["ip.dst", "ipv6.dst", ...FIELDS.map((name) => `vrrp.${name}`)];
  const packets = await capture.packets("vrrp", [...names, ...LISTS]);
  const seen = packets.map(({ fields }) => {
    // keepalived advertises an address twice that is written twice, as one sample has it.
    const lists = LISTS.map((name) => [...new Set(fields[name]!.split(","))].join());
    return [...names.map((name) => fields[name]), ...lists].join(" ");
  });
  return [...new Set(seen)].sort();
}
