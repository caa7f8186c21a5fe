/**
 * What is in the Debian package, as Debian's own tools judge it. The program in it is another, small
 * one: for what lintian says of halb itself see docs/testing.md.
 */

import assert from "node:assert/strict";
import { execute, type Lab, lab, tryExecute } from "../lib/mod.ts";

const ROOT = new URL("../..", import.meta.url).pathname;

/** Builds the package into a folder of its own. @returns its path */
async function build(lab: Lab, name: string): Promise<string> {
  const folder = `${lab.directory}/${name}`;
  Deno.mkdirSync(folder);
  const env = { HALB: "/bin/true", HALB_COMPRESSION: "xz", HALB_PACKAGES: folder };
  return (await execute([`${ROOT}/scripts/package`], { env })).trim();
}

/** Its files, unpacked. */
async function unpack(lab: Lab, path: string): Promise<string> {
  const folder = `${lab.directory}/unpacked`;
  await execute(["dpkg-deb", "-x", path, folder]);
  return folder;
}

lab("lintian finds nothing in the package, and all builds are the same", async (lab) => {
  const [first, second] = await Promise.all([build(lab, "first"), build(lab, "second")]);
  const { code, stdout } = await tryExecute([
    ...["lintian", "--no-cfg", "--allow-root", "--pedantic", "--display-info"],
    // That program's own, for which there are no overrides.
    ...["--suppress-tags", "hardening-no-bindnow", "--fail-on", "error,warning", first],
  ]);
  // Of halb's own some fit nothing in that program.
  const found = stdout.split("\n").filter((line) => /^[A-Z]:/.test(line));
  assert.deepEqual(found.filter((line) => !/unused.override/.test(line)), []);
  assert.equal(code, 0);
  assert.deepEqual(Deno.readFileSync(first), Deno.readFileSync(second), "byte for byte");
});

lab("the manual pages have no mistakes, and show what they must", async (lab) => {
  const files = await unpack(lab, await build(lab, "package"));
  for (const [page, word] of [["man1/halb.1", "cleanup"], ["man5/site.toml.5", "address_lease"]]) {
    const path = `${files}/usr/share/man/${page}.gz`;
    const argv = ["man", "--warnings", "-E", "UTF-8", "-l", path];
    const { stdout, stderr } = await tryExecute(argv, {
      env: { MANWIDTH: "80", LC_ALL: "C.UTF-8" },
    });
    assert.equal(stderr, "", page);
    assert.ok(stdout.includes(word!), `${page} speaks of ${word}`);
  }
});

lab("systemd-analyze calls the units as safe as docs/installing.md does", async (lab) => {
  const files = await unpack(lab, await build(lab, "package"));
  const documented = /says (\d+\.\d+) \("(\w+)"\)/.exec(
    Deno.readTextFileSync(`${ROOT}/docs/installing.md`),
  );
  assert.ok(documented !== null, "docs/installing.md names no value");
  const [, value, word] = documented;
  for (const unit of ["halb.service", "halb@.service"]) {
    const path = `${files}/usr/lib/systemd/system/${unit}`;
    const shown = await execute(["systemd-analyze", "security", "--offline=yes", path]);
    const [, level] = /exposure level for \S+: (.*)/.exec(shown) ?? [];
    assert.equal(level?.split(" ").slice(0, 2).join(" "), `${value} ${word}`, unit);
  }
});
