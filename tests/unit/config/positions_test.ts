import assert from "node:assert/strict";
import { type AST, parseTOML } from "toml-eslint-parser";
import { scanPositions } from "../../../config/positions.ts";
import { VALID } from "./fixtures.ts";

/** Every value with its path and span, by a full parser: `entries` and list items. */
function* oracle(text: string): Generator<[string, number, number]> {
  function* value(
    path: (string | number)[],
    node: AST.TOMLContentNode,
  ): Generator<[string, number, number]> {
    yield [JSON.stringify(path), ...node.range];
    if (node.type === "TOMLArray") {
      for (const [index, item] of node.elements.entries()) yield* value([...path, index], item);
    }
    if (node.type === "TOMLInlineTable") {
      for (const entry of node.body) yield* pair(path, entry);
    }
  }
  function* pair(
    path: (string | number)[],
    entry: AST.TOMLKeyValue,
  ): Generator<[string, number, number]> {
    const names = entry.key.keys.map((key) => key.type === "TOMLBare" ? key.name : key.value);
    const last = entry.key.keys.at(-1);
    assert.ok(last);
    yield [`key ${JSON.stringify([...path, ...names])}`, ...last.range];
    yield* value([...path, ...names], entry.value);
  }
  for (const node of parseTOML(text).body[0].body) {
    if (node.type === "TOMLKeyValue") yield* pair([], node);
    else for (const entry of node.body) yield* pair([...node.resolvedKey], entry);
  }
}

const TEXTS: Readonly<Record<string, string>> = {
  valid: VALID,
  "dotted and quoted keys":
    `a.b.c = 1\na . "b c" . 'd.e' = 2\n"\\u00e9\\n" = 3\n[x."y.z".w]\nv = 4\n`,
  strings:
    `a = "x # \\" ]" # c\nb = '\\'\nc = """\n"" \\""" x""""\nd = '''\n''x'''''\ne = ""\nf = ''\n`,
  numbers:
    `a = +1_000\nb = 0xff\nc = -1.5e+3\nd = inf\ne = 1979-05-27 07:32:00.5Z # x\nf = 07:32:00\ng=true\n`,
  lists: `a = [ # one\n 1, [ 2, "]" ], # two\n { x = [3, 4,], y.z = "}" },\n]\nb = []\nc = {}\n`,
  "tables in lists":
    `[[a]]\nx = 1\n[a.b]\ny = 2\n[[a.c]]\nz = 3\n[[a.c]]\nz = 4\n[[a]]\n[[a.c]]\nz = 5\n` +
    `[[a.c.d.e]]\nw = 6\n`,
  "CRLF, tabs, UTF-8": `\t# é😀\r\n[a]\r\n\tb\t=\t"é😀"\r\n\tc = 'x'\r\n`,
  "no newline at the end": `a = [1, 2] # é`,
};

for (const [name, text] of Object.entries(TEXTS)) {
  Deno.test(`places of keys and values are those of a full parser: ${name}`, () => {
    const positions = scanPositions(text);
    let count = 0;
    for (const [path, start, end] of oracle(text)) {
      const isKey = path.startsWith("key ");
      const marks = positions.get(isKey ? path.slice(4) : path);
      const span = isKey ? marks?.key : marks?.value;
      assert.deepEqual(
        [span?.start, span?.end],
        [start, end],
        `${path} in ${JSON.stringify(text)}`,
      );
      count++;
    }
    assert.ok(count > 1);
  });
}

Deno.test("headers of tables are places too, the first of several", () => {
  const text = "[[vrrp]]\nname = 1\n[vrrp.garp]\n[[vrrp]]\n[ defaults . 'vrrp' ]\n";
  const positions = scanPositions(text);
  function at(path: readonly (string | number)[]): string {
    const value = positions.get(JSON.stringify(path))?.value;
    assert.ok(value, JSON.stringify(path));
    return text.slice(value.start, value.end);
  }
  assert.equal(at(["vrrp", 0]), "[[vrrp]]");
  assert.equal(positions.get('["vrrp",1]')?.value?.start, text.lastIndexOf("[[vrrp]]"));
  assert.equal(at(["vrrp", 0, "garp"]), "[vrrp.garp]");
  assert.equal(at(["defaults"]), "defaults");
  assert.equal(at(["defaults", "vrrp"]), "[ defaults . 'vrrp' ]");
});
