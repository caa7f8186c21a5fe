/** What waits, written down and read again. */

import assert from "node:assert/strict";
import { loadRecorded, systemOptions } from "../../../config/mod.ts";
import {
  beginWith,
  keepReload,
  kept,
  readReload,
  type ReadSite,
} from "../../../mod/agent/reload_file.ts";
import { ReloadMachine } from "../../../mod/reload/mod.ts";

function siteIn(directory: string, priority: number): ReadSite {
  const path = `${directory}/site.toml`;
  const text = `[agent]\nstate_directory = "${directory}"\n[[vrrp]]\nname = "web"\n` +
    `interface = "eth0"\nvirtual_router_id = 51\npriority = ${priority}\n` +
    `addresses = ["192.0.2.10"]\n`;
  Deno.writeTextFileSync(path, text, { mode: 0o600 });
  const loaded = loadRecorded(path, { ...systemOptions(), hostname: "edge-a" });
  assert.ok(loaded.ok, JSON.stringify(loaded));
  return loaded;
}

function withDirectory(work: (path: string) => void): void {
  const path = Deno.makeTempDirSync();
  try {
    work(path);
  } finally {
    Deno.removeSync(path, { recursive: true });
  }
}

Deno.test("a start before the confirmation begins with what ran before, a take-over goes on", () => {
  withDirectory((directory) => {
    const old = kept(siteIn(directory, 100));
    const loaded = siteIn(directory, 150);
    assert.equal(beginWith(loaded, false).memory, undefined);
    const machine = new ReloadMachine(old);
    machine.applied(kept(loaded), 60_000_000, { monotonic: 0, wall: 0 });
    keepReload(directory, machine.memory);
    assert.equal(Deno.statSync(`${directory}/reload.json`).mode! & 0o777, 0o600);
    const anew = beginWith(loaded, false);
    assert.deepEqual(anew.kept.site, old.site);
    assert.equal(anew.memory?.refused?.fingerprint, kept(loaded).fingerprint);
    const taken = beginWith(loaded, true);
    assert.deepEqual(taken.kept.site, loaded.site);
    assert.deepEqual(taken.memory?.previous?.site, old.site);
    keepReload(directory, null);
    assert.equal(readReload(directory), undefined);
    keepReload(directory, null);
  });
});

Deno.test("what cannot be believed does not count", () => {
  withDirectory((directory) => {
    const loaded = siteIn(directory, 150);
    const path = `${directory}/reload.json`;
    const machine = new ReloadMachine(kept(loaded));
    machine.schedule(1e12, null);
    keepReload(directory, machine.memory);
    const good = Deno.readTextFileSync(path);
    const invalid = good.replace("virtual_router_id = 51", "virtual_router_id = 0");
    assert.notEqual(invalid, good);
    for (const text of ["", "{}", "[]", "null", good.slice(0, -9), invalid]) {
      Deno.writeTextFileSync(path, text);
      assert.equal(readReload(directory), undefined, text.slice(0, 20));
      assert.deepEqual(beginWith(loaded, false).kept.site, loaded.site);
    }
    Deno.writeTextFileSync(path, good);
    assert.notEqual(readReload(directory), undefined);
    Deno.chmodSync(path, 0o644);
    assert.equal(readReload(directory), undefined);
    Deno.removeSync(path);
    Deno.symlinkSync(`${directory}/site.toml`, path);
    assert.equal(readReload(directory), undefined);
  });
});
