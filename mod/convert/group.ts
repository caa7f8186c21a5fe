/**
 * `vrrp_sync_group` to `[[sync_group]]`.
 *
 * @module
 */

import { notifyHandlers, STATE_PROGRAMS } from "./commands.ts";
import { GROUP_REASONS } from "./reasons.ts";
import type { Scope } from "./scope.ts";
import { trackHandlers, type Weights } from "./trackers.ts";
import type { Statement } from "./types.ts";
import { List, remarksOf, Table } from "./value.ts";

/** Names in the `group` block of a sync group, in their order. */
export function membersOf(block: Statement): string[] {
  const groups = (block.children ?? []).filter(({ keyword }) => keyword === "group");
  return groups.flatMap(({ children = [] }) =>
    children.flatMap(({ keyword, args }) => [keyword, ...args])
  );
}

/** Whether the weights of what members track count for the group. */
export function isWeighted(block: Statement): boolean {
  return (block.children ?? []).some(({ keyword }) =>
    keyword === "sync_group_tracking_weight" || keyword === "global_tracking"
  );
}

/** `vrrp_sync_group NAME { … }`, behind the instances: those that were written are its members. */
export function syncGroup(scope: Scope, block: Statement, weights: Weights): void {
  const { notes, root } = scope;
  const [written = ""] = block.args;
  const table = new Table().set("name", "").set("members", new List());
  const routers = root.list("vrrp").items.flatMap(({ value }) =>
    value instanceof Table ? [value] : []
  );
  if (routers.length === 0) root.entries.delete("vrrp");
  const members: string[] = [];
  let mail = scope.globals.mailRouters;
  const notify = () => table.table("notify");
  scope.block(
    block.children ?? [],
    {
      group: (statement) => {
        for (const line of statement.children ?? []) {
          for (const name of [line.keyword, ...line.args]) {
            const known = scope.known("routers", name);
            const router = routers.find((one) => one.get("name") === known);
            if (known === undefined || router === undefined) {
              notes.dropped(line, `there is no instance ${name}, or it is left out`);
            } else if (!members.includes(known)) members.push(known);
            if (router?.get("priority") === 255) {
              router.set("priority", 254);
              const reason = `the owner of addresses cannot be in a group: ${name} has 254 now`;
              notes.approximated(line, reason);
            }
          }
          if (!notes.has(line)) notes.of(line, "translated");
        }
        table.set("members", table.list("members"), statement);
      },
      ...trackHandlers(scope, {
        track: () => table.table("track"),
        // What the group itself tracks moves all members alike: its weights count.
        unweighted: false,
        owner: false,
        weights,
      }),
      ...notifyHandlers(scope, notify, STATE_PROGRAMS),
      smtp_alert: (statement) => {
        mail = scope.alert(statement);
      },
      sync_group_tracking_weight: (statement) => {
        const reason = "weights of what one member tracks count for all members, each thing once";
        notes.approximated(statement, reason);
      },
    },
    GROUP_REASONS,
    "in a vrrp_sync_group",
    table,
  );
  if (members.length === 0) {
    const reason = "it has no members: keepalived takes it out";
    return notes.dropped(block, reason, "name the instances in `group { … }`, or in members");
  }
  if (mail === true && scope.globals.hasMail) notify().set("mail", true);
  const list = table.entries.get("members");
  table.entries.set("members", { before: [], ...list, value: List.of(members) });
  table.set("name", scope.name("groups", written, block));
  table.order(["name", "members", "track", "notify"]);
  root.list("sync_group").add(table, remarksOf(block));
}
