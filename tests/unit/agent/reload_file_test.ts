/** What waits, written down and read again. */

import assert from "node:assert/strict";
import { fingerprintOf, loadRecorded, systemOptions } from "../../../config/mod.ts";
import {
  beginWith,
  beginWithout,
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
    assert.equal(beginWith(kept(loaded), false).memory, undefined);
    const machine = new ReloadMachine(old);
    machine.applied(kept(loaded), 60_000_000, { monotonic: 0, wall: 0 });
    keepReload(directory, machine.memory);
    assert.equal(Deno.statSync(`${directory}/reload.json`).mode! & 0o777, 0o600);
    const anew = beginWith(kept(loaded), false);
    assert.deepEqual(anew.kept.site, old.site);
    assert.equal(anew.memory?.refused?.fingerprint, kept(loaded).fingerprint);
    const taken = beginWith(kept(loaded), true);
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
      assert.throws(() => readReload(directory), Error, text.slice(0, 20));
      const begun = beginWith(kept(loaded), false);
      assert.deepEqual(begun.kept.site, loaded.site);
      assert.match(
        begun.trouble ?? "",
        /^Takes no notice of what waited: .*reload\.json: it is |this/,
      );
      // The process that lives knows what waits: it goes on, and nothing is lost.
      assert.throws(() => beginWith(kept(loaded), true), /reload\.json/);
    }
    Deno.writeTextFileSync(path, good);
    assert.notEqual(readReload(directory), undefined);
    Deno.chmodSync(path, 0o644);
    assert.throws(() => readReload(directory), /others than its owner/);
    Deno.removeSync(path);
    Deno.symlinkSync(`${directory}/site.toml`, path);
    assert.throws(() => readReload(directory), /no file/);
    Deno.removeSync(path);
    const elsewhere = `${directory}/elsewhere`;
    Deno.mkdirSync(elsewhere);
    keepReload(elsewhere, machine.memory);
    assert.throws(() => readReload(elsewhere), /another state directory/);
  });
});

Deno.test("what waits is on the disk, and gone from it, when that has been said", () => {
  withDirectory((directory) => {
    const machine = new ReloadMachine(kept(siteIn(directory, 150)));
    machine.schedule(1e12, null);
    const { prototype } = Deno.FsFile;
    const { syncSync } = prototype;
    let synced = 0;
    prototype.syncSync = function () {
      synced++;
      syncSync.call(this);
    };
    try {
      keepReload(directory, machine.memory);
      assert.equal(synced, 2, "the file, and its name");
      keepReload(directory, null);
      assert.equal(synced, 3, "that it has no name");
      keepReload(directory, null);
      assert.equal(synced, 3);
    } finally {
      prototype.syncSync = syncSync;
    }
  });
});

Deno.test("a file that is invalid at a start is not needed where it would not be taken", () => {
  withDirectory((directory) => {
    const old = kept(siteIn(directory, 100));
    const loaded = siteIn(directory, 150);
    const { recording } = loaded;
    const broken = { ...recording, files: recording.files.map(([path]) => [path, "x"] as const) };
    assert.equal(beginWithout(broken, directory), undefined, "nothing waits");
    const machine = new ReloadMachine(old);
    machine.applied(kept(loaded), 60_000_000, { monotonic: 0, wall: 0 });
    keepReload(directory, machine.memory);
    const begun = beginWithout(broken, directory);
    assert.deepEqual(begun?.kept.site, old.site);
    assert.deepEqual([begun?.file, begun?.memory?.awaiting], [broken, null]);
    assert.equal(begun?.memory?.refused?.fingerprint, fingerprintOf(broken));
    // So does the start after that one, as long as it is the same.
    keepReload(directory, begun!.memory!);
    assert.deepEqual(beginWithout(broken, directory)?.kept.site, old.site);
    assert.equal(beginWithout(recording, directory), undefined, "an order may want another file");
    const other = { ...broken, path: `${directory}/other.toml` };
    for (const one of [other, { ...broken, name: "edge-b" }]) {
      assert.equal(beginWithout(one, directory), undefined, "another agent's");
    }
    machine.confirm();
    machine.schedule(1e12, null);
    keepReload(directory, machine.memory);
    assert.deepEqual(beginWithout(broken, directory)?.kept.site, loaded.site);
    Deno.writeTextFileSync(`${directory}/reload.json`, "{}");
    assert.equal(beginWithout(broken, directory), undefined);
  });
});
