/**
 * Services that two virtual servers would both be: each address and port of the kernel's table
 * belongs to one. Ranges and networks are compared as what they are, not address by address.
 *
 * @module
 */

import { bytesOfIp, numberOf } from "../mod/ip/mod.ts";
import { LARGEST_RANGE } from "../mod/ipvs/mod.ts";
import { OTHER, type Report } from "./finding.ts";
import type { ListenConfig } from "./listen_fields.ts";
import { type Area, checkAreas, checkOwnMark } from "./mark_checks.ts";
import { addressesOf, portsOf } from "./mark_fields.ts";
import { clash, Register } from "./router_checks.ts";
import type { CheckedTable } from "./table_lists.ts";
import { descend, shown, type TreeNode, valuePlace } from "./tree.ts";
import type { VirtualServerConfig } from "./virtual_server_schema.ts";

/** Most services of one agent: each address of a range is one. */
export const MOST_SERVICES = 65_536;

/** Addresses in a row. */
export interface Span {
  readonly low: bigint;
  readonly high: bigint;
  readonly node: TreeNode;
}

function spanOf(listen: ListenConfig, node: TreeNode): Span {
  const { first, last } = addressesOf(listen);
  return { low: numberOf(bytesOfIp(first)), high: numberOf(bytesOfIp(last)), node };
}

/** How many addresses it stands for. */
export function sizeOf(listen: ListenConfig, node: TreeNode): bigint {
  const { low, high } = spanOf(listen, node);
  return high - low + 1n;
}

/** The node of an item of a key that is one value or a list of them. */
export function itemAt(node: TreeNode, key: string, index: number): TreeNode {
  const value = descend(node, [key]);
  return value.kind === "list" ? descend(value, [index]) : value;
}

/** Reports services that are asked for twice, ranges that are too large, and too many of all. */
export function checkServices(
  servers: readonly CheckedTable<VirtualServerConfig>[],
  report: Report,
): void {
  const spans = new Map<string, Span[]>();
  const marks = new Register<TreeNode>();
  const areas: Area[] = [];
  const plain: Area[] = [];
  let total = 0n;
  for (const { config, node } of servers) {
    config.listen.forEach((listen, index) => {
      const own = itemAt(node, "listen", index);
      const span = spanOf(listen, own);
      const family = listen.address.includes(":") ? 6 : 4;
      const area = { ...span, kind: `${family} ${config.protocol}`, ports: portsOf(listen) };
      if (config.mark !== undefined) return void areas.push(area);
      if (listen.port !== 0) plain.push(area);
      const count = span.high - span.low + 1n;
      if (count > BigInt(LARGEST_RANGE)) {
        report({
          place: valuePlace(own),
          message: `${shown(own)} stands for more than ${LARGEST_RANGE} addresses, each of which ` +
            "would be a service of the kernel's",
          advice: 'add `mark = "auto"`: it is one service then',
        });
        return;
      }
      const known = total <= MOST_SERVICES;
      total += count;
      if (known && total > MOST_SERVICES) {
        report({
          place: valuePlace(own),
          message: `With ${shown(own)} there are more than the ${MOST_SERVICES} services that ` +
            "halb looks after: each address of a range or network is one",
          advice: 'add `mark = "auto"`: it is one service then',
        });
      }
      const key = JSON.stringify([family, config.protocol, listen.port]);
      spans.set(key, [...spans.get(key) ?? [], span]);
    });
    checkOwnMark(config, node, marks, report);
    config.fwmark.forEach((mark, index) => {
      const own = itemAt(node, "fwmark", index);
      clash(
        own,
        marks.claim([mark, config.family], own),
        `The mark ${mark} is balanced twice`,
        "leave out one of the two, or give it a mark of its own",
        report,
      );
    });
  }
  for (const alike of spans.values()) checkOverlaps(alike, report);
  checkAreas(areas, plain, report);
}

function checkOverlaps(spans: readonly Span[], report: Report): void {
  const written = new Map(spans.map((span, index) => [span, index]));
  const ascending = [...spans].sort((a, b) => a.low < b.low ? -1 : a.low > b.low ? 1 : 0);
  let widest: Span | undefined;
  for (const span of ascending) {
    if (widest !== undefined && span.low <= widest.high) {
      const swap = written.get(span)! < written.get(widest)!;
      const [first, second] = swap ? [span, widest] : [widest, span];
      report({
        place: valuePlace(second.node),
        message: `${shown(second.node)} is asked for twice: first at ${OTHER}`,
        advice: "an address and port belong to one virtual server: leave one out, or write " +
          "another port",
        other: valuePlace(first.node),
      });
    }
    if (widest === undefined || span.high > widest.high) widest = span;
  }
}
