/** What `halb upgrade` says. */

import assert from "node:assert/strict";
import { upgradeText } from "../../../mod/cli/upgrade.ts";

Deno.test("an upgrade is told in a line", () => {
  const result = {
    old: { version: "1.0.0", pid: 7 },
    new: { version: "1.1.0", pid: 9 },
    routers: 1,
    silence_ms: 4.65,
  };
  assert.equal(
    upgradeText(result),
    "halb 1.0.0 (pid 7) → halb 1.1.0 (pid 9): 1 virtual router taken over, " +
      "no master silent for more than 4.65 ms",
  );
  assert.equal(
    upgradeText({ ...result, routers: 3, silence_ms: null }),
    "halb 1.0.0 (pid 7) → halb 1.1.0 (pid 9): 3 virtual routers taken over",
  );
});
