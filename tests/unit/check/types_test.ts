/** The smaller types: tcp, udp, ping, smtp, agent, script, file; PROXY headers and certificates. */

import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import { agentConversation, readAgentLine } from "../../../mod/check/types/agent.ts";
import {
  expiryWarning,
  isNameFor,
  readAlternativeNames,
  refusal,
} from "../../../mod/check/types/certificate.ts";
import { indexOfBytes, Received } from "../../../mod/check/types/conversation.ts";
import { judgeFile } from "../../../mod/check/types/file.ts";
import { internetChecksum } from "../../../mod/ip/mod.ts";
import { pingConversation, type PingSettings } from "../../../mod/check/types/ping.ts";
import { proxyHeader } from "../../../mod/check/types/proxy_header.ts";
import { judgeScript } from "../../../mod/check/types/script.ts";
import { smtpConversation } from "../../../mod/check/types/smtp.ts";
import { tcpConversation, type TcpSettings } from "../../../mod/check/types/tcp.ts";
import { parsePattern, udpConversation } from "../../../mod/check/types/udp.ts";
import { bytes, fromHex, type Said, talk, verdictOf } from "./conversation_fixtures.ts";

// ---- tcp ----------------------------------------------------------------------------------------

const tcp = (settings: Partial<TcpSettings>, ...said: Said[]) =>
  verdictOf(tcpConversation({ send: null, expect: null, limit: 100, ...settings }), ...said);

Deno.test("tcp: a connection is enough, unless something is expected", () => {
  strictEqual(tcp({}), "passed: connected");
  const expect = bytes("PONG");
  strictEqual(tcp({ expect }, bytes("+PONG\r\n")), "passed: the expected answer");
  strictEqual(tcp({ expect }, bytes("+PO"), bytes("NG")), "passed: the expected answer");
  strictEqual(
    tcp({ expect }, bytes("+PING"), "end"),
    "failed: closed before the expected text came",
  );
  strictEqual(tcp({ expect }, "end"), "failed: closed without an answer");
  strictEqual(tcp({ expect }, "time"), "failed: no answer in time");
  strictEqual(
    tcp({ expect }, bytes("x"), "time"),
    "failed: the expected text did not come in time",
  );
  strictEqual(
    tcp({ expect }, new Uint8Array(101)),
    "failed: the first 100 bytes lack the expected text",
  );
  strictEqual(
    talk(tcpConversation({ send: bytes("PING\r\n"), expect, limit: 9 })).sent,
    "PING\r\n",
  );
});

Deno.test("tcp: what is expected is found wherever pieces are torn", () => {
  const whole = bytes("aaab aab aaaab end");
  for (let at = 0; at <= whole.length; at++) {
    for (const wanted of ["aaaab", "end", "aaab"]) {
      const said = [whole.subarray(0, at), whole.subarray(at)];
      strictEqual(tcp({ expect: bytes(wanted) }, ...said), "passed: the expected answer");
    }
  }
  strictEqual(indexOfBytes(bytes("abc"), bytes("")), 0);
  strictEqual(indexOfBytes(bytes("ab"), bytes("abc")), -1);
});

Deno.test("what is received is kept up to its limit", () => {
  const received = new Received(1000);
  for (let i = 0; i < 999; i++) ok(received.add(Uint8Array.of(i)));
  ok(!received.add(Uint8Array.of(1, 2)));
  strictEqual(received.length, 1000);
  received.drop(998);
  deepStrictEqual([...received.bytes], [998 & 255, 1]);
});

// ---- udp and ping -------------------------------------------------------------------------------

Deno.test("udp: without a wanted reply silence is success", () => {
  const settings = { payload: fromHex("0102"), reply: null };
  strictEqual(
    verdictOf(udpConversation(settings), "time"),
    "passed: nobody said that the port is closed",
  );
  strictEqual(verdictOf(udpConversation(settings), bytes("x")), "passed: a reply");
});

Deno.test("udp: replies by pattern and length; wrong ones wait for the right one", () => {
  const reply = { pattern: parsePattern("0a XX fX"), minLength: 3, maxLength: 5 };
  const ask = (...said: Said[]) =>
    verdictOf(udpConversation({ payload: bytes("?"), reply }), ...said);
  strictEqual(ask(fromHex("0a42f7")), "passed: the expected reply");
  strictEqual(ask(fromHex("0a"), fromHex("0a42f70000")), "passed: the expected reply");
  strictEqual(ask(fromHex("0a42e7"), "time"), "failed: the reply begins with 0a42e7");
  strictEqual(ask(fromHex("0a42"), "time"), "failed: a reply of 2 bytes is too short");
  strictEqual(ask(fromHex("0a42f7000000"), "time"), "failed: a reply of 6 bytes is too long");
  strictEqual(ask("time"), "failed: no reply in time");
  for (const wrong of ["0", "0g", "0x1"]) strictEqual(parsePattern(wrong), null);
});

const PING: PingSettings = {
  family: "ipv4",
  raw: false,
  identifier: 7,
  sequence: 3,
  token: bytes("abcdefgh"),
  size: 12,
};

Deno.test("ping: the request by the byte, and only its own echo counts", () => {
  const { sent } = talk(pingConversation(PING));
  const request = Uint8Array.from(sent, (character) => character.charCodeAt(0));
  deepStrictEqual([...request.subarray(0, 2), ...request.subarray(4, 8)], [8, 0, 0, 7, 0, 3]);
  strictEqual(internetChecksum(request), 0, "a checksum over all is zero");
  // RFC 1071 section 3.
  strictEqual(internetChecksum(fromHex("0001 f203 f4f5 f6f7")), 0xffff - 0xddf2);
  const reply = request.slice();
  reply[0] = 0;
  strictEqual(verdictOf(pingConversation(PING), reply), "passed: an echo");
  // Of a ping socket the identifier is the kernel's own.
  strictEqual(verdictOf(pingConversation(PING), reply.with(5, 9)), "passed: an echo");
  strictEqual(verdictOf(pingConversation({ ...PING, raw: true }), reply.with(5, 9)), "undecided");
  const changes: [number, number][] = [[0, 8], [1, 1], [7, 4], [8, 0]];
  for (const [at, value] of changes) {
    strictEqual(verdictOf(pingConversation(PING), reply.with(at, value)), "undecided");
  }
  strictEqual(verdictOf(pingConversation(PING), reply.subarray(0, 19)), "undecided");
  strictEqual(verdictOf(pingConversation(PING), "time"), "failed: no echo in time");
  const header = new Uint8Array(24);
  header[0] = 0x46;
  const whole = new Uint8Array(24 + reply.length);
  whole.set(header);
  whole.set(reply, 24);
  strictEqual(verdictOf(pingConversation({ ...PING, raw: true }), whole), "passed: an echo");
  throws(() => pingConversation({ ...PING, size: 7 }), RangeError);
});

Deno.test("ping: ICMPv6 has its own types, and the kernel's checksum", () => {
  const { sent } = talk(pingConversation({ ...PING, family: "ipv6" }));
  strictEqual(sent.slice(0, 4), "\x80\0\0\0");
  const reply = Uint8Array.from(sent, (character) => character.charCodeAt(0)).with(0, 129);
  strictEqual(
    verdictOf(pingConversation({ ...PING, family: "ipv6", raw: true }), reply),
    "passed: an echo",
  );
});

// ---- smtp ---------------------------------------------------------------------------------------

const smtp = (startTls: boolean, ...said: (string | Said)[]) => {
  const words = ["end", "time", "secured"];
  return talk(
    smtpConversation({ helo: "probe.example.net", startTls }),
    ...said.map((one) =>
      typeof one === "string" && !words.includes(one) ? bytes(`${one}\r\n`) : one as Said
    ),
  );
};

Deno.test("smtp: greeting, EHLO, QUIT", () => {
  const { sent, outcome } = smtp(
    false,
    "220-mail\r\n220 ready",
    "250-mail\r\n250-SIZE 9\r\n250 STARTTLS",
    "221 bye",
  );
  strictEqual(sent, "EHLO probe.example.net\r\nQUIT\r\n");
  strictEqual(outcome?.reason, "greeted and answered");
  strictEqual(outcome?.output, "220 ready");
  strictEqual(
    smtp(false, "220 m", "502 what", "250 m", "end").sent,
    "EHLO probe.example.net\r\nHELO probe.example.net\r\nQUIT\r\n",
  );
  strictEqual(
    smtp(false, "220 m", "250 m", "time").outcome?.result,
    "passed",
    "a slow goodbye harms nobody",
  );
});

Deno.test("smtp: STARTTLS, and EHLO once more inside", () => {
  const talked = smtp(
    true,
    "220 m",
    "250-m\r\n250 starttls",
    "220 go",
    "secured",
    "250 m",
    "221 bye",
  );
  strictEqual(
    talked.sent,
    "EHLO probe.example.net\r\nSTARTTLS\r\nEHLO probe.example.net\r\nQUIT\r\n",
  );
  strictEqual(talked.outcome?.result, "passed");
});

Deno.test("smtp: what goes wrong has a name", () => {
  const cases: [string, boolean, (string | Said)[]][] = [
    ["no greeting in time", false, ["time"]],
    ["no answer to EHLO in time", false, ["220 m", "time"]],
    ["closed without a greeting", false, ["end"]],
    ["the greeting is answered with 421", false, ["421 too busy"]],
    ["the greeting is not SMTP", false, ["SSH-2.0"]],
    ["EHLO is answered with 550", false, ["220 m", "550 no"]],
    ["HELO is answered with 550", false, ["220 m", "502 no", "550 no"]],
    ["EHLO is answered with 502", true, ["220 m", "502 no"]],
    ["the server does not offer STARTTLS", true, ["220 m", "250-m\r\n250 NOSTARTTLS"]],
    ["STARTTLS is answered with 454", true, ["220 m", "250-m\r\n250 STARTTLS", "454 no"]],
    ["the server speaks on in the clear after STARTTLS", true, [
      "220 m",
      "250-m\r\n250 STARTTLS",
      "220 go\r\n250 injected",
    ]],
    ["the server speaks before it is asked", false, ["220 m\r\n250 m"]],
    ["a line of the server is longer than 2048 bytes", false, ["2".repeat(3000)]],
    ["the greeting is answered with more than 100 lines", false, ["220-x\r\n".repeat(100)]],
  ];
  for (const [reason, startTls, said] of cases) {
    strictEqual(smtp(startTls, ...said).outcome?.reason, reason);
  }
  throws(() => smtpConversation({ helo: "a\r\nMAIL", startTls: false }), TypeError);
});

// ---- agent, script, file ------------------------------------------------------------------------

Deno.test("agent: the words of HAProxy's agent-check", () => {
  const read = (line: string) => {
    const { result, reason, weight } = readAgentLine(line);
    return `${result}: ${reason}${weight === null ? "" : ` ${weight.value}%`}`;
  };
  strictEqual(read("75%"), "passed: the agent agrees 75%");
  strictEqual(read("up 50%"), "passed: the agent agrees 50%");
  strictEqual(read("up,ready,\t100%"), "passed: the agent agrees 100%");
  strictEqual(read("ready"), "passed: the agent agrees");
  strictEqual(read("drain"), "passed: the agent says drain 0%");
  strictEqual(read("drain 50%"), "passed: the agent says drain 0%");
  strictEqual(read("maint"), "failed: the agent says maint");
  strictEqual(read("maint ready"), "passed: the agent agrees");
  strictEqual(read("down#disk is full"), "failed: the agent says down: disk is full");
  strictEqual(read("failed # x"), "failed: the agent says failed: x");
  strictEqual(read("stopped"), "failed: the agent says stopped");
  strictEqual(read("up maxconn:30"), "passed: the agent agrees");
  strictEqual(readAgentLine("maxconn:30").warnings.length, 1);
  strictEqual(read("#only words"), "failed: the agent says nothing");
  strictEqual(read("UP"), 'failed: the agent says "UP", which is no word of its language');
  strictEqual(read("-5%"), 'failed: the agent says "-5%", which is no word of its language');
});

Deno.test("agent: the line ends with either end of a line, or with the connection", () => {
  const ask = (...said: Said[]) => verdictOf(agentConversation({ send: bytes("hi\n") }), ...said);
  strictEqual(ask(bytes("up"), bytes("\n")), "passed: the agent agrees");
  strictEqual(ask(bytes("up\rmaint\n")), "passed: the agent agrees");
  strictEqual(ask(bytes("up"), "end"), "passed: the agent agrees");
  strictEqual(ask("end"), "failed: the agent says nothing");
  strictEqual(ask(bytes("up"), "time"), "failed: the agent's line did not come in time");
  strictEqual(ask(bytes("u".repeat(1025))), "failed: the agent's line is longer than 1024 bytes");
  strictEqual(talk(agentConversation({ send: bytes("hi\n") })).sent, "hi\n");
});

Deno.test("script: exit codes, and keepalived's dynamic weights", () => {
  const judge = (code: number, dynamic: boolean) => {
    const { result, weight } = judgeScript({ type: "exit", code }, dynamic, bytes("said\n"));
    return [result, weight?.value];
  };
  deepStrictEqual(judge(0, false), ["passed", undefined]);
  deepStrictEqual(judge(2, false), ["failed", undefined]);
  deepStrictEqual(judge(0, true), ["passed", undefined]);
  deepStrictEqual(judge(1, true), ["failed", undefined]);
  deepStrictEqual(judge(2, true), ["passed", 0]);
  deepStrictEqual(judge(255, true), ["passed", 253]);
  const reason = (end: Parameters<typeof judgeScript>[0]) =>
    judgeScript(end, true, bytes("x")).reason;
  strictEqual(reason({ type: "signal", signal: "SIGSEGV" }), "ended by SIGSEGV");
  strictEqual(reason({ type: "timeout" }), "did not end in time and was killed");
  strictEqual(
    reason({ type: "missing", error: "no such file" }),
    "cannot be started: no such file",
  );
});

Deno.test("file: a number as switch, or times a weight", () => {
  const judge = (text: string | null, weight: number, reverse = false) => {
    const { result, reason, weight: opinion } = judgeFile(text, { weight, reverse });
    return [result, reason, opinion?.value];
  };
  deepStrictEqual(judge("0\n", 0), ["passed", "0", undefined]);
  deepStrictEqual(judge("1", 0), ["failed", "1", undefined]);
  deepStrictEqual(judge("1", 0, true), ["passed", "1", undefined]);
  deepStrictEqual(judge(null, 0), ["passed", "no file", undefined]);
  deepStrictEqual(judge(" -5 ", 10), ["passed", "-5: -50 to the weight", -50]);
  deepStrictEqual(judge("5", 10, true), ["passed", "5: -50 to the weight", -50]);
  deepStrictEqual(judge("", 1), ["failed", "the file holds no number", undefined]);
  deepStrictEqual(judge("1e9", 1), ["failed", "the file holds no number", undefined]);
});

// ---- PROXY headers and certificates -------------------------------------------------------------

Deno.test("PROXY headers of both versions", () => {
  const text = (header: Uint8Array) => new TextDecoder().decode(header);
  const [a, b] = [{ address: "192.0.2.1", port: 40_000 }, { address: "192.0.2.2", port: 80 }];
  strictEqual(text(proxyHeader(1, a, b)), "PROXY TCP4 192.0.2.1 192.0.2.2 40000 80\r\n");
  const [c, d] = [{ address: "2001:db8::1", port: 1 }, { address: "2001:db8::2", port: 2 }];
  strictEqual(text(proxyHeader(1, c, d)), "PROXY TCP6 2001:db8::1 2001:db8::2 1 2\r\n");
  strictEqual(text(proxyHeader(1, null, b)), "PROXY UNKNOWN\r\n");
  deepStrictEqual(proxyHeader(2, a, b), fromHex("0d0a0d0a000d0a515549540a 20 00 0000"));
});

const NOW = Date.UTC(2026, 10, 21);
const CERTIFICATE = {
  validFrom: Date.UTC(2026, 0, 1),
  validTo: Date.UTC(2026, 11, 1),
  names: ["www.example.net", "*.shop.example.net", "192.0.2.1"],
};

Deno.test("certificates: which name they are for", () => {
  ok(isNameFor("www.example.net", "WWW.example.net."));
  ok(isNameFor("*.example.net", "www.example.net"));
  ok(!isNameFor("*.example.net", "example.net"));
  ok(!isNameFor("*.example.net", "a.b.example.net"));
  ok(!isNameFor("*.0.2.1", "192.0.2.1"));
  deepStrictEqual(readAlternativeNames("DNS:a.example, IP Address:192.0.2.1, URI:x"), [
    "a.example",
    "192.0.2.1",
  ]);
});

Deno.test("certificates: the reason of a refusal", () => {
  const why = (change: Partial<typeof CERTIFICATE>, host: string) =>
    refusal({ ...CERTIFICATE, ...change }, host, NOW);
  strictEqual(why({ validTo: NOW - 1 }, "x"), "the certificate expired on 2026-11-20");
  strictEqual(why({ validFrom: NOW + 1 }, "x"), "the certificate is valid from 2026-11-21 on");
  strictEqual(
    why({}, "mail.example.net"),
    "the certificate is for www.example.net, *.shop.example.net, 192.0.2.1, not for mail.example.net",
  );
  strictEqual(why({ names: [] }, "x"), "the certificate is for no name, not for x");
  strictEqual(why({}, "a.shop.example.net"), "the certificate is not signed by anybody trusted");
});

Deno.test("certificates: a warning before they expire", () => {
  strictEqual(expiryWarning(CERTIFICATE, 14, NOW), "the certificate expires on 2026-12-01");
  strictEqual(expiryWarning(CERTIFICATE, 10, NOW), null);
  strictEqual(expiryWarning(CERTIFICATE, null, NOW), null);
  strictEqual(
    expiryWarning({ ...CERTIFICATE, validTo: NaN }, 1, NOW),
    "the certificate expires on an unreadable date",
  );
});
