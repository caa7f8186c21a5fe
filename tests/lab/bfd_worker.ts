/**
 * BFD's driver in a loop as the protocol plane has one, in a Worker of the test's own process: its
 * sockets are in the namespaces of the lab's hosts, its thread is real-time.
 */

import { receiveMessageOnPort } from "node:worker_threads";
import {
  boottimeMicros,
  Epoll,
  EPOLLIN,
  EventFd,
  monotonicMicros,
  setScheduler,
  TimerFd,
} from "../../ffi/mod.ts";
import type { SessionEvent } from "../../mod/bfd/mod.ts";
import { BfdDriver, type BfdSessionConfig } from "../../mod/protocol/bfd_driver.ts";
import type { BfdSource } from "../../mod/protocol/bfd_sources.ts";
import { LatenessGuard } from "../../mod/protocol/lateness.ts";
import { TimerHeap } from "../../mod/protocol/timer_heap.ts";

export type Command =
  | { readonly type: "set"; readonly config: BfdSessionConfig }
  | { readonly type: "remove"; readonly name: string }
  | { readonly type: "apply"; readonly name: string; readonly event: SessionEvent }
  | { readonly type: "query" }
  | { readonly type: "stop"; readonly now: boolean };

export interface Start {
  readonly port: MessagePort;
  readonly wake: number;
}

const PACKETS = 64;
const TIMERS = 256;

function run({ port, wake }: Start): void {
  setScheduler("fifo", 50, { resetOnFork: true });
  const epoll = new Epoll(64);
  const timer = new TimerFd();
  const bell = new EventFd(wake);
  const heap = new TimerHeap();
  const guard = new LatenessGuard();
  const sources = new Map<number, BfdSource>();
  const word = new Uint32Array(1);
  const driver = new BfdDriver({
    heap,
    random: Math.random,
    randomWord: () => crypto.getRandomValues(word)[0]!,
    watch: (source) => {
      sources.set(source.descriptor, source);
      epoll.add(source.descriptor, EPOLLIN, source.descriptor);
    },
    unwatch: (source) => {
      epoll.remove(source.descriptor);
      sources.delete(source.descriptor);
    },
    changed: ({ name }, transition, at) => port.postMessage({ ...transition, name, at }),
    notice: ({ name }, text) => port.postMessage({ type: "notice", name, text }),
  });
  epoll.add(timer.fd, EPOLLIN, timer.fd);
  epoll.add(wake, EPOLLIN, wake);

  const obey = (command: Command, now: number): void => {
    switch (command.type) {
      case "set":
        return driver.set(command.config, now);
      case "remove":
        return driver.remove(command.name, now);
      case "apply":
        return driver.apply(command.name, command.event, now);
      case "stop":
        return driver.stop(command.now, now);
      case "query":
        return port.postMessage({
          type: "state",
          at: now,
          dropped: driver.dropped,
          sessions: [...driver.entries.values()].map((entry) => ({
            session: entry.session,
            sourcePort: entry.sender.port,
            hearing: entry.hearing >= 0,
            packetsSent: entry.packetsSent,
            packetsReceived: entry.packetsReceived,
            sendErrors: entry.sendErrors,
            stallGraces: entry.stallGraces,
            dropped: entry.dropped,
          })),
        });
    }
  };

  while (!driver.isStopped) {
    const next = heap.next;
    if (next === Infinity) timer.disarm();
    else timer.armAt(next);
    const ready = epoll.wait(1000);
    let now = monotonicMicros();
    const stalled = guard.wake(next, now, boottimeMicros());
    if (stalled > 0) driver.stalled(stalled, now);
    if (now >= next || stalled > 0) driver.receiveAll(512, now);
    let rung = false;
    for (let i = 0; i < ready; i++) {
      const token = epoll.token(i);
      if (token === timer.fd) timer.acknowledge();
      else if (token === wake) rung = true;
      else sources.get(token)?.read(PACKETS, now);
    }
    now = monotonicMicros();
    heap.fire(now, TIMERS);
    if (!rung) continue;
    bell.acknowledge();
    for (;;) {
      const received = receiveMessageOnPort(port as never) as { message: Command } | undefined;
      if (received === undefined) break;
      try {
        obey(received.message, monotonicMicros());
      } catch (error) {
        port.postMessage({ type: "error", text: String(error) });
      }
    }
  }
  epoll.close();
  timer.close();
  port.postMessage({ type: "stopped" });
}

self.onmessage = (event: MessageEvent<Start>) => {
  run(event.data);
  self.close();
};
