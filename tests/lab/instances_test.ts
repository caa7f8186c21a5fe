/** Two agents in one network namespace, told apart by their instances: none touches the other's. */

import assert from "node:assert/strict";
import { type HalbAgent, halbPath, type Host, type Lab, lab, startHalb } from "../lib/mod.ts";
import { statusOf, untilLogged } from "./agent_helpers.ts";

/** Without leases, so that nothing goes by itself. */
const KEEPS = `priority = { by_host = { a = 150, b = 100 } }
advertisement_interval = "100ms"
address_lease = "off"
`;
const WEB = `[[vrrp]]
name = "web"
interface = "eth0"
virtual_router_id = 51
addresses = ["192.0.2.10/24"]
routes = [{ to = "203.0.113.0/25", via = "192.0.2.1", table = 100 }]
rules = [{ from = "203.0.113.0/25", table = 100, priority = 1000 }]
promote_secondaries = true
${KEEPS}`;
const LAN = `[[vrrp]]
name = "lan"
interface = "eth0"
virtual_router_id = 52
addresses = ["192.0.2.20/24"]
excluded_addresses = [{ address = "198.51.100.20/32", interface = "eth0" }]
routes = [{ to = "203.0.113.128/25", via = "192.0.2.1", table = 101 }]
rules = [{ from = "203.0.113.128/25", table = 101, priority = 1001 }]
virtual_mac = true
${KEEPS}`;
const BLUE = ["--instance", "blue"];

/** What the kernel has of the routers, by mark where it shows marks. */
async function held(host: Host) {
  const [addresses, links, rules, routes, promotion] = await Promise.all([
    host.exec(["ip", "-o", "-4", "address", "show"]),
    host.exec(["ip", "-o", "link", "show"]),
    host.exec(["ip", "rule", "show"]),
    host.exec(["ip", "route", "show", "table", "all"]),
    host.exec(["cat", "/proc/sys/net/ipv4/conf/eth0/promote_secondaries"]),
  ]);
  const own = (text: string, pattern: RegExp) =>
    text.split("\n").filter((line) => pattern.test(line))
      .map((line) => line.replace(/ valid_lft.*$|^\d+: /g, "").trim()).sort();
  return {
    web: [
      ...own(addresses, /192\.0\.2\.10\//),
      ...own(rules, /^1000:/),
      ...own(routes, / 100 /),
      ...own(promotion, /^112$/),
    ],
    lan: [
      ...own(addresses, /192\.0\.2\.20\/|198\.51\.100\.20\//),
      ...own(links, / vrrp\.52@/).map((line) => line.split(":")[0]!),
      ...own(rules, /^1001:/),
      ...own(routes, / 101 /),
    ],
  };
}

/** Waits until all is there; then nothing of it may change. */
async function settled(lab: Lab, host: Host) {
  return await lab.until("both hold all that is theirs", async () => {
    const found = await held(host);
    assert.equal(found.web.length, 4, found.web.join("\n"));
    assert.equal(found.lan.length, 5, found.lan.join("\n"));
    return found;
  }, 10_000);
}

/** Starts an agent that must refuse to start. @returns what it says */
async function refused(lab: Lab, host: Host, site: string, args: readonly string[]) {
  const agent = startHalb(lab, host, site, { args });
  const { code } = await agent.process.exited;
  assert.equal(code, 1, agent.log());
  return agent.log();
}

async function cleanUp(host: Host, agent: HalbAgent, args: readonly string[], ...more: string[]) {
  return await host.tryExec(
    [halbPath(), "cleanup", agent.configPath, "--name", "a", ...args, ...more],
  );
}

lab("two agents in one namespace leave each other's things alone", async (lab) => {
  const [a, b] = await lab.hostsNamed("a", "b");
  await lab.lan("net", [a, b]);
  await a.sysctl("net.ipv4.conf.eth0.promote_secondaries", "0");
  const web = startHalb(lab, a, WEB);
  let blue = startHalb(lab, a, LAN, { args: BLUE });
  const peers = [
    startHalb(lab, b, WEB),
    startHalb(lab, b, `[agent]\ninstance = "blue"\n\n${LAN}`),
  ] as const;
  await web.untilState("web", "master");
  await blue.untilState("lan", "master");
  await peers[0].untilState("web", "backup");
  await peers[1].untilState("lan", "backup");
  const both = await settled(lab, a);
  const { protocol_number: number, instance } = await statusOf(blue);
  assert.equal(instance, "blue");
  assert.notEqual(number, 112);
  assert.equal((await statusOf(peers[1])).protocol_number, number, "the same on every host");
  assert.match(both.web.join("\n"), /1000:.* proto 112$|1000:.* proto vrrp$/m);
  assert.match(both.lan.join("\n"), new RegExp(`1001:.* proto ${number}$`, "m"));

  // The same name twice, and no name twice, at control sockets of their own.
  const twice = await refused(lab, a, LAN, BLUE);
  assert.match(twice, new RegExp(`Another agent \\(process ${blue.pid}, .*same instance "blue"`));
  assert.match(await refused(lab, a, WEB, []), /Another agent .* give each a name/);
  assert.deepEqual(await held(a), both);

  // One is killed, and the other goes on: reloaded, with its own and the dead one's untouched.
  await blue.kill();
  await peers[1].untilState("lan", "master");
  web.reload(WEB.replace('"192.0.2.10/24"', '"192.0.2.10/24", "192.0.2.11/24"'));
  await lab.until("the reload is done", () => a.holds("192.0.2.11"), 5000);
  assert.deepEqual(await held(a), both, "what the dead one left, and what the other one holds");
  await web.untilState("web", "master");

  // Cleaned up: by name, its own alone.
  const other = await cleanUp(a, web, []);
  assert.equal(other.code, 1, other.stdout);
  assert.match(other.stderr, /An agent runs at/);
  const dry = await cleanUp(a, blue, BLUE, "--dry-run");
  assert.equal(dry.code, 0, dry.stderr);
  assert.doesNotMatch(dry.stdout, /192\.0\.2\.1[01]/);
  const done = await cleanUp(a, blue, BLUE);
  assert.equal(done.code, 0, done.stdout + done.stderr);
  assert.deepEqual(await held(a), { web: both.web, lan: [] });

  // Started again; then the other one dies, comes back, and takes up what is its own.
  blue = startHalb(lab, a, LAN, { args: BLUE });
  await blue.untilState("lan", "master");
  await settled(lab, a);
  await web.kill();
  await peers[0].untilState("web", "master");
  assert.deepEqual(await held(a), both);
  const again = startHalb(lab, a, WEB);
  await again.untilState("web", "master");
  assert.deepEqual(await settled(lab, a), both);
  await lab.until("its own leftover, which it wants no more, is gone", async () => {
    return !await a.holds("192.0.2.11");
  }, 2000);

  // A new process takes over from one; its name stays taken.
  const upgraded = await a.tryExec([halbPath(), "upgrade", "--control", blue.controlPath]);
  assert.equal(upgraded.code, 0, upgraded.stdout + upgraded.stderr);
  assert.deepEqual(await held(a), both);
  await lab.until("the claim is the new process's", async () => {
    const { stdout } = await a.tryExec(["cat", "/proc/net/unix"]);
    return stdout.includes(`@halb/${number}/${(await statusOf(blue)).pid}/`);
  }, 5000);
  assert.match(await refused(lab, a, LAN, BLUE), /same instance "blue"/);

  // What is configured for both is told by the one that hears of it last, and by doctor.
  again.reload(WEB + LAN.replaceAll('"lan"', '"other"').replace("virtual_mac = true", ""));
  await untilLogged(lab, again, "virtual_router_id 52 on eth0 is also that of virtual router lan");
  const doctor = await a.tryExec(
    [halbPath(), "doctor", again.configPath, "--name", "a", "--no-listen"],
  );
  assert.match(doctor.stdout, /error: virtual router other: virtual_router_id 52 on eth0 is also/);
  assert.match(doctor.stdout, /192\.0\.2\.20 is also an address of virtual router lan/);

  await lab.until("it is gone again", async () => {
    again.reload(WEB);
    await lab.delay(200);
    return (await statusOf(again)).vrrp.length === 1;
  }, 5000);
  await a.exec(["kill", String((await statusOf(blue)).pid)]);
  await lab.until("the instance has left nothing", async () => {
    const { lan } = await held(a);
    assert.deepEqual(lan, []);
    return true;
  }, 10_000);
  assert.deepEqual((await held(a)).web, both.web);
});
