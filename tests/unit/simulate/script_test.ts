/** Scripts of simulations: what they may not say, and what becomes of what they expect. */

import assert from "node:assert/strict";
import { gateway, judged, problemsOf, run } from "../../lib/simulation.ts";
import { Random, wantedSeed } from "../../lib/random.ts";

const PAIR = { a: gateway(150), b: gateway(100) };

/** A script, and what its one problem begins with. */
const WRONG: readonly (readonly [script: string, problem: string])[] = [
  ["duration = 60", "s.toml:1:12: error: Invalid `duration`: 60 is not a duration with a unit"],
  ["durations = 1", "s.toml:1:1: error: Unknown key `durations` in the top level"],
  ['[[event]]\nkill = "a"', "s.toml:1:1: error: The key `event.at` is missing"],
  ['[[event]]\nat = "1s"', "s.toml:1:1: error: Nothing happens in this event"],
  ['[[event]]\nat = "1s"\nkil = "a"', "s.toml:3:1: error: Unknown key `kil` in `[[event]]`"],
  ['[[event]]\nat = "1s"\nkill = "c"', 's.toml:3:8: error: There is no node "c"'],
  [
    '[[event]]\nat = "1s"\nkill = "a"\nstop = "b"',
    "s.toml:4:8: error: An event has one action: `kill` and `stop` are two",
  ],
  [
    '[[event]]\nat = "1s"\nlink_down = "a:eth1"',
    's.toml:3:13: error: There is no interface "a:eth1"',
  ],
  ['[[event]]\nat = "1s"\nlink_down = "eth0"', "s.toml:3:13: error: Invalid `event.link_down`"],
  ['[[event]]\nat = "1s"\ncut = ["b:eth0", "x:eth0"]', 's.toml:3:18: error: There is no node "x'],
  ['[[event]]\nat = "1s"\nfail = "a:uplink"', 's.toml:3:8: error: There is no tracker "a:uplink"'],
  ['[[event]]\nat = "1s"\nkill = "a"\nfor = "1m"', "s.toml:4:7: error: `for` belongs to `release`"],
  [
    '[[event]]\nat = "1s"\nserver_down = "192.0.2.1:80"',
    's.toml:3:15: error: There is no real server "192.0.2.1:80"',
  ],
  [
    '[[network]]\nname = "x"\nmembers = ["a:eth0"]\nloss = 2',
    "s.toml:4:8: error: Invalid `network.loss`: 2 is not a share from 0 to 1",
  ],
  [
    '[[network]]\nname = "x"\nmembers = ["a:eth0"]\n[[network]]\nname = "y"\nmembers = ["a:eth0"]',
    's.toml:6:12: error: "a:eth0" is in network "x" already',
  ],
  [
    '[[node]]\nname = "a"\naddresses = { eth1 = ["192.0.2.1"] }',
    's.toml:3:15: error: There is no interface "eth1" on a',
  ],
  ['[[expect]]\nat = "1s"', "s.toml:1:1: error: Nothing is expected here"],
  ['[[expect]]\nheld_by = "b"\nat = "1s"', "s.toml:1:1: error: An `address` is missing here"],
  [
    '[[expect]]\naddress = "192.0.2.11"\nheld_by = "b"\nat = "1s"',
    's.toml:2:11: error: No node holds the address "192.0.2.11"',
  ],
  [
    '[[expect]]\naddress = "192.0.2.1"\nheld_by = "b"',
    "s.toml:1:1: error: It is expected at one time, or for a while",
  ],
  [
    '[[expect]]\naddress = "192.0.2.1"\noutage_at_most = "1s"\nat = "1s"',
    "s.toml:4:6: error: `outage_at_most` is about a while, not a moment",
  ],
  [
    '[[expect]]\nrouter = "gw"\nnode = "a"\nstate = "up"\nat = "1s"',
    's.toml:4:9: error: A router is never in state "up"',
  ],
  [
    '[[expect]]\nrouter = "gv"\nnode = "a"\nstate = "master"\nat = "1s"',
    's.toml:2:10: error: There is no router "gv" on a',
  ],
  ['[[expect]]\nat = "1s"\ndouble_at_most = 5', "s.toml:3:18: error: Invalid `expect.double_at_m"],
  ['[[event]]\nat = "1s"\ncut = []', "s.toml:3:7: error: Name at least one interface"],
  [
    '[[network]]\nname = "x"\nmembers = []',
    "s.toml:3:11: error: Name at least one interface",
  ],
  [
    '[[event]]\nat = "1s"\nnetwork = { name = "eth0" }',
    "s.toml:3:1: error: Nothing of this network changes",
  ],
  [
    '[[event]]\nat = "1s"\ndeaf = { node = "a", to = "a" }',
    "s.toml:3:27: error: No node hears itself",
  ],
  [
    '[[network]]\nname = "lan"\nmembers = ["a:eth0", "b:eth0"]\n[[event]]\nat = "1s"\n' +
    'network = { name = "eth0", loss = 1 }',
    's.toml:6:20: error: There is no network "eth0"',
  ],
  [
    '[[network]]\nname = "eth0"\nmembers = ["a:eth0"]',
    's.toml:2:8: error: "eth0" is the network of b:eth0 already, which this one does not list',
  ],
  [
    'duration = "10s"\n[[event]]\nat = "1h"\nkill = "a"',
    's.toml:3:6: error: "1h" is after the end: `duration` is 10s',
  ],
  ["[[event]\n", "s.toml:1:1: error: The header of a table does not end"],
  ["event = 1", "s.toml:1:9: error: Invalid `event`: 1 is not a list of tables"],
];

for (const [script, problem] of WRONG) {
  Deno.test(`refused: ${JSON.stringify(script)}`, () => {
    const [found = "", ...more] = problemsOf(PAIR, script);
    assert.ok(found.startsWith(problem), `"${found}" begins with "${problem}"`);
    assert.match(found, /\n +\| +\^/, "with a caret");
    assert.deepEqual(more, []);
  });
}

Deno.test("a name that is nearly right is told", () => {
  const sites = { "edge-a": gateway(150), "edge-b": gateway(100) };
  const [problem = ""] = problemsOf(sites, '[[event]]\nat = "1s"\nkill = "edge-aa"');
  assert.match(problem, /help: write `"edge-a"` instead/);
});

Deno.test("a file that is not there is told without a line", () => {
  const [problem] = problemsOf(PAIR, 'include = ["other.toml"]');
  assert.match(problem!, /^s\.toml:1:12: error: Cannot read other.toml: there is no such file/);
});

/** What is expected of a pair whose master loses its power after 10 s. */
const EXPECTED: readonly (readonly [expectation: string, result: string])[] = [
  [
    'address = "192.0.2.1"\nheld_by = "b"\nat = "14s"',
    "held 192.0.2.1 is held by b at 14s: held by b",
  ],
  [
    'address = "192.0.2.1"\nheld_by = "b"\nat = "13s"',
    "FAILED 192.0.2.1 is held by b at 13s: held by nobody",
  ],
  [
    'address = "192.0.2.1"\nheld_by = "nobody"\nat = "11s"',
    "held 192.0.2.1 is held by nobody at 11s: held by nobody",
  ],
  [
    'address = "192.0.2.1"\nheld_by = "b"\nby = "15s"',
    "held 192.0.2.1 is held by b by 15s: since 13.024537s",
  ],
  [
    'address = "192.0.2.1"\nheld_by = "a"\nfrom = "5s"\nuntil = "10s"',
    "held 192.0.2.1 is held by a from 5s to 10s: all the time",
  ],
  [
    'address = "192.0.2.1"\nheld_by = "a"\nfrom = "5s"',
    "FAILED 192.0.2.1 is held by a from 5s to the end: held by nobody at 10s",
  ],
  [
    'address = "192.0.2.1"\noutage_at_most = "4s"',
    "held 192.0.2.1 is without holder for at most 4s at a time: 3.024537s from 10s on",
  ],
  [
    'address = "192.0.2.1"\noutage_at_most = "3s"',
    "FAILED 192.0.2.1 is without holder for at most 3s at a time: 3.024537s from 10s on",
  ],
  [
    'address = "192.0.2.1"\noutage_total_at_most = "3s"',
    "FAILED 192.0.2.1 is without holder for at most 3s in all: 3.024537s in all",
  ],
  [
    'address = "192.0.2.1"\nalways_held = true\nfrom = "5s"\nuntil = "10s"',
    "held 192.0.2.1 is never without holder from 5s to 10s: no outage",
  ],
  [
    'address = "192.0.2.1"\nalways_held = true\nuntil = "10s"',
    "FAILED 192.0.2.1 is never without holder from 0s to 10s: 3.415062s from 0s on",
  ],
  [
    'address = "192.0.2.1"\noutage_total_at_most = "4s"\nfrom = "2s"',
    "FAILED 192.0.2.1 is without holder for at most 4s in all from 2s to the end: 4.439599s in all",
  ],
  [
    'address = "192.0.2.1"\nalways_held = true',
    "FAILED 192.0.2.1 is never without holder: 3.024537s from 10s on",
  ],
  ['double_at_most = "0s"', "held no address ever has two holders: no double holding"],
  [
    'router = "gw"\nnode = "b"\nstate = "master"\nat = "20s"',
    "held gw on b is master at 20s: master",
  ],
  [
    'router = "gw"\nnode = "a"\nstate = "master"\nat = "20s"',
    "FAILED gw on a is master at 20s: a does not run",
  ],
  [
    'address = "192.0.2.1"\nheld_by = "b"\nat = "2h"',
    "FAILED 192.0.2.1 is held by b at 2h: the simulation ends before",
  ],
  [
    'address = "192.0.2.1"\nheld_by = "b"\nfrom = "20s"\nuntil = "3h"',
    "FAILED 192.0.2.1 is held by b from 20s to 3h: the simulation ends before",
  ],
  [
    'address = "192.0.2.1"\noutage_at_most = "0s"\nfrom = "2h"',
    "FAILED 192.0.2.1 is never without holder from 2h to the end: the simulation ends before",
  ],
  [
    'double_at_most = "0s"\nuntil = "41s"',
    "FAILED no address ever has two holders from 0s to 41s: the simulation ends before",
  ],
  [
    'double_at_most = "0s"\nuntil = "40s"',
    "held no address ever has two holders from 0s to 40s: no double holding",
  ],
];

for (const [expectation, result] of EXPECTED) {
  Deno.test(`expected: ${expectation.replaceAll("\n", ", ")}`, () => {
    const script = `[[event]]\nat = "10s"\npower_off = "a"\n[[expect]]\n${expectation}`;
    const report = run(PAIR, script);
    assert.deepEqual(judged(report), [result]);
    assert.equal(report.expectations[0]!.line, 4);
  });
}

Deno.test("two holders longer than expected fail it", () => {
  const script = '[[event]]\nat = "10s"\ncut = ["a:eth0"]\n[[expect]]\ndouble_at_most = "5s"';
  const [result] = judged(run(PAIR, script));
  assert.match(result!, /^FAILED any address has two holders for at most 5s: 192.0.2.1: 26.97/);
});

Deno.test("one pair of holders after another is one time of double holding", () => {
  const sites = { ...PAIR, c: gateway(50) };
  // b and c hear nothing of a, then c nothing of b: from then on they all have it.
  const deaf = ["b", "c"].map((node) =>
    `[[event]]\nat = "10s"\ndeaf = { node = "${node}", to = "a" }\n`
  );
  const script = `duration = "40s"\n${deaf.join("")}[[event]]\nat = "20s"\n` +
    'deaf = { node = "c", to = "b" }\n[[expect]]\ndouble_at_most = "20s"';
  const report = run(sites, script);
  const [address] = report.addresses;
  assert.ok(address!.doubles.length > 1, "other nodes from some moment on");
  const [first] = address!.doubles;
  assert.ok(first!.from < 15_000_000);
  assert.equal(address!.double_longest, 40_000_000 - first!.from);
  assert.equal(address!.double_total, address!.double_longest);
  assert.match(judged(report)[0]!, /^FAILED any address .*: 192.0.2.1: 2[5-9]\.\d+s from 1[0-4]/);
});

Deno.test("events that a shorter duration leaves out are told", () => {
  const script = '[[event]]\nat = "10s"\nkill = "a"\n[[event]]\nat = "20s"\nstart = "a"\n';
  const told = (duration: number) => run(PAIR, script, { duration }).not_simulated;
  assert.deepEqual(told(20_000_000), []);
  assert.deepEqual(told(15_000_000), ["one event after the end"]);
  assert.deepEqual(told(5_000_000), ["2 events after the end"]);
});

Deno.test("whatever a script contains, it is read or refused", () => {
  const whole = `duration = "20s"\nseed = 3\n[[network]]\nname = "lan"\nmembers = ["a:eth0", ` +
    `"b:eth0"]\nloss = 0.1\n[[node]]\nname = "b"\nstart_at = "2s"\naddresses = { eth0 = ` +
    `["192.0.2.3"] }\n[[event]]\nat = "5s"\nstall = { node = "a", for = "2s" }\n[[event]]\n` +
    `at = "6s"\ncut = ["a:eth0"]\n[[expect]]\naddress = "192.0.2.1"\nheld_by = "a"\nat = "9s"\n`;
  const scraps = [
    "[",
    "]",
    "{",
    "}",
    '"',
    "=",
    "\n",
    "-1",
    "1e400",
    '"a"',
    "kill",
    "at",
    "\0",
    "☃",
  ];
  assert.deepEqual(problemsOf(PAIR, whole), []);
  let read = 0;
  const random = new Random(wantedSeed() ?? 1);
  for (let script = 0; script < 400; script++) {
    let text = whole;
    for (let i = random.int(1, 2); i > 0; i--) {
      const at = random.int(0, text.length);
      text = random.chance(0.5)
        ? text.slice(0, at) + text.slice(at + random.int(1, 3))
        : text.slice(0, at) + random.pick(scraps) + text.slice(at);
    }
    if (problemsOf(PAIR, text).length > 0) continue;
    read++;
    assert.equal(run(PAIR, text, { duration: 10_000_000 }).duration, 10_000_000);
  }
  assert.ok(read > 5 && read < 300, `${read} of 400 scripts could be read`);
});
