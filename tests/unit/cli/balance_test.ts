/** `halb drain`, `undrain` and `weight`: what they ask, how long they wait, what they say. */

import assert from "node:assert/strict";
import type { RealServerResult } from "../../../mod/agent/balance_commands.ts";
import { UsageError } from "../../../mod/cli/arguments.ts";
import {
  balanceCommand,
  type BalanceOptions,
  type BalanceWorld,
} from "../../../mod/cli/balance.ts";
import { AgentUnreachable } from "../../../mod/control/client.ts";
import type { BalanceRequest } from "../../../mod/control/balance_protocol.ts";
import { balanceStatus } from "../../../mod/control/balance_status.ts";
import type { RealServerReport } from "../../../mod/plane/balance.ts";
import {
  balancePlan,
  balanceState,
  report,
  serverReport,
  virtualServer,
} from "../control/balance_fixtures.ts";

const VS = "web-http";
const RS = "198.51.100.11:8080";
const START = Date.parse("2026-01-02T03:04:05.000Z");
const PLAIN: BalanceOptions = { json: false, wait: true };

function resultOf(more: Partial<RealServerReport> = {}, left: number | null = null) {
  const { virtual_servers: [server] } = balanceStatus({
    plan: balancePlan(virtualServer()),
    state: balanceState(report({ servers: [serverReport(RS, more)] })),
    stale: false,
    checkOf: () => undefined,
  }, (micros) => new Date(START + micros / 1000).toISOString());
  return { virtual_server: VS, real_server: server!.real_servers[0]!, left };
}

/** Answers in turn; each look takes no time, each sleep its own. */
function world(answers: (RealServerResult | Error)[]) {
  const asked: BalanceRequest[] = [];
  let now = START;
  const self: BalanceWorld = {
    ask: (_control, request) => {
      asked.push(request);
      const answer = answers.length > 1 ? answers.shift()! : answers[0]!;
      return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
    },
    now: () => now,
    sleep: (milliseconds) => {
      now += milliseconds;
      return Promise.resolve();
    },
  };
  return { self, asked };
}

function draining(active: number, done = false) {
  const drain = { since: 0, until: 60_000_000, done };
  const connections = done ? null : { active, inactive: 0 };
  return { state: "draining" as const, drain, connections, effectiveWeight: 0 };
}

Deno.test("a drain is waited for, with what is left shown each second", async () => {
  const answers = [
    resultOf(draining(2)),
    resultOf(draining(1)),
    new AgentUnreachable("/run/x", "it hands over"),
    resultOf(draining(0, true), 0),
  ];
  const { self, asked } = world(answers);
  const shown: string[] = [];
  const options = { ...PLAIN, timeout: "60s", progress: (line: string) => void shown.push(line) };
  const { exitCode, output } = await balanceCommand("drain", [VS, RS], "/run/x", options, self);
  assert.equal(exitCode, 0);
  assert.equal(
    output,
    `${RS} of ${VS}: out after 3s, no connection is left; halb undrain puts it back`,
  );
  assert.deepEqual(asked[0], {
    command: "drain",
    virtual_server: VS,
    real_server: RS,
    timeout_ms: 60_000,
  });
  assert.equal(asked[1]!.command, "real_server");
  assert.deepEqual(shown, [
    `${RS} drains: 2 active and 0 inactive connections are left, and at most 1m`,
    `${RS} drains: 1 active and 0 inactive connections are left, and at most 59s`,
    `${RS} drains: 1 active and 0 inactive connections are left, and at most 58s`,
    "",
  ]);
});

Deno.test("a drain whose time is over says what it has cut", async () => {
  const { self } = world([resultOf(draining(2)), resultOf(draining(0, true), 2)]);
  const { exitCode, output } = await balanceCommand("drain", [VS, RS], "/run/x", PLAIN, self);
  assert.equal(exitCode, 0);
  assert.match(output, /out after 1s, 2 were left/);
});

Deno.test("a drain that somebody ends is no success of the one who waits", async () => {
  const { self } = world([resultOf(draining(2)), resultOf()]);
  const { exitCode, output } = await balanceCommand("drain", [VS, RS], "/run/x", PLAIN, self);
  assert.deepEqual([exitCode, output], [1, `${RS} of ${VS}: somebody has put it back`]);
});

Deno.test("an agent that stays away ends the waiting", async () => {
  const { self } = world([resultOf(draining(2)), new AgentUnreachable("/run/x", "gone")]);
  const waiting = balanceCommand("drain", [VS, RS], "/run/x", PLAIN, self);
  await assert.rejects(waiting, AgentUnreachable);
});

Deno.test("without waiting it ends at once", async () => {
  const { self, asked } = world([resultOf(draining(2))]);
  const options = { ...PLAIN, wait: false };
  const { exitCode, output } = await balanceCommand("drain", [VS, RS], "/run/x", options, self);
  assert.equal(exitCode, 0);
  assert.equal(output, `${RS} of ${VS}: gets no new connections, and drains for at most 1m`);
  assert.equal(asked.length, 1);
});

Deno.test("weights are set and given back", async () => {
  const ordered = world([resultOf({ override: 3, effectiveWeight: 3 })]);
  const set = await balanceCommand("weight", [VS, RS, "3"], "/run/x", PLAIN, ordered.self);
  assert.equal(set.output, `${RS} of ${VS}: its weight is 3, not 10`);
  const names = { virtual_server: VS, real_server: RS };
  assert.deepEqual(ordered.asked, [{ command: "weight", ...names, weight: 3 }]);
  const configured = world([resultOf()]);
  const operands = [VS, RS, "configured"];
  const back = await balanceCommand("weight", operands, "/run/x", PLAIN, configured.self);
  assert.equal(back.output, `${RS} of ${VS}: its weight is 10, as configured`);
  assert.deepEqual(configured.asked, [{ command: "weight", ...names, weight: null }]);
});

Deno.test("a server that is put back says how it is", async () => {
  const { self } = world([resultOf({ state: "down", reason: "refused\n", effectiveWeight: 0 })]);
  const { output } = await balanceCommand("undrain", [VS, RS], "/run/x", PLAIN, self);
  assert.equal(output, `${RS} of ${VS}: back, and is down (refused\\n)`);
});

Deno.test("wrong usage is told before anybody is asked", async () => {
  const cases: [Parameters<typeof balanceCommand>[0], string[], Partial<BalanceOptions>][] = [
    ["drain", [VS], {}],
    ["drain", [VS, RS, "x"], {}],
    ["drain", [VS, RS], { timeout: "8d" }],
    ["drain", [VS, RS], { timeout: "soon" }],
    ["undrain", [VS, RS], { timeout: "1s" }],
    ["weight", [VS, RS], {}],
    ["weight", [VS, RS, "-1"], {}],
    ["weight", [VS, RS, "65536"], {}],
    ["weight", [VS, RS, "1", "2"], {}],
  ];
  for (const [command, operands, more] of cases) {
    const { self, asked } = world([resultOf()]);
    const running = balanceCommand(command, operands, "/run/x", { ...PLAIN, ...more }, self);
    await assert.rejects(running, UsageError, `${command} ${operands.join(" ")}`);
    assert.equal(asked.length, 0);
  }
});
