/** Command lines, help for each command, and durations for people. */

import assert from "node:assert/strict";
import { parseArguments, UsageError } from "../../../mod/cli/arguments.ts";
import { commandNames, helpText, isCommand } from "../../../mod/cli/help.ts";
import { formatAge, formatTable, painter } from "../../../mod/cli/table.ts";

Deno.test("options stand before or after operands", () => {
  const expected = { values: { json: true, config: "site.toml" }, positionals: ["status", "web"] };
  for (
    const args of [
      ["status", "web", "--json", "--config", "site.toml"],
      ["--json", "--config=site.toml", "status", "web"],
      ["status", "-c", "site.toml", "web", "--json"],
    ]
  ) {
    const { values, positionals } = parseArguments(args);
    assert.deepEqual({ values: { ...values }, positionals }, expected);
  }
  const dashes = parseArguments(["check", "--", "--odd.toml"]);
  assert.deepEqual(dashes.positionals, ["check", "--odd.toml"]);
});

Deno.test("what is wrong with an option is wrong usage, and names it", () => {
  const cases: [string[], RegExp][] = [
    [["status", "--jsno"], /--jsno/],
    [["-x"], /-x/],
    [["--config"], /config/],
    [["--json=yes"], /json/],
  ];
  for (const [args, expected] of cases) {
    assert.throws(() => parseArguments(args), (error) => {
      assert.ok(error instanceof UsageError, args.join(" "));
      assert.match(error.message, expected);
      return true;
    });
  }
});

Deno.test("each command has a help text of its own, with an example", () => {
  const general = helpText();
  assert.ok(commandNames().length >= 6);
  for (const command of commandNames()) {
    assert.ok(isCommand(command));
    assert.ok(general.includes(`halb ${command}`) || command === "run", `${command} in the list`);
    const text = helpText(command);
    assert.notEqual(text, general);
    assert.ok(text.startsWith(`halb ${command}`));
    assert.ok(text.split("\n").every((line) => line.length <= 100));
  }
  for (const name of ["toString", "__proto__", "constructor", ""]) assert.ok(!isCommand(name));
});

Deno.test("ages are shown in their two largest units", () => {
  const cases: [number, string][] = [
    [-5, "0s"],
    [0, "0s"],
    [999, "0s"],
    [1000, "1s"],
    [59_999, "59s"],
    [60_000, "1m"],
    [312_000, "5m 12s"],
    [3_600_000, "1h"],
    [3_659_000, "1h"],
    [3_660_000, "1h 1m"],
    [86_400_000 * 3 + 3_600_000 * 4 + 59_000, "3d 4h"],
    [86_400_000 * 400, "400d"],
  ];
  for (const [milliseconds, expected] of cases) {
    assert.equal(formatAge(milliseconds), expected, String(milliseconds));
  }
});

Deno.test("a table pads by what is seen", () => {
  const rows = [["A", "LONG"], ["bb", "c"], ["", "d"]];
  assert.equal(formatTable(rows), "A   LONG\nbb  c\n    d");
  const paint = painter(true);
  assert.equal(
    formatTable(rows, (cell, row) => row === 1 ? paint(cell, "red") : cell),
    "A   LONG\n\x1b[31mbb\x1b[0m  \x1b[31mc\x1b[0m\n    d",
  );
  assert.equal(painter(false)("x", "red"), "x");
});
