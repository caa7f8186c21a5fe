/**
 * How adverts are authenticated: `authentication` and `auth_hmac`.
 *
 * @module
 */

import type { Scope } from "./scope.ts";
import type { Statement } from "./types.ts";
import { List, remarksOf, Table } from "./value.ts";
import { ENVIRONMENT_MARK } from "./expand.ts";

const LONGEST_PASSWORD = 8;

/** The first bytes of a password, as many as adverts hold. */
function cutPassword(text: string): string {
  let kept = "";
  for (const character of text) {
    if (new TextEncoder().encode(kept + character).length > LONGEST_PASSWORD) break;
    kept += character;
  }
  return kept;
}

/** `authentication { auth_type … auth_pass … }`; undefined: there is none. */
export function authentication(scope: Scope, block: Statement): Table | undefined {
  const { notes } = scope;
  const table = new Table();
  scope.block(
    block.children ?? [],
    {
      auth_type: (statement) => {
        const type = statement.args[0]?.toUpperCase();
        if (type === "PASS" || type === "AH") table.set("type", type.toLowerCase(), statement);
        else notes.unread(statement, `"${statement.args[0] ?? ""}" is neither PASS nor AH`);
      },
      auth_pass: (statement) => {
        const text = scope.plain(statement);
        if (text === undefined) return;
        const password = text.startsWith(ENVIRONMENT_MARK) ? text : cutPassword(text);
        if (password !== text) {
          notes.approximated(statement, `only the first ${LONGEST_PASSWORD} bytes count`);
        }
        table.set("password", password, statement);
      },
    },
    {},
    "in authentication",
    table,
  );
  if (table.get("password") === undefined) {
    notes.dropped(block, "without auth_pass keepalived authenticates nothing");
    return undefined;
  }
  if (table.get("type") === undefined) table.set("type", "pass");
  return table.order(["type", "password"]);
}

/** `auth_hmac { key … active_key … }`; undefined: there is none. */
export function hmac(scope: Scope, block: Statement): Table | undefined {
  const { notes } = scope;
  const table = new Table().set("type", "hmac");
  const keys = new List();
  const ids = new Set<number>();
  scope.block(
    block.children ?? [],
    {
      key: (statement) => {
        const [first = "", text = ""] = statement.args;
        // Where the id was forgotten this is the key, which no note may show.
        if (!/^[0-9]{1,3}$/.test(first)) {
          return notes.unread(statement, "its id is missing: a whole number from 1 to 255");
        }
        const id = scope.whole(statement, 1, 255);
        if (id === undefined) return;
        if (text === "" || ids.has(id)) {
          return notes.unread(
            statement,
            text === "" ? "there is no key" : `key ${id} is there twice`,
          );
        }
        ids.add(id);
        const path = /^file:(.+)$/.exec(text)?.[1];
        const key = path === undefined ? text : Table.of({ file: path });
        keys.add(Table.of({ id, key }), remarksOf(statement));
      },
      active_key: (statement) => {
        const id = scope.whole(statement, 1, 255);
        if (id !== undefined) table.set("active_key", id, statement);
      },
      anti_replay: (statement) => {
        const [way = ""] = statement.args;
        if (way === "time" || way === "monotonic") table.set("anti_replay", way, statement);
        else notes.unread(statement, `"${way}" is neither time nor monotonic`);
      },
      time_window: (statement) => {
        const time = scope.time(statement, 1_000_000, 300_000_000);
        if (time !== undefined) table.set("time_window", time, statement);
      },
      mode: (statement) => {
        const [mode = ""] = statement.args;
        if (["enforce", "permissive", "receive-only"].includes(mode)) {
          table.set("mode", mode, statement);
        } else notes.unread(statement, `"${mode}" is no mode`);
      },
    },
    {},
    "in auth_hmac",
    table,
  );
  const active = table.get("active_key");
  if (typeof active !== "number" || !ids.has(active)) {
    const reason = "its active_key names no key: keepalived then signs nothing and believes all";
    notes.dropped(block, reason, 'auth = { type = "hmac", keys = […], active_key = … }');
    return undefined;
  }
  if (table.get("anti_replay") === "monotonic") table.entries.delete("time_window");
  return table.set("keys", keys).order(["type", "keys", "active_key", "mode"]);
}
