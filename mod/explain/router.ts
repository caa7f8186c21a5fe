/**
 * Why a virtual router is in its state.
 *
 * @module
 */

import type { FlightEvent } from "../events/mod.ts";
import type { ExplainedRouter, ExplainedTracker } from "./status.ts";
import { BEFORE, DEAF, type Story } from "./story.ts";
import { lengthText, listText } from "./words.ts";

/** What was put back so long ago is no news, milliseconds. */
const NEWS = 3_600_000;

export function explainRouter(router: ExplainedRouter, story: Story): string[] {
  const { name, state, since } = router;
  const change = story.change("vrrp", name, state, since);
  return [
    `${name} is ${STATES[state] ?? state} here since ${story.since(since)}.`,
    ...causeOf(router, change, story),
    ...now(router, story),
    ...held(router, story),
    ...next(router),
  ];
}

const STATES: Readonly<Record<string, string>> = {
  master: "master",
  backup: "backup",
  fault: "in fault: it takes no part",
  init: "not started",
};

/** What led to the state, and what else happened then. */
function causeOf(
  router: ExplainedRouter,
  change: FlightEvent | undefined,
  story: Story,
): string[] {
  const { name, since, sessions } = router;
  const cause = change?.cause ?? null;
  const down = Math.max(0, ...sessions.map((one) => one.master_down_interval_ms));
  const reach = BEFORE + down;
  const silent = cause !== null && /^(no advertisement from|the master resigned)/.test(cause);
  const late = story.lateness(since, down);
  const ours = cause !== null && /stood still|was away/.test(cause);
  const matters = silent || ours || late.late;
  const links = [router.interface, ...trackedLinks(router)];
  return [
    ...(cause === null
      ? ["What led to that is not recorded any more."]
      : [`The cause: ${cause}${triggerText(change)}.`]),
    ...(silent ? silence(router, cause, story, late.worst >= down / DEAF) : []),
    ...story.circumstances(name, since, reach, router.state),
    ...[...new Set(links)].flatMap((link) => story.interface(link, since, reach)),
    ...trackersThen(router, since, reach, story),
    ...(matters && router.state !== "fault" ? [late.text] : []),
    ...story.clock(since),
  ];
}

function trackedLinks({ trackers }: ExplainedRouter): string[] {
  return trackers.filter(({ kind }) => kind === "interface").map(({ name }) => name);
}

function triggerText(change: FlightEvent | undefined): string {
  const { from, to, cause, details = {} } = change ?? {};
  if (cause === "the master resigned") return "";
  if (details.trigger === "timer" && from === "backup" && to === "master") {
    return " (the master-down timer ran out)";
  }
  return "";
}

/**
 * A master fell silent: who that was, and whether it resigned, was refused, or was cut off.
 *
 * @param deaf we stood still: nothing is said of what it did
 */
function silence(router: ExplainedRouter, cause: string, story: Story, deaf: boolean): string[] {
  const { name, since, sessions, interface: link } = router;
  if (story.refused(name, link, Date.parse(since)).length > 0) return [];
  const resigned = story.before(since, (one) => one.event === "peer_resigned" && one.name === name)
    .at(-1);
  if (resigned !== undefined) {
    return [`${resigned.details?.source} had resigned, ${story.since(resigned.time)}.`];
  }
  const address = /^no advertisement from (\S+) in time/.exec(cause)?.[1];
  const peers = sessions.flatMap((session) => session.peers);
  const peer = peers.find((one) => one.address === address);
  if (peer === undefined) {
    return peers.length === 0
      ? ["Nobody else was heard: this node is alone, or nothing of the others arrives."]
      : [];
  }
  const heard = `${peer.address} (priority ${peer.priority}) was heard last ${
    story.since(peer.last_heard)
  }`;
  return Date.parse(peer.last_heard) > Date.parse(since)
    ? [`${heard}: it is ${deaf ? "there" : "back"}.`]
    : deaf
    ? [`${heard}.`]
    : [`${heard}, and did not resign: it died, hangs, or the way from it is cut.`];
}

/** Trackers that turned shortly before the change. */
function trackersThen(
  { trackers, sync_group: group, name }: ExplainedRouter,
  since: string,
  reach: number,
  story: Story,
): string[] {
  const turned = trackers.flatMap(({ name: tracked }) =>
    story.before(
      since,
      (one) =>
        one.name === tracked && one.to !== undefined &&
        ["tracker", "check", "bfd", "virtual_server"].includes(one.type),
      reach,
    ).slice(-1)
  );
  const lines = turned.map((one) =>
    `${KINDS[one.type] ?? one.type} ${one.name}: ${one.text}${
      one.cause === null ? "" : `: ${one.cause}`
    }, ${story.since(one.time)}.`
  );
  if (group === null) return lines;
  const others = story.before(
    since,
    (one) => one.type === "group" && one.name === group && one.to !== undefined,
    reach,
  ).slice(-1);
  return [
    ...lines,
    ...others.map((one) =>
      `${name} moves with its sync group ${group}: ${one.text}: ${one.cause}, ${
        story.since(one.time)
      }.`
    ),
  ];
}

const KINDS: Readonly<Record<string, string>> = {
  tracker: "Tracker",
  check: "Check",
  bfd: "BFD session",
  virtual_server: "Virtual server",
};

/** How it stands now: what it waits for, who else speaks, what is refused. */
function now(router: ExplainedRouter, story: Story): string[] {
  const { name, interface: link, waiting_for: waiting, trackers, sessions, since } = router;
  const alarms = sessions.flatMap(({ authentication }) => authentication?.alarm ?? []);
  const second = story.last((one) => one.event === "second_master" && one.name === name);
  const fresh = second !== undefined && Date.parse(second.time) >= Date.parse(since) - BEFORE;
  const contradictions = story.before(
    new Date(story.facts.now).toISOString(),
    (one) =>
      one.type === "vrrp" && one.name === name && one.event === "log" && one.level !== "info" &&
      // Who holds an address at present is told of its own; who did is history.
      !/^(Woke up|Somebody else holds a virtual address)/.test(one.text),
    NEWS,
  ).slice(-2);
  return [
    ...(waiting.length === 0
      ? []
      : [`It takes no part, since it waits for: ${listText(waiting)}.`]),
    ...trackers.filter(isBad).map((one) => trackerText(one, story)),
    ...priorityText(router, story),
    ...story.refused(name, link, Date.parse(since)),
    ...alarms.map((text) => `${text}.`),
    ...(router.state === "master" && fresh
      ? [
        `Somebody else advertises, too: ${second.text} (${
          String(second.details?.source_priority ?? "?")
        }), ${story.since(second.time)}.`,
      ]
      : []),
    ...contradictions.map((one) => `The log said ${story.since(one.time)}: ${one.text}.`),
    ...others(router, story),
  ];
}

function isBad({ healthy, contribution, fault }: ExplainedTracker): boolean {
  return !healthy || fault || contribution < 0;
}

function trackerText(tracker: ExplainedTracker, story: Story): string {
  const { name, kind, reason, contribution, fault } = tracker;
  const turned = story.last((one) => one.name === name && one.to !== undefined);
  const since = turned === undefined ? "" : `, since ${story.since(turned.time)}`;
  const said = turned?.cause !== undefined && turned.cause !== null && turned.cause !== reason &&
      turned.cause.startsWith(reason)
    ? turned.cause
    : reason;
  const does = fault
    ? ", and keeps the router out of the election"
    : contribution === 0
    ? ""
    : `, and changes the priority by ${contribution}`;
  return `Tracked ${kind} ${name} says: ${said}${since}${does}.`;
}

function priorityText(
  { priority, effective_priority: effective, override }: ExplainedRouter,
  story: Story,
) {
  if (override !== null) {
    const until = override.until === null ? "" : ` until ${story.facts.when(override.until)}`;
    const what = override.kind === "release" ? "released" : "claimed";
    return [
      `An operator has ${what} it${until}: its priority is ${effective} instead of ${priority}.`,
    ];
  }
  if (priority === effective) return [];
  return [`Its priority is ${effective} instead of ${priority}.`];
}

/** Who else is there, as master or as backup. */
function others({ state, sessions, effective_priority: own }: ExplainedRouter, story: Story) {
  return sessions.flatMap(({ family, master, peers, master_down_interval_ms: down }) => {
    const which = sessions.length > 1 ? `Over ${family}, ` : "";
    const start = (text: string): string =>
      which === "" ? text.charAt(0).toUpperCase() + text.slice(1) : which + text;
    if (state === "backup" && master !== null) {
      const peer = peers.find(({ address }) => address === master.address);
      const heard = peer === undefined
        ? ""
        : `, heard ${lengthText(story.facts.now - Date.parse(peer.last_heard))} ago`;
      return [
        start(
          `the master is ${master.address} with priority ${master.priority}${heard}; ` +
            `ours is ${own}, and we take over when it is silent for ${lengthText(down)}.`,
        ),
      ];
    }
    if (state !== "master" || peers.length === 0) return [];
    const list = peers.map(({ address, priority, last_heard }) =>
      `${address} (priority ${priority}, ${
        lengthText(story.facts.now - Date.parse(last_heard))
      } ago)`
    );
    return [start(`others were heard last: ${listText(list.slice(0, 4))}.`)];
  });
}

/** Its addresses. */
function held(router: ExplainedRouter, story: Story): string[] {
  const { name, addresses_failed: failed, duplicate_holders: duplicates, repairs } = router;
  const repaired = story.last((one) => one.event === "repaired" && one.name === name);
  const fresh = repaired !== undefined &&
    Date.parse(repaired.time) > story.facts.now - NEWS;
  return [
    ...(fresh && repairs > 0
      ? [
        `Somebody else removed what it holds (an address, route or rule), last told ` +
        `${story.since(repaired.time)}; it was put back each time, ${repairs} in all.`,
      ]
      : []),
    ...failed.map(({ address, reason }) => `${address} cannot be held: ${reason}.`),
    ...duplicates.map(({ address, mac }) =>
      `${mac} holds ${address}, too: two hosts answer for it.`
    ),
    ...(router.virtual_mac_problem === null ? [] : [`Virtual MAC: ${router.virtual_mac_problem}.`]),
  ];
}

/** What would change it. */
function next(router: ExplainedRouter): string[] {
  const { name, state, takeover, override, waiting_for: waiting, preempt, sessions } = router;
  if (override?.kind === "release") return [`halb claim ${name} ends the release.`];
  if (state === "fault") {
    return [
      waiting.length > 0
        ? "When that is gone it takes part again by itself."
        : "When its trackers and its interface are well it takes part again by itself.",
    ];
  }
  if (state === "init" && waiting.length > 0) return ["When that is known it takes part."];
  if (takeover !== null) {
    return [`It would become master in ${lengthText(takeover.in_ms)} (${takeover.reason}).`];
  }
  if (state !== "backup") return [];
  const master = sessions[0]?.master;
  const worse = master !== undefined && master !== null &&
    master.priority < router.effective_priority;
  return worse && !preempt
    ? [
      `It has the higher priority and leaves the master alone, since preempt is false: ` +
      `halb claim ${name} takes over.`,
    ]
    : [];
}
