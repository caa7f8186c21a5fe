/**
 * The root of a small Debian machine, made out of packages that are installed on this one: their
 * files, and a database of dpkg's that knows of them and of nothing else. Nothing is downloaded, and
 * this machine's own database is only read.
 *
 * @module
 */

import { execute } from "./process.ts";

/** What a machine has beside the essential packages and what these depend on. */
const SEEDS = [
  "iproute2",
  "kmod",
  "libcap2-bin",
  "mawk",
  "passwd",
  "procps",
  "systemd",
];

/** Of the files of packages: what no machine needs to run. */
const IGNORED = /^\/usr\/share\/(?:doc|man|locale|info|lintian|zsh|bash-completion|bug)\/./;

/** Where Debian's folders of old have been since all lies in /usr. */
const MERGED = ["bin", "sbin", "lib", "lib32", "lib64", "libx32"];

/** Where user-mode-linux has them, in one folder for its release. */
const MODULES = "/usr/lib/uml/modules";

interface Package {
  readonly name: string;
  /** As in `dpkg -L`: with an architecture where several may be installed. */
  readonly qualified: string;
  readonly essential: boolean;
  readonly provides: readonly string[];
  /** One list of alternatives for each dependency. */
  readonly needs: readonly (readonly string[])[];
}

/** Names in a field such as Depends, without versions and architectures. */
function alternativesOf(field: string): string[][] {
  return field.split(",").map((one) =>
    one.split("|").map((name) => name.replace(/\(.*?\)/g, "").replace(/:\w+/, "").trim())
      .filter((name) => name !== "")
  ).filter((one) => one.length > 0);
}

async function installed(): Promise<Package[]> {
  const fields = [
    "Package",
    "binary:Package",
    "db:Status-Status",
    "Essential",
    "Provides",
    "Pre-Depends",
  ];
  const format = [...fields, "Depends"].map((field) => `\${${field}}`).join("\t") + "\n";
  const listed = await execute(["dpkg-query", "-W", "-f", format]);
  return listed.split("\n").map((line) => line.split("\t")).flatMap((words) => {
    const [name, qualified, status, essential, provides, early, depends] = words;
    if (status !== "installed") return [];
    return [{
      name: name!,
      qualified: qualified!,
      essential: essential === "yes",
      provides: alternativesOf(provides!).flat(),
      needs: alternativesOf(`${early},${depends}`),
    }];
  });
}

/** The packages and all that they depend on. @throws where one of the seeds is not installed */
function closure(seeds: readonly string[], all: readonly Package[]): Package[] {
  const byName = new Map<string, Package>();
  for (const one of all) {
    for (const name of one.provides) if (!byName.has(name)) byName.set(name, one);
  }
  for (const one of all) byName.set(one.name, one);
  const chosen = new Set<Package>();
  const choose = (alternatives: readonly string[]) => {
    const found = alternatives.map((name) => byName.get(name)).find((one) => one !== undefined);
    if (found === undefined) throw new Error(`Not installed: ${alternatives.join(" or ")}`);
    if (chosen.has(found)) return;
    chosen.add(found);
    found.needs.forEach(choose);
  };
  for (const { name, essential } of all) if (essential) choose([name]);
  for (const seed of seeds) choose([seed]);
  return [...chosen];
}

/** Paragraphs of dpkg's status for these packages. */
function statusOf(packages: readonly Package[]): string {
  const names = new Set(packages.map(({ name }) => name));
  const paragraphs = Deno.readTextFileSync("/var/lib/dpkg/status").split("\n\n");
  const own = paragraphs.filter((one) => names.has(/^Package: (\S+)$/m.exec(one)?.[1] ?? ""));
  return own.map((one) => `${one.trim()}\n`).join("\n");
}

/** Files that their packages make when they are installed. */
function configure(root: string): void {
  const write = (path: string, text: string, mode = 0o644) => {
    Deno.mkdirSync(`${root}/${path}`.replace(/[^/]*$/, ""), { recursive: true });
    Deno.writeTextFileSync(`${root}/${path}`, text, { mode });
  };
  for (const name of ["passwd", "group"]) {
    Deno.copyFileSync(`/usr/share/base-passwd/${name}.master`, `${root}/etc/${name}`);
  }
  write("etc/shadow", "root:*:20000:0:99999:7:::\n", 0o640);
  write("etc/gshadow", "root:*::\n", 0o640);
  write("etc/fstab", "");
  write("etc/machine-id", "a".repeat(32) + "\n");
  Deno.mkdirSync(`${root}/etc/alternatives`, { recursive: true });
  Deno.symlinkSync("/usr/bin/mawk", `${root}/etc/alternatives/awk`);
  Deno.symlinkSync("/lib/systemd/systemd", `${root}/usr/sbin/init`);
}

/** Modules of user-mode-linux, with those that they need. */
function copyModules(root: string, names: readonly string[]): void {
  const [{ name: release }] = [...Deno.readDirSync(MODULES)] as [Deno.DirEntry];
  const folder = `${MODULES}/${release}`;
  const needs = new Map<string, readonly string[]>();
  for (const line of Deno.readTextFileSync(`${folder}/modules.dep`).split("\n")) {
    const [path, others] = line.split(":");
    if (path !== "") needs.set(path!, (others ?? "").split(" ").filter((one) => one !== ""));
  }
  const target = `${root}/usr/lib/modules/${release}`;
  const copy = (path: string) => {
    Deno.mkdirSync(`${target}/${path}`.replace(/[^/]*$/, ""), { recursive: true });
    Deno.copyFileSync(`${folder}/${path}`, `${target}/${path}`);
  };
  for (const name of names) {
    const path = [...needs.keys()].find((one) => one.endsWith(`/${name}.ko`));
    if (path === undefined) throw new Error(`The kernel has no module ${name}`);
    [path, ...needs.get(path)!].forEach(copy);
  }
  for (const { name } of Deno.readDirSync(folder)) if (name.startsWith("modules.")) copy(name);
}

/**
 * Makes the root in an empty directory.
 *
 * @param modules names of modules of user-mode-linux, which the machine gets
 */
export async function makeRoot(root: string, modules: readonly string[]): Promise<void> {
  const packages = closure(SEEDS, await installed());
  for (const name of MERGED) {
    Deno.mkdirSync(`${root}/usr/${name}`, { recursive: true });
    Deno.symlinkSync(`usr/${name}`, `${root}/${name}`);
  }
  const names = packages.map(({ qualified }) => qualified);
  const listed = await execute(["dpkg-query", "-L", ...names]);
  const files = [...new Set(listed.split("\n"))].filter((path) =>
    path.startsWith("/") && path !== "/." && !IGNORED.test(path) && !MERGED.includes(path.slice(1))
  );
  const about = names.map((name) => `/var/lib/dpkg/info/${name}`).flatMap((prefix) =>
    ["list", "md5sums", "conffiles", "prerm", "postrm", "postinst", "preinst", "triggers"]
      .map((suffix) => `${prefix}.${suffix}`)
  );
  // An image may have been made without what its packages have, manuals say.
  const copy = "tar -C / --no-recursion --ignore-failed-read -cf - -T - 2>/dev/null |" +
    'tar -C "$1" --keep-directory-symlink -xpf -';
  const input = [...files, ...about, "/var/lib/dpkg/info/format"].map((path) => `.${path}\n`);
  await execute(["sh", "-c", copy, "sh", root], { input: input.join("") });
  const database = `${root}/var/lib/dpkg`;
  for (const name of ["updates", "alternatives", "triggers", "parts"]) {
    Deno.mkdirSync(`${database}/${name}`, { recursive: true });
  }
  Deno.writeTextFileSync(`${database}/status`, statusOf(packages));
  Deno.writeTextFileSync(`${database}/available`, "");
  configure(root);
  copyModules(root, modules);
}
