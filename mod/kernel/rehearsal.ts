/**
 * A rehearsal of the takeover. What has never run is interpreted, several times slower than what
 * has; a takeover is rare, and the first one is the one that counts. So a plane of its own goes
 * through masterships, one after the other, before a kernel of paper that agrees to everything and
 * tells it back as notifications. Nothing of it leaves this module.
 *
 * @module
 */

import {
  IFF_RUNNING,
  IFF_UP,
  MessageWriter,
  type NetlinkMessage,
  NLM_F_DUMP,
  NLMSG_DONE,
  NLMSG_ERROR,
  RTM_DELADDR,
  RTM_GETLINK,
  RTM_NEWADDR,
  RTM_NEWLINK,
  splitMessages,
  viewOf,
} from "../netlink/mod.ts";
import { SharedWords } from "../plane/shared.ts";
import type { KernelIo, Membership, NamespaceIo, NeighbourIo } from "./io.ts";
import { announcementFrame } from "./frames.ts";
import { encodeOperation } from "./operation.ts";
import { KernelPlane } from "./plane.ts";
import { Requester } from "./requester.ts";

/** Masterships: enough for the compiler's first tiers, some milliseconds in all. */
const ACTS = 20;
/** Rounds of real calls. */
const CALLS = 20;
/** No interface has this index. */
const NOWHERE = 0x7fff_fff0;
const INTERFACE = "rehearsal";
const INDEX = 2;
const PORT = 1;
const LEASE = 3;
/** From one turn to the next, microseconds: the refreshes of a lease come up in between. */
const STEP = 400_000;

/** Runs it. Returns how many requests and frames the paper kernel has seen. */
export function rehearse(): { requests: number; frames: number } {
  let now = 10_000_000;
  const words = new SharedWords();
  const kernel = new PaperKernel();
  const io: KernelIo = { now: () => now, open: () => kernel, identity: () => "" };
  const silent = { control: () => {}, protocol: () => {}, reconnect: () => {} };
  const plane = new KernelPlane(io, words, silent);
  const turn = (): void => {
    now += STEP;
    words.beatProtocol(now);
    plane.turn();
  };
  const addresses = ["192.0.2.10", "192.0.2.11", "2001:db8::10"].map((address) => {
    return { address, prefixLength: 24, interface: INTERFACE };
  });
  const announce = { repeat: 5, delay: STEP, refresh: 0, refreshRepeat: 1, interval: 0 };
  const routers = [{ name: "r", slot: 0, namespace: "", addresses, lease: LEASE, announce }];
  const interfaces = [{ namespace: "", name: INTERFACE, groups: [] }];
  plane.handle({ type: "configure", id: "", routers, interfaces });
  for (let act = 1; act <= ACTS; act++) {
    words.setMastership(0, act);
    plane.handle({ type: "hold", id: "", cause: "", router: "r", epoch: act });
    for (let i = 0; i < 4; i++) turn();
    words.setMastership(0, 0);
    plane.handle({ type: "drop", id: "", cause: "", router: "r" });
    turn();
  }
  plane.close();
  return { requests: kernel.requests, frames: kernel.frames };
}

/**
 * The calls that the paper kernel has left out, on sockets of their own: requests and frames for
 * an interface that does not exist, which the real kernel refuses.
 *
 * @returns how many it refused
 */
export function rehearseCalls(kernel: KernelIo): number {
  let refused = 0;
  let io: NamespaceIo | undefined;
  try {
    io = kernel.open("");
    const requester = new Requester(io);
    const frame = announcementFrame("192.0.2.1", { mac: "02:00:00:00:00:01", forwards: false });
    const operation = { type: "add_address", router: "", index: NOWHERE, lease: LEASE } as const;
    for (let act = 0; act < CALLS; act++) {
      requester.transact([
        (writer, sequence) =>
          encodeOperation(writer, sequence, { ...operation, address: "192.0.2.1" }),
      ], (_, { errno }) => refused += errno === 0 ? 0 : 1);
      io.event();
      if (io.transmit(NOWHERE, frame) !== 0) refused++;
    }
  } catch {
    // Whoever needs these sockets in earnest will meet the same, and say it.
  }
  io?.close();
  return refused;
}

/** Acknowledges every request, and tells of every address as the kernel does. */
class PaperKernel implements NamespaceIo {
  readonly portId = PORT;
  requests = 0;
  frames = 0;
  readonly #answers: Uint8Array[] = [];
  readonly #events: Uint8Array[] = [];

  send(bytes: Uint8Array): void {
    for (const message of splitMessages(bytes).messages) {
      this.requests++;
      if ((message.flags & NLM_F_DUMP) === NLM_F_DUMP) this.#dump(message);
      else this.#agree(message);
    }
  }

  receive(): Uint8Array | undefined {
    return this.#answers.shift();
  }

  /** Nobody else is there. */
  neighbours(): NeighbourIo {
    return { watch() {}, receive: () => [], ask() {}, close() {} };
  }

  /** Nobody blocks anything in a rehearsal. */
  firewall(): never {
    throw new Error("No nftables on paper");
  }

  event(): Uint8Array | undefined {
    return this.#events.shift();
  }

  followRouting(): void {}

  transmit(): number {
    this.frames++;
    return 0;
  }

  setting(): undefined {}

  set(): void {}

  join(): Membership {
    return { leave: () => {} };
  }

  close(): void {}

  #dump({ type, sequence }: NetlinkMessage): void {
    const writer = new MessageWriter();
    if (type === RTM_GETLINK) {
      writer.begin(RTM_NEWLINK, 2, sequence).u8(0).u8(0).u16(1).u32(INDEX)
        .u32(IFF_UP | IFF_RUNNING).u32(0);
      writer.attributeText(3, INTERFACE).attribute(1, Uint8Array.of(2, 0, 0, 0, 0, 1)).end();
    }
    writer.begin(NLMSG_DONE, 2, sequence).u32(0).end();
    this.#answers.push(writer.finish());
  }

  #agree({ type, sequence, payload }: NetlinkMessage): void {
    const writer = new MessageWriter().begin(NLMSG_ERROR, 0x100, sequence).u32(0);
    this.#answers.push(writer.u32(16).u16(0).u16(0).u32(sequence).u32(0).end().finish());
    if (type !== RTM_NEWADDR && type !== RTM_DELADDR) return;
    const event = new MessageWriter().begin(type, 0, sequence).raw(payload).end().finish();
    viewOf(event).setUint32(12, PORT, true);
    this.#events.push(event);
  }
}
