/** A state directory has one agent: the lock lies on the directory, and makes no file in it. */

import assert from "node:assert/strict";
import { FileLock } from "../../../ffi/mod.ts";
import { StateLock } from "../../../mod/agent/state_directory.ts";
import { until } from "../../lib/mod.ts";

function withFolder(work: (folder: string) => void | Promise<void>): () => Promise<void> {
  return async () => {
    const folder = Deno.makeTempDirSync();
    try {
      await work(folder);
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
  };
}

Deno.test(
  "a second agent of a state directory is refused, whatever its control socket",
  withFolder((folder) => {
    const other = new FileLock(folder, true);
    assert.equal(other.tryAcquire(), true);
    const refusal = /Another agent uses the state directory ".*": give each its own/;
    assert.throws(() => StateLock.take(folder), refusal);
    other.close();
    const own = StateLock.take(folder);
    assert.throws(() => StateLock.take(folder), refusal);
    own.close();
    StateLock.take(folder).close();
    assert.deepEqual([...Deno.readDirSync(folder)], []);
  }),
);

Deno.test(
  "who has taken over gets it when the former agent lets go, and hands it on",
  withFolder(async (folder) => {
    const former = StateLock.take(folder);
    const own = StateLock.inherit(folder)!;
    const next = StateLock.inherit(folder)!;
    // Whoever lets go before it had it looks no more: its descriptor may be another file's.
    next.close();
    const other = new FileLock(folder, true);
    former.close();
    await until(
      "it is ours",
      () => {
        if (!other.tryAcquire()) return true;
        other.release();
        return false;
      },
      10_000,
      7,
    );
    own.close();
    assert.equal(other.tryAcquire(), true);
    other.close();
    assert.equal(StateLock.inherit(`${folder}/none`), null);
  }),
);
