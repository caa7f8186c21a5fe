/** docs/failover.md: its command prints what it says, its table holds what the simulation yields. */

import assert from "node:assert/strict";
import { examplePicture } from "../../../scripts/simulation_picture.ts";
import { settingRow, simulateFiles } from "./simulated_pair.ts";

const PAGE = Deno.readTextFileSync(new URL("../../../docs/failover.md", import.meta.url));
const FILES = Object.fromEntries(
  [...PAGE.matchAll(/<!-- example: (\S+) -->\s+```toml\n([^]*?)```/g)].map(([, name, text]) =>
    [name!, text!] as const
  ),
);

Deno.test("failover.md: the command, word by word", () => {
  const runs = [...PAGE.matchAll(/<!-- run -->\s+```sh\n([^]*?)```\s+```text\n([^]*?)\n```/g)];
  assert.ok(runs.length >= 1);
  for (const [, command, printed] of runs) {
    const match = /^halb simulate (.*) --script (\S+)\n$/.exec(command!);
    assert.ok(match !== null, command);
    const { exitCode, output } = simulateFiles(FILES, match[1]!.split(" "), { script: match[2]! });
    assert.equal(exitCode, 0);
    assert.equal(output, printed);
  }
});

Deno.test("failover.md: what each setting changes, simulated again", () => {
  const [, table = ""] = /<!-- simulated -->\s+\|.*\n\|[-| :]+\n((?:\|.*\n)+)/.exec(PAGE) ?? [];
  const rows = table.trim().split("\n").map((line) =>
    line.split("|").slice(1, -1).map((cell) => cell.trim())
  );
  assert.ok(rows.length >= 8);
  const simulated = rows.map(([setting]) => {
    const line = /^`(.*)`$/.exec(setting!)?.[1] ?? 'interface = "eth0"';
    return [setting!, ...settingRow(FILES["site.toml"]!, line)];
  });
  assert.deepEqual(simulated, rows);
});

Deno.test("failover.md: the picture is that of its example (scripts/simulation_picture.ts)", () => {
  const path = new URL("../../../docs/images/simulation.svg", import.meta.url);
  assert.equal(Deno.readTextFileSync(path), examplePicture());
});
