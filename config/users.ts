/**
 * Users that scripts run as: how one is written, and what number, group and further groups are
 * meant. Looking them up is the caller's (`user_directory.ts` has this host's), so that a test can
 * bring its own.
 *
 * @module
 */

import { type Doc, text, VALUE } from "./fields.ts";
import type { Report } from "./finding.ts";
import { shown, type TreeNode, valuePlace } from "./tree.ts";

/** What the system knows of a user. */
export interface UserEntry {
  readonly name: string;
  readonly uid: number;
  /** The primary group. */
  readonly gid: number;
}

/** How to look up users and groups, by name or by number in decimal. */
export interface UserDirectory {
  /** Undefined where there is none. */
  readonly user: (name: string) => UserEntry | undefined;
  /** The group's number; undefined where there is none. */
  readonly group: (name: string) => number | undefined;
  /** Numbers of all groups that have the user as a member, its primary one perhaps left out. */
  readonly groupsOf: (user: UserEntry) => readonly number[];
}

/** Whom a script runs as. */
export interface ScriptUser {
  /** As written: `nobody`, `nobody:nogroup`. */
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  /** Supplementary groups, in ascending order, `gid` left out. */
  readonly groups: readonly number[];
  /** It is the default: nobody has written it. */
  readonly assumed?: true;
}

/** `nobody` where the system has no user of that name. */
export const NOBODY: ScriptUser = { name: "nobody", uid: 65_534, gid: 65_534, groups: [] };

/** Highest user and group number; the one above means "none" to the kernel. */
const HIGHEST_ID = 0xffff_fffe;

const NAME = "[A-Za-z_0-9][A-Za-z0-9_.@-]{0,63}\\$?";
const PATTERN = new RegExp(`^${NAME}(:${NAME})?$`);

/** A user, or a user and a group, by name or number: `nobody`, `nobody:nogroup`, `1000:1000`. */
export function userName(doc: Doc) {
  return text(
    "a user, or user:group",
    { range: "USER or USER:GROUP, names or numbers", ...doc },
    (value) => {
      if (PATTERN.test(value)) return undefined;
      const guess = value.trim().replace(/\s*:\s*|\s+/, ":");
      return {
        message: `${VALUE} is not a user, nor a user and a group`,
        advice: `write \`"${PATTERN.test(guess) ? guess : "nobody"}"\` instead`,
      };
    },
    PATTERN.source,
  );
}

/** A number that may be a user's or a group's; undefined: none. */
export function idOf(text: string): number | undefined {
  if (!/^[0-9]{1,10}$/.test(text)) return undefined;
  const id = Number(text);
  return id <= HIGHEST_ID ? id : undefined;
}

/**
 * The user that `node` names; undefined after a report where this host does not know it.
 *
 * @param written the text of `node`, which the schema has accepted
 */
export function resolveUser(
  written: string,
  node: TreeNode,
  directory: UserDirectory,
  report: Report,
): ScriptUser | undefined {
  const [userPart = "", groupPart] = written.split(":");
  const id = idOf(userPart);
  const known = directory.user(userPart);
  if (known === undefined && (id === undefined || groupPart === undefined)) {
    // A file is read on hosts that lack the commonest name, too.
    if (written === NOBODY.name) return NOBODY;
    report({
      place: valuePlace(node),
      message: `There is no such user on this host: ${shown(node)}`,
      advice: id === undefined
        ? "write the name of one that exists, or a number with a group: `1000:1000`"
        : "write the group, too: a user without a name has none of its own",
    });
    return undefined;
  }
  const gid = groupPart === undefined ? known?.gid : directory.group(groupPart) ?? idOf(groupPart);
  if (gid === undefined) {
    report({
      place: valuePlace(node),
      message: `There is no such group on this host: ${shown(node)}`,
      advice: "write the name of one that exists, or the user alone",
    });
    return undefined;
  }
  const groups = known === undefined ? [] : directory.groupsOf(known);
  return {
    name: written,
    uid: known?.uid ?? id ?? NOBODY.uid,
    gid,
    groups: [...new Set(groups)].filter((group) => group !== gid).sort((a, b) => a - b),
  };
}
