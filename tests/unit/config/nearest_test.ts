import assert from "node:assert/strict";
import { editDistance, nearest } from "../../../config/nearest.ts";

Deno.test("edits are insertion, deletion, replacement and swap", () => {
  assert.equal(editDistance("", ""), 0);
  assert.equal(editDistance("abc", ""), 3);
  assert.equal(editDistance("abc", "abc"), 0);
  assert.equal(editDistance("abc", "abd"), 1);
  assert.equal(editDistance("abc", "acb"), 1);
  assert.equal(editDistance("kitten", "sitting"), 3);
  assert.equal(editDistance("ca", "abc"), 3);
});

Deno.test("the nearest known word is found, a distant one is not", () => {
  const known = ["name", "interface", "virtual_router_id", "priority", "preempt", "source"];
  assert.equal(nearest("virtual_ruoter_id", known), "virtual_router_id");
  assert.equal(nearest("virtualRouterId", known), "virtual_router_id");
  assert.equal(nearest("virtual-router-id", known), "virtual_router_id");
  assert.equal(nearest("Priorty", known), "priority");
  assert.equal(nearest("virtual", known), "virtual_router_id");
  assert.equal(nearest("zebra", known), undefined);
  assert.equal(nearest("", known), undefined);
  assert.equal(nearest("---", known), undefined);
});
