/** The configuration file as it is now: what cannot be looked at costs nobody anything. */

import assert from "node:assert/strict";
import { loadRecorded, type SiteRecording, systemOptions } from "../../../config/mod.ts";
import { SiteFiles } from "../../../mod/agent/site_files.ts";

function recording(...files: string[]): SiteRecording {
  const texts = files.map((path) => [path, ""] as const);
  return { path: files[0]!, hostname: "edge-a", files: texts, directories: [], environment: [] };
}

Deno.test("files that do not answer are not asked again until they have", async () => {
  const asked: PromiseWithResolvers<string>[] = [];
  const look = () => {
    const one = Promise.withResolvers<string>();
    asked.push(one);
    return one.promise;
  };
  const load = () => assert.fail("nobody knows whether they have changed");
  const files = new SiteFiles(load, recording("/nowhere/site.toml"), look);
  for (let i = 0; i < 3; i++) assert.equal(await files.look(), null);
  assert.equal(asked.length, 1, "each would hold a thread");
  asked[0]!.resolve("late");
  await asked[0]!.promise;
  const next = files.signature();
  assert.equal(asked.length, 2);
  asked[1]!.resolve("here");
  assert.equal(await next, "here");
});

Deno.test("a pipe is not read again: nobody may have anything to write into it", async () => {
  const directory = Deno.makeTempDirSync();
  try {
    const [site, key] = [`${directory}/site.toml`, `${directory}/key`];
    Deno.writeTextFileSync(site, "", { mode: 0o600 });
    const { success } = await new Deno.Command("mkfifo", { args: [key] }).output();
    assert.ok(success);
    const piped = new SiteFiles(() => assert.fail("it would wait"), recording(site, key));
    assert.equal(await piped.look(), null);
    const load = () => loadRecorded(site, systemOptions());
    assert.equal((await new SiteFiles(load, recording(site)).look())?.recording.path, site);
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
});
