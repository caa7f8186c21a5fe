/** The former agent's side of a hand-over, with a new process that misbehaves. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { FileLock } from "../../../ffi/mod.ts";
import { type AgentDocument, FORMAT } from "../../../mod/agent/memory.ts";
import { Succession } from "../../../mod/agent/succession.ts";

Deno.test("a new process that does not even read what it is told keeps nobody waiting", async () => {
  const directory = Deno.makeTempDirSync();
  const path = join(directory, "socket");
  const listener = Deno.listen({ transport: "unix", path });
  const other = await Deno.connect({ transport: "unix", path });
  const connection = await listener.accept();
  let frozen = false;
  const agent = {
    // More than any socket takes without a reader.
    remember: () => Promise.resolve({ version: "x".repeat(8_000_000) } as AgentDocument),
    freeze: () => {
      frozen = true;
      return Promise.reject(new Error("nobody may freeze now"));
    },
    thaw: () => Promise.resolve(),
  };
  const lock = new FileLock(join(directory, "lock"));
  const succession = new Succession(agent, lock, path, undefined, 50);
  const request = { command: "take_over", pid: 1, version: "1.2.3", formats: [FORMAT] } as const;
  await assert.rejects(succession.give(request, connection), /did not answer in time/);
  assert.equal(frozen, false);
  connection.close();
  other.close();
  listener.close();
  lock.close();
  Deno.removeSync(directory, { recursive: true });
});
