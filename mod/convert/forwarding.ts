/**
 * How packets reach real servers: `lvs_method NAT|DR|TUN [type …]`.
 *
 * @module
 */

import { isIpv6, type Scope } from "./scope.ts";
import type { Statement } from "./types.ts";
import { List, Table } from "./value.ts";

const FORWARD: Readonly<Record<string, string>> = { NAT: "nat", DR: "direct", TUN: "tunnel" };
const CHECKSUMS: Readonly<Record<string, string>> = {
  nocsum: "none",
  csum: "full",
  remcsum: "remote",
};

/** Reads a method into `forward` and `tunnel` of a table. */
export function forwarding(scope: Scope, statement: Statement, table: Table): void {
  const { notes } = scope;
  const [method = "", ...words] = statement.args;
  const forward = FORWARD[method.toUpperCase()];
  if (forward === undefined) {
    return notes.unread(statement, `"${method}" is none of NAT, DR, TUN`);
  }
  table.set("forward", forward, statement);
  if (forward !== "tunnel") return;
  const tunnel = new Table();
  for (let at = 0; at < words.length; at++) {
    const word = words[at]!;
    if (word === "type") {
      const type = words[++at] ?? "";
      if (["ipip", "gue", "gre"].includes(type)) tunnel.set("type", type);
      else notes.unread(statement, `"${type}" is none of ipip, gue, gre`);
    } else if (word === "port") {
      const port = scope.whole(statement, 1, 65_535, ++at + 1);
      if (port !== undefined) tunnel.set("port", port);
    } else if (Object.hasOwn(CHECKSUMS, word)) tunnel.set("checksum", CHECKSUMS[word]!);
    else notes.unread(statement, `keepalived knows no "${word}" of a tunnel`);
  }
  if (tunnel.entries.size > 0 && tunnel.get("type") === undefined) tunnel.set("type", "ipip");
  if (tunnel.get("type") === "gue" && tunnel.get("port") === undefined) {
    notes.dropped(statement, "a GUE tunnel needs its port", 'tunnel = { type = "gue", port = … }');
    tunnel.entries.delete("type");
  }
  if (tunnel.entries.size > 0) table.set("tunnel", tunnel);
}

/** What forwarding means beside the addresses: families, and the port of a sorry server. */
export function writeForwarding(
  scope: Scope,
  block: Statement,
  table: Table,
  sorry: Table,
  server: { readonly servers: List; readonly port: number; readonly ipv6: boolean | undefined },
): void {
  if (table.get("forward") === undefined) table.set("forward", "nat");
  if (table.get("scheduler") === undefined) {
    table.set("scheduler", "wlc");
    scope.notes.unread(block, "it has no lvs_sched: written as wlc");
  }
  const addresses = server.servers.items.flatMap(({ value }) => {
    const address = value instanceof Table ? value.get("address") : undefined;
    return typeof address === "string" ? [address] : [];
  });
  const isSix = addresses.length > 0 &&
    addresses.every((address) => isIpv6(address.replace(/^([0-9.]+):[0-9]+$/, "$1")));
  // The family of a mark is that of its servers.
  if (server.ipv6 === undefined && isSix && table.get("family") === undefined) {
    table.set("family", "ipv6");
  }
  if (table.get("sorry_server") === undefined) return;
  const forward = sorry.get("forward") ?? table.get("forward");
  const address = sorry.get("address");
  if (forward === "nat" || typeof address !== "string") return;
  const bare = address.replace(/^\[(.*)\]:[0-9]+$/, "$1").replace(/^([0-9.]+):[0-9]+$/, "$1");
  if (bare !== address && !address.endsWith(`:${server.port}`)) sorry.set("address", bare);
}
