import assert from "node:assert/strict";
import {
  AF_INET,
  bindSocket,
  bindSymbols,
  closeDescriptor,
  EBADF,
  errnoName,
  errnoText,
  openSocket,
  receive,
  SOCK_DGRAM,
  sockaddrIn,
  SystemError,
} from "../../../ffi/mod.ts";

// Deno 2.5 would count a library that a test loads as a leak.
bindSymbols();

Deno.test("errno names agree with node's table, number by number", async () => {
  const { constants } = await import("node:os");
  for (const [name, number] of Object.entries(constants.errno)) {
    // Two names for one number: libc prefers the other.
    if (name === "EWOULDBLOCK" || name === "ENOTSUP") continue;
    assert.equal(errnoName(number), name);
  }
  assert.equal(errnoName(999), "E999");
  assert.equal(errnoName(131), "ENOTRECOVERABLE");
  assert.equal(errnoName(133), "EHWPOISON");
});

Deno.test("a SystemError says call, sentence and name", () => {
  const error = new SystemError("bind", 98);
  assert.equal(error.message, "bind: Address already in use (EADDRINUSE)");
  assert.deepEqual([error.call, error.code, error.errno], ["bind", "EADDRINUSE", 98]);
  assert.equal(
    new SystemError("open", 2, "/nowhere").message,
    "open /nowhere: No such file or directory (ENOENT)",
  );
  assert.equal(errnoText(11), "Resource temporarily unavailable");
});

Deno.test("errno is right for the first failure and for each of many", () => {
  const buffer = new Uint8Array(8);
  for (let round = 0; round < 20_000; round++) assert.equal(receive(-1, buffer, 0), -EBADF);
});

Deno.test("errno belongs to the thread: a failing Worker does not disturb main's", async () => {
  const url = new URL("./errno_worker.ts", import.meta.url);
  const worker = new Worker(url, { type: "module" });
  try {
    const answer = await new Promise((resolve, reject) => {
      worker.onmessage = (event) => resolve(event.data);
      worker.onerror = (event) => reject(new Error(event.message));
      const buffer = new Uint8Array(8);
      for (let round = 0; round < 50_000; round++) assert.equal(receive(-1, buffer, 0), -EBADF);
    });
    assert.deepEqual(answer, { wrong: 0, code: "EADDRNOTAVAIL" });
  } finally {
    worker.terminate();
  }
});

Deno.test("setting up throws with the call's name", () => {
  assert.throws(() => openSocket(AF_INET, 99, 0), { name: "SystemError", call: "socket" });
  const fd = openSocket(AF_INET, SOCK_DGRAM, 0);
  try {
    assert.throws(() => bindSocket(fd, sockaddrIn("192.0.2.1", 0)), {
      name: "SystemError",
      message: "bind: Cannot assign requested address (EADDRNOTAVAIL)",
      code: "EADDRNOTAVAIL",
    });
  } finally {
    closeDescriptor(fd);
  }
  assert.throws(() => closeDescriptor(fd), { code: "EBADF", call: "close" });
});
