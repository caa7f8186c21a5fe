/** The language of keepalived.conf: quotes, comments, includes, conditions, variables, repetition. */

import assert from "node:assert/strict";
import { expandBraces, Expander } from "../../../mod/convert/expand.ts";
import { Notes } from "../../../mod/convert/notes.ts";
import { parseLines } from "../../../mod/convert/parse.ts";
import { commandWords, wordsOf } from "../../../mod/convert/words.ts";
import type { Statement } from "../../../mod/convert/types.ts";
import { conversion, instance, server } from "./fixtures.ts";

/** The lines of files as one id sees them, and what could not be read. */
function expanded(
  files: string | Readonly<Record<string, string>>,
  id = "edge-a",
  environment: Readonly<Record<string, string>> = {},
): { lines: string[]; notes: string[]; statements: Statement[] } {
  const all: Readonly<Record<string, string>> = typeof files === "string"
    ? { "keepalived.conf": files }
    : files;
  const notes = new Notes();
  const expander = new Expander(id, {
    hostname: "edge-a",
    environment: (name) => environment[name],
    hasUser: () => false,
    find: (pattern) => {
      const shape = new RegExp(`^${pattern.replaceAll(".", "\\.").replaceAll("*", "[^/]*")}$`);
      return Object.keys(all).filter((path) => shape.test(path)).sort();
    },
    read: (path) => {
      const text = all[path];
      if (text === undefined) throw new Error("there is no such file");
      return text;
    },
  }, notes);
  expander.readFile("keepalived.conf");
  const statements = parseLines(expander.lines, notes);
  return {
    lines: expander.lines.map(({ text }) => text.trim().replaceAll(/\s+/g, " ")),
    notes: notes.list().filter(({ verdict }) => verdict === "unread").map((note) =>
      `${note.file}:${note.line} ${note.keyword}: ${note.reason}`
    ),
    statements,
  };
}

/** Statements as nested lists. */
function shape(statements: readonly Statement[]): unknown[] {
  return statements.map(({ keyword, args, children }) =>
    children === undefined ? [keyword, ...args] : [keyword, ...args, { in: shape(children) }]
  );
}

Deno.test("words: quotes join, escapes are read, braces stand alone", () => {
  const texts = (line: string) => wordsOf(line).words.map(({ text }) => text);
  assert.deepEqual(texts(`abcd" efg h jkl "mnop`), ["abcd efg h jkl mnop"]);
  assert.deepEqual(texts(`abcd "efg h jkl" mnop`), ["abcd", "efg h jkl", "mnop"]);
  assert.deepEqual(texts(`a "b 'c d'" 'e "f"'`), ["a", "b 'c d'", 'e "f"']);
  assert.deepEqual(texts(String.raw`"\x41\102\n\cA\"\q" \"x`), ['AB\n\x01"q', '"x']);
  assert.deepEqual(texts("group{ VI_1}"), ["group", "{", "VI_1", "}"]);
  assert.deepEqual(texts('x "{" ${UNKNOWN}y'), ["x", "{", "${UNKNOWN}y"]);
  assert.deepEqual(texts(""), []);
  assert.equal(wordsOf('a "b').problem, 'the quote " is not closed on this line');
  assert.deepEqual(commandWords(`/bin/x  'a b' "c" d\\ e`), ["/bin/x", "a b", "c", "d e"]);
});

Deno.test("comments begin with # or !, and not in quotes", () => {
  const { lines, statements } = expanded(
    `! head\nrouter_id a # behind\n# above\nx "a # b" ! c\n\ny \${_HASH}1 \${_BANG}\n`,
  );
  assert.deepEqual(lines, ["router_id a", 'x "a # b"', "y \\#1 \\!"]);
  assert.deepEqual(statements.map(({ before, behind }) => [before, behind]), [
    [["head"], "behind"],
    [["above"], "c"],
    [[], undefined],
  ]);
  assert.deepEqual(statements[2]?.args, ["#1", "!"]);
});

Deno.test("blocks nest, on one line or on several, and what is open or closed too often is told", () => {
  const { statements, notes } = expanded(
    `a x {\n b 1\n c { d 2 }\n}\ne\n{\n f\n}\n}\ng {\n h {\n`,
  );
  assert.deepEqual(shape(statements), [
    ["a", "x", { in: [["b", "1"], ["c", { in: [["d", "2"]] }]] }],
    ["e", { in: [["f"]] }],
    ["g", { in: [["h", { in: [] }]] }],
  ]);
  assert.deepEqual(notes, [
    "keepalived.conf:9 }: there is no block to be closed here",
    "keepalived.conf:10 g: its block is not closed",
    "keepalived.conf:11 h: its block is not closed",
  ]);
});

Deno.test("includes: relative to their file, globs in order, braces, strict ones", () => {
  const { lines, notes } = expanded({
    "keepalived.conf":
      "a 1\ninclude conf.d/*.conf\ninclude none.conf\nincluder none2.conf\ninclude {x,y}.conf\n",
    "conf.d/1.conf": "one\ninclude sub/s.conf\n",
    "conf.d/2.conf": "two ${_PWD}\n",
    "conf.d/sub/s.conf": "sub\n",
    "x.conf": "x\ninclude keepalived.conf\n",
    "y.conf": "y\n",
  });
  assert.deepEqual(lines, ["a 1", "one", "sub", "two conf.d", "x", "y"]);
  assert.deepEqual(notes, [
    "keepalived.conf:4 includer: there is no file none2.conf",
    "x.conf:2 include keepalived.conf: it includes itself",
  ]);
  assert.deepEqual(expandBraces("{foo/{,cat,dog},bar}"), ["foo/", "foo/cat", "foo/dog", "bar"]);
});

Deno.test("conditions: @id and @^id, before definitions, and out of a variable", () => {
  const text = `@main $P=240\n@backup $P=200\npriority $P\n@main a\n@^main b\n$IF=@main\n$IF c\n` +
    "unicast_peer {\n@^main 1\n@^backup 2\n}\n@^main @^backup d\n";
  assert.deepEqual(
    expanded(text, "main").lines.join("; "),
    "priority 240; a; c; unicast_peer {; 2; }",
  );
  assert.deepEqual(
    expanded(text, "backup").lines.join("; "),
    "priority 200; b; unicast_peer {; 1; }",
  );
  assert.deepEqual(
    expanded(text, "else").lines.join("; "),
    "priority $P; b; unicast_peer {; 1; 2; }; d",
  );
});

Deno.test("variables: replaced late and again, unknown ones stay", () => {
  const { lines } = expanded(
    "$BASE=10.2.${SUB}\n$SUB=0\n${BASE}.100/32\n$SUB=10\n${BASE}.100/32\n" +
      "$EMPTY=\nx${EMPTY}y $SUB z$SUB.1 ${NONE} $NONE\n",
  );
  assert.deepEqual(lines, ["10.2.0.100/32", "10.2.10.100/32", "xy 10 z$SUB.1 ${NONE} $NONE"]);
});

Deno.test("definitions of several lines, nested, with blank lines between", () => {
  const { lines, notes } = expanded(`$RS= \\
  real_server 192.0.2.\${N} 80 { \\
    weight 1 \\

  }
$VS= \\
  virtual_server 10.0.0.4 80 { \\
    $N=1 \\
    $RS \\
    $N=2 \\
    $RS \\
  }
$VS
`);
  assert.deepEqual(lines, [
    "virtual_server 10.0.0.4 80 {",
    "real_server 192.0.2.1 80 {",
    "weight 1",
    "}",
    "real_server 192.0.2.2 80 {",
    "weight 1",
    "}",
    "}",
  ]);
  // The manual has it so, and keepalived 2.2.7 ends the definition there.
  assert.deepEqual(notes, [
    "keepalived.conf:4 $RS=: keepalived 2.2 ends the definition at the blank line: here it goes on",
  ]);
});

Deno.test("a definition goes on behind a comment with a backslash, and ends at a blank line", () => {
  // Seen with keepalived 2.2.7.
  const { lines, notes } = expanded(
    "@edge-a $A= \\\n one ! said \\\n # alone \\\n two \\\n\n$B= \\\n three # x\n$A\n$B\n",
  );
  assert.deepEqual(lines, ["one", "two", "three"]);
  assert.deepEqual(notes, []);
});

Deno.test("a backslash that keepalived does not go on behind is told of, and read as meant", () => {
  const { lines, notes } = expanded("a 1 \\\n 2\nb ! c \\\n! d \\\n$A=x \\\n y\n");
  assert.deepEqual(lines, ["a 1 2", "b"]);
  const backslash =
    "keepalived joins lines in definitions alone, and reads the backslash as a part " +
    "of its last word";
  assert.deepEqual(notes, [
    `keepalived.conf:1 a: ${backslash}`,
    `keepalived.conf:3 b: ${backslash}`,
    "keepalived.conf:5 $A=x: keepalived wants nothing behind the = of a definition of several lines",
  ]);
});

Deno.test("paths, hosts, files and processes are read without escapes, as by keepalived 2.2.7", () => {
  // Each was read out of its parsed configuration and its requests.
  const plain = (line: string) => wordsOf(line).words.map((word) => word.plain);
  assert.deepEqual(plain(String.raw`/a\\b`), [String.raw`/a\\b`]);
  assert.deepEqual(plain(String.raw`"/a\\b \c"`), [String.raw`/a\\b \c`]);
  assert.deepEqual(plain(String.raw`"my prog" "arg one"`), ["my prog", "arg one"]);
  assert.deepEqual(plain(String.raw`"/a\"b"`), ["/a\\"]);
  assert.deepEqual(plain(String.raw`/a"b c"d`), ["/a"]);
  assert.deepEqual(plain(String.raw`"/t\tab\x41\101"`), [String.raw`/t\tab\x41\101`]);
  const { text, notes } = conversion(
    [
      String.raw`track_file f {`,
      String.raw`file "/run/a\\b \c"`,
      String.raw`}`,
      String.raw`vrrp_track_process p {`,
      String.raw`process "/bin/a\\b \c" "one \t"`,
      String.raw`}`,
      instance("track_file {\nf\n}\ntrack_process {\np\n}"),
      server(
        "",
        String.raw`HTTP_GET {
        url {
          path /a\\b
          virtualhost "x\\y"
        }
      }`,
      ),
    ].join("\n"),
  );
  assert.deepEqual(notes.filter(({ verdict }) => verdict === "unread"), []);
  const written = [
    String.raw`path = '/run/a\\b \c'`,
    String.raw`command = ['/bin/a\\b \c', 'one \t']`,
    String.raw`path = '/a\\b'`,
    String.raw`host = 'x\\y'`,
  ];
  for (const line of written) assert.ok(text.includes(line), `${line} in ${text}`);
});

Deno.test("~SEQ counts up, down and in hexadecimal, ~LST goes through values, and both nest", () => {
  const of = (text: string) => expanded(text).lines;
  assert.deepEqual(of("~SEQ(S, 0, 3) a ${S}"), ["a 0", "a 1", "a 2", "a 3"]);
  assert.deepEqual(of("~SEQ(S, 2) a ${S}"), ["a 1", "a 2"]);
  assert.deepEqual(of("~SEQ(S, -2) a ${S}"), ["a -1", "a -2"]);
  assert.deepEqual(of("~SEQ(S, 3, 1) a ${S}"), ["a 3", "a 2", "a 1"]);
  assert.deepEqual(of("~SEQx(S, 0x90, 0x10, 0xb0) fe80::${S}"), [
    "fe80::90",
    "fe80::a0",
    "fe80::b0",
  ]);
  assert.deepEqual(of("~LST({A, B}, {10,1},{20,4}) ${A}.${B}"), ["10.1", "20.4"]);
  assert.deepEqual(of("~LST(A, 1, 2) ~SEQ(B,5,6) ${A}${B}"), ["15", "16", "25", "26"]);
  assert.deepEqual(of("$V= \\\n a ${N} \\\n b\n~SEQ(N,1,2) $V"), ["a 1", "b", "a 2", "b"]);
});

Deno.test("what cannot be read is told with its line, and the rest is read", () => {
  const { notes, lines } = expanded(
    "~SEQ(S, 0, 0, 3) a\n~SEQ(1) b\n~LST(A) c\n~LST({A,B},{1}) d\n~SEQ(S,1 e\n@ f\n" +
      "$A=${B}\n$B=${A}x\n${A}\nok\n",
  );
  assert.deepEqual(lines.at(-1), "ok");
  const told = notes.map((note) => note.slice(0, 80));
  assert.deepEqual(told.slice(0, 6), [
    "keepalived.conf:1 ~: ~SEQ: its step is 0",
    "keepalived.conf:2 ~: ~SEQ: it begins with the name of a variable",
    "keepalived.conf:3 ~: ~LST: it has no values",
    "keepalived.conf:4 ~: ~LST: each of its values must have 2 parts",
    "keepalived.conf:5 ~: ~SEQ( is not closed",
    "keepalived.conf:6 @: there is no id behind it",
  ]);
  assert.equal(told.length, 7, "the variables without an end are told of");
});

Deno.test("what is too long to be read is told of by its first word alone", () => {
  const { notes } = expanded("$A=${B}\n$B=${A}x\nauth_pass sesame${A}\n");
  assert.equal(notes.length, 1);
  assert.match(notes[0]!, /auth_pass: its variables refer to each other/);
  assert.doesNotMatch(notes[0]!, /sesame/);
});

Deno.test("predefined names: instance, random numbers, the environment", () => {
  const { lines } = expanded("a ${_INSTANCE} ${_RANDOM 7 9} ${_ENV WHO}\n", "east", { WHO: "me" });
  assert.deepEqual(lines, ["a east 7 me"]);
  const auth = "authentication {\nauth_type PASS\nauth_pass ${_ENV VRRP_KEY}\n}";
  const result = conversion(instance(auth), { environment: { VRRP_KEY: "sesame" } });
  assert.match(result.text, /password = \{ env = "VRRP_KEY" \}/);
  assert.doesNotMatch(result.text, /sesame/);
  result.site();
  const joined = auth.replace("VRRP_KEY}", "VRRP_KEY}x");
  const part = conversion(instance(joined), { environment: { VRRP_KEY: "sesame" } });
  assert.match(part.text, /password = "sesamex"/, "halb joins no texts");
});

Deno.test("comments stay beside what they are about", () => {
  const { text } = conversion(`# The pair at the edge.
global_defs {
  # whom to ask
  router_id edge ! our name
}
# The web.
vrrp_instance web {
  interface eth0
  virtual_router_id 51
  # the better one
  priority 150 # of two
  state BACKUP # both
  virtual_ipaddress {
    # for the old clients
    192.0.2.10/24
    192.0.2.11/24 # new
  }
}
# The end.
`);
  const wanted = [
    "# The pair at the edge.\n[agent]",
    '# whom to ask\nname = "edge" # our name',
    '# The web.\n[[vrrp]]\nname = "web"',
    "# the better one\npriority = 150 # of two",
    '  # for the old clients\n  "192.0.2.10/24",\n  "192.0.2.11/24", # new\n',
    "# both\n",
    "# The end.\n# Summary:",
  ];
  for (const part of wanted) assert.ok(text.includes(part), `${part}\n---\n${text}`);
});

Deno.test("comments of what has no key of its own stand once in the table around it", () => {
  const words = "one two three four five six seven eight nine ten eleven twelve".split(" ");
  const [a, b, c, d, e, f, g, h, i, j, k, l] = words.map((word) => `# no. ${word}\n`);
  const { text, site } = conversion(
    `global_defs {\n${a}vrrp_version 3\n${b}smtp_alert on\n}\n` +
      instance(`${c}accept\n${d}advert_int 2\n${e}nopreempt\n${f}track_interface {\neth1\n}`) +
      server(
        `${g}delay_loop 5\n${h}virtualhost x`,
        `${i}retry 2\n${j}TCP_CHECK {\n${k}warmup 0\n}\n}\n` +
          `real_server 198.51.100.12 8080 {\n${l}TCP_CHECK {\nretry 2\nwarmup 0\n}`,
      ),
  );
  site();
  for (const word of words) {
    assert.equal(text.split(`# no. ${word}\n`).length, 2, `${word}\n${text}`);
  }
});
