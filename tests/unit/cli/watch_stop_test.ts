import assert from "node:assert/strict";
import { mayStop } from "../../../mod/cli/watch/job_control.ts";

/** Process 9, its parents, and each one's group and session. */
function among(...processes: [pid: number, parent: number, group: number, session: number][]) {
  return mayStop(9, (pid) => {
    const found = processes.find(([one]) => one === pid);
    return found === undefined
      ? null
      : `${pid} (a ) b) S ${found.slice(1).join(" ")} 34816 9 4194560`;
  });
}

Deno.test("who is under a shell with job control may stop", () => {
  assert.ok(among([9, 5, 9, 5], [5, 1, 5, 5]));
  assert.ok(among([9, 8, 8, 5], [8, 5, 8, 5], [5, 1, 5, 5]), "sudo halb watch");
});

Deno.test("who leads a session, or is under nothing else of it, would stand still for good", () => {
  assert.ok(!among([9, 4, 9, 9], [4, 1, 4, 4]), "ssh -t host halb watch, tmux");
  assert.ok(!among([9, 5, 5, 5], [5, 4, 5, 5], [4, 1, 4, 4]), "with sh -c between");
  assert.ok(!among([9, 0, 9, 9]), "docker exec");
  assert.ok(!among([9, 5, 9, 5]), "the parent is not to be seen");
  assert.ok(!among(), "nothing is");
});

Deno.test("the kernel's own words are understood", async () => {
  // A shell with job control that leads a session, and a job of it.
  const shell = new Deno.Command("setsid", {
    args: ["bash", "-c", "set -m; sleep 60 & echo $!; read -r; kill $!"],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const reader = shell.stdout.getReader();
  const job = Number(new TextDecoder().decode((await reader.read()).value));
  assert.ok(job > 1);
  assert.deepEqual([mayStop(job), mayStop(shell.pid)], [true, false]);
  await reader.cancel();
  await shell.stdin.close();
  await shell.status;
});
