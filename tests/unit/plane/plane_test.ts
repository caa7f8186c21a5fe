import assert from "node:assert/strict";
import { Counters } from "../../../mod/plane/counters.ts";
import { bucketBound, Histogram, percentile } from "../../../mod/plane/histogram.ts";
import { Inbox, Outbox } from "../../../mod/plane/inbox.ts";
import { LogLimiter } from "../../../mod/plane/log_limiter.ts";
import type { LogRecord } from "../../../mod/plane/messages.ts";
import { SharedWords } from "../../../mod/plane/shared.ts";

Deno.test("histogram percentiles are within a fifth of the truth", () => {
  const histogram = new Histogram();
  for (let i = 1; i <= 10_000; i++) histogram.record(i);
  const data = histogram.data();
  assert.equal(data.total, 10_000);
  assert.equal(data.max, 10_000);
  for (const share of [0.01, 0.5, 0.9, 0.99]) {
    const found = percentile(data, share);
    const truth = share * 10_000;
    assert.ok(found >= truth && found <= truth * 1.2, `${share}: ${found} for ${truth}`);
  }
  assert.equal(percentile(data, 1), 10_000);
});

Deno.test("histogram takes nothing, zero and a year", () => {
  const histogram = new Histogram();
  assert.equal(percentile(histogram.data(), 0.5), 0);
  histogram.record(0);
  histogram.record(365 * 86_400e6);
  assert.equal(percentile(histogram.data(), 0.5), bucketBound(0));
  assert.equal(histogram.data().max, 365 * 86_400e6);
});

Deno.test("log limiter lets ten of a kind through, then counts, then says how many", () => {
  const records: LogRecord[] = [];
  let now = 0;
  const limiter = new LogLimiter((record) => void records.push(record), () => now);
  for (let i = 0; i < 1000; i++) limiter.log("warning", ["vrrp", "web"], "refused", { i });
  limiter.log("warning", ["vrrp", "web"], "something else");
  assert.equal(records.length, 11);
  now += 10_000_000;
  limiter.log("warning", ["vrrp", "web"], "refused");
  assert.deepEqual(records.slice(11).map(({ suppressed }) => suppressed), [990, undefined]);
  limiter.log("warning", ["vrrp", "web"], "refused");
  assert.equal(records.at(-1)?.suppressed, undefined);
});

Deno.test("what was left out is told when the window is over, though no other comes", () => {
  const records: LogRecord[] = [];
  let now = 0;
  const limiter = new LogLimiter((record) => void records.push(record), () => now);
  for (let i = 0; i < 67; i++) {
    limiter.log("warning", ["vrrp", "web"], "refused", { i });
    limiter.log("info", ["vrrp", "lan"], `other ${i}`);
  }
  records.length = 0;
  now = 9_999_999;
  limiter.tellDue();
  assert.deepEqual(records, []);
  now = 10_000_000;
  limiter.tellDue();
  assert.deepEqual(records, [{
    type: "log",
    level: "warning",
    category: ["vrrp", "web"],
    message: "refused",
    properties: { i: 66 },
    suppressed: 57,
    repeated: { seconds: 10 },
  }]);
  limiter.tellDue();
  assert.equal(records.length, 1, "once");
});

Deno.test("what many kinds have left out is told a few at a time", () => {
  let posted = 0;
  let now = 0;
  const limiter = new LogLimiter(() => void posted++, () => now);
  for (let i = 0; i < 900 * 11; i++) limiter.log("info", ["x"], `kind ${i % 900}`);
  assert.equal(posted, 9000);
  now = 10_000_000;
  limiter.tellDue();
  assert.ok(posted - 9000 <= 20, `${posted - 9000} at once`);
  for (let i = 0; i < 100; i++) limiter.tellDue();
  assert.equal(posted, 9900);
});

Deno.test("all lines of level debug together are limited, and told later", () => {
  const records: LogRecord[] = [];
  let now = 0;
  const limiter = new LogLimiter((record) => void records.push(record), () => now);
  for (let i = 0; i < 5000; i++) limiter.log("debug", ["vrrp", `r${i % 500}`], "heard");
  assert.equal(records.length, 200);
  limiter.log("warning", ["vrrp", "r1"], "something else");
  assert.equal(records.length, 201, "others are not");
  now = 10_000_000;
  for (let i = 0; i < 100; i++) limiter.tellDue();
  const told = records.reduce((sum, { suppressed = 0 }) => sum + suppressed, 0);
  assert.equal(told, 4800);
});

Deno.test("log limiter stays small however many kinds a flood makes up", () => {
  let posted = 0;
  const limiter = new LogLimiter(() => void posted++, () => 0);
  for (let i = 0; i < 100_000; i++) limiter.log("info", ["x"], `kind ${i}`);
  assert.equal(posted, 100_000);
});

function memoryWaker(): { signal(): void; acknowledge(): void; signals: number } {
  return {
    signals: 0,
    signal() {
      this.signals++;
    },
    acknowledge() {
      this.signals = 0;
    },
  };
}

Deno.test("inbox reads ports in order, within its budget, and comes back for the rest", () => {
  const waker = memoryWaker();
  const kernel = new MessageChannel();
  const control = new MessageChannel();
  const inbox = new Inbox(waker, [kernel.port2, control.port2]);
  const fromControl = new Outbox<string>(control.port1, waker);
  const fromKernel = new Outbox<string>(kernel.port1, waker);
  fromControl.post("configure");
  for (let i = 0; i < 5; i++) fromKernel.post(`interface ${i}`);
  const got: unknown[] = [];
  assert.equal(inbox.drain(4, (message) => got.push(message)), 4);
  assert.ok(waker.signals > 0, "woken again for what is left");
  assert.equal(inbox.drain(4, (message) => got.push(message)), 2);
  assert.equal(waker.signals, 0);
  // What the kernel plane said before is seen before what control says.
  assert.deepEqual(got.at(-1), "configure");
  for (const { port1, port2 } of [kernel, control]) {
    port1.close();
    port2.close();
  }
});

Deno.test("inbox leaves the rest when it is enough, but never all", () => {
  const waker = memoryWaker();
  const { port1, port2 } = new MessageChannel();
  const inbox = new Inbox(waker, [port2]);
  const outbox = new Outbox<number>(port1, waker);
  for (let i = 0; i < 4; i++) outbox.post(i);
  const got: unknown[] = [];
  assert.equal(inbox.drain(9, (message) => got.push(message), () => true), 1);
  assert.ok(waker.signals > 0, "woken again for what is left");
  assert.equal(inbox.drain(9, (message) => got.push(message), () => got.length >= 3), 2);
  assert.equal(inbox.drain(9, (message) => got.push(message)), 1);
  assert.deepEqual(got, [0, 1, 2, 3]);
  for (const port of [port1, port2]) port.close();
});

Deno.test("inbox and outbox go on with the port of a restarted plane", () => {
  const waker = memoryWaker();
  const former = new MessageChannel();
  const next = new MessageChannel();
  const inbox = new Inbox(waker, [former.port2]);
  const outbox = new Outbox<string>(former.port1, waker);
  inbox.reconnect(0, next.port2);
  outbox.reconnect(next.port1);
  outbox.post("hello");
  const got: unknown[] = [];
  inbox.drain(10, (message) => got.push(message));
  assert.deepEqual(got, ["hello"]);
  for (const port of [former.port2, next.port1, next.port2]) port.close();
});

Deno.test("counters of a router stand apart from its neighbours and can be cleared", () => {
  const counters = new Counters();
  counters.add(3, "advertisements_sent");
  counters.add(3, "dropped.ttl");
  counters.add(4, "dropped.checksum");
  const elsewhere = new Counters(counters.buffer);
  assert.equal(elsewhere.read(3).advertisements_sent, 1);
  assert.equal(elsewhere.read(3).dropped.ttl, 1);
  assert.equal(elsewhere.read(3).dropped.checksum, 0);
  counters.clear(3);
  assert.equal(elsewhere.read(3).dropped.ttl, 0);
  assert.equal(elsewhere.read(4).dropped.checksum, 1);
});

Deno.test("shared words: mastership by slot, silence since the last beat", () => {
  const words = new SharedWords();
  const elsewhere = new SharedWords(words.buffer);
  words.setMastership(7, 3);
  assert.equal(elsewhere.mastership(7), 3);
  assert.equal(elsewhere.mastership(8), 0);
  const beat = words.protocolHeartbeat;
  words.beatProtocol(5_000_000);
  assert.equal(elsewhere.protocolHeartbeat, beat + 1);
  assert.equal(elsewhere.protocolSilence(5_250_000), 250_000);
  // The millisecond word wraps after 24 days: silence does not.
  words.beatProtocol(2 ** 31 * 1000 - 1000);
  assert.equal(elsewhere.protocolSilence(2 ** 31 * 1000 + 9_000), 10_000);
  // Who looked at the clock before the beat, and at the word after it, saw no silence.
  words.beatProtocol(6_000_000);
  assert.equal(elsewhere.protocolSilence(5_998_000), 0);
});
