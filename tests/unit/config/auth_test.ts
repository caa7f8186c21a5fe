/** Authentication in site.toml: what is accepted, what is refused, and that nothing shows a secret. */

import assert from "node:assert/strict";
import { formatProblem } from "../../../config/mod.ts";
import { maskLine, secretAt } from "../../../config/secrets.ts";
import { readableByOthers } from "../../../config/security.ts";
import { type Expected, load, loadValid, problemsOf, router } from "./fixtures.ts";

const KEY = `hex:${"0123456789abcdef".repeat(4)}`;
const SHORT = "too short a key, and ours alone";

function authOf(text: string, options: Parameters<typeof loadValid>[1] = {}) {
  return loadValid({ "site.toml": router(text), "vrrp.key": `${KEY}\n` }, options).vrrp[0]!.auth;
}

/** Message and advice of what is wrong with the lines below a valid router. */
function wrong(text: string): (string | undefined)[][] {
  return problemsOf({ "site.toml": router(text) }).map(([, , message, advice]) => [
    message,
    advice,
  ]);
}

Deno.test("a key from a file or variable, and what follows where nothing else is said", () => {
  const auth = authOf('auth = { type = "hmac", keys = [{ id = 7, key = { file = "vrrp.key" } }] }');
  assert.equal(auth?.type, "hmac");
  assert.equal(auth.keys?.[0]?.key.length, 32);
  assert.deepEqual(
    [auth.active_key, auth.mode, auth.anti_replay, auth.time_window],
    [undefined, "enforce", "time", undefined],
  );
  const pass = authOf('version = 2\nauth = { type = "pass", password = { env = "P" } }', {
    variables: { P: "abc" },
  });
  assert.equal(pass?.password?.length, 3);
});

Deno.test("all of it written out; a default; a router that wants none", () => {
  const auth = authOf(
    `auth = { type = "hmac", keys = [{ id = 1, key = "${KEY}" }, { id = 2, key = "${
      "x".repeat(64)
    }" }], ` +
      'active_key = 2, mode = "receive-only", anti_replay = "time", time_window = "300s" }',
  );
  assert.deepEqual([auth?.active_key, auth?.mode, auth?.time_window], [
    2,
    "receive-only",
    300_000_000,
  ]);
  const { vrrp } = loadValid({
    "site.toml": `[defaults.vrrp.auth]\ntype = "hmac"\nkeys = [{ id = 1, key = "${KEY}" }]\n` +
      router('auth = { type = "none" }\n') +
      router('version = 2\nauth = { type = "ah", password = "abc" }\n')
        .replace('"web"', '"old"').replace("51", "52").replace(".10/", ".11/") +
      router("").replace('"web"', '"new"').replace("51", "53").replace(".10/", ".12/"),
  });
  assert.deepEqual(vrrp.map(({ auth }) => auth?.type), ["none", "ah", "hmac"]);
});

Deno.test("what is missing, too long or contradictory is refused", () => {
  const key = (id: number) => `{ id = ${id}, key = "${KEY}" }`;
  const cases: readonly [string, string, RegExp][] = [
    ["", 'type = "pass"', /`auth.password` is missing/],
    ["", 'type = "pass", password = "secret123"', /has 9 bytes.*room for 8.*first 8/],
    ["", 'type = "ah", password = ""', /it is empty/],
    ["version = 3", 'type = "ah", password = "abc"', /is for VRRP version 2.*speaks version 3/],
    ["", 'type = "hmac"', /needs at least one key/],
    ["", 'type = "hmac", keys = []', /needs at least one key/],
    ["", `type = "hmac", keys = [${key(1)}, ${key(2)}]`, /`auth.active_key` is missing/],
    ["", `type = "hmac", keys = [${key(1)}], active_key = 2`, /no key with the id 2.*only 1/],
    ["", `type = "hmac", keys = [${key(1)}, ${key(1)}], active_key = 1`, /Two keys have the id 1/],
    ["", `type = "hmac", keys = [${key(0)}]`, /not a whole number from 1 to 255/],
    ["", `type = "hmac", keys = [{ id = 1, key = "${SHORT}" }]`, /32 to 64 bytes.*this one has 31/],
    ["", 'type = "hmac", keys = [{ id = 1, key = "hex:zz" }]', /pairs of hexadecimal digits/],
    [
      "",
      `type = "hmac", keys = [{ id = 1, key = "file:/etc/${"k".repeat(40)}" }]`,
      /file = "PATH"/,
    ],
    ["", `type = "hmac", keys = [${key(1)}], password = "abc"`, /is for type "pass" and "ah"/],
    ["", 'type = "pass", password = "abc", active_key = 1', /is for type "hmac", not for "pass"/],
    ["", `type = "hmac", keys = [${key(1)}], time_window = "1500ms"`, /not a multiple of 1s/],
    ["", 'type = "md5"', /is not one of "none", "pass", "ah", "hmac"/],
  ];
  for (const [version, auth, message] of cases) {
    const found = wrong(`${version === "" ? "version = 2" : version}\nauth = { ${auth} }\n`);
    assert.equal(found.length, 1, `${auth}: ${JSON.stringify(found)}`);
    assert.match(found[0]![0]!, message, auth);
  }
});

Deno.test("a place where two keys meet names both", () => {
  const expected: Expected[] = [[
    "site.toml:7:29",
    '"pass"',
    'Authentication of type "pass" is for VRRP version 2, and this router (site.toml:6:11) ' +
    "speaks version 3",
    'write `type = "hmac"` with `keys`, or `version = 2` for the router',
  ]];
  assert.deepEqual(
    problemsOf({
      "site.toml": router('version = 3\nauth = { password = "a", type = "pass" }'),
    }),
    expected.map(([, ...rest]) => ["site.toml:7:33", ...rest]),
  );
});

Deno.test("a window that means nothing is worth a warning", () => {
  const result = load({
    "site.toml": router(
      `auth = { type = "hmac", keys = [{ id = 1, key = "${KEY}" }], ` +
        'anti_replay = "monotonic", time_window = "5s" }',
    ),
  });
  assert.ok(result.ok);
  assert.match(result.warnings[0]!.message, /no effect with `anti_replay = "monotonic"`/);
});

Deno.test("neither problems nor the configuration show a secret, wherever the mistake is", () => {
  const secret = "opensesame";
  const texts = [
    `auth = { type = "pass", password = "${secret}" }`,
    `version = 2\nauth = { type = "paas", password = "${secret}" }`,
    `version = 2\nauth = { type = "pass", pasword = "${secret}" }`,
    `version = 2\nauth = { type = "pass", password = ["${secret}"] }`,
    `version = 2\nauth = { type = "pass", password = "${secret} }`,
    `version = 2\nauth = { type = "pass", password = ${secret} }`,
    `version = 2\nauth = { type = "hmac", keys = [{ id = "1", key = '${secret}' }] }`,
    `version = 2\nauth = { type = "hmac", keys = [{ id = 1, key = "${secret}" }], zebra = 1 }`,
    `version = 2\nauth.password = "${secret}"\n`,
    `version = 2\nauth = { type = "paas", password = { by_host = { a = "${secret}" } } }`,
    `version = 2\nauth = { type = "pass", password = { a = "${secret}" } }`,
  ];
  for (const text of texts) {
    const result = load({ "site.toml": router(text) });
    assert.ok(!result.ok, text);
    const shown = JSON.stringify(result.problems) +
      result.problems.map((problem) => formatProblem(problem, { color: false })).join("\n");
    assert.doesNotMatch(shown, /opensesame|sesame/, text);
  }
  const site = loadValid({
    "site.toml": router(
      `version = 2\nauth = { type = "pass", password = "sesame" }`,
    ),
  });
  assert.doesNotMatch(JSON.stringify(site) + Deno.inspect(site, { depth: 20 }), /sesame/);
});

Deno.test("lines keep their columns under asterisks, and only values that may be secret go", () => {
  assert.equal(maskLine('password = "a b" # c'), 'password = "* *" # c');
  assert.equal(maskLine("x = { key = 'ab', id = 1 }"), "x = { key = '**', id = 1 }");
  assert.equal(maskLine('key = { file = "/etc/k" }'), 'key = { file = "/etc/k" }');
  assert.equal(maskLine("active_key = 12"), "active_key = 12");
  assert.equal(maskLine('keys = [{ id = 1, key = "😀" }]'), 'keys = [{ id = 1, key = "*" }]');
  assert.equal(maskLine('name = "keystone"'), 'name = "keystone"');
  assert.equal(maskLine("token = [4711, 12] # c"), "token = ****** **] # c");
  assert.equal(maskLine("token = { a = 123 }, b = 7"), "token = { a = *** }, b = 7");
  assert.equal(
    maskLine('password = { by_host = { file-a = "x}y", b = \'z\' }, default = "d" }, id = "e"'),
    'password = { by_host = { file-a = "***", b = \'*\' }, default = "*" }, id = "e"',
  );
  assert.equal(maskLine("passive = true"), "passive = true");
});

Deno.test("a value that by_host chose is as secret as the key that it is for", () => {
  assert.equal(secretAt(["vrrp", 0, "auth", "password", "by_host", "a"]), "the password");
  assert.equal(secretAt(["vrrp", 0, "auth", "keys", 1, "key", "default"]), "the key");
  assert.equal(secretAt(["vrrp", 0, "priority", "by_host", "key"]), undefined);
  assert.equal(secretAt(["vrrp", 0, "name"]), undefined);
});

Deno.test("a key in a file that others can read is refused; any other value may be there", () => {
  const security = (mode: number, gid = 0) => ({
    workingDirectory: "/srv",
    users: [0],
    lstat: (path: string) => ({
      uid: 0,
      gid: path.endsWith(".key") ? gid : 0,
      mode: path.endsWith(".key") ? mode : 0o755,
    }),
  });
  assert.equal(readableByOthers("vrrp.key", security(0o600)), undefined);
  assert.equal(readableByOthers("vrrp.key", security(0o640)), undefined, "root's own group");
  assert.equal(
    readableByOthers("vrrp.key", security(0o640, 5)),
    "/srv/vrrp.key can be read by group 5",
  );
  const site = router(
    'priority = { file = "p.key" }\n' +
      'auth = { type = "hmac", keys = [{ id = 1, key = { file = "vrrp.key" } }] }',
  );
  const files = { "site.toml": site, "vrrp.key": KEY, "p.key": "7" };
  const problems = problemsOf(files, { security: security(0o644) });
  assert.deepEqual(problems.map(([, , message]) => message), [
    "Refusing vrrp.key for the key: /srv/vrrp.key can be read by everybody",
  ]);
  assert.equal(loadValid(files, { security: security(0o600) }).vrrp[0]!.priority, 7);
});
