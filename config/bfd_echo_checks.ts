/**
 * What the echoes of a BFD session contradict: several hops, Seamless BFD, each other.
 *
 * @module
 */

import type { BfdConfig } from "./bfd_schema.ts";
import { OTHER, type Report } from "./finding.ts";
import { isLinkLocal } from "./ip.ts";
import type { CheckedTable } from "./table_lists.ts";
import { descend, keyPlace, shown, type TreeNode, valuePlace } from "./tree.ts";

/** Keys that mean nothing where nobody is there to agree with. */
const NOT_UNAFFILIATED = ["passive", "demand", "receive_interval"] as const;
const INTERVALS = ["transmit_interval", "receive_interval"] as const;

/** @param isOwn whether somebody wrote the key for this session, not for all */
export function checkEcho(
  { config, node }: CheckedTable<BfdConfig>,
  isOwn: (node: TreeNode, key: string) => boolean,
  report: Report,
): void {
  const { echo, multihop, seamless, peer } = config;
  if (echo === undefined) return;
  const table = descend(node, ["echo"]);
  const place = keyPlace(table);
  if (multihop || seamless !== undefined) {
    if (!isOwn(node, "echo")) return;
    const key = multihop ? "multihop" : "seamless";
    const message = multihop
      ? `\`echo\` is for one hop: over several (${OTHER}) it must not be used (RFC 5883 section 3)`
      : `\`echo\` means nothing with \`seamless\` (${OTHER}), which sends none`;
    report({
      place,
      message,
      advice: "leave the key out",
      other: keyPlace(descend(node, [key])),
    });
    return;
  }
  const first = INTERVALS.find((key) => echo[key] !== undefined);
  if (!echo.unaffiliated) {
    if (first === undefined) {
      report({
        place,
        message: "`echo` says neither that echo packets are sent nor that they are sent back",
        advice: 'add `transmit_interval = "20ms"`, `receive_interval = "20ms"` or both, or ' +
          "`unaffiliated = true`",
      });
    } else if (echo.transmit_interval !== undefined && isLinkLocal(peer)) {
      report({
        place: valuePlace(descend(node, ["peer"])),
        message: `${shown(descend(node, ["peer"]))} is link-local, and nobody forwards between ` +
          `such addresses: echo packets (${OTHER}) come back from another halb only`,
        advice: "write the global addresses of both ends",
        severity: "warning",
        other: keyPlace(table),
      });
    }
    return;
  }
  const unaffiliated = keyPlace(descend(table, ["unaffiliated"]));
  if (first !== undefined) {
    report({
      place: keyPlace(descend(table, [first])),
      message:
        `\`echo.${first}\` means nothing with \`unaffiliated\` (${OTHER}): \`transmit_interval\` ` +
        "of the session says how often its packets are sent",
      advice: "leave the key out",
      other: unaffiliated,
    });
  }
  for (const key of NOT_UNAFFILIATED) {
    if (!isOwn(node, key)) continue;
    report({
      place: keyPlace(descend(node, [key])),
      message: `\`${key}\` means nothing with \`echo.unaffiliated\` (${OTHER}): the peer only ` +
        "forwards, and agrees to nothing",
      advice: "leave the key out",
      other: unaffiliated,
    });
  }
  if (!isLinkLocal(peer)) return;
  report({
    place: valuePlace(descend(node, ["peer"])),
    message: `${shown(descend(node, ["peer"]))} is link-local, and nobody forwards between such ` +
      `addresses: \`echo.unaffiliated\` (${OTHER}) needs a global one`,
    advice: "write the peer's global address",
    other: unaffiliated,
  });
}
