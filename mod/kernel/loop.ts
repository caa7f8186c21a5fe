/**
 * The kernel plane's loop: wait for a message, a notification or the next deadline, take what is
 * there, turn. It blocks its thread until the plane is told to stop.
 *
 * @module
 */

import {
  Epoll,
  EPOLLIN,
  EventFd,
  getrlimit,
  RLIMIT_NOFILE,
  setNiceness,
  SystemError,
  threadId,
  useDescriptorRegistry,
} from "../../ffi/mod.ts";
import { Inbox, Outbox } from "../plane/inbox.ts";
import type {
  ConfigureKernel,
  FindPortOwner,
  KernelToProtocol,
  ToKernel,
} from "../plane/messages.ts";
import type { ConfigureChecks } from "../plane/checks.ts";
import { Assembler } from "../plane/pieces.ts";
import type { TrackerFinding } from "../plane/trackers.ts";
import { answerPortOwner } from "../plane/port_owner.ts";
import type { KernelStart } from "../plane/start.ts";
import { SharedWords } from "../plane/shared.ts";
import { IdSource } from "../plane/ids.ts";
import { LogLimiter } from "../plane/log_limiter.ts";
import { Balancer } from "./balancer.ts";
import { hear } from "./balancer_inbox.ts";
import { useMark } from "./mark.ts";
import { KernelPlane } from "./plane.ts";
import { PresenceWatch } from "./presence.ts";
import { KernelProbes, mostProbes } from "./probes.ts";
import { answerRecording } from "./recordings.ts";
import { rehearse, rehearseCalls } from "./rehearsal.ts";
import { SystemIo } from "./system_io.ts";
import type { Say } from "./tables.ts";
import { textOf } from "../text/mod.ts";

/** Messages taken in one turn. */
const MESSAGES = 1024;
/** How long pieces of a long message are taken in one turn, microseconds. */
const PIECES = 3_000;
const WAKE = 0;
const MONITOR = 1;
/** Tokens of probes, from here on. */
const PROBES = 16;
/** Descriptors that one wait tells of. */
const EVENTS = 256;
/** The protocol's port in the inbox. */
const PROTOCOL = 1;

/**
 * Runs the plane until `stop`.
 *
 * @throws whatever the plane could not contain: an injected fault, or a failure of the loop itself
 */
export function runKernelPlane(start: KernelStart): void {
  useDescriptorRegistry(start.registry);
  useMark(start.mark);
  if (start.niceness !== undefined) preferred(start.niceness);
  const words = new SharedWords(start.words);
  words.kernelThread = threadId();
  const epoll = new Epoll(EVENTS);
  const wake = new EventFd(start.wake);
  epoll.add(wake.fd, EPOLLIN, WAKE);
  const inbox = new Inbox(wake, [start.control, start.protocol], true);
  const assembler = new Assembler<ConfigureKernel | ConfigureChecks>();
  let wasPiece = false;
  /** What the balancer takes in, and the plane waits for. */
  let configured: ConfigureKernel | undefined;
  const protocol = new Outbox<KernelToProtocol>(start.protocol, new EventFd(start.protocolWake));
  const io = new SystemIo(epoll, MONITOR);
  const ids = new IdSource("t");
  const log = new LogLimiter((record) => start.control.postMessage(record), () => io.now());
  const say: Say = (...record) => log.log(...record);
  const find = (finding: TrackerFinding) =>
    protocol.post({ type: "tracker", id: ids.next(), ...finding });
  const presences = new PresenceWatch(io, find, say);
  const balancer = new Balancer(
    io,
    {
      control: (message) => start.control.postMessage(message),
      finding: find,
      hold: (router, epoch, cause) =>
        plane.handle({ type: "hold", id: ids.next(), cause, router, epoch }),
      drop: (router, cause) => plane.handle({ type: "drop", id: ids.next(), cause, router }),
    },
    say,
    start.resting,
  );
  const probes = new KernelProbes(epoll, PROBES, ids, {
    now: () => io.now(),
    control: (message) => start.control.postMessage(message),
    protocol: (message) => protocol.post(message),
    say,
  }, mostProbes(getrlimit(RLIMIT_NOFILE).soft));
  let found = false;
  // The balancer acts upon it in the same turn.
  probes.onFinding = (finding) => {
    found = true;
    hear(balancer, { type: "check", id: ids.next(), ...finding }, say);
  };
  probes.leads = (service) => balancer.leads(service);
  const questions: FindPortOwner[] = [];
  const handle = (message: ToKernel): void => {
    // Each part of a long turn is work that gets on: ten thousand servers take a slow machine long.
    words.beatKernel();
    wasPiece = message.type === "piece";
    if (message.type === "piece") return assembler.take(message);
    if (message.type === "end") return handle(assembler.end(message));
    if (message.type === "find_port_owner") return void questions.push(message);
    switch (message.type) {
      case "configure_checks":
      case "query_checks":
      case "query_way":
        return attempt(message.type, () => probes.handle(message));
      case "query_machines":
      case "query_recording":
        return start.control.postMessage(answerRecording(message, balancer, probes, ids));
    }
    // The protocol plane knows them before control hears that the kernel plane is configured.
    if (message.type === "configure") presences.configure(message.presences ?? []);
    if (hear(balancer, message, say)) return;
    // Control hears that this plane is configured when the balancer is.
    const begun = message.type === "configure";
    if (begun || !balancer.isConfiguring) configure();
    if (begun && balancer.isConfiguring) configured = message;
    else plane.handle(message);
  };
  const configure = (): void => {
    const message = configured;
    configured = undefined;
    if (message !== undefined) plane.handle(message);
  };
  const attempt = (what: string, work: () => void): void => {
    try {
      work();
    } catch (error) {
      log.log("error", ["checks"], "Cannot carry out message", {
        message: what,
        error: textOf(error),
      });
    }
  };
  const plane = new KernelPlane(io, words, {
    control: (message) => start.control.postMessage(message),
    protocol: (message) => protocol.post(message),
    reconnect: (port) => {
      protocol.reconnect(port);
      inbox.reconnect(PROTOCOL, port);
      presences.repeat();
      balancer.repeat();
      probes.repeat();
    },
  }, { faultInjection: start.faultInjection, resting: start.resting ?? false });
  try {
    plane.start();
    let rehearsed = false;
    // When anybody but the probes wants a turn.
    let others = 0;
    while (!plane.stopped) {
      // Rounded up: a turn too early would find nothing to do and spin.
      const wait = Math.ceil((Math.min(others, probes.deadline) - io.now()) / 1000);
      const ready = epoll.wait(Math.max(0, wait));
      // A probe has an answer many times a second: whoever it does not concern is not asked each time.
      const now = io.now();
      const whole = now >= others || !areProbes(epoll, ready);
      if (whole) {
        const enough = () => wasPiece && io.now() >= now + PIECES;
        inbox.drain(MESSAGES, (message) => handle(message as ToKernel), enough);
        if (!plane.stopped) plane.turn();
      }
      // Before the balancer, which lives by their verdicts.
      if (!plane.stopped) probes.turn(ready);
      words.beatKernel();
      if (!whole && !found) continue;
      found = false;
      if (!plane.stopped) presences.turn();
      words.beatKernel();
      if (!plane.stopped) balancer.turn();
      if (!balancer.isConfiguring) configure();
      words.beatKernel();
      log.tellDue();
      for (const one of questions.splice(0)) protocol.post(answerPortOwner(one));
      // Once everybody has been told what they wait for, and before the first mastership.
      if (!rehearsed && plane.configured) {
        rehearsed = true;
        rehearse();
        rehearseCalls(io);
      }
      others = Math.min(plane.deadline, presences.deadline, balancer.deadline);
    }
  } finally {
    balancer.close();
    presences.close();
    probes.close();
    plane.close();
    epoll.close();
    useDescriptorRegistry(null);
  }
}

/** Whether all that is ready are sockets of probes, if anything is. */
function areProbes(epoll: Epoll, ready: number): boolean {
  for (let i = 0; i < ready; i++) if (epoll.token(i) < PROBES) return false;
  return true;
}

/** Being preferred to other programs is a help, not a need: without the privilege it goes on. */
function preferred(niceness: number): void {
  try {
    setNiceness(niceness);
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
  }
}
