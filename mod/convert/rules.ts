/**
 * Rules of policy routing: `virtual_rules` and `static_rules`, in the words of `ip rule`.
 *
 * @module
 */

import { own } from "../values/mod.ts";
import { network, numeric, tableValue, Words } from "./routes.ts";
import { isIpv6, type Scope } from "./scope.ts";
import type { Statement } from "./types.ts";
import { type List, remarksOf, Table } from "./value.ts";

/** The priority that keepalived gives to the first rule without one; each further one is less. */
const FIRST_PRIORITY = 16_384;

const ACTIONS = new Set(["blackhole", "prohibit", "unreachable", "nop"]);
const ASIDE: Readonly<
  Record<string, readonly [values: number, verdict: "needless" | "dropped", reason: string]>
> = {
  no_track: [0, "needless", "what somebody removes is put back without a failover"],
  inet: [0, "needless", "the addresses say the family"],
  protocol: [1, "needless", "112 says that it is halb's"],
  track_group: [1, "dropped", "static objects that are removed are put back"],
};
const PROTOCOLS = new Set("icmp tcp udp dccp gre esp ah ipv6-icmp vrrp sctp".split(" "));

/** `10` or `10-20` as a number or a text. */
function range(text: string | undefined): string | number | undefined {
  const match = /^([0-9]{1,10})(?:-([0-9]{1,10}))?$/.exec(text ?? "");
  if (match === null) return undefined;
  return match[2] === undefined || match[2] === match[1] ? Number(match[1]) : text;
}

/** Reads one rule; undefined, and a note, where it is none. */
function readRule(scope: Scope, statement: Statement, next: () => number): Table | undefined {
  const { notes } = scope;
  const words = new Words(statement);
  const rule = new Table();
  let bad = false;
  const set = (key: string, value: string | number | undefined, what: string) => {
    if (value !== undefined) rule.set(key, value);
    else {
      notes.unread(statement, `the rule is left out: "${what}" cannot be read`);
      bad = true;
    }
  };
  for (let word = words.next(); word !== undefined; word = words.next()) {
    switch (word) {
      case "not":
        rule.set("not", true);
        break;
      case "from":
      case "to": {
        const text = words.next();
        const value = network(text);
        if (value !== "all" && value !== "default" && value !== "any") {
          set(word, value, `${word} ${text ?? ""}`);
        } else if (word === "from") rule.set("from", "all");
        break;
      }
      case "iif":
      case "dev":
      case "oif": {
        const name = scope.interface(statement, words.next());
        if (name === undefined) bad = true;
        else rule.set(word === "dev" ? "iif" : word, name);
        break;
      }
      case "tos":
      case "dsfield":
        set("tos", numeric(words.next()), word);
        break;
      case "fwmark": {
        const [mark, mask] = (words.next() ?? "").split("/");
        set("fwmark", numeric(mark), `fwmark ${mark}`);
        if (mask !== undefined) set("fwmask", numeric(mask), `fwmark /${mask}`);
        break;
      }
      case "table":
      case "lookup": {
        const text = words.next();
        set("table", tableValue(text), `${word} ${text}: halb takes numbers`);
        break;
      }
      case "preference":
      case "priority":
      case "order":
        set("priority", numeric(words.next()), word);
        break;
      case "realms": {
        const text = words.next() ?? "";
        set(word, /^[0-9]+(\/[0-9]+)?$/.test(text) ? text : undefined, `realms ${text}`);
        break;
      }
      case "goto":
        rule.set("action", "goto");
        set(word, numeric(words.next()), word);
        break;
      case "uidrange":
        set("uid_range", range(words.next()), word);
        break;
      case "l3mdev":
        rule.set(word, true);
        break;
      case "ipproto":
      case "ip_proto": {
        const text = (words.next() ?? "").toLowerCase();
        set("ip_protocol", PROTOCOLS.has(text) ? text : numeric(text), `ipproto ${text}`);
        break;
      }
      case "sport":
        set("source_port", range(words.next()), word);
        break;
      case "dport":
        set("destination_port", range(words.next()), word);
        break;
      case "suppress_prefixlength":
      case "sup_pl":
        set("suppress_prefix_length", numeric(words.next()), word);
        break;
      case "suppress_ifgroup":
      case "sup_group":
        set("suppress_interface_group", numeric(words.next()), word);
        break;
      case "tunnel-id":
        set("tunnel_id", numeric(words.next()), word);
        break;
      case "inet6":
        rule.set("family", "ipv6");
        break;
      default: {
        const aside = own(ASIDE, word);
        if (ACTIONS.has(word)) rule.set("action", word);
        else if (aside !== undefined) {
          for (let count = 0; count < aside[0]; count++) words.next();
          notes.add(statement, aside[1], word, aside[2]);
        } else {
          // keepalived stops here, too, and leaves the rule out.
          const meant = /^prio?|^pref/.test(word) ? "; the word is priority" : "";
          notes.unread(
            statement,
            `keepalived leaves this rule out: it has no word "${word}"${meant}`,
          );
          return undefined;
        }
      }
    }
  }
  if (bad) return undefined;
  const families = ["from", "to"].flatMap((key) => {
    const value = rule.get(key);
    return typeof value === "string" && value !== "all" ? [isIpv6(value)] : [];
  });
  if (families.length > 0) rule.entries.delete("family");
  if (rule.get("from") === "all") rule.entries.delete("from");
  if (rule.get("priority") === undefined) {
    const priority = next();
    rule.set("priority", priority);
    const reason = `a rule needs a priority: ${priority}, as keepalived counts them`;
    notes.approximated(statement, reason, "give it one that is the same on all nodes");
  }
  return rule.order(["not", "from", "to", "iif", "oif", "fwmark", "fwmask", "action", "table"]);
}

/** Counts the priorities of rules that have none, over a whole configuration. */
export class RulePriorities {
  #next = FIRST_PRIORITY;

  next(): number {
    return this.#next--;
  }
}

/** Reads a block of rules into a list. */
export function readRules(
  scope: Scope,
  block: Statement,
  list: List,
  priorities: RulePriorities,
): void {
  for (const statement of block.children ?? []) {
    const rule = readRule(scope, statement, () => priorities.next());
    if (rule === undefined) continue;
    if (!scope.notes.has(statement)) scope.notes.of(statement, "translated");
    list.add(rule, remarksOf(statement));
  }
}
