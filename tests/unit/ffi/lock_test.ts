import assert from "node:assert/strict";
import {
  AF_UNIX,
  bindSocket,
  closeDescriptor,
  FileLock,
  openSocket,
  receive,
  sendDatagram,
  SOCK_DGRAM,
  sockaddrUn,
  SystemError,
} from "../../../ffi/mod.ts";

Deno.test("a lock file is locked by one at a time, and by who comes after one that ended", () => {
  const directory = Deno.makeTempDirSync({ prefix: "halb-lock-" });
  try {
    const path = `${directory}/lock`;
    const first = new FileLock(path);
    const second = new FileLock(path);
    assert.equal(Deno.statSync(path).mode! & 0o777, 0o600);
    assert.ok(first.tryAcquire());
    assert.ok(first.tryAcquire(), "it is ours already");
    assert.equal(second.tryAcquire(), false);
    first.release();
    assert.ok(second.tryAcquire());
    assert.equal(first.tryAcquire(), false);
    second.close();
    assert.ok(first.tryAcquire());
    first.close();
    Deno.symlinkSync(path, `${path}.link`);
    assert.throws(() => new FileLock(`${path}.link`), SystemError);
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
});

Deno.test("socket addresses of paths and of names without a file", () => {
  assert.deepEqual([...sockaddrUn("/a")], [1, 0, 47, 97]);
  assert.deepEqual([...sockaddrUn("@a")], [1, 0, 0, 97]);
  assert.throws(() => sockaddrUn(""), RangeError);
  assert.throws(() => sockaddrUn("/".repeat(109)), RangeError);
});

Deno.test("a datagram reaches who is bound there; where nobody is, it says so", () => {
  const directory = Deno.makeTempDirSync({ prefix: "halb-notify-" });
  try {
    for (const name of [`${directory}/notify`, `@${directory}/notify`]) {
      assert.throws(() => sendDatagram(name, "READY=1"), { name: "SystemError" });
      const receiver = openSocket(AF_UNIX, SOCK_DGRAM, 0);
      bindSocket(receiver, sockaddrUn(name));
      sendDatagram(name, "MAINPID=7\nREADY=1");
      const buffer = new Uint8Array(100);
      const length = receive(receiver, buffer, 0);
      assert.equal(new TextDecoder().decode(buffer.subarray(0, length)), "MAINPID=7\nREADY=1");
      closeDescriptor(receiver);
    }
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
});
