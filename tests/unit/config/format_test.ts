// deno-lint-ignore-file no-control-regex
import assert from "node:assert/strict";
import { formatProblem, type Problem } from "../../../config/mod.ts";

const PROBLEM: Problem = {
  file: "site.toml",
  line: 12,
  column: 12,
  length: 3,
  message: "300 is too much",
  source_line: "priority = 300",
  suggestion: "write `255` instead",
  severity: "error",
};

function format(change: Partial<Problem>): string {
  return formatProblem({ ...PROBLEM, ...change }, { color: false });
}

Deno.test("place, line, caret and help", () => {
  assert.equal(
    format({}),
    [
      "site.toml:12:12: error: 300 is too much",
      "  12 | priority = 300",
      "     |            ^^^",
      "     = help: write `255` instead",
    ].join("\n"),
  );
});

Deno.test("a problem of the file as a whole has no line", () => {
  assert.equal(
    format({ line: 0, column: 0, source_line: "" }),
    "site.toml: error: 300 is too much\n  help: write `255` instead",
  );
});

Deno.test("tabs stay, wide characters count twice, combining ones not", () => {
  const lines = format({ source_line: "\t日é\u0301 = x", column: 8, length: 1 }).split("\n");
  assert.equal(lines[1], "  12 | \t日é\u0301 = x");
  assert.equal(lines[2], "     | \t      ^");
});

Deno.test("a long line is cut around the place, the caret still under it", () => {
  const source_line = `${"a".repeat(500)}HERE${"b".repeat(500)}`;
  const lines = format({ source_line, column: 501, length: 4 }).split("\n");
  const [source = "", caret = ""] = [lines[1], lines[2]];
  assert.ok(source.length < 140);
  assert.equal(source.slice(caret.indexOf("^"), caret.lastIndexOf("^") + 1), "HERE");
});

Deno.test("a caret behind the end of the line", () => {
  const lines = format({ source_line: "x =", column: 4, length: 1 }).split("\n");
  assert.equal(lines[2], "     |    ^");
});

Deno.test("nothing in a file steers the terminal", () => {
  const text = format({
    source_line: "a = \x1b[2J\u009b31m\u202e\r",
    message: "bad \x1b]0;x\x07",
    file: "a\nb",
  });
  assert.doesNotMatch(text, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
  assert.equal(text.split("\n").length, 4);
});

Deno.test("colours only when wanted", () => {
  assert.match(formatProblem(PROBLEM, { color: true }), /\x1b\[31;1merror:\x1b\[0m/);
  assert.doesNotMatch(format({}), /\x1b/);
});
