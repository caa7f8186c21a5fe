/**
 * Programs: what keepalived writes as one text, halb writes as a list of words; and whom they run
 * as.
 *
 * @module
 */

import type { Scope } from "./scope.ts";
import type { Statement } from "./types.ts";
import { List, Table } from "./value.ts";
import { commandWords } from "./words.ts";

/** A program, and whom it runs as. */
export interface Program {
  readonly command: List;
  readonly user?: string;
}

/** `user`, `user group`, `user:group`, `user : group` as halb writes it. */
export function userText(words: readonly string[]): string | undefined {
  const parts = words.flatMap((word) => word.split(":")).filter((word) => word !== "");
  if (parts.length === 0) return undefined;
  return parts.slice(0, 2).join(":");
}

/** The words of a command as halb takes them; undefined, and a note: it cannot run. */
export function command(
  scope: Scope,
  statement: Statement,
  words: readonly string[],
): List | undefined {
  const [program = "", ...args] = words;
  const { notes } = scope;
  if (program === "") {
    notes.unread(statement, "there is no program");
    return undefined;
  }
  if (words.length > 255 || words.some((word) => word.length > 4_096 || word.includes("\0"))) {
    notes.dropped(statement, "its command line is too long", "write a script of it");
    return undefined;
  }
  scope.runsPrograms = true;
  // The only thing that keepalived gives to a shell.
  if (program.startsWith("</dev/tcp/")) {
    const reason = `${program.slice(0, 40)} is run by /bin/sh, and fails unless that is bash`;
    notes.approximated(statement, reason, 'a [[check]] of `type = "tcp"`');
    return List.of(["/bin/sh", "-c", words.join(" ")]);
  }
  if (/[<>|`]/.test(program) || /^[&;()]/.test(program)) {
    const reason = `${program.slice(0, 40)} is a shell's: keepalived finds no such program`;
    notes.dropped(statement, reason, 'command = ["/bin/bash", "-c", "…"]');
    return undefined;
  }
  if (program.startsWith("/")) return List.of(words);
  if (program.includes("/")) {
    notes.dropped(statement, `${program} is not an absolute path`, "write the path from / on");
    return undefined;
  }
  const reason = `${program} is looked for in PATH at each run`;
  notes.approximated(statement, reason, "write the path of the program, from / on");
  return List.of(["/usr/bin/env", program, ...args]);
}

/** `KEYWORD PROGRAM [user [group]]`: a program with arguments is in quotes. */
export function program(scope: Scope, statement: Statement): Program | undefined {
  const [text = "", ...more] = statement.args;
  const words = statement.quoted[0] === true ? commandWords(text) : [text];
  const list = command(scope, statement, words);
  if (list === undefined) return undefined;
  const user = userText(more);
  return { command: list, ...(user === undefined ? {} : { user }) };
}

/** A program of `notify`; its user is that of all programs of the table. */
export function notifyProgram(
  scope: Scope,
  notify: Table,
  key: string,
  statement: Statement,
): void {
  const read = program(scope, statement);
  if (read === undefined) return notify.remark(statement);
  notify.set(key, read.command, statement);
  const known = notify.get("user");
  if (known === read.user) return;
  if (read.user === undefined) {
    const reason = `all programs of one table run as one user: as ${String(known)}, too`;
    return scope.notes.approximated(statement, reason, "let the program change its user itself");
  }
  if (known === undefined) {
    notify.set("user", read.user);
    if ([...notify.entries.keys()].some((other) => other !== key && other !== "user")) {
      const reason = `all programs of one table run as one user: now ${read.user}`;
      scope.notes.approximated(statement, reason);
    }
    return;
  }
  const reason = `all programs of one table run as one user: ${String(known)}, not ${read.user}`;
  scope.notes.approximated(statement, reason, "let the program change its user itself");
}

/** Programs of routers and groups alike: keepalived's words, and ours. */
export const STATE_PROGRAMS: Readonly<Record<string, string>> = {
  notify_master: "master",
  notify_backup: "backup",
  notify_fault: "fault",
  notify_stop: "stop",
  notify: "any",
};

/** Handlers of a notify table: keyword to key. */
export function notifyHandlers(
  scope: Scope,
  notify: () => Table,
  keys: Readonly<Record<string, string>>,
): Record<string, (statement: Statement) => void> {
  return Object.fromEntries(
    Object.entries(keys).map(([keyword, key]) => [
      keyword,
      (statement: Statement) => notifyProgram(scope, notify(), key, statement),
    ]),
  );
}
