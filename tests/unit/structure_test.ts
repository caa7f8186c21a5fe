/**
 * The shape of the program, kept by tests: who may import whom, what pure code may not touch, how
 * long a file may be (DESIGN.md, sections 2 and 3).
 */

import assert from "node:assert/strict";

const ROOT = new URL("../..", import.meta.url).pathname;
const SOURCE_FOLDERS = ["config", "ffi", "mod", "scripts", "tests"];
const LONGEST_FILE = 400;
/** Folders that git ignores or keeps for itself. */
const NOT_OURS = [".git", "build", "coverage", "node_modules"];

interface Source {
  /** Relative to the repository. */
  readonly path: string;
  readonly text: string;
  /** The text without comments. */
  readonly code: string;
  /** What it imports: repository paths for relative imports, else the specifier. */
  readonly imports: readonly string[];
}

function listFiles(folder: string): string[] {
  const files: string[] = [];
  for (const entry of Deno.readDirSync(ROOT + folder)) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory) files.push(...listFiles(path));
    else if (entry.isFile) files.push(path);
  }
  return files;
}

/** Blanks comments, but not what looks like one inside a string or a template. */
function withoutComments(text: string): string {
  const tokens =
    /("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`)|\/\/[^\n]*|\/\*[\s\S]*?\*\//g;
  return text.replace(tokens, (whole, string) => string ?? whole.replace(/[^\n]/g, " "));
}

/** Specifiers of static and dynamic imports, re-exports, and Workers named by URL. */
function importsOf(path: string, code: string): string[] {
  const patterns = [
    /(?:^|[\n;}])\s*(?:import|export)\s(?:[^"';]*?\sfrom\s*)?["']([^"']+)["']/g,
    /\bimport\s*\(\s*["'`]([^"'`]+)["'`]/g,
    /new\s+URL\s*\(\s*["']([^"']+\.ts)["']\s*,\s*import\.meta\.url/g,
  ];
  const found = patterns.flatMap((pattern) => [...code.matchAll(pattern)].map(([, name]) => name!));
  return found.map((name) =>
    name.startsWith(".") ? new URL(name, `file:///${path}`).pathname.slice(1) : name
  );
}

function readSource(path: string): Source {
  const text = Deno.readTextFileSync(ROOT + path);
  const code = withoutComments(text);
  return { path, text, code, imports: importsOf(path, code) };
}

const sources = [
  ...SOURCE_FOLDERS.flatMap(listFiles).filter((path) => path.endsWith(".ts")),
  "main.ts",
].sort().map(readSource);

const program = sources.filter(({ path }) => !/^(tests|scripts)\//.test(path));

function inFolder(folder: string, among: readonly Source[] = program): Source[] {
  const found = among.filter(({ path }) => path.startsWith(`${folder}/`));
  assert.ok(found.length > 0, `There is no ${folder}/ to look at`);
  return found;
}

/** Asserts that files of a folder import nothing that the predicate refuses. */
function refuseImports(
  folder: string,
  refused: (imported: string) => boolean,
  among: readonly Source[] = program,
): void {
  const wrong = inFolder(folder, among).flatMap(({ path, imports }) =>
    imports.filter(refused).map((imported) => `${path} imports ${imported}`)
  );
  assert.deepEqual(wrong, []);
}

function isOurs(imported: string): boolean {
  return /^(config|ffi|mod|scripts|tests)\//.test(imported) || imported === "main.ts";
}

const PURE = [
  "mod/heap",
  "mod/steps",
  "mod/values",
  "mod/text",
  "mod/ip",
  "mod/secret",
  "mod/vrrp",
  "mod/bfd",
  "mod/agentx",
  "mod/netlink",
  "mod/ipvs",
  "mod/balance",
  "mod/check",
  "mod/convert",
  "mod/events",
  "mod/explain",
  "mod/record",
  "mod/reload",
];
/** Inside a pure folder and yet not pure: what talks to the world for it. */
const DRIVERS = "mod/check/drivers";

function isPure(path: string): boolean {
  return PURE.some((folder) => path.startsWith(`${folder}/`)) && !path.startsWith(`${DRIVERS}/`);
}

Deno.test("the reader of imports sees every form and no comment", () => {
  const code = withoutComments(
    'import { a } from "./a.ts";\nimport type { b,\n  c } from "../b.ts";\nexport * from "./c.ts";\n' +
      'import "./d.ts";\n// import "./no.ts";\n/* import "./no.ts"; */\nawait import("./e.ts");\n' +
      'const s = "// no comment"; new Worker(new URL("./f.ts", import.meta.url));\n' +
      'import x from "node:fs";\nexport { y } from "valibot";\nexport const z = "./g.ts";\n',
  );
  assert.deepEqual(importsOf("mod/x/y.ts", code).sort(), [
    "mod/b.ts",
    "mod/x/a.ts",
    "mod/x/c.ts",
    "mod/x/d.ts",
    "mod/x/e.ts",
    "mod/x/f.ts",
    "node:fs",
    "valibot",
  ]);
});

Deno.test("every relative import names a file that exists", () => {
  // Among them those of the status page, which are imported as text.
  const known = new Set([...SOURCE_FOLDERS.flatMap(listFiles), "main.ts"]);
  const wrong = program.flatMap(({ path, imports }) =>
    imports.filter((imported) => isOurs(imported) && !known.has(imported))
      .map((imported) => `${path} imports ${imported}`)
  );
  assert.deepEqual(wrong, []);
});

Deno.test("the pure folders import themselves and each other's types, no plane, no ffi", () => {
  const pure = program.filter(({ path }) => isPure(path));
  for (const folder of PURE) refuseImports(folder, (imported) => !isPure(imported), pure);
});

Deno.test("ffi imports nothing of ours and nothing from outside", () => {
  refuseImports("ffi", (imported) => !imported.startsWith("ffi/"));
});

Deno.test("config knows no kernel, no plane and no ffi", () => {
  refuseImports(
    "config",
    (imported) =>
      isOurs(imported) &&
      !/^(config|mod\/(ip|ipvs|secret|text|values)|mod\/check\/types)\//.test(imported),
  );
});

Deno.test("drivers of checks know no plane", () => {
  const own = program.filter(({ path }) => path.startsWith(`${DRIVERS}/`));
  const wrong = own.flatMap(({ path, imports }) =>
    imports.filter((imported) =>
      isOurs(imported) && !/^(ffi|mod\/(check|heap|ip|patience|text))\//.test(imported)
    )
      .map((imported) => `${path} imports ${imported}`)
  );
  assert.deepEqual(wrong, []);
});

Deno.test("the planes do not import each other, and the synchronous ones no control", () => {
  refuseImports(
    "mod/plane",
    (imported) => /^mod\/(protocol|kernel|agent|control|cli)\//.test(imported),
  );
  refuseImports("mod/protocol", (imported) => /^mod\/(kernel|agent|control|cli)\//.test(imported));
  refuseImports("mod/kernel", (imported) => /^mod\/(protocol|agent|control|cli)\//.test(imported));
});

Deno.test("only ffi opens libraries", () => {
  const wrong = sources.filter(({ path, code }) =>
    !path.startsWith("ffi/") && path !== "tests/unit/structure_test.ts" &&
    /\bDeno\s*\.\s*(dlopen|UnsafePointer|UnsafeFnPointer|UnsafePointerView|UnsafeCallback)\b/
      .test(code)
  );
  assert.deepEqual(wrong.map(({ path }) => path), []);
});

/** Not pure, since they know planes, and yet the same each time. */
const DETERMINISTIC = "mod/simulate/";

Deno.test("no clock, timer, chance or runtime in the pure folders and in simulations", () => {
  const forbidden =
    /\b(Date\s*\.\s*now|new\s+Date\s*\(\s*\)|setTimeout|setInterval|queueMicrotask|performance|Math\s*\.\s*random|crypto|Deno|fetch|console|process)\b\s*[.(]?/g;
  const files = program.filter(({ path }) => isPure(path) || path.startsWith(DETERMINISTIC));
  const wrong = files.flatMap(({ path, code }) =>
    [...code.matchAll(forbidden)].filter(([whole]) =>
      /[.(]$|now|random|set(Timeout|Interval)/.test(whole)
    )
      .map(([whole]) => `${path}: ${whole}`)
  );
  assert.deepEqual(wrong, []);
});

Deno.test(`no file of the program is longer than ${LONGEST_FILE} lines`, () => {
  const long = program.map(({ path, text }) => ({ path, lines: text.split("\n").length - 1 }))
    .filter(({ lines }) => lines > LONGEST_FILE)
    .map(({ path, lines }) => `${path} has ${lines} lines`);
  assert.deepEqual(long, []);
});

Deno.test("every file of the program begins with what it is for", () => {
  const bare = program.filter(({ text }) => !/^(#![^\n]*\n)?\/\*\*\n \* \S/.test(text));
  assert.deepEqual(bare.map(({ path }) => path), []);
});

Deno.test("nothing in the repository names this machine or one of its users", () => {
  const folders = [...Deno.readDirSync(ROOT)].filter(({ isDirectory }) => isDirectory)
    .map(({ name }) => name).filter((name) => !NOT_OURS.includes(name));
  const top = [...Deno.readDirSync(ROOT)].filter(({ isFile }) => isFile).map(({ name }) => name);
  const files = [...folders.flatMap(listFiles), ...top]
    .filter((path) => Deno.statSync(ROOT + path).size < 1_000_000);
  assert.ok(files.length > 10, "the files must be found");
  const host = Deno.hostname();
  // Paths under a home directory (Alice and Bob live in examples), this checkout's own path, and
  // the name of this host where it is a telling one.
  const patterns = [/\/home\/(?!alice|bob)[a-z]\w*\//, /\/root\/[\w.]/, /\/Users\/\w+\//];
  if (ROOT.split("/").length > 3) patterns.push(new RegExp(ROOT.replace(/[^\w/-]/g, "\\$&")));
  if (host.length > 6 && host !== "localhost") {
    patterns.push(new RegExp(`\\b${host.replace(/[^\w-]/g, "\\$&")}\\b`));
  }
  const wrong = files.flatMap((path) => {
    const text = Deno.readTextFileSync(ROOT + path);
    if (path === "tests/unit/structure_test.ts") return [];
    return patterns.filter((pattern) => pattern.test(text)).map((pattern) => `${path}: ${pattern}`);
  });
  assert.deepEqual(wrong, []);
});

Deno.test("no TODO, no test that is switched off or alone", () => {
  const words = /\b(TODO|FIXME|XXX|HACK)\b/;
  const alone = /\bDeno\.test\.(only|ignore)\b|\b(only|ignore):\s*true\b/;
  const wrong = sources.filter(({ path }) =>
    !/^tests\/unit\/(structure|runner)_test\.ts$/.test(path)
  )
    .filter(({ path, text, code }) =>
      words.test(text) || (path.startsWith("tests/") && alone.test(code))
    );
  assert.deepEqual(wrong.map(({ path }) => path), []);
});
