/** The table of firewall marks: what nftables is told, and what follows when others change it. */

import assert from "node:assert/strict";
import type { FirewallIo } from "../../../mod/kernel/io.ts";
import { MarkTable } from "../../../mod/kernel/mark_table.ts";
import {
  type MarkRule,
  MessageWriter,
  NLM_F_ACK,
  NLM_F_REQUEST,
  splitMessages,
} from "../../../mod/netlink/mod.ts";
import { errorMessage } from "./model_messages.ts";

const WEB: MarkRule = {
  protocol: "tcp",
  address: "192.0.2.10",
  last: "192.0.2.20",
  port: 8000,
  lastPort: 8100,
  mark: 7,
};
const SIX: MarkRule = { ...WEB, address: "2001:db8::10", last: "2001:db8::20", mark: 8 };

const [NEW_TABLE, GET_TABLE, DELETE_TABLE, CHAIN, RULE, GET_RULE, SET] = [0, 1, 2, 3, 6, 7, 9];
const [ELEMENTS, GET_ELEMENTS, NEW_GENERATION, GET_GENERATION, BEGIN, END] = [
  12,
  13,
  15,
  16,
  -0x10,
  -0x11,
];
const DONE = 3;

/** A kernel that has one table, and counts changes. */
class ModelFirewall {
  generation = 100;
  /** Messages of the batch that made the table; null: there is none. */
  table: number[] | null = null;
  readonly batches: number[][] = [];
  /** What every change is answered with; 0: done. */
  errno = 0;
  open = 0;
  /** Somebody else changes something during each batch. */
  busy = 0;
  #answers: Uint8Array[] = [];

  firewall(): FirewallIo {
    this.open++;
    this.#answers = [];
    return {
      send: (bytes) => this.#take(bytes.slice()),
      receive: () => this.#answers.shift(),
      close: () => void this.open--,
    };
  }

  #take(bytes: Uint8Array): void {
    const { messages } = splitMessages(bytes);
    const kinds = messages.map(({ type }) => type >> 8 === 10 ? type & 0xff : -type);
    if (kinds[0] === BEGIN) return this.#batch(messages.map(({ sequence }) => sequence), kinds);
    const { sequence } = messages[0]!;
    const writer = new MessageWriter();
    const answer = (type: number, fill: () => void) => {
      writer.begin((10 << 8) | type, NLM_F_REQUEST, sequence).u8(0).u8(0).u8(0).u8(0);
      fill();
      writer.end();
    };
    switch (kinds[0]) {
      case GET_GENERATION:
        answer(NEW_GENERATION, () => {
          writer.attribute(1, Uint8Array.of(0, 0, this.generation >> 8, this.generation & 0xff));
        });
        this.#answers.push(writer.finish().slice(), errorMessage(sequence, 0));
        return;
      case GET_TABLE:
        if (this.table === null) return void this.#answers.push(errorMessage(sequence, 2));
        answer(NEW_TABLE, () => writer.attributeText(1, "halb_ipvs"));
        this.#answers.push(writer.finish().slice(), errorMessage(sequence, 0));
        return;
      case GET_RULE:
      case GET_ELEMENTS:
        if (this.table !== null) {
          answer(RULE, () => writer.attribute(1, Uint8Array.from(this.table!)));
        }
        writer.begin(DONE, 0, sequence).u32(0).end();
        this.#answers.push(writer.finish().slice());
        return;
      default:
        assert.fail(`An unknown question: ${kinds}`);
    }
  }

  #batch(sequences: readonly number[], kinds: readonly number[]): void {
    this.batches.push([...kinds]);
    const inner = sequences.slice(1, -1);
    for (const sequence of inner) this.#answers.push(errorMessage(sequence, this.errno));
    if (this.errno !== 0) return;
    this.generation++;
    this.table = kinds.includes(RULE) ? [...kinds] : null;
    if (this.busy-- > 0) this.generation++;
  }
}

const EMPTY = [BEGIN, NEW_TABLE, DELETE_TABLE, END];

Deno.test("marks: one batch exchanges the whole table, one map and two rules for each family", () => {
  const kernel = new ModelFirewall();
  const table = new MarkTable(kernel, () => {});
  assert.equal(table.deadline, Infinity);
  table.want([WEB]);
  assert.equal(table.deadline, 0);
  table.settle(5);
  const four = [SET, ELEMENTS, RULE, RULE];
  const head = [BEGIN, NEW_TABLE, DELETE_TABLE, NEW_TABLE, CHAIN, CHAIN];
  assert.deepEqual(kernel.batches, [[...head, ...four, END]]);
  table.want([{ ...WEB }]);
  table.settle(2_000_000);
  assert.equal(kernel.batches.length, 1, "said once");
  table.want([WEB, SIX]);
  table.settle(2_000_001);
  assert.deepEqual(kernel.batches[1], [...head, ...four, ...four, END]);
});

Deno.test("marks: what others change elsewhere moves nothing, what they remove is put back", () => {
  const kernel = new ModelFirewall();
  const said: string[] = [];
  const table = new MarkTable(kernel, (_level, _category, text) => void said.push(text));
  table.want([WEB]);
  table.settle(0);
  assert.equal(table.deadline, 1_000_000);
  kernel.generation += 5;
  table.settle(1_000_000);
  assert.deepEqual([table.repairs, kernel.batches.length], [0, 1]);
  kernel.generation++;
  kernel.table = null;
  table.settle(2_000_000);
  assert.deepEqual([table.repairs, kernel.batches.length, table.failure], [1, 2, ""]);
  assert.notEqual(kernel.table, null);
  kernel.table = [...kernel.table!, 1];
  kernel.generation++;
  table.settle(3_000_000);
  assert.deepEqual([table.repairs, kernel.batches.length, kernel.open], [2, 3, 1]);
  assert.equal(said.length, 2);
});

Deno.test("marks: a change by others during ours is not taken for ours", () => {
  const kernel = new ModelFirewall();
  kernel.busy = 1;
  const table = new MarkTable(kernel, () => {});
  table.want([WEB]);
  table.settle(0);
  assert.equal(kernel.batches.length, 2, "written again");
  kernel.busy = 100;
  table.want([SIX]);
  table.settle(1);
  assert.equal(kernel.batches.length, 5, "but not for ever");
  assert.equal(table.failure, "");
});

Deno.test("marks: none wanted, and the end, remove the table; keep leaves it", () => {
  const kernel = new ModelFirewall();
  const table = new MarkTable(kernel, () => {});
  table.want([WEB]);
  table.settle(0);
  table.want([]);
  table.settle(1);
  assert.deepEqual([kernel.batches.at(-1), kernel.table, kernel.open], [EMPTY, null, 0]);
  assert.equal(table.deadline, Infinity);
  table.want([WEB]);
  table.settle(2);
  table.close(false);
  assert.deepEqual([kernel.batches.at(-1), kernel.table, kernel.open], [EMPTY, null, 0]);
  const kept = new MarkTable(kernel, () => {});
  kept.want([WEB]);
  kept.settle(3);
  kept.close(true);
  assert.equal(kernel.open, 0);
  assert.notEqual(kernel.table, null);
  const batches = kernel.batches.length;
  new MarkTable(kernel, () => {}).close(false);
  assert.equal(kernel.batches.length, batches, "who never wanted any touches nothing");
});

Deno.test("marks: a refusal is said, kept, and tried again after five seconds", () => {
  const kernel = new ModelFirewall();
  kernel.errno = 95;
  const table = new MarkTable(kernel, () => {});
  table.want([WEB]);
  assert.equal(table.settle(1000), true);
  assert.match(table.failure, /nftables: EOPNOTSUPP/);
  assert.equal(table.deadline, 5_001_000);
  assert.equal(table.settle(2000), false);
  kernel.errno = 0;
  assert.equal(table.settle(5_001_000), true);
  assert.equal(table.failure, "");
  const none = new MarkTable({
    firewall() {
      throw new Error("socket: EPROTONOSUPPORT");
    },
  }, () => {});
  none.want([WEB]);
  none.settle(0);
  assert.equal(none.failure, "nftables: socket: EPROTONOSUPPORT");
  none.close(false);
});

Deno.test("marks: every message of a batch but its brackets is acknowledged", () => {
  const kernel = new ModelFirewall();
  const sent: Uint8Array[] = [];
  const table = new MarkTable({
    firewall() {
      const { send, ...rest } = kernel.firewall();
      return { ...rest, send: (bytes) => (sent.push(bytes.slice()), send(bytes)) };
    },
  }, () => {});
  table.want([WEB, SIX]);
  table.settle(0);
  const batch = sent.find((bytes) => splitMessages(bytes).messages.length > 1)!;
  const flags = splitMessages(batch).messages.map((one) => (one.flags & NLM_F_ACK) !== 0);
  assert.deepEqual([flags[0], flags.at(-1)], [false, false]);
  assert.ok(flags.slice(1, -1).every((one) => one));
});
