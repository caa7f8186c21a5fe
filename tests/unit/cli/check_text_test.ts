/** Health checks as `halb status` shows them: states in words and colours, text of strangers. */

import assert from "node:assert/strict";
import { formatVirtualServer } from "../../../mod/cli/balance_text.ts";
import { formatCheck, formatChecks } from "../../../mod/cli/check_text.ts";
import { balanceStatus } from "../../../mod/control/balance_status.ts";
import { type CheckStatus, checkStatus } from "../../../mod/control/check_status.ts";
import {
  balancePlan,
  balanceState,
  realServer,
  report,
  virtualServer,
} from "../control/balance_fixtures.ts";

const NOW = Date.parse("2026-01-02T03:04:05.000Z");
const wallTime = (micros: number) => new Date(NOW - 60_000 + micros / 1000).toISOString();
const coloured = (text: string, colour: string) => `<${colour}>${text}</>`;
const plain = (text: string) => text;

function statusOf(more: Partial<CheckStatus>): CheckStatus {
  const knowledge = { id: "c", type: "tcp", named: true, asked: "198.51.100.11:80" };
  return { ...checkStatus(knowledge, [], wallTime), ...more };
}

const CHECKS = [
  statusOf({ name: "good", healthy: true, since: wallTime(0), latency_ms: 1.5, reason: "open" }),
  statusOf({ name: "bad", healthy: false, reason: "refused", last_error: "refused" }),
  statusOf({ name: "new" }),
];

Deno.test("a check is up, down or unknown, each in its colour, wherever it is shown", () => {
  assert.equal(
    formatChecks(CHECKS, NOW, plain),
    "CHECK  TYPE  TARGET            STATE    FOR  LATENCY  WHY\n" +
      "good   tcp   198.51.100.11:80  up       1m   1.5 ms   open\n" +
      "bad    tcp   198.51.100.11:80  down     -    -        refused\n" +
      "new    tcp   198.51.100.11:80  unknown  -    -",
  );
  const checks = CHECKS.map(({ name }) => name!);
  const plan = balancePlan(
    virtualServer({ servers: [realServer("198.51.100.11:8080", { checks })] }),
  );
  const checkOf = (id: string) => CHECKS.find(({ name }) => name === id);
  const facts = { plan, state: balanceState(report()), stale: false, checkOf };
  const [server] = balanceStatus(facts, wallTime).virtual_servers;
  const tables = [
    formatChecks(CHECKS, NOW, coloured),
    formatVirtualServer(server!, NOW, coloured),
  ];
  for (const table of tables) {
    const rows = table.split("\n").map((line) => line.split(/ {2,}/));
    const states = checks.map((name) =>
      rows.find((row) => row.includes(name))?.filter((cell) => /up|down|unknown/.test(cell))
    );
    assert.deepEqual(states, [["<green>up</>"], ["<red>down</>"], ["<yellow>unknown</>"]]);
    assert.match(table, /<dim>CHECK<\/>/);
  }
});

Deno.test("what a server says is escaped, once", () => {
  const check = statusOf({ healthy: true, reason: "said \x1b[31m", output: "back\\slash\n" });
  assert.match(formatChecks([check], NOW, plain), /said \\u001b\[31m$/);
  const all = formatCheck(check, NOW, plain);
  assert.match(all, /\nstate +up: said \\u001b\[31m\n/);
  assert.match(all, /\noutput +back\\slash\\n\n/);
});
