/**
 * Addresses: `virtual_ipaddress`, `virtual_ipaddress_excluded` and `static_ipaddress`.
 *
 * @module
 */

import { formatIp, lastOf, networkOf, parseIp } from "../ip/mod.ts";
import { own } from "../values/mod.ts";
import { isIpv6, type Scope } from "./scope.ts";
import type { Statement } from "./types.ts";
import { List, remarksOf, Table } from "./value.ts";

/** Flags of an address that nothing is written for. */
const NEEDLESS: Readonly<Record<string, string>> = {
  home: "it is about Mobile IPv6",
  "-nodad": "there is never duplicate address detection for what moves",
  mngtmpaddr: "no virtual address is the template of temporary ones",
  noprefixroute: "always so, and halb adds the connected route itself where it is missing",
  autojoin: "it is about multicast addresses",
  no_track: "what somebody removes is put back without a failover",
};

/** What becomes of an address with a scope of its own: seen with keepalived 2.2.7 on Linux 6.18. */
const OTHER_SCOPE = "halb holds it as a /32; where its interface has an address of the same " +
  'network with another scope, the kernel refuses keepalived\'s ("Invalid argument" in its log)';

/** An address as it stands in a line. */
export interface WrittenAddress {
  /** With its prefix length where one is written. */
  readonly address: string;
  readonly ipv6: boolean;
  readonly value: string | Table;
  /** Address and length, to see what is given twice. */
  readonly key: string;
}

/** The words of a line, its keyword among them. */
function wordsOf(statement: Statement): string[] {
  return [statement.keyword, ...statement.args];
}

/** `brd +` and `brd -` of an address. */
function broadcastOf(text: string, bytes: Uint8Array, length: number): string | undefined {
  if (text === "+") return formatIp(lastOf(bytes, length));
  if (text === "-") return formatIp(networkOf(bytes, length));
  return parseIp(text) === undefined ? undefined : text;
}

/** Reads one line; undefined, and a note, where it is no address. */
export function readAddress(
  scope: Scope,
  statement: Statement,
  options: { readonly interface?: string; readonly always?: boolean },
): WrittenAddress | undefined {
  const { notes } = scope;
  const [first = "", ...words] = wordsOf(statement);
  const [host = "", length] = first.split("/");
  const bytes = parseIp(host);
  const bits = bytes === undefined ? 0 : bytes.length * 8;
  const size = length === undefined ? bits : /^[0-9]{1,3}$/.test(length) ? Number(length) : -1;
  if (bytes === undefined || size < 1 || size > bits) {
    notes.unread(statement, `"${first}" is no address`);
    return undefined;
  }
  const ipv6 = isIpv6(host);
  const address = length === undefined ? host : `${host}/${size}`;
  const table = new Table().set("address", address);
  let lifetime: string | undefined;
  for (let at = 0; at < words.length; at++) {
    const word = words[at]!;
    const value = words[at + 1];
    const needless = own(NEEDLESS, word);
    if (needless !== undefined) notes.add(statement, "needless", word, needless);
    else if (word === "use_vmac") {
      notes.add(
        statement,
        options.interface === undefined ? "dropped" : "needless",
        word,
        "addresses of a router's own interface live on its virtual MAC, others on no virtual MAC",
      );
    } else if (value === undefined) {
      notes.unread(statement, `"${word}" has no value`);
    } else {
      at++;
      switch (word) {
        case "dev": {
          const name = scope.interface(statement, value);
          if (name !== undefined && name !== options.interface) table.set("interface", name);
          break;
        }
        case "label":
          if (ipv6) notes.add(statement, "needless", word, "IPv6 addresses have no labels");
          else table.set("label", value);
          break;
        case "scope":
          if (ipv6) notes.add(statement, "needless", word, "the kernel knows the scope of IPv6");
          else if (value !== "global" && value !== "0") {
            table.set("scope", scopeValue(value));
            if (size < bits) notes.approximated(statement, OTHER_SCOPE);
          }
          break;
        case "brd": {
          const broadcast = broadcastOf(value, bytes, size);
          if (broadcast === undefined || ipv6) notes.unread(statement, `"brd ${value}"`);
          else table.set("broadcast", broadcast);
          break;
        }
        case "peer":
          if (parseIp(value.split("/")[0]!) === undefined) {
            notes.unread(statement, `"peer ${value}"`);
          } else table.set("peer", value.split("/")[0]!);
          break;
        case "preferred_lft":
          lifetime = value;
          break;
        case "track_group":
          notes.add(statement, "dropped", word, "static objects that are removed are put back");
          break;
        default:
          notes.unread(statement, `keepalived knows no "${word}" of an address`);
          at--;
      }
    }
  }
  // keepalived lets the host choose an IPv6 address as source unless its length is /128.
  const preferred = lifetime === undefined ? size !== 128 : lifetime !== "0";
  if (ipv6 && preferred) table.set("preferred", true);
  if (!ipv6 && lifetime !== undefined) {
    notes.add(statement, "needless", "preferred_lft", "an IPv4 address can always be a source");
  }
  if (options.always === true && table.get("interface") === undefined) {
    table.set("interface", scope.globals.interface);
  }
  const value = table.entries.size === 1 ? address : table;
  return { address, ipv6, value, key: `${formatIp(bytes)}/${size}` };
}

function scopeValue(text: string): string | number {
  return /^[0-9]{1,3}$/.test(text) ? Number(text) : text;
}

/** Reads a block of addresses into a list; those that are there already are left out. */
export function readAddresses(
  scope: Scope,
  block: Statement,
  options: { readonly interface?: string; readonly always?: boolean },
  taken: Set<string>,
): (WrittenAddress & { readonly statement: Statement })[] {
  const read: (WrittenAddress & { readonly statement: Statement })[] = [];
  for (const statement of block.children ?? []) {
    const address = readAddress(scope, statement, options);
    if (address === undefined) continue;
    if (taken.has(address.key)) {
      scope.notes.approximated(statement, `${address.key} is there already: it is held once`);
      continue;
    }
    taken.add(address.key);
    if (!scope.notes.has(statement)) scope.notes.of(statement, "translated");
    read.push({ ...address, statement });
  }
  return read;
}

/** The addresses as a list with their comments. */
export function addressList(
  addresses: readonly (WrittenAddress & { readonly statement: Statement })[],
): List {
  const list = new List();
  for (const { value, statement } of addresses) list.add(value, remarksOf(statement));
  return list;
}

/** `static_ipaddress`. */
export function staticAddresses(scope: Scope, block: Statement): void {
  const table = scope.root.table("static");
  const known = table.list("addresses");
  const taken = new Set(known.items.map(({ value }) => {
    const text = value instanceof Table ? String(value.get("address")) : String(value);
    return text;
  }));
  for (const item of addressList(readAddresses(scope, block, { always: true }, taken)).items) {
    known.items.push(item);
  }
}
