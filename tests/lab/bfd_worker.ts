/**
 * BFD's driver in a loop as the protocol plane has one, in a Worker of the test's own process: its
 * sockets are in the namespaces of the lab's hosts, its thread is real-time.
 */

import { receiveMessageOnPort } from "node:worker_threads";
import {
  boottimeMicros,
  EPOLLIN,
  EventFd,
  inNamespace,
  interfaceIndex,
  monotonicMicros,
  setScheduler,
  TimerFd,
} from "../../ffi/mod.ts";
import type { SessionEvent, SessionSettings } from "../../mod/bfd/mod.ts";
import type { BfdPath, ProtocolBfd } from "../../mod/plane/bfd.ts";
import { answerPortOwner } from "../../mod/plane/port_owner.ts";
import { IdSource } from "../../mod/plane/ids.ts";
import { LogLimiter } from "../../mod/plane/log_limiter.ts";
import { SharedWords } from "../../mod/plane/shared.ts";
import { BfdDriver } from "../../mod/protocol/bfd_driver.ts";
import { LATE, LatenessGuard } from "../../mod/protocol/lateness.ts";
import { Readables } from "../../mod/protocol/readables.ts";
import { TimerHeap } from "../../mod/protocol/timer_heap.ts";

/** One session, with its keys. */
export interface BfdSessionConfig {
  readonly settings: SessionSettings;
  readonly ends: BfdPath;
  readonly echo?: ProtocolBfd["echo"];
}

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
const PACKETS_BEFORE_DEADLINE = 512;
const TIMERS = 256;

function run({ port, wake }: Start): void {
  setScheduler("fifo", 50, { resetOnFork: true });
  const [tokenTimer, tokenWake] = [0, 1];
  const readables = new Readables(2);
  const { epoll } = readables;
  const timer = new TimerFd();
  const bell = new EventFd(wake);
  const heap = new TimerHeap();
  const guard = new LatenessGuard();
  const word = new Uint32Array(1);
  const driver: BfdDriver = new BfdDriver({
    ids: new IdSource("p"),
    heap,
    words: new SharedWords(),
    log: new LogLimiter(({ level, category, message }) => {
      if (level !== "info") port.postMessage({ type: "notice", name: category[1], text: message });
    }, monotonicMicros),
    clock: monotonicMicros,
    random: Math.random,
    randomWord: () => crypto.getRandomValues(word)[0]!,
    interfaceAt: () => undefined,
    interfaceIndex: (namespace, name) => inNamespace(namespace, () => interfaceIndex(name)),
    findPortOwner: (question) => {
      const { owner } = answerPortOwner({ type: "find_port_owner", id: "p", ...question });
      driver.openings.portOwner(question, owner);
    },
    found: () => {},
    postControl: (message) => {
      if (message.type !== "bfd_changed") return;
      const { session: name, from, to, cause, reason, at } = message;
      port.postMessage({ type: "transition", name, from, to, cause, reason, at });
    },
    watch: (source) =>
      readables.watch(source.descriptor, (...limits) => void source.read(...limits)),
    unwatch: ({ descriptor }) => readables.unwatch(descriptor),
  });
  epoll.add(timer.fd, EPOLLIN, tokenTimer);
  epoll.add(wake, EPOLLIN, tokenWake);

  const obey = (command: Command, now: number): void => {
    switch (command.type) {
      case "set":
        return set(driver, command.config, now);
      case "remove":
        return driver.remove(command.name, now);
      case "apply":
        return driver.entries.get(command.name)?.apply(command.event, now);
      case "stop":
        return driver.stop(command.now, now);
      case "query":
        return port.postMessage({
          type: "state",
          at: now,
          dropped: driver.describe().bfdDropped ?? {},
          sessions: (driver.describe().bfd ?? []).map((report) => ({
            ...report,
            hearing: driver.entries.get(report.session.settings.name)!.hearing >= 0,
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
    if (guard.late >= LATE) driver.stalled(guard.late, now);
    let rung = false;
    const read = (count: number, budget: number): void => {
      for (let i = 0; i < count; i++) {
        const token = epoll.token(i);
        if (token === tokenTimer) timer.acknowledge();
        else if (token === tokenWake) rung = true;
        else readables.read(token, budget, now, Infinity);
      }
    };
    read(ready, PACKETS);
    if (now >= next || stalled > 0) read(epoll.wait(0), PACKETS_BEFORE_DEADLINE);
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
  driver.close();
  epoll.close();
  timer.close();
  port.postMessage({ type: "stopped" });
}

function set(driver: BfdDriver, config: BfdSessionConfig, now: number): void {
  const { settings, ends: path } = config;
  const { authentication } = settings;
  const type = authentication === null ? {} : { authentication: authentication.type };
  const echo = config.echo === undefined ? {} : { echo: config.echo };
  driver.set(
    { path, settings: { ...settings, authentication: null }, ...type, ...echo },
    authentication,
    now,
  );
}

self.onmessage = (event: MessageEvent<Start>) => {
  run(event.data);
  self.close();
};
