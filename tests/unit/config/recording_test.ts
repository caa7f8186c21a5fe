/** A site again from what was read for it. */

import assert from "node:assert/strict";
import { fingerprintOf, loadRecorded, replayRecording } from "../../../config/mod.ts";
import { USERS } from "./fixtures.ts";

const MAIN = `include = ["conf.d/*.toml"]
[[vrrp]]
name = "web"
interface = "eth0"
virtual_router_id = 51
version = 2
priority = { by_host = { edge-a = 150, edge-b = 100 } }
addresses = ["192.0.2.10"]
auth = { type = "pass", password = { file = "key" } }
`;
const LAN = `[[vrrp]]
name = "lan"
interface = { env = "LAN", default = "eth1" }
virtual_router_id = 52
addresses = ["192.0.2.20"]
`;

function host(files: Record<string, string>, environment: Record<string, string> = {}) {
  return {
    hostname: "edge-a",
    users: USERS,
    environment: (key: string) => environment[key],
    readText: (path: string) => {
      const text = files[path];
      if (text !== undefined) return text;
      throw Object.assign(new Error("no such file"), { name: "NotFound" });
    },
    listDirectory: (path: string) => {
      const prefix = path.endsWith("/") ? path : `${path}/`;
      const inside = Object.keys(files).filter((name) => name.startsWith(prefix));
      return [...new Set(inside.map((name) => name.slice(prefix.length).split("/")[0]!))];
    },
  };
}

const FILES = { "/c/site.toml": MAIN, "/c/conf.d/lan.toml": LAN, "/c/key": "sesame\n" };

Deno.test("the same site, though the files are gone: includes, secrets, environment, host", () => {
  const first = loadRecorded("/c/site.toml", host(FILES, { LAN: "eth7" }));
  assert.ok(first.ok, JSON.stringify(first));
  const told = JSON.parse(JSON.stringify(first.recording)) as typeof first.recording;
  const again = replayRecording(told, { users: USERS });
  assert.ok(again.ok, JSON.stringify(again));
  assert.deepEqual(again.site, first.site);
  assert.deepEqual(again.sha256, first.sha256);
  assert.equal(again.site.vrrp[1]!.interface, "eth7");
  assert.equal(again.site.vrrp[0]!.priority, 150);
  const { auth } = again.site.vrrp[0]!;
  assert.ok(auth?.type === "pass");
  assert.equal(new TextDecoder().decode(auth.password!.reveal()), "sesame");
  assert.equal(fingerprintOf(again.recording), fingerprintOf(first.recording));
});

Deno.test("whatever changes the site changes the fingerprint; other files beside it do not", () => {
  const mark = (files: Record<string, string>, environment = {}) =>
    fingerprintOf(loadRecorded("/c/site.toml", host(files, environment)).recording);
  const own = mark(FILES);
  assert.equal(mark({ ...FILES, "/c/conf.d/lan.toml.swp": "x" }), own);
  for (
    const [files, environment] of [
      [{ ...FILES, "/c/key": "mustard" }, {}],
      [{ ...FILES, "/c/conf.d/more.toml": "" }, {}],
      [{ ...FILES, "/c/site.toml": `${MAIN}# x` }, {}],
      [FILES, { LAN: "eth1" }],
    ] as const
  ) assert.notEqual(mark(files, environment), own);
});

Deno.test("what could not be read is remembered as that, also of a file that is invalid", () => {
  const { "/c/key": _, ...others } = FILES;
  const first = loadRecorded("/c/site.toml", host(others));
  assert.ok(!first.ok);
  assert.deepEqual(first.recording.files.find(([path]) => path === "/c/key"), ["/c/key", null]);
  const again = replayRecording(first.recording, { users: USERS });
  assert.ok(!again.ok);
  assert.deepEqual(again.problems.length, first.problems.length);
});
