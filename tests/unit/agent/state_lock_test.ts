/** A state directory has one agent: the lock lies on the directory, and makes no file in it. */

import assert from "node:assert/strict";
import { FileLock } from "../../../ffi/mod.ts";
import { lockStateDirectory } from "../../../mod/agent/state_directory.ts";

Deno.test("a second agent of a state directory is refused, whatever its control socket", () => {
  const folder = Deno.makeTempDirSync();
  try {
    const other = new FileLock(folder, true);
    assert.equal(other.tryAcquire(), true);
    assert.throws(
      () => lockStateDirectory(folder, false),
      /Another agent uses the state directory ".*": give each its own/,
    );
    other.close();
    lockStateDirectory(folder, false);
    assert.throws(() => lockStateDirectory(folder, false), /Another agent/);
    assert.deepEqual([...Deno.readDirSync(folder)], []);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});
