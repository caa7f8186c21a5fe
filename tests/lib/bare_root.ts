/**
 * A root directory that has the C library, its linker and halb, and nothing else: a host without
 * libnl, nft and all the rest.
 *
 * @module
 */

import { execute } from "./process.ts";

/** Copies a program and the libraries that it is linked with: $2 into the root $1 as $3. */
const COPY = `
ldd "$2" | grep -o '/[^ ]*' | while read -r library; do
  mkdir -p "$1$(dirname "$library")"
  cp -L "$library" "$1$library"
done
[ -z "$3" ] || cp "$2" "$1/$3"`;

const SCRIPT = `set -e
root=$1; halb=$2; shift 2
mkdir -p "$root/proc" "$root/tmp" "$root/run" "$root/var/lib" "$root/etc" "$root/lib64"
cp /etc/passwd /etc/group "$root/etc"
copy() {${COPY}
}
copy "$root" "$halb" ""
touch "$root/halb"
mount --bind "$halb" "$root/halb"
mount -t proc proc "$root/proc"
exec chroot "$root" /halb "$@"`;

/**
 * Words that run `halb` with `args` in such a root, in a mount namespace that ends with it.
 *
 * @param root a directory of the lab's, made where it is not there; files of `args` lie in it
 */
export function inBareRoot(root: string, halb: string, args: readonly string[]): string[] {
  return ["unshare", "-m", "sh", "-c", SCRIPT, "sh", root, halb, ...args];
}

/** Copies a program into a root, with what it needs to run. @param path in the root */
export async function copyWithLibraries(
  root: string,
  program: string,
  path: string,
): Promise<void> {
  await execute(["sh", "-e", "-c", COPY, "sh", root, program, path]);
}
