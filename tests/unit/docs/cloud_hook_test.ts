/** The model of a hook for clouds, with programs in place of the cloud, the kernel and the clock. */

import assert from "node:assert/strict";

const HOOK = new URL("../../../config/examples/cloud-claim-address", import.meta.url).pathname;

interface Scene {
  /** Shell: what `curl` does, for `$what` put, self or holder. */
  readonly curl: string;
  /** Shell: what `ip` prints. */
  readonly ip: string;
}

/** Runs the hook. @returns its exit code, and how often it has asked for the address */
function run({ curl, ip }: Scene): { readonly code: number; readonly claims: number } {
  const folder = Deno.makeTempDirSync();
  try {
    const program = (name: string, body: string) =>
      Deno.writeTextFileSync(`${folder}/${name}`, `#!/bin/sh\n${body}\n`, { mode: 0o755 });
    program("sleep", "exit 0");
    program("ip", ip);
    program(
      "curl",
      `case "$*" in *PUT*) what=put; echo >>${folder}/claims;; */self) what=self;; *) what=holder;; esac
${curl}`,
    );
    const { code } = new Deno.Command("/bin/sh", {
      args: [HOOK, "203.0.113.10"],
      env: { PATH: `${folder}:/usr/bin:/bin` },
      clearEnv: true,
      stdout: "null",
      stderr: "null",
    }).outputSync();
    return { code, claims: Deno.readTextFileSync(`${folder}/claims`).length };
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

const HAS_IT = "echo '2: eth0    inet 203.0.113.10/32 scope global eth0'";

Deno.test("cloud-claim-address: one claim that the cloud confirms is enough", () => {
  const scene = { curl: "[ $what = put ] || echo 192.0.2.11", ip: HAS_IT };
  assert.deepEqual(run(scene), { code: 0, claims: 1 });
});

Deno.test("cloud-claim-address: a cloud that does not say who has it has confirmed nothing", () => {
  for (const silent of ["[ $what = put ]", "exit 0", "[ $what = self ] || echo 192.0.2.12"]) {
    assert.deepEqual(run({ curl: silent, ip: HAS_IT }), { code: 1, claims: 10 }, silent);
  }
});

Deno.test("cloud-claim-address: a node that has lost the address claims it no more", () => {
  assert.deepEqual(run({ curl: "exit 22", ip: "exit 0" }), { code: 0, claims: 4 });
});
