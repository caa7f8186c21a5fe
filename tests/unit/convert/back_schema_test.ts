/**
 * `halb convert --to keepalived` says the truth about each key that there is: one that is kept changes
 * the keepalived.conf, one that is dropped does not.
 */

import assert from "node:assert/strict";
import { type TriedKey, triedKeys } from "./schema_sites.ts";

/** Keys of which all values that are kept mean what keepalived does in any case. */
const SAME = new Set(["vrrp.checksum", "sync_group.need"]);

/** What is wrong with what is said of a key; undefined: nothing. */
function wrongWith({ name, tried, problems }: TriedKey): string | undefined {
  if (tried.length < 2) {
    return `${name}: ${tried.length} of its values are valid: ${problems.join("; ")}`;
  }
  const confsOf = (lost: boolean) =>
    new Set(
      tried.flatMap(({ verdict, conf }) =>
        verdict === undefined || (verdict !== "gone" && (verdict === "dropped") === lost)
          ? conf
          : []
      ),
    );
  const isKept = tried.some(({ verdict }) => verdict === "kept");
  if (isKept && !SAME.has(name) && confsOf(false).size < 2) {
    return `${name} is kept, and changes nothing`;
  }
  if (confsOf(true).size > 1) return `${name} is dropped, and changes something`;
  return undefined;
}

Deno.test("what is said of each key of the schema is so", () => {
  const keys = triedKeys();
  assert.ok(keys.length >= 300, `${keys.length} keys`);
  assert.deepEqual(keys.map(wrongWith).filter((text) => text !== undefined), []);
});
