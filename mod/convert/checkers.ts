/**
 * Checkers of real servers to `check` tables. keepalived's times are written out, since halb has
 * others by itself.
 *
 * @module
 */

import { command, userText } from "./commands.ts";
import { httpHandlers, writeUrls } from "./check_http.ts";
import { CHECKER_REASONS } from "./reasons.ts";
import type { Handler, Scope } from "./scope.ts";
import { type CheckTimes, timeHandlers, type Times, writeTimes } from "./times.ts";
import type { Statement } from "./types.ts";
import { List, Table } from "./value.ts";
import { commandWords } from "./words.ts";

const HOUR = 3_600_000_000;

/** What checks need of the rest of the file. */
export interface CheckContext {
  /** `track_file`s by name. */
  readonly files: ReadonlyMap<string, Table>;
  /** The table `tls` of `SSL { … }`. */
  readonly tls: Table;
  /** Port that checks ask where the server has none. */
  readonly port?: number;
  /** Whether the server itself has a port. */
  readonly hasPort: boolean;
}

/** Handlers of where to connect to and from. */
function placeHandlers(scope: Scope, check: Table): Record<string, Handler> {
  const address = (key: string): Handler => (statement) => {
    const value = scope.address(statement);
    if (value !== undefined) check.set(key, value, statement);
    const link = /%([^\s%]+)$/.exec(statement.args[0] ?? "")?.[1];
    if (link !== undefined) check.set("bind_interface", link);
    // An address may have its port behind it.
    if (key === "address" && statement.args[1] !== undefined) {
      const port = scope.whole(statement, 1, 65_535, 1);
      if (port !== undefined) check.set("port", port);
    }
  };
  const port = (key: string): Handler => (statement) => {
    const value = scope.whole(statement, 1, 65_535);
    if (value !== undefined) check.set(key, value, statement);
  };
  return {
    connect_ip: address("address"),
    connect_port: port("port"),
    bindto: address("bind_address"),
    bind_if: (statement) => {
      const name = scope.interface(statement);
      if (name !== undefined) check.set("bind_interface", name, statement);
    },
    bind_port: port("bind_port"),
    fwmark: (statement) => {
      const mark = scope.whole(statement, 0, 4_294_967_295);
      if (mark !== undefined) check.set("mark", mark, statement);
    },
  };
}

/** Digits in hexadecimal as keepalived reads them: single ones get a zero in front. */
function hexText(words: readonly string[], wildcards: boolean): string | undefined {
  const pairs: string[] = [];
  for (const word of words) {
    if (!(wildcards ? /^[0-9a-fx]+$/i : /^[0-9a-f]+$/i).test(word)) return undefined;
    for (let at = 0; at < word.length; at += 2) {
      pairs.push(word.slice(at, at + 2).padStart(2, "0").toUpperCase());
    }
  }
  return pairs.length === 0 ? undefined : pairs.join(" ");
}

function udpHandlers(scope: Scope, check: Table): Record<string, Handler> {
  const { notes } = scope;
  const length = (key: string): Handler => (statement) => {
    const value = scope.whole(statement, 0, 65_507);
    if (value !== undefined) check.set(key, value, statement);
  };
  const words = (statement: Statement) => statement.args.flatMap((word) => word.split(/\s+/));
  return {
    payload: (statement) => {
      const text = hexText(words(statement), false);
      if (text === undefined) notes.unread(statement, "there are no hexadecimal digits");
      else check.set("payload", text, statement);
    },
    require_reply: (statement) => {
      check.set("require_reply", true, statement);
      if (statement.args.length === 0) return;
      const text = hexText(words(statement), true);
      if (text === undefined) notes.unread(statement, "there are no hexadecimal digits");
      else check.set("reply", text);
    },
    min_reply_length: length("min_reply_length"),
    max_reply_length: length("max_reply_length"),
  };
}

function scriptHandlers(scope: Scope, check: Table): Record<string, Handler> {
  return {
    misc_path: (statement) => {
      const [text = "", ...more] = statement.args;
      const words = statement.quoted[0] === true ? commandWords(text) : [text];
      const list = command(scope, statement, [...words, ...more]);
      if (list !== undefined) check.set("command", list, statement);
    },
    misc_timeout: (statement) => {
      const time = scope.time(statement, 1_000, HOUR);
      if (time !== undefined) check.set("timeout", time, statement);
    },
    misc_dynamic: (statement) => {
      check.set("dynamic", true, statement);
    },
    user: (statement) => {
      const user = userText(statement.args);
      if (user !== undefined) check.set("user", user, statement);
    },
  };
}

/** A factor of what is in a file, as far as halb takes it. */
function fileWeight(scope: Scope, statement: Statement, weight: number): number {
  const kept = Math.min(Math.max(weight, -254), 254);
  if (kept !== weight) {
    scope.notes.approximated(statement, `halb has -254 to 254: written as ${kept}`);
  }
  return kept;
}

/** Without a weight of its own a check has that of its `track_file`, which is 1 unless given. */
function inheritWeight(
  scope: Scope,
  block: Statement,
  check: Table,
  files: CheckContext["files"],
): void {
  const name = block.children?.findLast(({ keyword }) => keyword === "track_file")?.args[0];
  const file = files.get(name ?? "");
  const weight = file?.get("weight");
  check.set("weight", typeof weight === "number" ? fileWeight(scope, block, weight) : 1);
  if (file?.get("reverse") === true) check.set("reverse", true);
}

const RECORDS = new Set(["A", "NS", "CNAME", "SOA", "MX", "TXT", "AAAA"]);

/** Keywords of one kind of checker alone. */
function ownHandlers(
  scope: Scope,
  type: string,
  check: Table,
  context: CheckContext,
  hosts: Table[],
): Record<string, Handler> {
  const { notes } = scope;
  if (type === "udp") return udpHandlers(scope, check);
  if (type === "script") return scriptHandlers(scope, check);
  if (type === "smtp") {
    return {
      helo_name: (statement) => {
        const name = scope.text(statement);
        if (name !== undefined) check.set("helo_name", name, statement);
      },
      // An old way to ask several: each is a check of its own, and the server itself is none.
      host: (block) => {
        const host = new Table();
        scope.block(block.children ?? [], placeHandlers(scope, host), {}, "in a host", host);
        hosts.push(host);
      },
    };
  }
  if (type === "dns") {
    return {
      type: (statement) => {
        const record = statement.args[0]?.toUpperCase() ?? "";
        if (RECORDS.has(record)) check.set("record", record, statement);
        else notes.unread(statement, `"${statement.args[0] ?? ""}" is no type of record`);
      },
      name: (statement) => {
        const name = scope.text(statement);
        if (name !== undefined) check.set("query", name, statement);
      },
    };
  }
  if (type === "bfd") {
    return {
      name: (statement) => {
        const session = scope.known("bfd", statement.args[0] ?? "");
        if (session !== undefined) check.set("session", session, statement);
        else notes.dropped(statement, `there is no bfd_instance ${statement.args[0] ?? ""}`);
      },
      alpha: (statement) => {
        notes.needless(statement, "a session that is not up yet is down");
      },
    };
  }
  if (type === "file") {
    return {
      track_file: (statement) => {
        const file = context.files.get(statement.args[0] ?? "");
        const path = file?.get("path");
        if (path !== undefined) check.set("path", path, statement);
        else notes.dropped(statement, `there is no track_file ${statement.args[0] ?? ""}`);
      },
      weight: (statement) => {
        const weight = scope.whole(statement, -2_147_483_647, 2_147_483_647);
        if (weight === undefined) return;
        check.set("weight", fileWeight(scope, statement, weight), statement);
        if (statement.args[1] === "reverse") check.set("reverse", true);
      },
      dynamic: (statement) => {
        notes.needless(statement, "a file that holds a weight is one with weight = 1");
      },
    };
  }
  return {};
}

const TYPES: Readonly<Record<string, string>> = {
  HTTP_GET: "http",
  SSL_GET: "http",
  TCP_CHECK: "tcp",
  SMTP_CHECK: "smtp",
  DNS_CHECK: "dns",
  MISC_CHECK: "script",
  BFD_CHECK: "bfd",
  UDP_CHECK: "udp",
  PING_CHECK: "ping",
  FILE_CHECK: "file",
};

/** The names of checkers. */
export const CHECKERS: readonly string[] = Object.keys(TYPES);

const NEEDED: Readonly<Record<string, string>> = {
  script: "command",
  bfd: "session",
  file: "path",
};

/** Whether keepalived checks servers by datagrams here: their service is one of UDP then. */
export function isUdpChecker(keyword: string): boolean {
  return keyword === "DNS_CHECK" || keyword === "UDP_CHECK";
}

/** Reads one checker: a check, or several; none, and a note, where it cannot ask. */
export function checker(
  scope: Scope,
  block: Statement,
  inherited: CheckTimes,
  context: CheckContext,
): Table[] {
  const type = TYPES[block.keyword]!;
  const check = new Table().set("type", type);
  check.remark(block);
  const times: Times = { ...inherited };
  const urls = new List();
  const hosts: Table[] = [];
  const isOwnKind = type === "bfd" || type === "file";
  if (type === "http") check.set("version", "1.0");
  let alpha: Statement | undefined;
  if (block.children === undefined) {
    const reason = "keepalived wants its braces, { }, and misreads what follows without them";
    scope.notes.approximated(block, reason, "look whether this check is what runs today");
  }
  scope.block(
    block.children ?? [],
    {
      ...(isOwnKind ? {} : timeHandlers(scope, times)),
      ...(isOwnKind || type === "script" ? {} : placeHandlers(scope, check)),
      ...(isOwnKind ? {} : {
        alpha: (statement: Statement) => {
          if (scope.flag(statement) === true) alpha = statement;
        },
      }),
      ...(type === "http" ? httpHandlers(scope, check, urls, times) : {}),
      ...ownHandlers(scope, type, check, context, hosts),
    },
    isOwnKind ? {} : CHECKER_REASONS,
    `in a ${block.keyword}`,
    check,
  );
  if (alpha !== undefined) check.set("start_failed", true, alpha);
  if (block.keyword === "SSL_GET") {
    const tls = check.table("tls").set("verify", false);
    for (const [key, { value }] of context.tls.entries) tls.set(key, value);
  }
  if (type === "http") writeUrls(scope, check, urls, times, block);
  const needed = NEEDED[type];
  if (needed !== undefined && check.get(needed) === undefined) {
    scope.notes.dropped(block, `it lacks its \`${needed}\`: servers go without this check`);
    return [];
  }
  if (type === "file" && check.get("weight") === undefined) {
    inheritWeight(scope, block, check, context.files);
  }
  if (type === "udp" && check.get("require_reply") !== undefined) {
    if (check.get("max_reply_length") === undefined) check.set("max_reply_length", 255);
  } else if (type === "udp") {
    check.entries.delete("min_reply_length");
    check.entries.delete("max_reply_length");
  }
  if (type !== "bfd" && type !== "file") writeTimes(check, type, times);
  return (hosts.length === 0 ? [check] : hosts.map((host) => withPlace(check, host))).map((one) => {
    writePort(one, type, context);
    return one.order(["type", "path", "urls", "host", "version", "tls", "address", "port"]);
  });
}

/** A check of another place. */
function withPlace(check: Table, place: Table): Table {
  const copy = new Table();
  for (const [key, entry] of [...check.entries, ...place.entries]) copy.entries.set(key, entry);
  copy.rest.push(...check.rest, ...place.rest);
  return copy;
}

/** A port, where neither the checker nor the server has one. */
function writePort(check: Table, type: string, context: CheckContext): void {
  if (["ping", "script", "bfd", "file"].includes(type)) {
    check.entries.delete("port");
    return;
  }
  const { port, hasPort } = context;
  const isElsewhere = check.get("address") !== undefined;
  if (check.get("port") === undefined && port !== undefined && (!hasPort || isElsewhere)) {
    check.set("port", port);
  }
}
