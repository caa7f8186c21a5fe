import assert from "node:assert/strict";
import { type Drain, LogOutlet } from "../../../mod/agent/log_outlet.ts";

const encoder = new TextEncoder();

/** A pipe of so many bytes that is read on demand. */
class Pipe implements Drain {
  text = "";
  #used = 0;
  readonly #size: number;
  /** Called while somebody waits for room. */
  onWait: () => void = () => {};

  constructor(size: number) {
    this.#size = size;
  }

  room(timeoutMs: number): boolean {
    if (timeoutMs > 0) this.onWait();
    return this.#used < this.#size;
  }

  write(bytes: Uint8Array): number {
    assert.ok(this.room(0), "a write that would sleep");
    assert.ok(bytes.length <= 4096, "more than goes in without sleeping");
    const taken = bytes.subarray(0, this.#size - this.#used);
    this.#used += taken.length;
    this.text += new TextDecoder().decode(taken);
    return taken.length;
  }

  read(): void {
    this.#used = 0;
  }
}

function outletTo(pipe: Pipe): LogOutlet {
  const outlet = new LogOutlet(pipe);
  outlet.note = (lost) => encoder.encode(`lost ${lost}\n`);
  return outlet;
}

function line(n: number): Uint8Array {
  return encoder.encode(`${n} ${"x".repeat(90)}\n`);
}

/** First words of all lines. */
function numbers(pipe: Pipe): string[] {
  return pipe.text.trimEnd().split("\n").map((text) => text.replace(/ x+$/, ""));
}

Deno.test("with a reader every line is written at once, long ones in pieces", () => {
  const pipe = new Pipe(Infinity);
  const outlet = outletTo(pipe);
  for (let n = 0; n < 5000; n++) outlet.write(line(n));
  assert.deepEqual(numbers(pipe), Array.from({ length: 5000 }, (_, n) => `${n}`));
  const long = `${"y".repeat(20_000)}\n`;
  outlet.write(encoder.encode(long));
  assert.ok(pipe.text.endsWith(long));
});

Deno.test("a reader that pauses loses nothing and sees everything in order", () => {
  const pipe = new Pipe(1000);
  const outlet = outletTo(pipe);
  for (let n = 0; n < 1000; n++) outlet.write(line(n));
  assert.ok(numbers(pipe).length < 20, "the pipe is full");
  pipe.onWait = () => pipe.read();
  outlet.finish(1000);
  assert.deepEqual(numbers(pipe), Array.from({ length: 1000 }, (_, n) => `${n}`));
});

Deno.test("lines that nobody reads are lost and counted, exactly and at their place", () => {
  const pipe = new Pipe(1000);
  const outlet = outletTo(pipe);
  for (let n = 0; n < 10_000; n++) outlet.write(line(n));
  pipe.onWait = () => pipe.read();
  outlet.finish(1000);
  outlet.write(line(10_000));
  outlet.finish(1000);
  const seen = numbers(pipe);
  const at = seen.findIndex((text) => text.startsWith("lost"));
  assert.deepEqual(seen.slice(0, at), Array.from({ length: at }, (_, n) => `${n}`));
  assert.deepEqual(seen.slice(at), [`lost ${10_000 - at}`, "10000"]);
  assert.ok(at > 1000, "what fits was kept");
});

Deno.test("a short line that would still fit makes no gap in the gap", () => {
  const pipe = new Pipe(1000);
  const outlet = outletTo(pipe);
  for (let n = 0; n < 3_000; n++) outlet.write(n % 3 === 0 ? encoder.encode(`${n}\n`) : line(n));
  pipe.onWait = () => pipe.read();
  outlet.finish(1000);
  assert.equal(numbers(pipe).filter((text) => text.startsWith("lost")).length, 1);
});

Deno.test("the end does not wait for a reader for ever", () => {
  const pipe = new Pipe(100);
  const outlet = outletTo(pipe);
  for (let n = 0; n < 10; n++) outlet.write(line(n));
  const before = performance.now();
  outlet.finish(30);
  const waited = performance.now() - before;
  assert.ok(waited >= 30 && waited < 5000, `${waited} ms`);
});

Deno.test("a reader that is back is noticed without another line", async () => {
  const pipe = new Pipe(100);
  const outlet = outletTo(pipe);
  for (let n = 0; n < 3; n++) outlet.write(line(n));
  // Our own timer keeps the test alive: the outlet's does not.
  const reading = setInterval(() => pipe.read(), 1);
  const end = performance.now() + 10_000;
  while (numbers(pipe).length < 3 && performance.now() < end) {
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  clearInterval(reading);
  pipe.read();
  outlet.finish(0);
  assert.deepEqual(numbers(pipe), ["0", "1", "2"]);
});

Deno.test("who takes an outlet away closes what it drains into", () => {
  let closed = 0;
  const outlet = new LogOutlet({ room: () => false, write: () => 0, close: () => void closed++ });
  outlet.write(line(1));
  outlet.close();
  assert.equal(closed, 1);
});
