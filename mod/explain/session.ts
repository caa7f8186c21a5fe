/**
 * Why a BFD session is in its state.
 *
 * @module
 */

import type { ExplainedSession } from "./status.ts";
import { DEAF, type Story } from "./story.ts";
import { lengthText, listText } from "./words.ts";

/** How many times a session may fall within so long before that is called flapping. */
const FLAPS = 2;
const FLAP_TIME = 600_000;

const TRIGGERS: Readonly<Record<string, string>> = {
  detection_expired:
    "nothing of the other side arrived within the detection time: it died, hangs, " +
    "or the way from it is cut",
  echo_failed: "our echo packets did not come back: the other side no longer forwards",
  neighbour_down:
    "the other side says that it does not hear us: the way from here to there is cut, " +
    "or it has been started anew",
  neighbour_admin_down: "somebody has taken the session down on the other side",
  admin_down: "it was taken down by command: halb bfd up allows it again",
  forwarding_reset: "the forwarding plane was reset",
};

export function explainSession(session: ExplainedSession, story: Story): string[] {
  const { name, state, since, reason, waiting_for: waiting, peer, detection_time_ms: time } =
    session;
  const change = story.change("bfd", name, state, since);
  const fallen = story.all((one) =>
    one.type === "bfd" && one.name === name && one.from === "up" && one.to !== "up" &&
    Date.parse(one.time) > story.facts.now - FLAP_TIME
  );
  const trigger = String(change?.details?.trigger ?? "");
  const down = state !== "up";
  const lastFall = fallen.at(-1);
  const moment = down && lastFall !== undefined ? lastFall.time : since;
  const late = story.lateness(moment, Math.max(time ?? 0, 1_000));
  // Then it may be us: nobody else is blamed.
  // One that is down knows none any more.
  const patience = time ??
    Number(/^nothing heard for ([\d.]+) ms/.exec(change?.cause ?? "")?.[1] ?? 0);
  const deaf = trigger === "detection_expired" && late.worst >= patience / DEAF;
  const link = session.interface;
  return [
    `BFD session ${name} to ${peer} is ${state} since ${story.since(since)}.`,
    `The cause: ${change?.cause ?? reason}${
      TRIGGERS[trigger] === undefined || deaf ? "" : ` (${TRIGGERS[trigger]})`
    }.`,
    ...(down && lastFall !== undefined && lastFall !== change
      ? [`It was up until ${story.since(lastFall.time)}: ${lastFall.cause}.`]
      : []),
    ...story.circumstances(name, moment),
    ...(link === null ? [] : story.interface(link, moment)),
    ...(lastFall !== undefined || late.late ? [late.text] : []),
    ...(fallen.length >= FLAPS
      ? [
        `It flaps: it has fallen ${fallen.length} times within ${
          lengthText(story.facts.now - Date.parse(fallen[0]!.time))
        }, last ${story.since(fallen.at(-1)!.time)}: ${fallen.at(-1)!.cause}.`,
      ]
      : []),
    ...refused(name, story),
    ...(waiting.length === 0 ? [] : [`It waits for: ${listText(waiting)}.`]),
    ...users(name, story),
  ];
}

function refused(name: string, story: Story): string[] {
  const last = story.last((one) =>
    one.type === "bfd" && one.name === name && one.event === "refused"
  );
  return last === undefined ? [] : [`${last.text}, last told ${story.since(last.time)}.`];
}

/** Routers that track it. */
function users(name: string, story: Story): string[] {
  const routers = story.facts.status.vrrp.filter(({ trackers }) =>
    trackers.some((one) => one.kind === "bfd" && one.name === name)
  );
  if (routers.length === 0) return [];
  const list = routers.map((one) => `${one.name} (${one.state})`);
  return [`Virtual routers that track it: ${listText(list)}.`];
}
