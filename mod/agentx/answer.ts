/**
 * Requests, and what a view has to say to them (RFC 2741 section 7.2.3).
 *
 * @module
 */

import type { Body, SearchRange, VarBind } from "./pdu.ts";
import type { View } from "./view.ts";

export type Request = Extract<Body, { readonly type: "get" | "get_next" | "get_bulk" }>;

/** Variables in one answer to agentx-GetBulk; who wants more asks again. */
export const MOST_VARIABLES = 500;

/** The variables of the response, in order. */
export function answerRequest(view: View, request: Request): VarBind[] {
  switch (request.type) {
    case "get":
      return request.ranges.map(({ start }) => view.get(start));
    case "get_next":
      return request.ranges.map((range) => view.next(range));
    case "get_bulk":
      return bulk(view, request);
  }
}

function bulk(view: View, { nonRepeaters, maxRepetitions, ranges }: Extract<Request, {
  readonly type: "get_bulk";
}>): VarBind[] {
  const answers = ranges.slice(0, nonRepeaters).map((range) => view.next(range));
  let repeated: readonly SearchRange[] = ranges.slice(nonRepeaters);
  for (let i = 0; i < maxRepetitions && repeated.length > 0; i++) {
    // Whole rounds only: which variable an answer belongs to is told by its place.
    if (i > 0 && answers.length + repeated.length > MOST_VARIABLES) break;
    const round = repeated.map((range) => view.next(range));
    answers.push(...round);
    if (round.every(({ value }) => value.type === "end_of_mib_view")) break;
    repeated = round.map(({ name }, at) => {
      return { start: name, include: false, end: repeated[at]!.end };
    });
  }
  return answers;
}
