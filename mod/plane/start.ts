/**
 * What the Workers of the two synchronous planes are started with.
 *
 * @module
 */

import type { Memory } from "./hand_over.ts";

/** By what an agent knows its own things in the kernel. */
export interface OwnMark {
  /** IFA_PROTO, rtm_protocol. */
  readonly protocol: number;
  /** Absent: the agent without a name of its own. */
  readonly instance?: string;
}

/** What the kernel plane's Worker is started with. */
export interface KernelStart {
  readonly mark: OwnMark;
  readonly words: SharedArrayBuffer;
  readonly registry: Int32Array;
  readonly control: MessagePort;
  readonly protocol: MessagePort;
  /** Event descriptor that wakes this plane. */
  readonly wake: number;
  /** Event descriptor that wakes the protocol plane. */
  readonly protocolWake: number;
  /** Begin at rest (see `hand_over.ts`). */
  readonly resting?: boolean;
  /** Nice value of the thread; absent: as it is. */
  readonly niceness?: number;
  readonly faultInjection: boolean;
}

/** What the protocol plane's Worker is started with. */
export interface ProtocolStart {
  readonly words: SharedArrayBuffer;
  readonly counters: SharedArrayBuffer;
  readonly registry: Int32Array;
  readonly control: MessagePort;
  readonly kernel: MessagePort;
  /** Event descriptor that wakes this plane. */
  readonly wake: number;
  /** Event descriptor that wakes the kernel plane. */
  readonly kernelWake: number;
  readonly realtime: {
    readonly policy: "fifo" | "rr" | "other";
    readonly priority: number;
    readonly cpus: readonly number[];
  };
  /** There are BFD sessions: their first failure is rehearsed. Absent: there are none. */
  readonly bfd?: true;
  /** What the routers remembered when the former Worker died; absent: a first start. */
  readonly snapshot?: Memory;
  /** By how much the wall clock is wrong on request (`faultInjection`), microseconds. */
  readonly wallOffset?: number;
  readonly faultInjection: boolean;
}
