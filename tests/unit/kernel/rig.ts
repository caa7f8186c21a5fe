/**
 * A kernel plane on a model kernel, in virtual time.
 *
 * @module
 */

import { KernelPlane } from "../../../mod/kernel/mod.ts";
import type {
  AddressReport,
  HeldAddress,
  InterfaceState,
  KernelRouter,
  KernelToControl,
  KernelToProtocol,
  LogRecord,
} from "../../../mod/plane/messages.ts";
import { SharedWords } from "../../../mod/plane/shared.ts";
import { ModelKernel } from "./model_kernel.ts";

const BEAT = 100_000;

/** Announcements once, at once, and nothing later. */
export const QUIET = { repeat: 1, delay: 0, refresh: 0, refreshRepeat: 0, interval: 0 };

/** A router in slot 0 with a lease of 3 s and addresses on `eth0`, unless said otherwise. */
export function router(
  name: string,
  addresses: readonly (string | HeldAddress)[],
  more: Partial<KernelRouter> = {},
): KernelRouter {
  return {
    name,
    slot: 0,
    namespace: "",
    addresses: addresses.map((one) => typeof one === "string" ? held(one) : one),
    lease: 3,
    announce: QUIET,
    ...more,
  };
}

/** `192.0.2.10/24` on an interface. */
export function held(text: string, interfaceName = "eth0"): HeldAddress {
  const [address = "", length = "32"] = text.split("/");
  return { address, prefixLength: Number(length), interface: interfaceName };
}

export class Rig {
  readonly kernel = new ModelKernel();
  readonly words = new SharedWords();
  readonly control: KernelToControl[] = [];
  readonly protocol: KernelToProtocol[] = [];
  plane: KernelPlane;
  /** The protocol loop turns. */
  beating = true;
  #lastBeat = 0;
  #ids = 0;

  constructor() {
    this.plane = this.#newPlane();
  }

  /** The process is gone: what it held stays; a new plane begins. */
  restart(resting = false): void {
    this.plane = this.#newPlane(resting);
  }

  configure(routers: readonly KernelRouter[], interfaces: readonly string[] = ["eth0"]): void {
    this.plane.handle({
      type: "configure",
      id: this.#id(),
      routers,
      interfaces: interfaces.map((name) => ({ namespace: "", name, groups: ["ipv4"] })),
    });
    this.plane.turn();
  }

  /** Master: the word is set, then the message sent, as the protocol plane does it. */
  hold(name: string, epoch = 1, slot = 0): void {
    this.words.setMastership(slot, epoch);
    this.plane.handle({ type: "hold", id: this.#id(), cause: "p:1", router: name, epoch });
    this.plane.turn();
  }

  drop(name: string, slot = 0): void {
    this.words.setMastership(slot, 0);
    this.plane.handle({ type: "drop", id: this.#id(), cause: "p:2", router: name });
    this.plane.turn();
  }

  announce(name: string): void {
    this.plane.handle({ type: "announce", id: this.#id(), cause: "p:3", router: name });
    this.plane.turn();
  }

  stop(keep: boolean): void {
    this.plane.handle({ type: "stop", id: this.#id(), keep });
  }

  /** Something happened in the kernel: the plane wakes. */
  wake(): void {
    this.plane.turn();
  }

  /** Lets time pass; the plane turns when it wants to, the protocol loop beats if it does. */
  run(micros: number): void {
    const end = this.kernel.time + micros;
    let spins = 0;
    while (this.kernel.time < end) {
      const beat = this.beating ? this.#lastBeat + BEAT : Infinity;
      const next = Math.min(end, beat, this.plane.deadline);
      this.kernel.advance(Math.max(0, next - this.kernel.time));
      if (this.beating && this.kernel.time >= this.#lastBeat + BEAT) {
        this.#lastBeat = this.kernel.time;
        this.words.beatProtocol(this.kernel.time);
      }
      this.plane.turn();
      if (this.plane.deadline > this.kernel.time) continue;
      if (++spins > 10_000) throw new Error("The plane spins");
      this.kernel.advance(1);
    }
  }

  /** The whole process stands still; the kernel does not. */
  freeze(micros: number): void {
    this.kernel.advance(micros);
  }

  report(name: string): AddressReport {
    const reports = this.control.filter((message): message is AddressReport =>
      message.type === "addresses" && message.router === name
    );
    const last = reports.at(-1);
    if (last === undefined) throw new Error(`No report of ${name}`);
    return last;
  }

  logs(): LogRecord[] {
    return this.control.filter((message): message is LogRecord => message.type === "log");
  }

  /** Last state said of an interface; undefined: none, or it is gone. */
  interface(name: string): InterfaceState | undefined {
    let state: InterfaceState | undefined;
    for (const message of this.protocol) {
      if (message.type === "interface" && message.state.name === name) state = message.state;
      if (message.type === "interface_gone" && message.name === name) state = undefined;
    }
    return state;
  }

  #newPlane(resting = false): KernelPlane {
    const plane = new KernelPlane(this.kernel, this.words, {
      control: (message) => this.control.push(structuredClone(message)),
      protocol: (message) => this.protocol.push(structuredClone(message)),
      reconnect: () => {},
    }, { faultInjection: true, resting });
    plane.start();
    return plane;
  }

  #id(): string {
    return `c:${++this.#ids}`;
  }
}
