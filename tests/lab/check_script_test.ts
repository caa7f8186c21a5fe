/** Script and file checks: what a script may do to us, and what it gets. */

import assert from "node:assert/strict";
import { lab, processTree } from "../lib/mod.ts";
import { probeOn, verdict, write } from "./check_helpers.ts";
import type { ProbeSpec } from "./check_prober.ts";

const NOBODY = { uid: 65_534, gid: 65_534, groups: [4, 8] };

function script(
  command: readonly string[],
  more: { timeout?: number; dynamic?: boolean; user?: typeof NOBODY | null } = {},
): ProbeSpec {
  const { timeout = 3000, dynamic = false, user = NOBODY } = more;
  return {
    type: "script",
    timeout,
    settings: { command, user, environment: { HALB_NAME: "web" }, dynamic },
  };
}

const shell = (text: string, more: Parameters<typeof script>[1] = {}) =>
  script(["/bin/sh", "-c", text], more);

lab("script: exit codes, output, user, environment", async (lab) => {
  const host = await lab.host("probe");
  const outcomes = await probeOn(host, [
    shell("echo fine"),
    shell("echo broken >&2; exit 3"),
    shell("exit 12", { dynamic: true }),
    shell("kill -SEGV $$"),
    script(["/nonexistent"]),
    shell('echo "$(id -u):$(id -G) $(env | sort | grep -v ^PWD= | tr "\\n" " ")"'),
    shell("yes | head -c 100000000"),
    shell("printf '\\033[2Jgone\\nsecond'"),
    // Its child keeps the pipe: that must not keep us.
    shell("sleep 30 & exit 0"),
    shell(
      "cat /proc/self/status | grep -E '^Cap(Inh|Prm|Eff|Amb)' | grep -v '\t0000000000000000$'",
    ),
    shell("pwd; exec ls /proc/self/fd"),
  ]);
  assert.deepEqual(outcomes.slice(0, 4).map(verdict), [
    "passed: exit 0",
    "failed: exit 3",
    "passed: exit 12: weight 10",
    "failed: ended by SIGSEGV",
  ]);
  assert.deepEqual(outcomes.slice(0, 2).map(({ output }) => output), ["fine", "broken"]);
  assert.deepEqual(outcomes[2]!.weight, { kind: "absolute", value: 10 });
  assert.match(outcomes[4]!.reason, /^cannot be started: /);
  assert.equal(
    outcomes[5]!.output,
    "65534:65534 4 8 HALB_NAME=web PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
  );
  assert.equal(outcomes[6]!.result, "passed");
  assert.ok(outcomes[6]!.output.length <= 256);
  assert.equal(outcomes[7]!.output, "\\u001b[2Jgone\\nsecond");
  assert.equal(outcomes[8]!.result, "passed");
  assert.ok(outcomes[8]!.took < 2500, `${outcomes[8]!.took} ms`);
  assert.equal(verdict(outcomes[9]!), "failed: exit 1", "no line of a capability is left");
  assert.equal(outcomes[10]!.output, "/\\n0\\n1\\n2\\n3", "3 is the directory that ls reads");
});

lab("script: when the time is up the whole group is killed", async (lab) => {
  const host = await lab.host("probe");
  const pids = `${lab.directory}/pids`;
  write(lab, "pids", "");
  Deno.chmodSync(lab.directory, 0o777);
  Deno.chmodSync(pids, 0o666);
  const stubborn =
    `trap "" TERM; echo $$ >>${pids}; (trap "" TERM; sh -c 'echo $$ >>${pids}; exec sleep 60'); sleep 60`;
  const outcomes = await probeOn(host, [
    shell("trap 'echo told; exit' TERM; echo before; sleep 60 & wait", { timeout: 1000 }),
    shell(stubborn, { timeout: 1000 }),
  ]);
  for (const one of outcomes) {
    assert.equal(verdict(one), "failed: did not end in time and was killed");
  }
  // SIGTERM is enough for the first, half a second more for the second.
  assert.equal(outcomes[0]!.output, "before\\ntold");
  const [first, second] = outcomes.map(({ took }) => took);
  assert.ok(first! >= 1000 && first! < 4000, `${first} ms`);
  assert.ok(second! >= 1500 && second! < 4000, `${second} ms`);
  const started = Deno.readTextFileSync(pids).trim().split("\n").map(Number);
  assert.equal(started.length, 2);
  const alive = new Set(processTree(1));
  assert.deepEqual(started.filter((pid) => alive.has(pid) && isRunning(pid)), []);
});

/** Not a corpse that waits for somebody to collect it. */
function isRunning(pid: number): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(Deno.readTextFileSync(`/proc/${pid}/status`));
  } catch {
    return false;
  }
}

lab("file: numbers, no file, and what is no file", async (lab) => {
  const host = await lab.host("probe");
  const look = (path: string, weight: number): ProbeSpec => ({
    type: "file",
    timeout: 1000,
    path,
    settings: { weight, reverse: false },
  });
  write(lab, "number", "-3\n");
  await host.exec(["mkfifo", `${lab.directory}/pipe`]);
  const outcomes = await probeOn(host, [
    look(write(lab, "zero", "0\n"), 0),
    look(`${lab.directory}/number`, 10),
    look(`${lab.directory}/none`, 0),
    look(write(lab, "words", "maintenance\n"), 0),
    look(lab.directory, 0),
    look(`${lab.directory}/pipe`, 0),
  ]);
  assert.deepEqual(outcomes.map(verdict), [
    "passed: 0",
    "passed: -3: -30 to the weight",
    "passed: no file",
    "failed: the file holds no number",
    "failed: not a plain file",
    "failed: not a plain file",
  ]);
});
