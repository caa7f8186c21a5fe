/** Words of all kinds in both directions; each as keepalived 2.2.7's own dump shows it. */

import assert from "node:assert/strict";
import {
  commandText,
  escapedText,
  isWritable,
  wordText,
} from "../../../mod/convert_back/writer.ts";
import { commandWords, wordsOf } from "../../../mod/convert/words.ts";
import { conversion, instance } from "./fixtures.ts";

/** What was given to keepalived, and what it ran. */
const COMMANDS: readonly (readonly [written: string, words: readonly string[]])[] = [
  [String.raw`"/bin/echo 'back\\\\slash' '5\042 disk' 'x\042y'"`, [
    "/bin/echo",
    "back\\slash",
    '5" disk',
    'x"y',
  ]],
  [String.raw`"/bin/echo it\\'s\\ 5\\\042\\ x 'a\nb' 'tail\\\\' $X '5\0421'"`, [
    "/bin/echo",
    `it's 5" x`,
    "a\nb",
    "tail\\",
    "$X",
    '5"1',
  ]],
  [String.raw`"/bin/echo #no a{b} '' it\\'s\\\\n q\\\n\\'r"`, [
    "/bin/echo",
    "#no",
    "a{b}",
    "",
    "it's\\n",
    "q\n'r",
  ]],
];

Deno.test("commands are written on one line, and read as keepalived runs them", () => {
  for (const [written, words] of COMMANDS) {
    assert.equal(commandText(words), written);
    assert.deepEqual(commandWords(wordsOf(written).words[0]?.text ?? ""), words);
  }
  // Backslashes within apostrophes are escapes, too.
  const [word] = wordsOf(String.raw`"/bin/echo 'back\\slash' 'back\\\\slash'"`).words;
  assert.deepEqual(commandWords(word?.text ?? ""), ["/bin/echo", "backslash", "back\\slash"]);
  assert.equal(escapedText(`a"b\\d`), String.raw`"a\042b\\d"`);
});

/** What stood behind `auth_pass`, and the password in the dump. */
const PASSWORDS = [
  [String.raw`"p\q#1"`, String.raw`p\q#1`],
  [String.raw`p\q1`, String.raw`p\q1`],
  [String.raw`p\\q1`, String.raw`p\\q1`],
  [String.raw`"a\\b c"`, String.raw`a\\b c`],
  ["'p q'", "'p"],
  [`"it's"`, "it's"],
  ["it's", "it's"],
  ['"a!b{c"', "a!b{c"],
] as const;

Deno.test("passwords have no escapes", () => {
  for (const [written, password] of PASSWORDS) {
    const auth = `authentication {\nauth_type PASS\nauth_pass ${written}\n}`;
    const [router] = conversion(instance(auth)).site().vrrp;
    const read = new TextDecoder().decode(router?.auth?.password?.reveal());
    assert.equal(read, password, written);
  }
  assert.equal(wordText("p\\q#1"), '"p\\q#1"');
  assert.equal(wordText("p\\q1"), "p\\q1");
  assert.deepEqual(["p\\q#1", "a\\", "it's"].filter((word) => !isWritable(word)), []);
  assert.deepEqual(['a"b', "a\nb", "a b\\"].filter(isWritable), []);
});
