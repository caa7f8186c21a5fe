import assert from "node:assert/strict";
import { type FileFacts, readableByOthers, untrusted } from "../../../config/security.ts";
import { systemOptions } from "../../../config/system.ts";
import { HOST_USERS } from "../../../config/user_directory.ts";

const GOOD: FileFacts = { uid: 0, gid: 0, mode: 0o755 };

/** What is said of `path` where the components are as given, all others good. */
function judge(path: string, components: Readonly<Record<string, Partial<FileFacts>>>) {
  return untrusted(path, {
    workingDirectory: "/srv",
    users: [0, 1000],
    lstat: (name) => ({ ...GOOD, ...components[name] }),
  });
}

Deno.test("files that only root and the agent's user may write are trusted", () => {
  assert.equal(judge("/etc/halb/site.toml", {}), undefined);
  assert.equal(
    judge("site.toml", { "/srv/site.toml": { uid: 1000, gid: 1000, mode: 0o600 } }),
    undefined,
  );
  assert.equal(judge("/a/../b/./c", { "/a": GOOD }), undefined);
});

Deno.test("every component that somebody else may change is named", () => {
  assert.equal(
    judge("/etc/s.toml", { "/etc/s.toml": { uid: 33 } }),
    "/etc/s.toml belongs to user 33",
  );
  assert.equal(
    judge("/etc/s.toml", { "/etc": { mode: 0o777 } }),
    "/etc can be written by everybody",
  );
  assert.equal(
    judge("/etc/s.toml", { "/": { mode: 0o775, gid: 5 } }),
    "/ can be written by group 5",
  );
  assert.equal(judge("s.toml", { "/srv": { uid: 7 } }), "/srv belongs to user 7");
});

Deno.test("a sticky directory and a private group are no danger", () => {
  assert.equal(judge("/tmp/s.toml", { "/tmp": { mode: 0o1777 } }), undefined);
  assert.equal(judge("/h/s.toml", { "/h": { uid: 1000, gid: 1000, mode: 0o775 } }), undefined);
  assert.equal(
    judge("/h/s.toml", { "/h": { uid: 1000, gid: 100, mode: 0o775 } }),
    "/h can be written by group 100",
  );
});

Deno.test("symbolic links are followed, and what they lead through is looked at", () => {
  const link = { "/etc/s.toml": { mode: 0o777, target: "../data/bob/s.toml" } };
  assert.equal(judge("/etc/s.toml", link), undefined);
  assert.equal(
    judge("/etc/s.toml", { ...link, "/data/bob": { uid: 1001 } }),
    "/data/bob belongs to user 1001",
  );
  const foreign = { "/etc/s.toml": { mode: 0o777, uid: 1001, target: "/x" } };
  assert.equal(judge("/etc/s.toml", foreign), "/etc/s.toml belongs to user 1001");
  assert.match(judge("/a", { "/a": { target: "/a" } }) ?? "", /too many symbolic links/);
});

Deno.test("what does not exist is left to the reading", () => {
  const security = { workingDirectory: "/", users: [0], lstat: () => undefined };
  assert.equal(untrusted("/none", security), undefined);
});

Deno.test("a secret may be read by the agent's own group, and written by no group", () => {
  const security = (facts: Partial<FileFacts>) => ({
    workingDirectory: "/",
    users: [0],
    groups: () => [0, 973],
    lstat: (path: string) => path === "/vrrp.key" ? { ...GOOD, ...facts } : GOOD,
  });
  const exposed = (facts: Partial<FileFacts>) => readableByOthers("/vrrp.key", security(facts));
  assert.equal(exposed({ gid: 973, mode: 0o640 }), undefined);
  assert.equal(exposed({ gid: 33, mode: 0o640 }), "/vrrp.key can be read by group 33");
  assert.equal(exposed({ gid: 973, mode: 0o644 }), "/vrrp.key can be read by everybody");
  assert.equal(exposed({ gid: 33, mode: 0o600 }), undefined);
  assert.equal(
    untrusted("/vrrp.key", security({ gid: 973, mode: 0o660 })),
    "/vrrp.key can be written by group 973",
  );
});

Deno.test("root's check and the agent's user accept one key file of root and the agent's group", () => {
  const { security } = systemOptions();
  const groups = security!.groups!();
  assert.ok(groups.includes(0) && groups.includes(Deno.gid()!), String(groups));
  const packaged = HOST_USERS.user("halb");
  const isRoots = Deno.uid() === 0 && packaged !== undefined;
  if (isRoots) assert.ok(groups.includes(packaged.gid), String(groups));
});

Deno.test("a file that does not exist is not judged by the directory it would be in", () => {
  const lstat = (path: string) => path === "/etc/vrrp.key" ? undefined : GOOD;
  const security = { workingDirectory: "/", users: [0], lstat };
  assert.equal(readableByOthers("/etc/vrrp.key", security), undefined);
  assert.equal(
    readableByOthers("/etc/vrrp.old", security),
    "/etc/vrrp.old can be read by everybody",
  );
});
