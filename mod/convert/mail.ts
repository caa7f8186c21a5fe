/**
 * Mail: the keywords of global_defs that make `[mail]`.
 *
 * @module
 */

import type { Handler, Scope } from "./scope.ts";
import type { Statement } from "./types.ts";
import { List, remarksOf, Table } from "./value.ts";

/** Keywords of mail. */
const MAIL = /^(smtp_.*|notification_email.*|no_email_faults)$/;

/** A mail address as `[mail]` takes it. */
function mailAddress(scope: Scope, statement: Statement, text: string): string | undefined {
  if (/^[^\s@<>"]+@[^\s@<>"]+$/.test(text)) return text;
  if (!/^[\w.+-]+$/.test(text)) {
    scope.notes.unread(statement, `"${text}" is no mail address`);
    return undefined;
  }
  scope.notes.approximated(statement, `a mail address has a domain: written as ${text}@localhost`);
  return `${text}@localhost`;
}

/** Handlers of mail; `mail`: the table to write. */
export function mailHandlers(scope: Scope, mail: Table): Record<string, Handler> {
  const { globals, notes } = scope;
  return {
    notification_email: (block) => {
      const to = mail.list("to");
      for (const line of block.children ?? []) {
        for (const text of [line.keyword, ...line.args]) {
          const address = mailAddress(scope, line, text);
          if (address !== undefined) to.add(address, remarksOf(line));
        }
        if (!notes.has(line)) notes.of(line, "translated");
      }
      mail.set("to", to, block);
      globals.hasMail = to.items.length > 0;
    },
    notification_email_from: (statement) => {
      const address = mailAddress(scope, statement, statement.args[0] ?? "");
      if (address !== undefined) mail.set("from", address, statement);
    },
    smtp_server: (statement) => {
      const [host = "", port = "25"] = statement.args;
      if (!/^[\w.:-]+$/.test(host) || !/^[0-9]{1,5}$/.test(port)) {
        return notes.unread(statement, `"${statement.args.join(" ")}" is no server and port`);
      }
      mail.set("server", `${host.includes(":") ? `[${host}]` : host}:${port}`, statement);
    },
    smtp_helo_name: (statement) => {
      const name = scope.text(statement);
      if (name !== undefined && /^[A-Za-z0-9.-]+$/.test(name)) {
        mail.set("helo_name", name, statement);
      } else if (name !== undefined) notes.unread(statement, `"${name}" is no name of a host`);
    },
    smtp_connect_timeout: (statement) => {
      const time = scope.time(statement, 1_000_000, 600_000_000);
      if (time !== undefined) mail.set("timeout", time, statement);
    },
    no_email_faults: (statement) => {
      const states = ["master", "backup", "stop", "deleted", "up", "down", "admin_down"];
      mail.set("states", List.of(states), statement);
    },
    smtp_alert: (statement) => {
      const flag = scope.flag(statement);
      globals.mailRouters ??= flag;
      globals.mailServers ??= flag;
    },
    smtp_alert_vrrp: (statement) => {
      globals.mailRouters = scope.flag(statement);
    },
    smtp_alert_checker: (statement) => {
      globals.mailServers = scope.flag(statement);
    },
  };
}

/** Notes the keywords of mail in `global_defs` where nobody is written to. */
export function noteUselessMail(scope: Scope, block: Statement): void {
  const children = block.children ?? [];
  // Whom to write to decides what all the rest of mail is worth, and may stand behind it.
  const isTo = ({ keyword, children: to = [] }: Statement) =>
    keyword === "notification_email" && to.length > 0;
  if (!children.some(isTo) && !scope.globals.hasMail) {
    for (const statement of children) {
      if (!MAIL.test(statement.keyword)) continue;
      scope.notes.needless(statement, "nobody is written to: there is no notification_email");
    }
  }
}

/** Writes `[mail]` where there is somebody to write to. */
export function finishMail(scope: Scope, mail: Table): void {
  if (!scope.globals.hasMail) return;
  if (mail.get("server") === undefined) mail.set("server", "127.0.0.1:25");
  mail.set("tls", "none");
  scope.root.set("mail", mail.order(["to", "from", "server", "tls"]));
}
