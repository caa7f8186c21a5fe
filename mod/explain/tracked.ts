/**
 * Why a check or a tracked thing stands as it does, and who lives by it.
 *
 * @module
 */

import type { ExplainedCheck, ExplainedTracker } from "./status.ts";
import type { Story } from "./story.ts";
import { listText } from "./words.ts";

export function explainCheck(check: ExplainedCheck, story: Story): string[] {
  const { id, type, target, healthy, since, reason, last_failure: failure, held, output } = check;
  const what = `Check ${check.name ?? id} (${type}${target === null ? "" : ` ${target}`})`;
  if (healthy === null) {
    return [`${what} has no result yet.`, ...checkUsers(id, story)];
  }
  const change = since === null
    ? undefined
    : story.change("check", id, healthy ? "up" : "down", since);
  return [
    `${what} ${healthy ? "passes" : "fails"}${
      since === null ? "" : ` since ${story.since(since)}`
    }.`,
    `The cause: ${change?.cause ?? reason}.`,
    ...(change?.cause !== undefined && change.cause !== reason ? [`It says now: ${reason}.`] : []),
    ...(output === "" ? [] : [`Its last answer: ${output}.`]),
    ...(held === null ? [] : [`It is kept down (${held}) though it answers well.`]),
    ...(healthy && failure !== null
      ? [`It failed last ${story.since(failure.at)}: ${failure.reason}.`]
      : []),
    ...(since === null ? [] : story.circumstances(id, since)),
    ...checkUsers(id, story),
  ];
}

/** Who lives by a check. */
function checkUsers(id: string, story: Story): string[] {
  const { virtual_servers: servers } = story.facts.status;
  const real = servers.flatMap((server) =>
    server.real_servers.filter(({ checks }) => checks.some((one) => one.id === id))
      .map(({ address, state }) => `${server.name} ${address} (${state})`)
  );
  return [
    ...(real.length === 0 ? [] : [`Real servers that live by it: ${listText(real.slice(0, 10))}.`]),
    ...routers("check", id, story),
  ];
}

export function explainTracker(tracker: ExplainedTracker, story: Story): string[] {
  const { name, kind, healthy, reason } = tracker;
  const change = story.last((one) =>
    one.name === name && one.event === "transition" && one.type === "tracker"
  );
  const moment = change?.time;
  return [
    `Tracked ${kind} ${name} ${healthy ? "is healthy" : "fails"}${
      moment === undefined ? "" : ` since ${story.since(moment)}`
    }: ${reason}.`,
    ...(change?.cause == null || change.cause === reason || change.to !== (healthy ? "up" : "down")
      ? []
      : [`It said then: ${change.cause}.`]),
    ...(moment === undefined ? [] : story.circumstances(name, moment)),
    ...(kind === "interface"
      ? story.interface(name, new Date(story.facts.now).toISOString(), 3_600_000)
      : []),
    ...routers(kind, name, story),
  ];
}

function routers(kind: string, name: string, story: Story): string[] {
  const lines = story.facts.status.vrrp.flatMap((router) => {
    const use = router.trackers.find((one) => one.kind === kind && one.name === name);
    if (use === undefined) return [];
    const does = use.fault
      ? "keeps it out of the election"
      : use.contribution === 0
      ? "changes nothing now"
      : `changes its priority by ${use.contribution}`;
    return [`${router.name} (${router.state}): ${does}`];
  });
  return lines.length === 0 ? [] : [`Virtual routers that track it: ${lines.join("; ")}.`];
}
