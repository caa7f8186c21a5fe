/** What a successor is started with. */

import assert from "node:assert/strict";
import { successorArguments } from "../../../mod/agent/program.ts";

Deno.test("a successor gets our arguments, and where to take over, once", () => {
  const added = ["--take-over", "--control", "/run/c.sock"];
  const cases: [string[], string[]][] = [
    [["--config", "site.toml"], ["--config", "site.toml"]],
    [["run", "-c", "s", "--name", "a"], ["run", "-c", "s", "--name", "a"]],
    [["run", "-c", "s", "--take-over", "--control", "/run/c.sock"], ["run", "-c", "s"]],
    [["--control=/x", "run", "--take-over", "-c", "s"], ["run", "-c", "s"]],
  ];
  for (const [args, kept] of cases) {
    assert.deepEqual(successorArguments(args, "/run/c.sock"), [...kept, ...added]);
  }
});
