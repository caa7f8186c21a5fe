/**
 * Virtual and real servers through net-snmp's own agent: what a manager reads of the kernel's
 * counters is what `ipvsadm` counts, and it is told when a server goes down and comes back.
 */

import assert from "node:assert/strict";
import { until } from "../lib/mod.ts";
import { MASTER, startSnmpd, startTrapd, type Variables, walk } from "../lib/snmp.ts";
import { listing, PATIENCE, untilEntries } from "./balance.ts";
import { PORT, scene, SERVERS, serverText } from "./balance_scene.ts";
import { run } from "./lib.ts";
import { VIP4 } from "./network.ts";

const CHECK = "1.3.6.1.4.1.9586.100.5.3";
/** Rows of the only virtual server, and of its real servers. */
const virtual = (column: number) => `${CHECK}.3.1.${column}.1`;
const real = (column: number, server: number) => `${CHECK}.4.1.${column}.1.${server}`;
const [REAL_TRAP, QUORUM_TRAP] = [`.${CHECK}.5.0.1 `, `.${CHECK}.5.0.2 `];

const SITE = `snmp = { master = "${MASTER}", mibs = ["keepalived"] }

[[virtual_server]]
name = "web"
listen = "${VIP4}:80"
scheduler = "rr"
quorum = 3
check = { type = "ping", interval = "300ms", timeout = "300ms", fall = 2 }
real_server = [${SERVERS.map(serverText).join(", ")}]
`;

/** Counters in the order of `ipvsadm --stats`. @param columns connections, packets and bytes */
function figures(found: Variables, columns: readonly number[], at: (column: number) => string) {
  return columns.map((column) => Number(found.get(at(column))?.value));
}

scene("snmpwalk counts what ipvsadm counts, snmptrapd hears of a server that goes", async ({
  lab,
  host,
  traffic,
  start,
}) => {
  startSnmpd(lab, host, 30);
  const traps = await startTrapd(lab, host);
  const agent = start(SITE);
  await untilEntries(4);
  await until("the agent is connected to snmpd", async () => {
    const { snmp } = await agent.status() as unknown as { snmp: { connected: boolean } };
    return snmp.connected;
  }, PATIENCE);
  for (let i = 0; i < 7; i++) traffic.exchange.ask(VIP4, 80);

  await until(
    "a manager reads what the kernel has counted",
    async () => {
      const found = await walk(host, CHECK, "snmpbulkwalk");
      const [service, ...servers] = listing("d", "--stats", "--exact");
      assert.equal(service?.figures[0], 7);
      assert.deepEqual(figures(found, [27, 28, 29, 30, 31], virtual), service.figures);
      assert.deepEqual(figures(found, [38, 39, 40], virtual), service.figures.slice(0, 3));
      const rows = [1, 2, 3].map((server) =>
        figures(found, [14, 18, 19, 20, 21], (column) => real(column, server))
      );
      // The table of the kernel has them in an order of its own.
      const sorted = (all: readonly (readonly number[])[]) => all.map((one) => one.join()).sort();
      assert.deepEqual(sorted(rows), sorted(servers.map((one) => one.figures)));
      assert.deepEqual(found.get(virtual(71)), { type: "STRING", value: '"web"' });
      assert.deepEqual(
        [9, 10, 11, 20, 21, 22, 23].map((column) => Number(found.get(virtual(column))?.value)),
        [1, 1, 1, 3, 3, 3, 1],
      );
      assert.equal(
        found.get(real(4, 3))?.value.trim(),
        '"C6 33 64 0D "'.replaceAll('"', "").trim(),
      );
      assert.deepEqual(
        [5, 6, 7].map((column) => Number(found.get(real(column, 3))?.value)),
        [PORT, 1, 1],
      );
      return true;
    },
    PATIENCE,
    500,
  );

  /** Whether a trap has come. @param from only behind so much of the log */
  const heard = (from: number, kind: string, ...parts: readonly string[]) =>
    traps.log().slice(from).split("\n").some((line) =>
      line.startsWith("TRAP ") && line.includes(kind.trim()) &&
      parts.every((part) => line.includes(part))
    );
  const status = (column: string, value: number) => `.${column} = INTEGER: ${value}`;
  run("ip", "-n", "r3", "link", "set", "eth1", "down");
  await until("a trap tells that the server is down, and one of the quorum", () => {
    return heard(0, REAL_TRAP, status(real(6, 3), 2), '"web"') &&
      heard(0, QUORUM_TRAP, status(virtual(23), 2), '"web"');
  }, PATIENCE);
  await untilEntries(3);
  await until(
    "a manager reads that it is down",
    async () => {
      const found = await walk(host, CHECK, "snmpbulkwalk");
      return found.get(real(6, 3))?.value === "2" && found.get(virtual(21))?.value === "2" &&
        found.get(virtual(11))?.value === "2";
    },
    PATIENCE,
    500,
  );
  // The quorum was told at the start, too.
  const told = traps.log().length;
  run("ip", "-n", "r3", "link", "set", "eth1", "up");
  await until("a trap tells that it is back", () => {
    return heard(told, REAL_TRAP, status(real(6, 3), 1)) &&
      heard(told, QUORUM_TRAP, status(virtual(23), 1));
  }, PATIENCE);
  assert.equal((await agent.stop(PATIENCE)).code, 0);
});
