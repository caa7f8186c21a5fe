/** `halb servers`: what it asks, and what it says. */

import assert from "node:assert/strict";
import { UsageError } from "../../../mod/cli/arguments.ts";
import { serversCommand } from "../../../mod/cli/servers.ts";
import type { ListRequest } from "../../../mod/control/balance_protocol.ts";
import { parseRequest } from "../../../mod/control/protocol.ts";

function world(input = "") {
  const asked: ListRequest[] = [];
  const listed = { address: "198.51.100.12:8080", weight: 10, state: "up", reason: "fine\n" };
  const result = { virtual_server: "web", servers: [listed], problem: "line 2: no\n" };
  return {
    asked,
    self: {
      ask: (_control: string, request: ListRequest) => {
        asked.push(request);
        return Promise.resolve(result);
      },
      input: () => Promise.resolve(input),
    },
  };
}

Deno.test("servers are shown, added with their weights, removed, replaced", async () => {
  const { self, asked } = world("198.51.100.14:80 1\n");
  const run = (...operands: string[]) => serversCommand(operands, "/run/x", false, self);
  const text = await run("web");
  assert.match(text, /198\.51\.100\.12:8080 +10 +up +fine\\n\n\nline 2: no\\n$/);
  await run("web", "add", "198.51.100.12:8080", "10", "198.51.100.13:8080", "198.51.100.14");
  await run("web", "remove", "198.51.100.12:8080");
  await run("web", "set");
  const [, add, remove, set] = asked;
  assert.deepEqual(add!.lines, [
    "198.51.100.12:8080 10",
    "198.51.100.13:8080",
    "198.51.100.14",
  ]);
  assert.deepEqual([remove!.action, remove!.lines], ["remove", ["198.51.100.12:8080"]]);
  assert.deepEqual([set!.action, set!.lines], ["set", ["198.51.100.14:80 1", ""]]);
  for (const request of asked) {
    assert.deepEqual(parseRequest(JSON.stringify(request)), request);
  }
});

Deno.test("wrong usage is told before anybody is asked", async () => {
  for (
    const operands of [[], ["web", "ad"], ["web", "add"], ["web", "set", "x"], ["web", "remove"]]
  ) {
    const { self, asked } = world();
    await assert.rejects(serversCommand(operands, "/run/x", false, self), UsageError);
    assert.equal(asked.length, 0);
  }
  const long = world("198.51.100.14:80\n".repeat(10_000));
  await assert.rejects(serversCommand(["web", "set"], "/run/x", false, long.self), /servers_file/);
  for (
    const bad of [{ action: "ad", lines: [] }, { action: "add" }, { action: "add", lines: [1] }]
  ) {
    const request = { command: "servers", virtual_server: "web", ...bad };
    assert.equal(typeof parseRequest(JSON.stringify(request)), "string");
  }
});
