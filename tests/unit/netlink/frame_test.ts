/** Framing, attributes, acknowledgements and dumps, byte by byte. */

import { strict as assert } from "node:assert";
import {
  describeAcknowledgement,
  DumpReader,
  errnoName,
  MessageWriter,
  NLM_F_ACK_TLVS,
  NLM_F_CAPPED,
  NLM_F_DUMP_INTR,
  NLM_F_MULTI,
  NLMSG_DONE,
  NLMSG_ERROR,
  readAcknowledgement,
  readAttributes,
  readText,
  readU32,
  splitMessages,
  viewOf,
} from "../../../mod/netlink/mod.ts";

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** NLMSG_ERROR as the kernel sends it: errno, the request's header, attributes. */
function errorMessage(sequence: number, errno: number, text: string): Uint8Array {
  const writer = new MessageWriter();
  const flags = NLM_F_CAPPED | (text === "" ? 0 : NLM_F_ACK_TLVS);
  writer.begin(NLMSG_ERROR, flags, sequence).u32(-errno >>> 0);
  writer.u32(40).u16(20).u16(5).u32(sequence).u32(0);
  if (text !== "") writer.attributeText(1, text);
  return writer.end().finish();
}

Deno.test("a request is laid out as struct nlmsghdr, padded to four bytes", () => {
  const writer = new MessageWriter(8);
  writer.begin(0x1234, 0x0305, 7).u8(1).u8(2).u16(0x0403).attributeText(3, "eth0").end();
  writer.begin(1, 0, 8).u8(9).end();
  assert.equal(
    hex(writer.finish()),
    "20000000" + "3412" + "0503" + "07000000" + "00000000" + "01020304" + "0900" + "0300" +
      "6574683000000000" + "11000000" + "0100" + "0000" + "08000000" + "00000000" + "09000000",
  );
});

Deno.test("several messages in one buffer are taken apart with their sequence numbers", () => {
  const writer = new MessageWriter();
  for (const sequence of [5, 6, 7]) writer.begin(20, 1, sequence).u8(sequence).end();
  const { messages, problem } = splitMessages(writer.finish());
  assert.equal(problem, undefined);
  assert.deepEqual(messages.map((message) => [message.sequence, message.payload[0]]), [
    [5, 5],
    [6, 6],
    [7, 7],
  ]);
});

Deno.test("a truncated buffer loses only its end and says so", () => {
  const writer = new MessageWriter();
  writer.begin(20, 0, 1).u32(1).end();
  writer.begin(20, 0, 2).u32(2).end();
  const { messages, problem } = splitMessages(writer.finish().subarray(0, 38));
  assert.equal(messages.length, 1);
  assert.equal(problem, "Cannot read message: length 20 of 18 bytes left");
  const short = splitMessages(writer.finish().subarray(0, 25));
  assert.equal(short.problem, "Cannot read message header: 5 bytes left, need 16");
});

Deno.test("a message or attribute length of zero ends the reading instead of looping", () => {
  assert.match(splitMessages(new Uint8Array(64)).problem ?? "", /length 0 of 64/);
  const attributes = readAttributes(new Uint8Array(8), 0);
  assert.deepEqual(attributes, {
    ok: false,
    reason: "Cannot read attribute: length 0 of 8 bytes",
  });
});

Deno.test("attributes are read by type without their flag bits", () => {
  const bytes = Uint8Array.of(8, 0, 4, 0x80, 0xdc, 5, 0, 0, 7, 0, 3, 0, 0x6c, 0x6f, 0, 0);
  const attributes = readAttributes(bytes, 0);
  assert(attributes.ok);
  assert.equal(readU32(attributes.value, 4), 1500);
  assert.equal(readText(attributes.value, 3), "lo");
  assert.equal(readU32(attributes.value, 3), undefined);
});

Deno.test("an acknowledgement carries sequence, errno and the kernel's own words", () => {
  const [message] = splitMessages(errorMessage(42, 17, "ipv4: Address already assigned.")).messages;
  assert(message);
  const read = readAcknowledgement(message);
  assert.deepEqual(read, {
    ok: true,
    value: { sequence: 42, errno: 17, text: "ipv4: Address already assigned." },
  });
  assert.equal(describeAcknowledgement(read.value), "EEXIST: ipv4: Address already assigned");
  assert.equal(errnoName(4095), "errno 4095");
});

Deno.test("an acknowledgement that quotes the whole request has its text behind it", () => {
  const writer = new MessageWriter();
  writer.begin(NLMSG_ERROR, NLM_F_ACK_TLVS, 3).u32(-22 >>> 0);
  writer.u32(24).u16(20).u16(5).u32(3).u32(0).u32(1).u32(2);
  writer.attributeText(1, "Invalid prefix").end();
  const [message] = splitMessages(writer.finish()).messages;
  assert(message);
  assert.deepEqual(readAcknowledgement(message), {
    ok: true,
    value: { sequence: 3, errno: 22, text: "Invalid prefix" },
  });
});

Deno.test("a dump is complete at its own NLMSG_DONE and leaves other messages alone", () => {
  const reader = new DumpReader(9);
  const writer = new MessageWriter();
  writer.begin(20, NLM_F_MULTI, 9).u32(1).end().begin(20, NLM_F_MULTI, 8).u32(2).end();
  assert.equal(reader.feed(writer.finish().slice()), "reading");
  const last = new MessageWriter();
  last.begin(20, NLM_F_MULTI, 9).u32(3).end().begin(NLMSG_DONE, NLM_F_MULTI, 8).u32(0).end();
  last.begin(NLMSG_DONE, NLM_F_MULTI, 9).u32(0).end();
  assert.equal(reader.feed(last.finish()), "complete");
  assert.deepEqual(reader.messages.map((message) => viewOf(message.payload).getUint32(0, true)), [
    1,
    3,
  ]);
});

Deno.test("a dump that was interrupted says so even if only one message carries the flag", () => {
  const reader = new DumpReader(1);
  const writer = new MessageWriter();
  writer.begin(20, NLM_F_MULTI | NLM_F_DUMP_INTR, 1).u32(1).end();
  writer.begin(NLMSG_DONE, NLM_F_MULTI, 1).u32(0).end();
  assert.equal(reader.feed(writer.finish()), "interrupted");
});

Deno.test("a dump fails with the errno of NLMSG_ERROR or of NLMSG_DONE", () => {
  const refused = new DumpReader(4);
  assert.equal(refused.feed(errorMessage(4, 1, "")), "failed");
  assert.equal(refused.failure?.errno, 1);
  const broken = new DumpReader(4);
  const writer = new MessageWriter();
  writer.begin(NLMSG_DONE, NLM_F_MULTI, 4).u32(-12 >>> 0).end();
  assert.equal(broken.feed(writer.finish()), "failed");
  assert.equal(broken.failure?.errno, 12);
});
