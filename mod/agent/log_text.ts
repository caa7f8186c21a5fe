/**
 * Log records as those want them who get them: lines for people, JSON for programs, fields for the
 * journal, what a syslog daemon reads. Pure.
 *
 * Text that came from the network is escaped before it is written: no sender may move a terminal's
 * cursor, forge a second line, or a field.
 *
 * @module
 */

import type { LogRecord as TapeRecord } from "@logtape/logtape";
import { escapeText, showText } from "../text/mod.ts";

/** One record as bytes, whole. */
export type Format = (record: TapeRecord) => string;

const SEVERITIES: Readonly<Record<string, number>> = {
  debug: 7,
  info: 6,
  warning: 4,
  error: 3,
  fatal: 2,
};
/** Facility of a daemon, RFC 5424 section 6.2.1. */
const DAEMON = 3 * 8;
/** What a syslog daemon takes in one piece, and what the journal does, characters. */
const LONGEST_SYSLOG = 2_000;
const LONGEST_FIELD = 16_000;
const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");

function messageOf(record: TapeRecord): string {
  return record.message.map(String).join("");
}

/** Without the name of the program. */
function categoryOf(record: TapeRecord): string {
  return record.category.slice(1).join(".");
}

/** The message and what is said with it, not escaped. */
function told(record: TapeRecord): string {
  const properties = Object.entries(record.properties)
    .map(([key, value]) => ` ${key}=${quoteWhereNeeded(String(value))}`).join("");
  return `${categoryOf(record)}: ${messageOf(record)}${properties}`;
}

function quoteWhereNeeded(value: string): string {
  return /^[\w.:/-]+$/.test(value) ? value : JSON.stringify(value);
}

/** One record as a line of text. */
export const formatText: Format = (record) => {
  const time = new Date(record.timestamp).toISOString();
  return `${time} ${record.level.padEnd(7)} ${escapeText(told(record))}\n`;
};

/** One record as a JSON object on a line; the escapes are those of JSON, which leaves some out. */
export const formatJson: Format = (record) => {
  const json = JSON.stringify({
    time: new Date(record.timestamp).toISOString(),
    level: record.level,
    category: categoryOf(record),
    message: messageOf(record),
    ...record.properties,
  });
  return `${escapeText(json)}\n`;
};

/** What journal and syslog call this program. */
let identity = "halb";

/** From now on it is that of an agent with a name of its own. */
export function identifyAs(instance: string | undefined): void {
  identity = instance === undefined ? "halb" : `halb-${instance}`;
}

/**
 * One record as systemd-journald's native protocol has it: a field on each line. Escaped text has
 * no line ends, so that no field needs the form with a length.
 */
export const formatJournal: Format = (record) => {
  const [, subsystem = "", name] = record.category;
  const fields: Record<string, string> = {
    MESSAGE: told(record),
    PRIORITY: String(severityOf(record)),
    SYSLOG_IDENTIFIER: identity,
    HALB_SUBSYSTEM: subsystem,
    ...(name === undefined ? {} : { HALB_NAME: name }),
  };
  for (const [key, value] of Object.entries(record.properties)) {
    // The journal drops fields whose names it does not like.
    const field = `HALB_${key.toUpperCase().replace(/[^A-Z0-9_]/g, "_")}`.slice(0, 64);
    fields[field] ??= String(value);
  }
  return Object.entries(fields)
    .map(([key, value]) => `${key}=${showText(value, LONGEST_FIELD)}\n`).join("");
};

function severityOf({ level }: TapeRecord): number {
  return SEVERITIES[level] ?? SEVERITIES.info!;
}

/**
 * One record as the datagram that syslog(3) sends to /dev/log, in the form of RFC 3164 with the
 * local time and without a host name: every syslog daemon reads it.
 *
 * @param pid of this process
 * @param json the text after the head is the record as JSON
 */
export function syslogFormat(pid: number, json: boolean): Format {
  return (record) => {
    const at = new Date(record.timestamp);
    const two = (value: number): string => String(value).padStart(2, "0");
    const time = `${MONTHS[at.getMonth()]} ${String(at.getDate()).padStart(2)} ` +
      `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
    const text = json ? formatJson(record).trimEnd() : showText(told(record), LONGEST_SYSLOG);
    return `<${DAEMON + severityOf(record)}>${time} ${identity}[${pid}]: ${text}`;
  };
}
