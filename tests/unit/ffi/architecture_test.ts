/** What differs by machine, as the headers of Linux have it. */

import assert from "node:assert/strict";
import { ARCHITECTURE, ARCHITECTURES } from "../../../ffi/architecture.ts";
import { verifyLayouts } from "../../../ffi/verify.ts";

const ROOT = new URL("../../..", import.meta.url).pathname;

Deno.test("numbers of both machines are those of their headers", () => {
  // arch/arm64/include/uapi/asm/fcntl.h swaps these with O_DIRECT and O_LARGEFILE.
  const [O_DIRECT, O_LARGEFILE] = [0o200000, 0o400000];
  const { x86_64, aarch64 } = ARCHITECTURES;
  assert.ok(x86_64 !== undefined && aarch64 !== undefined);
  assert.deepEqual([aarch64.O_DIRECTORY, aarch64.O_NOFOLLOW], [0x4000, 0x8000]);
  assert.deepEqual([x86_64.O_DIRECTORY, x86_64.O_NOFOLLOW], [O_DIRECT, O_LARGEFILE]);
  // arch/x86/entry/syscalls/syscall_64.tbl, include/uapi/asm-generic/unistd.h.
  const calls = ({ SYS_SETGROUPS, SYS_SETRESUID, SYS_SETRESGID }: typeof x86_64) => [
    SYS_SETGROUPS,
    SYS_SETRESUID,
    SYS_SETRESGID,
  ];
  assert.deepEqual(calls(x86_64), [116, 117, 119]);
  assert.deepEqual(calls(aarch64), [159, 147, 149]);
  // include/uapi/linux/eventpoll.h: 12 bytes where it is packed, else 16, with the token at 8.
  assert.deepEqual(x86_64.epollEvent, { stride: 12 / 4, token: 4 / 4 });
  assert.deepEqual(aarch64.epollEvent, { stride: 16 / 4, token: 8 / 4 });
});

Deno.test("this machine's numbers fit its kernel", () => {
  assert.equal(ARCHITECTURE, ARCHITECTURES[Deno.build.arch]);
  assert.deepEqual(verifyLayouts(), []);
});

Deno.test("nothing but `halb version` asks which machine this is", () => {
  const asking: string[] = [];
  const look = (folder: string): void => {
    for (const { name, isDirectory } of Deno.readDirSync(ROOT + folder)) {
      const path = `${folder}/${name}`;
      if (isDirectory) look(path);
      else if (/build\.arch\b/.test(Deno.readTextFileSync(ROOT + path))) asking.push(path);
    }
  };
  ["ffi", "mod", "config"].forEach(look);
  assert.deepEqual(asking.sort(), ["ffi/architecture.ts", "mod/cli/version.ts"]);
});
