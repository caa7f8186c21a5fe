/**
 * Classic BPF: filters that drop packets in the kernel, before they cost us a wake-up.
 *
 * A program is written as a list of instructions with labels and assembled into the bytes that
 * SO_ATTACH_FILTER takes. The accumulator A is what loads fill and jumps test; X is an index, which
 * `loadHeaderLength` fills with the length of an IPv4 header. Offsets count from the first byte the
 * socket would receive: the IP header for raw sockets, the payload's UDP header for UDP sockets,
 * the Ethernet header for raw packet sockets. A load beyond the packet's end drops it. `accept`
 * takes the packet, `drop` does not, `returnBytes` takes the first part of it. M is a few cells of
 * memory that last for one packet.
 *
 * ```ts
 * const onlyTtl255 = assemble([bpf.loadByte(8), bpf.jumpEqual(255, 0, "drop"), bpf.accept(),
 *   bpf.label("drop"), bpf.drop()]);
 * ```
 *
 * @module
 */

import { SO_ATTACH_FILTER, SO_DETACH_FILTER, SOL_SOCKET } from "./constants.ts";
import { setOption } from "./socket.ts";
import { addressOf } from "./symbols.ts";

/** Where a jump goes: a label further down, or so many instructions to skip. */
export type Target = string | number;

/** One instruction, or a label in front of the next one. */
export type Instruction =
  | { readonly label: string }
  | {
    readonly code: number;
    readonly k: number;
    readonly whenTrue: Target;
    readonly whenFalse: Target;
  };

/** Most instructions that the kernel takes. */
const MAX_INSTRUCTIONS = 4096;
/** Conditional jumps have 8 bits for the distance. */
const MAX_SKIP = 255;
const ACCEPT_ALL_BYTES = 0x40000;

/** SKF_NET_OFF: offsets from here on count from the IP header, whatever the socket would receive. */
const NETWORK_HEADER = -0x10_0000;

const LD = 0x00;
const LDX = 0x01;
const ST = 0x02;
const ALU = 0x04;
const JMP = 0x05;
const RET = 0x06;
const MISC = 0x07;
const CLASS_MASK = 0x07;
const WORD = 0x00;
const HALF = 0x08;
const BYTE = 0x10;
const IMMEDIATE = 0x00;
const ABSOLUTE = 0x20;
const INDIRECT = 0x40;
const MEMORY = 0x60;
const LENGTH = 0x80;
const HEADER_LENGTH = 0xa0;
/** The operand is X instead of a constant. */
const BY_INDEX = 0x08;
const JUMP_ALWAYS = JMP;
const JUMP_EQUAL = JMP | 0x10;
const JUMP_GREATER = JMP | 0x20;
const JUMP_GREATER_OR_EQUAL = JMP | 0x30;
const JUMP_SET = JMP | 0x40;

function plain(code: number, k: number): Instruction {
  return { code, k, whenTrue: 0, whenFalse: 0 };
}

function branch(code: number, k: number, whenTrue: Target, whenFalse: Target): Instruction {
  return { code, k, whenTrue, whenFalse };
}

/** The instructions. */
export const bpf = {
  /** A = the byte at an offset. */
  loadByte: (offset: number) => plain(LD | BYTE | ABSOLUTE, offset),
  /** A = the 16-bit number in network order at an offset. */
  loadHalf: (offset: number) => plain(LD | HALF | ABSOLUTE, offset),
  /** A = the 32-bit number in network order at an offset. */
  loadWord: (offset: number) => plain(LD | WORD | ABSOLUTE, offset),
  /** A = the byte at X + offset. */
  loadByteIndexed: (offset: number) => plain(LD | BYTE | INDIRECT, offset),
  loadHalfIndexed: (offset: number) => plain(LD | HALF | INDIRECT, offset),
  loadWordIndexed: (offset: number) => plain(LD | WORD | INDIRECT, offset),
  /** A = a byte of the IP header, for sockets that do not deliver it. */
  loadNetworkByte: (offset: number) => plain(LD | BYTE | ABSOLUTE, NETWORK_HEADER + offset),
  /** A = the 32-bit number at an offset of the IP header, likewise. */
  loadNetworkWord: (offset: number) => plain(LD | WORD | ABSOLUTE, NETWORK_HEADER + offset),
  /** A = the packet's length. */
  loadLength: () => plain(LD | WORD | LENGTH, 0),
  /** A = a constant. */
  loadConstant: (value: number) => plain(LD | IMMEDIATE, value),
  /** X = four times the low half of the byte at an offset: the length of an IPv4 header. */
  loadHeaderLength: (offset: number) => plain(LDX | BYTE | HEADER_LENGTH, offset),
  /** X = a constant. */
  loadIndex: (value: number) => plain(LDX | IMMEDIATE, value),
  /** M[cell] = A; there are 16 cells. */
  store: (cell: number) => plain(ST, cell),
  /** A = M[cell]. */
  loadCell: (cell: number) => plain(LD | MEMORY, cell),
  /** X = M[cell]. */
  loadIndexCell: (cell: number) => plain(LDX | MEMORY, cell),
  /** X = A. */
  moveToIndex: () => plain(MISC, 0),
  /** A = A & mask. */
  and: (mask: number) => plain(ALU | 0x50, mask),
  /** A = A >> bits. */
  shiftRight: (bits: number) => plain(ALU | 0x70, bits),
  /** A = A >> X. */
  shiftRightByIndex: () => plain(ALU | 0x70 | BY_INDEX, 0),
  /** A = A << bits. */
  shiftLeft: (bits: number) => plain(ALU | 0x60, bits),
  /** A = A + value. */
  add: (value: number) => plain(ALU | 0x00, value),
  /** A = A * value. */
  multiply: (value: number) => plain(ALU | 0x20, value),
  /** A = A - X. */
  subtractIndex: () => plain(ALU | 0x10 | BY_INDEX, 0),
  jump: (target: Target) => branch(JUMP_ALWAYS, 0, target, 0),
  /** When A is the value … */
  jumpEqual: (value: number, whenTrue: Target, whenFalse: Target) =>
    branch(JUMP_EQUAL, value, whenTrue, whenFalse),
  /** When A, unsigned, is greater … */
  jumpGreater: (value: number, whenTrue: Target, whenFalse: Target) =>
    branch(JUMP_GREATER, value, whenTrue, whenFalse),
  jumpGreaterOrEqual: (value: number, whenTrue: Target, whenFalse: Target) =>
    branch(JUMP_GREATER_OR_EQUAL, value, whenTrue, whenFalse),
  /** When A, unsigned, is X or greater … */
  jumpGreaterOrEqualIndex: (whenTrue: Target, whenFalse: Target) =>
    branch(JUMP_GREATER_OR_EQUAL | BY_INDEX, 0, whenTrue, whenFalse),
  /** When A has any bit of the mask … */
  jumpSet: (mask: number, whenTrue: Target, whenFalse: Target) =>
    branch(JUMP_SET, mask, whenTrue, whenFalse),
  /** Ends: keep so many bytes of the packet; 0 drops it. */
  returnBytes: (bytes: number) => plain(RET, bytes),
  /** Ends: keep the whole packet. */
  accept: () => plain(RET, ACCEPT_ALL_BYTES),
  /** Ends: drop the packet. */
  drop: () => plain(RET, 0),
  /** Names the next instruction. */
  label: (name: string): Instruction => ({ label: name }),
} as const;

/** From the instruction at `from`, how many to skip. */
function distance(
  target: Target,
  from: number,
  labels: ReadonlyMap<string, number>,
  size: number,
): number {
  const to = typeof target === "number" ? from + 1 + target : labels.get(target);
  if (to === undefined) throw new RangeError(`No label ${JSON.stringify(target)} in this program`);
  const skip = to - from - 1;
  if (!Number.isInteger(skip) || skip < 0 || to >= size) {
    throw new RangeError(`Jump of instruction ${from} leads to ${to}, not forward in the program`);
  }
  return skip;
}

/**
 * Assembles a program into `struct sock_filter` records of 8 bytes. Throws RangeError on an unknown
 * or repeated label, a jump backwards, out of the program or over more than 255 instructions (an
 * unconditional one may be longer), and a program that is empty, too long or has no end.
 */
export function assemble(instructions: readonly Instruction[]): Uint8Array {
  const labels = new Map<string, number>();
  const code: Exclude<Instruction, { readonly label: string }>[] = [];
  for (const instruction of instructions) {
    if (!("label" in instruction)) {
      code.push(instruction);
    } else if (labels.has(instruction.label)) {
      throw new RangeError(`Label ${JSON.stringify(instruction.label)} stands twice`);
    } else {
      labels.set(instruction.label, code.length);
    }
  }
  if (code.length === 0 || code.length > MAX_INSTRUCTIONS) {
    throw new RangeError(
      `A filter has 1 to ${MAX_INSTRUCTIONS} instructions, not ${code.length}`,
    );
  }
  if (code.at(-1)?.code !== RET) throw new RangeError("A filter must end with accept or drop");
  const bytes = new Uint8Array(code.length * 8);
  const view = new DataView(bytes.buffer);
  for (const [index, { code: operation, k, whenTrue, whenFalse }] of code.entries()) {
    view.setUint16(index * 8, operation, true);
    view.setUint32(index * 8 + 4, k, true);
    if (operation === JUMP_ALWAYS) {
      view.setUint32(index * 8 + 4, distance(whenTrue, index, labels, code.length), true);
    } else if ((operation & CLASS_MASK) === JMP) {
      const yes = distance(whenTrue, index, labels, code.length);
      const no = distance(whenFalse, index, labels, code.length);
      if (yes > MAX_SKIP || no > MAX_SKIP) {
        throw new RangeError(`Jump of instruction ${index} skips more than ${MAX_SKIP} of them`);
      }
      view.setUint8(index * 8 + 2, yes);
      view.setUint8(index * 8 + 3, no);
    }
  }
  return bytes;
}

/**
 * Attaches an assembled program. Packets that are queued already stay: to be rid of them, attach
 * `attachDropAll`, `drainSocket`, then attach the program.
 */
export function attachFilter(fd: number, program: Uint8Array): void {
  // struct sock_fprog: 16-bit number of instructions, pointer.
  const header = new DataView(new ArrayBuffer(16));
  // The program outlives the call: the kernel copies it.
  const copy = new Uint8Array(new ArrayBuffer(program.length));
  copy.set(program);
  header.setUint16(0, program.length / 8, true);
  header.setBigUint64(8, addressOf(copy), true);
  setOption(fd, SOL_SOCKET, SO_ATTACH_FILTER, new Uint8Array(header.buffer));
}

/** Drops everything from now on: for sockets that only send or only hold memberships. */
export function attachDropAll(fd: number): void {
  attachFilter(fd, assemble([bpf.drop()]));
}

/** Takes the filter off. */
export function detachFilter(fd: number): void {
  setOption(fd, SOL_SOCKET, SO_DETACH_FILTER, 0);
}
