/** Trackers in a plan, and what they mean while another plan is applied. */

import assert from "node:assert/strict";
import { keepMeaning } from "../../../mod/agent/tracker_plan.ts";
import type { WatchedAddress } from "../../../mod/plane/trackers.ts";

function watched(name: string, more: Partial<WatchedAddress> = {}): WatchedAddress {
  return { kind: "address", namespace: "", name, address: "192.0.2.1", ...more };
}

Deno.test("what is looked for already keeps its meaning, what is new comes, what is gone goes", () => {
  const before = [watched("a"), watched("b"), watched("gone")];
  const wanted = [
    watched("a", { interface: "eth7" }),
    watched("b"),
    watched("new"),
    watched("b", { namespace: "blue", address: "192.0.2.2" }),
  ];
  assert.deepEqual(keepMeaning(wanted, before), [watched("a"), watched("b"), wanted[2], wanted[3]]);
});
