/** What strangers say is shown escaped and cut. */

import { ok, strictEqual } from "node:assert/strict";
import { escapeText, showBytes, showHex, showText } from "../../../mod/text/mod.ts";
import { forSeeds } from "../../lib/random.ts";

Deno.test("control characters, line ends and marks of direction are escaped", () => {
  strictEqual(escapeText("a\r\nb\tc"), "a\\r\\nb\\tc");
  strictEqual(
    escapeText("\u001b[2J\u0000\u0085\u202e\u2028"),
    "\\u001b[2J\\u0000\\u0085\\u202e\\u2028",
  );
  strictEqual(escapeText("Grüße 日本"), "Grüße 日本");
});

Deno.test("text is cut, and tells of it", () => {
  strictEqual(showText("abcdef", 6), "abcdef");
  strictEqual(showText("abcdefg", 6), "abcde…");
  strictEqual(showText("abc\u001bxyz", 6), "abc…", "no half of an escape");
  strictEqual(showText("abcd😀xyz", 6), "abcd…", "no half of a character");
  strictEqual(showText("said\r\n"), "said");
});

Deno.test("bytes that are no text are shown all the same", () => {
  strictEqual(showBytes(Uint8Array.of(0x68, 0x69, 0xff)), "hi\ufffd");
  strictEqual(showHex(Uint8Array.of(0, 0xab), 1), "00…");
});

Deno.test("whatever comes in, one bounded line of harmless characters comes out", () => {
  forSeeds(50, (random) => {
    const bytes = Uint8Array.from({ length: random.int(0, 2000) }, () => random.int(0, 255));
    const shown = showBytes(bytes, 100);
    ok(shown.length <= 100);
    // deno-lint-ignore no-control-regex
    ok(!/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e]/.test(shown));
  });
});
