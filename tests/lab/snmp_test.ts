/**
 * SNMP through net-snmp's own agent: what it tells equals the status, notifications arrive, and
 * masters that go, come back or talk nonsense do no harm.
 */

import assert from "node:assert/strict";
import type { ReloadResult } from "../../mod/agent/results.ts";
import { ask } from "../../mod/control/client.ts";
import { type HalbAgent, type Host, type Lab, lab, startHalb } from "../lib/mod.ts";
import { MASTER, snmp, startSnmpd, startTrapd, type Variables, walk } from "../lib/snmp.ts";
import { endSuccessor, statusOf } from "./agent_helpers.ts";
import { upgrade } from "./upgrade_helpers.ts";

/** Between two attempts lies a minute at most, milliseconds. */
const LONGEST_WAIT = 75_000;
const OPTIONS = { timeoutMs: 300_000 };

const VRRPV3 = "1.3.6.1.2.1.207";
const KEEPALIVED = "1.3.6.1.4.1.9586.100.5";
const BFD = "1.3.6.1.2.1.222";

function site(snmp = `snmp = { master = "${MASTER}" }`): string {
  return `[agent]
${snmp}

[[vrrp]]
name = "web"
interface = "eth0"
virtual_router_id = 51
priority = { by_host = { a = 150, b = 100 } }
advertisement_interval = "1s"
addresses = ["192.0.2.10/24", "fe80::10/64", "2001:db8::10/64"]

[[vrrp]]
name = "old"
interface = "eth0"
virtual_router_id = 52
version = 2
priority = { by_host = { a = 150, b = 100 } }
addresses = ["192.0.2.20/24"]

[[sync_group]]
name = "site"
members = ["web", "old"]

[[bfd]]
name = "to-peer"
peer = { by_host = { a = "192.0.2.2", b = "192.0.2.1" } }
interface = "eth0"
transmit_interval = "500ms"
receive_interval = "500ms"
detect_multiplier = 10
`;
}

async function untilConnected(lab: Lab, agent: HalbAgent, regions: number): Promise<void> {
  await lab.until(`${agent.name} is connected`, async () => {
    const { snmp } = await statusOf(agent);
    if (snmp?.connected === true && snmp.regions.length === regions) return true;
    throw new Error(JSON.stringify(snmp));
  }, LONGEST_WAIT);
}

async function ifIndex(host: Host): Promise<number> {
  return Number(await host.exec(["cat", "/sys/class/net/eth0/ifindex"]));
}

/** Asserts a variable, type and text. */
function has(variables: Variables, oid: string, type: string, value: string | number): void {
  const found = variables.get(oid);
  assert.deepEqual(found, { type, value: String(value) }, oid);
}

lab("walks find what halb status says, notifications tell of a failover", async (lab) => {
  const [a, b] = await lab.hostsNamed("a", "b");
  await lab.lan("net", [a, b]);
  // Nobody listens yet: that is said once, and ends nothing.
  const first = startHalb(lab, a, site());
  await first.untilState("web", "master", 15_000);
  await lab.until("the trouble is told", async () => {
    const { snmp } = await statusOf(first);
    return /does not listen/.test(snmp?.trouble ?? "") && snmp?.connected === false;
  }, 10_000);
  const second = startHalb(lab, b, site());
  await second.untilState("web", "backup", 15_000);
  await second.untilState("old", "backup", 15_000);
  for (const host of [a, b]) startSnmpd(lab, host);
  const traps = await startTrapd(lab, b);
  await untilConnected(lab, first, 3);
  await untilConnected(lab, second, 3);
  await lab.until("the sessions are up", async () => {
    const states = await Promise.all([first, second].map(statusOf));
    return states.every(({ bfd }) => bfd[0]?.state === "up");
  }, 20_000);
  await lab.until("that is to be seen", async () => {
    return (await walk(a, `${BFD}.1.2.1.11`)).values().next().value?.value === "4";
  }, 20_000);

  const { vrrp: [web, old], bfd: [session], version } = await statusOf(first);
  const index = await ifIndex(a);
  const standard = await walk(a, VRRPV3);
  const bytes = (oid: string) => standard.get(oid)?.value.trimEnd();
  for (const [type, addresses] of [[1, 1], [2, 2]] as const) {
    const row = `${index}.51.${type}`;
    const operation = (column: number) => `${VRRPV3}.1.1.1.1.${column}.${row}`;
    has(standard, operation(6), "INTEGER", 3);
    has(standard, operation(7), "Gauge32", web!.effective_priority);
    has(standard, operation(8), "INTEGER", addresses);
    has(standard, operation(9), "INTEGER", 100);
    has(standard, operation(10), "INTEGER", 1);
    has(standard, operation(13), "INTEGER", 1);
    assert.equal(bytes(operation(5)), `00 00 5E 00 0${type} 33`);
    const statistic = (column: number) => `${VRRPV3}.1.2.5.1.${column}.${row}`;
    has(standard, statistic(1), "Counter32", 1);
    has(standard, statistic(2), "INTEGER", 3);
    has(standard, statistic(6), "INTEGER", 0);
  }
  assert.equal(bytes(`${VRRPV3}.1.1.1.1.3.${index}.51.1`), "C0 00 02 01");
  has(standard, `${VRRPV3}.1.1.2.1.2.${index}.51.1.4.192.0.2.10`, "INTEGER", 1);
  // Version 2 is no business of that MIB.
  assert.ok(![...standard.keys()].some((oid) => oid.includes(`.${index}.52.`)));

  const own = await walk(a, KEEPALIVED);
  has(own, `${KEEPALIVED}.1.1.0`, "STRING", `"halb ${version}"`);
  has(own, `${KEEPALIVED}.1.2.0`, "STRING", '"a"');
  for (const [at, router] of [web!, old!].entries()) {
    const column = (number: number) => `${KEEPALIVED}.2.3.1.${number}.${at + 1}`;
    has(own, column(2), "STRING", `"${router.name}"`);
    has(own, column(3), "Gauge32", router.virtual_router_id);
    has(own, column(4), "INTEGER", 2);
    has(own, column(7), "INTEGER", router.priority);
    has(own, column(8), "INTEGER", router.effective_priority);
    has(own, column(9), "INTEGER", 1);
    has(own, column(18), "STRING", '"site"');
    has(own, column(30), "INTEGER", router.version);
  }
  has(own, `${KEEPALIVED}.2.1.1.3.1`, "INTEGER", 2);
  has(own, `${KEEPALIVED}.2.2.1.2.1.2`, "STRING", '"old"');

  const sessions = await walk(a, BFD);
  const column = (number: number) => `${BFD}.1.2.1.${number}.${session!.local_discriminator}`;
  has(sessions, column(5), "Gauge32", session!.remote_discriminator);
  has(sessions, column(11), "INTEGER", 4);
  has(sessions, column(18), "INTEGER", index);
  has(sessions, column(25), "Gauge32", 500_000);
  has(sessions, column(28), "Gauge32", 10);
  has(sessions, column(33), "INTEGER", -1);

  // Other ways to the same.
  for (const [oid, found] of [[KEEPALIVED, own], [BFD, sessions]] as const) {
    const bulk = await walk(a, oid, "snmpbulkwalk");
    assert.deepEqual([...bulk.keys()], [...found.keys()]);
  }
  assert.match(await snmp(a, "snmpget", `${KEEPALIVED}.2.3.1.2.1`), /STRING: "web"/);
  assert.match(await snmp(a, "snmpget", `${KEEPALIVED}.2.3.1.2.9`), /No Such Instance/);
  assert.match(await snmp(a, "snmpget", `${KEEPALIVED}.2.3.1.99.1`), /No Such Object/);
  assert.match(await snmp(a, "snmpset", `${KEEPALIVED}.2.3.1.7.1`, "i", "200"), /notWritable/);

  // A failover as the other node's managers hear of it.
  await first.process.kill();
  await second.untilState("web", "master", 20_000);
  const told = (oid: string) => traps.log().split("\n").filter((line) => line.includes(`.${oid}`));
  await lab.until("the new master is told of", () => {
    const [changed] = told(`${KEEPALIVED}.2.10.0.2`)
      .filter((line) => line.includes('"web"') && line.includes(".2.3.1.4.1 = INTEGER: 2"));
    return changed !== undefined && told(`${VRRPV3}.0.1`).length >= 2 &&
      told(`${KEEPALIVED}.2.10.0.1`).length >= 1 && told(`${BFD}.0.2`).length >= 1;
  }, 20_000);
  const [newMaster = ""] = told(`${VRRPV3}.0.1`);
  assert.match(newMaster, /1\.2\.5\.1\.2\.\d+\.51\.[12] = INTEGER: 3/);
}, OPTIONS);

lab("snmpd goes and comes, a reload changes the session", async (lab) => {
  const [a] = await lab.hostsNamed("a");
  await lab.lan("net", [a]);
  const master = startSnmpd(lab, a);
  const agent = startHalb(lab, a, site());
  await agent.untilState("web", "master", 15_000);
  await untilConnected(lab, agent, 3);
  await master.kill();
  await lab.until("its absence is seen", async () => {
    return (await statusOf(agent)).snmp?.connected === false;
  }, 15_000);
  startSnmpd(lab, a);
  await untilConnected(lab, agent, 3);
  await lab.until("it answers again", async () => {
    return (await walk(a, `${KEEPALIVED}.2.3.1.2`)).size === 2;
  }, 15_000);

  const reload = async (text: string) => {
    agent.writeSite(text);
    const { result } = await ask(agent.controlPath, { command: "reload" }) as ReloadResult;
    assert.equal(result, "applied");
  };
  await reload(site(`snmp = { master = "${MASTER}", mibs = ["bfd"], traps = false }`));
  await untilConnected(lab, agent, 1);
  await lab.until("the others are gone", async () => {
    return (await walk(a, KEEPALIVED)).size === 0 && (await walk(a, BFD)).size > 0;
  }, 15_000);
  await reload(site(""));
  assert.equal((await statusOf(agent)).snmp, null);
  await reload(site());
  await untilConnected(lab, agent, 3);
}, OPTIONS);

/** Takes subagents, and says something else to each; then it ends. */
const NONSENSE = `
import socket
listener = socket.create_server(("127.0.0.1", 705))
taken = b"\\x01\\x12\\x10\\x00" + bytes([0, 0, 0, 7, 0, 0, 0, 0]) + b"SAME" + bytes([0, 0, 0, 8]) + bytes(8)
asks = b"\\x01\\x06\\x10\\x00" + bytes([0, 0, 0, 7, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 8]) + bytes(8)
for text in [
    b"HTTP/1.0 400 Bad Request\\r\\n\\r\\n",
    b"\\x01\\x12\\x10\\x00" + bytes(12) + b"\\xff\\xff\\xff\\xfc",
    taken + asks + b"\\xff\\x00\\x00\\x00",
]:
    connection, _ = listener.accept()
    # The answer has the number of the question.
    opened = connection.recv(4096)
    try:
        connection.sendall(text.replace(b"SAME", opened[12:16]))
        while connection.recv(4096):
            pass
    except ConnectionError:
        pass  # What it has not read makes its end a reset.
print("all were left", flush=True)
`;

lab("nonsense of a master ends its connection alone; errors are told; an upgrade", async (lab) => {
  const [a, b] = await lab.hostsNamed("a", "b");
  await lab.lan("net", [a, b]);
  const script = `${lab.directory}/nonsense.py`;
  Deno.writeTextFileSync(script, NONSENSE);
  const nonsense = a.spawn(["/usr/bin/python3", script], { name: "nonsense" });
  const agent = startHalb(lab, a, site());
  await agent.untilState("web", "master", 15_000);
  await lab.until(
    "each connection was left",
    () => nonsense.log().includes("all were left"),
    40_000,
  );
  assert.match((await statusOf(agent)).snmp?.trouble ?? "", /master agent/);
  startSnmpd(lab, a);
  const traps = await startTrapd(lab, a);
  await untilConnected(lab, agent, 3);

  // An advert whose checksum is right under no rule.
  const advert = `
import socket, struct
sender = socket.socket(socket.AF_INET, socket.SOCK_RAW, 112)
sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 255)
sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("192.0.2.2"))
sender.sendto(bytes([0x31, 51, 90, 1, 0, 20, 0xab, 0xcd, 192, 0, 2, 10]), ("224.0.0.18", 0))
`;
  await lab.until("a wrong checksum is told of", async () => {
    await b.exec(["/usr/bin/python3", "-c", advert]);
    return traps.log().split("\n").some((line) =>
      line.includes(`.${VRRPV3}.0.2`) && /1\.2\.5\.1\.6\.\d+\.51\.1 = INTEGER: 3/.test(line)
    );
  }, 20_000);

  const { new: successor } = await upgrade(agent);
  await lab.until("the successor is connected", async () => {
    const { pid, snmp } = await statusOf(agent);
    return pid === successor.pid && snmp?.regions.length === 3;
  }, LONGEST_WAIT);
  await lab.until("it answers", async () => {
    return (await walk(a, `${KEEPALIVED}.2.3.1.2`)).size === 2;
  }, 15_000);
  await endSuccessor(lab, agent);
}, OPTIONS);
