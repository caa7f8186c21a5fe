/**
 * Traffic control: RTM_NEWQDISC and RTM_NEWTFILTER, as far as a filter on what leaves an interface
 * needs them. Both go with the interface.
 *
 *      0               1               2               3
 *     +---------------+---------------+-----------------------------+
 *     |    family     |                      0                      |
 *     +---------------+---------------+-----------------------------+
 *     |                       interface index                       |
 *     +-------------------------------------------------------------+
 *     |                           handle                            |
 *     +-------------------------------------------------------------+
 *     |                           parent                            |
 *     +------------------------------+------------------------------+
 *     |     filter: EtherType        |      filter: priority        |
 *     +------------------------------+------------------------------+
 *
 * @module
 */

import {
  AF_UNSPEC,
  NLM_F_ACK,
  NLM_F_CREATE,
  NLM_F_EXCL,
  NLM_F_REQUEST,
  RTM_NEWQDISC,
  RTM_NEWTFILTER,
} from "./constants.ts";
import type { MessageWriter } from "./frame.ts";

const TCA_KIND = 1;
const TCA_OPTIONS = 2;
const TCA_BPF_OPS_LEN = 4;
const TCA_BPF_OPS = 5;
const TCA_BPF_FLAGS = 8;
/** What the program returns is what becomes of the packet. */
const TCA_BPF_FLAG_ACT_DIRECT = 1;
const TC_H_CLSACT = 0xffff_fff1;
const CLSACT_HANDLE = 0xffff_0000;
const EGRESS = 0xffff_fff3;
/** Bytes of one instruction. */
const INSTRUCTION = 8;

/** What a program answers: the packet is dropped. */
export const TC_ACT_SHOT = 2;
/** What a program answers: other filters may see the packet, in the end it leaves. */
export const TC_ACT_UNSPEC = 0xffff_ffff;

/** Which packets a filter sees, and where it stands among others. */
export interface EgressFilter {
  readonly index: number;
  /** EtherType, such as 0x86dd. */
  readonly etherType: number;
  /** 1 to 65535; those with the lower number come first. */
  readonly priority: number;
  /** Instructions of classic BPF; offsets count from the Ethernet header. */
  readonly program: Uint8Array;
}

/** Appends a request for what egress filters hang on; EEXIST: the interface has it. */
export function addEgressHook(writer: MessageWriter, sequence: number, index: number): void {
  const flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL;
  writer.begin(RTM_NEWQDISC, flags, sequence);
  writeHeader(writer, { index, handle: CLSACT_HANDLE, parent: TC_H_CLSACT, info: 0 });
  writer.attributeText(TCA_KIND, "clsact").end();
}

/** Appends a request for a filter; one of the same priority is replaced. */
export function addEgressFilter(
  writer: MessageWriter,
  sequence: number,
  { index, etherType, priority, program }: EgressFilter,
): void {
  writer.begin(RTM_NEWTFILTER, NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE, sequence);
  // The EtherType stands there in network order.
  const info = ((priority << 16) | ((etherType & 0xff) << 8) | (etherType >> 8)) >>> 0;
  writeHeader(writer, { index, handle: 1, parent: EGRESS, info });
  writer.attributeText(TCA_KIND, "bpf");
  const options = writer.beginNested(TCA_OPTIONS);
  writer.attributeU16(TCA_BPF_OPS_LEN, program.length / INSTRUCTION);
  writer.attribute(TCA_BPF_OPS, program);
  writer.attributeU32(TCA_BPF_FLAGS, TCA_BPF_FLAG_ACT_DIRECT);
  writer.endNested(options).end();
}

interface Header {
  readonly index: number;
  readonly handle: number;
  readonly parent: number;
  readonly info: number;
}

function writeHeader(writer: MessageWriter, { index, handle, parent, info }: Header): void {
  writer.u8(AF_UNSPEC).u8(0).u16(0).u32(index).u32(handle).u32(parent).u32(info);
}
