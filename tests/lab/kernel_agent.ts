/**
 * A kernel plane in the test's own thread, with virtual routers in a lab's namespaces, for the
 * labs of the kernel plane.
 *
 * @module
 */

import { Epoll, monotonicMicros } from "../../ffi/mod.ts";
import { KernelPlane, SystemIo } from "../../mod/kernel/mod.ts";
import type {
  AddressReport,
  HeldAddress,
  KernelRouter,
  KernelToControl,
} from "../../mod/plane/messages.ts";
import { SharedWords } from "../../mod/plane/shared.ts";
import { delay, type Host, until } from "../lib/mod.ts";

export const ANNOUNCE = { repeat: 5, delay: 0, refresh: 0, refreshRepeat: 0, interval: 0 };
export const QUIET = { ...ANNOUNCE, repeat: 1 };

/** A plane in this thread; `run` is its loop. */
export class Agent {
  readonly words = new SharedWords();
  readonly messages: KernelToControl[] = [];
  readonly #epoll = new Epoll();
  #living = true;
  readonly plane: KernelPlane;
  beating = true;

  constructor() {
    this.plane = new KernelPlane(new SystemIo(this.#epoll, 1), this.words, {
      control: (message) => this.messages.push(structuredClone(message)),
      protocol: () => {},
      reconnect: () => {},
    });
    this.plane.start();
  }

  configure(routers: readonly KernelRouter[]): void {
    const interfaces = routers.map(({ namespace }) => ({ namespace, name: "eth0", groups: [] }));
    if (this.beating) this.words.beatProtocol(monotonicMicros());
    this.plane.handle({ type: "configure", id: "c:1", routers, interfaces });
    this.#turn();
  }

  hold({ name, slot }: KernelRouter): void {
    this.words.setMastership(slot, 1);
    this.plane.handle({ type: "hold", id: "p:1", cause: "p:0", router: name, epoch: 1 });
    this.#turn();
  }

  drop({ name, slot }: KernelRouter): void {
    this.words.setMastership(slot, 0);
    this.plane.handle({ type: "drop", id: "p:2", cause: "p:0", router: name });
    // Many addresses take more than one turn.
    for (let turn = 0; turn < 100; turn++) {
      this.#turn();
      if (this.plane.deadline > monotonicMicros()) return;
    }
  }

  /** Waits until something happens or is due, and does what follows. */
  turnWhenDue(): void {
    this.#epoll.wait(Math.max(0, Math.ceil((this.plane.deadline - monotonicMicros()) / 1000)));
    this.#turn();
  }

  async run(ms: number): Promise<void> {
    const end = monotonicMicros() + ms * 1000;
    while (monotonicMicros() < end) {
      this.#epoll.wait(5);
      this.#turn();
      await delay(1);
    }
  }

  /** Its loop until something is so. @throws where it is not within 5 s */
  async until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
    await until(
      what,
      async () => {
        await this.run(5);
        return await holds();
      },
      5000,
      1,
    );
  }

  /** One turn of its loop, for a test that is busy with something else. */
  pulse(): void {
    this.#turn();
  }

  #turn(): void {
    if (this.beating) this.words.beatProtocol(monotonicMicros());
    this.plane.turn();
  }

  /** As `kill -9` does it: sockets close, nothing is cleaned up. Whoever is dead stays so. */
  die(): void {
    if (!this.#living) return;
    this.#living = false;
    this.plane.close();
    this.#epoll.close();
  }

  report(router: string): AddressReport | undefined {
    return this.messages.filter((message): message is AddressReport =>
      message.type === "addresses" && message.router === router
    ).at(-1);
  }

  problems(): string[] {
    return this.messages.flatMap((message) =>
      message.type === "log" && message.level !== "info" && message.level !== "debug"
        ? [`${message.message} ${JSON.stringify(message.properties ?? {})}`]
        : []
    );
  }
}

/** Makes an interface that is up, with carrier. */
export const CREATE = "ip link add eth0 type veth peer name peer && ip link set eth0 up && " +
  "ip link set peer up";

/** A router with one address on `eth0` of a host. */
export function router(
  name: string,
  host: Host,
  slot: number,
  vip: string,
  lease: number,
): KernelRouter {
  const [address = "", length = ""] = vip.split("/");
  const held: HeldAddress = { address, prefixLength: Number(length), interface: "eth0" };
  return { name, slot, namespace: host.namespace, addresses: [held], lease, announce: QUIET };
}
