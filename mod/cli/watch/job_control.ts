/**
 * Whether a program that stops itself would be let go on: by a shell with job control. The kernel
 * asks the same before a terminal's Ctrl-Z stops anybody who does not listen to it.
 *
 * @module
 */

import { readText, SystemError } from "../../../ffi/mod.ts";

/**
 * False where no shell watches over this process group: `ssh -t host halb watch`, a container, a
 * window of tmux that runs nothing else. Whoever stops there stands still for good.
 *
 * @param stat the text of /proc/PID/stat, for tests; null: there is none
 */
export function mayStop(pid: number, stat: (pid: number) => string | null = read): boolean {
  const own = placeOf(stat(pid));
  for (let one = own; one !== null && one.parent > 0;) {
    const above = placeOf(stat(one.parent));
    if (above === null || above.session !== own!.session) return false;
    if (above.group !== own!.group) return true;
    one = above;
  }
  return false;
}

function placeOf(stat: string | null) {
  // The name may hold anything, brackets and spaces too.
  const [, , parent, group, session] = stat?.slice(stat.lastIndexOf(")")).split(" ").map(Number) ??
    [];
  if (parent === undefined || group === undefined || session === undefined) return null;
  return { parent, group, session };
}

function read(pid: number): string | null {
  try {
    return readText(`/proc/${pid}/stat`);
  } catch (error) {
    if (error instanceof SystemError) return null;
    throw error;
  }
}
