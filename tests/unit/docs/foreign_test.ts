/** Whoever writes a word of keepalived out of habit is told what to write instead. */

import assert from "node:assert/strict";
import { foreignKey } from "../../../config/foreign.ts";
import { SITE_SCHEMA } from "../../../config/schema.ts";
import { load } from "../config/fixtures.ts";
import { schemaKeys } from "../config/schema_keys.ts";
import { KEEPALIVED_KEYWORDS } from "./keepalived_keywords.ts";

/** The table here that somebody would write the words of a part into. */
function tableOf(part: string): string | undefined {
  if (part.startsWith("global_defs")) return "agent";
  // The words of authentication and trackers stand in blocks of their own.
  if (/^vrrp_instance: (?!authentication|trackers)/.test(part)) return "vrrp";
  if (part === "vrrp_sync_group") return "sync_group";
  if (part === "vrrp_script") return "track_script";
  if (part === "vrrp_track_process") return "track_process";
  if (part === "bfd_instance") return "bfd";
  if (part === "virtual_server") return part;
  if (part === "real_server") return "virtual_server.real_server";
  return part === "track_file" ? part : part === "Top level" ? "" : undefined;
}

/** Words that head their block, or that are no words of the block itself. */
const ELSEWHERE = new Set(
  ("vrrp_script vrrp_track_process vrrp_track_file track_file vrrp_sync_group vrrp_instance " +
    "bfd_instance notify_deleted notify_priority_changes group virtual_server_group real_server")
    .split(" "),
);

const keys = new Set([...schemaKeys(SITE_SCHEMA)].map(([key]) => key));

Deno.test("each word of keepalived is a key here, or there is advice about it", () => {
  const silent = [...KEEPALIVED_KEYWORDS].flatMap(([part, words]) => {
    const table = tableOf(part);
    if (table === undefined) return [];
    return words.filter((word) =>
      !keys.has(table === "" ? word : `${table}.${word}`) && !ELSEWHERE.has(word) &&
      foreignKey(table, word) === undefined
    ).map((word) => `${part}: ${word}`);
  });
  assert.deepEqual(silent, []);
});

Deno.test("the advice names keys that there are", () => {
  const tables = [
    "",
    "agent",
    "vrrp",
    "sync_group",
    "track_script",
    "track_process",
    "track_file",
    "virtual_server",
    "virtual_server.real_server",
    "virtual_server.check",
    "virtual_server.real_server.check",
  ];
  for (const word of [...KEEPALIVED_KEYWORDS.values()].flat()) {
    for (const table of tables) {
      const advice = foreignKey(table, word);
      const match = /^write `([a-z_]+)(?: = [^`]*)?`(?:.* in `\[+([a-z._]+)\]+`)?/.exec(
        advice ?? "",
      );
      if (match === null) continue;
      const [, key, elsewhere = table] = match;
      assert.ok(keys.has(`${elsewhere}.${key}`), `${table} ${word}: ${advice}`);
    }
  }
});

Deno.test("the advice stands beside the error", () => {
  const text = `[agent]\nvrrp_strict = true\nenable_dbus = true\n`;
  const loaded = load({ "site.toml": text });
  assert.ok(!loaded.ok);
  assert.deepEqual(
    loaded.problems.filter(({ message }) => /^Unknown/.test(message)).map(({ suggestion }) =>
      suggestion
    ),
    [
      "write `strict` in `[defaults.vrrp]` instead",
      "leave it out: docs/keepalived.md says why",
    ],
  );
});

Deno.test("words of keepalived's checkers are known in each table of a check", () => {
  const check = (key: string) => `{ type = "http", ${key} = 1 }`;
  const text = `[[virtual_server]]
name = "a"
listen = "192.0.2.10:80"
check = ${check("connect_timeout")}
real_server = [{ address = "198.51.100.11", check = ${check("nb_get_retry")} }]

[[check]]
name = "b"
type = "http"
address = "198.51.100.11"
status_code = 200
`;
  const loaded = load({ "site.toml": text });
  assert.ok(!loaded.ok);
  assert.deepEqual(loaded.problems.map(({ suggestion }) => suggestion), [
    'write `timeout = "5s"` instead',
    "write `fall = 2` instead: one more",
    'write `status = ["200"]` instead',
  ]);
});
