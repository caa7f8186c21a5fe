/** Agents among the processes called halb, by what /proc says of them. */

import assert from "node:assert/strict";
import { isAgent } from "../../../mod/cli/running_agents.ts";

const PRIVILEGED = "Name:\thalb\nCapInh:\t0000000000000000\nCapEff:\t0000000000003000\n";

Deno.test("agents are told from commands, and from those who only have the name", () => {
  const running = (line: string, status = PRIVILEGED) =>
    isAgent(line.split(" ").map((word) => `${word}\0`).join(""), status);
  for (
    const line of [
      "/usr/bin/halb run --config /etc/halb/site.toml",
      "halb --config site.toml",
      "halb --name=b run -c site.toml",
      "halb run --config site.toml --take-over --control /run/halb/control.sock",
    ]
  ) assert.equal(running(line), true, line);
  for (
    const line of [
      "halb cleanup --config site.toml",
      "halb --config site.toml status",
      "halb watch",
      "halb run --help",
      "halb --config",
      "halb",
    ]
  ) assert.equal(running(line), false, line);
  const powerless = PRIVILEGED.replace("3000", "2000");
  assert.equal(running("halb run --config site.toml", powerless), false);
  // A process that has ended and that nobody has asked for.
  assert.equal(isAgent("", PRIVILEGED), false);
});
