/**
 * The socket side of the model kernel: answers and notifications in queues, frames in a list.
 *
 * @module
 */

import type { Claim, FirewallIo, NeighbourIo } from "../../../mod/kernel/io.ts";
import { NLM_F_ACK, splitMessages } from "../../../mod/netlink/mod.ts";
import { answering, endOfDump, errorMessage } from "./model_messages.ts";

export class ModelSockets {
  /** Virtual microseconds. */
  time = 1_000_000_000;
  /** What a request takes, virtual microseconds. */
  cost = 0;
  /** Frames sent, with the time. */
  readonly frames: { at: number; index: number; frame: Uint8Array }[] = [];
  /** New IPv6 addresses are told of when time has passed, as the kernel does it. */
  tardy = false;
  #answers: Uint8Array[] = [];
  #events: (Uint8Array | "overrun")[] = [];
  #late: { readonly address: object; readonly bytes: Uint8Array }[] = [];

  receive(): Uint8Array | undefined {
    return this.#answers.shift();
  }

  event(): Uint8Array | "overrun" | undefined {
    return this.#events.shift();
  }

  followRouting(): void {}

  transmit(index: number, frame: Uint8Array<ArrayBuffer>): number {
    this.frames.push({ at: this.time, index, frame: frame.slice() });
    return 0;
  }

  /** Memberships in VRRP groups, such as `2/ipv4`. */
  readonly memberships = new Set<string>();

  join(index: number, group: "ipv4" | "ipv6"): { leave(): void } {
    const key = `${index}/${group}`;
    this.memberships.add(key);
    return { leave: () => void this.memberships.delete(key) };
  }

  /** By path below /proc/sys/net; what is not in it, this kernel does not have. */
  readonly settings = new Map<string, string>();

  setting(path: string): string | undefined {
    return this.settings.get(path);
  }

  set(path: string, value: string): void {
    if (!this.settings.has(path)) throw new Error(`No setting ${path}`);
    this.settings.set(path, value);
  }

  close(): void {}

  /** What neighbours have said; taken by whoever listens. */
  readonly claims: Claim[] = [];
  /** Addresses that are listened for; null: nobody listens. */
  listening: readonly string[] | null = null;
  /** Frames that asked who has an address. */
  readonly questions: Uint8Array[] = [];

  neighbours(): NeighbourIo {
    return {
      watch: (addresses) => void (this.listening = addresses),
      receive: (most) => this.claims.splice(0, most),
      ask: (_index, frame) => void this.questions.push(frame.slice()),
      close: () => void (this.listening = null),
    };
  }

  /** Batches sent to nftables; each opening of a socket is one more list. */
  readonly firewalls: { readonly batches: Uint8Array[]; closed: boolean }[] = [];
  /** What nftables answers every message with; 0: done. */
  firewallErrno = 0;

  firewall(): FirewallIo {
    const own = { batches: [] as Uint8Array[], closed: false };
    const answers: Uint8Array[] = [];
    this.firewalls.push(own);
    return {
      send: (bytes) => {
        own.batches.push(bytes.slice());
        for (const { flags, sequence } of splitMessages(bytes).messages) {
          if ((flags & NLM_F_ACK) !== 0) answers.push(errorMessage(sequence, this.firewallErrno));
        }
      },
      receive: () => answers.shift(),
      close: () => void (own.closed = true),
    };
  }

  /** Loses what is queued, as a full socket does. */
  overrun(): void {
    this.#events = ["overrun"];
  }

  /** What was to be told later is never told. */
  loseLate(): void {
    this.#late = [];
  }

  protected answer(bytes: Uint8Array): void {
    this.#answers.push(bytes);
  }

  protected dump(sequence: number, messages: readonly Uint8Array[]): void {
    for (const message of messages) this.answer(answering(sequence, message));
    this.answer(endOfDump(sequence));
  }

  protected tell(bytes: Uint8Array): void {
    this.#events.push(bytes);
  }

  protected tellLater(address: object, bytes: Uint8Array): void {
    if (this.tardy) this.#late.push({ address, bytes });
    else this.tell(bytes);
  }

  /** Of an address that is gone again nothing is told any more. */
  protected forget(address: object): void {
    this.#late = this.#late.filter((one) => one.address !== address);
  }

  /** What was to be told later is told now. */
  protected catchUp(): void {
    for (const { bytes } of this.#late.splice(0)) this.tell(bytes);
  }
}
