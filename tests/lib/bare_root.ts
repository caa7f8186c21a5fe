/**
 * A root directory that has the C library, its linker and halb, and nothing else: a host without
 * libnl, nft and all the rest.
 *
 * @module
 */

const SCRIPT = `set -e
root=$1; halb=$2; shift 2
mkdir -p "$root/proc" "$root/tmp" "$root/run" "$root/var/lib" "$root/etc" "$root/lib64"
cp /etc/passwd /etc/group "$root/etc"
ldd "$halb" | grep -o '/[^ ]*' | while read -r library; do
  mkdir -p "$root$(dirname "$library")"
  cp -L "$library" "$root$library"
done
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
