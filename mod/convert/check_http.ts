/**
 * `HTTP_GET` and `SSL_GET`: URLs, and what their responses must be.
 *
 * @module
 */

import { own } from "../values/mod.ts";
import { URL_REASONS } from "./reasons.ts";
import type { Handler, Scope } from "./scope.ts";
import type { CheckTimes, Times } from "./times.ts";
import type { Statement } from "./types.ts";
import { List, remarksOf, Table, type Value } from "./value.ts";

/** `(?im)` for the options of PCRE2 that JavaScript has. */
const FLAGS: Readonly<Record<string, string>> = { caseless: "i", multiline: "m", dotall: "s" };
/** The further ones that keepalived has. */
const OPTIONS = new Set(
  ("allow_empty_class alt_bsux auto_callout dollar_endonly dupnames extended firstline " +
    "match_unset_backref never_ucp never_utf no_auto_capture no_auto_possess no_dotstar_anchor " +
    "no_start_optimize ucp ungreedy utf never_backslash_c alt_circumflex alt_verbnames " +
    "use_offset_limit").split(" "),
);

/** `url { … }`: a request and what its response must be. */
function url(scope: Scope, block: Statement): Table {
  const { notes } = scope;
  const table = new Table().set("path", "/");
  let expression: Statement | undefined;
  let inverted: Statement | undefined;
  /** What says nothing without an expression. */
  const lone: Statement[] = [];
  let flags = "";
  scope.block(
    block.children ?? [],
    {
      path: (statement) => {
        const path = scope.plain(statement);
        if (path === undefined) return;
        if (!/^\/[\x21-\x7e]*$/.test(path)) {
          const kept = encodeURI(path.startsWith("/") ? path : `/${path}`);
          notes.approximated(
            statement,
            `a path begins with / and has no blanks: written as ${kept}`,
          );
          table.set("path", kept, statement);
        } else table.set("path", path, statement);
      },
      digest: (statement) => {
        const digest = statement.args[0]?.toLowerCase() ?? "";
        if (/^[0-9a-f]{32}$/.test(digest)) table.set("digest", digest, statement);
        else notes.unread(statement, "a digest has 32 hexadecimal digits");
      },
      status_code: (statement) => {
        const codes = new List();
        for (const text of statement.args) {
          if (/^[1-5][0-9]{2}-[1-5][0-9]{2}$/.test(text)) codes.add(text);
          else if (/^[1-5][0-9]{2}$/.test(text)) codes.add(Number(text));
          else notes.unread(statement, `"${text}" is no status code`);
        }
        if (codes.items.length > 0) table.set("status", codes, statement);
      },
      virtualhost: (statement) => {
        const host = scope.plain(statement);
        if (host !== undefined) table.set("host", host, statement);
      },
      regex: (statement) => {
        if (scope.text(statement) !== undefined) expression = statement;
      },
      regex_no_match: (statement) => {
        inverted = statement;
        lone.push(statement);
      },
      regex_options: (statement) => {
        lone.push(statement);
        for (const option of statement.args) {
          const flag = own(FLAGS, option);
          if (flag === undefined && !OPTIONS.has(option)) {
            const known = Object.keys(FLAGS).join(", ");
            notes.unread(
              statement,
              `keepalived ignores ${option}, which it has not; it has ${known}`,
            );
          } else if (flag === undefined) {
            notes.dropped(statement, `JavaScript has no ${option}`, "look whether it is needed");
          } else if (!flags.includes(flag)) flags += flag;
        }
      },
    },
    URL_REASONS,
    "in a url",
    table,
  );
  for (const statement of expression === undefined ? lone : []) {
    notes.unread(statement, "there is no regex in this url: keepalived looks at no page for it");
  }
  if (expression !== undefined) {
    // PCRE takes a backslash before anything that is no letter or digit; JavaScript before few.
    const source = expression.args.join(" ").replace(/\\(\\|[\s"'#%&,:;<=>@_`~!])/g, (all, one) => {
      return one === "\\" ? all : one;
    });
    if (!flags.includes("m") && /(^|[(|])\^/.test(source)) {
      // Seen with keepalived 2.2.7: `^` matches no page unless the option is multiline.
      const reason = "keepalived searches the head of the response, too, and `^` begins that: " +
        "here it begins the page";
      notes.approximated(expression, reason, "look whether servers are up today");
    }
    const text = flags === "" ? source : `(?${flags})${source}`;
    try {
      new RegExp(source, `u${flags}`);
      table.set(inverted === undefined ? "matches" : "not_matches", text, expression);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      const instead = "matches = '…' in the words of JavaScript";
      notes.dropped(expression, `JavaScript cannot read the expression: ${reason}`, instead);
    }
  }
  return table.order(["path", "host", "status", "digest", "matches", "not_matches"]);
}

/** Handlers of `HTTP_GET` and `SSL_GET`. */
export function httpHandlers(
  scope: Scope,
  check: Table,
  urls: List,
  times: Times,
): Record<string, Handler> {
  return {
    url: (block) => {
      urls.add(url(scope, block), remarksOf(block));
    },
    http_protocol: (statement) => {
      const version = statement.args[0]?.toUpperCase();
      if (version === "1.0" || version === "1.0C") check.set("version", "1.0", statement);
      else if (version === "1.1") check.set("version", "1.1", statement);
      else scope.notes.unread(statement, "it is one of 1.0, 1.0C, 1.1");
    },
    fast_recovery: (statement) => {
      scope.notes.needless(statement, "all URLs are asked in each probe, and one success counts");
    },
    virtualhost: (statement) => {
      times.host = scope.plain(statement) ?? times.host!;
    },
    nb_get_retry: (statement) => {
      const value = scope.whole(statement, 0, 999);
      if (value !== undefined) times.retry = value;
    },
    enable_sni: (statement) => {
      scope.notes.needless(statement, "always on, with the name of `host`");
    },
    sni_name: (statement) => {
      const name = scope.text(statement);
      if (name !== undefined) check.table("tls").set("server_name", name);
    },
  };
}

/** One URL stands in the check itself, several in `urls`. */
export function writeUrls(
  scope: Scope,
  check: Table,
  urls: List,
  times: CheckTimes,
  block: Statement,
): void {
  const [only, ...more] = urls.items;
  if (only === undefined) {
    scope.notes.approximated(block, "it has no url: / is asked for");
    check.set("path", "/");
  } else if (more.length === 0 && only.value instanceof Table) {
    for (const [key, entry] of only.value.entries) check.entries.set(key, entry);
    check.rest.push(...only.value.rest, ...only.before);
  } else check.set("urls", urls);
  const host: Value | undefined = check.get("host") ?? times.host;
  if (host !== undefined) check.set("host", host);
}
