/** Errors of sockets in words. */

import { strictEqual } from "node:assert/strict";
import { socketReason } from "../../../mod/check/reasons.ts";

Deno.test("an error that operators know has words, any other keeps its name", () => {
  strictEqual(socketReason("ECONNREFUSED"), "connection refused");
  strictEqual(socketReason("EPERM"), "forbidden by a firewall rule of this machine");
  strictEqual(socketReason("ESTALE", "Stale file handle"), "Stale file handle (ESTALE)");
  strictEqual(socketReason("ESTALE"), "ESTALE");
});
