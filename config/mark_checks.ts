/**
 * What virtual servers with a mark of their own contradict themselves and others in: packets that
 * would get two marks, marks that belong to two, ranges of ports without one.
 *
 * @module
 */

import { OTHER, type Report } from "./finding.ts";
import { MOST_MARKED } from "./mark_fields.ts";
import { clash, type Register } from "./router_checks.ts";
import { itemAt, type Span } from "./service_overlaps.ts";
import type { CheckedTable } from "./table_lists.ts";
import { descend, keyPlace, shown, type TreeNode, valuePlace } from "./tree.ts";
import type { VirtualServerConfig } from "./virtual_server_schema.ts";
import { serviceFamilies } from "./virtual_server_table.ts";

/** Addresses in a row, and ports in a row, of one family and protocol. */
export interface Area extends Span {
  readonly kind: string;
  readonly ports: readonly [first: number, last: number];
}

/** Reports a mark beside what it cannot be for, and ranges of ports that have none. */
export function checkMark(
  { config, node }: CheckedTable<VirtualServerConfig>,
  report: Report,
): void {
  const { listen, fwmark, mark } = config;
  if (mark === undefined) {
    const ranged = listen.findIndex(({ last_port }) => last_port !== undefined);
    if (ranged < 0) return;
    const own = itemAt(node, "listen", ranged);
    report({
      place: valuePlace(own),
      message: `${shown(own)} has a range of ports, which is no service of the kernel's`,
      advice: 'add `mark = "auto"`: the firewall marks the packets for one service then',
    });
    return;
  }
  if (listen.length > 0 && fwmark.length === 0) return;
  const alone = listen.length === 0;
  report({
    place: keyPlace(descend(node, ["mark"])),
    message: alone
      ? "`mark` marks the packets of `listen`, and there is none"
      : `\`mark\` makes one service of \`listen\`, and \`fwmark\` (${OTHER}) would be another one`,
    advice: alone
      ? "leave the key out: packets of `fwmark` are marked by somebody else"
      : "leave one of the two out",
    ...(fwmark.length === 0 ? {} : { other: keyPlace(descend(node, ["fwmark"])) }),
  });
}

/** A mark belongs to one virtual server, whether it was written or made of the name. */
export function checkOwnMark(
  config: VirtualServerConfig,
  node: TreeNode,
  marks: Register<TreeNode>,
  report: Report,
): void {
  const { name, mark } = config;
  if (mark === undefined) return;
  const own = descend(node, ["mark"]);
  for (const family of serviceFamilies({ ...config, fwmark: [] })) {
    const first = marks.claim([mark, family], own);
    if (first === undefined) continue;
    clash(
      own,
      first,
      `The mark ${mark} of "${name}" is balanced twice`,
      "give one of the two another mark",
      report,
    );
    return;
  }
}

/**
 * Reports packets that would get two marks, or whose mark would hide another service, and more than
 * can be marked.
 *
 * @param plain areas of services without a mark
 */
export function checkAreas(areas: readonly Area[], plain: readonly Area[], report: Report): void {
  const beyond = areas[MOST_MARKED];
  if (beyond !== undefined) {
    report({
      place: valuePlace(beyond.node),
      message: `There are more than the ${MOST_MARKED} items of \`listen\` that can be marked`,
      advice: "write addresses in a row as a range or network",
    });
    return;
  }
  const marked = new Set(areas);
  const order = new Map([...areas, ...plain].map((area, index) => [area, index]));
  const kinds = Map.groupBy(order.keys(), ({ kind }) => kind);
  for (const alike of kinds.values()) {
    if (!alike.some((area) => marked.has(area))) continue;
    alike.sort((a, b) => a.low < b.low ? -1 : a.low > b.low ? 1 : 0);
    // Those that reach as far as the address that is looked at.
    let open: Area[] = [];
    for (const area of alike) {
      open = open.filter(({ high }) => high >= area.low);
      const other = open.find((one) =>
        (marked.has(one) || marked.has(area)) && one.ports[0] <= area.ports[1] &&
        area.ports[0] <= one.ports[1]
      );
      open.push(area);
      if (other === undefined) continue;
      const swapped = order.get(area)! < order.get(other)!;
      const [first, second] = swapped ? [area, other] : [other, area];
      report({
        place: valuePlace(second.node),
        message: `${shown(second.node)} has addresses and ports in common with ${OTHER}, and a ` +
          "mark belongs to one virtual server",
        advice: "leave them out of one of the two",
        other: valuePlace(first.node),
      });
    }
  }
}
