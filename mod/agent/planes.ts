/**
 * The two Workers behind the synchronous planes: how they are started, wired to each other, and
 * started again when one dies.
 *
 * A Worker that throws is gone, but its descriptors are not: FFI opened them, so nobody else closes
 * them. Each Worker notes what it opens in a registry in shared memory, and whoever buries it closes
 * what stands there. The two event descriptors that wake the planes belong to this side and outlive
 * both. A thread that hangs is treated as dead: woken, terminated, and replaced.
 *
 * @module
 */

import { closeRegistered, EventFd, monotonicMicros, newDescriptorRegistry } from "../../ffi/mod.ts";
import type { SiteConfig } from "../../config/mod.ts";
import { Counters } from "../plane/counters.ts";
import { IdSource } from "../plane/ids.ts";
import { Outbox } from "../plane/inbox.ts";
import type { Memory } from "../plane/hand_over.ts";
import type { PlaneCrashed } from "../plane/crash.ts";
import type {
  ControlToProtocol,
  KernelToControl,
  ProtocolToControl,
  ReconnectPlane,
  ToKernel,
} from "../plane/messages.ts";
import type { KernelStart, OwnMark, ProtocolStart } from "../plane/start.ts";
import { SharedWords } from "../plane/shared.ts";
import { markOf } from "./ownership.ts";
import { type PlaneName, takeWorker } from "./workers.ts";

/** How long a terminated thread may need to leave its last call, milliseconds. */
const EXIT_TIME = 200;
/**
 * Nice value of the kernel plane. A new master's addresses wait for it, also where other programs
 * keep the processors busy; but it is not real-time, since it sleeps on locks that others hold.
 */
const KERNEL_NICENESS = -10;
/** Until what a plane said before it died unheard has been read, milliseconds. */
const LAST_WORDS = 2;

export type { PlaneName };

/** Who hears what the planes say. */
export interface PlaneListener {
  fromProtocol(message: Exclude<ProtocolToControl, PlaneCrashed>): void;
  fromKernel(message: Exclude<KernelToControl, PlaneCrashed>): void;
  /**
   * A plane has died; its descriptors are closed. The listener decides what comes now.
   *
   * @param stack where it died; empty: nobody knows
   */
  died(plane: PlaneName, reason: string, stack: string): void;
}

export interface PlaneOptions {
  /** By what the kernel's things are known as ours. */
  readonly mark: OwnMark;
  readonly realtime: ProtocolStart["realtime"];
  /** There are BFD sessions. */
  readonly bfd: boolean;
  readonly faultInjection: boolean;
}

/** What the planes of a site are started with. */
export function planeOptions(site: SiteConfig, faultInjection: boolean): PlaneOptions {
  const { policy, priority, cpus = [] } = site.agent.realtime;
  const realtime = { policy, priority, cpus };
  return { mark: markOf(site.agent), realtime, bfd: site.bfd.length > 0, faultInjection };
}

/** One Worker and what belongs to it. */
interface Running {
  readonly worker: Worker;
  readonly registry: Int32Array;
  readonly port: MessagePort;
  /** It died, and its listener will hear of it. */
  buried: boolean;
}

/** A wall clock that is wrong from the start, for tests: milliseconds. */
const CLOCK_OFFSET = "HALB_CLOCK_OFFSET_MS";

/** Microseconds by which the protocol plane's wall clock is to be wrong. */
function wallOffset(): number {
  const offset = Number(Deno.env.get(CLOCK_OFFSET) ?? 0);
  return Number.isSafeInteger(offset) ? offset * 1000 : 0;
}

export class Planes {
  readonly words = new SharedWords();
  readonly counters = new Counters();
  readonly ids = new IdSource("c");
  /** Kernel planes begin at rest. */
  resting = false;
  readonly #options: PlaneOptions;
  readonly #listener: PlaneListener;
  readonly #protocolWake = new EventFd();
  readonly #kernelWake = new EventFd();
  #protocol: Running | null = null;
  #kernel: Running | null = null;
  #toProtocol: Outbox<ControlToProtocol> | null = null;
  #toKernel: Outbox<ToKernel> | null = null;
  readonly #lives = { protocol: 0, kernel: 0 };

  constructor(options: PlaneOptions, listener: PlaneListener) {
    this.#options = options;
    this.#listener = listener;
  }

  /** Starts both planes; they say `ready` when their loops run. */
  start(): void {
    const { port1, port2 } = new MessageChannel();
    this.#startKernel(port1);
    this.#startProtocol(port2);
  }

  /**
   * Starts a new protocol plane in place of a dead one, from what its routers remembered. It is to
   * be configured when the kernel plane has answered the message that is returned.
   */
  restartProtocol(known: Omit<Memory, "silentSince">): ReconnectPlane {
    const { port1, port2 } = new MessageChannel();
    const now = monotonicMicros();
    const silentSince = now - this.words.protocolSilence(now);
    this.#startProtocol(port2, { ...known, silentSince });
    const reconnect = { type: "reconnect", id: this.ids.next(), port: port1 } as const;
    this.#toKernel!.post(reconnect, [port1]);
    return reconnect;
  }

  /** Starts a new kernel plane; it adopts what the dead one held. */
  restartKernel(): void {
    const { port1, port2 } = new MessageChannel();
    this.#startKernel(port1);
    this.#toProtocol!.post({ type: "reconnect", id: this.ids.next(), port: port2 }, [port2]);
  }

  /** Whether the plane was started, and the listener has not heard of its death. */
  runs(plane: PlaneName): boolean {
    return this.#running(plane) !== null;
  }

  /** How often the plane was started: another time knows nothing of what it was told before. */
  lives(plane: PlaneName): number {
    return this.#lives[plane];
  }

  toProtocol(message: ControlToProtocol): void {
    this.#toProtocol?.post(message);
  }

  toKernel(message: ToKernel): void {
    this.#toKernel?.post(message);
  }

  /** A plane that no longer beats: end it as if it had thrown. */
  abandon(plane: PlaneName, reason: string): void {
    this.#bury(plane, reason, EXIT_TIME);
  }

  /** Lets go of what this side holds; the planes have stopped. */
  close(): void {
    this.#protocol?.port.close();
    this.#kernel?.port.close();
    this.#protocolWake.close();
    this.#kernelWake.close();
  }

  #startProtocol(kernel: MessagePort, snapshot?: ProtocolStart["snapshot"]): void {
    const { port1, port2 } = new MessageChannel();
    const running = this.#spawn("protocol", port1);
    port1.onmessage = ({ data }) => {
      if (!this.#crashed("protocol", data)) this.#listener.fromProtocol(data);
    };
    const start: ProtocolStart = {
      words: this.words.buffer,
      counters: this.counters.buffer,
      registry: running.registry,
      control: port2,
      kernel,
      wake: this.#protocolWake.fd,
      kernelWake: this.#kernelWake.fd,
      realtime: this.#options.realtime,
      ...(this.#options.bfd ? { bfd: true as const } : {}),
      ...(snapshot === undefined ? {} : { snapshot }),
      faultInjection: this.#options.faultInjection,
      ...(this.#options.faultInjection ? { wallOffset: wallOffset() } : {}),
    };
    running.worker.postMessage(start, [port2, kernel]);
    this.#protocol = running;
    this.#toProtocol = new Outbox(port1, this.#protocolWake);
  }

  #startKernel(protocol: MessagePort): void {
    const { port1, port2 } = new MessageChannel();
    const running = this.#spawn("kernel", port1);
    port1.onmessage = ({ data }) => {
      if (!this.#crashed("kernel", data)) this.#listener.fromKernel(data);
    };
    const start: KernelStart = {
      mark: this.#options.mark,
      words: this.words.buffer,
      registry: running.registry,
      control: port2,
      protocol,
      wake: this.#kernelWake.fd,
      protocolWake: this.#protocolWake.fd,
      faultInjection: this.#options.faultInjection,
      resting: this.resting,
      ...(this.#options.realtime.policy === "other" ? {} : { niceness: KERNEL_NICENESS }),
    };
    running.worker.postMessage(start, [port2, protocol]);
    this.#kernel = running;
    this.#toKernel = new Outbox(port1, this.#kernelWake);
  }

  #spawn(plane: PlaneName, port: MessagePort): Running {
    const worker = takeWorker(plane);
    this.#lives[plane]++;
    const running = { worker, registry: newDescriptorRegistry(), port, buried: false };
    worker.onerror = (event) => {
      // Without this the whole process ends with the Worker.
      event.preventDefault();
      if (this.#running(plane)?.worker === worker) this.#bury(plane, event.message);
    };
    return running;
  }

  #running(plane: PlaneName): Running | null {
    return plane === "protocol" ? this.#protocol : this.#kernel;
  }

  #crashed(
    plane: PlaneName,
    data: ProtocolToControl | KernelToControl,
  ): data is PlaneCrashed {
    if (data.type !== "crashed") return false;
    this.#bury(plane, data.reason, LAST_WORDS, data.stack);
    return true;
  }

  /** @param delay milliseconds for a thread that still runs to leave its descriptors alone */
  #bury(plane: PlaneName, reason: string, delay = LAST_WORDS, stack = ""): void {
    const running = this.#running(plane);
    if (running === null || running.buried) return;
    running.buried = true;
    (plane === "protocol" ? this.#protocolWake : this.#kernelWake).signal();
    running.worker.terminate();
    setTimeout(() => {
      running.port.close();
      closeRegistered(running.registry);
      if (plane === "protocol") this.#protocol = null;
      else this.#kernel = null;
      this.#listener.died(plane, reason, stack);
    }, delay);
  }
}
