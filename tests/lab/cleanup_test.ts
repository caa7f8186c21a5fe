/** What a killed agent has left goes by `halb cleanup`, and nothing that is somebody else's. */

import assert from "node:assert/strict";
import { halbPath, type Host, lab, startHalb } from "../lib/mod.ts";
import { webSite } from "./agent_helpers.ts";

/** Something of every kind, without leases, so that nothing goes by itself. */
const SITE = `${
  webSite(
    "100ms",
    `address_lease = "off"
excluded_addresses = ["198.51.100.10/32"]
routes = [{ to = "203.0.113.0/24", via = "192.0.2.1", table = 100 }, { to = "2001:db8:9::/48", type = "blackhole" }]
rules = [{ from = "198.51.100.0/24", table = 100, priority = 1000 }]
promote_secondaries = true`,
  )
}
[[vrrp]]
name = "lan"
interface = "eth0"
virtual_router_id = 52
priority = { by_host = { a = 150, b = 100 } }
advertisement_interval = "100ms"
address_lease = "off"
virtual_mac = true
addresses = ["192.0.2.20/24"]

[static]
addresses = [{ address = "198.51.100.77/32", interface = "eth0" }]
`;

/** What the kernel has that may be anybody's. */
async function kernel(host: Host): Promise<string> {
  const ask = async (...argv: string[]) => await host.exec(argv);
  const links = (await ask("ip", "-o", "link", "show")).replace(/ qlen \d+/g, "");
  const addresses = (await ask("ip", "-o", "address", "show")).replace(/valid_lft.*$/gm, "");
  const settings = ["arp_ignore", "arp_filter", "arp_announce", "promote_secondaries", "rp_filter"]
    .map((name) => `/proc/sys/net/ipv4/conf/eth0/${name}`);
  return [
    links,
    addresses,
    await ask("ip", "-4", "route", "show", "table", "all"),
    await ask("ip", "-6", "route", "show", "table", "all"),
    await ask("ip", "-4", "rule", "show"),
    await ask("ip", "-6", "rule", "show"),
    await ask("grep", "-H", "", ...settings),
    await ask("nft", "list", "ruleset"),
  ].join("\n");
}

lab("after kill -9 the kernel is as it was before", async (lab) => {
  const host = await lab.host("a");
  await lab.lan("net", [host]);
  await host.exec(["ip", "address", "add", "2001:db8::5/64", "dev", "eth0", "nodad"]);
  // Others' things of every kind, some of them alike.
  for (
    const words of [
      "address add 192.0.2.99/32 dev eth0",
      "address add 198.51.100.99/32 dev lo",
      "route add 203.0.113.0/25 via 192.0.2.1 table 100 proto static",
      "route add blackhole 198.51.100.128/25 proto 111",
      "rule add from 198.51.100.99 table 100 priority 1001",
      "link add theirs link eth0 type macvlan mode private",
    ]
  ) await host.exec(["ip", ...words.split(" ")]);
  // systemd has it on for every interface to come, and halb leaves what others have set alone.
  await host.sysctl("net.ipv4.conf.eth0.promote_secondaries", "0");
  // The link-local address comes a moment after the interface is up.
  const before = await lab.until("the host is at rest", async () => {
    const first = await kernel(host);
    await lab.delay(50);
    return first.includes(" fe80:") && first === await kernel(host) && first;
  }, 10_000);

  const agent = startHalb(lab, host, SITE);
  await agent.untilState("web", "master");
  await agent.untilState("lan", "master");
  for (const address of ["192.0.2.10", "198.51.100.10", "192.0.2.20", "198.51.100.77"]) {
    await lab.until(`it holds ${address}`, () => host.holds(address), 5000);
  }
  const cleanup = (...more: string[]) =>
    host.tryExec([halbPath(), "cleanup", agent.configPath, "--name", "a", ...more]);
  await lab.until("routes, rules and settings are there", async () => {
    const found = await kernel(host);
    const missing = [
      /^203\.0\.113\.0\/24 /m,
      /2001:db8:9::\/48/,
      /^1000:.* proto 112/m,
      /promote_secondaries:[^0]/,
    ].filter((wanted) => !wanted.test(found));
    assert.deepEqual(missing, []);
    return true;
  }, 5000);
  const refused = await cleanup();
  assert.equal(refused.code, 1, refused.stderr);
  assert.match(refused.stderr, /An agent runs at ".*": it cleans up when it is stopped/);
  // Also with a file that knows nothing of the agent's control socket and state directory.
  const stranger = `${lab.directory}/stranger.toml`;
  const foreign = Deno.readTextFileSync(agent.configPath)
    .replaceAll(agent.controlPath, `${lab.directory}/none.sock`)
    .replaceAll(agent.stateDirectory, `${lab.directory}/none`);
  Deno.writeTextFileSync(stranger, foreign, { mode: 0o600 });
  const beside = await host.tryExec([halbPath(), "cleanup", stranger, "--name", "a"]);
  assert.equal(beside.code, 1, beside.stdout + beside.stderr);
  assert.match(beside.stderr, /Another agent, process \d+, runs in the same network namespace/);
  assert.ok(await host.holds("192.0.2.10"));

  await agent.kill();
  const left = await kernel(host);
  assert.notEqual(left, before);
  // systemd starts one again that crashed: what is there waits for it.
  const restart = await host.tryExec([
    ...["env", "SERVICE_RESULT=signal", halbPath(), "cleanup", agent.configPath],
    ...["--name", "a", "--after-stop"],
  ]);
  assert.equal(restart.code, 0, restart.stderr);
  const dry = await cleanup("--dry-run", "--json");
  assert.equal(dry.code, 0, dry.stdout + dry.stderr);
  assert.equal(await kernel(host), left, "nothing was touched");
  const { dry_run, removed } = JSON.parse(dry.stdout) as {
    dry_run: boolean;
    removed: { kind: string; what: string }[];
  };
  assert.equal(dry_run, true);
  const kinds = (wanted: string) =>
    removed.filter(({ kind }) => kind === wanted).map(({ what }) => what).sort();
  assert.deepEqual(kinds("address"), [
    "192.0.2.10/32 on eth0",
    "192.0.2.20/32 on vrrp.52",
    "198.51.100.10/32 on eth0",
    "198.51.100.77/32 on eth0",
  ]);
  assert.deepEqual(kinds("interface"), ["vrrp.52"]);
  assert.equal(kinds("rule").length, 1);
  assert.ok(kinds("route").some((what) => what.includes("203.0.113.0/24")), dry.stdout);
  assert.ok(kinds("route").some((what) => what.includes("2001:db8:9::/48")), dry.stdout);
  assert.deepEqual(kinds("setting"), ["ipv4/conf/eth0/promote_secondaries"]);

  const done = await cleanup();
  assert.equal(done.code, 0, done.stdout + done.stderr);
  assert.equal(done.stdout.trim().split("\n").length, removed.length, done.stdout);
  assert.match(done.stdout, /^removed address 192\.0\.2\.10\/32 on eth0$/m);
  assert.equal(await kernel(host), before);
  const again = await cleanup();
  assert.deepEqual([again.code, again.stdout], [0, "Nothing was left\n"]);
});

lab("cleanup without the privilege names it; another agent can start after it", async (lab) => {
  const host = await lab.host("a");
  await lab.lan("net", [host]);
  const agent = startHalb(lab, host, SITE);
  await agent.untilState("web", "master");
  await agent.kill();
  const words = [halbPath(), "cleanup", agent.configPath, "--name", "a"];
  const refused = await host.tryExec(["setpriv", "--bounding-set=-net_admin", ...words]);
  assert.equal(refused.code, 4, refused.stdout + refused.stderr);
  assert.match(refused.stderr, /CAP_NET_ADMIN/);
  // A service that had to be killed when it was stopped.
  const stopped = await host.tryExec([
    ...["env", "SERVICE_RESULT=timeout", ...words, "--after-stop"],
  ]);
  assert.equal(stopped.code, 0, stopped.stderr);
  assert.equal(await host.holds("192.0.2.10"), false);
  const second = startHalb(lab, host, SITE);
  await second.untilState("web", "master");
});
