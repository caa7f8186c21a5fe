/** Whom scripts run as: what may be written, and what it resolves to. */

import assert from "node:assert/strict";
import { systemOptions } from "../../../config/mod.ts";
import { load, loadValid, problemsOf, router } from "./fixtures.ts";

function site(user?: string): Record<string, string> {
  const agent = user === undefined ? "" : `[agent]\nscript_user = ${JSON.stringify(user)}\n`;
  return { "site.toml": agent + router("") };
}

Deno.test("script_user is nobody unless given, and resolves to numbers and further groups", () => {
  const users: [string | undefined, number, number, number[]][] = [
    [undefined, 65_534, 65_534, []],
    ["nobody", 65_534, 65_534, []],
    ["alice", 1000, 1000, [200, 300]],
    ["alice:haclient", 1000, 200, [300, 1000]],
    ["1000", 1000, 1000, [200, 300]],
    ["1000:7", 1000, 7, [200, 300, 1000]],
    ["4711:4712", 4711, 4712, []],
    ["root", 0, 0, []],
  ];
  for (const [written, uid, gid, groups] of users) {
    const { agent } = loadValid(site(written));
    const assumed = written === undefined ? { assumed: true } : {};
    assert.deepEqual(agent.script_user, {
      name: written ?? "nobody",
      uid,
      gid,
      groups,
      ...assumed,
    });
  }
});

Deno.test("script_user that this host does not know is refused at its place", () => {
  const refused: [string, string, string][] = [
    [
      "bob",
      'There is no such user on this host: "bob"',
      "write the name of one that exists, or a number with a group: `1000:1000`",
    ],
    [
      "4711",
      'There is no such user on this host: "4711"',
      "write the group, too: a user without a name has none of its own",
    ],
    [
      "alice:staff",
      'There is no such group on this host: "alice:staff"',
      "write the name of one that exists, or the user alone",
    ],
    [
      "alice : haclient",
      'Invalid `script_user`: "alice : haclient" is not a user, nor a user and a group',
      'write `"alice:haclient"` instead',
    ],
    [
      "",
      'Invalid `script_user`: "" is not a user, nor a user and a group',
      'write `"nobody"` instead',
    ],
  ];
  for (const [written, message, advice] of refused) {
    const place = "site.toml:2:15";
    assert.deepEqual(problemsOf(site(written)), [[
      place,
      JSON.stringify(written),
      message,
      advice,
    ]]);
  }
});

Deno.test("a host without nobody runs scripts as 65534", () => {
  const nobody = { user: () => undefined, group: () => undefined, groupsOf: () => [] };
  const loaded = load(site(), { users: nobody });
  assert.ok(loaded.ok);
  assert.equal(loaded.site.agent.script_user.uid, 65_534);
});

Deno.test("this host's own users are found in its files", () => {
  const { users } = systemOptions();
  const root = users.user("root");
  assert.deepEqual(root, { name: "root", uid: 0, gid: 0 });
  assert.deepEqual(users.user("0"), root);
  assert.equal(users.group("0"), 0);
  assert.ok(users.groupsOf(root!).includes(0));
  assert.equal(users.user("no-such-user"), undefined);
  assert.equal(users.user(""), undefined);
  assert.equal(users.user("--help"), undefined);
  assert.equal(users.group("no-such-group"), undefined);
});
