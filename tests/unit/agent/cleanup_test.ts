/** Whom a cleanup does not clean up for, and what it leaves in others' directories. */

import assert from "node:assert/strict";
import { effectiveCapabilities, FileLock } from "../../../ffi/mod.ts";
import { AgentRuns, cleanUp } from "../../../mod/agent/cleanup.ts";

const capabilities = effectiveCapabilities();
const able = Deno.uid() === 0 && capabilities.has("cap_net_admin") &&
  capabilities.has("cap_net_raw") && capabilities.has("cap_chown");

/** Tries it, up to the point at which the kernel would be looked at. */
async function refusal(directory: string): Promise<string> {
  const of = {
    agent: { control: `${directory}/run/control.sock`, protocol_number: 112 },
    stateDirectory: `${directory}/state`,
    namespaces: [],
  };
  try {
    await cleanUp(of, true, () => "nobody was in the way");
  } catch (error) {
    assert.ok(error instanceof AgentRuns);
    return error.message;
  }
  throw new Error("It was not refused");
}

Deno.test("an agent is known by either of its locks; nothing is made in another user's directory", {
  ignore: !able,
}, async () => {
  const directory = Deno.makeTempDirSync();
  const files = () => [...Deno.readDirSync(`${directory}/run`)].map(({ name }) => name);
  try {
    assert.equal(await refusal(directory), "nobody was in the way", "there is no directory");
    for (const name of ["run", "state"]) Deno.mkdirSync(`${directory}/${name}`, { mode: 0o700 });
    Deno.chownSync(`${directory}/run`, 4711, 4711);
    assert.equal(await refusal(directory), "nobody was in the way");
    assert.deepEqual(files(), []);
    Deno.chownSync(`${directory}/run`, 0, 0);
    assert.equal(await refusal(directory), "nobody was in the way");
    assert.deepEqual(files(), ["control.sock.lock"]);
    for (const name of ["run/control.sock.lock", "state"]) {
      const lock = new FileLock(`${directory}/${name}`, name === "state");
      assert.ok(lock.tryAcquire(), "the cleanup before has let go");
      Deno.chownSync(`${directory}/run`, 4711, 4711);
      assert.match(await refusal(directory), /^An agent runs at ".*": it cleans up when/);
      lock.close();
    }
    assert.equal(await refusal(directory), "nobody was in the way", "a refusal has let go, too");
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
});
