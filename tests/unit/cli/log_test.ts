import assert from "node:assert/strict";
import { UsageError } from "../../../mod/cli/arguments.ts";
import { formatLog, requestOf } from "../../../mod/cli/log.ts";
import { parseRequest } from "../../../mod/control/protocol.ts";

Deno.test("halb log: what is ordered is what was said", () => {
  assert.deepEqual(requestOf([]), { command: "log" });
  assert.deepEqual(requestOf(["debug"]), { command: "log", level: "debug" });
  assert.deepEqual(requestOf(["configured", "bfd"]), {
    command: "log",
    level: null,
    subsystem: "bfd",
  });
  assert.deepEqual(requestOf(["warning", "vrrp"], "10m"), {
    command: "log",
    level: "warning",
    subsystem: "vrrp",
    for_ms: 600_000,
  });
  const wrong: [string[], string?][] = [
    [["loud"]],
    [["debug", "web"]],
    [["debug"], "10"],
    [["debug"], "31d"],
    [["configured"], "10m"],
    [[], "10m"],
  ];
  for (const [operands, time] of wrong) {
    assert.throws(() => requestOf(operands, time), UsageError, operands.join(" "));
  }
});

Deno.test("the control socket refuses what is no order for the log", () => {
  const ask = (more: object) => parseRequest(JSON.stringify({ command: "log", ...more }));
  assert.deepEqual(ask({ level: null }), { command: "log", level: null });
  for (
    const more of [
      { level: "loud" },
      { level: 3 },
      { level: "debug", subsystem: "toString" },
      { level: "debug", subsystem: ["vrrp"] },
      { level: "debug", for_ms: -1 },
      { level: "debug", for_ms: "1m" },
      { level: null, for_ms: 5 },
      { subsystem: "vrrp" },
    ]
  ) assert.equal(typeof ask(more), "string", JSON.stringify(more));
});

Deno.test("halb log shows each subsystem with its level, and targets in trouble", () => {
  const text = formatLog({
    level: "info",
    levels: { checks: "error" },
    ordered: [{ subsystem: "vrrp", level: "debug", until: "2026-11-05T08:10:11.123Z" }],
    targets: [
      { target: "stderr", trouble: null, lost: 0 },
      { target: "journal", trouble: "/run/systemd/journal/socket: No such file", lost: 7 },
    ],
  });
  assert.match(text, /^checks +error$/m);
  assert.match(text, /^vrrp +debug +until 2026-11-05T08:10:11\.123Z; configured: info$/m);
  assert.match(text, /^bfd +info$/m);
  assert.match(text, /^stderr +ok$/m);
  assert.match(text, /^journal +\S+: No such file +7 records lost$/m);
});
