/**
 * How addresses are announced: the `garp_…` keywords of instances, those with `vrrp_` in front of
 * global_defs, and `garp_group`.
 *
 * @module
 */

import type { Handler, Scope } from "./scope.ts";
import type { Statement } from "./types.ts";
import { List, remarksOf, Table, type Value } from "./value.ts";

const HOUR = 3_600_000_000;
const DAY = 86_400_000_000;

/** Handlers of the keywords that instances and global_defs share; `garp`: the table to write. */
export function garpHandlers(scope: Scope, garp: () => Table): Record<string, Handler> {
  const count = (key: string, low: number): Handler => (statement) => {
    const value = scope.whole(statement, 0, 1_000_000);
    if (value === undefined) return;
    const kept = Math.min(Math.max(value, low), 100);
    if (kept > value) {
      scope.notes.approximated(statement, `keepalived, too, has ${low} at least`);
    } else if (kept < value) {
      scope.notes.approximated(statement, `halb has ${low} to 100: written as ${kept}`);
    }
    garp().set(key, kept, statement);
  };
  const time = (key: string, most: number): Handler => (statement) => {
    const value = scope.time(statement, 0, most);
    if (value !== undefined) garp().set(key, value, statement);
  };
  const extra: Handler = (statement) => {
    const all = statement.args[0] === "all";
    const value = scope.time(statement, 0, DAY, all ? 1 : 0);
    if (value === undefined) return;
    garp().set("other_interfaces_refresh", value, statement);
    if (!all && value !== "0s") {
      const reason = "without `all` keepalived does so on virtual MACs only, halb on all others";
      scope.notes.approximated(statement, reason);
    }
  };
  return {
    garp_master_repeat: count("repeat", 1),
    garp_master_delay: time("delay", HOUR),
    garp_master_refresh: time("refresh", DAY),
    garp_master_refresh_repeat: count("refresh_repeat", 1),
    garp_lower_prio_repeat: count("lower_priority_repeat", 0),
    garp_lower_prio_delay: time("lower_priority_delay", HOUR),
    garp_extra_if: extra,
    vmac_garp_intvl: extra,
  };
}

/**
 * keepalived's neighbour advertisements have a gap of their own, none unless given; halb's is that
 * of ARP.
 */
export function writeNeighbourGap(garp: Table, gap: Value = "0s"): void {
  if (garp.get("interval") === undefined || garp.get("neighbour_interval") !== undefined) return;
  garp.set("neighbour_interval", gap);
}

/** `garp_group { … }`. */
export function garpGroup(scope: Scope, block: Statement): void {
  const table = new Table().set("interfaces", new List());
  const names = new Set<string>();
  const add = (statement: Statement, text: string) => {
    const name = scope.interface(statement, text);
    if (name !== undefined) names.add(name);
  };
  scope.block(
    block.children ?? [],
    {
      garp_interval: (statement) => {
        const time = scope.time(statement, 0, 10_000_000);
        if (time !== undefined) table.set("interval", time, statement);
      },
      gna_interval: (statement) => {
        const time = scope.time(statement, 0, 10_000_000);
        if (time !== undefined) table.set("neighbour_interval", time, statement);
      },
      interface: (statement) => add(statement, statement.args[0] ?? ""),
      interfaces: (statement) => {
        for (const line of statement.children ?? []) {
          for (const name of [line.keyword, ...line.args]) add(line, name);
          if (!scope.notes.has(line)) scope.notes.of(line, "translated");
        }
      },
    },
    {},
    "in a garp_group",
    table,
  );
  if (names.size === 0) return scope.notes.unread(block, "it has no interface");
  table.set("interfaces", List.of([...names]));
  const common = scope.root.table("defaults").table("vrrp").table("garp");
  writeNeighbourGap(table, common.get("neighbour_interval"));
  scope.root.list("garp_group").add(table, remarksOf(block));
}
