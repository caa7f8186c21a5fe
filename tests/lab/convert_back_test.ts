/**
 * `halb convert --to keepalived`: a pair of which one node runs keepalived with what is written for
 * it, and keepalived's own word on everything that is ever written.
 */

import assert from "node:assert/strict";
import {
  type Executed,
  type HalbAgent,
  type Host,
  type Keepalived,
  type Lab,
  lab,
  runHalb,
  startHalb,
  startKeepalived,
} from "../lib/mod.ts";
import { toKeepalived } from "../../mod/convert_back/mod.ts";
import { wildSites } from "../lib/keepalived_sites.ts";
import { conversion } from "../unit/convert/fixtures.ts";
import { triedKeys } from "../unit/convert/schema_sites.ts";
import { COMPLAINTS } from "./forms.ts";

/** Hundreds of runs of keepalived, one after the other, beside the guests: a minute and more. */
const MANY_RUNS = { timeoutMs: 600_000 };
/** Until scripts, elections and programs that start have had their time, ms. */
const PATIENCE = 30_000;

/** Each node is the better one for one of two routers, as long as its own interface `token` is there. */
const SITE = `[defaults.vrrp]
interface = "eth0"
advertisement_interval = "100ms"
track = { scripts = ["token"] }

[[track_script]]
name = "token"
command = ["/usr/bin/test", "-e", "/sys/class/net/token"]
interval = "1s"
weight = -80

[[vrrp]]
name = "web"
virtual_router_id = 51
priority = { by_host = { a = 150, b = 100 } }
addresses = ["192.0.2.10/24", "fe80::10/64", "2001:db8::10/64"]

[[vrrp]]
name = "mail"
virtual_router_id = 52
priority = { by_host = { a = 100, b = 150 } }
addresses = ["192.0.2.20/24"]
excluded_addresses = ["192.0.2.21/24"]
`;

const WEB = ["192.0.2.10", "2001:db8::10"];
const MAIL = ["192.0.2.20", "192.0.2.21"];

async function toKeepalivedBy(site: string, name: string): Promise<Executed> {
  const done = await runHalb(["convert", site, "--to", "keepalived", "--name", name]);
  assert.equal(done.code, 0, done.stderr);
  return done;
}

async function token(host: Host, there: boolean): Promise<void> {
  const words = there
    ? ["add", "token", "type", "veth", "peer", "name", "spare"]
    : ["del", "token"];
  await host.exec(["ip", "link", ...words]);
}

lab(
  "halb and keepalived with the site converted: elections, failovers and returns",
  async (lab) => {
    const [a, b] = await lab.hostsNamed("a", "b");
    await lab.lan("net", [a, b]);
    await Promise.all([token(a, true), token(b, true)]);
    const path = `${lab.directory}/site.toml`;
    Deno.writeTextFileSync(path, SITE);
    const { stdout: conf, stderr: said } = await toKeepalivedBy(path, "b");
    assert.match(said, / 0 approximated, 0 not needed, 0 dropped\n?$/);
    let halb = startHalb(lab, a, SITE);
    let keepalived = startKeepalived(lab, b, conf);
    const held = async (host: Host) => {
      const all = await host.addresses("eth0");
      return [...WEB, ...MAIL].filter((vip) => all.some(({ address }) => address === vip));
    };
    const untilSplit = (what: string, ofA: readonly string[], ofB: readonly string[]) =>
      lab.until(
        what,
        async () => {
          assert.deepEqual([await held(a), await held(b)], [ofA, ofB]);
          return true;
        },
        PATIENCE,
        50,
      );
    const ALL = [...WEB, ...MAIL];
    const untilAllAt = (what: string, host: Host) =>
      lab.until(what, async () => (await held(host)).length === ALL.length, PATIENCE, 50);

    await untilSplit("each is master of its own", WEB, MAIL);
    await token(a, false);
    await untilSplit("keepalived takes over what halb's script gives up", [], ALL);
    await token(a, true);
    await untilSplit("halb has it back", WEB, MAIL);
    await token(b, false);
    await untilSplit("halb takes over what keepalived's script gives up", ALL, []);
    await token(b, true);
    await untilSplit("keepalived has it back", WEB, MAIL);

    const first = [halb, keepalived] as const;
    await halb.stop();
    await untilSplit("keepalived takes over when halb stops", [], ALL);
    halb = startHalb(lab, a, SITE);
    await untilSplit("halb comes back", WEB, MAIL);
    await keepalived.stop();
    await untilSplit("halb takes over when keepalived stops", ALL, []);
    keepalived = startKeepalived(lab, b, conf, { name: "keepalived-again" });
    await untilSplit("keepalived comes back", WEB, MAIL);
    assertContent(first);
    assertContent([halb, keepalived]);
    assert.deepEqual(await droppedBy(halb), []);

    await halb.kill();
    await untilAllAt("keepalived misses halb", b);
    const last = startHalb(lab, a, SITE);
    await untilSplit("halb comes back after a crash", WEB, MAIL);
    await keepalived.kill();
    // What it held stays where it was: that is keepalived's way.
    await untilAllAt("halb misses keepalived", a);
    assert.deepEqual(await droppedBy(last), []);
  },
);

/** Neither has complained of the other. */
function assertContent([halb, keepalived]: readonly [HalbAgent, Keepalived]): void {
  assert.doesNotMatch(keepalived.log(), COMPLAINTS);
  assert.doesNotMatch(halb.log(), /level=error|checksum|mismatch/);
}

async function droppedBy(halb: HalbAgent): Promise<string[]> {
  const { vrrp } = await halb.status();
  return vrrp.flatMap(({ name, sessions }) =>
    sessions.flatMap(({ counters }) =>
      // What it hears before it has begun is the other node's business.
      Object.entries(counters.dropped).filter(([why, n]) => n > 0 && why !== "not_running")
        .map(([why]) => `${name}: ${why}`)
    )
  );
}

lab("keepalived accepts all that is written for it", async (lab) => {
  const files = [...await examples(), ...wild(lab.directory)];
  assert.ok(files.length >= 65, `${files.length} sites`);
  assert.deepEqual(await refusedOf(lab, files), []);
}, MANY_RUNS);

/** What keepalived says of sites that it cannot have otherwise, and the report says so. */
const KNOWN =
  /Virtual server .* has no real servers - ignoring|IPv4 ipvlan requires a source ip address/;

lab("keepalived accepts what is written for each key that there is", async (lab) => {
  const texts = new Map<string, string>();
  for (const { name, tried } of triedKeys()) {
    // Names are looked up.
    for (const { conf } of tried) texts.set(conf.replaceAll("mail.example.net", "192.0.2.9"), name);
  }
  assert.ok(texts.size >= 600, `${texts.size} files`);
  const files = [...texts].map(([text, name]) => ({ name, text }));
  const refused = await refusedOf(lab, files);
  assert.deepEqual(refused.filter((said) => !KNOWN.test(said)), []);
}, MANY_RUNS);

/** What keepalived has to say of files, those it takes left out. */
async function refusedOf(lab: Lab, files: readonly Written[]): Promise<string[]> {
  const host = await lab.host("k");
  const links = Array.from({ length: 10 }, (_, i) => [
    `link add eth${i} type veth peer name peer${i}`,
    `link set eth${i} up`,
  ]);
  await host.exec(["ip", "-batch", "-"], { input: links.flat().join("\n") });
  const refused: string[] = [];
  for (const { name, text } of files) {
    const path = `${lab.directory}/keepalived.conf`;
    // keepalived 2.2.7 ends itself by SIGTERM at `-t` where it looks for a program as another user
    // than root; programs of the examples are not here.
    const tried = text.replace(/ nobody( nogroup)?\b/g, " root")
      .replace(/\/usr\/local\/s?bin\/[\w-]+/g, "/bin/true");
    Deno.writeTextFileSync(path, tried, { mode: 0o600 });
    const { code, stdout, stderr } = await host.tryExec(["keepalived", "-t", "-f", path]);
    const said = stdout + stderr;
    if (code !== 0 || said !== "") refused.push(`${name}: exit ${code}\n${said}`);
  }
  return refused;
}

/** A keepalived.conf that was written for a site. */
interface Written {
  readonly name: string;
  readonly text: string;
}

const EXAMPLES = new URL("../../config/examples/", import.meta.url).pathname;

/** Of the sites of config/examples, each as its first node. */
function examples(): Promise<Written[]> {
  const files = [...Deno.readDirSync(EXAMPLES)].map(({ name }) => name);
  return Promise.all(
    files.filter((name) => name.endsWith(".toml")).map(async (name) => {
      const path = `${EXAMPLES}${name}`;
      const [, host = "lab"] = /by_host = \{ ([\w-]+) =/.exec(Deno.readTextFileSync(path)) ?? [];
      return { name, text: (await toKeepalivedBy(path, host)).stdout };
    }),
  );
}

/** Of what is found in the wild: there and back again. */
function wild(directory: string): Written[] {
  return (["vrrp", "ipvs"] as const).flatMap((kind) =>
    wildSites(kind, directory).map((site) => {
      const there = conversion({ "keepalived.conf": site.text, ...site.included });
      return { name: `${kind} ${site.name}`, text: toKeepalived(there.site(site.ids[0] ?? "lab")) };
    })
  );
}
