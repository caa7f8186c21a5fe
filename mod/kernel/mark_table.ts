/**
 * The firewall marks that gather many addresses and ports into one service of IPVS: a table of
 * nftables that is kept as it is wanted.
 *
 * nftables numbers its changes, whoever makes them. While that number stands still nothing has
 * happened to our table; where it moved on, the table is read again, and written again where it is
 * not what we have written.
 *
 * @module
 */

import {
  encodeMarks,
  MARK_PRIORITY,
  type MarkRule,
  type MarkTableName,
  type NetlinkMessage,
  readGeneration,
  requestGeneration,
  requestMarks,
} from "../netlink/mod.ts";
import { textOf } from "../text/mod.ts";
import { sendBatch } from "./firewall.ts";
import type { FirewallIo, NamespaceIo } from "./io.ts";
import { Requester } from "./requester.ts";
import type { Say } from "./tables.ts";

/** Between two looks at the number of changes, microseconds. */
const LOOK = 1_000_000;
/** After a refusal it is tried again, microseconds. */
const RETRY = 5_000_000;

/** Tables are written so often at most when others change theirs at the same time. */
const ATTEMPTS = 3;

/** One for each network namespace: a new agent exchanges what a killed one has left. */
export const MARK_TABLE: MarkTableName = {
  family: "inet",
  name: "halb_ipvs",
  priority: MARK_PRIORITY,
};

/** What is known of the table that we have written. */
interface Written {
  /** Number of the change after which it was found to be right. */
  generation: number;
  /** All that the kernel says of it. */
  readonly content: string;
}

export class MarkTable {
  readonly #io: Pick<NamespaceIo, "firewall">;
  readonly #table: MarkTableName;
  readonly #say: Say;
  #socket: FirewallIo | null = null;
  #requester: Requester | null = null;
  #sequence = 0;
  #wanted: readonly MarkRule[] = [];
  #written: Written | null = null;
  #nextAt = Infinity;
  /** Why marks are not set; empty: they are. */
  failure = "";
  /** Times that it was put back after somebody else had changed it. */
  repairs = 0;

  constructor(io: Pick<NamespaceIo, "firewall">, say: Say, table = MARK_TABLE) {
    this.#io = io;
    this.#say = say;
    this.#table = table;
  }

  /** These marks from now on; `settle` tells the kernel. */
  want(rules: readonly MarkRule[]): void {
    if (keyOf(rules) === keyOf(this.#wanted)) return;
    this.#wanted = rules;
    this.#written = null;
    this.#nextAt = 0;
  }

  /** A killed agent may have left marks: unless others are wanted, they go. */
  distrust(): void {
    this.#written = null;
    this.#nextAt = 0;
  }

  /** The namespace is another one of the same name: what is in it is looked at anew. */
  reopen(): void {
    this.#disconnect();
    if (this.#written !== null) this.#written.generation = -1;
    if (!this.clean) this.#nextAt = 0;
  }

  /** There is no table of ours. */
  get clean(): boolean {
    return this.#wanted.length === 0 && this.#nextAt === Infinity;
  }

  /** When `settle` has something to do; Infinity: never as things stand. */
  get deadline(): number {
    return this.#nextAt;
  }

  /** Writes what is wanted, or looks whether it is still there. @returns whether `failure` changed */
  settle(now: number): boolean {
    if (now < this.#nextAt) return false;
    const before = this.failure;
    try {
      this.failure = this.#written === null ? this.#write() : this.#look(this.#written);
    } catch (error) {
      this.failure = `nftables: ${textOf(error)}`;
      this.#disconnect();
    }
    const watched = this.#wanted.length > 0;
    this.#nextAt = this.failure !== "" ? now + RETRY : watched ? now + LOOK : Infinity;
    if (this.failure === before) return false;
    if (this.failure !== "") {
      this.#say("error", ["kernel"], "Firewall marks of virtual servers are not set", {
        reason: this.failure,
      });
    } else this.#say("info", ["kernel"], "Firewall marks of virtual servers are set", {});
    return true;
  }

  /** The end. @param keep marks are still set after it, as services that go by them are kept */
  close(keep: boolean): void {
    if (!keep && (this.#wanted.length > 0 || this.#written !== null)) {
      this.#wanted = [];
      try {
        const refusal = this.#apply();
        if (refusal !== "") throw new Error(refusal);
      } catch (error) {
        this.#say("warning", ["kernel"], "Firewall marks of virtual servers are left behind", {
          reason: textOf(error),
        });
      }
    }
    this.#disconnect();
    this.#nextAt = Infinity;
  }

  #write(): string {
    if (this.#wanted.length === 0) {
      const refusal = this.#apply();
      this.#disconnect();
      return refusal;
    }
    for (let attempt = 1;; attempt++) {
      const before = this.#generation();
      const refusal = this.#apply();
      if (refusal !== "") return refusal;
      const generation = this.#generation();
      const content = this.#content();
      // A change by others in between would be taken for ours: once more then.
      if (generation === before + 1 || attempt >= ATTEMPTS) {
        this.#written = { generation, content };
        return "";
      }
    }
  }

  #look(written: Written): string {
    const generation = this.#generation();
    if (generation === written.generation) return "";
    if (this.#contentOrNone() === written.content) {
      written.generation = generation;
      return "";
    }
    this.#written = null;
    this.repairs++;
    this.#say("warning", ["kernel"], "Somebody else has changed the firewall marks: put back", {
      table: `${this.#table.family} ${this.#table.name}`,
      repairs: this.repairs,
    });
    return this.#write();
  }

  #apply(): string {
    const socket = this.#connection();
    return sendBatch(
      socket,
      (writer) => encodeMarks(writer, () => ++this.#sequence, this.#table, this.#wanted),
    );
  }

  #generation(): number {
    const requester = this.#requests();
    const generation = readGeneration(requester.ask(requestGeneration));
    if (generation === undefined) throw new Error("no number of changes in the kernel's answer");
    return generation;
  }

  /** All that the kernel says of the table. @throws where it is not there */
  #content(): string {
    const requester = this.#requests();
    const [table, ...parts] = requestMarks(this.#table, this.#wanted);
    return [
      textOfMessages([requester.ask(table!)]),
      ...parts.map((part) => textOfMessages(requester.dump(part))),
    ].join("|");
  }

  #contentOrNone(): string {
    try {
      return this.#content();
    } catch {
      // Gone, or in parts: it is written again, which says what is wrong if anything is.
      this.#disconnect();
      return "";
    }
  }

  #connection(): FirewallIo {
    return this.#socket ??= this.#io.firewall();
  }

  #requests(): Requester {
    return this.#requester ??= new Requester(this.#connection());
  }

  #disconnect(): void {
    this.#socket?.close();
    this.#socket = null;
    this.#requester = null;
  }
}

function keyOf(rules: readonly MarkRule[]): string {
  return rules.map((rule) => Object.values(rule).join(" ")).join();
}

/** Messages without what changes by itself: the number of changes in their headers. */
function textOfMessages(messages: readonly NetlinkMessage[]): string {
  return messages.map(({ type, payload }) => `${type}:${payload.subarray(4)}`).join();
}
