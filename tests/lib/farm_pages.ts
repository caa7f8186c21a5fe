/** What the web servers of `tests/kernel/convert_farm.ts` say; other paths are a 404, `/status/N` the status N. */

import { createHash } from "node:crypto";

/** Bodies by path. */
export const PAGES: ReadonlyMap<string, string> = new Map([
  ["/", "Welcome to the farm\n"],
  ["/mrtg/", "Traffic of today\n"],
  ["/testurl3/test.jsp", "Test 3 is fine\n"],
  ["/version", "farm release 4.2 (build 1017)\n"],
]);

/** The digest that keepalived wants of a page. */
export function digestOf(path: string): string {
  return createHash("md5").update(PAGES.get(path) ?? "").digest("hex");
}
