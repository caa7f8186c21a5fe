import assert from "node:assert/strict";
import {
  AF_INET,
  bindSymbols,
  closeDescriptor,
  closeRegistered,
  Epoll,
  EventFd,
  getOption,
  NetlinkSocket,
  newDescriptorRegistry,
  openSocket,
  openSocketPair,
  SO_TYPE,
  SOCK_DGRAM,
  SOL_SOCKET,
  TimerFd,
  useDescriptorRegistry,
} from "../../../ffi/mod.ts";

// Deno 2.5 would count a library that a test loads as a leak.
bindSymbols();

function noted(words: Int32Array): number[] {
  const numbers: number[] = [];
  for (let fd = 0; fd < words.length * 32; fd++) {
    if (((words[fd >> 5] ?? 0) & (1 << (fd & 31))) !== 0) numbers.push(fd);
  }
  return numbers;
}

Deno.test("every kind of descriptor is noted while open, and not after", () => {
  const words = newDescriptorRegistry();
  useDescriptorRegistry(words);
  try {
    const socket = openSocket(AF_INET, SOCK_DGRAM, 0);
    const pair = openSocketPair(SOCK_DGRAM);
    const things = [new Epoll(), new TimerFd(), new EventFd(), new NetlinkSocket(0)];
    const all = [socket, ...pair, ...things.map((thing) => thing.fd)].sort((a, b) => a - b);
    assert.deepEqual(noted(words), all);
    // A second handle neither notes nor closes.
    new EventFd(things[2]?.fd).close();
    assert.deepEqual(noted(words), all);
    for (const fd of [socket, ...pair]) closeDescriptor(fd);
    for (const thing of things) thing.close();
    assert.deepEqual(noted(words), []);
    assert.deepEqual(closeRegistered(words), []);
  } finally {
    useDescriptorRegistry(null);
  }
});

Deno.test("without a registry nothing is noted", () => {
  const words = newDescriptorRegistry();
  useDescriptorRegistry(words);
  useDescriptorRegistry(null);
  const bell = new EventFd();
  assert.deepEqual(noted(words), []);
  bell.close();
});

/** What a link leads to; undefined: there is none. */
function linkOf(path: string): string | undefined {
  try {
    return Deno.readLinkSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

Deno.test("main closes what a dead Worker left open", async () => {
  const words = newDescriptorRegistry();
  const url = new URL("./leaving_worker.ts", import.meta.url);
  const worker = new Worker(url, { type: "module" });
  const left = await new Promise<number[]>((resolve, reject) => {
    worker.onmessage = (event) => resolve(event.data);
    worker.onerror = (event) => reject(new Error(event.message));
    worker.postMessage(words);
  });
  worker.terminate();
  assert.equal(left.length, 5);
  // A descriptor made by FFI outlives its Worker: still a socket.
  const [socket = -1] = left;
  assert.equal(getOption(socket, SOL_SOCKET, SO_TYPE), SOCK_DGRAM);
  const file = `/proc/self/fd/${socket}`;
  const inode = Deno.readLinkSync(file);
  assert.deepEqual(closeRegistered(words), left);
  // Its number may be another test's by now.
  assert.notEqual(linkOf(file), inode);
  assert.deepEqual(closeRegistered(words), []);
});

Deno.test("a registry of the wrong size is refused", () => {
  assert.throws(() => useDescriptorRegistry(new Int32Array(3)), /2048 words, not 3/);
});

Deno.test("a bell that was closed rings no more: its number may be somebody else's", () => {
  const bell = new EventFd();
  bell.close();
  // The first number that is free: as a rule the one of before.
  const other = new EventFd();
  try {
    assert.throws(() => bell.signal(), { code: "EBADF" });
    bell.close();
    other.signal();
  } finally {
    other.close();
  }
});
