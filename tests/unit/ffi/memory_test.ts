import assert from "node:assert/strict";

/**
 * In a process of its own: where locking goes wrong, V8 aborts. The child prints one JSON line.
 */
Deno.test("locked mappings survive hard allocation and two Workers", async () => {
  const child = new URL("./lock_mappings_child.ts", import.meta.url);
  const output = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-check", "--allow-all", child.pathname],
    stdout: "piped",
    stderr: "piped",
  }).output();
  const words = new TextDecoder().decode(output.stderr);
  assert.equal(output.code, 0, words);
  const report = JSON.parse(new TextDecoder().decode(output.stdout));
  if (report.refused !== undefined) {
    // Without CAP_IPC_LOCK and with a low limit the refusal is the right answer.
    assert.equal(report.capability, false);
    assert.match(report.refused, /^mlock2: .* \((EPERM|ENOMEM|EAGAIN)\)$/);
    return;
  }
  assert.ok(report.locked > 10_000_000, `locked ${report.locked} bytes`);
  assert.ok(report.kernelSays > 0, "VmLck is zero while locked");
  assert.equal(report.kernelSaysAfter, 0);
  assert.deepEqual(report.workers, [1, 2]);
});
