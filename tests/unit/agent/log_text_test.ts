import assert from "node:assert/strict";
import {
  formatJournal,
  formatJson,
  formatText,
  syslogFormat,
} from "../../../mod/agent/log_text.ts";

type Tape = Parameters<typeof formatText>[0];

function record(message: string, properties: Record<string, unknown> = {}): Tape {
  return {
    category: ["halb", "vrrp", "web"],
    level: "warning",
    message: [message],
    rawMessage: message,
    timestamp: Date.parse("2026-11-05T08:10:11.123Z"),
    properties,
  };
}

Deno.test("text and JSON say the same", () => {
  const one = record("Advertisement refused", { source: "192.0.2.1", reason: "two words" });
  assert.equal(
    formatText(one),
    "2026-11-05T08:10:11.123Z warning vrrp.web: Advertisement refused source=192.0.2.1 " +
      'reason="two words"\n',
  );
  assert.deepEqual(JSON.parse(formatJson(one)), {
    time: "2026-11-05T08:10:11.123Z",
    level: "warning",
    category: "vrrp.web",
    message: "Advertisement refused",
    source: "192.0.2.1",
    reason: "two words",
  });
});

Deno.test("JSON moves no cursor either, and says what was said", () => {
  const words = "x\u009b2J\u007f\u202e\u2028\n";
  const line = formatJson(record(words, { source: words }));
  // deno-lint-ignore no-control-regex
  assert.doesNotMatch(line.trimEnd(), /[\x00-\x1f\x7f-\x9f\u2028\u202e]/);
  const { message, source } = JSON.parse(line);
  assert.deepEqual([message, source], [words, words]);
});

Deno.test("the journal gets fields, none of which a stranger's words can add", () => {
  const words = "x\nPRIORITY=0\n\u001b[2J";
  const fields = formatJournal(record(words, { source: words, late_us: 3, "odd key": 1 }));
  const lines = fields.trimEnd().split("\n");
  assert.equal(lines.length, 8);
  assert.ok(fields.endsWith("\n"));
  const escaped = "x\\nPRIORITY=0\\n\\u001b[2J";
  assert.ok(lines[0]!.startsWith(`MESSAGE=vrrp.web: ${escaped} source=`), lines[0]);
  assert.deepEqual(lines.slice(1), [
    "PRIORITY=4",
    "SYSLOG_IDENTIFIER=halb",
    "HALB_SUBSYSTEM=vrrp",
    "HALB_NAME=web",
    `HALB_SOURCE=${escaped}`,
    "HALB_LATE_US=3",
    "HALB_ODD_KEY=1",
  ]);
  // What is too long is cut, and says so.
  const long = formatJournal(record("y".repeat(100_000)));
  assert.ok(long.length < 20_000);
  assert.match(long, /^MESSAGE=vrrp\.web: y+…$/m);
});

Deno.test("no property takes the place of a field of ours", () => {
  const fields = formatJournal(record("m", { name: "mallory", subsystem: "none" }));
  assert.match(fields, /^HALB_NAME=web$/m);
  assert.ok(!fields.includes("HALB_NAME=mallory"));
  assert.ok(!fields.includes("HALB_SUBSYSTEM=none"));
});

Deno.test("syslog gets what syslog(3) sends", () => {
  const at = new Date("2026-11-05T08:10:11.123Z");
  const two = (value: number) => String(value).padStart(2, "0");
  const time = `Nov ${String(at.getDate()).padStart(2)} ${two(at.getHours())}:` +
    `${two(at.getMinutes())}:11`;
  assert.equal(
    syslogFormat(42, false)(record("Refused\n<0>", { packets: 2 })),
    `<28>${time} halb[42]: vrrp.web: Refused\\n<0> packets=2`,
  );
  const json = syslogFormat(42, true)(record("Refused"));
  assert.equal(JSON.parse(json.slice(json.indexOf("{"))).message, "Refused");
});
