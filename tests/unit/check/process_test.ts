/** Which processes are meant, as keepalived 2.2.7 was seen to count them. */

import assert from "node:assert/strict";
import { commandMatches } from "../../../mod/check/types/process.ts";

type Match = "exact" | "initial" | "partial" | undefined;

function matches(
  command: string[],
  given: string[],
  param_match?: Match,
  full_command = false,
  name = given[0]!.split("/").at(-1)!.slice(0, 15),
): boolean {
  return commandMatches({ command, full_command, param_match }, { name, command: given });
}

Deno.test("a name alone is compared with the kernel's, of which 15 bytes are kept", () => {
  assert.ok(
    matches(["nginx"], ["nginx: master process /usr/sbin/nginx"], undefined, false, "nginx"),
  );
  assert.ok(matches(["sshd"], ["/usr/sbin/sshd", "-D"]));
  assert.equal(matches(["ssh"], ["/usr/sbin/sshd"]), false);
  assert.equal(matches(["/usr/sbin/sshd"], ["/usr/sbin/sshd"]), false, "a name has no slash");
  assert.ok(matches(["a-name-of-many-letters"], ["x"], undefined, false, "a-name-of-many-"));
  assert.ok(matches(["kworker/0:1"], [""], undefined, false, "kworker/0:1"), "the kernel's own");
});

Deno.test("arguments: all of them, the first ones, or the last one's beginning", () => {
  for (
    const [wanted, match, expected] of [
      // Against: 1000 | 10007 | 1000 7 | 10007 5 | nothing.
      [["1000"], undefined, [true, false, false, false, false]],
      [["1000"], "exact", [true, false, false, false, false]],
      [["1000"], "partial", [true, false, true, false, false]],
      [["1000"], "initial", [true, true, true, true, false]],
      [["1000", "7"], "initial", [false, false, true, false, false]],
      [[], "exact", [false, false, false, false, true]],
      [[], "partial", [true, true, true, true, true]],
      [[], "initial", [true, true, true, true, true]],
    ] as const
  ) {
    const found = ["1000", "10007", "1000 7", "10007 5", ""].map((text) =>
      matches(
        ["sleep", ...wanted],
        ["sleep", ...text.split(" ").filter((word) => word !== "")],
        match,
      )
    );
    assert.deepEqual(found, expected, `${wanted.join(" ")} ${match}`);
  }
});

Deno.test("the program of a command line: its path, or the last part of it", () => {
  assert.ok(matches(["/bin/sleep"], ["/bin/sleep", "5"], undefined, true));
  assert.ok(matches(["sleep"], ["/bin/sleep", "5"], undefined, true));
  assert.equal(matches(["/bin/sleep"], ["sleep", "5"], undefined, true), false);
  assert.equal(matches(["sleep"], ["/bin/sleeper"], undefined, true), false);
  assert.ok(matches(["sleep"], ["sleep", "5"], undefined, true, "perl"), "whatever its name");
  assert.equal(matches(["kworker"], [""], undefined, true, "kworker"), false);
});
