import assert from "node:assert/strict";
import { load, loadValid, problemsOf, router } from "./fixtures.ts";

function priority(value: string): Record<string, string> {
  return { "site.toml": router(`priority = ${value}\n`) };
}

Deno.test("by_host takes the value of the agent's own name, else the default", () => {
  const files = priority("{ by_host = { edge-a = 150, edge-b = 100 }, default = 50 }");
  assert.equal(loadValid(files).vrrp[0]?.priority, 150);
  assert.equal(loadValid(files, { name: "edge-b" }).vrrp[0]?.priority, 100);
  assert.equal(loadValid(files, { hostname: "edge-z" }).vrrp[0]?.priority, 50);
});

Deno.test("by_host may stand for a list, a table, a part of a list, and may hold an env", () => {
  const text = router(
    "track = { by_host = { edge-a = { interfaces = [{ by_host = { edge-a = 'eth7' } }] } } }\n" +
      "source = { by_host = { edge-a = { env = 'SRC' } } }\n",
  ).replace('["192.0.2.10/24"]', "{ by_host = { edge-a = ['192.0.2.77'] } }");
  const [web] = loadValid({ "site.toml": text }, { variables: { SRC: "192.0.2.5" } }).vrrp;
  assert.equal(web?.addresses[0]?.address, "192.0.2.77");
  assert.deepEqual(web?.track.interfaces, [{ name: "eth7" }]);
  assert.equal(web?.source, "192.0.2.5");
});

Deno.test("by_host as a sub-table", () => {
  const text = router("[vrrp.priority.by_host]\nedge-a = 9\n");
  assert.equal(loadValid({ "site.toml": text }).vrrp[0]?.priority, 9);
});

Deno.test("an unlisted host is told who is listed", () => {
  assert.deepEqual(problemsOf(priority("{ by_host = { edge-b = 1, edge-c = 2 } }")), [[
    "site.toml:6:14",
    "by_host",
    "Host edge-a is not listed here, only edge-b, edge-c",
    "add `edge-a = …` here, or `default = …` beside `by_host`, or give the agent one of these names (`--name`)",
  ]]);
});

Deno.test("a host name with dots must be quoted, and the error says so", () => {
  const files = priority("{ by_host = { edge-a.example.net = 1 } }");
  assert.deepEqual(problemsOf(files, { hostname: "edge-a.example.net" }), [[
    "site.toml:6:14",
    "by_host",
    'Host "edge-a.example.net" is not listed here, only edge-a',
    'put the name in quotes: `"edge-a.example.net" = …`',
  ]]);
});

Deno.test("a wrong value under by_host is shown where it stands", () => {
  assert.deepEqual(problemsOf(priority("{ by_host = { edge-a = 0 } }")), [[
    "site.toml:6:35",
    "0",
    "Invalid `priority`: 0 is not a whole number from 1 to 255",
    "write `1` instead",
  ]]);
});

Deno.test("an unknown key is shown at the key, also when its value is by_host", () => {
  const text = router("prioritty = { by_host = { edge-a = 0 } }\n");
  assert.deepEqual(problemsOf({ "site.toml": text }), [[
    "site.toml:6:1",
    "prioritty",
    "Unknown key `prioritty` in `[[vrrp]]`",
    "did you mean `priority`? write `priority` instead",
  ]]);
});

Deno.test("substitution is refused in agent.name, whatever it is", () => {
  for (
    const value of ["{ by_host = { x = 'y' } }", "{ env = 'HOST' }", "{ file = '/etc/hostname' }"]
  ) {
    const [problem, ...others] = problemsOf({
      "site.toml": `[agent]\nname = ${value}\n${router("")}`,
    });
    assert.deepEqual(others, []);
    assert.equal(problem?.[0], "site.toml:2:8");
    assert.equal(problem?.[1], value);
    assert.match(problem?.[2] ?? "", /is not allowed in `agent.name`/);
    assert.match(problem?.[3] ?? "", /write the name itself/);
  }
});

Deno.test("environment: text, number, truth value; the default where it is not set", () => {
  const text = router(
    "priority = { env = 'PRIORITY' }\npreempt = { env = 'PREEMPT' }\n" +
      "checksum = { env = 'SUM', default = 'rfc9568' }\n",
  );
  const variables = { PRIORITY: "42", PREEMPT: "false" };
  const [web] = loadValid({ "site.toml": text }, { variables }).vrrp;
  assert.equal(web?.priority, 42);
  assert.equal(web?.preempt, false);
  assert.equal(web?.checksum, "rfc9568");
});

Deno.test("a variable that is not set", () => {
  assert.deepEqual(problemsOf(priority('{ env = "PRIORITY" }')), [[
    "site.toml:6:20",
    '"PRIORITY"',
    "The environment variable PRIORITY is not set",
    'set it, or write `{ env = "PRIORITY", default = "…" }`',
  ]]);
});

Deno.test("a file is read beside the file that names it, its last newline cut off", () => {
  const files = {
    "site.toml": 'include = ["conf.d/a.toml"]\n',
    "conf.d/a.toml": router("source = { file = 'address' }\n"),
    "conf.d/address": "192.0.2.3\r\n",
  };
  assert.equal(loadValid(files).vrrp[0]?.source, "192.0.2.3");
});

Deno.test("a value file that is missing", () => {
  assert.deepEqual(problemsOf(priority('{ file = "/etc/halb/key" }')), [[
    "site.toml:6:21",
    '"/etc/halb/key"',
    "Cannot read /etc/halb/key: there is no such file",
    undefined,
  ]]);
  const files = priority('{ file = "/etc/halb/key", default = 3 }');
  assert.equal(loadValid(files).vrrp[0]?.priority, 3);
});

Deno.test("the operand of env, file and by_host is checked", () => {
  assert.deepEqual(problemsOf(priority("{ env = 5 }")), [[
    "site.toml:6:20",
    "5",
    "Invalid `env`: 5 is not the name of an environment variable",
    'write `{ env = "VRRP_KEY" }`',
  ]]);
  assert.deepEqual(problemsOf(priority('{ by_host = "edge-a" }')), [[
    "site.toml:6:24",
    '"edge-a"',
    'Invalid `by_host`: "edge-a" is not a table of hosts',
    "write `{ by_host = { edge-a = …, edge-b = … } }`",
  ]]);
});

Deno.test("no value of a file or variable shows in any problem", () => {
  const secret = "hunter2 is a secret";
  const keys = [
    "name",
    "interface",
    "source",
    "priority",
    "checksum",
    "preempt",
    "address_lease",
    "advertisement_interval",
    "garp",
    "version",
  ];
  for (const operand of ["{ env = 'KEY' }", "{ file = 'key' }"]) {
    for (const key of keys) {
      const body = router("").split("\n").filter((line) => !line.startsWith(`${key} =`)).join("\n");
      const files = { "site.toml": `${body}${key} = ${operand}\n`, key: `${secret}\n` };
      const result = load(files, { variables: { KEY: secret } });
      assert.equal(result.ok, false, key);
      const shown = JSON.stringify(result);
      assert.doesNotMatch(shown, /hunter|secret/, key);
      assert.match(shown, /the (value of the environment variable KEY|content of key)/, key);
    }
  }
});

Deno.test("nor does one that is valid but collides", () => {
  const files = {
    "site.toml": router("").replace('"web"', "{ env = 'KEY' }") +
      router("").replace('"web"', "{ env = 'KEY' }"),
  };
  const result = load(files, { variables: { KEY: "hunter2" } });
  assert.equal(result.ok, false);
  assert.doesNotMatch(JSON.stringify(result), /hunter2/);
});
