/**
 * Why a virtual server has its quorum or has not, and why a real server is up or down.
 *
 * @module
 */

import type { ExplainedCheck, ExplainedRealServer, ExplainedServer } from "./status.ts";
import type { Story } from "./story.ts";
import { listText } from "./words.ts";

/** Servers that one explanation names. */
const MOST = 10;

export function explainServer(server: ExplainedServer, story: Story): string[] {
  const { name, active, follow, quorum, since, real_servers: servers } = server;
  const { met, current, required, hysteresis } = quorum;
  const change = story.last((one) =>
    one.type === "virtual_server" && one.name === name && one.event === "quorum"
  );
  const out = servers.filter(({ state }) => state !== "up");
  const { ipvs } = story.facts.status;
  const following = follow === null ? "" : `, which follows ${[follow].flat().join(", ")}`;
  const placed = story.last((one) =>
    one.type === "virtual_server" && one.name === name &&
    (one.event === "active" || one.event === "inactive")
  );
  return [
    `Virtual server ${name}${following} ${met ? "has" : "has lost, or not reached,"} its quorum${
      since === null ? "" : ` since ${story.since(since)}`
    }: weight ${current} is up, ${required} is needed.`,
    ...(change === undefined || change.to !== (met ? "met" : "lost")
      ? []
      : [`The cause: ${change.cause}.`]),
    ...(since === null ? [] : story.circumstances(name, since)),
    ...out.slice(0, MOST).map((one) =>
      `${one.address} is ${one.state}: ${reasonOf(one)}${sinceOf(one, story)}.`
    ),
    ...(out.length > MOST ? [`${out.length - MOST} more servers are not up.`] : []),
    ...(active ? [] : [
      `It is not in the kernel's table${
        follow === null ? "" : ": the router that it follows is not master here"
      }${placed?.event === "inactive" ? `, since ${story.since(placed.time)}` : ""}.`,
    ]),
    ...(server.sorry_server_active
      ? [`Its sorry server ${server.sorry_server} answers instead.`]
      : []),
    ...(server.list_problem === null ? [] : [`Its list of servers: ${server.list_problem}.`]),
    ...(ipvs?.trouble == null ? [] : [`There is no table to work on: ${ipvs.trouble}.`]),
    ...(ipvs?.failures ?? []).slice(0, 3).map((text) => `The kernel refuses: ${text}.`),
    ...(met
      ? [`It loses the quorum when less than ${required - hysteresis} is up.`]
      : [`It gets the quorum when ${required + hysteresis} is up.`]),
  ];
}

function reasonOf({ reason, checks }: ExplainedRealServer): string {
  const failed = checks.filter(({ healthy }) => healthy === false);
  if (failed.length === 0) return reason;
  return listText(failed.map((one) => `check ${labelOf(one)} fails: ${one.reason}`));
}

function sinceOf({ since }: ExplainedRealServer, story: Story): string {
  return since === null ? "" : `, since ${story.since(since)}`;
}

function labelOf({ name, type, target }: ExplainedCheck): string {
  return name ?? (target === null ? type : `${type} ${target}`);
}

export function explainRealServer(
  server: ExplainedServer,
  real: ExplainedRealServer,
  story: Story,
): string[] {
  const name = `${server.name} ${real.address}`;
  const { state, since, reason, weight, effective_weight: effective, drain, override } = real;
  const order = since === null ? [] : story.circumstances(name, since);
  return [
    `Real server ${real.address} of ${server.name} is ${state}${
      since === null ? "" : ` since ${story.since(since)}`
    }.`,
    `The cause: ${reason}.`,
    ...order,
    ...real.checks.map((check) => checkLine(check, story)),
    ...(override === null
      ? []
      : [`An operator gave it the weight ${override} instead of ${weight}.`]),
    ...(drain === null ? [] : [
      drain.done
        ? "Its drain is over: it is out of the table."
        : `It is drained since ${story.since(drain.since)}${
          drain.until === null ? "" : `, until ${story.facts.when(drain.until)} at the latest`
        }.`,
      `halb undrain ${name} puts it back.`,
    ]),
    ...(server.active ? [] : [`${server.name} is not in the kernel's table at all.`]),
    ...(state === "up" && effective !== weight && override === null
      ? [`It has the weight ${effective} of ${weight} now: it starts slowly, or says so itself.`]
      : []),
    ...(state === "down" && drain === null
      ? ["When its checks pass again it comes back by itself."]
      : []),
  ];
}

/** How one check of a server stands. */
function checkLine(check: ExplainedCheck, story: Story): string {
  const { healthy, reason, since, last_failure: failure } = check;
  const label = labelOf(check);
  if (healthy === null) return `Check ${label} has no result yet.`;
  const from = since === null ? "" : ` since ${story.since(since)}`;
  if (!healthy) return `Check ${label} fails${from}: ${reason}.`;
  return failure === null
    ? `Check ${label} passes${from}.`
    : `Check ${label} passes${from}; it failed last ${story.since(failure.at)}: ${failure.reason}.`;
}
