/**
 * Why a sync group is in its state.
 *
 * @module
 */

import type { ExplainedGroup } from "./status.ts";
import { BEFORE, type Story } from "./story.ts";
import { listText } from "./words.ts";

export function explainGroup(group: ExplainedGroup, story: Story): string[] {
  const { name, state, since, need, members, override } = group;
  const change = story.change("group", name, state, since);
  const routers = members.flatMap((member) =>
    story.facts.status.vrrp.find((one) => one.name === member) ?? []
  );
  const faulty = routers.filter((one) => one.state === "fault" || one.waiting_for.length > 0);
  return [
    `Sync group ${name} is ${state} here since ${story.since(since)}.`,
    change?.cause == null
      ? "What led to that is not recorded any more."
      : `The cause: ${change.cause}.`,
    ...story.circumstances(name, since, BEFORE, state),
    ...members.flatMap((member) => story.circumstances(member, since, BEFORE, state)).slice(0, 3),
    `Its members: ${
      listText(routers.map((one) => `${one.name} (${one.state})`))
    }; it needs ${need}.`,
    ...faulty.map((one) => `${one.name} takes no part: ${listText(one.waiting_for)}.`),
    ...(override === null ? [] : [
      `An operator has ${override.kind === "release" ? "released" : "claimed"} it${
        override.until === null ? "" : ` until ${story.facts.when(override.until)}`
      }.`,
    ]),
    ...(members.length === 0 ? [] : [`For more: halb why ${members[0]}.`]),
  ];
}
