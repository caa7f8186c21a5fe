/**
 * The users and groups of this host: `/etc/passwd` and `/etc/group`, and where a name is in neither,
 * what `getent` and `id` say, who ask directory services as well.
 *
 * @module
 */

import type { UserDirectory, UserEntry } from "./users.ts";

/** Lines of a table with fields between colons; none where it cannot be read. */
function table(path: string): string[][] {
  try {
    return Deno.readTextFileSync(path).split("\n").map((line) => line.split(":"));
  } catch {
    return [];
  }
}

/** What a program prints; empty where it fails or there is none. */
function ask(program: string, ...args: string[]): string {
  try {
    const { success, stdout } = new Deno.Command(program, {
      args,
      stdin: "null",
      stderr: "null",
    }).outputSync();
    return success ? new TextDecoder().decode(stdout).trim() : "";
  } catch {
    return "";
  }
}

/** The entry whose name or number is `name`. */
function find(rows: readonly string[][], name: string): string[] | undefined {
  return rows.find(([own]) => own === name) ?? rows.find(([, , id]) => id === name);
}

function user(name: string): UserEntry | undefined {
  const row = find(table("/etc/passwd"), name) ??
    ask("getent", "passwd", "--", name).split("\n")[0]!.split(":");
  const [own, , uid, gid] = row;
  if (!own || !/^[0-9]+$/.test(uid ?? "") || !/^[0-9]+$/.test(gid ?? "")) return undefined;
  return { name: own, uid: Number(uid), gid: Number(gid) };
}

function group(name: string): number | undefined {
  const row = find(table("/etc/group"), name) ??
    ask("getent", "group", "--", name).split("\n")[0]!.split(":");
  return /^[0-9]+$/.test(row[2] ?? "") ? Number(row[2]) : undefined;
}

function groupsOf({ name, gid }: UserEntry): number[] {
  const local = table("/etc/passwd").some(([own]) => own === name);
  if (!local) return ask("id", "-G", "--", name).split(" ").filter(Boolean).map(Number);
  const member = table("/etc/group").filter(([, , , members]) =>
    members?.split(",").includes(name)
  );
  return [gid, ...member.map(([, , id]) => Number(id))];
}

/** Users and groups of this host. */
export const HOST_USERS: UserDirectory = { user, group, groupsOf };
