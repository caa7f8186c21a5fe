/** The watch of the configuration file, beside whatever else happens there. */

import assert from "node:assert/strict";
import { loadRecorded, systemOptions } from "../../../config/mod.ts";
import { FileWatch } from "../../../mod/agent/file_watch.ts";
import { SiteFiles } from "../../../mod/agent/site_files.ts";

Deno.test("a directory in which something happens all the time puts no look off", async () => {
  const directory = Deno.makeTempDirSync();
  const path = `${directory}/site.toml`;
  Deno.writeTextFileSync(path, "one", { mode: 0o600 });
  const load = () => loadRecorded(path, systemOptions());
  const changed = Promise.withResolvers<void>();
  const files = new SiteFiles(load, load().recording);
  const watch = new FileWatch(files, { wanted: () => true, changed: () => changed.resolve() });
  const noise = setInterval(() => Deno.writeTextFileSync(`${directory}/log`, "x"), 20);
  let patience: ReturnType<typeof setTimeout> | undefined;
  try {
    watch.tried((await files.look())!.fingerprint);
    watch.configure(true);
    Deno.writeTextFileSync(path, "two");
    const late = new Promise<void>((_, reject) => {
      patience = setTimeout(() => reject(new Error("nobody looked")), 20_000);
    });
    await Promise.race([changed.promise, late]);
  } finally {
    clearTimeout(patience);
    clearInterval(noise);
    watch.configure(false);
    Deno.removeSync(directory, { recursive: true });
  }
  assert.notEqual((await files.look())?.fingerprint, undefined);
});
