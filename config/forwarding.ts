/**
 * Probes through the director's own forwarding path (`via_forwarding` of a check): they ask the
 * virtual address, with a firewall mark that leads to one real server, so that the packets go there
 * as a client's do. Which way that is, and which mark.
 *
 * @module
 */

import * as v from "valibot";
import type { ForwardedWay } from "./check_uses.ts";
import { documented, whole } from "./fields.ts";
import { familyOf } from "./ip.ts";
import { fnv1a } from "./mark_fields.ts";
import { MOST_U32 } from "./network_fields.ts";
import type { RealServerConfig } from "./real_server_schema.ts";
import type { VirtualServerConfig } from "./virtual_server_schema.ts";

/** Behind the marks that are made of names. */
const FIRST = 0x6900_0000;
const COUNT = 0x1_0000;

/** `ipvs.forwarding_marks`. */
export const FORWARDING_MARKS_TABLE = documented(
  v.strictObject({
    first: v.optional(
      whole(1, MOST_U32, { text: "The first mark.", example: 0x6a00_0000 }),
      FIRST,
    ),
    count: v.optional(
      whole(1, 0x10_0000, { text: "How many there are.", example: 4096 }),
      COUNT,
    ),
  }),
  "a table",
  {
    text: "Firewall marks for checks with `via_forwarding`: each real server that such a check " +
      "asks has one, made of its address. Nobody else may use them. Without the table they are " +
      `${FIRST} to ${FIRST + COUNT - 1}.`,
    example: { first: 0x6a00_0000, count: 4096 },
  },
);

/** First and last mark. */
export function markRange(
  ipvs:
    | { readonly forwarding_marks?: { readonly first: number; readonly count: number } }
    | undefined,
): readonly [first: number, last: number] {
  const { first, count } = ipvs?.forwarding_marks ?? { first: FIRST, count: COUNT };
  return [first, first + count - 1];
}

/** What of a virtual server says where its clients' packets go. */
type Virtual = Pick<VirtualServerConfig, "listen"> & { readonly mark?: unknown };
/** The same of a real server. */
type Real = Pick<RealServerConfig, "forward" | "tunnel"> & { readonly address: string };

/** How packets for a virtual server reach a real one; or why no probe can go that way, in words. */
export function wayOf({ listen, mark }: Virtual, real: Real): ForwardedWay | string {
  const { address: server, forward, tunnel } = real;
  if (forward === "nat") {
    return 'with `forward = "nat"` packets are sent to its own address, which every check asks';
  }
  if (mark !== undefined) return "the packets of this virtual server have a mark of its own";
  const family = familyOf(server);
  const there = listen.find(({ address }) => familyOf(address) === family) ?? listen[0];
  if (there === undefined) return "the virtual server has no address of its own, only a mark";
  const { address, port } = there;
  const key = JSON.stringify([familyOf(address), server, forward, tunnel ?? null]);
  return { address, port, server, key };
}

/** Marks by the key of their way: the same for the same, whoever else comes and goes. */
export function forwardingMarks(
  keys: Iterable<string>,
  [first, last]: readonly [first: number, last: number],
): Map<string, number> {
  const count = last - first + 1;
  const marks = new Map<string, number>();
  const taken = new Set<number>();
  for (const key of [...new Set(keys)].sort()) {
    if (taken.size >= count) break;
    let mark = first + (fnv1a(key) % count);
    while (taken.has(mark)) mark = mark === last ? first : mark + 1;
    taken.add(mark);
    marks.set(key, mark);
  }
  return marks;
}
