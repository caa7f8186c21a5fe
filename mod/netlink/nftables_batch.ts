/**
 * nftables messages: a batch of changes to one table, and the expressions that rules are made of.
 *
 * Such requests travel between two brackets, and the kernel does all of them or nothing.
 *
 *      0               1               2               3
 *     +---------------+---------------+-----------------------------+
 *     |    family     |   version 0   |  0, or the subsystem's no.  |
 *     +---------------+---------------+-----------------------------+
 *
 * Numbers in attributes are in network byte order.
 *
 * @module
 */

import { NLM_F_ACK, NLM_F_CREATE, NLM_F_DUMP, NLM_F_REQUEST } from "./constants.ts";
import type { MessageWriter } from "./frame.ts";

/** The subsystem of netfilter; the high byte of a message's type. */
export const NFTABLES_SUBSYSTEM = 10;
const BATCH_BEGIN = 0x10;
const BATCH_END = 0x11;
export const NFPROTO_INET = 1;
export const NFPROTO_IPV4 = 2;
export const NFPROTO_BRIDGE = 7;
export const NFPROTO_IPV6 = 10;
const APPEND = 0x800;

// ---- messages -----------------------------------------------------------------------------------
export const NEW_TABLE = 0;
export const GET_TABLE = 1;
export const DELETE_TABLE = 2;
const NEW_CHAIN = 3;
const NEW_RULE = 6;
export const GET_RULE = 7;
const NEW_SET = 9;
const NEW_SET_ELEMENTS = 12;
export const GET_SET_ELEMENTS = 13;
export const GET_GENERATION = 16;

const NF_ACCEPT = 1;

// ---- registers and keys -------------------------------------------------------------------------
const VERDICT = 0;
/** 16 bytes; the words 8 to 11 are the same memory. */
export const REGISTER = 1;
export const EQUAL = 0;
export const NETWORK_HEADER = 1;
export const TRANSPORT_HEADER = 2;

/** Type numbers that `nft` shows keys by. */
export const IPV4_ADDRESS = 7;
export const IPV6_ADDRESS = 8;

/** Set flags: the key is made of several fields. */
const CONCATENATION = 0x80;
/** The length of an attribute has 16 bits. */
const ELEMENTS_AT_ONCE = 500;

/** Numbers the messages of one batch. */
export type NextSequence = () => number;

/** Where a chain hooks in. */
export interface BaseChain {
  readonly name: string;
  /** As `nft` says: `filter`, `route`. */
  readonly type: string;
  readonly hook: number;
  readonly priority: number;
}

/** A set, or a map where `data` is there. */
export interface SetShape {
  readonly name: string;
  /** For `nft`'s eyes only. */
  readonly type: number;
  /** Bytes of a key; fields of a concatenation are padded to four each. */
  readonly length: number;
  /** Bytes of each field of a concatenated key. */
  readonly fields?: readonly number[];
  /** Flags besides that of a concatenation. */
  readonly flags?: number;
  readonly data?: { readonly type: number; readonly length: number };
  /** For `nft`'s eyes only. */
  readonly userdata?: Uint8Array;
}

/** A key, or all keys from one to another, and what a map has for it. */
export interface SetElement {
  readonly key: Uint8Array;
  readonly last?: Uint8Array;
  readonly data?: Uint8Array;
}

/** A header of nftables. */
function header(writer: MessageWriter, family: number, resource: number): void {
  // The resource is in network byte order.
  writer.u8(family).u8(0).u8(resource >> 8).u8(resource & 0xff);
}

/** A question for one thing, which is acknowledged, or for all that the attributes describe. */
export function requestNftables(
  writer: MessageWriter,
  message: number,
  sequence: number,
  question: { readonly family: number; readonly dump?: boolean },
  attributes: () => void,
): void {
  const flags = NLM_F_REQUEST | (question.dump === true ? NLM_F_DUMP : NLM_F_ACK);
  writer.begin((NFTABLES_SUBSYSTEM << 8) | message, flags, sequence);
  header(writer, question.family, 0);
  attributes();
  writer.end();
}

/** Writes one batch about one table. */
export class NftablesBatch {
  /** Sequence numbers of the messages that are acknowledged, in order. */
  readonly acknowledged: number[] = [];
  readonly #writer: MessageWriter;
  readonly #next: NextSequence;
  readonly #family: number;
  readonly #table: string;
  #setId = 0;

  /** Opens the bracket. */
  constructor(writer: MessageWriter, next: NextSequence, family: number, table: string) {
    this.#writer = writer;
    this.#next = next;
    this.#family = family;
    this.#table = table;
    this.#bracket(BATCH_BEGIN);
  }

  /** Closes the bracket. */
  end(): void {
    this.#bracket(BATCH_END);
  }

  #bracket(type: number): void {
    this.#writer.begin(type, NLM_F_REQUEST, this.#next());
    header(this.#writer, 0, NFTABLES_SUBSYSTEM);
    this.#writer.end();
  }

  #message(type: number, flags: number, attributes: () => void): void {
    const sequence = this.#next();
    this.acknowledged.push(sequence);
    const kind = (NFTABLES_SUBSYSTEM << 8) | type;
    this.#writer.begin(kind, NLM_F_REQUEST | NLM_F_ACK | flags, sequence);
    header(this.#writer, this.#family, 0);
    attributes();
    this.#writer.end();
  }

  /** The table, made where it is not there. */
  table(flags: number): void {
    this.#message(NEW_TABLE, NLM_F_CREATE, () => {
      this.#writer.attributeText(1, this.#table);
      this.number(2, flags);
    });
  }

  deleteTable(): void {
    this.#message(DELETE_TABLE, 0, () => this.#writer.attributeText(1, this.#table));
  }

  chain({ name, type, hook, priority }: BaseChain): void {
    this.#message(NEW_CHAIN, NLM_F_CREATE, () => {
      this.#writer.attributeText(1, this.#table).attributeText(3, name);
      this.nested(4, () => {
        this.number(1, hook);
        this.number(2, priority);
      });
      this.number(5, NF_ACCEPT);
      this.#writer.attributeText(7, type);
    });
  }

  /** A set or map with what is in it. */
  set(shape: SetShape, elements: readonly SetElement[]): void {
    const writer = this.#writer;
    const id = ++this.#setId;
    this.#message(NEW_SET, NLM_F_CREATE, () => {
      writer.attributeText(1, this.#table).attributeText(2, shape.name);
      this.number(3, (shape.flags ?? 0) | (shape.fields === undefined ? 0 : CONCATENATION));
      this.number(4, shape.type);
      this.number(5, shape.length);
      if (shape.data !== undefined) {
        this.number(6, shape.data.type);
        this.number(7, shape.data.length);
      }
      this.number(10, id);
      if (shape.fields !== undefined) this.#describeFields(shape.fields);
      if (shape.userdata !== undefined) writer.attribute(13, shape.userdata);
    });
    for (let first = 0; first < elements.length; first += ELEMENTS_AT_ONCE) {
      this.#message(NEW_SET_ELEMENTS, NLM_F_CREATE, () => {
        writer.attributeText(1, this.#table).attributeText(2, shape.name);
        this.number(4, id);
        this.nested(3, () => {
          for (const each of elements.slice(first, first + ELEMENTS_AT_ONCE)) this.#element(each);
        });
      });
    }
  }

  /** Lengths of the fields of a concatenated key (NFTA_SET_DESC_CONCAT). */
  #describeFields(fields: readonly number[]): void {
    this.nested(9, () =>
      this.nested(2, () => {
        for (const length of fields) this.nested(1, () => this.number(1, length));
      }));
  }

  #element({ key, last, data }: SetElement): void {
    this.nested(1, () => {
      this.nested(1, () => this.#writer.attribute(1, key));
      if (data !== undefined) this.nested(2, () => this.#writer.attribute(1, data));
      if (last !== undefined) this.nested(10, () => this.#writer.attribute(1, last));
    });
  }

  /** A rule at the end of a chain. */
  rule(chain: string, expressions: () => void): void {
    this.#message(NEW_RULE, NLM_F_CREATE | APPEND, () => {
      this.#writer.attributeText(1, this.#table).attributeText(2, chain);
      this.nested(4, expressions);
    });
  }

  /** Reads a property of the packet into a register. */
  meta(key: number, register: number): void {
    this.expression("meta", () => {
      this.number(1, register);
      this.number(2, key);
    });
  }

  /** Gives the packet a property out of a register. */
  setMeta(key: number, register: number): void {
    this.expression("meta", () => {
      this.number(2, key);
      this.number(3, register);
    });
  }

  /** Goes on only where the first register compares with the value. */
  compare(operation: number, value: Uint8Array): void {
    this.expression("cmp", () => {
      this.number(1, REGISTER);
      this.number(2, operation);
      this.nested(3, () => this.#writer.attribute(1, value));
    });
  }

  /** Reads bytes of the packet into a register. */
  payload(base: number, offset: number, length: number, register = REGISTER): void {
    this.expression("payload", () => {
      this.number(1, register);
      this.number(2, base);
      this.number(3, offset);
      this.number(4, length);
    });
  }

  /** Goes on only where the first register is in the set; of a map the data goes there. */
  lookup(set: string, map = false): void {
    this.expression("lookup", () => {
      this.#writer.attributeText(1, set);
      this.number(2, REGISTER);
      if (map) this.number(3, REGISTER);
    });
  }

  counter(): void {
    this.expression("counter", () => {});
  }

  verdict(code: number): void {
    this.expression("immediate", () => {
      this.number(1, VERDICT);
      this.nested(2, () => this.nested(2, () => this.number(1, code)));
    });
  }

  expression(name: string, attributes: () => void): void {
    this.nested(1, () => {
      this.#writer.attributeText(1, name);
      this.nested(2, attributes);
    });
  }

  nested(type: number, content: () => void): void {
    const start = this.#writer.beginNested(type);
    content();
    this.#writer.endNested(start);
  }

  number(type: number, value: number): void {
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setInt32(0, value, false);
    this.#writer.attribute(type, bytes);
  }
}
