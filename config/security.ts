/**
 * Whether a configuration or key file can be trusted: nobody but root and the agent's own user
 * may be able to change it, nor to put another one in its place. So the whole way to the file is
 * walked, through symbolic links, and each component must belong to one of the trusted users and
 * be writable by them alone. A sticky directory such as /tmp may be writable by all, for there
 * only the owner of a file can replace it; and group-write for the owner's own private group
 * (same number as the user) gives nobody else anything. A secret may be read by its owner, by root's
 * group and by the agent's own.
 *
 * @module
 */

/** What `lstat` says of one component; a symbolic link comes with its target. */
export interface FileFacts {
  readonly uid: number;
  readonly gid: number;
  /** Permission bits with the sticky bit, as `0o1777`. */
  readonly mode: number;
  /** Where a symbolic link points; absent: it is none. */
  readonly target?: string;
}

/** How to look at files, and whom to trust. */
export interface FileSecurity {
  /** Facts of an absolute path, links not followed; undefined where it does not exist. */
  readonly lstat: (path: string) => FileFacts | undefined;
  /** The absolute path of the working directory. */
  readonly workingDirectory: string;
  /** Numbers of the trusted users. */
  readonly users: readonly number[];
  /** Numbers of the groups that may read secrets; absent: none but an owner's private one. */
  readonly groups?: () => readonly number[];
}

/** Why a component is not to be trusted; undefined: it is. */
function distrust(path: string, facts: FileFacts, users: readonly number[]): string | undefined {
  if (!users.includes(facts.uid)) return `${path} belongs to user ${facts.uid}`;
  if (facts.target !== undefined) return undefined;
  if ((facts.mode & 0o1000) !== 0) return undefined;
  if ((facts.mode & 0o002) !== 0) return `${path} can be written by everybody`;
  if ((facts.mode & 0o020) !== 0 && facts.gid !== facts.uid) {
    return `${path} can be written by group ${facts.gid}`;
  }
  return undefined;
}

/**
 * The component on the way to `path` that somebody else can change, and how, in words; undefined
 * where all is well or the file does not exist (reading it will say so).
 */
export function untrusted(path: string, security: FileSecurity): string | undefined {
  return walk(path, security, (here, facts) => distrust(here, facts, security.users));
}

/** How others can read the file at `path`, in words; undefined: they cannot, or it does not exist. */
export function readableByOthers(path: string, security: FileSecurity): string | undefined {
  let last: { readonly path: string; readonly facts: FileFacts } | undefined;
  const lstat = (here: string): FileFacts | undefined => {
    const facts = security.lstat(here);
    last = facts && { path: here, facts };
    return facts;
  };
  walk(path, { ...security, lstat }, () => undefined);
  if (last === undefined || last.facts.target !== undefined) return undefined;
  const { facts: { mode, gid, uid } } = last;
  if ((mode & 0o004) !== 0) return `${last.path} can be read by everybody`;
  if ((mode & 0o040) === 0 || gid === uid || security.groups?.().includes(gid)) return undefined;
  return `${last.path} can be read by group ${gid}`;
}

/** Looks at each component on the way to `path`, through links, until `look` says something. */
function walk(
  path: string,
  security: FileSecurity,
  look: (path: string, facts: FileFacts) => string | undefined,
): string | undefined {
  const absolute = path.startsWith("/") ? path : `${security.workingDirectory}/${path}`;
  const ahead = absolute.split("/").reverse();
  const done: string[] = [];
  for (let links = 0; ahead.length > 0;) {
    const part = ahead.pop();
    if (part === undefined || part === ".") continue;
    if (part === "..") {
      done.pop();
      continue;
    }
    if (part === "" && done.length > 0) continue;
    done.push(part);
    const here = done.join("/") || "/";
    const facts = security.lstat(here);
    if (facts === undefined) return undefined;
    const reason = look(here, facts);
    if (reason !== undefined) return reason;
    if (facts.target === undefined) continue;
    if (++links > 40) return `${here} is one of too many symbolic links`;
    done.pop();
    if (facts.target.startsWith("/")) done.length = 0;
    ahead.push(...facts.target.split("/").reverse());
  }
  return undefined;
}
