/** DNS: questions and answers by the byte, wanted codes and records, and answers that are wrong. */

import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import { concatenate } from "../../../mod/check/types/conversation.ts";
import { dnsConversation, type DnsSettings } from "../../../mod/check/types/dns.ts";
import {
  decodeAnswer,
  encodeName,
  encodeQuestion,
  RECORD_TYPES,
} from "../../../mod/check/types/dns_message.ts";
import { bytes, fromHex, type Said, talk, verdictOf } from "./conversation_fixtures.ts";

const SETTINGS: DnsSettings = {
  id: 0x1234,
  name: "www.example.net",
  type: 1,
  protocol: "udp",
  codes: ["NOERROR"],
  answers: [],
};

/** `www.example.net` as a question of that type. */
const question = (type = 1) =>
  concatenate([
    Uint8Array.of(3),
    bytes("www"),
    Uint8Array.of(7),
    bytes("example"),
    Uint8Array.of(3),
    bytes("net"),
    Uint8Array.of(0, 0, type, 0, 1),
  ]);

function answer(flags: string, records: string[], { id = "1234", type = 1 } = {}): Uint8Array {
  const count = records.length.toString(16).padStart(4, "0");
  return concatenate([
    fromHex(`${id} ${flags} 0001 ${count} 0000 0000`),
    question(type),
    ...records.map(fromHex),
  ]);
}

/** A record for the name of the question: type, data. */
function record(type: string, data: string): string {
  const length = (data.replaceAll(" ", "").length / 2).toString(16).padStart(4, "0");
  return `c00c 00${type} 0001 0000003c ${length} ${data}`;
}

const ask = (change: Partial<DnsSettings>, ...said: Said[]) =>
  verdictOf(dnsConversation({ ...SETTINGS, ...change }), ...said);

Deno.test("the question, by the byte", () => {
  deepStrictEqual(
    encodeQuestion(SETTINGS),
    concatenate([fromHex("1234 0100 0001 0000 0000 0000"), question()]),
  );
  deepStrictEqual(encodeName("."), Uint8Array.of(0));
  deepStrictEqual(encodeName("a."), Uint8Array.of(1, 97, 0));
  for (const wrong of ["", "..", "a..b", ".a", "x".repeat(64), `${"x.".repeat(128)}`]) {
    strictEqual(encodeName(wrong), null, wrong);
    throws(() => dnsConversation({ ...SETTINGS, name: wrong }), TypeError);
  }
});

Deno.test("records as zone files write them", () => {
  const read = (type: string, data: string) => {
    const number = parseInt(type, 16);
    const decoded = decodeAnswer(answer("8180", [record(type, data)], { type: number }), {
      ...SETTINGS,
      type: number,
    });
    ok(decoded !== null);
    return typeof decoded === "string" ? decoded : decoded.records[0]?.text;
  };
  strictEqual(read("01", "c0000201"), "192.0.2.1");
  strictEqual(read("1c", "20010db8 00000000 00000000 00000001"), "2001:db8::1");
  strictEqual(read("02", "026e73 c010"), "ns.example.net.");
  strictEqual(read("05", "c00c"), "www.example.net.");
  strictEqual(read("0f", "000a 046d61696c c010"), "10 mail.example.net.");
  strictEqual(read("10", "03616263 0264 65"), '"abc" "de"');
  strictEqual(read("21", "0001 0002 0050 00"), "1 2 80 .");
  strictEqual(
    read("06", "026e73 c010 00 00000001 00000002 00000003 00000004 00000005"),
    "ns.example.net. . 1 2 3 4 5",
  );
  strictEqual(read("2b", "0102"), "\\# 2 0102");
  strictEqual(read("02", "03 612e62 00"), "a\\.b.");
  // Broken ones.
  for (
    const [type, data] of [["01", "c00002"], ["02", "026e73"], ["0f", "00"], ["10", "05 61"], [
      "02",
      "026e73 c010 00",
    ]]
  ) {
    strictEqual(read(type!, data!), "a record makes no sense", `${type} ${data}`);
  }
});

Deno.test("names that point at themselves end", () => {
  strictEqual(
    ask({}, answer("8180", ["c021 0002 0001 0000003c 0002 c021"])),
    "failed: a record makes no sense",
  );
});

Deno.test("codes and records that are wanted", () => {
  const one = answer("8180", [record("01", "c0000201"), record("01", "c0000202")]);
  strictEqual(ask({}, one), "passed: the answer is NOERROR");
  strictEqual(ask({ answers: ["192.0.2.2"] }, one), "passed: the answer is NOERROR");
  strictEqual(
    ask({ answers: ["192.0.2.2", "192.0.2.3"] }, one),
    "failed: the answer lacks 192.0.2.3",
  );
  strictEqual(
    talk(dnsConversation(SETTINGS), one).outcome?.output,
    "NOERROR, 192.0.2.1, 192.0.2.2",
  );
  strictEqual(ask({}, answer("8182", [])), "failed: the answer is SERVFAIL instead of NOERROR");
  strictEqual(
    ask({ codes: ["NOERROR", "NXDOMAIN"] }, answer("8183", [])),
    "passed: the answer is NXDOMAIN",
  );
  strictEqual(ask({}, answer("818f", [])), "failed: the answer is code 15 instead of NOERROR");
  strictEqual(
    ask({}, fromHex("1234 8185 0000 0000 0000 0000")),
    "failed: the answer is REFUSED instead of NOERROR",
  );
  const cut = answer("8380", []);
  strictEqual(ask({}, cut), "passed: the answer is NOERROR");
  strictEqual(
    ask({ answers: ["192.0.2.1"] }, cut),
    "failed: the answer lacks 192.0.2.1; it is cut short: ask over TCP",
  );
});

Deno.test("names are compared without regard to case", () => {
  const upper = answer("8180", [record("01", "c0000201")]);
  upper.set(bytes("WWW"), 13);
  strictEqual(ask({}, upper), "passed: the answer is NOERROR");
});

Deno.test("answers to other questions are not this server's", () => {
  const other = answer("8180", [], { id: "1235" });
  const type = answer("8180", [], { type: 28 });
  const query = answer("0100", []);
  const fine = answer("8180", []);
  strictEqual(ask({}, other, type, query, fromHex("12"), fine), "passed: the answer is NOERROR");
  strictEqual(ask({}, other, "time"), "failed: answers to other questions alone");
  strictEqual(ask({}, "time"), "failed: no answer in time");
});

Deno.test("over TCP the message has its length in front, and comes in pieces", () => {
  const tcp = { protocol: "tcp" } as const;
  strictEqual(talk(dnsConversation({ ...SETTINGS, ...tcp })).sent.slice(0, 4), "\0\x21\x12\x34");
  const message = answer("8180", [record("01", "c0000201")]);
  const framed = concatenate([Uint8Array.of(0, message.length), message]);
  strictEqual(
    ask(tcp, ...Array.from(framed, (byte) => Uint8Array.of(byte))),
    "passed: the answer is NOERROR",
  );
  strictEqual(ask(tcp, framed.subarray(0, 20), "end"), "failed: closed before the answer came");
  strictEqual(ask(tcp, fromHex("0002 0000")), "failed: the answer is to another question");
});

Deno.test("the types that keepalived knows have their numbers", () => {
  const { A, NS, CNAME, SOA, MX, TXT, AAAA } = RECORD_TYPES;
  deepStrictEqual([A, NS, CNAME, SOA, MX, TXT, AAAA], [1, 2, 5, 6, 15, 16, 28]);
});
