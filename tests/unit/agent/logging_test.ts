import assert from "node:assert/strict";
import { log, logTargets, reloadLogging, setUpLogging } from "../../../mod/agent/logging.ts";
import type { AgentConfig } from "../../../config/mod.ts";

Deno.test({
  name: "the log goes where the newest site wants it, also back, and loses nothing meanwhile",
  // The log's timer stays for as long as the process does.
  sanitizeOps: false,
  sanitizeResources: false,
  fn: async () => {
    const directory = await Deno.makeTempDir();
    const to = (name: string): AgentConfig["log"] => ({
      level: "info",
      levels: {},
      format: "text",
      targets: [`file:${directory}/${name}`],
    });
    const said = (name: string) =>
      Deno.readTextFileSync(`${directory}/${name}`).trimEnd().split("\n")
        .map((line) => line.split(" ").at(-1));
    try {
      await setUpLogging(to("a"));
      log("info", ["control"], "one");
      const reloading = reloadLogging(to("b"));
      log("info", ["control"], "two");
      await reloading;
      log("info", ["control"], "three");
      // As after a reload that failed later on: the site is the one before.
      await reloadLogging(to("a"));
      log("info", ["control"], "four");
      // What cannot be opened changes nothing.
      await assert.rejects(reloadLogging(to("none/c")), /Cannot log to/);
      log("info", ["control"], "five");
      assert.deepEqual(said("a"), ["one", "four", "five"]);
      assert.deepEqual(said("b"), ["two", "three"]);
    } finally {
      logTargets.use({ targets: [], format: "text" });
      await Deno.remove(directory, { recursive: true });
    }
  },
});
