/** docs/bfd.md: each file is valid, and says what the text around it says. */

import assert from "node:assert/strict";
import { load } from "../config/fixtures.ts";

const PAGE = Deno.readTextFileSync(new URL("../../../docs/bfd.md", import.meta.url));

Deno.test("every file is valid, without so much as a warning", () => {
  const files = [...PAGE.matchAll(/```toml\n([^]*?)```/g)].map(([, text]) => text!);
  assert.ok(files.length >= 7, `${files.length} files`);
  for (const text of files) {
    const loaded = load({ "site.toml": text, "/etc/halb/bfd.key": "sesame\n" });
    assert.deepEqual(loaded.ok ? loaded.warnings : loaded.problems, [], text);
    assert.ok(loaded.ok);
    const { bfd, bfd_unsolicited: unsolicited } = loaded.site;
    assert.ok(bfd.length > 0 || unsolicited !== undefined, text);
  }
});

Deno.test("what it says of defaults is so", () => {
  const text = '[[bfd]]\nname = "a"\npeer = "192.0.2.2"\nmultihop = true\n';
  const loaded = load({ "site.toml": text });
  assert.ok(loaded.ok);
  const [session] = loaded.site.bfd;
  assert.equal(session?.transmit_interval, 300_000);
  assert.equal(session?.detect_multiplier, 3);
  assert.match(PAGE, /The default, 300 ms × 3/);
});
