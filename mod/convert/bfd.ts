/**
 * `bfd_instance` to `[[bfd]]`.
 *
 * @module
 */

import { BFD_REASONS } from "./reasons.ts";
import { isIpv6, type Scope, timeText } from "./scope.ts";
import type { Weights } from "./trackers.ts";
import type { Statement } from "./types.ts";
import { remarksOf, Table } from "./value.ts";

/** Shortest interval that halb keeps, microseconds. */
const SHORTEST = 3_300;
const LONGEST = 60_000_000;

/** `bfd_instance NAME { … }`; `guess`: the interface of a router that tracks it. */
export function bfdInstance(
  scope: Scope,
  block: Statement,
  weights: Weights,
  guess: (name: string) => string | undefined,
): void {
  const { notes } = scope;
  const [written = ""] = block.args;
  const table = new Table().set("name", "");
  let link: string | undefined;
  let hops: Statement | undefined;
  const interval = (key: string) => (statement: Statement) => {
    const micros = scope.micros(statement, 0, 1_000);
    if (micros === undefined) return;
    const kept = Math.min(Math.max(micros, SHORTEST), LONGEST);
    if (kept !== micros) {
      const range = `${timeText(SHORTEST)} to ${timeText(LONGEST)}`;
      notes.approximated(statement, `halb has ${range}: written as ${timeText(kept)}`);
    }
    table.set(key, timeText(kept), statement);
  };
  const address = (key: string) => (statement: Statement) => {
    const value = scope.address(statement);
    if (value === undefined) return;
    table.set(key, value, statement);
    link ??= /%([^\s%]+)$/.exec(statement.args[0] ?? "")?.[1];
  };
  table.set("transmit_interval", "10ms").set("receive_interval", "10ms").set(
    "detect_multiplier",
    5,
  );
  scope.block(
    block.children ?? [],
    {
      neighbor_ip: address("peer"),
      neighbour_ip: address("peer"),
      source_ip: address("source"),
      min_rx: interval("receive_interval"),
      min_tx: interval("transmit_interval"),
      multiplier: (statement) => {
        const value = scope.whole(statement, 1, 255);
        if (value !== undefined) table.set("detect_multiplier", value, statement);
      },
      idle_tx: (statement) => {
        const micros = scope.micros(statement, 0, 1_000);
        if (micros === 1_000_000) notes.needless(statement, "it is so");
        else {
          const reason = "a session that is not up sends once a second (RFC 5880 section 6.8.3)";
          notes.approximated(statement, reason);
        }
      },
      passive: (statement) => {
        table.set("passive", true, statement);
      },
      multihop: (statement) => {
        const flag = scope.flag(statement);
        if (flag === true) table.set("multihop", true, statement);
      },
      max_hops: (statement) => {
        if (scope.whole(statement, 0, 255) !== undefined) hops = statement;
      },
      weight: (statement) => {
        const weight = scope.whole(statement, -253, 253);
        if (weight === undefined) return;
        weights.set("bfd", written, weight);
        table.set("weight", weight, statement);
        if (statement.args[1] === "reverse") table.set("reverse", true);
      },
    },
    BFD_REASONS,
    "in a bfd_instance",
    table,
  );
  const peer = table.get("peer");
  if (typeof peer !== "string") return notes.unread(block, "it has no neighbor_ip");
  const source = table.get("source");
  if (typeof source === "string" && isIpv6(source) !== isIpv6(peer)) {
    table.entries.delete("source");
    notes.unread(block, "source_ip is of another family than neighbor_ip");
  }
  const isMultihop = table.get("multihop") === true;
  if (hops !== undefined) {
    const count = Number(hops.args[0]);
    if (isMultihop) table.set("min_ttl", Math.max(255 - count, 1), hops);
    else if (count === 0) notes.needless(hops, "over one hop it is so");
    else {
      const reason = "over one hop packets arrive with 255 (RFC 5881 section 5)";
      notes.approximated(hops, reason, "multihop = true on both sides, with min_ttl");
    }
  } else if (isMultihop) table.set("min_ttl", 255);
  if (!isMultihop) {
    const name = link ?? guess(written) ?? scope.globals.interface;
    table.set("interface", name);
    if (link === undefined) {
      const reason = `a session over one hop belongs to an interface: written with ${name}`;
      notes.approximated(block, reason, "name the interface that leads to the neighbour");
    }
  }
  table.set("name", scope.name("bfd", written, block));
  table.order(["name", "peer", "source", "interface"]);
  scope.root.list("bfd").add(table, remarksOf(block));
  if (!notes.has(block)) notes.of(block, "translated");
}
