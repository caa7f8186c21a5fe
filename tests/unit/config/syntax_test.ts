import assert from "node:assert/strict";
import { type Expected, problemsOf } from "./fixtures.ts";

/** Text, and the one problem it must give. */
const BROKEN: readonly (readonly [string, string, Expected])[] = [
  ["value missing", "a = 1\nb =\n", [
    "site.toml:2:4",
    "",
    "A value is missing here",
    "write a value after the `=`",
  ]],
  ["text without quotes", "[[vrrp]]\nname = web # the web\n", [
    "site.toml:2:8",
    "web",
    "`web` is text and must stand in quotes",
    'write `"web"` instead',
  ]],
  ["address without quotes", "x = 192.0.2.1/24\n", [
    "site.toml:1:5",
    "192.0.2.1/24",
    "`192.0.2.1/24` is text and must stand in quotes",
    'write `"192.0.2.1/24"` instead',
  ]],
  ["duration without quotes", "\tx = 10ms\n", [
    "site.toml:1:6",
    "10ms",
    "`10ms` is text and must stand in quotes",
    'write `"10ms"` instead',
  ]],
  ["yes for true", "preempt = yes\n", [
    "site.toml:1:11",
    "yes",
    "`yes` is not a truth value in TOML",
    "write `true` instead",
  ]],
  ["capital False", "preempt = False\n", [
    "site.toml:1:11",
    "False",
    "`False` is not a truth value in TOML",
    "write `false` instead",
  ]],
  ["leading zero", "priority = 0100\n", [
    "site.toml:1:12",
    "0100",
    "`0100` has a leading zero",
    "write `100` instead",
  ]],
  ["two equals signs", "priority == 100\n", [
    "site.toml:1:11",
    "= 100",
    "One `=` is enough",
    "write `priority = 100` instead",
  ]],
  ["colon for equals", "priority: 100\n", [
    "site.toml:1:1",
    "priority: 100",
    "A key and its value are joined by `=`",
    "write `priority = 100` instead",
  ]],
  ["blank in a key", "virtual router id = 5\n", [
    "site.toml:1:1",
    "virtual router id",
    "A key has no blanks: `virtual router id`",
    "write `virtual_router_id` instead",
  ]],
  ["open string", 'name = "web\nx = 1\n', [
    "site.toml:1:12",
    "",
    "The text does not end on this line",
    "close it with a quote here",
  ]],
  ["open header", "# x\n[agent\nname = 1\n", [
    "site.toml:2:1",
    "[agent",
    "The header of a table does not end",
    "write `[agent]` instead",
  ]],
  ["half-open header", "[[vrrp]\n", [
    "site.toml:1:1",
    "[[vrrp]",
    "The header of a table does not end",
    "write `[[vrrp]]` instead",
  ]],
  ["comma missing in a list", 'a = [\n  "x"\n  "y"\n]\n', [
    "site.toml:3:3",
    '"',
    "A comma or a closing bracket is missing",
    "put it before this",
  ]],
  ["key given twice", "[agent]\nname = 'é😀'\nname = 'b'\n", [
    "site.toml:3:1",
    "n",
    "Given twice: `name`",
    "leave out one of the two",
  ]],
  ["table given twice", "[agent]\n[agent]\n", [
    "site.toml:2:2",
    "a",
    "Given twice: `[agent]`",
    "leave out one of the two",
  ]],
  ["a keepalived.conf", "vrrp_instance VI_1 {\n  state MASTER\n}\n", [
    "site.toml:1:1",
    "vrrp_instance VI_1 {",
    "This line is neither `key = value` nor a table",
    "a keepalived.conf becomes a site by `halb convert keepalived.conf -o site.toml`",
  ]],
  ["no assignment", "hello\n", [
    "site.toml:1:1",
    "hello",
    "This line is neither `key = value` nor a table",
    undefined,
  ]],
  ["columns count characters", 'x = { y = "é😀", z = yes }\n', [
    "site.toml:1:21",
    "yes",
    "`yes` is not a truth value in TOML",
    "write `true` instead",
  ]],
];

for (const [name, text, expected] of BROKEN) {
  Deno.test(`syntax: ${name}`, () => {
    assert.deepEqual(problemsOf({ "site.toml": text }), [expected]);
  });
}
