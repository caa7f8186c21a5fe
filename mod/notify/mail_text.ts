/**
 * What a mail about changes says. Pure.
 *
 * @module
 */

import { showText } from "../text/mod.ts";
import { CAUSE_LENGTH, type Notice } from "./notice.ts";

/** Changes that one mail lists; of more it says how many. */
const MOST_LINES = 500;

const KINDS: Readonly<Record<Notice["type"], string>> = {
  INSTANCE: "virtual router",
  GROUP: "sync group",
  BFD: "BFD session",
  VS: "virtual server",
  RS: "real server",
  CHECK: "check",
};

/** Subject and text of one mail. */
export interface MailText {
  readonly subject: string;
  readonly text: string;
}

/** @param notices at least one, oldest first. @param agent the agent's name */
export function mailText(agent: string, notices: readonly Notice[]): MailText {
  const [first] = notices;
  if (first === undefined) throw new RangeError("A mail about nothing");
  const what = notices.length === 1
    ? `${first.name} is ${first.state}`
    : `${notices.length} changes, the last: ${notices.at(-1)!.name} is ${notices.at(-1)!.state}`;
  const lines = notices.slice(-MOST_LINES).map((notice) => {
    const { time, type, name, previous, state, priority, cause } = notice;
    const kind = KINDS[type];
    const of = type === "INSTANCE" ? `, priority ${priority}` : "";
    return `${time}  ${kind} ${name}: ${previous ?? "-"} -> ${state}${of} (${
      showText(cause, CAUSE_LENGTH)
    })`;
  });
  const left = notices.length - lines.length;
  const head = left > 0 ? [`${left} earlier changes are left out.`] : [];
  return {
    subject: `[halb ${agent}] ${what}`,
    text: [`On ${agent}:`, "", ...head, ...lines, ""].join("\n"),
  };
}
