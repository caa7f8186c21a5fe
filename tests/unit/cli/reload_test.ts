/** What `halb reload` asks for, and what it shows. */

import assert from "node:assert/strict";
import { UsageError } from "../../../mod/cli/arguments.ts";
import { reloadRequest, reloadText } from "../../../mod/cli/reload.ts";
import { waitingReloads } from "../../../mod/cli/reload_status.ts";
import { parseRequest } from "../../../mod/control/protocol.ts";

const NOW = new Date(2026, 10, 22, 10, 30).getTime();

function asked(options: Omit<Parameters<typeof reloadRequest>[0], "json">) {
  const request = reloadRequest({ json: false, ...options }, NOW);
  // The agent understands it.
  assert.deepEqual(parseRequest(JSON.stringify(request)), request);
  return request;
}

Deno.test("options of halb reload", () => {
  assert.deepEqual(asked({}), { command: "reload" });
  assert.deepEqual(asked({ confirmWithin: "2m" }), {
    command: "reload",
    confirm_within_ms: 120_000,
  });
  assert.deepEqual(asked({ confirm: true }), { command: "reload", action: "confirm" });
  assert.deepEqual(asked({ rollBack: true }), { command: "reload", action: "roll_back" });
  assert.deepEqual(asked({ cancel: true }), { command: "reload", action: "cancel" });
  const at = (text: string) => {
    const request = asked({ at: text });
    assert.ok(request.action === "at");
    return new Date(request.at);
  };
  assert.deepEqual(at("10:31"), new Date(2026, 10, 22, 10, 31));
  assert.deepEqual(at("10:30"), new Date(2026, 10, 23, 10, 30));
  assert.deepEqual(at("2:00"), new Date(2026, 10, 23, 2, 0));
  assert.deepEqual(at("2026-12-24T18:00"), new Date(2026, 11, 24, 18, 0));
  assert.deepEqual(asked({ in: "10m", confirmWithin: "30s" }), {
    command: "reload",
    action: "at",
    at: new Date(NOW + 600_000).toISOString(),
    confirm_within_ms: 30_000,
  });
});

Deno.test("options that do not go together, and times that are none", () => {
  for (
    const options of [
      { confirm: true, cancel: true },
      { confirm: true, confirmWithin: "2m" },
      { at: "02:00", in: "1m" },
      { at: "25:00" },
      { at: "tomorrow" },
      { in: "soon" },
      { in: "0s" },
      { confirmWithin: "100ms" },
      { confirmWithin: "8d" },
    ]
  ) assert.throws(() => asked(options), UsageError, JSON.stringify(options));
});

Deno.test("requests that the agent refuses", () => {
  for (
    const more of [
      { action: "never" },
      { action: "at" },
      { action: "at", at: "02:00" },
      { action: "at", at: 7 },
      { confirm_within_ms: 10 },
      { confirm_within_ms: "2m" },
      { confirm_within_ms: 1e12 },
    ]
  ) assert.equal(typeof parseRequest(JSON.stringify({ command: "reload", ...more })), "string");
});

Deno.test("what became of it, in words", () => {
  const at = new Date(2026, 10, 23, 2, 0).toISOString();
  assert.equal(reloadText({ result: "applied", changes: [], problems: [] }), "No changes");
  assert.equal(
    reloadText({ result: "applied", changes: ["x"], problems: [], confirm_until: at }),
    "x\nIs taken back at 2026-11-23 02:00:00, unless: halb reload --confirm",
  );
  assert.equal(
    reloadText({ result: "scheduled", at, confirm_within_ms: 120_000, changes: ["x"] }),
    "Scheduled for 2026-11-23 02:00:00, to be confirmed within 2m of it\n" +
      "As the file is now it would change:\n  x",
  );
  assert.equal(
    reloadText({ result: "invalid", changes: [], problems: ["p"] }),
    "p\nNothing was changed",
  );
});

Deno.test("status tells what waits, and that the file is not what runs", () => {
  const nothing = { confirmation: null, scheduled: null, rolled_back: null, differs: false };
  const lines = (more: object) =>
    waitingReloads({ ...nothing, ...more } as Parameters<typeof waitingReloads>[0]);
  assert.deepEqual(lines({}), []);
  assert.deepEqual(lines({ differs: null }), []);
  assert.deepEqual(lines({ differs: true }), [
    "what is in the file is not what runs: halb plan shows it",
  ]);
  assert.deepEqual(lines({ differs: true, rolled_back: { at: "", reason: "nobody did" } }), [
    "what is in the file was taken back (nobody did): halb plan shows it",
  ]);
  assert.deepEqual(lines({ confirmation: { until: "", in_ms: 100_000, within_ms: 120_000 } }), [
    "the configuration is taken back in 1m 40s, unless: halb reload --confirm",
  ]);
});
