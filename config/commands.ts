/**
 * Commands in site.toml: a program by its absolute path, and its arguments, without a shell. What
 * somebody else could change must not run: each component on the way to the program, and to a
 * script that an interpreter is given, must belong to root, to the agent's user or to the user
 * that it runs as, and be writable by them alone.
 *
 * @module
 */

import * as v from "valibot";
import { type Doc, documented, text, VALUE } from "./fields.ts";
import type { Report } from "./finding.ts";
import { type FileSecurity, untrusted } from "./security.ts";
import { descend, type TreeNode, valuePlace } from "./tree.ts";
import type { ScriptUser } from "./users.ts";

/** Most words of a command; the kernel takes more, no script needs them. */
const MOST_WORDS = 256;

/** A program and its arguments. */
export function command(doc: Doc) {
  const word = text("text", {
    text: "The program by its absolute path, or an argument.",
    example: "/usr/local/bin/became-master",
  }, (value) => {
    if (value.includes("\0")) return { message: "An argument contains a NUL character" };
    if (value.length > 4096) return { message: "An argument is longer than 4096 characters" };
    return undefined;
  });
  return v.pipe(
    documented(v.array(word), "a list: a program and its arguments", {
      range: `1 to ${MOST_WORDS} words, the first an absolute path; no shell`,
      ...doc,
    }),
    v.check(
      (words) => words.length >= 1 && words.length <= MOST_WORDS,
      "A command has at least a program",
    ),
    v.rawCheck(({ dataset, addIssue }) => {
      if (!dataset.typed || dataset.value.length === 0) return;
      const [program = ""] = dataset.value;
      if (program.startsWith("/")) return;
      addIssue({
        message: `${VALUE} does not begin with the absolute path of a program`,
        expected: program.includes(" ") || program === ""
          ? 'write `["/usr/local/bin/became-master"]`, each argument in quotes of its own'
          : `write \`["/usr/bin/${program.split("/").at(-1)}"]\``,
      });
    }),
  );
}

/** What {@link checkCommand} has to know. */
export interface CommandSurroundings {
  /** How to look at files; absent: nobody can. */
  readonly security?: FileSecurity;
  /** Whom the command runs as. */
  readonly user: ScriptUser;
}

/**
 * Why `words` must not run, and what only may be wrong: the first file of a command that cannot be
 * trusted; undefined: none.
 */
export function untrustedCommand(
  words: readonly string[],
  security: FileSecurity,
  user: ScriptUser,
): string | undefined {
  const trusted = { ...security, users: [...security.users, user.uid] };
  for (const [index, word] of words.entries()) {
    if (index > 0 && !word.startsWith("/")) continue;
    const facts = security.lstat(word);
    // A directory or device that is named as an argument is data, not code.
    if (index > 0 && (facts === undefined || facts.mode === 0 || (facts.mode & 0o111) === 0)) {
      continue;
    }
    const reason = untrusted(word, trusted);
    if (reason !== undefined) return `${word}: ${reason}`;
    // Only an interpreter's first path is a program.
    if (index > 0) break;
  }
  return undefined;
}

/** Reports a command that somebody else could change, or whose program is not there. */
export function checkCommand(
  words: readonly string[],
  node: TreeNode,
  { security, user }: CommandSurroundings,
  report: Report,
): void {
  if (security === undefined) return;
  const place = valuePlace(descend(node, [0]));
  const reason = untrustedCommand(words, security, user);
  if (reason !== undefined) {
    report({
      place,
      message: `Refusing to run ${reason}`,
      advice: `only root, the agent's own user and ${user.name} may be able to write it`,
    });
    return;
  }
  const program = words[0] ?? "";
  if (security.lstat(program) !== undefined) return;
  report({
    place,
    message: `There is no program ${program} on this host`,
    advice: "put it there before the agent needs it",
    severity: "warning",
  });
}
