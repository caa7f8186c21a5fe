/**
 * Every site and every part of one that a page shows is valid, as `halb check` has it, without so
 * much as a warning. A block in which nothing is to be done, such as `[agent]` alone, has the
 * virtual routers `web`, `inside` and `outside` beside it. A comment before a block may say
 *
 * - `fragment: vrrp`: it stands inside of a `[[vrrp]]`;
 * - `not a site`: it is TOML of another kind. Scripts of `halb simulate` are known by their tables.
 */

import assert from "node:assert/strict";
import { readTableFile } from "../../../config/table_file.ts";
import { SCRIPT_SCHEMA } from "../../../mod/simulate/script_schema.ts";
import { load } from "../config/fixtures.ts";
import { type Block, blocksOf, exists, filesIn, pages, read } from "./pages.ts";

const EXAMPLES = "config/examples";
const SITES = filesIn(EXAMPLES).filter((name) => name.endsWith(".toml"));

const ROUTERS = ["web", "inside", "outside"];

function routerText(name: string): string {
  const number = ROUTERS.indexOf(name) + 201;
  return `
[[vrrp]]
name = "${name}"
interface = "eth7"
virtual_router_id = ${number}
addresses = ["203.0.113.${number}/24"]
`;
}

function wholeSite({ mark, text, place }: Block): string {
  if (mark === "fragment: vrrp") return routerText("web") + text;
  assert.doesNotMatch(mark, /^fragment/, place);
  const whole = /^\[\[(vrrp|bfd|virtual_server)\]\]|^\[bfd_/m.test(text);
  return whole ? text : text + ROUTERS.map(routerText).join("");
}

/** The nodes that a file tells apart. */
function nodesOf(text: string): string[] {
  const tables = [...text.matchAll(/by_host = \{([^}]*)\}/g)].map(([, table]) => table!);
  const names = tables.flatMap((table) => [...table.matchAll(/([\w-]+) *=/g)].map(([, n]) => n!));
  return names.length === 0 ? ["edge-a"] : [...new Set(names)];
}

/** Whatever a file wants to be read from elsewhere is there. */
function secretsOf(text: string): Record<string, string> {
  const paths = [...text.matchAll(/\b(?:file|certificate) = "([^"]+)"/g)].map(([, path]) => path!);
  return Object.fromEntries(paths.map((path) => [path, `${secretOf(path, text)}\n`]));
}

function secretOf(path: string, text: string): string {
  if (path.endsWith("/http.key")) return "-----BEGIN PRIVATE KEY-----";
  if (path.endsWith(".pem")) return "-----BEGIN CERTIFICATE-----";
  if (path.endsWith(".token")) return "0123456789abcdef";
  // Passwords and BFD's keys are short, a key for HMAC is not.
  return /type = "hmac"/.test(text) ? `hex:${"5a".repeat(32)}` : "sesame";
}

function assertValid(text: string, place: string): void {
  for (const name of nodesOf(text)) {
    const loaded = load({ "site.toml": text, ...secretsOf(text) }, { name });
    const said = loaded.ok ? loaded.warnings : loaded.problems;
    assert.deepEqual(
      said.map(({ line, message }) => `${line}: ${message}`),
      [],
      `${place}, ${name}`,
    );
  }
}

/** A script of `halb simulate`: its form. Its names are those of sites that stand elsewhere. */
function assertScript({ text, place }: Block): void {
  const access = { readText: () => text, listDirectory: () => [] };
  const read = readTableFile("script.toml", SCRIPT_SCHEMA, access, (data) => data);
  const said = read.ok ? [] : read.problems.map(({ line, message }) => `${line}: ${message}`);
  assert.deepEqual(said, [], place);
}

Deno.test("every site that a page shows is valid", () => {
  const blocks = pages().flatMap(blocksOf).filter(({ language }) => language === "toml");
  assert.ok(blocks.length >= 45, `${blocks.length} blocks`);
  for (const block of blocks) {
    if (block.mark === "not a site") continue;
    if (/^\[\[(event|expect|network)\]\]/m.test(block.text)) assertScript(block);
    else assertValid(wholeSite(block), block.place);
  }
});

Deno.test("every example is valid on each of its nodes, which differ", () => {
  assert.ok(SITES.length >= 10);
  for (const file of SITES) {
    const text = read(`${EXAMPLES}/${file}`);
    assertValid(text, file);
    const nodes = nodesOf(text);
    const read_ = (name: string) => JSON.stringify(load({ "site.toml": text }, { name }));
    assert.equal(new Set(nodes.map(read_)).size, nodes.length, file);
    if (nodes.length === 1) assert.doesNotMatch(text, /\[\[vrrp\]\]/, `${file}: one node alone`);
  }
});

Deno.test("every example has its how-to and its lab", () => {
  const labs = ["lab/examples_test.ts", "lab/examples_firewall.ts", "kernel/examples_test.ts"]
    .map((file) => read(`tests/${file}`)).join("");
  for (const file of SITES) {
    const howTo = `docs/howto/${file.replace(".toml", ".md")}`;
    assert.ok(exists(howTo), howTo);
    const text = read(howTo);
    assert.ok(text.includes(`(../../${EXAMPLES}/${file})`), `${howTo} links to its file`);
    // The packaged unit runs as the user halb, who cannot read what is root's alone.
    const place = /install -o root -g halb -m 0640 \S+ \/etc\/halb\/site\.toml/;
    assert.match(text, place, howTo);
    assert.doesNotMatch(text, /install -m \S+ \S+ \/etc\/halb\//, howTo);
    assert.ok(text.includes("(../installing.md"), `${howTo} says who must read the file`);
    assert.match(text, /halb doctor \/etc\/halb\/site\.toml/, howTo);
    assert.match(text, /## Test the failover/, howTo);
    assert.match(text, /## Pitfalls/, howTo);
    assert.ok(read(`${EXAMPLES}/${file}`).includes(howTo), file);
    assert.ok(labs.includes(`"${file}"`), `${file} is run by a lab`);
  }
});

Deno.test("a file of the examples that a page shows is that file", () => {
  const shown = pages().flatMap(blocksOf).filter(({ mark }) => mark.startsWith("file: "));
  assert.ok(shown.length >= 2);
  for (const { mark, text, place } of shown) {
    assert.equal(text, read(`${EXAMPLES}/${mark.slice("file: ".length)}`), place);
  }
});

Deno.test("links between the pages lead somewhere", () => {
  for (const { path, text } of pages()) {
    const folder = path.replace(/[^/]*$/, "");
    const prose = text.replaceAll(/```[^]*?```/g, "");
    for (const [, target] of prose.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target!)) continue;
      const [file, anchor] = target!.split("#") as [string, string?];
      const found = file === "" ? path : new URL(file, `file:///${folder}`).pathname.slice(1);
      assert.ok(exists(found), `${path}: ${target}`);
      if (anchor !== undefined && found.endsWith(".md")) {
        assert.ok(anchorsOf(read(found)).has(anchor), `${path}: ${target}`);
      }
    }
  }
});

/** As GitHub makes them of headings, and those that are written out. */
function anchorsOf(text: string): Set<string> {
  const headings = [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading]) =>
    heading!.replaceAll(/<[^>]*>/g, "").toLowerCase().replaceAll(/[^\p{L}\p{N}_ -]/gu, "")
      .trim().replaceAll(" ", "-")
  );
  const written = [...text.matchAll(/<a id="([^"]+)"/g)].map(([, id]) => id!);
  return new Set([...headings, ...written]);
}
