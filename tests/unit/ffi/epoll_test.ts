import assert from "node:assert/strict";
import {
  bindSymbols,
  boottimeMicros,
  closeDescriptor,
  Epoll,
  EPOLLHUP,
  EPOLLIN,
  EPOLLOUT,
  EventFd,
  monotonicMicros,
  openSocketPair,
  realtimeMicros,
  SOCK_STREAM,
  TimerFd,
} from "../../../ffi/mod.ts";

// Deno 2.5 would count a library that a test loads as a leak.
bindSymbols();

Deno.test("clocks: whole microseconds, monotonic, in step with each other", () => {
  let last = monotonicMicros();
  for (let round = 0; round < 1000; round++) {
    const now = monotonicMicros();
    assert.ok(Number.isSafeInteger(now) && now >= last);
    last = now;
  }
  assert.ok(boottimeMicros() >= monotonicMicros() - 1000);
  assert.ok(Math.abs(realtimeMicros() / 1000 - Date.now()) < 1000);
});

Deno.test("epoll reports tokens of up to 53 bits and the events", () => {
  const epoll = new Epoll();
  const bell = new EventFd();
  try {
    const token = Number.MAX_SAFE_INTEGER - 1;
    epoll.add(bell.fd, EPOLLIN, token);
    assert.equal(epoll.wait(0), 0);
    bell.signal();
    assert.equal(epoll.wait(0), 1);
    assert.deepEqual([epoll.token(0), epoll.events(0)], [token, EPOLLIN]);
    epoll.modify(bell.fd, EPOLLIN | EPOLLOUT, 3);
    assert.equal(epoll.wait(0), 1);
    assert.deepEqual([epoll.token(0), epoll.events(0)], [3, EPOLLIN | EPOLLOUT]);
    epoll.remove(bell.fd);
    assert.equal(epoll.wait(0), 0);
  } finally {
    bell.close();
    epoll.close();
  }
});

Deno.test("epoll returns no more events than it has room for, and the rest next time", () => {
  const epoll = new Epoll(2);
  const bells = [new EventFd(), new EventFd(), new EventFd()];
  try {
    const seen = new Set<number>();
    for (const [index, bell] of bells.entries()) {
      epoll.add(bell.fd, EPOLLIN, 100 + index);
      bell.signal();
    }
    for (let round = 0; round < 3; round++) {
      const count = epoll.wait(0);
      assert.equal(count, 2);
      for (let index = 0; index < count; index++) seen.add(epoll.token(index));
    }
    assert.deepEqual([...seen].sort(), [100, 101, 102]);
  } finally {
    for (const bell of bells) bell.close();
    epoll.close();
  }
});

Deno.test("epoll refuses bad tokens, sizes and descriptors", () => {
  assert.throws(() => new Epoll(0), /at least one event, not 0/);
  const epoll = new Epoll();
  try {
    assert.throws(() => epoll.add(0, EPOLLIN, -1), RangeError);
    assert.throws(() => epoll.add(0, EPOLLIN, 2 ** 53), RangeError);
    assert.throws(() => epoll.remove(epoll.fd + 500), { code: "EBADF", call: "epoll_ctl" });
  } finally {
    epoll.close();
  }
});

Deno.test("epoll tells of a peer that hung up", () => {
  const epoll = new Epoll();
  const [left, right] = openSocketPair(SOCK_STREAM);
  try {
    epoll.add(left, EPOLLIN, 1);
    closeDescriptor(right);
    assert.equal(epoll.wait(1000), 1);
    assert.ok((epoll.events(0) & EPOLLHUP) !== 0);
  } finally {
    closeDescriptor(left);
    epoll.close();
  }
});

Deno.test("a timer expires once, at its time and not before", () => {
  const epoll = new Epoll();
  const timer = new TimerFd();
  try {
    epoll.add(timer.fd, EPOLLIN, 1);
    const due = monotonicMicros() + 10_000;
    timer.armAt(due);
    assert.equal(epoll.wait(2000), 1);
    assert.ok(monotonicMicros() >= due);
    timer.acknowledge();
    assert.equal(epoll.wait(0), 0);
  } finally {
    timer.close();
    epoll.close();
  }
});

Deno.test("a timer in the past expires at once, also at zero; disarming forgets it", () => {
  const epoll = new Epoll();
  const timer = new TimerFd();
  try {
    epoll.add(timer.fd, EPOLLIN, 1);
    for (const time of [monotonicMicros() - 1_000_000, 1, 0, -5]) {
      timer.armAt(time);
      assert.equal(epoll.wait(1000), 1, `armed at ${time}`);
      timer.acknowledge();
    }
    timer.armAt(0);
    timer.disarm();
    assert.equal(epoll.wait(20), 0);
    timer.acknowledge();
    assert.throws(() => timer.armAt(NaN), /finite time, not NaN/);
  } finally {
    timer.close();
    epoll.close();
  }
});

Deno.test("a timer can be far away: beyond 2^32 seconds", () => {
  const epoll = new Epoll();
  const timer = new TimerFd();
  try {
    epoll.add(timer.fd, EPOLLIN, 1);
    // Cut to 32 bits this would be 1 second after boot: long past.
    timer.armAt((2 ** 32 + 1) * 1_000_000);
    assert.equal(epoll.wait(20), 0);
  } finally {
    timer.close();
    epoll.close();
  }
});

Deno.test("an eventfd: many signals are one ring; a second handle rings the same bell", () => {
  const epoll = new Epoll();
  const bell = new EventFd();
  const handle = new EventFd(bell.fd);
  try {
    epoll.add(bell.fd, EPOLLIN, 1);
    for (let round = 0; round < 3; round++) handle.signal();
    assert.equal(epoll.wait(0), 1);
    bell.acknowledge();
    assert.equal(epoll.wait(0), 0);
    handle.close();
    bell.signal();
    assert.equal(epoll.wait(0), 1);
  } finally {
    bell.close();
    epoll.close();
  }
  assert.throws(() => bell.signal(), { code: "EBADF" });
});
